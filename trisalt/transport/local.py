"""The local door: a unix stream listener that knows its callers by the kernel's word, and frames on its streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class LocalPeer:
    """Who is on the other end, as the kernel says (`SO_PEERCRED`)."""

    uid: int
    gid: int
    pid: int


class FrameStream:
    """Maps over one connection. One task sends and one receives at a time."""

    async def receive(self) -> dict[str, Any] | None:
        """The next map; None when the peer has hung up. Raises RemoteProtocolError for anything else."""
        raise NotImplementedError

    async def send(self, message: dict[str, Any]) -> None:
        """Send one map. Waits while the peer is slow; raises `trio.BrokenResourceError` when it has gone."""
        raise NotImplementedError

    async def send_many(self, messages: Iterable[dict[str, Any]]) -> None:
        """Send several maps with one write."""
        raise NotImplementedError

    async def send_bytes(self, packed: bytes) -> None:
        """Send frames that `wire.frames.pack_frame` made: packed once, for many followers."""
        raise NotImplementedError

    async def wait_closed(self) -> None:
        """Wait until the peer hangs up; what it still sends is thrown away."""
        raise NotImplementedError


@asynccontextmanager
async def open_local_listener(
    path: str,
    handle: Callable[[LocalPeer, FrameStream], Awaitable[None]],
    *,
    mode: int = 0o660,
    max_size: int = 64 * 1024 * 1024,
    max_clients: int = 512,
    grace: float = 0,
) -> AsyncIterator[None]:
    """Listen at `path` until left; `handle(peer, stream)` runs in a task of its own for each caller.

    A handler that fails ends its own connection only. A socket file that nobody listens on is replaced; raises
    ConfigError when somebody does, or the path is too long, or cannot be made.
    """
    raise NotImplementedError
    yield
