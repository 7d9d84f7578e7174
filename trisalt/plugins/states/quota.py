"""Whether disk quotas are in force.

/home:
  quota.mode:
    - mode: on
    - quotatype: user
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "quota.report" in __salt__:
        return True
    return False, "quota module could not be loaded"


def mode(name: str, mode: Any, quotatype: str) -> dict[str, Any]:
    """
    The quotas of a file system, those of users or of groups by `quotatype`, are on or off.
    """
    wanted = {True: "on", False: "off"}.get(mode, str(mode)) if isinstance(mode, bool) else str(mode)
    if wanted not in ("on", "off"):
        return returned(name, False, f"The mode of quotas is on or off, not {mode}")
    if quotatype not in ("user", "group"):
        return returned(name, False, f"The type of quotas is user or group, not {quotatype}")
    try:
        now = __salt__["quota.get_mode"](name).get(name, {}).get(quotatype)
        if now is None:
            return returned(name, False, f"{name} has no quotas of type {quotatype}")
        if now == wanted:
            return returned(name, True, f"Quota for {name} already set to {wanted}")
        if __opts__["test"]:
            return returned(name, None, f"Quota for {name} needs to be set to {wanted}")
        __salt__[f"quota.{wanted}"](name, quotatype)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to set quota for {name} to {wanted}: {exc}")
    return returned(name, True, f"Set quota for {name} to {wanted}", {"quota": name})
