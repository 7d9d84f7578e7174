"""The clock of a run: it stands still while anything can be done, and goes at once to what is next.

What is next is a deadline of Trio's or a timer here. A timer is a plain call, in no task and for no daemon: what the
network carries, a disk syncs or a process works at costs the run no step of a task.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import trio


class Timer:
    """A call to come. `cancel` forgets it."""

    __slots__ = ("act", "number", "when")

    def __init__(self, when: float, number: int, act: Callable[[], object]) -> None:
        self.when = when
        self.number = number
        self.act: Callable[[], object] | None = act

    def __lt__(self, other: Timer) -> bool:
        return (self.when, self.number) < (other.when, other.number)

    def cancel(self) -> None:
        """It does not come."""
        self.act = None


class Clock(trio.abc.Clock):
    """Simulated time, in seconds from 0.

    Nothing in a run waits for the machine, so Trio asks how long to sleep only when no task can run: then time goes on.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[Timer] = []
        self._made = 0

    def at(self, when: float, act: Callable[[], object]) -> Timer:
        """Call `act` when it is `when`; at once, when that is past, but never before what can be done now."""
        self._made += 1
        timer = Timer(when, self._made, act)
        heapq.heappush(self._timers, timer)
        return timer

    def after(self, seconds: float, act: Callable[[], object]) -> Timer:
        """Call `act` in so many seconds."""
        return self.at(self.now + seconds, act)

    async def pause(self, seconds: float, *, cancellable: bool = True) -> None:
        """`trio.sleep`, for what is not a daemon's own: one step of the task, and no scope."""
        task = trio.lowlevel.current_task()
        timer = self.after(seconds, lambda: trio.lowlevel.reschedule(task))

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            if not cancellable:
                return trio.lowlevel.Abort.FAILED
            timer.cancel()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    # -- what Trio asks ---------------------------------------------------------------------------------------

    def start_clock(self) -> None:
        """It has been started."""

    def current_time(self) -> float:
        """Now."""
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Go on to the deadline, or to the timers before it."""
        timers = self._timers
        while timers and timers[0].act is None:
            heapq.heappop(timers)
        if timers and timers[0].when <= deadline:
            self.now = max(self.now, timers[0].when)
            while timers and timers[0].when <= self.now:
                act = heapq.heappop(timers).act
                if act is not None:
                    act()
        elif deadline == float("inf"):
            # Nobody will ever do anything any more. The patience of the run comes to its end in real time.
            return 1.0
        else:
            self.now = max(self.now, deadline)
        return 0.0
