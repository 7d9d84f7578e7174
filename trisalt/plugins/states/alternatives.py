"""Alternatives of a host: which of several programs a common name is.

java:
  alternatives.install:
    - name: java
    - link: /usr/bin/java
    - path: /opt/java/bin/java
    - priority: 100

java-now:
  alternatives.set:
    - name: java
    - path: /opt/java/bin/java
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

__func_alias__ = {"set_": "set"}


def __virtual__() -> Any:
    if "alternatives.install" in __salt__:
        return True
    return False, "alternatives module could not be loaded"


def install(name: str, link: str, path: str, priority: Any) -> dict[str, Any]:
    """
    A program is one of those that a name may be; its priority is for when it comes to be one.
    """

    def state() -> dict[str, Any]:
        changes = {"name": name, "link": link, "path": path, "priority": priority}
        if __salt__["alternatives.check_exists"](name, path):
            return returned(name, True, f"Alternative {path} for {name} is already registered")
        if __opts__["test"]:
            text = f"Alternative will be set for {name} to {path} with priority {priority}"
            return returned(name, None, text, changes)
        said = __salt__["alternatives.install"](name, link, path, priority)
        if not __salt__["alternatives.check_exists"](name, path):
            return returned(name, False, f"Alternative for {name} not installed: {said}")
        return returned(name, True, f"Alternative for {name} set to path {path} with priority {priority}", changes)

    return _guarded(name, state)


def remove(name: str, path: str) -> dict[str, Any]:
    """
    A program is none of those that a name may be.
    """

    def state() -> dict[str, Any]:
        if not __salt__["alternatives.check_exists"](name, path):
            now = __salt__["alternatives.show_current"](name)
            text = f"is set to it's default path {now}" if now else "doesn't exist"
            return returned(name, True, f"Alternative for {name} {text}")
        if __opts__["test"]:
            return returned(name, None, f"Alternative for {name} will be removed", {"path": ""})
        said = __salt__["alternatives.remove"](name, path)
        if __salt__["alternatives.check_exists"](name, path):
            return returned(name, False, f"Alternative for {name} not removed: {said}")
        now = __salt__["alternatives.show_current"](name)
        if now:
            return returned(name, True, f"Alternative for {name} removed. Falling back to path {now}", {"path": now})
        return returned(name, True, f"Alternative for {name} removed", {"path": ""})

    return _guarded(name, state)


def auto(name: str) -> dict[str, Any]:
    """
    A name is the program of the highest priority.
    """

    def state() -> dict[str, Any]:
        shown = __salt__["alternatives.display"](name)
        if not __salt__["alternatives.show_current"](name):
            return returned(name, False, shown or f"Alternative for {name} doesn't exist")
        if _is_auto(shown):
            return returned(name, True, f"{name} already in auto mode")
        if __opts__["test"]:
            return returned(name, None, f"{name} will be put in auto mode", {"result": ""})
        said = __salt__["alternatives.auto"](name)
        return returned(name, _is_auto(__salt__["alternatives.display"](name)), "", {"result": said})

    return _guarded(name, state)


def set_(name: str, path: str) -> dict[str, Any]:
    """
    A name is this program, one of those that it may be.
    """

    def state() -> dict[str, Any]:
        if __salt__["alternatives.show_current"](name) == path:
            return returned(name, True, f"Alternative for {name} already set to {path}")
        if not __salt__["alternatives.check_exists"](name, path):
            return returned(name, False, f"Alternative {path} for {name} doesn't exist")
        if __opts__["test"]:
            return returned(name, None, f"Alternative for {name} will be set to path {path}", {"path": path})
        said = __salt__["alternatives.set"](name, path)
        now = __salt__["alternatives.show_current"](name)
        if now != path:
            return returned(name, False, f"Alternative for {name} not updated: {said}")
        return returned(name, True, f"Alternative for {name} set to path {now}", {"path": now})

    return _guarded(name, state)


def _is_auto(shown: str) -> bool:
    """What the tools of either kin say of a name whose program they choose."""
    first = shown.partition("\n")[0]
    return first.endswith(("auto mode", "auto.", "status is auto"))


def _guarded(name: str, state: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a state returns. A refusal of the tool's is the state's to tell, and no retcode of the job's own."""
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    finally:
        __context__.pop("retcode", None)
