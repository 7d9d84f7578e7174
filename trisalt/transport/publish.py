"""Port 4505, both ends: the publisher (PUB), and the subscriber (SUB) with its topic filter.

A publication is one frame, or `[topic][payload]`. What a payload means is not known here.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import trio

from trisalt.transport.zmq import Heartbeat, KeepAlive


class Publisher:
    """A bound publisher; `port` is where."""

    port: int

    def send(self, payload: bytes, topics: Iterable[bytes] = ()) -> None:
        """Publish, without waiting: one frame, or with `topics` one `[topic][payload]` for each.

        A subscriber whose queue is full misses it.
        """
        raise NotImplementedError


@asynccontextmanager
async def open_publisher(
    context: Any,
    address: str,
    *,
    hwm: int = 1000,
    backlog: int = 1000,
    keepalive: KeepAlive | None = None,
    heartbeat: Heartbeat | None = None,
    ipv6: bool = False,
) -> AsyncIterator[Publisher]:
    """Publish at `address` until left. Raises ConfigError when the address is in use."""
    raise NotImplementedError
    yield


class Notice(enum.Enum):
    """What became of a subscriber's connection."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class Subscriber:
    """Publications of one publisher: iterate the payloads, or call `receive_all` for batches.

    `notices` delivers a `Notice` at every change of the connection; the oldest unread ones are shed.
    """

    notices: trio.MemoryReceiveChannel[Notice]
    connected: bool

    async def receive(self) -> bytes:
        """The next payload, its topic taken off."""
        raise NotImplementedError

    async def receive_all(self) -> list[bytes]:
        """All payloads that are there, at least one."""
        raise NotImplementedError

    async def wait_connected(self) -> None:
        """Wait until the handshake with the publisher is done."""
        raise NotImplementedError


@asynccontextmanager
async def open_subscriber(
    context: Any,
    address: str,
    *,
    topics: Iterable[bytes] = (b"",),
    identity: bytes = b"",
    hwm: int = 1000,
    max_size: int = -1,
    reconnect: int = 1000,
    reconnect_max: int = 10_000,
    keepalive: KeepAlive | None = None,
    heartbeat: Heartbeat | None = None,
    ipv6: bool = False,
) -> AsyncIterator[Subscriber]:
    """Follow the publisher at `address`; `topics` are prefixes. `reconnect`, `reconnect_max` are milliseconds."""
    raise NotImplementedError
    yield
