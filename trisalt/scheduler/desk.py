"""What operators ask of a running schedule: the operations of stock's `manage_schedule`, and what they answer.

Workers reach it by upcall, stock's tools by an event on the minion's socket. An answer is what the event of completion
carries; `completion` is its tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
import trio

from trisalt.errors import CommandError, ConfigError
from trisalt.scheduler.calendar import instant, local
from trisalt.scheduler.entry import TIME_FORM, Entry, Source
from trisalt.scheduler.persist import write_schedule
from trisalt.scheduler.scheduler import Schedule

# Whose event of completion has another name than itself. Source: stock Salt 3008.3.
_TOLD = {
    "enable_job": "enabled_job_complete",
    "disable_job": "disabled_job_complete",
    "enable": "enabled_complete",
    "disable": "disabled_complete",
    "save_schedule": "saved",
    "get_next_fire_time": "next_fire_time_complete",
}


def completion(op: str) -> str:
    """The tag of the event that tells of an operation when it is done."""
    return f"/salt/minion/minion_schedule_{_TOLD.get(op, f'{op}_complete')}"


async def manage(schedule: Schedule, op: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Change or read the schedule for an operator. Raises CommandError, whose text says why not."""
    name = fields.get("name")
    persist = fields.get("persist", True) is not False
    match op:
        case "add" | "modify":
            _change(schedule, _text(name), fields.get("schedule"), new=op == "add")
        case "delete":
            _writable(schedule, _text(name))
            schedule.delete(_text(name))
        case "enable_job" | "disable_job":
            entry = _writable(schedule, _text(name))
            enabled = op == "enable_job"
            mapping = {**entry.mapping, "enabled": enabled}
            schedule.put(attrs.evolve(entry, enabled=enabled, mapping=mapping, source=_owner(entry)))
        case "enable" | "disable":
            schedule.switch(op == "enable")
            schedule.wish = op == "enable"
        case "run_job":
            _run_now(schedule, _text(name), force=bool(fields.get("force")))
            persist = False
        case "skip_job":
            _writable(schedule, _text(name))
            schedule.skip(_text(name), _moment(schedule, fields, "time"))
            persist = False
        case "postpone_job":
            _writable(schedule, _text(name))
            old, new = _moment(schedule, fields, "time"), _moment(schedule, fields, "new_time")
            schedule.skip(_text(name), old)
            schedule.run_at(_text(name), new)
            persist = False
        case "reload":
            schedule.take_kept()
            persist = False
        case "list":
            persist = False
        case "save_schedule":
            persist = True
        case "get_next_fire_time":
            moment = schedule.next_fire_time(_text(name))
            return {"complete": True, "next_fire_time": None if moment is None else _shown(schedule, moment)}
        case "job_status":
            await trio.lowlevel.checkpoint()
            return {"complete": True, "data": status(schedule, _text(name))}
        case _:
            raise CommandError(f"The schedule cannot {op}.")
    if persist:
        await _keep(schedule)
    else:
        await trio.lowlevel.checkpoint()
    # What comes from the configuration is on disk as well.
    written = [entry.name for entry in schedule.entries if entry.source in (Source.CONFIG, Source.INTERNAL)]
    return {"complete": True, "schedule": listing(schedule, fields.get("where")), "configured": written}


def listing(schedule: Schedule, where: object = None) -> dict[str, Any]:
    """The entries as they were written: all, those of the pillar, or (`opts`) all others."""
    wanted: dict[str, Any] = {
        entry.name: {**entry.mapping, "enabled": entry.enabled, "name": entry.name}
        for entry in schedule.entries
        if where is None or (entry.source is Source.PILLAR) == (where == "pillar")
    }
    if where != "pillar" and (schedule.wish is not None or not schedule.enabled):
        wanted["enabled"] = schedule.enabled
    return wanted


def status(schedule: Schedule, name: str) -> dict[str, Any]:
    """An entry as it was written, and what is known of its runs under names that begin with `_`."""
    entry = schedule.get(name)
    if entry is None:
        return {}
    found = {**entry.mapping, "enabled": entry.enabled, "name": name}
    memory = schedule.memory(name)
    for key, moment in (("_next_fire_time", schedule.next_fire_time(name)), ("_last_run", schedule.last_run(name))):
        if moment is not None:
            found[key] = _shown(schedule, moment)
    if name in schedule.skipped:
        reason, moment = schedule.skipped[name]
        found |= {"_skipped": True, "_skip_reason": reason, "_skipped_time": _shown(schedule, moment)}
    for key, moments in (("skip_explicit", memory.skips), ("run_explicit", memory.extra)):
        if moments:
            found[key] = [{"time": _shown(schedule, moment), "time_fmt": TIME_FORM} for moment in sorted(moments)]
    return found


def _change(schedule: Schedule, name: str, mapping: object, *, new: bool) -> None:
    # Stock sends {name: {...}} in `schedule`.
    if isinstance(mapping, Mapping) and isinstance(mapping.get(name), Mapping):
        mapping = mapping[name]
    if not new or schedule.get(name) is not None:
        _writable(schedule, name)
    try:
        schedule.put(schedule.read(name, mapping, source=Source.OPERATOR))
    except ConfigError as exc:
        raise CommandError(str(exc)) from exc


def _run_now(schedule: Schedule, name: str, *, force: bool) -> None:
    entry = schedule.get(name)
    if entry is None:
        raise CommandError(f"Job {name} does not exist.")
    if not entry.enabled and not force:
        raise CommandError(f"Job {name} is disabled.")
    schedule.run_now(entry)


def _writable(schedule: Schedule, name: str) -> Entry:
    entry = schedule.get(name)
    if entry is None:
        raise CommandError(f"Job {name} does not exist.")
    if entry.source is Source.PILLAR:
        raise CommandError(f"Cannot modify job {name}, it's in the pillar!")
    return entry


def _owner(entry: Entry) -> Source:
    """Whose an entry is that an operator has changed: theirs, so that it is kept."""
    return Source.OPERATOR if entry.source is Source.CONFIG else entry.source


def _moment(schedule: Schedule, fields: Mapping[str, Any], key: str) -> float:
    text, form = fields.get(key), fields.get("time_fmt") or TIME_FORM
    try:
        return instant(datetime.strptime(str(text), str(form)), schedule.zone())
    except ValueError:
        raise CommandError("Date string could not be parsed.") from None


def _shown(schedule: Schedule, moment: float) -> str:
    return local(moment, schedule.zone()).strftime(TIME_FORM)


def _text(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise CommandError("Job name is required.")
    return name


async def _keep(schedule: Schedule) -> None:
    if schedule.path is None:
        return
    try:
        await trio.to_thread.run_sync(
            write_schedule, schedule.path, schedule.all_entries, schedule.deleted, schedule.wish
        )
    except ConfigError as exc:
        raise CommandError(str(exc)) from exc
