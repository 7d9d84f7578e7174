"""Jobs and variables in crontabs.

/usr/local/bin/backup:
  cron.present:
    - identifier: BACKUP
    - user: root
    - minute: random
    - hour: 2
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

_TIMES = ("minute", "hour", "daymonth", "month", "dayweek")


def __virtual__() -> Any:
    if "cron.list_tab" in __salt__:
        return "cron"
    return False, "cron module could not be loaded"


def present(
    name: str,
    user: str = "root",
    minute: Any = "*",
    hour: Any = "*",
    daymonth: Any = "*",
    month: Any = "*",
    dayweek: Any = "*",
    comment: str | None = None,
    commented: bool = False,
    identifier: Any = False,
    special: str | None = None,
) -> dict[str, Any]:
    """
    A user's crontab has the command `name` at these times, or at a `special` one like `@hourly`. `identifier` finds it
    again when the command has changed; `random` for a time is any, chosen once; with `commented` it does not run.
    """
    name, identifier = name.strip(), name.strip() if identifier is False else identifier
    times = dict(zip(_TIMES, (minute, hour, daymonth, month, dayweek), strict=True))
    if __opts__["test"]:
        status = _status(name, user, times, comment, commented, identifier, special)
        if status == "present":
            return returned(name, True, f"Cron {name} already present")
        word = "added" if status == "absent" else "updated"
        return returned(name, None, f"Cron {name} is set to be {word}", {user: name})
    try:
        if special is None:
            done = __salt__["cron.set_job"](
                user, *times.values(), name, commented=commented, comment=comment, identifier=identifier
            )
        else:
            done = __salt__["cron.set_special"](
                user, special, name, commented=commented, comment=comment, identifier=identifier
            )
    except TrisaltError as exc:
        done = str(exc)
    if done == "present":
        return returned(name, True, f"Cron {name} already present")
    if done == "new":
        return returned(name, True, f"Cron {name} added to {user}'s crontab", {user: name})
    if done == "updated":
        return returned(name, True, f"Cron {name} updated", {user: name})
    return returned(name, False, f"Cron {name} for user {user} failed to commit with error \n{done}")


def absent(
    name: str, user: str = "root", identifier: Any = False, special: str | None = None, **kwargs: Any
) -> dict[str, Any]:
    """
    A user's crontab has not the command `name`, or the job with this identifier.
    """
    name, identifier = name.strip(), name.strip() if identifier is False else identifier
    if __opts__["test"]:
        if _find(__salt__["cron.list_tab"](user), name, identifier, special) is None:
            return returned(name, True, f"Cron {name} is absent")
        return returned(name, None, f"Cron {name} is set to be removed", {user: name})
    try:
        if special is None:
            done = __salt__["cron.rm_job"](user, name, identifier=identifier)
        else:
            done = __salt__["cron.rm_special"](user, name, special=special, identifier=identifier)
    except TrisaltError as exc:
        done = str(exc)
    if done == "absent":
        return returned(name, True, f"Cron {name} already absent")
    if done == "removed":
        return returned(name, True, f"Cron {name} removed from {user}'s crontab", {user: name})
    return returned(name, False, f"Cron {name} for user {user} failed to commit with error {done}")


def env_present(name: str, value: Any = None, user: str = "root") -> dict[str, Any]:
    """
    A variable of a user's crontab has this value.
    """
    if __opts__["test"]:
        found = [entry for entry in __salt__["cron.list_tab"](user)["env"] if entry["name"] == name]
        if found and found[0]["value"] == (value if value is None else str(value)):
            return returned(name, True, f"Cron env {name} already present")
        word = "updated" if found else "added"
        return returned(name, None, f"Cron env {name} is set to be {word}", {user: name})
    done = __salt__["cron.set_env"](user, name, value=value)
    if done == "present":
        return returned(name, True, f"Cron env {name} already present")
    if done == "new":
        return returned(name, True, f"Cron env {name} added to {user}'s crontab", {user: name})
    if done == "updated":
        return returned(name, True, f"Cron env {name} updated", {user: name})
    return returned(name, False, f"Cron env {name} for user {user} failed to commit with error \n{done}")


def env_absent(name: str, user: str = "root") -> dict[str, Any]:
    """
    A user's crontab has not this variable.
    """
    name = name.strip()
    if __opts__["test"]:
        if not any(entry["name"] == name for entry in __salt__["cron.list_tab"](user)["env"]):
            return returned(name, True, f"Cron env {name} is absent")
        return returned(name, None, f"Cron env {name} is set to be removed", {user: name})
    done = __salt__["cron.rm_env"](user, name)
    if done == "absent":
        return returned(name, True, f"Cron env {name} already absent")
    if done == "removed":
        return returned(name, True, f"Cron env {name} removed from {user}'s crontab", {user: name})
    return returned(name, False, f"Cron env {name} for user {user} failed to commit with error {done}")


def file(
    name: str,
    source_hash: Any = "",
    source_hash_name: str | None = None,
    user: str = "root",
    template: str | None = None,
    context: Any = None,
    replace: bool = True,
    defaults: Any = None,
    backup: Any = "",
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A user's crontab is what the file `name` says (`salt://…` and the other sources of `file.managed`).
    """
    group = __salt__["user.info"](user).get("gid") if __salt__["user.info"](user) else None
    if group is None:
        return returned(name, False, f"Could not identify group for user {user}")
    now = __salt__["cron.raw_cron"](user)
    if now and not replace:
        return returned(name, True, f"User {user} already has a crontab. No changes made")
    fd, path = tempfile.mkstemp()
    with open(fd, "w", encoding="utf-8") as copy:
        copy.write(now if now.endswith("\n") or not now else f"{now}\n")
    try:
        env = kwargs.get("saltenv") or kwargs.get("__env__") or __env__
        source, source_hash = __salt__["file.source_list"](name, source_hash, env)
        if __opts__["test"]:
            changes = __salt__["file.check_managed_changes"](
                path, source, source_hash, source_hash_name, user, group, "0600", [], template, context, defaults, env
            )
            if isinstance(changes, tuple):
                return returned(name, False, changes[1])
            changes = {key: value for key, value in changes.items() if key in ("diff", "sum")}
            if changes:
                return returned(name, None, f"The following values are set to be changed:\n{_listed(changes)}", changes)
            return returned(name, True, f"Crontab for user {user} is in the correct state")
        sfn, source_sum, said = __salt__["file.get_managed"](
            path,
            template,
            source,
            source_hash,
            source_hash_name,
            user,
            group,
            "0600",
            [],
            env,
            context,
            defaults,
            False,
        )
        if said:
            return returned(name, False, said)
        ret = __salt__["file.manage_file"](
            path, sfn, None, source, source_sum, user, group, "0600", [], env, backup, False, template
        )
        changes = {key: value for key, value in ret["changes"].items() if key == "diff"}
        if not ret["result"]:
            return returned(name, False, ret["comment"])
        if not changes:
            return returned(name, True, f"Crontab for user {user} is in the correct state")
        done = __salt__["cron.write_cron_file_verbose"](user, path)
        if done["retcode"]:
            return returned(name, False, f"Unable to update user {user} crontab {path}. Error: {done['stderr']}")
        return returned(name, True, f"Crontab for user {user} was updated", changes)
    except TrisaltError as exc:
        return returned(name, False, f"Unable to manage file: {exc}")
    finally:
        os.unlink(path)


def _listed(changes: dict[str, Any]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in changes.items())


def _status(
    name: str,
    user: str,
    times: dict[str, Any],
    comment: str | None,
    commented: bool,
    identifier: Any,
    special: str | None,
) -> str:
    """What setting the job would find: `present`, `absent` or `outdated`. A time `random` is whatever is there."""
    entry = _find(__salt__["cron.list_tab"](user), name, identifier, special)
    if entry is None:
        return "absent"
    if special is not None and entry.get("spec") != special:
        return "outdated"
    moved = special is None and any(
        str(value) != str(entry[key]) for key, value in times.items() if str(value).lower() != "random"
    )
    same = (
        not moved
        and entry["cmd"] == name
        and (comment is None or entry.get("comment") == comment)
        and bool(entry.get("commented")) == bool(commented)
    )
    return "present" if same else "outdated"


def _find(tab: dict[str, Any], name: str, identifier: Any, special: str | None) -> Any:
    for entry in tab["special" if special is not None else "crons"]:
        if identifier and str(entry.get("identifier")) == str(identifier):
            return entry
        if not entry.get("identifier") and entry["cmd"] == name:
            return entry
    return None
