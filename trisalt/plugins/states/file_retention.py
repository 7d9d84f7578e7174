"""Backups: which of them are kept, and for how long. Loaded as `file`.

/var/backups/db:
  file.retention_schedule:
    - retain:
        most_recent: 5
        first_of_day: 7
        first_of_month: all
    - strptime_format: db_%Y%m%d.dump
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

__virtualname__ = "file"

# What makes two moments the same of a rule: the first in each such span is kept.
_RULES: dict[str, Callable[[datetime], Any]] = {
    "most_recent": lambda moment: moment.timestamp(),
    "first_of_hour": lambda moment: moment.strftime("%Y%m%d%H"),
    "first_of_day": lambda moment: moment.strftime("%Y%m%d"),
    "first_of_week": lambda moment: moment.isocalendar()[:2],
    "first_of_month": lambda moment: moment.strftime("%Y%m"),
    "first_of_year": lambda moment: moment.strftime("%Y"),
}


def __virtual__() -> str:
    return __virtualname__


def retention_schedule(
    name: str, retain: Any, strptime_format: str | None = None, timezone: str | None = None
) -> dict[str, Any]:
    """
    Of the backups in a folder only those are there that a rule keeps. The rules, each with how many it keeps
    or `all`: `most_recent`, `first_of_hour`, `first_of_day`, `first_of_week`,
    `first_of_month`, `first_of_year`. How old a backup is says its name with `strptime_format`, and other names are
    none; without, the time at which it was changed, in this `timezone`.
    """
    if not name:
        return returned(name, False, "Must provide name to file.retention_schedule")
    if not os.path.isabs(name) or not os.path.isdir(name):
        return returned(name, False, "Name provided to file.retention must be a directory")
    wrong = _mistaken(retain)
    if wrong:
        return returned(name, False, wrong)
    try:
        zone = ZoneInfo(timezone) if timezone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return returned(name, False, f"{timezone} is no time zone")
    backups, ignored = _dated(name, strptime_format, zone)
    kept = _kept(backups, retain)
    gone = sorted((entry for entry in backups if entry not in kept), reverse=True)
    if not gone:
        said = "would have been removed" if __opts__["test"] else "were removed"
        return returned(name, True, f"0 backups {said} from {name}.\n")
    changes = {"retained": sorted(kept, reverse=True), "deleted": gone, "ignored": sorted(ignored, reverse=True)}
    if __opts__["test"]:
        return returned(name, None, f"{len(gone)} backups would have been removed from {name}.\n", changes)
    for number, entry in enumerate(gone):
        try:
            __salt__["file.remove"](os.path.join(name, entry))
        except TrisaltError as exc:
            return returned(name, False, str(exc), changes | {"deleted": gone[:number]} if number else {})
    return returned(name, True, f"{len(gone)} backups were removed from {name}.\n", changes)


def _mistaken(retain: Any) -> str:
    """Why these are no rules; empty when they are."""
    if not isinstance(retain, Mapping) or not retain:
        return "Must say what to retain"
    for rule, count in retain.items():
        if rule not in _RULES:
            return f"{rule} is no rule of retention"
        if count != "all" and (isinstance(count, bool) or not str(count).isdecimal()):
            return f"{rule} is a number, or all: {count}"
    return ""


def _dated(name: str, form: str | None, zone: ZoneInfo | None) -> tuple[dict[str, datetime], list[str]]:
    """What is in a folder, with its age, and the names that are no backups."""
    found, ignored = {}, []
    with os.scandir(name) as entries:
        for entry in entries:
            if form is None:
                # A link is as old as itself.
                found[entry.name] = datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, zone)
                continue
            try:
                found[entry.name] = datetime.strptime(entry.name, form)
            except ValueError:
                ignored.append(entry.name)
    return found, ignored


def _kept(backups: Mapping[str, datetime], retain: Mapping[str, Any]) -> set[str]:
    """What at least one of the rules keeps."""
    kept: set[str] = set()
    newest = sorted(backups, key=lambda entry: (backups[entry], entry), reverse=True)
    for rule, count in retain.items():
        firsts = newest if rule == "most_recent" else _firsts(newest, backups, _RULES[rule])
        kept.update(firsts if count == "all" else firsts[: int(count)])
    return kept


def _firsts(newest: Iterable[str], backups: Mapping[str, datetime], span: Callable[[datetime], Any]) -> list[str]:
    """The first backup of each span of time; the latest span first."""
    found: dict[Any, str] = {}
    for entry in newest:
        found[span(backups[entry])] = entry
    return list(found.values())
