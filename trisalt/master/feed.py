"""Events for the followers of the local door: packed once, batched, and never waited for.

One subscription for all followers, and none while there is no follower. Each event is packed once; each batch is
framed once for all who want the same. A follower that is slow loses batches and is told how many events they held.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Event
from trisalt.bus.subscription import Lagged
from trisalt.bus.tags import matcher
from trisalt.errors import LocalProtocolError
from trisalt.wire.codec import pack_bin
from trisalt.wire.frames import pack_frame

log = structlog.get_logger()

# What the bus may hold for us while the loop is busy: a second and more at 10 000 events a second.
DEPTH = 16_384
# Seconds in which events gather into one batch, after one has gone out.
GATHER = 0.01
# A batch of more bytes than this goes out as several frames.
FRAME_BYTES = 1024 * 1024
# What one follower may have waiting, in bytes, before it loses.
BACKLOG_BYTES = 16 * 1024 * 1024

Match = tuple[str, ...] | None


class Follower:
    """Frames for one follower: `receive_all` gives those that are there, at least one."""

    def __init__(self, match: Match) -> None:
        self.match = match
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._lost = 0
        self._ready = trio.lowlevel.ParkingLot()

    def offer(self, frame: bytes, count: int) -> None:
        """Take a frame of `count` events, or lose it. Once something is lost, nothing is taken until it was told."""
        if self._lost or (self._frames and self._bytes + len(frame) > BACKLOG_BYTES):
            self._lost += count
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._ready.unpark()

    def lose(self, count: int) -> None:
        """`count` events are not there: they were lost before they came here."""
        self._lost += count
        self._ready.unpark()

    async def receive_all(self) -> bytes:
        """Everything that is there, framed; what was lost stands in its place as `lagged`."""
        await trio.lowlevel.checkpoint()
        while not self._frames and not self._lost:
            await self._ready.park()
        packed = b"".join(self._frames)
        self._frames.clear()
        self._bytes = 0
        if self._lost:
            packed += pack_frame({"lagged": self._lost})
            self._lost = 0
        return packed


class Feed:
    """All followers of events. `run` is its service."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._followers: set[Follower] = set()
        self._wanted = trio.Event()
        self._live = trio.Event()

    @property
    def followers(self) -> int:
        """How many follow now."""
        return len(self._followers)

    @asynccontextmanager
    async def follow(self, match: Sequence[str] | None) -> AsyncIterator[Follower]:
        """A follower of the events whose tags match one of the globs, or of all. The subscription stands."""
        follower = Follower(None if match is None else tuple(match))
        self._followers.add(follower)
        self._wanted.set()
        try:
            await self._live.wait()
            yield follower
        finally:
            self._followers.discard(follower)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Feed the followers until cancelled."""
        task_status.started()
        while True:
            await self._wanted.wait()
            async with self._bus.subscribe(Event, keep=False, depth=DEPTH) as events:
                self._live.set()
                while self._followers:
                    self._distribute(await events.receive_all())
                    await trio.sleep(GATHER)
                self._wanted, self._live = trio.Event(), trio.Event()

    def _distribute(self, batch: Sequence[Event | Lagged]) -> None:
        groups: dict[Match, list[Follower]] = {}
        for follower in self._followers:
            groups.setdefault(follower.match, []).append(follower)
        wants: list[tuple[Callable[[str], bool], list[bytes], list[Follower]]] = [
            (_wanted(match), [], followers) for match, followers in groups.items()
        ]
        for event in batch:
            if isinstance(event, Lagged):
                for _wants, items, followers in wants:
                    _send(items, followers)
                    items.clear()
                    for follower in followers:
                        follower.lose(event.missed)
                continue
            if not event.leaves_process():
                continue
            tag = event.tag
            packed = None
            for wanted, items, _followers in wants:
                if wanted(tag):
                    packed = packed or _pack(tag, event)
                    items.append(packed)
        for _wants, items, followers in wants:
            _send(items, followers)


def _wanted(match: Match) -> Callable[[str], bool]:
    if match is None or "*" in match:
        return lambda _tag: True
    matchers = [matcher(pattern) for pattern in match]
    return lambda tag: any(matches(tag) for matches in matchers)


def _pack(tag: str, event: Event) -> bytes:
    try:
        return pack_bin([tag, event.to_data()])
    except LocalProtocolError as exc:
        # A plugin fired what cannot travel: its followers see the tag, the log the reason.
        log.warning("event.unpackable", tag=tag, error=str(exc))
        return pack_bin([tag, {}])


def _send(items: Sequence[bytes], followers: Sequence[Follower]) -> None:
    start = size = 0
    for index, item in enumerate(items):
        if size and size + len(item) > FRAME_BYTES:
            _send_frame(items[start:index], followers)
            start, size = index, 0
        size += len(item)
    if size:
        _send_frame(items[start:], followers)


def _send_frame(items: Sequence[bytes], followers: Sequence[Follower]) -> None:
    # {"events": [item, …]} of items that are packed already: a map of one, a short key, a 32-bit array.
    body = b"".join((b"\x81\xa6events\xdd", struct.pack(">I", len(items)), *items))
    frame = struct.pack(">I", len(body)) + body
    for follower in followers:
        follower.offer(frame, len(items))
