"""The mine: `_mine`, `_mine_get`, `_mine_delete`, `_mine_flush`.

What minions offer one another, kept in the bank `mine`, one entry a minion: `{function: value}`. Who may read it is
decided twice: by the master's option `mine_get`, and by the entry itself, when the minion has wrapped it in an ACL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.requests import MineDeleteRequest, MineFlushRequest, MineGetRequest, MineRequest, Request
from trisalt.errors import StoreError, TargetError
from trisalt.expressions import UNREADABLE, Expression, fits_in_time
from trisalt.master.minions import EXACT_TYPES
from trisalt.store.store import Banks
from trisalt.wire.codec import pack_bin

log = structlog.get_logger()

BANK = "mine"
# Bytes of what one minion offers.
MOST_BYTES = 64 * 1024 * 1024
ACL_MARK = "__saltmine_acl__"
ACL_DATA = "__data__"


class Resolver(Protocol):
    """What the mine needs of `minions.Minions`."""

    async def resolve(self, tgt: Any, tgt_type: str = "glob") -> tuple[list[str], list[str]]:
        """`(minions, missing)`. Raises TargetError."""


async def serve_mine(
    bus: Bus,
    banks: Banks,
    minions: Resolver,
    *,
    mine_get: Mapping[str, Any] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer the mine's requests until cancelled.

    `mine_get` is the master's own list: regular expressions of ids to lists of those of functions. None allows all.
    """
    mine = _Mine(banks, minions, mine_get)
    async with (
        trio.open_nursery() as answers,
        bus.claim(MineRequest, MineGetRequest, MineDeleteRequest, MineFlushRequest) as requests,
    ):
        task_status.started()
        async for request, reply in requests:
            answers.start_soon(mine.answer, request, reply)


class _Mine:
    def __init__(self, banks: Banks, minions: Resolver, mine_get: Mapping[str, Any] | None) -> None:
        self._banks = banks
        self._minions = minions
        self._mine_get = mine_get

    async def answer(self, request: Request, reply: Reply) -> None:
        try:
            match request:
                case MineRequest(id=id, data=data, clear=clear):
                    reply.send(await self._put(id, data, clear))
                case MineDeleteRequest(id=id, fun=fun):
                    await self._banks.update(BANK, id, lambda there: _without(there, fun))
                    reply.send(True)
                case MineFlushRequest(id=id):
                    await self._banks.flush(BANK, id)
                    reply.send(True)
                case MineGetRequest():
                    reply.send(await self._get(request))
        except StoreError as exc:
            reply.fail(exc)

    async def _put(self, id: str, data: dict[str, Any], clear: bool) -> bool:
        """Keep what a minion offers; False when that is too much together with what is there."""
        fits = True

        def change(there: Any) -> Any:
            nonlocal fits
            merged = _merged(there, data, clear)
            # What comes alone is no larger than a request is.
            fits = len(merged) == len(data) or len(pack_bin(merged)) <= MOST_BYTES
            return merged if fits else there

        await self._banks.update(BANK, id, change)
        if not fits:
            log.warning("mine.too_large", id=id, most=MOST_BYTES)
        return fits

    async def _get(self, request: MineGetRequest) -> dict[str, Any]:
        functions, several = _functions(request.fun)
        functions = [fun for fun in functions if self._allows(request.id, fun)]
        ids = await self._resolve(request.tgt, EXACT_TYPES.get(request.tgt_type.lower(), request.tgt_type))
        if not functions or not ids:
            return {}
        found: dict[str, Any] = {}
        readers: dict[tuple[str, str], frozenset[str]] = {}
        for id, entries in (await self._banks.fetch_all(BANK, ids)).items():
            if not isinstance(entries, dict):
                continue
            for fun in functions:
                if fun not in entries or not await self._may_read(request.id, entries[fun], readers):
                    continue
                value = unwrapped(entries[fun])
                if several:
                    found.setdefault(fun, {})[id] = value
                else:
                    found[id] = value
        return found

    def _allows(self, id: str, fun: str) -> bool:
        """Whether the master's list lets `id` ask for `fun`. A list that is no map allows nothing."""
        if self._mine_get is None:
            return True
        if not isinstance(self._mine_get, Mapping):
            return False
        return any(
            _matches(expression, id) and isinstance(functions, list) and any(_matches(each, fun) for each in functions)
            for expression, functions in self._mine_get.items()
        )

    async def _may_read(self, id: str, entry: Any, readers: dict[tuple[str, str], frozenset[str]]) -> bool:
        """Whether the entry itself lets `id` read it. `readers`: what targets were resolved to for this request."""
        if not _is_wrapped(entry) or not entry.get("allow_tgt"):
            return True
        target = (repr(entry["allow_tgt"]), str(entry.get("allow_tgt_type") or "glob"))
        if target not in readers:
            readers[target] = frozenset(await self._resolve(entry["allow_tgt"], target[1]))
        if id in readers[target]:
            return True
        log.debug("mine.denied", id=id)
        return False

    async def _resolve(self, tgt: Any, tgt_type: str) -> Sequence[str]:
        try:
            ids, _missing = await self._minions.resolve(tgt, tgt_type)
        except TargetError as exc:
            log.warning("mine.target_refused", reason=str(exc))
            return []
        return ids


def _merged(there: Any, data: dict[str, Any], clear: bool) -> dict[str, Any]:
    return data if clear or not isinstance(there, dict) else {**there, **data}


def _without(there: Any, fun: str) -> dict[str, Any] | None:
    return {name: value for name, value in there.items() if name != fun} if isinstance(there, dict) else None


def _functions(fun: Any) -> tuple[list[str], bool]:
    """The functions asked for, and whether the answer is by function: for a list, and for several in one text."""
    if isinstance(fun, str):
        names = list(dict.fromkeys(fun.split(",")))
        return names, len(names) > 1
    if isinstance(fun, list):
        return [name for name in fun if isinstance(name, str)], True
    return [], False


def _matches(expression: Any, text: str) -> bool:
    if isinstance(expression, str) and (fits := _read(expression)) is not None:
        return fits(text)
    log.warning("mine.expression_refused", expression=str(expression))
    return False


@lru_cache(maxsize=256)
def _read(expression: str) -> Callable[[str], bool] | None:
    try:
        return fits_in_time(Expression(expression).match)
    except UNREADABLE:
        return None


def _is_wrapped(entry: Any) -> bool:
    return isinstance(entry, dict) and ACL_MARK in entry


def unwrapped(entry: Any) -> Any:
    return entry.get(ACL_DATA) if _is_wrapped(entry) else entry
