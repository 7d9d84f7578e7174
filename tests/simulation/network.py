"""Both ports in memory: what `transport/request` and `transport/publish` offer, over lines that have faults.

The real `RequestServer`, `RequestClient`, `Publisher` and `Subscriber` run, on sockets that are queues here. As over
ZeroMQ, a request has a connection to itself and waits for a server that is not there; a subscriber's line keeps the
order; a lost connection is told to the minion's side only. All that is on its way is a timer.
"""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio
import zmq

from tests.simulation.clock import Clock
from tests.simulation.faults import Cut, Delay, Fault, Lose, Moment, Partition, Repeat
from tests.simulation.trace import Trace
from trisalt.minion.link import Dial
from trisalt.transport.guests import Guests
from trisalt.transport.hands import open_hands
from trisalt.transport.publish import NOTICES, Notice, Publisher, Subscriber
from trisalt.transport.request import MAX_HELD, MAX_RUNNING, Handle, RequestClient, RequestServer
from trisalt.transport.zmq import MONITOR_FRAME

# Seconds that a message takes, and seconds between two tries to connect.
FASTEST, SLOWEST = 0.0002, 0.004
AGAIN = (0.1, 1.0)
# A line that is cut off for so long is given up (the heartbeats of `transport/zmq`).
GIVEN_UP_AFTER = 30.0


class Queue:
    """What is received of a `transport.zmq.Socket`: messages that came, taken in batches."""

    def __init__(self) -> None:
        self._messages: deque[list[Any]] = deque()
        self._arrived = trio.lowlevel.ParkingLot()

    def put(self, message: list[Any]) -> None:
        """A message has come."""
        self._messages.append(message)
        self._arrived.unpark()

    async def receive_all(self) -> list[list[Any]]:
        """All that are there, at least one."""
        return await self.receive_frames(math.inf)

    async def receive_frames(self, most: float) -> list[list[Any]]:
        """As many, at least one."""
        await trio.lowlevel.checkpoint()
        while not self._messages:
            await self._arrived.park()
        taken: list[list[Any]] = []
        while self._messages and len(taken) < most:
            taken.append(self._messages.popleft())
        return taken


class Frame(bytes):
    """A `zmq.Frame`: its bytes, whom it came from, and by which connection."""

    peer = ""
    connection = -1

    @property
    def bytes(self) -> bytes:
        return bytes(self)

    def get(self, option: object) -> object:
        return self.connection if option == zmq.SRCFD else self.peer


class Peer:
    """One end of the network: whose it is, and whether it is still there. What is not there neither sends nor hears."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.gone = False


class _Exchange:
    """One request and its answer, on a connection to itself."""

    def __init__(self, number: int, connection: int, peer: Peer, address: str, payload: bytes) -> None:
        self.number = number
        self.connection = connection
        self.peer = peer
        self.address = address
        self.payload = payload
        self.server: _Server | None = None
        self.frames: list[bytes] | None = None
        self.over = trio.Event()

    def end(self, frames: list[bytes] | None) -> None:
        """It is answered; or its connection is lost."""
        if not self.over.is_set():
            self.frames = frames
            self.over.set()


class _Server(Queue):
    """The socket of a request server.

    `waiting` are the exchanges that have reached it, `connections` those that it knows: `hung_up` is told of their loss.
    """

    def __init__(self, network: Network, peer: Peer, hung_up: Callable[[int], object]) -> None:
        super().__init__()
        self.network = network
        self.peer = peer
        self.hung_up = hung_up
        self.waiting: dict[bytes, _Exchange] = {}
        self.connections: dict[int, Peer] = {}

    def lose(self, connection: int) -> None:
        """A connection has come to its end."""
        if self.connections.pop(connection, None) is not None and not self.peer.gone:
            self.hung_up(connection)

    def send_nowait(self, *replies: Sequence[bytes]) -> None:
        """Answers, each to where its request came from."""
        for routing_id, _empty, reply in replies:
            exchange = self.waiting.pop(routing_id, None)
            if exchange is not None and not self.peer.gone:
                self.network.answer(exchange, reply)


class _Connection:
    """What `RequestClient` needs of a connection."""

    def __init__(self, network: Network, peer: Peer, address: str) -> None:
        self.fresh = True
        self._number = network.number()
        self._network = network
        self._peer = peer
        self._address = address
        self._exchange: _Exchange | None = None

    async def ask(self, payload: bytes, *, deadline: float) -> list[bytes] | None:
        self._exchange = exchange = self._network.ask(self._number, self._peer, self._address, payload)
        with trio.fail_at(deadline):
            await exchange.over.wait()
        return exchange.frames

    def close(self) -> None:
        self.fresh = False
        if self._exchange is not None:
            self._exchange.end(None)
        self._network.close(self._number, self._peer, self._address)


class _Client(RequestClient):
    """The real client, on connections of ours."""

    def __init__(self, network: Network, peer: Peer, address: str, watchers: trio.Nursery) -> None:
        super().__init__(None, address, watchers, options={}, max_running=64, max_idle=4)  # type: ignore[arg-type]
        self._network, self._peer = network, peer

    def _take(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if connection.fresh:
                return connection
        return _Connection(self._network, self._peer, self._address)


class _Line:
    """The connection of one subscriber, which is made again whenever it is lost."""

    def __init__(self, peer: Peer, address: str) -> None:
        self.peer = peer
        self.address = address
        self.messages = Queue()
        self.monitor = Queue()
        self.publisher: _Publishing | None = None
        self.closed = False
        # Half open: nobody knows yet that nothing comes through.
        self.dead = False
        # Nothing overtakes on one connection; a new connection has a new number.
        self.last = 0.0
        self.number = 0

    def say(self, notice: Notice) -> None:
        event = zmq.EVENT_HANDSHAKE_SUCCEEDED if notice is Notice.CONNECTED else zmq.EVENT_DISCONNECTED
        self.monitor.put([MONITOR_FRAME.pack(event, 0)])


class _Publishing:
    """The socket of a publisher. `subscribed` is told who comes and goes."""

    def __init__(self, network: Network, peer: Peer, subscribed: Callable[[str, bool], object]) -> None:
        self.network = network
        self.peer = peer
        self.subscribed = subscribed
        self.lines: dict[_Line, None] = {}

    def connect(self, line: _Line) -> None:
        """A subscriber comes."""
        line.publisher = self
        self.lines[line] = None
        if not self.peer.gone:
            self.subscribed(line.peer.id, True)

    def lose(self, line: _Line) -> None:
        """A connection has come to its end."""
        if line in self.lines:
            del self.lines[line]
            if not self.peer.gone:
                self.subscribed(line.peer.id, False)

    def send_nowait(self, *messages: Sequence[bytes]) -> None:
        """Publish, to whoever is connected."""
        if not self.peer.gone:
            for message in messages:
                for line in list(self.lines):
                    self.network.publish(line, list(message))


@attrs.frozen
class _Fate:
    """What becomes of a message: seconds on its way (None: it is lost), seconds until it comes once more, seconds until
    its connection is given up (None: it is not), and the moment that it is held back for."""

    seconds: float | None = None
    again: float | None = None
    cut: float | None = None
    till: Moment | None = None


class Network:
    """All that is on its way. No message is hit any more after `calm`.

    `sent` has the channel of each message, and how long the trace was then.
    """

    def __init__(self, seed: int, calm: float, trace: Trace, clock: Clock, hit: Callable[[Fault], object]) -> None:
        self._seed = seed
        self._clock = clock
        self._calm = calm
        self._trace = trace
        self._hit = hit
        self._partitions: list[Partition] = []
        self._faults: dict[tuple[str, int], list[Lose | Delay | Repeat | Cut]] = {}
        self.sent: list[tuple[str, int]] = []
        self._sent: Counter[str] = Counter()
        self._servers: dict[str, _Server] = {}
        self._publishers: dict[str, _Publishing] = {}
        self._lines: dict[_Line, None] = {}
        self._numbers = 0

    def strike(self, fault: Lose | Delay | Repeat | Cut | Partition) -> None:
        """Let it happen, from now on: a message counts from here."""
        if isinstance(fault, Partition):
            self._hit(fault)
            partition = attrs.evolve(fault, at=self._clock.now)
            self._partitions.append(partition)
            self._clock.after(GIVEN_UP_AFTER, partial(self._give_up, partition))
        else:
            number = self._sent[fault.channel] + fault.number
            self._faults.setdefault((fault.channel, number), []).append(fault)

    # -- the wire ---------------------------------------------------------------------------------------------

    def _fate(self, peer: Peer, way: str) -> _Fate:
        """What becomes of the next message on a channel."""
        channel = f"{peer.id}/{way}"
        number = self._sent[channel]
        self._sent[channel] += 1
        self.sent.append((channel, len(self._trace.lines)))
        draw = random.Random(f"{self._seed} {channel} {number}")
        seconds: float | None = draw.uniform(FASTEST, SLOWEST)
        again: float | None = None
        cut: float | None = None
        till: Moment | None = None
        for fault in self._faults.get((channel, number), ()) if self._clock.now <= self._calm else ():
            self._trace.note(channel, type(fault).__name__.lower(), number=number)
            self._hit(fault)
            match fault:
                case Lose(dead=dead):
                    seconds, cut = None, GIVEN_UP_AFTER if dead else cut
                case Cut():
                    seconds, cut = None, SLOWEST
                case Delay(seconds=longer, till=held) if seconds is not None:
                    seconds, till = longer if held else seconds + longer, held
                case Repeat(seconds=later):
                    again = later
        if (partition := self._cut_off(peer)) is not None:
            self._trace.note(channel, "cut off", number=number)
            if not partition.keeps:
                # What is sent is never acknowledged: in the end the connection is given up.
                return _Fate(cut=GIVEN_UP_AFTER if cut is None else cut)
            if seconds is not None:
                seconds += partition.until() - self._clock.now
        return _Fate(seconds, again, cut, till)

    def _carry(self, fate: _Fate, act: Callable[[], object]) -> None:
        """A message is on its way, until it is there."""
        if fate.till is not None:
            self._trace.when(fate.till, partial(self._clock.after, fate.seconds or 0.0, act))
        elif fate.seconds is not None:
            self._clock.after(fate.seconds, act)

    def _cut_off(self, peer: Peer) -> Partition | None:
        now = self._clock.now
        return next((one for one in self._partitions if one.id == peer.id and now < one.until()), None)

    def _told_within(self, peer: Peer) -> float:
        """Seconds until a minion learns that the other end of a connection is gone: at once, or when it asks again."""
        partition = self._cut_off(peer)
        return SLOWEST * 2 + (
            0.0 if partition is None else min(partition.until() - self._clock.now + 5.0, GIVEN_UP_AFTER)
        )

    def _draw(self, *of: object) -> random.Random:
        return random.Random(" ".join(map(str, (self._seed, *of))))

    # -- requests ---------------------------------------------------------------------------------------------

    def number(self) -> int:
        """A number that nothing else has: of an exchange, of a connection."""
        self._numbers += 1
        return self._numbers

    def ask(self, connection: int, peer: Peer, address: str, payload: bytes) -> _Exchange:
        """A request sets out."""
        exchange = _Exchange(self.number(), connection, peer, address, payload)
        if peer.gone:
            return exchange
        fate = self._fate(peer, "request")
        if fate.cut is not None:
            self._clock.after(fate.cut, lambda: exchange.end(None))
        else:
            self._carry(fate, lambda: self._deliver(exchange, tries=0))
            if fate.seconds is not None and fate.again is not None:
                later = fate.seconds + fate.again
                self._clock.after(later, lambda: self._deliver(exchange, tries=0, repeated=True))
        return exchange

    def _deliver(self, exchange: _Exchange, *, tries: int, repeated: bool = False) -> None:
        """A request arrives, where somebody listens; else it is tried again while its connection is wanted."""
        server = self._servers.get(exchange.address)
        if server is None or server.peer.gone:
            if not exchange.over.is_set() and not exchange.peer.gone:
                wait = self._draw("connect", exchange.number, tries).uniform(*AGAIN)
                self._clock.after(wait, lambda: self._deliver(exchange, tries=tries + 1, repeated=repeated))
            return
        routing_id = f"{exchange.number}{'r' if repeated else ''}".encode()
        exchange.server = server
        server.waiting[routing_id] = exchange
        server.connections[exchange.connection] = exchange.peer
        frame = Frame(exchange.payload)
        frame.peer, frame.connection = exchange.peer.id, exchange.connection
        server.put([Frame(routing_id), Frame(b""), frame])

    def answer(self, exchange: _Exchange, reply: bytes) -> None:
        """An answer sets out."""
        # An answer that comes twice finds a connection on which nobody waits.
        fate = self._fate(exchange.peer, "answer")
        if fate.cut is not None:
            self._clock.after(fate.cut, lambda: exchange.end(None))
        else:
            self._carry(fate, lambda: exchange.end([b"", reply]))

    def close(self, connection: int, peer: Peer, address: str) -> None:
        """A minion hangs up."""
        server = self._servers.get(address)
        if server is not None and connection in server.connections:
            self._clock.after(self._told_within(peer), lambda: server.lose(connection))

    @asynccontextmanager
    async def listen(
        self,
        peer: Peer,
        address: str,
        handle: Handle,
        *,
        fallback: bytes,
        grace: float,
        hung_up: Callable[[int], object],
    ) -> AsyncIterator[RequestServer]:
        """What `transport.request.open_request_server` is."""
        socket = self._servers[address] = _Server(self, peer, hung_up)
        limits = {"max_running": MAX_RUNNING, "max_held": MAX_HELD}
        # Nobody here takes more than a guest may: the kernel would have to say so.
        guests = Guests(lambda _age: math.inf)
        server = RequestServer(socket, handle, guests, port=0, fallback=fallback, **limits)  # type: ignore[arg-type]
        try:
            async with trio.open_nursery() as handlers:
                with open_hands(handlers) as hands:
                    async with trio.open_nursery() as door:
                        door.start_soon(server._read, hands)
                        yield server
                        door.cancel_scope.cancel()
                handlers.cancel_scope.deadline = self._clock.now + grace
        finally:
            server.give_up()
            self._hang_up(address, socket)

    def _hang_up(self, address: str, socket: _Server) -> None:
        if self._servers.get(address) is socket:
            del self._servers[address]
        for exchange in socket.waiting.values():
            if not exchange.over.is_set():
                self._clock.after(self._told_within(exchange.peer), lambda one=exchange: one.end(None))
        socket.waiting.clear()

    # -- publications -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def publisher(
        self, peer: Peer, address: str, *, subscribed: Callable[[str, bool], object]
    ) -> AsyncIterator[Publisher]:
        """What `transport.publish.open_publisher` is."""
        socket = self._publishers[address] = _Publishing(self, peer, subscribed)
        try:
            yield Publisher(socket, port=0)  # type: ignore[arg-type]
        finally:
            self._unpublish(address, socket)

    def _unpublish(self, address: str, socket: _Publishing) -> None:
        if self._publishers.get(address) is socket:
            del self._publishers[address]
        for line in list(socket.lines):
            self._lose(line, self._told_within(line.peer))
        socket.lines.clear()

    def publish(self, line: _Line, message: list[bytes]) -> None:
        """A publication sets out on one line."""
        if line.dead:
            return
        fate = self._fate(line.peer, "publication")
        if fate.cut == GIVEN_UP_AFTER:
            line.dead = True
            self._clock.after(fate.cut, partial(self._bury, line))
        elif fate.cut is not None:
            self._lose(line, fate.cut)
        elif fate.seconds is not None:
            number = line.number
            line.last = max(line.last, self._clock.now + fate.seconds)
            self._clock.at(line.last, lambda: self._arrive(line, message, number))
            if fate.again is not None:
                self._clock.at(line.last + fate.again, lambda: self._replay(line, message))

    def _arrive(self, line: _Line, message: list[bytes], number: int) -> None:
        if not line.closed and not line.dead and not line.peer.gone and line.number == number:
            line.messages.put(message)

    def _replay(self, line: _Line, message: list[bytes]) -> None:
        """It comes once more, by whatever line its subscriber has by now: also to one that was started anew."""
        for other in self._lines:
            if other.peer.id == line.peer.id and other.address == line.address:
                self._arrive(other, message, other.number)

    def _bury(self, line: _Line) -> None:
        """Both ends find out that a connection is dead, if it still is that one."""
        if line.dead and line.publisher is not None:
            self._lose(line, 0.0)

    def _lose(self, line: _Line, seconds: float) -> None:
        """A connection is lost, the subscriber hears of it, and connects again."""
        line.dead = False
        if line.publisher is not None:
            line.publisher.lose(line)
            line.publisher = None
        line.number += 1

        def tell() -> None:
            if not line.closed:
                line.say(Notice.DISCONNECTED)
                self._connect(line, tries=0)

        self._clock.after(seconds, tell)

    def _leave(self, line: _Line) -> None:
        """A subscriber has hung up; its publisher hears of that as far as the network stands."""
        if (publisher := line.publisher) is not None:
            line.publisher = None
            self._clock.after(self._told_within(line.peer), lambda: publisher.lose(line))

    def _give_up(self, partition: Partition) -> None:
        for line in list(self._lines):
            if line.peer.id == partition.id and line.publisher is not None and self._cut_off(line.peer) is partition:
                self._lose(line, 0.0)

    def _connect(self, line: _Line, *, tries: int) -> None:
        wait = self._draw("line", line.peer.id, line.number, tries).uniform(*AGAIN)

        def try_it() -> None:
            publisher = self._publishers.get(line.address)
            if line.closed or line.peer.gone:
                return
            if publisher is None or publisher.peer.gone or self._cut_off(line.peer) is not None:
                self._connect(line, tries=tries + 1)
                return
            publisher.connect(line)
            line.say(Notice.CONNECTED)

        self._clock.after(wait if tries or line.number else SLOWEST, try_it)

    @asynccontextmanager
    async def _subscriber(self, peer: Peer, address: str) -> AsyncIterator[Subscriber]:
        send, receive = trio.open_memory_channel[Notice](NOTICES)
        line = _Line(peer, address)
        async with send, receive, trio.open_nursery() as nursery:
            subscriber = Subscriber(line.messages, receive)  # type: ignore[arg-type]
            nursery.start_soon(subscriber._watch, line.monitor, send)
            self._lines[line] = None
            self._connect(line, tries=0)
            try:
                yield subscriber
            finally:
                line.closed = True
                del self._lines[line]
                self._leave(line)
            nursery.cancel_scope.cancel()

    # -- what a minion is given, and what a crash does -----------------------------------------------------------

    @asynccontextmanager
    async def dial(self, peer: Peer) -> AsyncIterator[Dial]:
        """What `minion.daemon.open_dial` is."""

        @asynccontextmanager
        async def client(address: str) -> AsyncIterator[RequestClient]:
            async with trio.open_nursery() as watchers:
                client = _Client(self, peer, address, watchers)
                try:
                    yield client
                finally:
                    client.close()
                    watchers.cancel_scope.cancel()

        def subscriber(address: str) -> AbstractAsyncContextManager[Subscriber]:
            return self._subscriber(peer, address)

        async def resolve(host: str, _port: int) -> list[str]:
            await trio.lowlevel.checkpoint()
            return [host]

        yield Dial(client=client, subscriber=subscriber, resolve=resolve)

    def crash(self, peer: Peer) -> None:
        """A daemon is gone: its connections are reset, as far as the network stands."""
        peer.gone = True
        for address, server in list(self._servers.items()):
            if server.peer is peer:
                self._hang_up(address, server)
        for address, publisher in list(self._publishers.items()):
            if publisher.peer is peer:
                self._unpublish(address, publisher)
        for server in self._servers.values():
            for connection, other in list(server.connections.items()):
                if other is peer:
                    self._clock.after(self._told_within(peer), lambda at=server, number=connection: at.lose(number))
        for line in self._lines:
            if line.peer is peer:
                self._leave(line)

    def open(self) -> dict[str, int]:
        """What is open now, for the look for leaks."""
        return {"lines": len(self._lines), "servers": len(self._servers), "publishers": len(self._publishers)}
