"""Attributes that the kernel shows below /sys, until the host starts anew.

kernel/mm/transparent_hugepage/enabled:
  sysfs.present:
    - value: madvise
"""

from __future__ import annotations

from typing import Any

from trisalt.state.result import returned


def present(name: str, value: Any, config: Any = None) -> dict[str, Any]:
    """
    An attribute has this value, or of several words this one is chosen. `config` is taken, and has no meaning.
    """
    current = __salt__["sysfs.read"](name)
    if current is False:
        return returned(name, False, f"SysFS attribute {name} doesn't exist.")
    if isinstance(current, dict):
        return returned(name, False, f"{name} is not a SysFS attribute.")
    if str(value) == str(current) or f"[{value}]" in str(current).split():
        return returned(name, True, f"SysFS attribute {name} is already set.")
    if __opts__["test"]:
        return returned(name, None, f"SysFS attribute {name} set to be changed.", {name: value})
    if not __salt__["sysfs.write"](name, value):
        return returned(name, False, f"Failed to set {name} to {value}")
    return returned(name, True, f"Updated SysFS attribute {name} to {value}", {name: value})
