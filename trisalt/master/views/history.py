"""Events out of the durable log, all of them or those of one minion or job: in pages, the newest first.

An event is a minion's when its tag names it, or when it is told in the event: whoever sent it, or is among those whom a
job is for. Of a large log one page looks at as much as a moment allows: it may be short though there is a next.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs

from trisalt.bus.tags import matcher
from trisalt.errors import RemoteProtocolError
from trisalt.master.sight import Sight
from trisalt.master.views import jobs, minions
from trisalt.master.views.desk import Desk, from_cursor, page_size, to_cursor
from trisalt.master.views.events import ALL, Eyes, visibility
from trisalt.store.log import read_bounds
from trisalt.wire.codec import pack_bin
from trisalt.wire.frames import unpack_value

SCAN_S = 0.1
"""For how long one page looks for more."""
WINDOW = 4000
"""So many events are looked at by one statement."""
PAGE_BYTES = 4 * 1024 * 1024
_COLUMNS = "SELECT number, at, tag, origin, data FROM events"
_NAMED = "(instr(tag, :slashed) > 0 OR instr(data, :packed) > 0)"


@attrs.frozen(kw_only=True)
class _Asked:
    """Which events: of a job, of a minion, or of everybody; from `before` on down to `floor`, both numbers of the log.

    `text` is in small letters.
    """

    jid: str = ""
    id: str = ""
    text: str = ""
    fits: Callable[[str], bool] | None
    before: float
    floor: int
    limit: int


@attrs.frozen
class _Event:
    number: int
    at: float
    tag: str
    origin: str
    data: Any


async def minion_events(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total}` of `{id, tag, data, origin, at}`: `id`, `tag` (globs), `since`, `until`, and of pages.

    Raises NotFound for a minion that they may not see.
    """
    one = await minions.find(desk, sight, question)
    return await _page(desk, sight, question, id=one.id)


async def job_events(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """The same of the job `jid`. Raises NotFound for one that they may not see."""
    row = await jobs.find(desk, sight, question)
    return await _page(desk, sight, question, jid=row.jid)


async def kept_events(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """The same of everybody; of the minion `minion` only; of those that hold the text `filter`, in any case."""
    words = [question.get(name) or "" for name in ("minion", "filter")]
    if not all(isinstance(word, str) for word in words):
        raise RemoteProtocolError("minion and filter are texts")
    id, text = words
    return await _page(desk, sight, question, id=id, text=text)


async def latest(desk: Desk, sight: Sight, tag: str, count: int) -> list[dict[str, Any]]:
    """The newest events of a tag, as many as a moment's look finds."""
    page: dict[str, Any] = await _page(desk, sight, {"tag": tag, "limit": count})
    return page["items"]


async def _page(
    desk: Desk, sight: Sight, question: Mapping[str, Any], *, id: str = "", jid: str = "", text: str = ""
) -> dict[str, Any]:
    log, limit = desk.store.log.id, page_size(question)
    cursor = from_cursor(question, (str, int))
    if cursor is not None and cursor[0] != log:
        raise RemoteProtocolError("the cursor is none of this list")
    since, until = (_moment(question, name) for name in ("since", "until"))
    asked = _Asked(
        jid=jid,
        id=id,
        text=text.lower(),
        fits=_fits(question),
        before=math.inf if cursor is None else cursor[1],
        floor=0 if since is None else await desk.store.log.first_since(since),
        limit=limit,
    )
    if cursor is None and until is not None:
        asked = attrs.evolve(asked, before=await desk.store.log.first_since(math.nextafter(until, math.inf)))
    found, last = await desk.store.read(partial(_read, asked=asked))
    if not (sight.all_events or visibility(desk.opts) == ALL):
        eyes = Eyes(desk, sight.caller)
        found = [event for event in found if await eyes.see(event.tag, event.data)]
    return {
        "items": [
            {
                "id": f"{log}:{event.number}",
                "tag": event.tag,
                "data": event.data,
                "origin": event.origin,
                "at": event.at,
            }
            for event in found
        ],
        "next": None if last is None else to_cursor(log, last),
        "total": None,
    }


def _moment(question: Mapping[str, Any], name: str) -> float | None:
    value = question.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
        return value
    raise RemoteProtocolError(f"{name} is a moment in seconds")


def _fits(question: Mapping[str, Any]) -> Callable[[str], bool] | None:
    text = question.get("tag") or ""
    if not isinstance(text, str):
        raise RemoteProtocolError("tag is text")
    globs = [matcher(each) for each in text.split(",") if each]
    return (lambda tag: any(fits(tag) for fits in globs)) if globs else None


# -- in a reader's thread --------------------------------------------------------------------------------------------


def _read(connection: sqlite3.Connection, asked: _Asked) -> tuple[list[_Event], int | None]:
    """Some events, and the number of the last that was looked at; None when there are none before it."""
    bounds = read_bounds(connection)
    floor, before = max(asked.floor, bounds.first), int(min(asked.before, bounds.last + 1))
    end, found, size = time.monotonic() + SCAN_S, list[_Event](), 0
    while before > floor:
        low = floor if asked.jid else max(floor, before - WINDOW)
        for number, at, tag, origin, data in _rows(connection, asked, before, low):
            if len(found) == asked.limit or size > PAGE_BYTES:
                return found, found[-1].number
            if asked.fits is not None and not asked.fits(tag):
                continue
            event = _Event(number, at, tag, origin, unpack_value(data))
            if (not asked.id or _is_of(event, asked.id)) and (not asked.text or _holds(event, asked.text)):
                found.append(event)
                size += len(data)
        before = low
        if time.monotonic() > end:
            break
    return found, before if before > floor else None


def _rows(connection: sqlite3.Connection, asked: _Asked, before: int, low: int) -> sqlite3.Cursor:
    values = {"before": before, "low": low, "jid": asked.jid, "slashed": f"/{asked.id}"}
    which = "jid = :jid" if asked.jid else _NAMED if asked.id else "1"
    # As it stands packed: its length is before it.
    values["packed"] = pack_bin(asked.id)
    return connection.execute(
        f"{_COLUMNS} WHERE number < :before AND number >= :low AND {which} ORDER BY number DESC", values
    )


def _is_of(event: _Event, id: str) -> bool:
    data = event.data if isinstance(event.data, Mapping) else {}
    if id in event.tag.split("/") or data.get("id") == id:
        return True
    return any(
        isinstance(ids, list | tuple) and id in ids for ids in map(data.get, ("minions", "missing", "new", "lost"))
    )


def _holds(event: _Event, text: str) -> bool:
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"), default=str)
    return text in f"{event.tag} {data}".lower()
