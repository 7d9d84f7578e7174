"""`_minion_event`: what minions fire goes onto the bus, in stock's two shapes.

One event alone: the whole load is the body, and what the minion fired is under `data`. A batch: each event's data is
the body. What a minion may not say is dropped here (`bus.tags.reserved`), with a warning that names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.event import Event, Origin
from trisalt.bus.events import MinionEvent, TaggedEvent
from trisalt.bus.requests import MinionEventRequest
from trisalt.bus.tags import reserved
from trisalt.errors import LocalProtocolError
from trisalt.wire.codec import pack_bin
from trisalt.wire.frames import TRIMMED

log = structlog.get_logger()

LONGEST_TAG = 512

MOST_EVENTS = 5000
"""In one request; a minion's own batches are far smaller."""


ERROR_TAG = "_salt_error"


async def relay_minion_events(
    bus: Bus,
    *,
    max_event_size: int = 1048576,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer MinionEventRequest until cancelled. Events bigger than `max_event_size` lose their biggest values."""
    async with trio.open_nursery() as relays, bus.claim(MinionEventRequest) as requests:
        task_status.started()
        async for request, reply in requests:
            relays.start_soon(_relay, bus, request, reply, max_event_size)


async def _relay(bus: Bus, request: MinionEventRequest, reply: Reply, max_event_size: int) -> None:
    events = list(minion_events(request, max_event_size=max_event_size))
    if events:
        await bus.publish_all(events)
        # Acknowledged when it is in the log.
        await bus.flush()
    reply.send(None)


def minion_events(request: MinionEventRequest, *, max_event_size: int) -> Iterator[Event]:
    """The events of one request that may go onto the bus."""
    if request.events is not None:
        if len(request.events) > MOST_EVENTS:
            log.warning("event.refused", id=request.id, reason="too many at once", count=len(request.events))
            return
        for fired in request.events:
            yield from _of_batch(request, fired, max_event_size)
        return
    tag = _allowed(request.id, request.tag)
    if tag is None:
        return
    if tag == ERROR_TAG:
        message = request.data.get("message") if isinstance(request.data, dict) else request.data
        log.error("minion.error", id=request.id, message=str(message)[:LONGEST_TAG])
    yield MinionEvent(
        name=tag,
        id=request.id,
        data=_trimmed(request.data, max_event_size),
        pretag=request.pretag,
        ts=request.ts,
        grains=request.grains,
        origin=Origin("minion", request.id),
    )


def _of_batch(request: MinionEventRequest, fired: Any, max_event_size: int) -> Iterator[Event]:
    if not isinstance(fired, dict):
        log.warning("event.refused", id=request.id, reason="not a map")
        return
    tag = fired.get("tag")
    data = fired.get("data", fired)
    if not isinstance(data, dict):
        log.warning(
            "event.refused", id=request.id, tag=tag if isinstance(tag, str) else None, reason="data is not a map"
        )
        return
    tags = [tag]
    if request.pretag is not None and isinstance(tag, str):
        tags.insert(0, f"{request.pretag}/{tag}")
    data = _trimmed(data, max_event_size)
    for each in tags:
        name = _allowed(request.id, each)
        if name is not None:
            yield TaggedEvent(name=name, data=data, origin=Origin("minion", request.id))


def _allowed(id: str, tag: Any) -> str | None:
    """The tag, if `id` may fire it. Tags are printable ASCII: on stock's sockets an empty line parts tag and data."""
    if not isinstance(tag, str) or not tag or len(tag) > LONGEST_TAG or not tag.isascii() or not tag.isprintable():
        log.warning("event.refused", id=id, reason="invalid tag")
        return None
    if reserved(tag, id):
        log.warning("event.tag_reserved", id=id, tag=tag)
        return None
    return tag


def _trimmed(data: Any, limit: int) -> Any:
    """`data`, its biggest values replaced by `VALUE_TRIMMED` until it fits."""
    total = _size(data)
    if total <= limit:
        return data
    if not isinstance(data, dict):
        return TRIMMED
    sizes = {key: _size(value) for key, value in data.items()}
    kept = dict(data)
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if total <= limit:
            break
        kept[key] = TRIMMED
        total -= sizes[key] - _size(TRIMMED)
    return kept if total <= limit else {}


def _size(value: Any) -> int:
    try:
        return len(pack_bin(value))
    except LocalProtocolError:
        return 0
