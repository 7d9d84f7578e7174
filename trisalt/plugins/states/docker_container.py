"""Containers of Docker, and of engines that speak its API.

web:
  docker_container.running:
    - image: nginx:1.27
    - port_bindings: 8080:80
    - environment:
      - LANG: C.UTF-8
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

# What the state machine, and versions before ours, say besides.
_ASIDE = ("skip_translate", "ignore_collisions", "validate_ip_addrs", "client_timeout", "sfun")
_LOW = (
    "state",
    "fun",
    "order",
    "watch",
    "watch_in",
    "require",
    "require_in",
    "prereq",
    "onchanges",
    "onfail",
    "unless",
    "onlyif",
)


def __virtual__() -> Any:
    if "docker.version" in __salt__:
        return True
    return False, "'docker.version' is not available."


def running(
    name: str,
    image: str | None = None,
    force: bool = False,
    watch_action: str = "force",
    start: bool = True,
    shutdown_timeout: int | None = None,
    networks: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A container of this image and these arguments is there, and runs; what is otherwise is replaced.
    """
    if not image:
        return returned(name, False, "The 'image' argument is required")
    given = _given(kwargs)
    if networks and "network_mode" not in given:
        given["network_mode"] = _networks(networks)[0]
    changes: dict[str, Any] = {}
    words: list[str] = []
    try:
        there = __salt__["docker.exists"](name)
        old = __salt__["docker.state"](name) if there else None
        known = __salt__["docker.resolve_image_id"](image)
        __salt__["docker.spec"](image, **given)
        differs = __salt__["docker.differences"](name, image, **given) if there and known else {}
        if there and not known:
            differs = {"Image": {"old": __salt__["docker.inspect_container"](name)["Image"], "new": image}}
        if there and force:
            differs = differs or {"force": {"old": None, "new": True}}
        if differs:
            changes["container"] = differs
        if not there or differs:
            if __opts__["test"]:
                word = "replaced" if there else "created"
                new = {} if there or not start else {"state": {"old": None, "new": "running"}}
                return returned(name, None, f"Container '{name}' would be {word}", changes | new)
            if not known:
                changes["image"] = __salt__["docker.pull"](image)
            made = __salt__["docker.replace"](name, image, shutdown_timeout=shutdown_timeout, **given)
            changes["container_id"] = {key: made[key] for key in ("added", "removed") if made[key]}
            words.append(f"{'Replaced' if there else 'Created'} container '{name}'")
            old = "stopped" if there and not start else old
        else:
            words.append(f"Container '{name}' is already configured as specified")
        if connected := _connect(name, networks, words):
            changes["container"] = {**changes.get("container", {}), "Networks": connected}
        return _started(name, start, old, there, changes, words)
    except TrisaltError as exc:
        return returned(name, False, ". ".join([*words, str(exc)]), changes)


def stopped(
    name: str | None = None,
    containers: Any = None,
    shutdown_timeout: int | None = None,
    unpause: bool = False,
    error_on_absent: bool = True,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Containers do not run.
    """
    targets = [str(each) for each in as_list(containers)] or [str(name)]
    states: dict[str, list[str]] = {}
    changes: dict[str, Any] = {}
    try:
        for each in targets:
            known = __salt__["docker.exists"](each)
            states.setdefault(__salt__["docker.state"](each) if known else "absent", []).append(each)
        absent, paused = states.get("absent", []), states.get("paused", [])
        if absent and error_on_absent:
            return returned(name, False, f"The following container(s) are absent: {', '.join(absent)}")
        if paused and not unpause:
            return returned(name, False, f"The following container(s) are paused: {', '.join(paused)}")
        pending = [*states.get("running", []), *paused]
        if not pending:
            what = "is absent or not running" if absent else "is not running"
            if len(targets) == 1:
                return returned(name, True, f"Container '{targets[0]}' {what}")
            which = "absent or not running" if absent else "not running"
            return returned(name, True, f"The following container(s) are {which}: {', '.join(targets)}")
        if __opts__["test"]:
            return returned(
                name,
                None,
                f"The following container(s) will be stopped: {', '.join(pending)}",
                {each: {"state": {"old": "running", "new": "stopped"}} for each in pending},
            )
        for each in pending:
            changes[each] = __salt__["docker.stop"](each, shutdown_timeout, unpause=unpause)
        failed = [each for each in pending if not changes[each]["result"]]
    except TrisaltError as exc:
        return returned(name, False, str(exc), changes)
    if failed:
        return returned(name, False, f"The following container(s) could not be stopped: {', '.join(failed)}", changes)
    return returned(name, True, f"The following container(s) were stopped: {', '.join(pending)}", changes)


def absent(name: str, force: bool = False) -> dict[str, Any]:
    """
    A container is not there; one that runs only with `force`.
    """
    try:
        if not __salt__["docker.exists"](name):
            return returned(name, True, f"Container '{name}' does not exist")
        found = __salt__["docker.inspect_container"](name)
        runs = __salt__["docker.state"](name) != "stopped"
        if runs and not force:
            return returned(name, False, "Container is running, set force to True to forcibly remove it")
        if __opts__["test"]:
            return returned(name, None, f"Container '{name}' will be removed", {"removed": [found["Id"]]})
        removed = __salt__["docker.rm"](name, force=force)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to remove container '{name}': {exc}")
    return returned(
        name, True, f"{'Forcibly' if runs else 'Successfully'} removed container '{name}'", {"removed": removed}
    )


def mod_watch(name: str, sfun: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    What a change of something that is watched does: `running` replaces the container, or sends it `watch_action`.
    """
    if sfun != "running":
        return returned(name, False, f"watch requisite is not implemented for {sfun}")
    action = kwargs.get("watch_action", "force")
    if action == "force":
        return running(name, **{**kwargs, "force": True})
    if __opts__["test"]:
        return returned(name, None, f"Container '{name}' would be sent {action}", {"signal": action})
    try:
        __salt__["docker.signal"](name, action)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to signal container: {exc}")
    return returned(name, True, f"Sent signal {action} to container", {"signal": action})


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are about the container itself."""
    return {key: value for key, value in kwargs.items() if key not in (*_ASIDE, *_LOW) and not key.startswith("__")}


def _networks(networks: Any) -> list[str]:
    return [str(next(iter(each)) if isinstance(each, dict) else each) for each in as_list(networks)]


def _connect(name: str, networks: Any, words: list[str]) -> dict[str, Any]:
    """Have the container be in each of these networks: those that it was not in."""
    if not networks:
        return {}
    has = set(__salt__["docker.inspect_container"](name)["NetworkSettings"].get("Networks") or {})
    missing = [each for each in _networks(networks) if each not in has]
    if not missing:
        return {}
    if not __opts__["test"]:
        for each in missing:
            __salt__["docker.connect_container_to_network"](name, each)
    words.append(f"{'Would be connected' if __opts__['test'] else 'Connected'} to {', '.join(missing)}")
    return {each: {"old": None, "new": each} for each in missing}


def _started(
    name: str, start: bool, old: str | None, there: bool, changes: dict[str, Any], words: list[str]
) -> dict[str, Any]:
    """The end of `running`: the container runs, if it is to, and what the state then says."""
    now = __salt__["docker.state"](name)
    made = "container_id" in changes
    if __opts__["test"] and (changes or (start and now != "running")):
        if start and now != "running":
            words.append("Container would be started.")
            changes["state"] = {"old": now, "new": "running"}
        return returned(name, None, ". ".join(words), changes)
    if start and now != "running":
        try:
            now = (__salt__["docker.unpause"] if now == "paused" else __salt__["docker.start"])(name)["state"]["new"]
        except TrisaltError as exc:
            return returned(name, False, ". ".join([*words, f"Failed to start container '{name}': '{exc}'."]), changes)
    if start and old != now:
        changes["state"] = {"old": old, "new": now}
        if not made:
            words.append(f"State changed from '{old}' to '{now}'.")
    if start and now != "running":
        return returned(name, False, ". ".join([*words, "Container is not running."]), changes)
    return returned(name, True, ". ".join(words), changes)
