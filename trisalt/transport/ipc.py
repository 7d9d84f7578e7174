"""Stock Salt's two event sockets, for stock's tools: the bus goes out on one, events come in on the other.

Opened by both daemons. An event is packed once, whoever reads; while nobody reads, the bus is not even listened to.
Source of the framing: stock Salt 3008.3.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.events import STOCK_EVENTS
from trisalt.bus.subscription import Lagged, Subscription
from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.transport.local import CHUNK, accept_all, unix_listener
from trisalt.wire.frames import MAX_FRAME, FrameDecoder, body_of, join_event, pack_data, pack_pub, split_event

log = structlog.get_logger()

Accept = Callable[[str, dict[str, Any]], Awaitable[None]]

# Seconds in which events gather, after some have gone out: a flood becomes a few large writes to each reader.
GATHER = 0.01
# How many events are packed between two checkpoints.
BATCH = 128
# On leaving: how long readers may take for what is on its way to them.
FLUSH_PATIENCE = 1.0


@attrs.define
class EventSocketStatistics:
    """What the event sockets did: `readers` there are now; events `sent`, `missed`, `accepted`; readers `dropped`."""

    readers: int = 0
    sent: int = 0
    missed: int = 0
    accepted: int = 0
    dropped: int = 0


class _Reader:
    """One reader of the pub socket, and what waits for it."""

    def __init__(self, stream: trio.SocketStream, max_buffer: int) -> None:
        self.stream = stream
        self.scope = trio.CancelScope()
        self._max_buffer = max_buffer
        self._chunks: list[bytes] = []
        self._size = 0
        self._changed = trio.lowlevel.ParkingLot()

    def offer(self, packed: bytes) -> bool:
        """Queue `packed`; False when too much waits already."""
        if self._size and self._size + len(packed) > self._max_buffer:
            return False
        self._chunks.append(packed)
        self._size += len(packed)
        self._changed.unpark_all()
        return True

    async def send_all(self) -> None:
        """Send what is queued, until cancelled or the reader has gone."""
        while True:
            while not self._chunks:
                await self._changed.park()
            chunks, self._chunks = self._chunks, []
            for chunk in chunks:
                await self.stream.send_all(chunk)
                self._size -= len(chunk)
            self._changed.unpark_all()

    async def wait_empty(self) -> None:
        """Wait until all that was queued has been sent."""
        while self._size:
            await self._changed.park()

    async def wait_gone(self) -> None:
        """Wait until the reader hangs up. It has nothing to say: what it sends is thrown away."""
        while await self.stream.receive_some(CHUNK):
            pass


class _EventSockets:
    def __init__(self, bus: Bus, accept: Accept, *, max_event_size: int, max_buffer: int, depth: int) -> None:
        self.statistics = EventSocketStatistics()
        self._bus = bus
        self._accept = accept
        self._max_event_size = max_event_size
        self._max_buffer = max_buffer
        self._depth = depth
        self._readers: set[_Reader] = set()
        self._first = trio.lowlevel.ParkingLot()
        self._events: Subscription | None = None
        self._sending = False
        self._leaving = trio.Event()

    # -- the bus goes out -------------------------------------------------------------------------------------

    def take_reader(self, sock: socket.socket, clients: trio.Nursery) -> None:
        """A reader has come: what is published from the next turn on is for it."""
        reader = _Reader(_stream(sock), self._max_buffer)
        self._readers.add(reader)
        self.statistics.readers += 1
        self._first.unpark()
        clients.start_soon(self._serve_reader, reader)

    async def _serve_reader(self, reader: _Reader) -> None:
        try:
            with reader.scope:
                async with reader.stream, trio.open_nursery() as nursery:
                    nursery.start_soon(reader.send_all)
                    await reader.wait_gone()
                    nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._readers.discard(reader)
            self.statistics.readers -= 1

    async def relay(self) -> None:
        """Send the bus's events to the readers, while there are any."""
        while True:
            while not self._readers:
                await self._first.park()
            async with self._bus.subscribe(STOCK_EVENTS, keep=False, depth=self._depth, outside=True) as self._events:
                while self._readers:
                    await self._send(await self._events.receive_all())
                    with trio.move_on_after(GATHER):
                        await self._leaving.wait()

    async def _send(self, batch: list[Event | Lagged]) -> None:
        self._sending = True
        for start in range(0, len(batch), BATCH):
            if start:
                await trio.lowlevel.checkpoint()
            if packed := self._pack(batch[start : start + BATCH]):
                self._offer(b"".join(packed))
        self._sending = False

    def _pack(self, events: list[Event | Lagged]) -> list[bytes]:
        packed = []
        for event in events if self._readers else ():
            match event:
                case Lagged(missed=missed):
                    self.statistics.missed += missed
                    log.warning("subscription.lagged", service="event sockets", missed=missed)
                case Event():
                    tag = event.tag
                    try:
                        packed.append(pack_pub(join_event(tag, event.packed(self._pack_data))))
                    except LocalProtocolError as exc:
                        log.error("event.unpackable", tag=tag, reason=str(exc))
        self.statistics.sent += len(packed)
        return packed

    def _pack_data(self, data: dict[str, Any]) -> bytes:
        return pack_data(data, max_size=self._max_event_size)

    def _offer(self, packed: bytes) -> None:
        for reader in list(self._readers):
            if not reader.offer(packed):
                self._readers.discard(reader)
                self.statistics.dropped += 1
                log.warning("event_reader.dropped", waiting=self._max_buffer)
                reader.scope.cancel()

    async def flush(self) -> None:
        """Wait until readers have what was published so far."""
        await self._bus.flush()
        self._leaving.set()
        while self._sending or (self._readers and self._events is not None and self._events.statistics().waiting):
            await trio.lowlevel.checkpoint()
        for reader in list(self._readers):
            await reader.wait_empty()

    # -- events come in ---------------------------------------------------------------------------------------

    async def serve_writer(self, stream: trio.SocketStream) -> None:
        """Take events from one writer until it hangs up, or sends what is no frame."""
        decoder = FrameDecoder(MAX_FRAME)
        async with stream:
            try:
                while data := await stream.receive_some(CHUNK):
                    messages = decoder.feed(bytes(data))
                    # A reader that connected before this was written shall get it: it is taken in this turn of the
                    # event loop, and subscribed in the next.
                    await trio.lowlevel.checkpoint()
                    await trio.lowlevel.checkpoint()
                    for message in messages:
                        await self._take_event(message)
            except trio.BrokenResourceError:
                pass
            except RemoteProtocolError as exc:
                log.warning("event_socket.refused", reason=str(exc))

    async def _take_event(self, message: dict[str, Any]) -> None:
        try:
            tag, data = split_event(body_of(message))
        except RemoteProtocolError as exc:
            # The frame was whole, so the next one can be trusted.
            log.warning("event.refused", reason=str(exc))
            return
        try:
            await self._accept(tag, data)
            self.statistics.accepted += 1
        except Exception as exc:
            log.error("event.failed", tag=tag, exc_info=exc)


def _stream(sock: socket.socket) -> trio.SocketStream:
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


@asynccontextmanager
async def open_event_sockets(
    pub_path: str,
    pull_path: str,
    bus: Bus,
    accept: Accept,
    *,
    pub_mode: int = 0o660,
    pull_mode: int = 0o600,
    max_event_size: int = 1024 * 1024,
    max_buffer: int = 16 * 1024 * 1024,
    depth: int = 4096,
) -> AsyncIterator[EventSocketStatistics]:
    """Serve both sockets until left.

    Every event of the bus that stock's tools know goes to every reader, packed once; a reader that has more than
    `max_buffer` bytes waiting is dropped. Larger values of an event above `max_event_size` bytes are trimmed.
    `await accept(tag, data)` is called for each event that is written to `pull_path`; while it waits, that writer
    waits. `depth` is the subscription's. Raises ConfigError as `open_local_listener` does.
    """
    sockets = _EventSockets(bus, accept, max_event_size=max_event_size, max_buffer=max_buffer, depth=depth)
    with unix_listener(pub_path, pub_mode) as pub, unix_listener(pull_path, pull_mode) as pull:
        async with trio.open_nursery() as clients:
            async with trio.open_nursery() as doors:
                doors.start_soon(accept_all, pub, lambda sock: sockets.take_reader(sock, clients))
                doors.start_soon(accept_all, pull, lambda sock: clients.start_soon(sockets.serve_writer, _stream(sock)))
                clients.start_soon(sockets.relay)
                yield sockets.statistics
                doors.cancel_scope.cancel()
            with trio.move_on_after(FLUSH_PATIENCE):
                await sockets.flush()
            clients.cancel_scope.cancel()
