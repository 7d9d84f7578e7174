"""The schedule: the plans for its entries, and the service that sleeps until one is due and says so on the bus.

Which entries there are is `book`'s; running what is due `minion/jobs`'s and `master/scheduled`'s; what operators ask is
answered in `desk`; what became of the runs is kept by `state`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import ScheduleDue
from trisalt.scheduler.book import Book
from trisalt.scheduler.calendar import instant
from trisalt.scheduler.due import (
    BACK_AT_MOST,
    LATE_AT_MOST,
    Due,
    Now,
    first_due,
    in_bounds,
    in_window,
    next_due,
    still_worth,
    window_over,
)
from trisalt.scheduler.entry import Entry
from trisalt.scheduler.state import Memory, read_state, write_state
from trisalt.scheduler.zone import local_zone

log = structlog.get_logger()

# A plan that hangs on the wall clock is looked at this often, since that clock can be set.
LONGEST_SLEEP = 60.0

# Past this many seconds a run was late, and the log says by how much.
LATE = 1.0

# A moment that an operator names means the run that is due within so many seconds of it: answers say whole seconds.
SAME_MOMENT = 1.0


@attrs.frozen
class Taken:
    """An entry that is to run now, and how late that is in seconds."""

    entry: Entry
    late: float = 0.0


class Schedule(Book):
    """A book of entries, and their next runs. Changes take effect at once; `wait_changed` wakes the service.

    `path` is where operators' entries are kept, `state` what became of the runs; None keeps nothing.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        state: Path | None = None,
        wall: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
        zone: Callable[[], tzinfo] = local_zone,
        longest_sleep: float = LONGEST_SLEEP,
    ) -> None:
        super().__init__(path)
        self._state = state
        self._wall = wall
        self._draw = draw
        self._zone = zone
        self._longest_sleep = longest_sleep
        self._due: dict[str, Due | None] = {}
        self._memories = read_state(state) if state is not None else {}
        self._dirty = False
        # The furthest that the wall clock has shown, and the zone it was in.
        self._furthest: float | None = None
        self._seen_zone: tzinfo | None = None
        # Entries that were disabled until now: the runs they missed are not made up for.
        self._passed: set[str] = set()
        # Entries that an operator wants to run now, beside their beat.
        self._at_once: list[Entry] = []
        # The wall times at which entries were run last, since the daemon was started.
        self._ran: dict[str, float] = {}
        # Why the last run of an entry was left out, and when.
        self.skipped: dict[str, tuple[str, float]] = {}
        self._changed = trio.Event()

    # -- time -------------------------------------------------------------------------------------------------

    def plan(self, now: float) -> float:
        """Plan what is not planned yet; the trio time at which to look again, perhaps `math.inf`."""
        here = self._look(now)
        soonest, hangs = float("inf"), False
        for name, entry in self._entries.items():
            hangs = hangs or entry.by_calendar or entry.after is not None or entry.until is not None
            if name not in self._due:
                self._due[name] = self._first(entry, here)
            due = self._due[name]
            if name in self._passed and due is not None:
                due = self._due[name] = self._next(entry, due.beat, here)
            if not (entry.enabled and self.enabled):
                continue
            if due is not None:
                soonest = min(soonest, due.wait(here))
            extra = self._memories[name].extra if name in self._memories else ()
            for moment in extra:
                soonest, hangs = min(soonest, moment - here.wall), True
        self._passed.clear()
        return now + (min(soonest, self._longest_sleep) if hangs else soonest)

    def take_due(self, now: float) -> list[Taken]:
        """The entries that are due; each is planned for its next run.

        A disabled entry passes its runs by, so that enabling it does not run it at once.
        """
        here = self._look(now)
        taken = [Taken(entry) for entry in self._at_once]
        self._at_once.clear()
        for name, entry in self._entries.items():
            taken += self._extra_runs(entry, here)
            due = self._due.get(name)
            if due is None and name in self._due and (entry.after is not None or entry.until is not None):
                # Out of bounds when it was planned; the wall clock may have been set since.
                self._due[name] = self._first(entry, here)
                continue
            if due is None or due.wait(here) > 0:
                continue
            self._due[name] = self._next(entry, due.beat, here)
            self._remember(entry, last=due.beat)
            if entry.enabled and self.enabled:
                taken += self._judged(entry, due, here)
        self._ran.update((run.entry.name, here.wall) for run in taken)
        return taken

    def _judged(self, entry: Entry, due: Due, here: Now) -> list[Taken]:
        """What is to run of an entry that is due: it, nothing, or what runs in place of skipped ones."""
        late = -due.wait(here)
        if not still_worth(entry, due, now=here):
            log.warning("scheduler.run_missed", name=entry.name, late_s=round(late))
            return []
        reason = self._skip_reason(entry, due, here)
        if reason is None:
            self.skipped.pop(entry.name, None)
            return [Taken(entry, late)]
        log.info("scheduler.run_skipped", name=entry.name, reason=reason)
        self.skipped[entry.name] = (reason, here.wall)
        if reason in ("after_not_passed", "until_passed"):
            return []
        function = self.whole.skip_function
        return [Taken(attrs.evolve(entry, function=function))] if function else []

    def _skip_reason(self, entry: Entry, due: Due, here: Now) -> str | None:
        """Why a run that is due is left out, by stock's words for it; None when it is not."""
        if not in_bounds(entry, wall=here.wall, zone=here.zone):
            early = entry.after is not None and here.wall < instant(entry.after, here.zone)
            return "after_not_passed" if early else "until_passed"
        if entry.range is not None and not in_window(entry.range, wall=here.wall, zone=here.zone):
            return "not_in_range"
        memory = self._memories.get(entry.name)
        moment = due.moment(here)
        if memory is not None and any(abs(skip - moment) < SAME_MOMENT for skip in memory.skips):
            return "skip_explicit"
        window = entry.skip_during_range or self.whole.skip_during_range
        if window is None or not in_window(window, wall=here.wall, zone=here.zone):
            return None
        if entry.run_after_skip_range:
            self.run_at(entry.name, window_over(window, wall=here.wall, zone=here.zone))
        return "in_skip_range"

    def _extra_runs(self, entry: Entry, here: Now) -> list[Taken]:
        """The runs beside the beat that are due. Several at once are one."""
        memory = self._memories.get(entry.name)
        if memory is None:
            return []
        due = [moment for moment in memory.extra if moment <= here.wall]
        gone = {skip for skip in memory.skips if skip < here.wall - LATE_AT_MOST}
        if due or gone:
            memory.extra = [moment for moment in memory.extra if moment > here.wall]
            memory.skips -= gone
            self._dirty = True
        if not due or not (entry.enabled and self.enabled):
            return []
        late = here.wall - max(due)
        if late > LATE_AT_MOST:
            log.warning("scheduler.run_missed", name=entry.name, late_s=round(late))
            return []
        return [Taken(entry, late)]

    def _first(self, entry: Entry, here: Now) -> Due | None:
        """The first run of an entry since this daemon knows it; what is remembered of it goes before."""
        memory = self._memories.get(entry.name)
        if not entry.by_calendar:
            return first_due(self._splayed(entry), now=here, draw=self._draw())
        due = None
        if memory is not None and memory.times == _sign(entry):
            if memory.due is not None and memory.due.wait(here) >= -LATE_AT_MOST:
                due = memory.due
            elif memory.last is not None and not entry.run_on_start:
                due = self._next(entry, memory.last, here)
        due = due or first_due(self._splayed(entry), now=here, draw=self._draw())
        self._due[entry.name] = due
        self._remember(entry, last=None)
        return due

    def _next(self, entry: Entry, last: float, here: Now) -> Due | None:
        return next_due(self._splayed(entry), last=last, now=here, draw=self._draw())

    def _splayed(self, entry: Entry) -> Entry:
        """An entry with the splay that is said of all, if it has none of its own."""
        whole = self.whole.splay
        return attrs.evolve(entry, splay=whole) if entry.splay is None and whole is not None else entry

    def _look(self, now: float) -> Now:
        """Both clocks. When the one on the wall was set back far, or shows another zone, its plans are made anew.

        Set back a little, it has the planned moments ahead and the others behind it, as before.
        """
        here = Now(now, self._wall(), self._zone())
        furthest = here.wall if self._furthest is None else self._furthest
        set_back = here.wall < furthest - BACK_AT_MOST
        moved = self._seen_zone is not None and here.zone != self._seen_zone
        self._furthest = here.wall if set_back else max(furthest, here.wall)
        self._seen_zone = here.zone
        if not set_back and not moved:
            return here
        log.info("scheduler.clock_changed", seconds=round(here.wall - furthest), zone=str(here.zone))
        for name, entry in self._entries.items():
            due = self._due.get(name)
            # What is put off by its splay is on its way already.
            under_way = due is not None and due.beat <= here.wall
            if entry.by_calendar and name in self._due and not under_way:
                last = self.memory(name).last
                self._due[name] = self._next(entry, here.wall if last is None else last, here)
                self._remember(entry, last=None)
        return here

    def _remember(self, entry: Entry, *, last: float | None) -> None:
        """Note the plan of an entry that goes by the calendar, for the next daemon."""
        if not entry.by_calendar:
            return
        memory = self._memories.setdefault(entry.name, Memory())
        sign = _sign(entry)
        kept = memory.last if memory.times == sign else None
        fresh = (sign, kept if last is None else last, self._due.get(entry.name))
        if fresh != (memory.times, memory.last, memory.due):
            memory.times, memory.last, memory.due = fresh
            self._dirty = True

    def next_fire_time(self, name: str) -> float | None:
        """The wall time of an entry's next run; None if there is none."""
        entry = self._entries.get(name)
        if entry is None or not (entry.enabled and self.enabled):
            return None
        now = trio.current_time()
        if name not in self._due or name in self._passed:
            self.plan(now)
        due, here = self._due[name], self._look(now)
        extra = self._memories[name].extra if name in self._memories else []
        moments = [*extra, *([] if due is None else [due.moment(here)])]
        return min(moments, default=None)

    async def wait_changed(self) -> None:
        """Wait until an entry has changed."""
        await self._changed.wait()
        self._changed = trio.Event()

    async def keep_state(self) -> None:
        """Write down what became of the runs, if that has changed."""
        if not self._dirty or self._state is None:
            return
        self._dirty = False
        oldest = self._wall() - LATE_AT_MOST
        # The pillar's entries may not be here yet.
        known = {
            name: memory.to_mapping()
            for name, memory in self._memories.items()
            if (name in self._entries and not memory.empty) or memory.pends(oldest)
        }
        try:
            await trio.to_thread.run_sync(write_state, self._state, known)
        except OSError as exc:
            log.error("scheduler.state_not_written", path=str(self._state), reason=exc.strerror)

    # -- what operators want ------------------------------------------------------------------------------------

    def run_now(self, entry: Entry) -> None:
        """Run an entry at once, beside its beat."""
        self._at_once.append(entry)
        self._wake()

    def skip(self, name: str, moment: float) -> None:
        """Leave out the run that is due at a wall time."""
        self._memories.setdefault(name, Memory()).skips.add(moment)
        self._dirty = True
        self._wake()

    def run_at(self, name: str, moment: float) -> None:
        """Run an entry at a wall time, beside its beat."""
        extra = self._memories.setdefault(name, Memory()).extra
        if moment not in extra:
            extra.append(moment)
            self._dirty = True
            self._wake()

    def last_run(self, name: str) -> float | None:
        """The wall time at which an entry was run last; None when nobody knows of any."""
        return self._ran.get(name, self.memory(name).last)

    def memory(self, name: str) -> Memory:
        """What is known of an entry beside what it says."""
        return self._memories.get(name) or Memory()

    def zone(self) -> tzinfo:
        """The zone that moments without one are in."""
        return self._zone()

    # -- when the book changes ----------------------------------------------------------------------------------

    def _was_put(self, entry: Entry, old: Entry | None) -> None:
        if old is None or old.times != entry.times:
            self._due.pop(entry.name, None)
        elif entry.enabled and not old.enabled:
            self._passed.add(entry.name)
        zone = self._zone()
        for moment in entry.skip_explicit:
            self.skip(entry.name, instant(moment, zone))
        for moment in entry.run_explicit:
            self.run_at(entry.name, instant(moment, zone))
        self._wake()

    def _was_dropped(self, name: str) -> None:
        self._due.pop(name, None)
        self._ran.pop(name, None)
        self.skipped.pop(name, None)
        self._dirty = self._memories.pop(name, None) is not None or self._dirty
        self._wake()

    def _was_switched(self, was: bool) -> None:
        if self.enabled and not was:
            self._passed.update(self._entries)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()


async def run_schedule(
    bus: Bus, schedule: Schedule, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Sleep until an entry is due, publish `ScheduleDue`, for ever."""
    task_status.started()
    while True:
        at = schedule.plan(trio.current_time())
        await schedule.keep_state()
        with trio.move_on_at(at):
            await schedule.wait_changed()
        taken = schedule.take_due(trio.current_time())
        # Before it runs: what is begun is not begun again by the next daemon.
        await schedule.keep_state()
        for run in taken:
            facts = {"late_s": round(run.late)} if run.late > LATE else {}
            log.info("scheduler.job_run", name=run.entry.name, **facts)
            if not run.entry.dry_run:
                await bus.publish(ScheduleDue(name=run.entry.name, entry=run.entry))


def _sign(entry: Entry) -> str:
    return repr(entry.times)
