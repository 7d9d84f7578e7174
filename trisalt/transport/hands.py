"""Tasks that are used again: for servers that begin something short for each caller.

To make a task and to end it costs several times what it takes to wake one that waits, and a cancel scope as much as
that. `request` and `local` use it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import outcome
import trio

Work = tuple[Callable[..., Awaitable[object]], tuple[Any, ...]]

# So many tasks of one server wait for work; the others end when theirs is done.
SPARE = 4


class Hands:
    """What `nursery.start_soon` does, by a task that waits if there is one. `open_hands` makes it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._waiting: list[trio.lowlevel.Task] = []
        self._scopes: dict[trio.lowlevel.Task, trio.CancelScope] = {}
        self._open = True

    def start_soon(self, work: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Have `work(*args)` done in a task of the nursery."""
        if self._waiting:
            trio.lowlevel.reschedule(self._waiting.pop(), outcome.Value((work, args)))
        else:
            self._nursery.start_soon(self._run, work, args)

    def scope(self) -> trio.CancelScope:
        """For work that asks: what is cancelled to call it off, and no other."""
        return self._scopes[trio.lowlevel.current_task()]

    async def _run(self, work: Callable[..., Awaitable[object]], args: tuple[Any, ...]) -> None:
        task = trio.lowlevel.current_task()
        # One for all that this task does: it ends with what was called off, and that is rare.
        with trio.CancelScope() as self._scopes[task]:
            try:
                while True:
                    await work(*args)
                    # Whoever waits holds nothing of what was done: it may have been large.
                    del work, args
                    if not self._open or len(self._waiting) >= SPARE:
                        return
                    more = await self._wait()
                    if more is None:
                        return
                    work, args = more
                    del more
            finally:
                del self._scopes[task]

    async def _wait(self) -> Work | None:
        """The next work; None when there is to be none."""
        task = trio.lowlevel.current_task()
        self._waiting.append(task)

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._waiting.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        more: Work | None = await trio.lowlevel.wait_task_rescheduled(abort)
        return more

    def close(self) -> None:
        """Who waits is not needed any more."""
        self._open = False
        for task in self._waiting:
            trio.lowlevel.reschedule(task, outcome.Value(None))
        self._waiting.clear()


@contextmanager
def open_hands(nursery: trio.Nursery) -> Iterator[Hands]:
    """Hands in a nursery; at the end those that wait go, and those at work when they are done."""
    hands = Hands(nursery)
    try:
        yield hands
    finally:
        hands.close()
