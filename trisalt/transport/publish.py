"""Port 4505, both ends: the publisher (PUB), and the subscriber (SUB) with its topic filter.

A publication is one frame, or `[topic][payload]`. What a payload means is not known here: `master.publisher` and
`minion.link` know.
"""

from __future__ import annotations

import enum
import os
import socket as sockets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio
import zmq

from trisalt.transport.zmq import (
    KEEPALIVE,
    MONITOR_FRAME,
    NO_HEARTBEAT,
    QUICK,
    TRIED_AGAIN,
    Context,
    Frames,
    Heartbeat,
    KeepAlive,
    Socket,
    context_or_own,
    follow,
    ip_options,
    open_socket,
)

# Source: stock Salt 3008.3, port 4505.
LINGER = 1
# A subscriber says nothing for hours. The kernel sees that one is lost as soon as heartbeats would, 30 to 40 s after it
# fell silent, and for less: ZeroMQ looks through the timers of all connections for each answer to a heartbeat.
PROBED = KeepAlive(idle=10, interval=10, give_up=30_000)
# A notice is a change of one connection, at most one a second: more than these unread are of no use to anybody.
NOTICES = 16


class Publisher:
    """A bound publisher; `port` is where. `sent` messages are counted."""

    def __init__(self, socket: Socket, *, port: int) -> None:
        self.port = port
        self.sent = 0
        self._socket = socket

    def send(self, payload: bytes, topics: Iterable[bytes] = ()) -> None:
        """Publish, without waiting: one frame, or with `topics` one `[topic][payload]` for each.

        A subscriber whose queue is full misses it.
        """
        # A PUB never blocks: it drops for whom it cannot deliver to.
        messages: list[Frames] = [(topic, payload) for topic in topics] or [(payload,)]
        self._socket.send_nowait(*messages)
        self.sent += len(messages)


class _Subscribers:
    """Where subscribers are: their addresses by the file descriptor of their connection, as the monitor has them."""

    def __init__(self, told: Callable[[str, bool], object]) -> None:
        self._told = told
        self._addresses: dict[int, str] = {}

    def hear(self, event: int, value: int) -> None:
        """A connection has come, or gone. What it is has to be found out at once: descriptors are used again."""
        if event == zmq.EVENT_ACCEPTED:
            if address := _peer_address(value):
                self._addresses[value] = address
                self._told(address, True)
        elif address := self._addresses.pop(value, ""):
            self._told(address, False)


def _peer_address(descriptor: int) -> str:
    try:
        with sockets.socket(fileno=os.dup(descriptor)) as peer:
            return str(peer.getpeername()[0])
    except OSError:
        return ""


@asynccontextmanager
async def open_publisher(
    address: str,
    *,
    context: Context | None = None,
    hwm: int = 1000,
    backlog: int = 1000,
    max_size: int = 64 * 1024,
    keepalive: KeepAlive = PROBED,
    heartbeat: Heartbeat = NO_HEARTBEAT,
    ipv6: bool = False,
    subscribed: Callable[[str, bool], object] = lambda _address, _here: None,
) -> AsyncIterator[Publisher]:
    """Publish at `address` (`tcp://host:port`) until left. `max_size` is for what subscribers send: subscriptions.

    `subscribed(address, here)` is told of each connection that comes or goes; whose it is, nothing here can prove.
    `context` None opens one just for this. Raises ConfigError when the address is in use.
    """
    options: dict[int, int | bytes] = {
        zmq.LINGER: LINGER,
        zmq.SNDHWM: hwm,
        zmq.RCVHWM: hwm,
        zmq.BACKLOG: backlog,
        zmq.MAXMSGSIZE: max_size,
        **keepalive.options(),
        **heartbeat.options(),
        **ip_options(address, ipv6),
    }
    async with context_or_own(context) as context:
        with open_socket(context, zmq.PAIR) as monitor, open_socket(context, zmq.PUB, options) as socket:
            monitor.connect(socket.monitor(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED))
            publisher = Publisher(socket, port=socket.bind(address))
            async with trio.open_nursery() as nursery:
                # Subscribers come and go while nothing is published for hours: the socket has to hear of them.
                nursery.start_soon(socket.attend)
                nursery.start_soon(follow, monitor, _Subscribers(subscribed).hear)
                yield publisher
                nursery.cancel_scope.cancel()


class Notice(enum.Enum):
    """What became of a subscriber's connection."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class Subscriber:
    """Publications of one publisher: iterate the payloads, or call `receive_all` for batches.

    `notices` delivers a `Notice` at every change of the connection; of unread ones, only the latest few. `connected`
    is how it stands now. One task receives at a time.
    """

    def __init__(self, socket: Socket, notices: trio.MemoryReceiveChannel[Notice]) -> None:
        self.notices = notices
        self.connected = False
        self._socket = socket
        self._waiting: deque[bytes] = deque()
        self._changed = trio.lowlevel.ParkingLot()

    async def receive(self) -> bytes:
        """The next payload, its topic taken off."""
        if self._waiting:
            await trio.lowlevel.checkpoint()
        else:
            self._waiting.extend(await self._receive())
        return self._waiting.popleft()

    async def receive_all(self) -> list[bytes]:
        """All payloads that are there, at least one."""
        if self._waiting:
            await trio.lowlevel.checkpoint()
            payloads = list(self._waiting)
            self._waiting.clear()
            return payloads
        return await self._receive()

    def __aiter__(self) -> Subscriber:
        return self

    async def __anext__(self) -> bytes:
        return await self.receive()

    async def wait_connected(self) -> None:
        """Wait until the handshake with the publisher is done."""
        await trio.lowlevel.checkpoint()
        while not self.connected:
            await self._changed.park()

    async def _receive(self) -> list[bytes]:
        while True:
            messages = await self._socket.receive_all()
            payloads = [frames[-1] for frames in messages if len(frames) <= 2]
            if payloads:
                return payloads

    async def _watch(self, monitor: Socket, notices: trio.MemorySendChannel[Notice]) -> None:
        while True:
            for frames in await monitor.receive_all():
                event, _value = MONITOR_FRAME.unpack(frames[0])
                notice = Notice.CONNECTED if event == zmq.EVENT_HANDSHAKE_SUCCEEDED else Notice.DISCONNECTED
                if (notice is Notice.CONNECTED) == self.connected:
                    continue
                self.connected = not self.connected
                self._changed.unpark_all()
                try:
                    notices.send_nowait(notice)
                except trio.WouldBlock:
                    # The oldest two: a coming and a going, so that the last one tells how it stands.
                    self.notices.receive_nowait()
                    self.notices.receive_nowait()
                    notices.send_nowait(notice)


@asynccontextmanager
async def open_subscriber(
    address: str,
    *,
    context: Context | None = None,
    topics: Iterable[bytes] = (b"",),
    identity: bytes = b"",
    hwm: int = 1000,
    max_size: int = -1,
    reconnect: int = 1000,
    reconnect_max: int = 10_000,
    keepalive: KeepAlive = KEEPALIVE,
    heartbeat: Heartbeat = QUICK,
    ipv6: bool = False,
) -> AsyncIterator[Subscriber]:
    """Follow the publisher at `address` (`tcp://host:port`); `topics` are prefixes.

    `reconnect`, `reconnect_max` are milliseconds. `context` None opens one just for this. Raises ConfigError for an
    address that cannot be.
    """
    options: dict[int, int | bytes] = {
        zmq.LINGER: LINGER,
        zmq.SNDHWM: hwm,
        zmq.RCVHWM: hwm,
        zmq.MAXMSGSIZE: max_size,
        zmq.RECONNECT_IVL: reconnect,
        zmq.RECONNECT_IVL_MAX: reconnect_max,
        **TRIED_AGAIN,
        **keepalive.options(),
        **heartbeat.options(),
        **ip_options(address, ipv6),
    }
    if identity:
        options[zmq.IDENTITY] = identity
    # Bounded, and shed when nobody reads: see NOTICES.
    send, receive = trio.open_memory_channel[Notice](NOTICES)
    async with context_or_own(context) as context, send, receive:
        with open_socket(context, zmq.PAIR) as monitor, open_socket(context, zmq.SUB, options) as socket:
            monitor.connect(socket.monitor(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED))
            for topic in topics:
                socket.subscribe(topic)
            subscriber = Subscriber(socket, receive)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(subscriber._watch, monitor, send)
                socket.connect(address)
                yield subscriber
                nursery.cancel_scope.cancel()
