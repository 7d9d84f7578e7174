"""Manage the crontabs of a host's users."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable
from typing import Any

from trisalt.errors import CommandError


def __virtual__() -> Any:
    if shutil.which("crontab"):
        return True
    return False, "The cron execution module cannot be loaded: the crontab command is not available"


def raw_cron(user: str) -> str:
    """
    A user's crontab as it stands; empty when there is none.

    CLI Example:

        salt '*' cron.raw_cron root
    """
    found = _run([*_crontab(user), "-l"], ignore_retcode=True, rstrip=False)
    if found["retcode"] == 0:
        return found["stdout"]
    # Only what has no crontab has an empty one: what cannot be read is not written over as if it were empty.
    if any(text in found["stderr"] for text in ("no crontab for", "unknown", "No such file")):
        return ""
    raise CommandError(found["stderr"] or f"crontab -l ended with retcode {found['retcode']}")


def list_tab(user: str) -> dict[str, Any]:
    """
    A user's crontab: the lines that are the user's own (`pre`), and the jobs (`crons`, `special`) and variables
    (`env`) that Salt manages.

    CLI Example:

        salt '*' cron.list_tab root
    """
    return __utils__["crontab.parse"](raw_cron(user))


ls = list_tab


def get_entry(user: str, identifier: str | None = None, cmd: str | None = None) -> Any:
    """
    One job of a user, by its identifier or else by its command; false when there is none.

    CLI Example:

        salt '*' cron.get_entry root identifier=task1
    """
    tab = list_tab(user)
    for row in (*tab["crons"], *tab["special"]):
        if identifier and row["identifier"] == identifier:
            return row
        if not identifier and cmd is not None and row["cmd"] == cmd:
            return row
    return False


def set_job(
    user: str,
    minute: Any,
    hour: Any,
    daymonth: Any,
    month: Any,
    dayweek: Any,
    cmd: str,
    commented: bool = False,
    comment: str | None = None,
    identifier: Any = None,
) -> str:
    """
    Have a user's job run at these times: `new`, `updated`, `present`, or why crontab refused it. `random` for a time
    is any, chosen once; with `commented` the job is there, but does not run. A job is found again by its identifier.

    CLI Example:

        salt '*' cron.set_job root '*' '*' '*' '*' 1 /usr/local/weekly
    """
    times = {"minute": minute, "hour": hour, "daymonth": daymonth, "month": month, "dayweek": dayweek}
    return _place(user, times, cmd, commented, comment, identifier)


def set_special(
    user: str,
    special: str,
    cmd: str,
    commented: bool = False,
    comment: str | None = None,
    identifier: Any = None,
) -> str:
    """
    Have a user's job run at a time with a name, such as `@hourly` or `@reboot`: what `set_job` returns.

    CLI Example:

        salt '*' cron.set_special root @hourly 'echo foobar'
    """
    return _place(user, {"spec": special}, cmd, commented, comment, identifier)


def rm_job(
    user: str,
    cmd: str,
    minute: Any = None,
    hour: Any = None,
    daymonth: Any = None,
    month: Any = None,
    dayweek: Any = None,
    identifier: Any = None,
) -> str:
    """
    Remove a user's job, if its times are those that are given: `removed`, `absent`, or why crontab refused it.

    CLI Example:

        salt '*' cron.rm_job root /usr/local/weekly
    """
    times = {"minute": minute, "hour": hour, "daymonth": daymonth, "month": month, "dayweek": dayweek}
    return _change(user, lambda tab: __utils__["crontab.take"](tab, "crons", cmd, identifier, times))


rm = rm_job


def rm_special(user: str, cmd: str, special: str | None = None, identifier: Any = None) -> str:
    """
    Remove a user's job with a named time: `removed`, `absent`, or why crontab refused it.

    CLI Example:

        salt '*' cron.rm_special root /usr/bin/foo
    """
    return _change(user, lambda tab: __utils__["crontab.take"](tab, "special", cmd, identifier, {"spec": special}))


def set_env(user: str, name: str, value: Any = None) -> str:
    """
    Give a variable of a user's crontab a value: `new`, `updated`, `present`, or why crontab refused it.

    CLI Example:

        salt '*' cron.set_env root MAILTO user@example.com
    """
    return _change(user, lambda tab: __utils__["crontab.assign"](tab, name, value))


def rm_env(user: str, name: str) -> str:
    """
    Remove a variable from a user's crontab: `removed` or `absent`.

    CLI Example:

        salt '*' cron.rm_env root MAILTO
    """
    return _change(user, lambda tab: __utils__["crontab.unassign"](tab, name))


def write_cron_file(user: str, path: str) -> bool:
    """
    Make a file's content a user's crontab.

    CLI Example:

        salt '*' cron.write_cron_file root /tmp/new_cron
    """
    return write_cron_file_verbose(user, path)["retcode"] == 0


def write_cron_file_verbose(user: str, path: str) -> dict[str, Any]:
    """
    Make a file's content a user's crontab, and return what `cmd.run_all` does of it.

    CLI Example:

        salt '*' cron.write_cron_file_verbose root /tmp/new_cron
    """
    found = _run([*_crontab(user), "--", path])
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
    return found


def _place(user: str, times: dict[str, Any], cmd: Any, commented: bool, comment: Any, identifier: Any) -> str:
    wanted = __utils__["crontab.job"](times, cmd, commented=commented, comment=comment, identifier=identifier)
    return _change(user, lambda tab: __utils__["crontab.place"](tab, wanted))


def _change(user: str, change: Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]) -> str:
    """Install a crontab where something changed. crontab(1) takes it whole, or says why not and leaves the old one."""
    with __utils__["rewrite.locked"](f"crontab of {user}"):
        answer, tab = change(list_tab(user))
        if answer in ("present", "absent"):
            return answer
        text = __utils__["crontab.render"](tab)
        found = _run([*_crontab(user), "-"], stdin=text, stdin_raw_newlines=True)
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
        # An error is an answer here: the cron states tell it from `new` and its kin. Source: stock Salt 3008.3.
        return found["stderr"] or f"crontab ended with retcode {found['retcode']}"
    return answer


def _crontab(user: str) -> list[str]:
    """The command for a user's crontab: one's own needs no rights to name its owner."""
    own = os.geteuid() != 0 and user == pwd.getpwuid(os.geteuid()).pw_name
    return ["crontab"] if own else ["crontab", "-u", user]


def _run(argv: list[str], **options: Any) -> dict[str, Any]:
    return __utils__["tool.run"](argv, **options)
