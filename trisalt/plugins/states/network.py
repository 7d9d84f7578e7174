"""Interfaces, their routes, and the network settings of the whole host.

eth0:
  network.managed:
    - enabled: True
    - type: eth
    - proto: static
    - ipaddr: 10.1.0.1/24
    - gateway: 10.1.0.254
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "ip.build_interface" in __salt__:
        return True
    return False, "ip module could not be loaded"


def managed(name: str, enabled: Any = True, **kwargs: Any) -> dict[str, Any]:
    """
    An interface is described as asked for: `type`, `proto` and the options of `ip.build_interface`. It is up when it
    is `enabled`, and down otherwise, and is taken down and up when its description changed, unless `noifupdown`.
    """

    def state() -> dict[str, Any]:
        kind = str(kwargs.get("type", "eth")).lower()
        settings = {key: value for key, value in kwargs.items() if key not in ("type", "name", "test")}
        changes: dict[str, Any] = {}
        comments = []
        for what, shown, added in (
            ("interface", "Interface", "Added network interface."),
            ("bond", "Bond interface", f"Added bond {name}."),
        ):
            if what == "bond" and kind != "bond":
                continue
            given = (kind, enabled) if what == "interface" else ()
            old = __salt__[f"ip.get_{what}"](name)
            new = __salt__[f"ip.build_{what}"](name, *given, **{**settings, "test": True})
            if _lines(old) == _lines(new):
                continue
            changes[what] = added if not old else _difference(old, new)
            comments.append(_comment(f"{shown} {name}", changes[what], added))
            if not __opts__["test"]:
                __salt__[f"ip.build_{what}"](name, *given, **settings)
        status = _wanted(name, kind, enabled, bool(changes)) if not kwargs.get("noifupdown") else ""
        if status:
            changes["status"] = status
            if not __opts__["test"]:
                _switch(name, kind, status)
        comment = comments[-1] if comments else f"Interface {name} is up to date."
        return returned(name, None if __opts__["test"] and changes else True, comment, changes)

    return _guarded(name, state)


def routes(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    The routes of an interface are these, set each time that it goes up: `routes`, a list of maps with `name`,
    `ipaddr`, `netmask` and `gateway`.
    """

    def state() -> dict[str, Any]:
        settings = {key: value for key, value in kwargs.items() if key not in ("name", "test")}
        old = __salt__["ip.get_routes"](name)
        new = __salt__["ip.build_routes"](name, **{**settings, "test": True})
        if _lines(old) == _lines(new):
            return returned(name, True, f"Interface {name} routes are up to date.")
        added = f"Added interface {name} routes."
        changes = {"network_routes": added if not old else _difference(old, new)}
        comment = _comment(f"Interface {name} routes", changes["network_routes"], added, "are")
        if __opts__["test"]:
            return returned(name, None, comment, changes)
        __salt__["ip.build_routes"](name, **settings)
        return returned(name, True, comment, changes)

    return _guarded(name, state)


def system(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Settings of the whole host: `enabled`, `hostname`, `domain` and `search`. The network is started anew when
    `enabled` changed, unless `require_reboot`; with `apply_hostname` the host has its name at once.
    """

    def state() -> dict[str, Any]:
        settings = {key: value for key, value in kwargs.items() if key not in ("name", "test")}
        old = __salt__["ip.get_network_settings"]()
        new = __salt__["ip.build_network_settings"](**{**settings, "test": True})
        comment = "Global network settings are up to date."
        if _lines(old) == _lines(new):
            return returned(name, True, comment)
        changes = {"network_settings": _difference(old, new)}
        if __opts__["test"]:
            comment = f"Global network settings are set to be updated:\n{changes['network_settings']}"
            return returned(name, None, comment, changes)
        __salt__["ip.build_network_settings"](**settings)
        host = settings.get("hostname")
        if settings.get("apply_hostname") and host and f"HOSTNAME={host}\n" not in old:
            __salt__["network.mod_hostname"](host)
        switched = {line for line in old if line.startswith("NETWORKING=")}
        if switched and not switched & set(new):
            __salt__["ip.apply_network_settings"](require_reboot=settings.get("require_reboot", False))
        return returned(name, True, comment, changes)

    return _guarded(name, state)


# -- inside ------------------------------------------------------------------------------------------------------------


def _guarded(name: str, state: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))


def _lines(value: Any) -> list[str]:
    return [line.rstrip() for line in value or [] if line.strip()]


def _difference(old: Any, new: Any) -> str:
    """In stock's form: each line of a file with its own end, and one between them."""
    return "\n".join(difflib.unified_diff(list(old or []), list(new), lineterm=""))


def _comment(what: str, change: str, added: str, verb: str = "is") -> str:
    word = "added" if change == added else "updated"
    if not __opts__["test"]:
        return f"{what} {word}."
    return f"{what} {verb} set to be {word}." if change == added else f"{what} {verb} set to be {word}:\n{change}"


def _wanted(name: str, kind: str, enabled: Any, changed: bool) -> str:
    """What is to become of an interface: "" when it is as it should be."""
    if kind == "slave":
        # It goes up and down with its bond.
        return ""
    is_up = _is_up(name)
    if str(enabled).lower() in ("false", "no", "off", "0"):
        return f"Interface {name} down" if is_up else ""
    if is_up:
        return f"Interface {name} restart to validate" if changed else ""
    return f"Interface {name} is up"


def _is_up(name: str) -> bool:
    """Whether an interface is set to be up, with a cable in it or without: the lowest of its flags."""
    try:
        with open(os.path.join("/sys/class/net", name, "flags"), encoding="ascii") as file:
            return bool(int(file.read(), 16) & 1)
    except (OSError, ValueError):
        return False


def _switch(name: str, kind: str, status: str) -> None:
    if not status.endswith("is up"):
        __salt__["ip.down"](name, kind)
    if not status.endswith("down"):
        __salt__["ip.up"](name, kind)
