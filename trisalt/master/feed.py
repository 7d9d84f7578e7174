"""Events for the followers of the local door: read from the log's end, framed once, and never waited for.

Nobody hears of an event that the log does not have. A follower at the end of the log shares frames with all who want
the same. One that is slow, or begins in the past, reads on in the log where it stands until it has caught up: it holds
nobody up and misses nothing that is kept.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import trio

from trisalt.bus.tags import matcher
from trisalt.store.store import EventLog
from trisalt.wire.codec import pack_bin
from trisalt.wire.frames import pack_frame

# What the log may hand us while the loop is busy; then all followers read it from the log.
PENDING = 16_384
# Seconds in which events gather into one batch, after one has gone out.
GATHER = 0.01
# A batch of more bytes than this goes out as several frames.
FRAME_BYTES = 1024 * 1024
# What one follower may have waiting, in bytes, before it is to read the rest from the log.
BACKLOG_BYTES = 4 * 1024 * 1024


@attrs.frozen
class Wanted:
    """What a follower wants: tags that match one of the globs `match`, None for all; of one job only."""

    match: tuple[str, ...] | None = None
    jid: str | None = None

    def tags(self) -> Callable[[str], bool] | None:
        """Whether it wants a tag; None when it wants all."""
        if self.match is None or "*" in self.match:
            return None
        matchers = [matcher(pattern) for pattern in self.match]
        return lambda tag: any(matches(tag) for matches in matchers)


class Follower:
    """Frames for one follower, in the order of the log, each event once.

    `received` is the number up to which all that it wants was handed to it.
    """

    def __init__(self, feed: Feed, wanted: Wanted, after: int | None, upto: int | None) -> None:
        self.wanted = wanted
        self.received = self._position = feed.offered if after is None else after
        self._feed = feed
        self._upto = upto
        # Whether it stands at the end of the log, so that what is new is offered to it.
        self._live = self._at_end()
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._ready = trio.lowlevel.ParkingLot()

    def _at_end(self) -> bool:
        return self._upto is None and self._position >= self._feed.offered

    @property
    def live(self) -> bool:
        """Whether it is to be offered what is new."""
        return self._live

    def offer(self, frames: Sequence[bytes], upto: int) -> None:
        """Take what it wants of the events up to `upto`; or, if too much waits, leave it to be read from the log."""
        size = sum(map(len, frames))
        if self._frames and self._bytes + size > BACKLOG_BYTES:
            self.fall_behind()
            return
        if not frames and not self._frames:
            self.received = upto
        self._position = upto
        if frames:
            self._frames.extend(frames)
            self._bytes += size
            self._ready.unpark()

    def fall_behind(self) -> None:
        """What comes next is to be read from the log."""
        self._live = False
        self._ready.unpark()

    def end_at(self, upto: int) -> None:
        """Nothing above this number any more; what waits is read again as far as it is below."""
        self._frames.clear()
        self._bytes = 0
        self._position, self._upto = self.received, upto
        self.fall_behind()

    async def receive(self) -> bytes:
        """What is next, framed, as soon as there is something; empty at the end of what was asked for."""
        await trio.lowlevel.checkpoint()
        while True:
            if self._frames:
                packed = b"".join(self._frames)
                self._frames.clear()
                self._bytes = 0
                self.received = self._position
                return packed
            if self._upto is not None and self._position >= self._upto:
                return b""
            if self._live:
                await self._ready.park()
            elif packed := await self._read():
                return packed

    async def _read(self) -> bytes:
        upto = self._feed.offered if self._upto is None else self._upto
        found = await self._feed.log.read(self._position, upto, wanted=self.wanted.tags(), jid=self.wanted.jid)
        self.received = self._position = found.upto
        # Without a checkpoint since the slice: what has been offered meanwhile is read next.
        self._live = self._at_end()
        items = [(row.number, _item(row.tag, row.data, row.number, row.origin)) for row in found.rows]
        gone = pack_frame({"lagged": found.gone}) if found.gone else b""
        return gone + b"".join(_frames(items, found.upto))


class Feed:
    """All followers of the log. `run` is its service."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        # The number of the last event that followers at the end have been offered.
        self.offered = log.last
        self._followers: set[Follower] = set()
        self._pending: list[Any] = []
        self._wanted = trio.lowlevel.ParkingLot()

    @property
    def followers(self) -> int:
        """How many follow now."""
        return len(self._followers)

    @contextmanager
    def follow(self, wanted: Wanted, *, after: int | None = None, upto: int | None = None) -> Iterator[Follower]:
        """A follower from the number `after` on, excluded, or from now on; up to and with `upto`, or for ever."""
        # What was told before is not for who comes now.
        self._distribute()
        follower = Follower(self, wanted, after, upto)
        self._followers.add(follower)
        self.log.followed = True
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            self.log.followed = bool(self._followers)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Feed the followers until cancelled."""
        self.log.listeners.append(self._told)
        self.offered = self.log.last
        try:
            task_status.started()
            while True:
                while not self._pending:
                    await self._wanted.park()
                self._distribute()
                await trio.sleep(GATHER)
        finally:
            self.log.listeners.remove(self._told)

    def _told(self, entries: Sequence[Any]) -> None:
        """The log has these."""
        if not any(follower.live for follower in self._followers):
            self._pending.clear()
            self.offered = entries[-1].number
        elif len(self._pending) + len(entries) > PENDING:
            for follower in self._followers:
                follower.fall_behind()
            self._pending.clear()
            self.offered = entries[-1].number
        else:
            self._pending.extend(entries)
            self._wanted.unpark()

    def _distribute(self) -> None:
        """Offer what is pending to all who are at the end of the log."""
        if not self._pending:
            return
        batch, self._pending = self._pending, []
        self.offered = upto = batch[-1].number
        groups: dict[Wanted, list[Follower]] = {}
        for follower in self._followers:
            if follower.live:
                groups.setdefault(follower.wanted, []).append(follower)
        packed: dict[int, bytes] = {}
        for wanted, followers in groups.items():
            tags = wanted.tags()
            items = []
            for entry in batch:
                if (tags is None or tags(entry.tag)) and wanted.jid in (None, entry.jid):
                    number = entry.number
                    if (item := packed.get(number)) is None:
                        item = packed[number] = _item(entry.tag, entry.data, number, entry.origin)
                    items.append((number, item))
            frames = _frames(items, upto)
            for follower in followers:
                follower.offer(frames, upto)


def _item(tag: str, data: bytes, number: int, origin: str) -> bytes:
    """`[tag, number, origin, data]`, of data that is packed already."""
    # An array of three is told from one of four by its first byte.
    return b"\x94" + pack_bin((tag, number, origin))[1:] + data


def _frames(items: Sequence[tuple[int, bytes]], upto: int) -> list[bytes]:
    """Items, with their numbers, as frames; each says up to which number it tells all. None for no items."""
    frames = []
    start = size = 0
    for index, (_number, item) in enumerate(items):
        if size and size + len(item) > FRAME_BYTES:
            frames.append(_frame(items[start:index], items[index - 1][0]))
            start, size = index, 0
        size += len(item)
    if size:
        frames.append(_frame(items[start:], upto))
    return frames


def _frame(items: Sequence[tuple[int, bytes]], upto: int) -> bytes:
    # {"events": [item, …], "at": upto} of items that are packed already: a map of two, short keys, a 32-bit array.
    packed = [item for _number, item in items]
    body = b"".join((b"\x82\xa6events\xdd", struct.pack(">I", len(packed)), *packed, b"\xa2at", pack_bin(upto)))
    return struct.pack(">I", len(body)) + body
