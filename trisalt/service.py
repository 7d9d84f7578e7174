"""Start, supervise and restart a service: an async function ending in `*, task_status`.

Essential services run bare in the daemon's nursery, so that their exception ends the daemon in order.
Optional ones run under `supervise`.
"""

from __future__ import annotations

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
