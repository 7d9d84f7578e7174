"""Threads that stand behind the others of their process when it wants more of the processors than there are.

Signing takes a processor for as long as anybody waits to be signed for. To the kernel each thread that signs counts as
much as the event loop: in a storm of sign-ins that had a fifth of what the process got, and what was to go out waited.
These have what the others leave: all of it, mostly. Other processes are competed with as before where the kernel shares
by process or service (autogroups, control groups).

`trio.to_thread` lends its threads to everybody, and who is no root cannot step forward again: so these are its own.
`master/auth` signs in them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import outcome
import trio

T = TypeVar("T")

NICER = 10
"""By how much they step back, as `nice` counts: a tenth of the event loop's weight each."""
NICEST = 19


class Behind:
    """So many threads, made when they are needed. `open_behind` makes it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    async def run_sync(self, function: Callable[..., T], *args: Any) -> T:
        """Run `function(*args)` in the next thread that is free. A cancelled caller waits for its end."""
        await trio.lowlevel.checkpoint_if_cancelled()
        task, token = trio.lowlevel.current_task(), trio.lowlevel.current_trio_token()

        def done(future: Future[T]) -> None:
            token.run_sync_soon(trio.lowlevel.reschedule, task, outcome.capture(future.result))

        self._pool.submit(function, *args).add_done_callback(done)
        result: T = await trio.lowlevel.wait_task_rescheduled(lambda _cancel: trio.lowlevel.Abort.FAILED)
        return result


@contextmanager
def open_behind(name: str, *, threads: int) -> Iterator[Behind]:
    """At most so many threads, called `name`."""
    with ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_step_back) as pool:
        yield Behind(pool)


def _step_back() -> None:
    own = threading.get_native_id()
    # Where that is forbidden they work all the same.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, own, min(NICEST, os.getpriority(os.PRIO_PROCESS, own) + NICER))
