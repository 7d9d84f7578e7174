"""The schedule: which entries there are, and the service that sleeps until one is due and says so on the bus.

Running what is due is `minion/jobs`'s (a master's commands'); keeping operators' entries on disk is `persist`'s,
called from here. Operators change the schedule through `manage`, which workers reach by upcall.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import ScheduleDue
from trisalt.errors import CommandError, ConfigError
from trisalt.scheduler.due import Due, first_due, in_bounds, next_due
from trisalt.scheduler.entry import Entry, Source
from trisalt.scheduler.persist import write_schedule

log = structlog.get_logger()

# A plan that hangs on the wall clock (`until`, `after`) is looked at this often, since that clock can be set.
LONGEST_SLEEP = 60.0

# Past this many seconds a run was late, and the log says by how much.
LATE = 1.0


class Schedule:
    """The entries and their next runs. Changes take effect at once; `wait_changed` wakes the service.

    `path` is where operators' entries are kept; None keeps nothing.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        wall: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.enabled = True
        self._path = path
        self._wall = wall
        self._draw = draw
        self._entries: dict[str, Entry] = {}
        self._due: dict[str, Due | None] = {}
        # Entries that were disabled until now: the runs they missed are not made up for.
        self._passed: set[str] = set()
        # Entries that an operator wants to run now, beside their beat.
        self._at_once: list[Entry] = []
        self._changed = trio.Event()

    # -- entries ----------------------------------------------------------------------------------------------

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, by name."""
        return tuple(self._entries[name] for name in sorted(self._entries))

    def get(self, name: str) -> Entry | None:
        """One entry."""
        return self._entries.get(name)

    def put(self, entry: Entry) -> None:
        """Add an entry, or replace the one of that name; it keeps its beat while its times are the same."""
        old = self._entries.get(entry.name)
        self._entries[entry.name] = entry
        if old is None:
            log.info("scheduler.job_added", name=entry.name)
        elif old == entry:
            return
        else:
            log.info("scheduler.job_updated", name=entry.name)
        if entry.unknown:
            log.warning("scheduler.keys_unknown", name=entry.name, keys=list(entry.unknown))
        if old is None or _times(old) != _times(entry):
            self._due.pop(entry.name, None)
        elif entry.enabled and not old.enabled:
            self._passed.add(entry.name)
        self._wake()

    def drop(self, name: str) -> None:
        """Take an entry out."""
        del self._entries[name]
        self._due.pop(name, None)
        self._wake()

    def load(self, mapping: object, *, source: Source) -> None:
        """Take the entries of one source from a `schedule:` mapping, and drop those of it that are gone.

        An entry that cannot be obeyed is a warning, and the others go on.
        """
        if mapping is None:
            mapping = {}
        if not isinstance(mapping, Mapping):
            log.warning("scheduler.not_a_mapping", source=source.value)
            return
        # `enabled` beside the entries switches the whole schedule; stock writes it there.
        if isinstance(mapping.get("enabled"), bool):
            self._switch(mapping["enabled"])
        wanted = {}
        for name, item in mapping.items():
            if name == "enabled" and isinstance(item, bool):
                continue
            # What the daemon itself schedules is not taken from a file that kept it.
            if str(name).startswith("__") and source is not Source.INTERNAL:
                continue
            try:
                wanted[str(name)] = Entry.from_config(str(name), item, source=source)
            except ConfigError as exc:
                log.warning("scheduler.entry_refused", name=str(name), reason=str(exc))
        for entry in self.entries:
            if entry.source is source and entry.name not in wanted:
                self.drop(entry.name)
        for entry in wanted.values():
            self.put(entry)

    # -- time -------------------------------------------------------------------------------------------------

    def plan(self, now: float) -> float:
        """Plan what is not planned yet; the trio time at which to look again, perhaps `math.inf`."""
        wall = self._wall()
        soonest = float("inf")
        bounded = False
        for name, entry in self._entries.items():
            bounded = bounded or entry.after is not None or entry.until is not None
            if name not in self._due:
                self._due[name] = first_due(entry, now=now, wall=wall, draw=self._draw())
            due = self._due[name]
            if name in self._passed and due is not None:
                due = self._due[name] = next_due(entry, last=due.beat, now=now, wall=wall, draw=self._draw())
            if due is not None and entry.enabled and self.enabled:
                soonest = min(soonest, due.at)
        self._passed.clear()
        return min(soonest, now + LONGEST_SLEEP) if bounded else soonest

    def take_due(self, now: float) -> list[tuple[Entry, float]]:
        """The entries that are due, with how late each is in seconds; each is planned for its next run.

        A disabled entry passes its runs by, so that enabling it does not run it at once.
        """
        wall = self._wall()
        taken = [(entry, 0.0) for entry in self._at_once]
        self._at_once.clear()
        for name, entry in self._entries.items():
            due = self._due.get(name)
            if due is None and name in self._due and (entry.after is not None or entry.until is not None):
                # Out of bounds when it was planned; the wall clock may have been set since.
                self._due[name] = first_due(entry, now=now, wall=wall, draw=self._draw())
                continue
            if due is None or due.at > now:
                continue
            self._due[name] = next_due(entry, last=due.beat, now=now, wall=wall, draw=self._draw())
            if entry.enabled and self.enabled and in_bounds(entry, wall=wall):
                taken.append((entry, now - due.at))
        return taken

    def next_fire_time(self, name: str) -> float | None:
        """The wall time of an entry's next run; None if there is none."""
        entry, due = self._entries.get(name), self._due.get(name)
        if entry is None or due is None or not (entry.enabled and self.enabled):
            return None
        return self._wall() + due.at - trio.current_time()

    async def wait_changed(self) -> None:
        """Wait until an entry has changed."""
        await self._changed.wait()
        self._changed = trio.Event()

    def _switch(self, enabled: bool) -> None:
        if enabled and not self.enabled:
            self._passed.update(self._entries)
        self.enabled = enabled
        self._wake()

    def _wake(self) -> None:
        self._changed.set()

    # -- what operators ask -----------------------------------------------------------------------------------

    async def manage(self, op: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Change or read the schedule for an operator; what a stock minion's completion event would carry.

        `op` is one of stock's: add, modify, delete, enable_job, disable_job, enable, disable, list, save, reload,
        run_job, next_fire_time, job_status. Raises CommandError.
        """
        name = fields.get("name")
        where = fields.get("where")
        persist = fields.get("persist", True)
        match op:
            case "add" | "modify":
                self._change(_text(name), fields.get("schedule"), new=op == "add")
            case "delete":
                self._writable(_text(name))
                self.drop(_text(name))
            case "enable_job" | "disable_job":
                entry = self._writable(_text(name))
                mapping = {**entry.mapping, "enabled": op == "enable_job"}
                self.put(attrs.evolve(entry, enabled=op == "enable_job", mapping=mapping))
            case "enable" | "disable":
                self._switch(op == "enable")
            case "run_job":
                wanted = self._entries.get(_text(name))
                if wanted is None:
                    raise CommandError(f"Job {name} does not exist.")
                if not wanted.enabled and not fields.get("force"):
                    raise CommandError(f"Job {name} is disabled.")
                self._at_once.append(wanted)
                self._wake()
                persist = False
            case "list" | "reload":
                persist = False
            case "save" | "save_schedule":
                persist = True
            case "next_fire_time":
                moment = self.next_fire_time(_text(name))
                text = datetime.fromtimestamp(moment).isoformat(timespec="seconds") if moment is not None else None
                return {"complete": True, "next_fire_time": text}
            case "job_status":
                found = self._entries.get(_text(name))
                return {"complete": True, "data": dict(found.mapping) if found else {}}
            case _:
                raise CommandError(f"The schedule cannot {op} on this minion.")
        if persist:
            await self._keep()
        return {"complete": True, "schedule": self.listing(where)}

    def listing(self, where: object = None) -> dict[str, Any]:
        """The entries as they were written: all, those of the pillar, or (`opts`) all others."""
        wanted: dict[str, Any] = {
            entry.name: dict(entry.mapping)
            for entry in self.entries
            if where is None or (entry.source is Source.PILLAR) == (where == "pillar")
        }
        if not self.enabled:
            wanted["enabled"] = False
        return wanted

    def _change(self, name: str, schedule: object, *, new: bool) -> None:
        # Stock sends {name: {...}} in `schedule`.
        mapping = schedule.get(name, schedule) if isinstance(schedule, Mapping) else schedule
        if not new or name in self._entries:
            self._writable(name)
        try:
            entry = Entry.from_config(name, mapping, source=Source.OPERATOR)
        except ConfigError as exc:
            raise CommandError(str(exc)) from exc
        self.put(entry)

    def _writable(self, name: str) -> Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise CommandError(f"Job {name} does not exist.")
        if entry.source is Source.PILLAR:
            raise CommandError(f"Cannot modify job {name}, it's in the pillar!")
        return entry

    async def _keep(self) -> None:
        if self._path is None:
            return
        try:
            await trio.to_thread.run_sync(write_schedule, self._path, self.entries)
        except ConfigError as exc:
            raise CommandError(str(exc)) from exc


async def run_schedule(
    bus: Bus, schedule: Schedule, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Sleep until an entry is due, publish `ScheduleDue`, for ever."""
    task_status.started()
    while True:
        at = schedule.plan(trio.current_time())
        with trio.move_on_at(at):
            await schedule.wait_changed()
        for entry, late in schedule.take_due(trio.current_time()):
            if late > LATE:
                log.info("scheduler.job_run", name=entry.name, late_s=round(late))
            else:
                log.info("scheduler.job_run", name=entry.name)
            if not entry.dry_run:
                await bus.publish(ScheduleDue(name=entry.name, entry=entry))


def _times(entry: Entry) -> tuple[object, ...]:
    return (entry.interval, entry.splay, entry.run_on_start, entry.until, entry.after)


def _text(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise CommandError("The name of a scheduled job is missing.")
    return name
