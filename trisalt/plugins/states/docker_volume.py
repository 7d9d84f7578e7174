"""Volumes of Docker, and of engines that speak its API.

data:
  docker_volume.present: []
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "docker.version" in __salt__:
        return True
    return False, "'docker.version' is not available."


def present(name: str, driver: str | None = None, driver_opts: Any = None, force: bool = False) -> dict[str, Any]:
    """
    A volume is there; one of another driver is made anew with `force`, and what it held is gone.
    """
    changes: dict[str, Any] = {}
    try:
        old = _there(name)
        if old and (not driver or old["Driver"] == driver):
            return returned(name, True, f"Volume '{name}' already exists.")
        if old and not force:
            other = (
                f"Driver for existing volume '{name}' ('{old['Driver']}') does not match specified driver ('{driver}')"
            )
            return returned(name, False, f"{other} and force is False")
        if __opts__["test"]:
            word = "replaced" if old else "created"
            return returned(name, None, f"The volume '{name}' will be {word}", {"created": name})
        if old:
            changes["removed"] = __salt__["docker.remove_volume"](name)
        changes["created"] = __salt__["docker.create_volume"](name, driver, driver_opts)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to create volume '{name}': {exc}", changes)
    return returned(name, True, "", changes)


def absent(name: str, driver: str | None = None) -> dict[str, Any]:
    """
    A volume is not there.
    """
    try:
        if not _there(name):
            return returned(name, True, f"Volume '{name}' already absent")
        if __opts__["test"]:
            return returned(name, None, f"The volume '{name}' will be removed", {"removed": True})
        removed = __salt__["docker.remove_volume"](name)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to remove volume '{name}': {exc}")
    return returned(name, True, "", {"removed": removed})


def _there(name: str) -> dict[str, Any] | None:
    found = __salt__["docker.volumes"]()["Volumes"] or ()
    return next((each for each in found if each["Name"] == name), None)
