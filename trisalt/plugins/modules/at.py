"""Run commands once, at a later time, by at(1)."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from typing import Any

from trisalt.errors import CommandError

# How stock Salt marks a job of its own in the job's script; both find each other's.
_TAG = "### SALT: "
_ROW = re.compile(r"(\d+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(\S)\s+(\S+)")
_MADE = re.compile(r"^job (\d+) at ", re.MULTILINE)


def __virtual__() -> Any:
    if shutil.which("at"):
        return True
    return False, "The at execution module cannot be loaded: the at command is not available"


def atq(tag: Any = None) -> dict[str, Any]:
    """
    The jobs that wait or run, those with a tag (a word) or the one of a number: `{jobs: [{job, date, time, queue,
    user, tag}]}`.

    CLI Example:

        salt '*' at.atq nightly
    """
    jobs = []
    for number, when, queue, user in _ROW.findall(_checked(["atq"])):
        moment = datetime.strptime(when, "%a %b %d %H:%M:%S %Y")
        row = {
            "job": int(number),
            "date": f"{moment:%Y-%m-%d}",
            "time": f"{moment:%H:%M:%S}",
            "queue": queue,
            "user": user,
            "tag": _tag(number),
        }
        if tag is None or tag == row["job"] or tag == row["tag"]:
            jobs.append(row)
    return {"jobs": jobs}


def at(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """
    Have a command run at a time, written as at(1) reads it: the new job, as `atq` shows it. `tag` is a word to find
    it by, `runas` whose job it is.

    CLI Example:

        salt '*' at.at '3:05am +3 days' 'bin/myscript' tag=nightly runas=jim
    """
    if len(args) < 2:
        return {"jobs": []}
    tag = str(kwargs["tag"]) if kwargs.get("tag") not in (None, "") else ""
    if "\n" in tag:
        raise CommandError(f"A tag is one line: {tag!r}")
    lines = [f"{_TAG}{tag}"] if tag else []
    lines.append(" ".join(map(str, args[1:])))
    found = _run(
        ["at", "--", args[0]], stdin="\n".join(lines) + "\n", stdin_raw_newlines=True, runas=kwargs.get("runas")
    )
    made = _MADE.search(found["stderr"])
    if found["retcode"] or made is None:
        __context__["retcode"] = found["retcode"] or 1
        if any(text in found["stderr"] for text in ("Garbled time", "back in time", "in the past")):
            return {"jobs": [], "error": "invalid timespec"}
        return {"jobs": [], "error": found["stderr"] or "at made no job"}
    return atq(int(made[1]))


def atc(jobid: Any) -> Any:
    """
    The script of a job, as the shell will be given it.

    CLI Example:

        salt '*' at.atc 7
    """
    found = _run(["at", "-c", "--", jobid])
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
        return {"error": f"invalid job id '{jobid}'"}
    return found["stdout"]


def atrm(*args: Any) -> dict[str, Any]:
    """
    Remove jobs: some by their numbers, `all`, or all with a tag. `{jobs: {removed: [...], tag}}`.

    CLI Example:

        salt '*' at.atrm 7 8
        salt '*' at.atrm all nightly
    """
    tag = None
    if args and args[0] == "all":
        tag = args[1] if len(args) > 1 else None
        wanted = [str(row["job"]) for row in atq()["jobs"] if tag is None or row["tag"] == str(tag)]
    else:
        known = {str(row["job"]) for row in atq()["jobs"]} if args else set()
        wanted = [str(job) for job in args if str(job) in known]
    if args and not wanted:
        __context__["retcode"] = 1
    elif wanted:
        __utils__["tool.succeeds"](["atrm", *wanted])
        left = {str(row["job"]) for row in atq()["jobs"]}
        wanted = [job for job in wanted if job not in left]
    return {"jobs": {"removed": wanted, "tag": tag}}


def jobcheck(**kwargs: Any) -> dict[str, Any]:
    """
    The jobs that fit every condition: `hour`, `minute`, `day`, `month`, `year`, `tag`, `runas`.

    CLI Example:

        salt '*' at.jobcheck runas=jam day=13
    """
    given = {name: value for name, value in kwargs.items() if not name.startswith("__")}
    if not given:
        return {"error": "You have given a condition"}
    try:
        numbers = {name: int(given[name]) for name in ("year", "month", "day", "hour", "minute") if name in given}
    except (TypeError, ValueError):
        raise CommandError("year, month, day, hour and minute are numbers") from None
    if "year" in numbers:
        numbers["year"] %= 100
    jobs = [row for row in atq()["jobs"] if _fits(row, numbers, given)]
    return {"jobs": jobs} if jobs else {"jobs": [], "note": "No match jobs or time format error"}


def _fits(row: dict[str, Any], numbers: dict[str, int], given: dict[str, Any]) -> bool:
    moment = datetime.fromisoformat(f"{row['date']}T{row['time']}")
    values = {**{name: getattr(moment, name) for name in ("month", "day", "hour", "minute")}, "year": moment.year % 100}
    return (
        all(values[name] == number for name, number in numbers.items())
        and ("tag" not in given or row["tag"] == str(given["tag"]))
        and ("runas" not in given or row["user"] == str(given["runas"]))
    )


def _tag(number: str) -> str:
    """The tag of a job; none of one that ran in the meantime."""
    found = _run(["at", "-c", number], ignore_retcode=True, output_loglevel="quiet")
    lines = (line.removeprefix(_TAG) for line in found["stdout"].splitlines() if line.startswith(_TAG))
    return next(lines, "").strip()


def _checked(argv: list[Any]) -> str:
    return __utils__["tool.checked"](argv, "Unable to list the jobs")


def _run(argv: list[Any], **options: Any) -> dict[str, Any]:
    return __utils__["tool.run"](argv, **options)
