"""Jobs of the minion's schedule.

nightly highstate:
  schedule.present:
    - function: state.apply
    - cron: '0 3 * * *'
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from trisalt.errors import CommandError
from trisalt.state.result import returned


def _told(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A state that says in its comment why the schedule cannot be had: no minion runs that keeps one."""

    @wraps(function)
    def state(name: str, **kwargs: Any) -> dict[str, Any]:
        try:
            return function(name, **kwargs)
        except CommandError as exc:
            return returned(name, False, str(exc))

    return state


@_told
def present(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A job is in the schedule as it is given here: `function`, `job_args`, `job_kwargs`, when it runs, and what else a
    schedule may say.
    """
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    given |= {"test": __opts__["test"], "persist": given.get("persist", True)}
    there = _jobs().get(name)
    function = "schedule.add"
    if there is not None:
        built = __salt__["schedule.build_schedule_item"](name, **given)
        if built.get("result") is False:
            return returned(name, False, built["comment"])
        if _plain(there, built) == _plain(built, built):
            return returned(name, True, f"Job {name} in correct state")
        function = "schedule.modify"
    done = __salt__[function](name, **given)
    if not done["result"]:
        return returned(name, False, done["comment"])
    if __opts__["test"]:
        return returned(name, None, done["comment"], done.get("changes") or {name: "added"})
    said = f"Adding new job {name} to schedule" if there is None else f"Modifying job {name} in schedule"
    return returned(name, True, said, done.get("changes"))


@_told
def absent(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A job is not in the schedule.
    """
    if name not in _jobs():
        return returned(name, True, f"Job {name} not present in schedule")
    persist = kwargs.get("persist", True)
    done = __salt__["schedule.delete"](name, test=__opts__["test"], persist=persist)
    if __opts__["test"]:
        return returned(name, None, done["comment"])
    removed = f"Removed job {name} from schedule"
    return returned(name, bool(done["result"]), removed if done["result"] else done["comment"], done.get("changes"))


@_told
def enabled(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A job of the schedule runs when it is due.
    """
    return _able(name, True, kwargs)


@_told
def disabled(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A job of the schedule does not run.
    """
    return _able(name, False, kwargs)


def _able(name: str, wanted: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
    word = "enable" if wanted else "disable"
    entry = _jobs().get(name)
    if entry is None:
        return returned(name, True, f"Job {name} not present in schedule")
    if bool(entry.get("enabled", True)) == wanted:
        return returned(name, True, f"Job {name} already {word}d")
    done = __salt__[f"schedule.{word}_job"](name, test=__opts__["test"], persist=kwargs.get("persist", True))
    if __opts__["test"]:
        return returned(name, None, done["comment"])
    said = f"{word.capitalize()}d job {name} from schedule"
    return returned(name, bool(done["result"]), said if done["result"] else done["comment"], done.get("changes"))


def _jobs() -> dict[str, Any]:
    return dict(__salt__["schedule.list"](show_all=True, return_yaml=False) or {})


def _plain(entry: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """What of a job is compared: what is asked for, and whether it runs."""
    return {key: entry.get(key) for key in {*asked, "enabled"} if not key.startswith("_")} | {
        "enabled": entry.get("enabled", True)
    }
