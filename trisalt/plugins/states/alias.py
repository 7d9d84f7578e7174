"""Aliases of mail addresses.

postmaster:
  alias.present:
    - target: [root, admin@example.com]
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def present(name: str, target: Any) -> dict[str, Any]:
    """
    An alias leads to this address, or to all of a list, and nowhere else.
    """
    try:
        if __salt__["aliases.has_target"](name, target):
            return returned(name, True, f"Alias {name} already present")
        if __opts__["test"]:
            return returned(name, None, f"Alias {name} -> {target} is set to be added", {"alias": name})
        if __salt__["aliases.set_target"](name, target):
            return returned(name, True, f"Set email alias {name} -> {target}", {"alias": name})
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return returned(name, False, f"Failed to set alias {name} -> {target}")


def absent(name: str) -> dict[str, Any]:
    """
    There is no such alias.
    """
    try:
        if name not in __salt__["aliases.list_aliases"]():
            return returned(name, True, f"Alias {name} already absent")
        if __opts__["test"]:
            return returned(name, None, f"Alias {name} is set to be removed", {"alias": name})
        if __salt__["aliases.rm_alias"](name):
            return returned(name, True, f"Removed alias {name}", {"alias": name})
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return returned(name, False, f"Failed to remove alias {name}")
