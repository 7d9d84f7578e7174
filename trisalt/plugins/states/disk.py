"""How full file systems are. Nothing is changed.

/srv:
  disk.status:
    - maximum: 90%
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.state.result import returned


def status(
    name: str, maximum: Any = None, minimum: Any = None, absolute: bool = False, free: bool = False
) -> dict[str, Any]:
    """
    The file system of a mount point or a directory is as full as is said: in percent, or in kilobytes with
    `absolute`; with `free` what is available is meant.
    """
    limits, wrong = _limits(maximum, minimum, absolute)
    if wrong:
        return returned(name, False, wrong, data={})
    if not os.path.isdir(name):
        comment = f"Disk mount {name} not present. Directory {name} does not exist or is not a directory"
        return returned(name, False, comment, data={})
    data = {"data": __salt__["disk.usage"]().get(name) or _measured(name)}
    stat = os.statvfs(name)
    used, available, percent = stat.f_blocks - stat.f_bfree, stat.f_bavail, _percent(stat)
    what, unit = ("available", "KB" if absolute else "%") if free else ("used", "KB" if absolute else "%")
    kilobytes = (available if free else used) * stat.f_frsize // 1024
    amount = kilobytes if absolute else 100 - percent if free else percent
    highest, lowest = limits
    for limit, beyond, word in (
        (lowest, lowest is not None and amount < lowest, "below minimum"),
        (highest, highest is not None and amount > highest, "above maximum"),
    ):
        if beyond:
            comment = f"Disk {what} space is {word} of {limit} {unit} at {amount} {unit}"
            return returned(name, False, comment, **data)
    # Stock Salt 3008.3 says so of what is available as well.
    return returned(name, True, "Disk used space in acceptable range", **data)


def _measured(name: str) -> dict[str, Any]:
    """The file system that a directory is in, in bytes."""
    stat = os.statvfs(name)
    return {name: {"available": stat.f_bavail * stat.f_frsize, "total": stat.f_blocks * stat.f_frsize}}


def _percent(stat: os.statvfs_result) -> int:
    """As df counts: a part of a percent is one, and what root alone may use is neither used nor available."""
    used, available = stat.f_blocks - stat.f_bfree, stat.f_bavail
    return -(-100 * used // (used + available)) if used + available else 0


def _limits(maximum: Any, minimum: Any, absolute: bool) -> tuple[list[int | None], str]:
    """The two limits as numbers, and what is wrong with them."""
    limits: list[int | None] = []
    wrong = ""
    for word, value in (("maximum", maximum), ("minimum", minimum)):
        number = None
        if value is not None:
            try:
                number = int(str(value).strip().removesuffix("%"))
            except ValueError:
                wrong += f"{word} must be an integer "
            else:
                if not absolute and not 0 <= number <= 100:
                    wrong += f"{word} must be in the range [0, 100] "
        limits.append(number)
    highest, lowest = limits
    if not wrong and highest is not None and lowest is not None and lowest >= highest:
        wrong = "minimum must be less than maximum "
    return limits, wrong
