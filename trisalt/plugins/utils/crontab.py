"""A user's crontab as text and as data: what of it Salt manages, read and written. Pure.

Everything above the marker is the user's own and is kept as it stands. The marker, the identifiers and the prefix of
a job that is commented out are stock Salt's: both find each other's jobs.

Used by `cron`.
"""

from __future__ import annotations

import random
import re
from typing import Any

from trisalt.errors import CommandError

MARKER = "# Lines below here are managed by Salt, do not edit"
IDENTIFIER = "SALT_CRON_IDENTIFIER:"
DISABLED = "#DISABLED#"
FIELDS = ("minute", "hour", "daymonth", "month", "dayweek")
_RANDOM = {"minute": (0, 59), "hour": (0, 23), "daymonth": (1, 28), "month": (1, 12), "dayweek": (0, 6)}
# What stock Salt wrote for a job without an identifier, once.
_NONE = "NO ID SET"
_VARIABLE = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*)")
_JOB = re.compile(r"(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)[ \t](.*)")
_SPECIAL = re.compile(r"(@\S+)\s+(.*)")

Tab = dict[str, list[Any]]


def parse(text: str) -> Tab:
    """`{pre, crons, special, env}`: the lines above the marker, and what is below it."""
    tab: Tab = {"pre": [], "crons": [], "special": [], "env": []}
    lines = text.splitlines()
    if MARKER not in lines:
        return {**tab, "pre": lines}
    start = lines.index(MARKER)
    tab["pre"] = lines[:start]
    comment: list[str] | None = None
    identifier: str | None = None
    for line in (line.lstrip() for line in lines[start + 1 :]):
        commented = line.startswith(DISABLED)
        line = line.removeprefix(DISABLED)
        if line.startswith("#"):
            words = line[1:].strip()
            if IDENTIFIER in words:
                words, _, identifier = words.rpartition(IDENTIFIER)
                identifier = identifier.strip()
            comment = [*(comment or []), words.strip()]
            continue
        about = {
            "identifier": identifier,
            "comment": None if comment is None else "\n".join(comment),
            "commented": commented,
        }
        if found := _SPECIAL.fullmatch(line):
            tab["special"].append({"spec": found[1], "cmd": found[2], **about})
        elif found := _VARIABLE.fullmatch(line):
            tab["env"].append({"name": found[1], "value": found[2]})
            continue
        elif found := _JOB.fullmatch(line):
            times = dict(zip(FIELDS, found.groups(), strict=False))
            tab["crons"].append({**times, "identifier": identifier, "cmd": found[6], **about})
        else:
            continue
        comment, identifier = None, None
    return tab


def render(tab: Tab) -> str:
    """The text of a crontab: what was above the marker, then the variables, the jobs and the special jobs."""
    lines = [*tab["pre"]]
    if tab["env"] or tab["crons"] or tab["special"]:
        lines.append(MARKER)
    lines += [f"{row['name']}={_quoted(row['value'])}" for row in tab["env"]]
    for row in (*tab["crons"], *tab["special"]):
        lines += _comment(row)
        times = [row["spec"]] if "spec" in row else [row[name] for name in FIELDS]
        lines.append(f"{DISABLED if row['commented'] else ''}{' '.join(times)} {row['cmd']}")
    return "".join(f"{line}\n" for line in lines)


def job(
    times: dict[str, Any], cmd: Any, *, commented: bool = False, comment: Any = None, identifier: Any = None
) -> dict[str, Any]:
    """One job, checked: `times` is a field each, or `{spec}`. Raises CommandError for what would be another line."""
    for name, value in (*times.items(), ("cmd", cmd), ("identifier", identifier)):
        if "\n" in str(value):
            raise CommandError(f"The {name} of a cron job is one line: {value!r}")
    for name, value in times.items():
        if len(str(value).split()) != 1:
            raise CommandError(f"The {name} of a cron job is one word: {value!r}")
    if IDENTIFIER in str(comment):
        raise CommandError(f"The comment of a cron job would be read as its identifier: {comment!r}")
    return {
        **{name: str(value).strip() for name, value in times.items()},
        "identifier": str(identifier).strip() if identifier else None,
        "cmd": str(cmd),
        "comment": None if comment is None else str(comment).rstrip("\n"),
        "commented": bool(commented),
    }


def matches(row: dict[str, Any], cmd: str, identifier: Any) -> bool:
    """Whether a job is the one that is meant: by its identifier, or by its command where one of both has none.

    A job with an identifier is never found by its command alone. Source: stock Salt 3008.3, how jobs are found.
    """
    known, wanted = row["identifier"], str(identifier).strip() if identifier else None
    if known in (None, _NONE):
        return row["cmd"] == cmd
    return known == wanted


def place(tab: Tab, wanted: dict[str, Any]) -> tuple[str, Tab]:
    """Put a job into a crontab: `new`, `updated` or `present`, and the crontab.

    `random` for a field is any value, chosen once. A job that changes goes to the end, whichever kind it was.
    """
    kind = "special" if "spec" in wanted else "crons"
    found = [
        (k, row) for k in ("crons", "special") for row in tab[k] if matches(row, wanted["cmd"], wanted["identifier"])
    ]
    if len(found) == 1 and found[0][0] == kind and _same(found[0][1], wanted):
        return "present", tab
    if wanted["comment"] is None and found:
        wanted = {**wanted, "comment": found[0][1]["comment"]}
    wanted = {name: _chosen(name, value) for name, value in wanted.items()}
    gone = [row for _kind, row in found]
    rest = {k: [row for row in tab[k] if not any(row is one for one in gone)] for k in ("crons", "special")}
    return "updated" if found else "new", {**tab, **rest, kind: [*rest[kind], wanted]}


def take(tab: Tab, kind: str, cmd: str, identifier: Any, times: dict[str, Any]) -> tuple[str, Tab]:
    """Take jobs out of a crontab, those alone whose fields are as given: `removed` or `absent`, and the crontab."""
    given = {name: str(value) for name, value in times.items() if value is not None}
    kept = [
        row
        for row in tab[kind]
        if not matches(row, cmd, identifier) or any(row[name] != value for name, value in given.items())
    ]
    return "absent" if len(kept) == len(tab[kind]) else "removed", {**tab, kind: kept}


def assign(tab: Tab, name: str, value: Any) -> tuple[str, Tab]:
    """Give a variable a value: `new`, `updated` or `present`, and the crontab."""
    text = "" if value is None else str(value)
    if not re.fullmatch(r"[A-Za-z_]\w*", str(name)) or "\n" in text:
        raise CommandError(f"A crontab cannot hold the variable {name!r} with the value {text!r}")
    known = [row["value"] for row in tab["env"] if row["name"] == name]
    if known:
        if _quoted(known[-1]) == _quoted(text):
            return "present", tab
        env = [{**row, "value": text} if row["name"] == name else row for row in tab["env"]]
        return "updated", {**tab, "env": env}
    return "new", {**tab, "env": [*tab["env"], {"name": name, "value": text}]}


def unassign(tab: Tab, name: str) -> tuple[str, Tab]:
    """Take a variable out of a crontab: `removed` or `absent`, and the crontab."""
    kept = [row for row in tab["env"] if row["name"] != name]
    return "absent" if len(kept) == len(tab["env"]) else "removed", {**tab, "env": kept}


def _same(known: dict[str, Any], wanted: dict[str, Any]) -> bool:
    def value(name: str) -> bool:
        if name == "comment":
            return wanted[name] is None or (known[name] or "") == wanted[name]
        return bool(known[name] == wanted[name] or (name in _RANDOM and wanted[name].lower() == "random"))

    return all(value(name) for name in wanted)


def _chosen(name: str, value: Any) -> Any:
    if name in _RANDOM and value.lower() == "random":
        return str(random.randint(*_RANDOM[name]))
    return value


def _comment(row: dict[str, Any]) -> list[str]:
    comment, identifier = row["comment"], row["identifier"]
    if comment is None and not identifier:
        return []
    lines = [f"# {line}".rstrip() for line in (comment or "").split("\n")]
    if identifier:
        lines[-1] = f"{lines[-1]} {IDENTIFIER}{identifier}"
    return lines


def _quoted(value: str) -> str:
    return value or '""'
