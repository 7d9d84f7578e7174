"""The time zone of this host, and what its hardware clock counts.

Europe/Berlin:
  timezone.system:
    - utc: True
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def system(name: str, utc: bool = True) -> dict[str, Any]:
    """
    The host's time zone is this one, by this or another name; with `utc` the hardware clock counts UTC.
    """
    try:
        is_zone = __salt__["timezone.zone_compare"](name)
    except TrisaltError as exc:
        return returned(name, False, f"Unable to compare desired timezone '{name}' to system timezone: {exc}")
    is_utc = utc == (__salt__["timezone.get_hwclock"]() == "UTC")
    lines, changes = [], {}
    result: bool | None = True
    if is_zone:
        lines.append(f"Timezone {name} already set")
    elif __opts__["test"]:
        lines.append(f"Timezone {name} needs to be set")
        changes["timezone"], result = name, None
    elif __salt__["timezone.set_zone"](name):
        lines.append(f"Set timezone {name}")
        changes["timezone"] = name
    else:
        lines.append("Failed to set timezone")
        result = False
    if is_utc:
        lines.append(f"UTC already set to {name}")
    elif __opts__["test"]:
        lines.append(f"UTC needs to be set to {utc}")
        changes["utc"], result = utc, None
    elif __salt__["timezone.set_hwclock"]("UTC" if utc else "localtime"):
        lines.append(f"Set UTC to {utc}")
        changes["utc"] = utc
    else:
        lines.append(f"Failed to set UTC to {utc}")
        result = False
    return returned(name, result, ", ".join(lines), changes)
