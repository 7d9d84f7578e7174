"""Start, supervise and restart a service: an async function ending in `*, task_status`.

Essential services run bare in the daemon's nursery, so that their exception ends the daemon in order.
Optional ones run under `supervise`. `tell_init` and `keep_watchdog` speak with systemd, where it listens.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import trio

log = structlog.get_logger()

FIRST_DELAY = 1.0
LAST_DELAY = 60.0


async def supervise(
    service: Callable[..., Awaitable[object]],
    *args: object,
    name: str,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run `service(*args)` for ever: log its crash, wait (1 s doubling to 60 s), start it again.

    A service that ran for longer than the longest wait starts again with the shortest. A first start that
    fails before `task_status.started()` is never retried: a port in use is the operator's to know.
    """
    delay = FIRST_DELAY
    first = True
    while True:
        began = trio.current_time()
        try:
            async with trio.open_nursery() as nursery:
                value = await nursery.start(partial(service, *args))
                if first:
                    task_status.started(value)
                    first = False
                else:
                    log.info("service.restarted", service=name)
            return
        except Exception as exc:
            if first:
                raise
            if trio.current_time() - began > LAST_DELAY:
                delay = FIRST_DELAY
            log.error("service.crashed", service=name, wait_s=delay, exc_info=exc)
        await trio.sleep(delay)
        delay = min(delay * 2, LAST_DELAY)


def next_beat(seconds: float) -> float:
    """When trio's clock is next at a multiple of `seconds`.

    For whoever only looks now and then: those of one process wake together, and to wake costs a daemon that rests more
    than what most of them do then.
    """
    return (trio.current_time() // seconds + 1) * seconds


def tell_init(state: str) -> None:
    """Say `READY=1`, `STOPPING=1`, `RELOADING=1`, … to the init system that started us; nothing where none listens.

    Never raises, never waits. Source: sd_notify(3).
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    if state == "RELOADING=1":
        # Type=notify-reload asks since when, by this clock.
        state += f"\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
    address = "\0" + path[1:] if path[0] == "@" else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock:
            sock.sendto(state.encode(), address)
    except OSError as exc:
        log.debug("init.untold", reason=exc.strerror)


async def keep_watchdog(
    well: Callable[[], bool], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Tell the init system's watchdog, twice in its period, that all is `well`; until cancelled.

    Says nothing while it is not: who is late all the time is started anew, as who stands still. Ends at once where no
    watchdog is asked for. Source: sd_watchdog_enabled(3).
    """
    task_status.started()
    period, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not period.isdigit() or int(period) == 0 or pid not in ("", str(os.getpid())):
        await trio.lowlevel.checkpoint()
        return
    while True:
        if well():
            tell_init("WATCHDOG=1")
        await trio.sleep(int(period) / 2_000_000)


def dump_tasks() -> str | None:
    """Write the tree of Trio tasks, each with its stack, and the threads' stacks; the file's path, if it is a file.

    To stderr when that is a terminal, else to a new file in the temporary folder. Never raises. May be called by a
    signal's handler in the main thread, so that a loop that hangs can be looked at.
    """
    try:
        text = _task_tree()
        if sys.stderr.isatty():
            sys.stderr.write(text)
            return None
        path = os.path.join(tempfile.gettempdir(), f"salt-debug-{int(time.time())}-{os.getpid()}.log")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
    except Exception as exc:
        log.error("daemon.not_dumped", reason=str(exc))
        return None
    log.warning("daemon.dumped", path=path)
    return path


def _task_tree() -> str:
    lines = []
    try:
        root = trio.lowlevel.current_root_task()
    except RuntimeError:
        root = None
    stack = [(root, 0)] if root is not None else []
    while stack:
        task, depth = stack.pop()
        lines.append(f"{'  ' * depth}{task.name}")
        for frame, line in task.iter_await_frames():
            code = frame.f_code
            lines.append(f"{'  ' * depth}    {code.co_filename}:{line} {code.co_qualname}")
        stack.extend((child, depth + 1) for nursery in task.child_nurseries for child in nursery.child_tasks)
    for ident, top in sys._current_frames().items():
        lines += [f"thread {ident}", *(line.rstrip("\n") for line in traceback.format_stack(top))]
    return "\n".join(lines) + "\n"
