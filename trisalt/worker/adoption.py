"""Where jobs of an earlier daemon find the next one: a socket in the run folder, at which they say who they are.

A job outlives its daemon. What it asks then waits (`channel`), and is answered here, through the pool, as if it had
been started by this one. Its return goes where it was told to go: the spool.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from trisalt.worker.process import Process, watch

# Seconds that whoever comes in has for saying who it is.
HELLO_WITHIN = 2.0


async def listen(
    door: Path,
    adopt: Callable[[Process, dict[str, Any]], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Let children of an earlier daemon come in at a socket that only our own user may open; `adopt` talks to each."""
    with _bound(door) as listener:
        try:
            async with trio.open_nursery() as adopted:
                task_status.started()
                while True:
                    await trio.lowlevel.wait_readable(listener)
                    with suppress(BlockingIOError, ConnectionError):
                        channel, _address = listener.accept()
                        adopted.start_soon(_come_in, channel, adopt)
        finally:
            _remove(door)


def _bound(door: Path) -> socket.socket:
    door.parent.mkdir(parents=True, exist_ok=True)
    _remove(door)
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    before = os.umask(0o177)
    try:
        listener.bind(str(door))
        listener.listen(64)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _remove(door: Path) -> None:
    door.unlink(missing_ok=True)


async def _come_in(channel: socket.socket, adopt: Callable[[Process, dict[str, Any]], Awaitable[None]]) -> None:
    channel.setblocking(False)
    pid, uid, _gid = struct.unpack("3i", channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    process = Process(pid, channel)
    try:
        if uid not in (0, os.geteuid()):
            return
        hello: dict[str, Any] | None = None
        with trio.move_on_after(HELLO_WITHIN):
            hello = await process.receive()
        if hello is None or not isinstance(hello.get("adopt"), dict):
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, process)
            await adopt(process, hello["adopt"])
            nursery.cancel_scope.cancel()
    finally:
        process.close()
