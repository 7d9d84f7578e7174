"""In which order chunks run: requisites first, then their numbers. Pure; O((V + E) log V).

Among the chunks whose requisites have all run, the next is the one with the smallest number: its own, or that of the
chunks that depend on it most directly, whichever is smaller. What is run as one (`aggregate`) is found on the way.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from trisalt.state.graph import Graph, Group, Node
from trisalt.state.low import Chunk
from trisalt.state.words import WEIGHT

LAST = 1_000_000
MOST_IN_GROUP = 500

Number = int | float
Rank = tuple[tuple[Number, Number], str]


def ordered(graph: Graph, cap: int) -> list[Chunk] | None:
    """The chunks in the order they run, a trial run as its chunk once more; None when they require each other."""
    waiting = {node: sum(map(len, node.incoming.values())) for node in graph.nodes}
    ready: list[tuple[Rank, str, Node]] = []
    for node, count in waiting.items():
        if not count:
            heappush(ready, (_rank(node, cap), node.key, node))
    found: list[Chunk] = []
    groups = _Groups()
    while ready:
        _, _, node = heappop(ready)
        found.append(node.chunk)
        groups.see(node)
        for target, kinds in node.outgoing.items():
            waiting[target] -= len(kinds)
            if not waiting[target]:
                heappush(ready, (_rank(target, cap), target.key, target))
    return found if len(found) == len(graph.nodes) else None


def _rank(node: Node, cap: int) -> Rank:
    """What a chunk is sorted by; its `order` becomes a number on the way."""
    chunk = node.chunk
    own = _number(chunk, cap)
    part = chunk.pop("name_order", 0)
    if part:
        own += part / 10000.0
    if own < 0:
        own += cap + LAST
    chunk["order"] = own
    first: Number = float("inf")
    heaviest = -1
    for target, kinds in node.outgoing.items():
        for kind in kinds:
            if WEIGHT[kind] >= heaviest:
                heaviest = WEIGHT[kind]
                first = min(first, _number(target.chunk, cap))
    return (min(own, first), own), f"{chunk['state']}{chunk['name']}{chunk['fun']}"


def _number(chunk: Chunk, cap: int) -> Any:
    order = chunk.get("order")
    if not isinstance(order, int | float):
        order = chunk["order"] = {"last": cap + LAST, "first": 0}.get(str(order), cap)
    return order


class _Groups:
    """Which chunks are run as one: those of one module that want to be, and none of which leads to another.

    Nodes come in the order they run. For each there is a set, in the bits of a number, of the groups that lead to it.
    """

    def __init__(self) -> None:
        self._groups: dict[str, list[int]] = {}
        self._all: list[Group] = []
        self._leads: dict[Node, int] = {}
        self._group_leads: list[int] = []
        self._number: dict[Node, int] = {}
        self._wanted = False

    def see(self, node: Node) -> None:
        if not (self._wanted or node.aggregates):
            return
        self._wanted = True
        leads = 0
        for source in node.incoming:
            leads |= self._leads.get(source, 0)
            number = self._number.get(source)
            if number is not None:
                leads |= self._group_leads[number] | 1 << number
        self._leads[node] = leads
        if node.aggregates:
            self._put(node, leads)

    def _put(self, node: Node, leads: int) -> None:
        there = self._groups.setdefault(node.chunk["state"], [])
        for number in there:
            if len(self._all[number].members) < MOST_IN_GROUP and not leads >> number & 1:
                break
        else:
            number = len(self._all)
            there.append(number)
            self._all.append(Group())
            self._group_leads.append(0)
        self._all[number].members.append(node)
        self._group_leads[number] |= leads
        self._number[node] = number
        node.group = self._all[number]
