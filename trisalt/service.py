"""Start, supervise and restart a service: an async function ending in `*, task_status`.

Essential services run bare in the daemon's nursery, so that their exception ends the daemon in order.
Optional ones run under `supervise`. `tell_init` and `keep_watchdog` speak with systemd, where it listens.
"""

from __future__ import annotations

import os
import socket
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
            log.error("service.crashed", service=name, wait_s=delay, exc_info=exc)
        if trio.current_time() - began > LAST_DELAY:
            delay = FIRST_DELAY
        await trio.sleep(delay)
        delay = min(delay * 2, LAST_DELAY)


def tell_init(state: str) -> None:
    """Say `READY=1`, `STOPPING=1`, … to the init system that started us; nothing where none listens.

    Source: sd_notify(3).
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    address = "\0" + path[1:] if path[0] == "@" else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect(address)
            sock.send(state.encode())
        except OSError as exc:
            log.debug("init.untold", reason=exc.strerror)


async def keep_watchdog(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Tell the init system's watchdog, twice in its period, that the event loop turns; until cancelled.

    Ends at once where no watchdog is asked for. Source: sd_watchdog_enabled(3).
    """
    task_status.started()
    period, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not period.isdigit() or int(period) == 0 or pid not in ("", str(os.getpid())):
        return
    while True:
        tell_init("WATCHDOG=1")
        await trio.sleep(int(period) / 2_000_000)
