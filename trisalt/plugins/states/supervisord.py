"""Processes that supervisord keeps.

web:
  supervisord.running:
    - update: True
    - watch:
      - file: /etc/supervisor/conf.d/web.conf
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

# States of a process that runs, or is about to.
_UP = ("RUNNING", "STARTING")


def __virtual__() -> Any:
    if "supervisord.status" in __salt__:
        return True
    return False, "supervisord module could not be loaded"


def running(
    name: str,
    restart: bool = False,
    update: bool = False,
    user: str | None = None,
    conf_file: str | None = None,
    bin_env: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A process runs, or all of a group (`group:`). With `update` supervisord takes what its files say first.
    """
    where = {"user": user, "conf_file": conf_file, "bin_env": bin_env}
    kind = "group" if name.endswith(":") else "service"
    test = __opts__["test"]
    changes: dict[str, str] = {}
    words: list[str] = []

    def noted(word: str, did: str) -> None:
        words.append(f"{did} {kind}: {name}" if not test else word)
        changes[name] = f"{did} {kind}: {name}"

    try:
        states = _states(name, where)
        new = _new(name, where) if not states or (update and test) else ""
        if update and not test:
            said = __salt__["supervisord.update"](**where)
            if f"{_group(name)}: updated" in said or f"{_group(name)}: added" in said:
                noted("", "Updating")
            states = _states(name, where)
        elif new == "changed":
            noted(f"Service {name} will be updated", "Updating")
        if not states and not test and not __salt__["supervisord.add"](_group(name), **where).startswith("ERROR"):
            noted("", "Adding")
            states = _states(name, where)
        if not states and new:
            return returned(name, None, f"Service {name} will be added and started", {name: f"Starting {kind}: {name}"})
        if not states:
            return returned(name, False, f"{name}: ERROR (no such process)", changes)
        down = [each for each in states.values() if each not in _UP]
        if not down and not restart:
            if not words:
                words = [
                    f"Service {name} is already running" if test else f"Not starting already running {kind}: {name}"
                ]
            return returned(name, None if test and changes else True, "\n".join(words), changes)
        function, did = ("supervisord.start", "Starting") if down else ("supervisord.restart", "Restarting")
        future = f"{'started' if down else 'restarted'}"
        noted(
            f"All services in group '{name}' will be {future}"
            if kind == "group"
            else f"Service {name} will be {future}",
            did,
        )
        if test:
            return returned(name, None, "\n".join(words), changes)
        said = __salt__[function](name, **where)
    except TrisaltError as exc:
        return returned(name, False, str(exc), changes)
    if "ERROR" in said and "already started" not in said:
        return returned(name, False, said)
    __context__.pop("retcode", None)
    return returned(name, True, "\n".join(words), changes)


def dead(
    name: str, user: str | None = None, conf_file: str | None = None, bin_env: str | None = None, **kwargs: Any
) -> dict[str, Any]:
    """
    A process does not run, nor does any of a group (`group:`).
    """
    where = {"user": user, "conf_file": conf_file, "bin_env": bin_env}
    try:
        states = _states(name, where)
        if not states:
            return returned(name, True, f"Service {name} doesn't exist")
        if not any(each in (*_UP, "BACKOFF") for each in states.values()):
            return returned(name, True, f"Service {name} is not running")
        text = f"Stopping service: {name}"
        if __opts__["test"]:
            return returned(name, None, f"Service {name} is set to be stopped", {name: text})
        said = __salt__["supervisord.stop"](name, **where)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if "ERROR" in said and "not running" not in said:
        return returned(name, False, said)
    return returned(name, True, text, {name: text})


def mod_watch(
    name: str,
    restart: bool = True,
    update: bool = False,
    user: str | None = None,
    conf_file: str | None = None,
    bin_env: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    What a change of something that is watched does: the process is started again.
    """
    return running(name, restart=restart, update=update, user=user, conf_file=conf_file, bin_env=bin_env)


def _states(name: str, where: dict[str, Any]) -> dict[str, str]:
    """The states of a process, or of those of a group, by their names."""
    found = __salt__["supervisord.status"](**where)
    __context__.pop("retcode", None)
    return {
        each: how["state"]
        for each, how in found.items()
        if each == name or (name.endswith(":") and each.startswith(name))
    }


def _group(name: str) -> str:
    return name.partition(":")[0]


def _new(name: str, where: dict[str, Any]) -> str:
    """What supervisord's files say anew of a group: that it is `available` or `changed`, or "" for nothing."""
    said = __salt__["supervisord.reread"](**where)
    __context__.pop("retcode", None)
    return next((line.rsplit(None, 1)[-1] for line in said.splitlines() if line.startswith(f"{_group(name)}: ")), "")
