"""A ZeroMQ socket as a Trio resource: non-blocking calls, batches, and the edge-triggered FD handled once.

Called by `request` and `publish`. A socket never leaves the Trio thread; the context's own I/O threads do the rest.

ZeroMQ has one FD per socket. It becomes readable when the socket's state *may* have changed, and any call on the
socket, by whichever task, may take that signal away. Two rules follow, and all of this file serves them:

1. A task waits only after `ZMQ_EVENTS` has said no, with no other call on the socket in between.
2. After any call, while somebody waits, `ZMQ_EVENTS` is read, and whoever it satisfies is woken.

One of the waiting tasks is at the FD; the others are parked. Whoever leaves sees to it that somebody is there.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import attrs
import trio
import zmq
from trio.lowlevel import wait_readable

from trisalt.errors import ConfigError

Context = zmq.Context[Any]
Frames = Sequence[bytes]
T = TypeVar("T")

TCP = "tcp://"

NOBLOCK = int(zmq.NOBLOCK)
MORE = int(zmq.NOBLOCK | zmq.SNDMORE)
IN = int(zmq.POLLIN)
OUT = int(zmq.POLLOUT)
EVENTS = int(zmq.EVENTS)

# How many messages are taken or given between two checkpoints: long enough to be cheap, short enough to be fair.
BATCH = 256
# What a socket monitor sends first: event and value, in the machine's byte order.
MONITOR_FRAME = struct.Struct("=Hi")
# How long a context may take to end: the longest LINGER there is (1 s, port 4506), and some.
TERM_PATIENCE = 3.0


@attrs.frozen(kw_only=True)
class KeepAlive:
    """TCP keepalive as ZeroMQ takes it: `on` 1, 0 or -1 (the system's default); seconds; -1 is the system's default.

    After `give_up` ms without an answer to a probe, or to what was sent, the connection ends; 0 leaves it to `count`.
    """

    on: int = 1
    idle: int = 300
    count: int = -1
    interval: int = -1
    give_up: int = 0

    def options(self) -> dict[int, int | bytes]:
        """The socket options."""
        return {
            zmq.TCP_KEEPALIVE: self.on,
            zmq.TCP_KEEPALIVE_IDLE: self.idle,
            zmq.TCP_KEEPALIVE_CNT: self.count,
            zmq.TCP_KEEPALIVE_INTVL: self.interval,
            **({zmq.TCP_MAXRT: self.give_up} if self.give_up else {}),
        }


@attrs.frozen(kw_only=True)
class Heartbeat:
    """ZMTP heartbeats: a ping every `interval` ms; `timeout` ms without an answer end the connection. 0 is off.

    The handshake before them may take as long as an answer: a peer that is connected and says nothing is none.
    """

    interval: int = 10_000
    timeout: int = 30_000

    def options(self) -> dict[int, int | bytes]:
        """The socket options."""
        if self.interval <= 0:
            return {}
        beats: dict[int, int | bytes] = {zmq.HEARTBEAT_IVL: self.interval}
        # Without a timeout of their own ZeroMQ has one for each.
        return (
            beats
            if self.timeout <= 0
            else beats | {zmq.HEARTBEAT_TIMEOUT: self.timeout, zmq.HANDSHAKE_IVL: self.timeout}
        )


# What stock Salt sets by default. Source: stock Salt 3008.3.
KEEPALIVE = KeepAlive()
HEARTBEAT = Heartbeat()
NO_HEARTBEAT = Heartbeat(interval=0)
# What a minion and a command ask of their own connections: a path that fell silent is known to be dead in 25 s.
QUICK = Heartbeat(timeout=15_000)

# How patient whoever connects is with packets that get no answer (ms), so that a way that opens again is tried soon:
# the kernel alone sends a lost SYN again after a minute and more.
TRIED_AGAIN: dict[int, int | bytes] = {zmq.CONNECT_TIMEOUT: 10_000}


def tcp_address(host: str, port: int) -> str:
    """`tcp://host:port`, with brackets around an IPv6 address."""
    return f"{TCP}{_bracketed(host)}:{port}"


def from_source(address: str, host: str, port: int) -> str:
    """A TCP address with the source to connect from, of which either may be left open: `""`, 0."""
    if not host and not port:
        return address
    return f"{TCP}{_bracketed(host or '*')}:{port};{address.removeprefix(TCP)}"


def ip_options(address: str, ipv6: bool) -> dict[int, int | bytes]:
    """IPv6 when it is asked for, or when the address is one."""
    return {zmq.IPV6: 1} if ipv6 or "[" in address else {}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


@asynccontextmanager
async def open_context(*, io_threads: int = 1) -> AsyncIterator[Context]:
    """The daemon's one ZeroMQ context. Ends when all its sockets have closed and their lingering is over."""
    context: Context = zmq.Context(io_threads)
    try:
        yield context
    finally:
        # Waits for what lingers; a socket that somebody forgot to close must not hold the daemon for ever.
        with trio.move_on_after(TERM_PATIENCE, shield=True):
            await trio.to_thread.run_sync(context.term, abandon_on_cancel=True)


@asynccontextmanager
async def context_or_own(context: Context | None) -> AsyncIterator[Context]:
    """`context`, or one that lives as long as this block."""
    if context is not None:
        yield context
        return
    async with open_context() as own:
        yield own


@contextmanager
def open_socket(context: Context, kind: int, options: Mapping[int, int | bytes] | None = None) -> Iterator[Socket]:
    """A socket of `kind` (`zmq.PUSH`, …) with `options` set; closed at the end."""
    socket = Socket(context, kind, options)
    try:
        yield socket
    finally:
        socket.close()


async def follow(monitor: Socket, hear: Callable[[int, int], object]) -> None:
    """Tell `hear` of what a monitored socket reports, each event with its value, until cancelled."""
    while True:
        for frames in await monitor.receive_all():
            hear(*MONITOR_FRAME.unpack(frames[0]))


class Socket:
    """One ZeroMQ socket. Many tasks may send and receive; each message goes to one of them, whole.

    Cancel-safe: a cancelled receive has taken nothing, a cancelled send has sent nothing. Closing wakes all who wait
    with ClosedResourceError.
    """

    def __init__(self, context: Context, kind: int, options: Mapping[int, int | bytes] | None = None) -> None:
        self._raw: zmq.Socket[Any] = context.socket(kind)
        try:
            self._raw.set(zmq.LINGER, 0)
            for option, value in (options or {}).items():
                self._raw.set(option, value)
        except BaseException:
            self._raw.close(0)
            raise
        self._recv = self._raw.recv
        # That of the class below: what pyzmq's own adds is for options that nobody here uses.
        self._send = super(zmq.Socket, self._raw).send  # type: ignore[misc]
        self._get = self._raw.get
        self._fd: int = self._raw.get(zmq.FD)
        self._closed = False
        self._monitored = False
        # The task at the FD: what it waits for, None when nobody is there.
        self._watched: int | None = None
        # Tasks that wait behind it, the oldest first, and what for.
        self._parked: dict[trio.lowlevel.Task, int] = {}

    # -- addresses --------------------------------------------------------------------------------------------

    def bind(self, address: str) -> int:
        """Listen. The port (0 for addresses without one). Raises ConfigError when the address is in use or wrong."""
        try:
            self._raw.bind(address)
        except zmq.ZMQError as exc:
            raise ConfigError(f"cannot listen at {address}: {exc.strerror}") from exc
        port = self.endpoint.rpartition(":")[2]
        return int(port) if port.isdigit() else 0

    def connect(self, address: str) -> None:
        """Connect, now and again for ever. Raises ConfigError for an address that cannot be."""
        try:
            self._raw.connect(address)
        except zmq.ZMQError as exc:
            raise ConfigError(f"cannot connect to {address}: {exc.strerror}") from exc

    def subscribe(self, topic: bytes) -> None:
        """Take messages that begin with `topic` (SUB only)."""
        self._raw.set(zmq.SUBSCRIBE, topic)

    @property
    def endpoint(self) -> str:
        """The address that was bound or connected last, with its real port."""
        return bytes(self._raw.get(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()

    def monitor(self, events: int) -> str:
        """Report `events` (`zmq.EVENT_…`) to a PAIR socket that connects to the address this returns."""
        address = f"inproc://trisalt-monitor-{self._fd}"
        self._raw.monitor(address, events)
        self._monitored = True
        return address

    # -- receive ----------------------------------------------------------------------------------------------

    async def receive(self) -> list[bytes]:
        """The frames of the next message."""
        return (await self._receive(self._message, 1))[0]

    # Functions that give a coroutine: one of their own would be one more for Trio to go through at each wait.
    def receive_all(self, limit: int = BATCH) -> Coroutine[Any, Any, list[list[bytes]]]:
        """All messages that are there, at least one and at most `limit`."""
        return self._receive(self._message, limit)

    def receive_frames(self, limit: int = BATCH) -> Coroutine[Any, Any, list[list[zmq.Frame]]]:
        """As `receive_all`, with ZeroMQ's own frames: they know the peer's address."""
        return self._receive(self._framed, limit)

    async def _receive(self, read: Callable[[], T], limit: int) -> list[T]:
        messages: list[T] = []
        waited = False
        try:
            while not messages:
                events = self._peek()
                if events & IN:
                    if not waited:
                        # Waiting would have said so.
                        await trio.lowlevel.checkpoint_if_cancelled()
                    messages = self._take(read, limit)
                    if not messages:
                        await trio.lowlevel.checkpoint()
                        waited = True
                    continue
                if self._watched is not None or self._parked:
                    self._wake(events)
                    await self._wait(IN)
                else:
                    # `_wait` for whoever is alone with the socket, as most are.
                    self._watched = IN
                    try:
                        await wait_readable(self._fd)
                    except trio.ClosedResourceError:
                        if self._closed:
                            raise
                    finally:
                        self._watched = None
                # Whoever was woken takes one message without asking; for what else has come, the next call need
                # not wait. Asking is a system call, and mostly one message comes at a time.
                messages = self._take(read, 1)
                waited = True
            # What has been taken is delivered: from here on nothing can be cancelled.
        finally:
            if self._watched is not None or self._parked:
                self._leave()
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return messages

    def receive_nowait(self) -> list[bytes]:
        """The frames of the next message, or raise `trio.WouldBlock`."""
        messages = self._take(self._message, 1) if self._peek() & IN else []
        self._settle()
        if not messages:
            raise trio.WouldBlock
        return messages[0]

    @property
    def readable(self) -> bool:
        """Whether a message is there now."""
        events = self._peek()
        self._wake(events)
        return bool(events & IN)

    def _take(self, read: Callable[[], T], limit: int) -> list[T]:
        messages: list[T] = []
        try:
            while len(messages) < limit:
                messages.append(read())
                # Mostly one message comes at a time, and asking is much cheaper than being refused.
                if len(messages) == 1 < limit and not self._get(EVENTS) & IN:
                    break
        except zmq.Again:
            pass
        except zmq.ZMQError as exc:
            raise self._broken(exc) from exc
        return messages

    def _message(self) -> list[bytes]:
        # By way of frames too: each knows whether another follows, which is dearer to ask the socket.
        recv = self._recv
        frame = recv(NOBLOCK, False)
        message = [frame.bytes]
        while frame.more:
            # The frames of a message arrive together: this never waits.
            frame = recv(0, False)
            message.append(frame.bytes)
        return message

    def _framed(self) -> list[zmq.Frame]:
        recv = self._recv
        frame = recv(NOBLOCK, False)
        message = [frame]
        while frame.more:
            frame = recv(0, False)
            message.append(frame)
        return message

    # -- send -------------------------------------------------------------------------------------------------

    async def send(self, frames: Frames) -> None:
        """Send one message; waits while the socket takes none."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._put(frames):
            self._settle()
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        await self._put_patiently(frames)

    async def send_all(self, messages: Iterable[Frames]) -> None:
        """Send many; if cancelled, the first ones may have gone."""
        await trio.lowlevel.checkpoint()
        since = 0
        for frames in messages:
            if not self._put(frames):
                await self._put_patiently(frames)
                since = 0
                continue
            since += 1
            if since == BATCH:
                self._settle()
                await trio.lowlevel.checkpoint()
                since = 0
        self._settle()

    def send_nowait(self, *messages: Frames) -> None:
        """Send messages, or raise `trio.WouldBlock` at the first that the socket does not take."""
        put = self._put
        for frames in messages:
            if not put(frames):
                self._settle()
                raise trio.WouldBlock
        self._settle()

    async def _put_patiently(self, frames: Frames) -> None:
        try:
            while True:
                events = self._peek()
                if not events & OUT:
                    self._wake(events)
                    await self._wait(OUT)
                elif self._put(frames):
                    return
                else:
                    await trio.lowlevel.checkpoint()
        finally:
            self._leave()

    def _put(self, frames: Frames) -> bool:
        send = self._send
        try:
            # Only the first frame can be refused: the rest of a message follows it.
            for frame in frames[:-1]:
                send(frame, MORE)
            send(frames[-1], NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as exc:
            raise self._broken(exc) from exc
        return True

    # -- wait -------------------------------------------------------------------------------------------------

    def _peek(self) -> int:
        """ZMQ_EVENTS, now."""
        try:
            return self._get(EVENTS)
        except zmq.ZMQError as exc:
            raise self._broken(exc) from exc

    def _wake(self, events: int) -> None:
        """Wake whom `events` satisfies: one task for each direction, which wakes the next one when it leaves."""
        if self._watched is not None and self._watched & events:
            events &= ~self._watched
            # Called away from the FD: the signal that is waited for there has been taken.
            self._watched = 0
            trio.lowlevel.notify_closing(self._fd)
        for task, mask in list(self._parked.items()) if self._parked else ():
            if mask & events:
                events &= ~mask
                del self._parked[task]
                trio.lowlevel.reschedule(task)

    def _settle(self) -> None:
        """Rule 2: somebody has called, and others may wait."""
        if (self._watched or self._parked) and not self._closed:
            self._wake(self._peek())

    def _leave(self) -> None:
        """Rule 2, for a task that has waited itself: and one of the others must be at the FD."""
        self._settle()
        if self._watched is None and self._parked:
            task = next(iter(self._parked))
            del self._parked[task]
            trio.lowlevel.reschedule(task)

    async def _wait(self, mask: int) -> None:
        """Wait until `mask` may hold: the caller looks again. ZMQ_EVENTS has just said that it does not."""
        if self._watched is not None:
            await self._park(mask)
            return
        self._watched = mask
        try:
            await wait_readable(self._fd)
        except trio.ClosedResourceError:
            if self._closed:
                raise
        finally:
            self._watched = None

    async def _park(self, mask: int) -> None:
        task = trio.lowlevel.current_task()
        self._parked[task] = mask

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            del self._parked[task]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    # -- close ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close; what has been sent lingers as long as LINGER says. May be called twice."""
        if self._closed:
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._fd)
        for task in self._parked:
            trio.lowlevel.reschedule(task)
        self._parked.clear()
        if self._monitored:
            # First of all: an I/O thread that reports to nobody would wait for ever.
            self._raw.disable_monitor()
        self._raw.close()

    def _broken(self, exc: zmq.ZMQError) -> Exception:
        if self._closed or exc.errno in (zmq.ETERM, zmq.ENOTSOCK):
            return trio.ClosedResourceError("this socket is closed")
        return trio.BrokenResourceError(f"ZeroMQ says: {exc.strerror}")
