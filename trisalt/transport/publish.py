"""Port 4505, both ends: the publisher (PUB), and the subscriber (SUB) with its topic filter.

A publication is one frame, or `[topic][payload]`. What a payload means is not known here: `master.publisher` and
`minion.link` know.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio
import zmq

from trisalt.transport.guests import Guests
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
# What a subscriber may ask for: a minion has two topics at most, of 40 characters; its id comes with the greeting.
MOST_TOPICS, LONGEST_TOPIC = 8, 1024
# Of what one subscriber says so much is taken at a time, and then others have their turn, we among them: ZeroMQ takes
# what is there in the thread of whoever asks it for anything, and would go on for as long as somebody sends.
UNREAD = 2
# What a message from a subscriber begins with that has gone, or wants a topic no more.
NO_MORE = b"\0"
MOST_SAID, SAID_EACH_SECOND = 16 * 1024, 256


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


async def _hear_topics(socket: Socket, guests: Guests) -> None:
    """Take what subscribers ask for that nobody else has asked for yet. They come and go while nothing is published
    for hours: the socket hears of them here, too."""
    while True:
        for frames in await socket.receive_frames():
            if frames[0].bytes[:1] == NO_MORE:
                continue
            try:
                guests.asks_for_topic(frames[0].get(zmq.SRCFD), MOST_TOPICS)
            except zmq.ZMQError:
                # Nobody's: ZeroMQ's own word.
                pass


def _allowance(age: float) -> float:
    """How much a subscriber may have sent: its greeting, its topics, and answers to heartbeats."""
    return MOST_SAID + age * SAID_EACH_SECOND


@asynccontextmanager
async def open_publisher(
    address: str,
    *,
    context: Context | None = None,
    hwm: int = 1000,
    backlog: int = 1000,
    max_size: int = LONGEST_TOPIC,
    keepalive: KeepAlive = PROBED,
    heartbeat: Heartbeat = NO_HEARTBEAT,
    ipv6: bool = False,
    subscribed: Callable[[str, bool], object] = lambda _address, _here: None,
) -> AsyncIterator[Publisher]:
    """Publish at `address` (`tcp://host:port`) until left. `max_size` is for what subscribers send: subscriptions.

    `subscribed(address, here)` is told of each connection that comes or goes; whose it is, nothing here can prove. One
    that asks for more than `MOST_TOPICS`, or sends what is no subscription, is ended.
    `context` None opens one just for this. Raises ConfigError when the address is in use.
    """
    options: dict[int, int | bytes] = {
        zmq.LINGER: LINGER,
        zmq.SNDHWM: hwm,
        zmq.RCVHWM: UNREAD,
        zmq.BACKLOG: backlog,
        zmq.MAXMSGSIZE: max_size,
        **keepalive.options(),
        **heartbeat.options(),
        **ip_options(address, ipv6),
    }
    async with context_or_own(context) as context:
        # An XPUB is a PUB to its peers, and tells us what they ask for.
        with open_socket(context, zmq.PAIR) as monitor, open_socket(context, zmq.XPUB, options) as socket:
            monitor.connect(socket.monitor(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED))
            guests = Guests(_allowance)

            def hear(event: int, connection: int) -> None:
                if address := guests.hear(event, connection):
                    subscribed(address, event == zmq.EVENT_ACCEPTED)

            publisher = Publisher(socket, port=socket.bind(address))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_hear_topics, socket, guests)
                nursery.start_soon(follow, monitor, hear)
                nursery.start_soon(guests.watch)
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
