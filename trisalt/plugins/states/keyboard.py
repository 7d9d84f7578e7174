"""The layout of this host's keyboard, on its consoles and in X.

us:
  keyboard.system

de:
  keyboard.xorg
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "keyboard.get_sys" in __salt__:
        return True
    return False, "keyboard module could not be loaded"


def system(name: str) -> dict[str, Any]:
    """
    The consoles have this layout.
    """
    return _set(name, "sys", "System", "system")


def xorg(name: str) -> dict[str, Any]:
    """
    X has this layout.
    """
    return _set(name, "x", "XOrg", "XOrg")


def _set(name: str, which: str, title: str, word: str) -> dict[str, Any]:
    try:
        if __salt__[f"keyboard.get_{which}"]() == name:
            return returned(name, True, f"{title} layout {name} already set")
        if __opts__["test"]:
            return returned(name, None, f"{title} layout {name} needs to be set", {"layout": name})
        __salt__[f"keyboard.set_{which}"](name)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to set {word} keyboard layout: {exc}")
    return returned(name, True, f"Set {word} keyboard layout {name}", {"layout": name})
