"""Port 4506, both ends: the request server (ROUTER) and the request client (DEALER, wire-equal with REQ).

Frames are `[routing id][b""][payload]` on the server's side, `[b""][payload]` on the client's. What a payload means
is not known here: `master.request_server` and `minion.link` know.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import chain, repeat

import structlog
import trio
import zmq

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.transport.guests import SMALL, Guests
from trisalt.transport.hands import Hands, open_hands
from trisalt.transport.zmq import (
    HEARTBEAT,
    KEEPALIVE,
    QUICK,
    TRIED_AGAIN,
    Context,
    Heartbeat,
    KeepAlive,
    Socket,
    context_or_own,
    follow,
    ip_options,
    open_socket,
)

log = structlog.get_logger()


# Source of both: stock Salt 3008.3, port 4506.
SERVER_KEEPALIVE = KeepAlive(on=1, idle=60, count=3, interval=15)
SERVER_LINGER = 1000
# Requests of one connection that may wait to be read: a stock peer has one, and a stranger's are not to fill memory.
SERVER_HWM = 16

# How many requests that came together are handled together: until all have been opened, nothing else happens.
TOGETHER = 64

# Seconds before one request is sent again while connections are lost under it: at once first, then with patience.
AGAIN, LATER = (0.0, 1.0, 2.0), 5.0
# By so many seconds at most what wakes for a connection's deadlines is too early: then it goes on.
EARLIER = 1.0

# How many requests may wait for their answers, and how many bytes of them, before no more is read. Whoever handles them
# keeps one kind from holding up another: that needs all of them to be read.
MAX_RUNNING = 32_768
MAX_HELD = 512 * 1024 * 1024

# A request is read while it is small enough to be one: the largest is a return or a pushed file.
MAX_REQUEST = 128 * 1024 * 1024


class Asked:
    """One request that came in: its `payload`, and the network address of its `peer`, or an empty one.

    `connection` is a number of the connection that it came by, -1 where there is none: `hung_up` tells of its loss.
    """

    __slots__ = ("_kept", "_routing_id", "_server", "connection", "payload", "peer")

    def __init__(
        self, server: RequestServer, routing_id: bytes, payload: bytes, peer: str, connection: int = -1
    ) -> None:
        self.payload = payload
        self.peer = peer
        self.connection = connection
        self._server: RequestServer | None = server
        self._routing_id = routing_id
        self._kept = False

    @property
    def left(self) -> bool:
        """Whether it has no answer, and nobody has kept it."""
        return self._server is not None and not self._kept

    def keep(self) -> None:
        """Somebody answers it later: not before its handler ends."""
        assert self._server is not None
        self._kept = True
        self._server.kept.add(self)

    def answer(self, reply: bytes) -> None:
        """Answer it, once."""
        answer_all([(self, reply)])

    def _done(self) -> RequestServer:
        server, self._server = self._server, None
        if server is None:
            raise LocalProtocolError("a request was answered twice")
        server.held -= len(self.payload)
        if self._kept:
            server.kept.discard(self)
        return server


def answer_all(answers: Iterable[tuple[Asked, bytes]]) -> None:
    """Answer requests of one server, each once: cheaper than one by one."""
    server: RequestServer | None = None
    replies = []
    for asked, reply in answers:
        server = asked._done()
        replies.append((asked._routing_id, b"", reply))
    if server is not None:
        server.send(replies)


Handle = Callable[[Sequence[Asked]], Awaitable[None]]


class RequestServer:
    """A bound request server; `port` is where. `running` requests and the bytes `held` for them are counted, and
    `answered` and `dropped` messages."""

    def __init__(
        self,
        socket: Socket,
        handle: Handle,
        guests: Guests,
        *,
        port: int,
        fallback: bytes,
        max_running: int,
        max_held: int,
    ) -> None:
        self.port = port
        self.running = 0
        self.held = 0
        # Those that somebody answers later.
        self.kept: set[Asked] = set()
        self.answered = 0
        self.dropped = 0
        self._socket = socket
        self._handle = handle
        self._guests = guests
        self._fallback = fallback
        self._max_running = max_running
        self._max_held = max_held
        self._room = trio.lowlevel.ParkingLot()

    async def _read(self, hands: Hands) -> None:
        while True:
            while self.running >= self._max_running or self.held >= self._max_held:
                await self._room.park()
            messages = await self._socket.receive_frames(min(self._max_running - self.running, TOGETHER))
            together = []
            for frames in messages:
                if (asked := self._asked(frames)) is not None:
                    together.append(asked)
                    self.held += len(asked.payload)
            if together:
                self.running += len(together)
                hands.start_soon(self._answer, together)

    def _asked(self, frames: list[zmq.Frame]) -> Asked | None:
        if len(frames) != 3 or len(frames[1]):
            self.dropped += 1
            log.debug("request.dropped", peer=_peer(frames[-1]), frames=len(frames))
            return None
        payload = frames[2]
        connection = payload.get(zmq.SRCFD)
        self._guests.handed(connection, len(payload))
        return Asked(self, frames[0].bytes, payload.bytes, _peer(payload), connection)

    async def _answer(self, together: list[Asked]) -> None:
        try:
            await self._handle(together)
        except Exception as exc:
            log.error("request.failed", peer=together[0].peer, exc_info=exc)
        finally:
            answer_all([(asked, self._fallback) for asked in together if asked.left])

    def give_up(self) -> None:
        """Nobody is there any more who would answer: those that were kept get the fallback."""
        answer_all([(asked, self._fallback) for asked in list(self.kept)])

    def send(self, replies: list[tuple[bytes, bytes, bytes]]) -> None:
        """Send answers, each to where its request came from."""
        self.running -= len(replies)
        self.answered += len(replies)
        if self._room:
            self._room.unpark()
        # A ROUTER never blocks: what it cannot deliver (the peer has gone, or reads nothing) is dropped.
        self._socket.send_nowait(*replies)


def _peer(frame: zmq.Frame) -> str:
    try:
        return str(frame.get("Peer-Address"))
    except zmq.ZMQError:
        return ""


@asynccontextmanager
async def open_request_server(
    address: str,
    handle: Handle,
    *,
    fallback: bytes,
    grace: float,
    context: Context | None = None,
    max_running: int = MAX_RUNNING,
    max_held: int = MAX_HELD,
    backlog: int = 1000,
    max_size: int = MAX_REQUEST,
    keepalive: KeepAlive = SERVER_KEEPALIVE,
    heartbeat: Heartbeat = HEARTBEAT,
    ipv6: bool = False,
    hung_up: Callable[[int], object] = lambda _connection: None,
    proven: Callable[[int], bool] = lambda _connection: False,
) -> AsyncIterator[RequestServer]:
    """Answer requests at `address` (`tcp://host:port`) until left.

    `handle(asked)` runs in a task of its own for the requests that came together (one, mostly), and answers each of
    them when it can. Those that it leaves, because it raises, forgets them, or is cut off by the end of `grace`
    (seconds, on leaving), are answered with `fallback`: every well-framed request is answered, once. One that was kept
    (`Asked.keep`) is answered by another's handler, or with `fallback` at the end. While
    `max_running` of them, or `max_held` bytes, wait for their answers no more is read. Messages above `max_size` bytes
    end their connection, and so do frames that are more than that together.
    `context` None opens one just for this. `hung_up(connection)` is told of each connection that is lost;
    `proven(connection)` says whether somebody is known to be there, who is the last to be hung up on where there are
    too many.
    Raises ConfigError when the address is in use.
    """
    options = {
        zmq.LINGER: SERVER_LINGER,
        zmq.ROUTER_HANDOVER: 1,
        zmq.RCVHWM: SERVER_HWM,
        zmq.MAXMSGSIZE: max_size,
        zmq.BACKLOG: backlog,
        **keepalive.options(),
        **heartbeat.options(),
        **ip_options(address, ipv6),
    }
    async with context_or_own(context) as context:
        with open_socket(context, zmq.PAIR) as monitor, open_socket(context, zmq.ROUTER, options) as socket:
            monitor.connect(socket.monitor(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED))
            port = socket.bind(address)
            guests = Guests(lambda _age: max_size + SMALL, proven=proven)
            server = RequestServer(
                socket, handle, guests, port=port, fallback=fallback, max_running=max_running, max_held=max_held
            )

            def hear(event: int, connection: int) -> None:
                guests.hear(event, connection)
                if event != zmq.EVENT_ACCEPTED:
                    hung_up(connection)

            try:
                async with trio.open_nursery() as handlers:
                    with open_hands(handlers) as hands:
                        async with trio.open_nursery() as door:
                            door.start_soon(server._read, hands)
                            door.start_soon(follow, monitor, hear)
                            door.start_soon(guests.watch)
                            yield server
                            # Not unbound before the handlers are done: ZeroMQ ends a listener's connections with it,
                            # and their answers are still to go out. Who asks now is not read, and asks again.
                            door.cancel_scope.cancel()
                    handlers.cancel_scope.deadline = trio.current_time() + grace
            finally:
                server.give_up()


class _Connection:
    """One DEALER to one address, and the monitor that tells when its connection is lost."""

    def __init__(self, context: Context, address: str, options: dict[int, int | bytes]) -> None:
        self.lost = self._late = False
        # Until when whoever asks has patience. The scope is that of `watch`, which is there anyway; its own deadline is
        # that or a little sooner, and stays when the answer is here: to set one costs as much as to send.
        self._deadline = math.inf
        self._patience = trio.CancelScope()
        self.monitor = Socket(context, zmq.PAIR)
        try:
            self.socket = Socket(context, zmq.DEALER, options)
        except BaseException:
            self.monitor.close()
            raise
        try:
            self.monitor.connect(self.socket.monitor(zmq.EVENT_DISCONNECTED))
            self.socket.connect(address)
        except BaseException:
            self.close()
            raise

    @property
    def fresh(self) -> bool:
        """Nothing has been lost since, or was late, and nothing came that nobody asked for."""
        return not self.lost and not self._late and not self.socket.readable

    async def ask(self, payload: bytes, *, deadline: float) -> list[bytes] | None:
        """The frames that come for `payload`; None when the connection is lost before. Raises TooSlowError."""
        self._deadline = deadline
        if not deadline - EARLIER <= self._patience.deadline <= deadline:
            self._patience.deadline = deadline
        try:
            try:
                self.socket.send_nowait((b"", payload))
            except trio.WouldBlock:
                await self.socket.send((b"", payload))
            frames = await self.socket.receive()
        except trio.ClosedResourceError:
            if self._late:
                raise trio.TooSlowError from None
            if self.lost:
                return None
            raise
        self._deadline = math.inf
        return frames

    async def watch(self) -> None:
        """Notice that the connection is lost, or that it is too late, and tell whoever asks on it; ends with it."""
        try:
            while True:
                with self._patience:
                    await self.monitor.receive()
                if not self._patience.cancelled_caught:
                    break
                if trio.current_time() >= self._deadline:
                    self._late = True
                    self.socket.close()
                    return
                # That request has its answer; whoever asks now has longer.
                self._patience = trio.CancelScope(deadline=self._deadline)
        except trio.ClosedResourceError:
            return
        self.lost = True
        # What came before the loss is there by now, and counts.
        if not self.socket.readable:
            self.socket.close()

    def close(self) -> None:
        """Hang up. The monitored one first: its monitor must not be gone while it reports."""
        self.socket.close()
        self.monitor.close()


class RequestClient:
    """Requests to one address, many at a time; each has a connection to itself while it waits.

    There is nothing in a reply that says which request it answers: order on one connection is all there is. So a
    connection is used again only after a clean answer, and closed after anything else. Each has a task in `watchers`.
    """

    def __init__(
        self,
        context: Context,
        address: str,
        watchers: trio.Nursery,
        *,
        options: dict[int, int | bytes],
        max_running: int,
        max_idle: int,
    ) -> None:
        self._watchers = watchers
        self._turns = trio.Semaphore(max_running)
        self._context = context
        self._address = address
        self._options = options
        self._max_idle = max_idle
        self._idle: deque[_Connection] = deque()

    async def request(self, payload: bytes | Callable[[], bytes], *, deadline: float = math.inf) -> bytes:
        """Send `payload`, wait for its answer, until `deadline` (Trio's time); a late answer goes nowhere.

        A callable makes it anew for each sending, for a peer that takes the same bytes but once.

        It is sent again whenever the connection is lost before the answer (a master that restarts), the longer the
        later: this payload may be what the peer hangs up on.
        Raises TooSlowError, and RemoteProtocolError when what comes back is not framed as an answer.
        """
        try:
            self._turns.acquire_nowait()
        except trio.WouldBlock:
            with trio.fail_at(deadline):
                await self._turns.acquire()
        try:
            for wait in chain(AGAIN, repeat(LATER)):
                answer = await self._try(payload if isinstance(payload, bytes) else payload(), deadline)
                if answer is not None:
                    return answer
                log.debug("request.lost", address=self._address)
                with trio.fail_at(deadline):
                    await trio.sleep(wait)
            raise AssertionError("there is always another time")
        finally:
            self._turns.release()

    async def _try(self, payload: bytes, deadline: float) -> bytes | None:
        connection = self._take()
        clean = False
        try:
            frames = await connection.ask(payload, deadline=deadline)
            if frames is None:
                return None
            if len(frames) != 2 or frames[0]:
                raise RemoteProtocolError(f"an answer of {len(frames)} frames came from {self._address}")
            clean = True
            return frames[1]
        finally:
            if clean and len(self._idle) < self._max_idle:
                self._idle.append(connection)
            else:
                connection.close()
            if not clean:
                # Those that are kept go the same way, which may be dead: the next try is not to find that out again.
                self._hang_up()

    def close(self) -> None:
        """Close the connections that are kept. Those in use close with their requests."""
        self._max_idle = 0
        self._hang_up()

    def _hang_up(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> _Connection:
        while self._idle:
            # The one that was used last: its connection is the likeliest to stand.
            connection = self._idle.pop()
            if connection.fresh:
                return connection
            connection.close()
        connection = _Connection(self._context, self._address, self._options)
        self._watchers.start_soon(connection.watch)
        return connection


@asynccontextmanager
async def open_request_client(
    address: str,
    *,
    context: Context | None = None,
    max_running: int = 64,
    max_idle: int = 4,
    max_size: int = MAX_REQUEST,
    reconnect_max: int = 5000,
    keepalive: KeepAlive = KEEPALIVE,
    heartbeat: Heartbeat = QUICK,
    ipv6: bool = False,
) -> AsyncIterator[RequestClient]:
    """A client of the request server at `address`.

    At most `max_running` requests are under way, each with a connection; further ones wait for their turn. At most
    `max_idle` connections are kept for later requests.
    Nothing is connected before the first request. `reconnect_max` is in milliseconds. `context` None opens one just
    for this. Raises ConfigError, at the first request, for an address that cannot be.
    """
    options = {
        zmq.LINGER: 0,
        zmq.MAXMSGSIZE: max_size,
        zmq.RECONNECT_IVL_MAX: reconnect_max,
        **TRIED_AGAIN,
        **keepalive.options(),
        **heartbeat.options(),
        **ip_options(address, ipv6),
    }
    async with context_or_own(context) as context, trio.open_nursery() as watchers:
        client = RequestClient(context, address, watchers, options=options, max_running=max_running, max_idle=max_idle)
        try:
            yield client
        finally:
            client.close()
            watchers.cancel_scope.cancel()
