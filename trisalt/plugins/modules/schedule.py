"""The schedule of this minion: jobs that it runs by itself, at intervals or by the clock.

The running minion keeps it; `offline=True` changes what it will read when it is started. Jobs of the pillar are
changed in the pillar.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from trisalt.errors import CommandError, ConfigError
from trisalt.scheduler.entry import INTERVALS, KNOWN_KEYS, TIME_FORM, Entry, Source, stands_alone
from trisalt.scheduler.persist import FILE_NAME, read_schedule, write_mapping
from trisalt.worker import upcall

log = logging.getLogger(__name__)

__func_alias__ = {"list_": "list", "reload_": "reload"}

# Taken over as they are, in this order.
_TIMES = ("range", "when", "once", "once_fmt", "cron")
_REST = (
    *("returner", "after", "return_config", "return_kwargs", "until", "run_on_start", "skip_during_range"),
    *("run_after_skip_range", "dry_run"),
)
_BOTH = '"when" or "cron" options.'

# What steers these functions and is no part of a job.
_STEERING = frozenset({"test", "offline", "persist", "name", "where"})


def list_(
    show_all: bool = False,
    show_disabled: bool = True,
    where: str | None = None,
    return_yaml: bool = True,
    offline: bool = False,
) -> Any:
    """
    The jobs of the schedule, as YAML or (`return_yaml=False`) as data.

    `show_all` adds what the minion itself schedules; `show_disabled=False` leaves out disabled jobs; `where` is
    `opts` or `pillar` for one source only; `offline` reads what is kept on disk.

    CLI Example:

        salt '*' schedule.list
        salt '*' schedule.list show_disabled=False
    """
    kept = _kept()
    answer = {"schedule": kept} if offline else _asked("list", where=where)
    found = {}
    for name, item in answer["schedule"].items():
        if stands_alone(name, item):
            found[name] = item
        elif isinstance(item, Mapping) and (show_all or not name.startswith("__")):
            found[name] = {**item, "enabled": item.get("enabled", True), "name": name}
    if not show_disabled:
        found = {name: item for name, item in found.items() if stands_alone(name, item) or item["enabled"]}
    if not return_yaml:
        return found
    saved = {*kept, *answer.get("configured", ())}
    shown = {
        name: item if stands_alone(name, item) else {**item, "saved": name in saved} for name, item in found.items()
    }
    return yaml.safe_dump({"schedule": shown}, default_flow_style=False, allow_unicode=True)


def is_enabled(name: str | None = None) -> Any:
    """
    A job of the schedule, or `{}`; without a name, whether the schedule is enabled.

    CLI Example:

        salt '*' schedule.is_enabled name=job_name
        salt '*' schedule.is_enabled
    """
    current = list_(show_all=True, return_yaml=False)
    return current.get("enabled", True) if name is None else current.get(name, {})


def purge(**kwargs: Any) -> dict[str, Any]:
    """
    Delete all jobs but the pillar's.

    CLI Example:

        salt '*' schedule.purge
    """
    ret: dict[str, Any] = {"comment": [], "changes": {}, "result": True}
    for name, item in list_(show_all=True, return_yaml=False, offline=_offline(kwargs)).items():
        if name.startswith("__") or not isinstance(item, dict):
            continue
        if _testing(kwargs):
            ret["comment"].append(f"Job: {name} would be deleted from schedule.")
            continue
        if delete(name, **kwargs)["result"]:
            ret["comment"].append(f"Deleted job: {name} from schedule.")
            ret["changes"][name] = "removed"
        else:
            ret["comment"].append(f"Failed to delete job {name} from schedule.")
    return ret


def delete(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Delete a job.

    CLI Example:

        salt '*' schedule.delete job1
    """
    if not name:
        return _refused("Job name is required.", changes={})
    if _testing(kwargs):
        return _done(f"Job: {name} would be deleted from schedule.", changes={})
    if _offline(kwargs):
        kept = _kept()
        if name not in kept:
            return _refused(f"Job {name} does not exist.", changes={})
        del kept[name]
        return _written(kept, f"Deleted Job {name} from schedule.", {name: "removed"})
    if _entry(name) is None:
        return _refused(f"Job {name} does not exist.", changes={})
    try:
        _asked("delete", name=name, persist=kwargs.get("persist", True))
    except CommandError as exc:
        log.warning("schedule: %s", exc)
        return _refused(f"Failed to delete job {name} from schedule.", changes={})
    return _done(f"Deleted Job {name} from schedule.", changes={name: "removed"})


def build_schedule_item(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A job as it stands in the schedule, from the words an operator gives; what is wrong is said.

    CLI Example:

        salt '*' schedule.build_schedule_item job1 function='test.ping' seconds=3600
    """
    if not name:
        return _refused("Job name is required.")
    conflict = _conflict(kwargs)
    if conflict:
        return _refused(conflict)
    if not isinstance(kwargs.get("function"), str):
        return _refused("Job function is required.")
    item: dict[str, Any] = {"function": kwargs["function"]}
    item |= {key: kwargs[key] for key in (*INTERVALS, "return_job", "metadata") if key in kwargs}
    for key, own, kind, said in (("job_args", "args", list, "a list"), ("job_kwargs", "kwargs", dict, "a dict")):
        if key in kwargs and not isinstance(kwargs[key], kind):
            return _refused(f"{key} is not {said}. please correct and try again.")
        if key in kwargs:
            item[own] = kwargs[key]
    item |= {"maxrunning": kwargs.get("maxrunning", 1), "name": name, "enabled": kwargs.get("enabled", True)}
    item["jid_include"] = kwargs.get("jid_include", True)
    item |= {key: kwargs[key] for key in ("splay", *_TIMES, *_REST) if key in kwargs}
    try:
        # Alone, so that a time that cannot be read is told in the words scripts know.
        for when in item["when"] if isinstance(item.get("when"), list) else [item.get("when")]:
            bad = when
            if when is not None:
                Entry.from_config(name, {"function": item["function"], "when": when}, whens=_whens())
    except ConfigError:
        return _refused(f'Schedule item {bad} for "when" in invalid.')
    unknown = sorted(
        key for key in kwargs if key not in KNOWN_KEYS and key not in _STEERING and not key.startswith("__")
    )
    if unknown:
        log.warning("schedule: job %s has keys that mean nothing: %s", name, ", ".join(unknown))
    return item


def add(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Add a job: `function`, `job_args`, `job_kwargs`; when it runs (`seconds`, `minutes`, `hours`, `days`, or `when`,
    `cron`, `once`); and what else a schedule may say. `persist=False` forgets it at the next start.

    CLI Example:

        salt '*' schedule.add job1 function='test.ping' seconds=3600
        salt '*' schedule.add job2 function='cmd.run' job_args="['uptime']" cron='*/15 * * * *' splay=30
    """
    if name and _entry(name, offline=_offline(kwargs)) is not None:
        return _refused(f"Job {name} already exists in schedule.", changes={})
    if not name:
        return _refused("Job name is required.")
    conflict = _conflict(kwargs, "Error: ")
    if conflict:
        return _refused(conflict, changes={})
    item = build_schedule_item(name, **kwargs)
    wrong = _wrong(name, item)
    if wrong is not None:
        return wrong
    if _testing(kwargs):
        return _done(f"Job: {name} would be added to schedule.", changes={})
    if _offline(kwargs):
        return _written({**_kept(), name: item}, f"Added job: {name} to schedule.", {name: "added"})
    try:
        _asked("add", name=name, schedule={name: item}, persist=kwargs.get("persist", True))
    except CommandError as exc:
        return _refused(str(exc), changes={})
    return _done(f"Added job: {name} to schedule.", changes={name: "added"})


def modify(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Replace a job by what is given; without `function` it keeps its own.

    CLI Example:

        salt '*' schedule.modify job1 function='test.ping' seconds=3600
    """
    conflict = _conflict(kwargs, "Error: ", '"when" option.' if "when" in kwargs else _BOTH)
    if conflict:
        return _refused(conflict, changes={})
    offline = _offline(kwargs)
    current = _entry(name, offline=offline)
    if current is None:
        return _refused(f"Job {name} does not exist in schedule.", changes={})
    kwargs.setdefault("function", current["function"])
    item = build_schedule_item(name, **kwargs)
    wrong = _wrong(name, item)
    if wrong is not None:
        return wrong
    if item == current:
        return _done(f"Job {name} in correct state", changes={})
    changes = {name: {"old": current, "new": item}}
    if _testing(kwargs):
        return _done(f"Job: {name} would be modified in schedule.", changes=changes)
    if offline:
        return _written({**_kept(), name: item}, f"Modified job: {name} in schedule.", changes)
    try:
        _asked("modify", name=name, schedule={name: item}, persist=kwargs.get("persist", True))
    except CommandError as exc:
        return _refused(str(exc), changes={})
    return _done(f"Modified job: {name} in schedule.", changes=changes)


def run_job(name: str, force: bool = False) -> dict[str, Any]:
    """
    Run a job now, beside its times; a disabled one with `force=True`.

    CLI Example:

        salt '*' schedule.run_job job1
        salt '*' schedule.run_job job1 force=True
    """
    current = _entry(name)
    if current is None:
        return _refused(f"Job {name} does not exist.")
    if not current["enabled"] and not force:
        return _done(f"Job {name} is disabled.")
    return _tried(f"Scheduling Job {name} on minion.", "run_job", name=name, force=force)


def enable_job(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Enable a job.

    CLI Example:

        salt '*' schedule.enable_job job1
    """
    return _switch(name, "Enabled", "enabled", kwargs)


def disable_job(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Disable a job: it stays in the schedule and does not run.

    CLI Example:

        salt '*' schedule.disable_job job1
    """
    return _switch(name, "Disabled", "disabled", kwargs)


def save(**kwargs: Any) -> dict[str, Any]:
    """
    Write the jobs that operators made to disk. What changes them does so by itself.

    CLI Example:

        salt '*' schedule.save
    """
    if _testing(kwargs):
        return _done("Schedule would be saved.")
    return _tried("Schedule (non-pillar items) saved.", "save_schedule")


def enable(**kwargs: Any) -> dict[str, Any]:
    """
    Enable the schedule as a whole.

    CLI Example:

        salt '*' schedule.enable
    """
    if _testing(kwargs):
        return _done("Schedule would be enabled.", changes={})
    return _tried("Enabled schedule on minion.", "enable", changes={"schedule": "enabled"})


def disable(**kwargs: Any) -> dict[str, Any]:
    """
    Disable the schedule as a whole: nothing runs until it is enabled.

    CLI Example:

        salt '*' schedule.disable
    """
    if _testing(kwargs):
        return _done("Schedule would be disabled.", changes={})
    return _tried("Disabled schedule on minion.", "disable", changes={"schedule": "disabled"})


def reload_() -> dict[str, Any]:
    """
    Read the schedule again: what is kept on disk, and the pillar's.

    CLI Example:

        salt '*' schedule.reload
    """
    ret: dict[str, Any] = {"comment": [], "result": True}
    if isinstance(__pillar__.get("schedule"), Mapping):
        upcall.refresh("pillar")
        ret["comment"].append("Reloaded schedule from pillar on minion.")
    if _path().exists():
        try:
            _asked("reload")
            ret["comment"].append("Reloaded schedule on minion from schedule.conf.")
        except CommandError as exc:
            ret["comment"].append(str(exc))
            return _refused(ret["comment"])
    return ret


def move(name: str, target: str, **kwargs: Any) -> dict[str, Any]:
    """
    Give a job to other minions, and delete it here. The master's `peer` has to allow it.

    CLI Example:

        salt '*' schedule.move jobname target
    """
    ret = _handed_on(name, target, "moved", kwargs)
    if ret.pop("handed", False):
        deleted = delete(name, persist=kwargs.get("persist", True))
        if not deleted["result"]:
            return _refused(deleted["comment"])
        ret["comment"] = f"Moved Job {name} from schedule."
    return ret


def copy(name: str, target: str, **kwargs: Any) -> dict[str, Any]:
    """
    Give a job to other minions, too. The master's `peer` has to allow it.

    CLI Example:

        salt '*' schedule.copy jobname target
    """
    ret = _handed_on(name, target, "copied", kwargs)
    if ret.pop("handed", False):
        ret["comment"] = f"Copied Job {name} from schedule to minion(s)."
    return ret


def postpone_job(name: str, current_time: str, new_time: str, **kwargs: Any) -> dict[str, Any]:
    """
    Run a job at `new_time` instead of at `current_time`. Times have the form `time_fmt`, which is
    `%Y-%m-%dT%H:%M:%S` unless it is given.

    CLI Example:

        salt '*' schedule.postpone_job job 2026-11-28T02:00:00 2026-11-28T04:00:00
    """
    for value, said in ((name, "Job name is"), (current_time, "Job current time is"), (new_time, "Job new_time is")):
        if not value:
            return _refused(f"{said} required.")
    form = kwargs.get("time_fmt", TIME_FORM)
    if not (_parses(current_time, form) and _parses(new_time, form)):
        return _refused("Date string could not be parsed.")
    if _testing(kwargs):
        return _done(f"Job: {name} would be postponed in schedule.")
    if _entry(name) is None:
        return _refused(f"Job {name} does not exist.")
    return _tried(
        f"Postponed Job {name} in schedule.",
        "postpone_job",
        name=name,
        time=current_time,
        new_time=new_time,
        time_fmt=form,
    )


def skip_job(name: str, current_time: str, **kwargs: Any) -> dict[str, Any]:
    """
    Leave out one run of a job: the one at `current_time`, of the form `time_fmt`, which is `%Y-%m-%dT%H:%M:%S`
    unless it is given.

    CLI Example:

        salt '*' schedule.skip_job job 2026-11-28T02:00:00
    """
    if not name:
        return _refused("Job name is required.")
    if not current_time:
        return _refused("Job time is required.")
    form = kwargs.get("time_fmt", TIME_FORM)
    if not _parses(current_time, form):
        return _refused("Date string could not be parsed.")
    if _testing(kwargs):
        return _done(f"Job: {name} would be skipped in schedule.")
    if _entry(name) is None:
        return _refused(f"Job {name} does not exist.")
    return _tried(f"Added Skip Job {name} in schedule.", "skip_job", name=name, time=current_time, time_fmt=form)


def show_next_fire_time(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    When a job runs next, in the minion's local time; `fmt` says how that is written.

    CLI Example:

        salt '*' schedule.show_next_fire_time job_name
    """
    if not name:
        return {"result": False, "comment": "Job name is required.", "next_fire_time": None}
    try:
        moment = _asked("get_next_fire_time", name=name)["next_fire_time"]
    except CommandError as exc:
        return {"result": False, "comment": str(exc), "next_fire_time": None}
    if moment is not None and "fmt" in kwargs:
        moment = datetime.strptime(moment, TIME_FORM).strftime(str(kwargs["fmt"]))
    return {"result": True, "next_fire_time": moment}


def job_status(name: str, time_fmt: str = TIME_FORM) -> dict[str, Any]:
    """
    A job with what is known of its runs: `_next_fire_time`, `_last_run`, what is skipped and what runs beside it.

    CLI Example:

        salt '*' schedule.job_status job_name
    """
    found = dict(_asked("job_status", name=name)["data"]) if name else {}
    for key in ("_next_fire_time", "_last_run", "_skipped_time"):
        if key in found:
            found[key] = datetime.strptime(found[key], TIME_FORM).strftime(time_fmt)
    return found


# -- what they share -------------------------------------------------------------------------------------------------


def _asked(op: str, **fields: Any) -> dict[str, Any]:
    """What the running minion answers. Raises CommandError."""
    return dict(upcall.schedule(op, **fields))


def _tried(comment: str, op: str, *, changes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    try:
        _asked(op, **fields)
    except CommandError as exc:
        return _refused(str(exc), changes=None if changes is None else {})
    return _done(comment, changes=changes)


def _switch(name: str, said: str, done: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    op = f"{said.lower().removesuffix('d')}_job"
    offline = _offline(kwargs)
    if _entry(name, offline=offline) is None:
        return _refused(f"Job {name} does not exist.", changes={})
    if _testing(kwargs):
        return _done(f"Job: {name} would be {done} in schedule.", changes={})
    if offline:
        kept = _kept()
        kept[name] = {**kept[name], "enabled": done == "enabled"}
        return _written(kept, f"{said} Job {name} in schedule.", {name: done})
    return _tried(
        f"{said} Job {name} in schedule.",
        op,
        changes={name: done},
        name=name,
        persist=kwargs.get("persist", True),
    )


def _handed_on(name: str, target: str, done: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    if not name:
        return _refused("Job name is required.")
    if _testing(kwargs):
        return _done(f"Job: {name} would be {done} from schedule.")
    current = _entry(name)
    if current is None:
        return _refused(f"Job {name} does not exist.")
    # As `add` takes it.
    item = {{"args": "job_args", "kwargs": "job_kwargs"}.get(key, key): value for key, value in current.items()}
    item.pop("name", None)
    try:
        answers = upcall.publish(target, "schedule.add", [name], kwarg=item)["returns"]
    except CommandError as exc:
        return _refused(str(exc))
    if not answers:
        return _refused("no servers answered the published schedule.add command")
    results = {id: answer.get("return") for id, answer in answers.items()}
    failed = sorted(id for id, found in results.items() if not isinstance(found, dict) or not found.get("result"))
    if failed:
        return {**_refused("the following minions return False"), "minions": failed}
    return {**_done(""), "minions": sorted(results), "handed": True}


def _wrong(name: str, item: dict[str, Any]) -> dict[str, Any] | None:
    """Why a job cannot be scheduled, in the words it is answered with."""
    if item.get("result") is False:
        return item
    if item["function"] not in __salt__:
        return _refused(f"Function {item['function']} is not available.", changes={})
    try:
        Entry.from_config(name, item, source=Source.OPERATOR, whens=_whens())
    except ConfigError as exc:
        return _refused(str(exc), changes={})
    return None


def _whens() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for source in (__grains__, __pillar__):
        found |= source["whens"] if isinstance(source.get("whens"), Mapping) else {}
    return found


def _conflict(kwargs: Mapping[str, Any], prefix: str = "", others: str = _BOTH) -> str | None:
    """What is said of times that exclude each other; stock's functions word it each in their own way."""
    if any(key in kwargs for key in INTERVALS) and ("when" in kwargs or "cron" in kwargs):
        return f'{prefix}Unable to use "seconds", "minutes", "hours", or "days" with {others}'
    if "when" in kwargs and "cron" in kwargs:
        return 'Unable to use "when" and "cron" options together.  Ignoring.'
    return None


def _entry(name: str, *, offline: bool = False) -> dict[str, Any] | None:
    found = list_(show_all=True, return_yaml=False, offline=offline).get(name)
    return found if isinstance(found, dict) else None


def _parses(text: object, form: object) -> bool:
    try:
        datetime.strptime(str(text), str(form))
    except ValueError:
        return False
    return True


def _path() -> Path:
    folder = os.path.dirname(__opts__["conf_file"])
    return Path(folder, os.path.dirname(__opts__.get("default_include") or "minion.d/*.conf"), FILE_NAME)


def _kept() -> dict[str, Any]:
    try:
        return read_schedule(_path())
    except ConfigError as exc:
        raise CommandError(str(exc)) from exc


def _written(schedule: dict[str, Any], comment: str, changes: dict[str, Any]) -> dict[str, Any]:
    try:
        write_mapping(_path(), schedule)
    except ConfigError as exc:
        log.error("schedule: %s", exc)
        return _refused("Failed to persist the updated schedule", changes={})
    return _done(comment, changes=changes)


def _testing(kwargs: Mapping[str, Any]) -> bool:
    return bool(kwargs.get("test"))


def _offline(kwargs: Mapping[str, Any]) -> bool:
    return bool(kwargs.get("offline"))


def _done(comment: Any, *, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    ret = {"comment": comment, "result": True}
    return ret if changes is None else {**ret, "changes": changes}


def _refused(comment: Any, *, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    ret = {"comment": comment, "result": False}
    return ret if changes is None else {**ret, "changes": changes}
