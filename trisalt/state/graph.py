"""Which chunk depends on which: the requisites of all chunks, resolved, as a graph. Pure.

A chunk that another is a `prereq` of is there twice: as itself, and as the trial run that comes before the other.
`order` sorts the graph, `run` asks it for each chunk.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import fnmatchcase

import attrs

from trisalt.state.low import Chunk
from trisalt.state.words import REQUISITES, RESOLVED, is_glob, tag

log = logging.getLogger(__name__)

_REQUISITES = frozenset(REQUISITES)


@attrs.define(eq=False)
class Group:
    """Chunks that are run as one: the first takes what the others want. `members` in the order they run."""

    members: list[Node] = attrs.field(factory=list)


@attrs.define(eq=False)
class Node:
    """A chunk, or its trial run, and its edges: kinds of requisite by the other end. Each dict is an ordered set."""

    chunk: Chunk
    key: str
    aggregates: bool = False
    incoming: dict[Node, dict[str, None]] = attrs.field(factory=dict, repr=False)
    outgoing: dict[Node, dict[str, None]] = attrs.field(factory=dict, repr=False)
    trial: Node | None = None
    group: Group | None = None


class Graph:
    """The chunks of one run and what each requires."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        # Whether any of them may be run as one with others.
        self.aggregates = False
        self._by_tag: dict[str, Node] = {}
        self._called: dict[str, dict[str, dict[Node, None]]] = {}
        self._in_sls: dict[str, dict[Node, None]] = {}

    def add(self, chunk: Chunk, *, aggregates: bool = False) -> None:
        """Add a chunk. One of the same tag takes the other's place."""
        name = tag(chunk)
        node = self._by_tag.get(name)
        if node is None:
            node = self._by_tag[name] = Node(chunk, name)
            self.nodes.append(node)
        node.chunk, node.aggregates = chunk, aggregates
        self.aggregates |= aggregates
        names = (chunk["name"],) if chunk["name"] == chunk["__id__"] else (chunk["name"], chunk["__id__"])
        for kind in (chunk["state"], "id"):
            there = self._called.setdefault(kind, {})
            for called in names:
                there.setdefault(called, {})[node] = None
        for sls in (chunk.get("__sls__"), *chunk.get("__sls_included_from__", ())):
            if sls:
                self._in_sls.setdefault(sls, {})[node] = None

    def require(self, chunk: Chunk, *, disabled: Collection[str] = ()) -> str | None:
        """Add the edges that a chunk's requisites mean; what is wrong with the first that is."""
        for kind in RESOLVED:
            requisites = chunk.get(kind)
            if not requisites:
                continue
            if kind in disabled:
                log.warning("The %s requisite has been disabled, Ignoring.", kind)
                continue
            for requisite in requisites:
                module, value = ("id", requisite) if isinstance(requisite, str) else next(iter(requisite.items()))
                module = module.partition(".")[0]
                if value is None:
                    continue
                where = f"in state [{chunk['name']}] in SLS [{chunk.get('__sls__')}]"
                if not isinstance(value, str):
                    return f"Requisite [{kind}: {module}] {where} must have a string as the value"
                targets = self._targets(module, value)
                if targets is None:
                    return f"Referenced state does not exist for requisite [{kind}: ({module}: {value})] {where}"
                self._connect(self._by_tag[tag(chunk)], kind, targets)
        return None

    def _targets(self, module: str, value: str) -> Iterable[Node] | None:
        """The nodes that a requisite means; None when there is nothing of that name."""
        if module == "sls":
            if not is_glob(value):
                return self._in_sls.get(value)
            found = [nodes for sls, nodes in self._in_sls.items() if fnmatchcase(sls, value)]
            return dict.fromkeys(node for nodes in found for node in nodes)
        called = self._called.get(module, {})
        if not is_glob(value):
            return called.get(value)
        matching = [nodes for name, nodes in called.items() if fnmatchcase(name, value)]
        return dict.fromkeys(node for nodes in matching for node in nodes) if matching else None

    def _connect(self, node: Node, kind: str, targets: Iterable[Node]) -> None:
        trial = node.trial
        for target in targets:
            if kind == "prereq":
                self._connect_prereq(node, target)
                continue
            if trial is not None:
                _edge(target, trial, kind)
            _edge(target, node, kind)

    def _connect_prereq(self, node: Node, target: Node) -> None:
        """`node` runs if a trial run of `target` says that it would change something, and before it does."""
        node.chunk["__prerequiring__"] = True
        target.chunk["__prereq__"] = True
        if target.trial is None:
            target.trial = Node(target.chunk, f"{target.key}_|-__prereq_test__")
            self.nodes.append(target.trial)
            for source, kinds in target.incoming.items():
                for kind in kinds:
                    if kind != "prereq":
                        _edge(source, target.trial, kind)
        _edge(target.trial, node, "prereq")
        _edge(node, target, "require")
        if node.trial is not None:
            # The trials of a chain of them run in the chain's order too.
            _edge(target.trial, node.trial, "prereq")

    # -- what `run` asks ------------------------------------------------------------------------------------------

    def dependencies(self, chunk: Chunk, name: str | None = None) -> Iterator[tuple[str, Chunk]]:
        """`(kind, chunk)` of all that a chunk, of that tag, requires; of its trial run, while that is to come."""
        node = self._by_tag.get(name or tag(chunk))
        if node is None:
            return
        if chunk.get("__prereq__") and node.trial is not None:
            node = node.trial
        groups: dict[int, Group] = {}
        for source, kinds in node.incoming.items():
            for kind in kinds:
                yield kind, source.chunk
            if source.group is not None and len(source.group.members) > 1:
                groups[id(source.group)] = source.group
        for group in groups.values():
            # What is run as one is required as one.
            for member in group.members:
                for kind in dict.fromkeys(k for other in group.members for k in node.incoming.get(other, ())):
                    if member is not node:
                        yield kind, member.chunk

    def aggregated(self, chunk: Chunk) -> list[Chunk]:
        """The chunks that are run as one with this one, itself among them; none when it runs for itself."""
        node = self._by_tag.get(tag(chunk))
        if node is None or node.group is None or len(node.group.members) < 2:
            return []
        return [member.chunk for member in node.group.members]

    def to_dot(self) -> str:
        """The graph in the language DOT: what leads to what."""
        lines = ["digraph G {"]
        for node in self.nodes:
            chunk = node.chunk
            name = f"\\n({chunk['name']})" if chunk["name"] != chunk["__id__"] else ""
            lines.append(f'  "{node.key}" [label="{chunk["state"]}.{chunk["fun"]}\\n{chunk["__id__"]}{name}"];')
        for node in self.nodes:
            for target, kinds in node.outgoing.items():
                lines += [f'  "{node.key}" -> "{target.key}" [label="{kind}"];' for kind in kinds]
        return "\n".join([*lines, "}"])

    # -- circles --------------------------------------------------------------------------------------------------

    def circle(self) -> str:
        """The first circle that is found, as it is told: `({…}, 'require', {…}), …`; empty when there is none."""
        told = []
        for source, target, kind in self._circle():
            if kind == "require" and kind not in target.chunk:
                kind = "prereq"  # the edge back that a prereq makes
            told.append(f"({_described(target.chunk)}, '{kind}', {_described(source.chunk)})")
        return ", ".join(told)

    def _circle(self) -> list[tuple[Node, Node, str]]:
        done: set[Node] = set()
        for start in self.nodes:
            if start in done:
                continue
            path: list[Node] = [start]
            way: list[str] = []
            open_ = {start}
            steps = [_steps(start)]
            while steps:
                step = next(steps[-1], None)
                if step is None:
                    steps.pop()
                    node = path.pop()
                    open_.discard(node)
                    done.add(node)
                    del way[len(path) - 1 :]
                    continue
                target, kind = step
                if target in open_:
                    first = path.index(target)
                    loop, kinds = [*path[first:], target], [*way[first:], kind]
                    return list(zip(loop, loop[1:], kinds, strict=False))
                if target not in done:
                    path.append(target)
                    way.append(kind)
                    open_.add(target)
                    steps.append(_steps(target))
        return []


def _edge(source: Node, target: Node, kind: str) -> None:
    source.outgoing.setdefault(target, {})[kind] = None
    target.incoming.setdefault(source, {})[kind] = None


def _steps(node: Node) -> Iterator[tuple[Node, str]]:
    return iter([(target, kind) for target, kinds in node.outgoing.items() for kind in kinds])


def _described(chunk: Chunk) -> str:
    told = {"SLS": chunk.get("__sls__"), "ID": chunk["__id__"]}
    if chunk["__id__"] != chunk["name"]:
        told["NAME"] = chunk["name"]
    return str(told)


def build(
    chunks: list[Chunk],
    *,
    has_function: Callable[[str], bool] = lambda _name: True,
    aggregate: bool | Collection[str] = False,
    disabled: Collection[str] = (),
) -> tuple[Graph, int, list[str]]:
    """The graph of chunks, the order that `order: last` counts from, and what is wrong.

    `has_function` tells whether a state module has `mod.mod_watch`, or `mod.mod_aggregate`. A watch on a module that
    cannot watch is a require, in the chunk too.
    """
    graph, errors, cap = Graph(), [], 1
    known: dict[str, bool] = {}

    def has(name: str) -> bool:
        if name not in known:
            known[name] = has_function(name)
        return known[name]

    for chunk in chunks:
        wanted = chunk.get("aggregate", aggregate)
        listed = wanted is True or (not isinstance(wanted, str | bool) and wanted and chunk["state"] in wanted)
        graph.add(chunk, aggregates=bool(listed) and has(f"{chunk['state']}.mod_aggregate"))
    for chunk in chunks:
        for watch, plain in (("watch", "require"), ("watch_any", "require_any")):
            if watch in chunk and not has(f"{chunk['state']}.mod_watch"):
                chunk.setdefault(plain, []).extend(chunk.pop(watch))
        error = None if _REQUISITES.isdisjoint(chunk) else graph.require(chunk, disabled=disabled)
        if error:
            errors.append(error)
        elif isinstance(chunk.get("order"), int) and chunk["order"] > max(cap - 1, 0):
            cap = chunk["order"] + 100
    return graph, cap, errors
