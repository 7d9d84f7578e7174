"""Stock Salt's two event sockets, for stock's tools: the bus goes out on one, events come in on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs

from trisalt.bus.bus import Bus


@attrs.define
class EventSocketStatistics:
    """What the event sockets did: `readers` now, `sent` events, `dropped` readers, `missed` events, `accepted` events."""

    readers: int = 0
    sent: int = 0
    dropped: int = 0
    missed: int = 0
    accepted: int = 0


@asynccontextmanager
async def open_event_sockets(
    pub_path: str,
    pull_path: str,
    bus: Bus,
    accept: Callable[[str, dict[str, Any]], Awaitable[None]],
    *,
    pub_mode: int = 0o660,
    pull_mode: int = 0o600,
    max_event_size: int = 1024 * 1024,
    max_buffer: int = 16 * 1024 * 1024,
    depth: int = 4096,
) -> AsyncIterator[EventSocketStatistics]:
    """Serve both sockets until left.

    Every event of the bus that may leave the process goes to every reader, packed once; a reader that has more than
    `max_buffer` bytes waiting is dropped. Larger values of an event above `max_event_size` bytes are trimmed.
    `await accept(tag, data)` is called for each event that is written to `pull_path`.
    """
    raise NotImplementedError
    yield
