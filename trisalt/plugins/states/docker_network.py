"""Networks of Docker, and of engines that speak its API.

front:
  docker_network.present:
    - driver: bridge
    - subnet: 10.20.0.0/24
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

_ASIDE = ("skip_translate", "ignore_collisions", "validate_ip_addrs", "state", "fun", "order", "check_duplicate")


def __virtual__() -> Any:
    if "docker.version" in __salt__:
        return True
    return False, "'docker.version' is not available."


def present(name: str, containers: Any = None, reconnect: bool = True, **kwargs: Any) -> dict[str, Any]:
    """
    A network is there, as it is asked for; what is otherwise is made anew, and its containers are in it again.
    """
    given = {key: value for key, value in kwargs.items() if key not in _ASIDE and not key.startswith("__")}
    changes: dict[str, Any] = {}
    try:
        old = _there(name)
        differs = __utils__["dockerspecs.network_differences"](given, old) if old else {}
        inside = _containers(name) if old else {}
        wanted = [str(each) for each in as_list(containers)]
        missing = [each for each in wanted if each not in inside.values() and each not in inside]
        if old and not differs and not missing:
            return returned(name, True, f"Network '{name}' already exists, and is configured as specified")
        changes = {name: differs} if differs else {} if old else {"created": True}
        if __opts__["test"]:
            text = "Network will be created"
            if old:
                text = "Network would be recreated with new config" if differs else "Network would be updated"
            return returned(name, None, text, changes | ({"connected": missing} if missing else {}))
        if differs:
            for container in inside:
                __salt__["docker.disconnect_container_from_network"](container, name)
            __salt__["docker.remove_network"](name)
            changes["recreated"] = True
        if differs or not old:
            __salt__["docker.create_network"](name, **given)
        again = list(inside.values()) if differs and reconnect else []
        for container in [*again, *(each for each in missing if each not in again)]:
            __salt__["docker.connect_container_to_network"](container, name)
        changes |= {"reconnected": again} if again else {}
        changes |= {"connected": missing} if missing else {}
    except TrisaltError as exc:
        return returned(
            name, False, f"Failed to create network '{name}': {exc}", changes if "recreated" in changes else {}
        )
    word = "was replaced with updated config" if differs else "created" if not old else "was updated"
    return returned(name, True, f"Network '{name}' {word}", changes)


def absent(name: str) -> dict[str, Any]:
    """
    A network is not there.
    """
    try:
        if not _there(name):
            return returned(name, True, f"Network '{name}' already absent")
        if __opts__["test"]:
            return returned(name, None, f"Network '{name}' will be removed", {"removed": True})
        for container in _containers(name):
            __salt__["docker.disconnect_container_from_network"](container, name)
        removed = __salt__["docker.remove_network"](name)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to remove network '{name}': {exc}")
    return returned(name, True, f"Removed network '{name}'", {"removed": removed})


def _there(name: str) -> dict[str, Any] | None:
    return next(iter(__salt__["docker.networks"](names=[name])), None)


def _containers(name: str) -> dict[str, str]:
    """Who is in a network: ids, and names."""
    found = __salt__["docker.inspect_network"](name).get("Containers") or {}
    return {identity: str(each.get("Name") or identity) for identity, each in found.items()}
