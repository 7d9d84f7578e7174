"""A ZeroMQ socket as a Trio resource: non-blocking calls, batches, and the edge-triggered FD handled once.

Called by `request` and `publish`. A socket never leaves the Trio thread; the context's own I/O threads do the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import zmq

Frames = Sequence[bytes]


@attrs.frozen(kw_only=True)
class KeepAlive:
    """TCP keepalive as ZeroMQ takes it: `on` 1, 0 or -1 (the system's default); seconds; -1 is the system's default."""

    on: int = 1
    idle: int = 300
    count: int = -1
    interval: int = -1


@attrs.frozen(kw_only=True)
class Heartbeat:
    """ZMTP heartbeats: a ping every `interval` ms, the connection is given up after `timeout` ms. 0 is off."""

    interval: int = 10_000
    timeout: int = 30_000


def tcp_address(host: str, port: int, *, source_host: str = "", source_port: int = 0) -> str:
    """`tcp://host:port`, with brackets around an IPv6 address, and a source to connect from if one is given."""
    raise NotImplementedError


@asynccontextmanager
async def open_context(*, io_threads: int = 1) -> AsyncIterator[zmq.Context[zmq.Socket[bytes]]]:
    """The daemon's one ZeroMQ context. Ends when all its sockets have closed and their lingering is over."""
    raise NotImplementedError
    yield


@asynccontextmanager
async def open_socket(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, options: dict[int, int | bytes]
) -> AsyncIterator[Socket]:
    """A socket of `kind` (`zmq.PUSH`, …) with `options` set, closed at the end; its waiters get ClosedResourceError."""
    raise NotImplementedError
    yield


class Socket:
    """One ZeroMQ socket. Many tasks may send and receive; each message goes to one of them, whole.

    Cancel-safe: a cancelled receive has taken nothing, a cancelled send has sent nothing.
    """

    def bind(self, address: str) -> int:
        """Listen. The port (0 for addresses without one). Raises ConfigError when the address is in use or wrong."""
        raise NotImplementedError

    def connect(self, address: str) -> None:
        """Connect, now and again for ever. Raises ConfigError for an address that cannot be."""
        raise NotImplementedError

    async def receive(self) -> list[bytes]:
        """The frames of the next message."""
        raise NotImplementedError

    async def receive_all(self, limit: int = 256) -> list[list[bytes]]:
        """All messages that are there, at least one and at most `limit`."""
        raise NotImplementedError

    async def send(self, frames: Frames) -> None:
        """Send one message; waits while the socket takes none."""
        raise NotImplementedError

    async def send_all(self, messages: Sequence[Frames]) -> None:
        """Send many; if cancelled, the first ones may have gone."""
        raise NotImplementedError

    def send_nowait(self, frames: Frames) -> None:
        """Send one message or raise `trio.WouldBlock`."""
        raise NotImplementedError
