"""Commands that run once, at a time, by at(1).

reindex tonight:
  at.present:
    - job: /usr/local/bin/reindex
    - timespec: '3:05am tomorrow'
    - tag: reindex
    - unique_tag: True
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

_FILTERS = ("hour", "minute", "day", "month", "year", "tag", "runas")


def __virtual__() -> Any:
    if "at.at" in __salt__:
        return True
    return False, "The at command is not available"


def present(
    name: str,
    timespec: str,
    tag: str | None = None,
    user: str | None = None,
    job: str | None = None,
    unique_tag: bool = False,
) -> dict[str, Any]:
    """
    A command is put among those that wait, once more each time; with `unique_tag` only if none with this tag waits.
    `timespec` is a time as at(1) reads it, `job` the command, unless it is the name; `user` whose job it is.
    """
    job = job or name
    if unique_tag and not tag:
        return returned(name, False, "no tag provided and unique_tag is set to True")
    try:
        if unique_tag and __salt__["at.jobcheck"](tag=tag)["jobs"]:
            return returned(name, True, f"atleast one job with tag {tag} exists.")
        if user and not __salt__["user.info"](user):
            return returned(name, False, f"user {user} does not exists")
        if __opts__["test"]:
            return returned(name, None, f"job {job} added and will run on {timespec}")
        made = __salt__["at.at"](timespec, job, tag=tag, runas=user)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if not made["jobs"]:
        return returned(name, False, made.get("error", "at made no job"))
    return returned(name, True, f"job {job} added and will run on {timespec}", made["jobs"][0])


def absent(name: str, jobid: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    No job of this number waits, or none that fits all of `tag`, `runas`, `hour`, `minute`, `day`, `month` and
    `year`. Without any of them: no job at all.
    """
    filters = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    unknown = sorted(set(filters) - set(_FILTERS))
    if unknown:
        return returned(name, False, f"Jobs have no {', '.join(unknown)}: nothing is removed")
    try:
        if jobid is not None:
            found = [row for row in __salt__["at.atq"]()["jobs"] if str(row["job"]) == str(jobid)]
            if not found:
                return returned(name, True, f"job with id {jobid} not present")
        else:
            found = (__salt__["at.jobcheck"](**filters) if filters else __salt__["at.atq"]())["jobs"]
        if not found:
            return returned(name, True, "removed 0 job(s)")
        if __opts__["test"]:
            return returned(name, None, "removed ? job(s)")
        numbers = [row["job"] for row in found]
        removed = __salt__["at.atrm"](*numbers)["jobs"]["removed"]
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    left = [number for number in numbers if str(number) not in removed]
    said = f"failed to remove job with id {', '.join(map(str, left))}" if left else f"removed {len(removed)} job(s)"
    return returned(name, not left, said, {"removed": removed} if removed else {})


def watch(
    name: str,
    timespec: str,
    tag: str | None = None,
    user: str | None = None,
    job: str | None = None,
    unique_tag: bool = False,
) -> dict[str, Any]:
    """
    As `present`, but only when something that is watched has changed.
    """
    return returned(name, True)


def mod_watch(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    What is watched has changed: the job of a `watch` is put among those that wait.
    """
    if kwargs.get("sfun") != "watch":
        return returned(name, False, f"Unable to trigger watch for at.{kwargs.get('sfun')}")
    asked = ("timespec", "tag", "user", "job", "unique_tag")
    return present(name, **{key: kwargs[key] for key in asked if key in kwargs})
