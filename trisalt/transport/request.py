"""Port 4506, both ends: the request server (ROUTER) and the request client (DEALER, wire-equal with REQ).

Frames are `[routing id][b""][payload]` on the server's side, `[b""][payload]` on the client's. What a payload means
is not known here: `master.request_server` and `minion.link` know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs

from trisalt.transport.zmq import Heartbeat, KeepAlive

Handle = Callable[[bytes, str], Awaitable[bytes | None]]


@attrs.frozen(kw_only=True)
class RequestServer:
    """A bound request server."""

    port: int


@asynccontextmanager
async def open_request_server(
    context: Any,
    address: str,
    handle: Handle,
    *,
    fallback: bytes,
    grace: float,
    max_running: int = 256,
    backlog: int = 1000,
    max_size: int = 64 * 1024 * 1024,
    keepalive: KeepAlive | None = None,
    heartbeat: Heartbeat | None = None,
    ipv6: bool = False,
) -> AsyncIterator[RequestServer]:
    """Answer requests at `address` (`tcp://host:port`) until left.

    `handle(payload, peer)` runs in a task of its own for each well-framed request; `peer` is the network address or
    empty. What it returns is sent back. If it raises, returns None, or is cut off by the end of `grace` (seconds, on
    leaving), `fallback` is: every well-framed request is answered, once. While `max_running` handlers run no more
    is read. Messages above `max_size` bytes end their connection. Raises ConfigError when the address is in use.
    """
    raise NotImplementedError
    yield


class RequestClient:
    """Requests to one address, many at a time; each has a connection to itself while it waits."""

    async def request(self, payload: bytes) -> bytes:
        """Send `payload`, wait for its answer. The caller sets the deadline; a late answer goes nowhere.

        Raises RemoteProtocolError when what comes back is not framed as an answer.
        """
        raise NotImplementedError


@asynccontextmanager
async def open_request_client(
    context: Any,
    address: str,
    *,
    max_idle: int = 4,
    max_size: int = -1,
    reconnect_max: int = 5000,
    keepalive: KeepAlive | None = None,
    heartbeat: Heartbeat | None = None,
    ipv6: bool = False,
) -> AsyncIterator[RequestClient]:
    """A client of the request server at `address`. At most `max_idle` connections are kept for later requests."""
    raise NotImplementedError
    yield
