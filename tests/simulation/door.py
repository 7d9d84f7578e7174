"""Descriptors in memory: connections that the real `FrameStream` of the local door runs on, with who is told when one is
hung up, and counters that threads wake each other with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

# As much as a unix socket takes before its writer has to wait.
ROOM = 200 * 1024


class End:
    """One end of a connection: as much of a socket as `FrameStream` uses. `platform` has Trio wait for it."""

    def __init__(self) -> None:
        self.other: End
        self.closed = False
        self.hung_up: Callable[[], object] | None = None
        self._received = bytearray()
        self._lot = trio.lowlevel.ParkingLot()

    def setblocking(self, _blocks: bool) -> None:
        """It never does."""

    def send(self, data: bytes | memoryview) -> int:
        """As much as the other end has room for."""
        if self.closed or self.other.closed:
            raise BrokenPipeError(32, "Broken pipe")
        taken = bytes(data[: ROOM - len(self.other._received)])
        if not taken:
            raise BlockingIOError
        self.other._received += taken
        self.other._lot.unpark_all()
        return len(taken)

    def recv(self, most: int) -> bytes:
        """What has come; nothing when the other end is closed."""
        if not self._received:
            if self.other.closed:
                return b""
            raise BlockingIOError
        data = bytes(self._received[:most])
        del self._received[:most]
        self.other._lot.unpark_all()
        return data

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            for end in (self, self.other):
                end._lot.unpark_all()
            if self.other.hung_up is not None:
                self.other.hung_up()

    def __enter__(self) -> End:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    async def wait_readable(self) -> None:
        """Wait until there is something to receive; as with a descriptor, no longer than it takes to be closed."""
        await self._wait(lambda: bool(self._received))

    async def wait_writable(self) -> None:
        """Wait until something can be sent."""
        await self._wait(lambda: len(self.other._received) < ROOM)

    async def _wait(self, ready: Callable[[], bool]) -> None:
        await trio.lowlevel.checkpoint()
        while not (ready() or self.closed or self.other.closed):
            await self._lot.park()
        if self.closed:
            raise trio.ClosedResourceError("another task closed this end")


def connection() -> tuple[End, End]:
    """Two ends of one connection."""
    one, other = End(), End()
    one.other, other.other = other, one
    return one, other


def heed(scope: trio.CancelScope, sock: End) -> None:
    """What `transport.local.HangUps` does: cancel `scope` when the peer of `sock` hangs up."""
    if sock.other.closed:
        scope.cancel()
    sock.hung_up = scope.cancel


class Counter:
    """What `os.eventfd` gives."""

    def __init__(self) -> None:
        self.value = 0
        self.closed = False
        self._lot = trio.lowlevel.ParkingLot()

    def add(self, value: int) -> None:
        """`os.eventfd_write`."""
        self.value += value
        self._lot.unpark_all()

    def take(self) -> int:
        """`os.eventfd_read`, of one that does not block."""
        if not self.value:
            raise BlockingIOError
        value, self.value = self.value, 0
        return value

    def close(self) -> None:
        """Whoever waits is told."""
        self.closed = True
        self._lot.unpark_all()

    async def wait_readable(self) -> None:
        """Wait until it is not zero."""
        await trio.lowlevel.checkpoint()
        while not (self.value or self.closed):
            await self._lot.park()
        if self.closed:
            raise trio.ClosedResourceError("another task closed this counter")


def waiting(real: Callable[[object], Awaitable[None]], name: str) -> Callable[[object], Awaitable[None]]:
    """`trio.lowlevel.wait_readable` and its kin, for these too."""

    async def wait(sock: object) -> None:
        await (getattr(sock, name)() if isinstance(sock, End | Counter) else real(sock))

    return wait
