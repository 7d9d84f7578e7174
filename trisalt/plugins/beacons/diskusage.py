"""How full file systems are: an event for each that is as full as its limit, or fuller.

beacons:
  diskusage:
    - /: 80%
    - '^/srv/.*$': 90%
    - interval: 120
"""

from __future__ import annotations

import re
from typing import Any

import psutil

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list, percent


def validate(config: Any) -> Verdict:
    """
    Mount points, or patterns for them, and a percentage for each.
    """
    wrong = no_list("diskusage", config)
    if wrong:
        return wrong
    for mount, limit in _limits(config).items():
        try:
            percent(limit)
            re.compile(mount)
        except (ValueError, re.error) as exc:
            return False, f"Configuration for diskusage beacon: {mount}: {exc}"
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    One event for each file system that is over its limit: `diskusage` in percent, and its `mount` point.
    """
    mounted = [part.mountpoint for part in psutil.disk_partitions(all=True)]
    found: dict[str, float] = {}
    for pattern, limit in _limits(config).items():
        # A pattern that also is a mount point means that one, and those that it fits.
        for mount in dict.fromkeys(each for each in mounted if each == pattern or re.match(f"{pattern}$", each)):
            try:
                used = psutil.disk_usage(mount).percent
            except OSError:
                continue
            if used >= percent(limit):
                found[mount] = used
            else:
                found.pop(mount, None)
    return [{"diskusage": used, "mount": mount} for mount, used in found.items()]


def _limits(config: Any) -> dict[str, Any]:
    return {key: value for key, value in flat(config).items() if key.startswith(("/", "^", "\\", "."))}
