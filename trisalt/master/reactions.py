"""What the option `reactor` and its SLS files say: which files an event wakes, and what they want done. Pure.

`reactor` runs these; `reaction_files` reads the files.
Source: stock Salt 3008.3's reactor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from fnmatch import translate
from operator import itemgetter
from typing import Any

import attrs

from trisalt.errors import CommandError
from trisalt.state.high import FIRST_ORDER
from trisalt.state.low import to_chunks
from trisalt.state.verify import verify_high

Rows = list[tuple[str, list[str]]]


class Kind(StrEnum):
    """Who does what is to be done: minions, or the master itself."""

    LOCAL = "local"
    RUNNER = "runner"
    WHEEL = "wheel"
    CALLER = "caller"


OLD_KINDS = {"cmd": Kind.LOCAL}
# Of a local reaction, what of it goes with the job, as stock's client passes it on.
JOB_OPTIONS = ("metadata", "ret_config", "ret_kwargs", "delimiter", "module_executors", "executor_opts")
# What a runner's arguments may stand beside in its list, and what the compilation adds.
OWN_WORDS = frozenset({"args", "arg", "kwarg", "state", "fun", "name", "order", "__id__", "__sls__", "__env__"})
BAD_ARGUMENTS = "Incorrect argument format, check the Reactor System documentation for the correct format."


@attrs.frozen(kw_only=True)
class Reaction:
    """One thing to be done: `fun` of a `kind`, with its arguments; for minions, also for whom.

    `options` are further keys of the job. `id` and `sls` are where it is written.
    """

    id: str
    sls: str
    kind: Kind
    fun: str
    arg: list[Any] = attrs.field(factory=list)
    kwarg: dict[str, Any] = attrs.field(factory=dict)
    tgt: Any = None
    tgt_type: str = "glob"
    ret: str = ""
    timeout: float | None = None
    options: dict[str, Any] = attrs.field(factory=dict)
    ignored: tuple[str, ...] = ()
    """Which of `arg` and `kwarg` are not heeded, because there is `args`."""


# -- the map ---------------------------------------------------------------------------------------------------------


def mapped(option: Any) -> Iterator[tuple[str, list[str]]]:
    """Each pattern with its files, of a list of maps from one to the other."""
    for row in option if isinstance(option, list) else [option]:
        if not isinstance(row, Mapping):
            continue
        for pattern, paths in row.items():
            paths = paths if isinstance(paths, list) else [paths]
            yield str(pattern), [str(each) for each in paths if isinstance(each, str) and each]


def unheeded(option: Any) -> Iterator[str]:
    """What of such a list is no map, or names no files: `mapped` passes it by."""
    for row in option if isinstance(option, list) else [option]:
        if not isinstance(row, Mapping):
            yield from [repr(row)] if row else []
            continue
        for pattern, paths in row.items():
            files = paths if isinstance(paths, list) else [paths]
            if not files or not all(isinstance(each, str) and each for each in files):
                yield repr({pattern: paths})


class Patterns:
    """The globs of a map, and which of their files an event's tag wakes."""

    def __init__(self, rows: Sequence[tuple[str, list[str]]]) -> None:
        self._rows = [(re.compile(translate(pattern)).match, paths) for pattern, paths in rows if paths]
        # Most events wake nothing: one expression says so.
        any_of = "|".join(translate(pattern) for pattern, paths in rows if paths)
        self._any = re.compile(any_of).match if any_of else None

    def woken(self, tag: str) -> list[str]:
        """The files, in the map's order; one that two patterns name is there twice."""
        if self._any is None or self._any(tag) is None:
            return []
        return [path for matches, paths in self._rows if matches(tag) for path in paths]


# -- what a file says ------------------------------------------------------------------------------------------------


def compile_reactions(high: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """The chunks of what several files say, in their order, or what is wrong with it. Requisites have no effect."""
    for body in high.values():
        if isinstance(body, dict):
            _pad(body)
    if errors := verify_high(high):
        return [], errors
    chunks = to_chunks(high)
    for number, chunk in enumerate(chunks, FIRST_ORDER):
        order = chunk.setdefault("order", number)
        if not isinstance(order, int | float):
            chunk["order"] = {"first": 0, "last": float("inf")}.get(str(order), number)
    return sorted(chunks, key=itemgetter("order")), []


def _pad(body: dict[str, Any]) -> None:
    """`local.test.ping: […]` to `local: […, test.ping]`. What is not well formed stays for `verify`."""
    for word, given in list(body.items()):
        kind, dot, fun = str(word).partition(".")
        if dot and isinstance(given, list) and kind not in body:
            body[kind] = [*body.pop(word), fun]


def read_reaction(chunk: Mapping[str, Any]) -> Reaction:
    """What is to be done. Raises CommandError for what nobody can do, in stock's words where it has some."""
    word, fun, id = str(chunk["state"]), str(chunk["fun"]), str(chunk["__id__"])
    kind = OLD_KINDS.get(word) or next((kind for kind in Kind if kind == word), None)
    if kind is None:
        raise CommandError(f"Reactor '{id}' failed to execute {word} '{fun}': there is no such kind of reaction")
    try:
        arg, kwarg, ignored = _arguments(kind, chunk)
    except ValueError as exc:
        raise CommandError(f"Reactor '{id}' failed to execute {kind} '{fun}': {exc}") from None
    facts: dict[str, Any] = {"id": id, "sls": str(chunk.get("__sls__") or ""), "kind": kind, "fun": fun}
    facts |= {"arg": arg, "kwarg": kwarg, "ignored": ignored}
    if kind is Kind.LOCAL:
        if not chunk.get("tgt"):
            raise CommandError(f"Reactor '{id}' failed to execute local '{fun}': it has no tgt")
        facts |= _aimed(chunk)
    return Reaction(**facts)


def _aimed(chunk: Mapping[str, Any]) -> dict[str, Any]:
    timeout, ret = chunk.get("timeout"), chunk.get("ret") or ""
    return {
        "tgt": chunk["tgt"],
        "tgt_type": str(chunk.get("tgt_type") or "glob"),
        "ret": ",".join(map(str, ret)) if isinstance(ret, list) else str(ret),
        "timeout": float(timeout) if isinstance(timeout, int | float) and timeout > 0 else None,
        "options": {name: chunk[name] for name in JOB_OPTIONS if chunk.get(name) is not None},
    }


def _arguments(kind: Kind, chunk: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any], tuple[str, ...]]:
    """Of the new form (`args`), or of the old one: `arg` and `kwarg`, or, of a runner, keywords beside them."""
    if "args" in chunk:
        given = chunk["args"]
        ignored = tuple(name for name in ("arg", "kwarg") if name in chunk)
        if kind is Kind.CALLER and isinstance(given, list) and not all(isinstance(each, Mapping) for each in given):
            return list(given), {}, ignored
        return [], _keywords(given), ignored
    arg, kwarg = chunk.get("arg"), chunk.get("kwarg")
    kwarg = {} if kwarg is None else _keywords(kwarg)
    if kind in (Kind.RUNNER, Kind.WHEEL):
        kwarg = {name: value for name, value in chunk.items() if name not in OWN_WORDS} | kwarg
    return ([] if arg is None else list(arg) if isinstance(arg, list | tuple) else [arg]), kwarg, ()


def _keywords(given: Any) -> dict[str, Any]:
    """A map, or a list of maps and of names, which stand for nothing."""
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    if not isinstance(given, list):
        raise ValueError(BAD_ARGUMENTS)
    keywords: dict[str, Any] = {}
    for each in given:
        if isinstance(each, Mapping):
            keywords.update({str(name): value for name, value in each.items()})
        elif isinstance(each, str):
            keywords[each] = None
        else:
            raise ValueError(BAD_ARGUMENTS)
    return keywords
