"""The load of this host: an event while an average is below its first, or above its second limit.

beacons:
  load:
    - averages:
        1m: [0.0, 4.0]
        15m: [0.0, 2.0]
    - onchangeonly: True
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

_AVERAGES = ("1m", "5m", "15m")


def validate(config: Any) -> Verdict:
    """
    `averages`, with limits for each of `1m`, `5m`, `15m`; `onchangeonly` and `emitatstartup`.
    """
    wrong = no_list("load", config)
    if wrong:
        return wrong
    given = flat(config)
    for key in ("emitatstartup", "onchangeonly"):
        if key in given and not isinstance(given[key], bool):
            return False, f"Configuration for load beacon option {key} must be a boolean."
    averages = given.get("averages")
    if averages is None:
        return False, "Averages configuration is required for load beacon."
    if not isinstance(averages, dict) or not any(each in averages for each in _AVERAGES):
        return False, "Averages configuration for load beacon must contain 1m, 5m or 15m items."
    for each in _AVERAGES:
        limits = averages.get(each, [0, 0])
        if not isinstance(limits, list) or len(limits) != 2:
            return False, "Configuration for load beacon: 1m, 5m and 15m items must be a list of two items."
        if not all(isinstance(limit, int | float) for limit in limits):
            return False, "Configuration for load beacon: 1m, 5m and 15m items must be numbers."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    The three averages, when one of them is beyond its limits; with `onchangeonly` when one has passed a limit, and at
    the start unless `emitatstartup` is false.
    """
    given = flat(config)
    now = dict(zip(_AVERAGES, os.getloadavg(), strict=True))
    limits = {each: given["averages"][each] for each in _AVERAGES if each in given["averages"]}
    beyond = {each: now[each] < low or now[each] > high for each, (low, high) in limits.items()}
    if not given.get("onchangeonly", False):
        return [now] if any(beyond.values()) else []
    key = f"load.{given.get('_beacon_name', 'load')}"
    before = __context__.get(key)
    __context__[key] = now
    if before is None:
        return [now] if given.get("emitatstartup", True) and any(beyond.values()) else []
    passed = any(
        (before[each] <= high < now[each]) or (before[each] > high >= now[each])
        or (before[each] >= low > now[each]) or (before[each] < low <= now[each])
        for each, (low, high) in limits.items()
    )  # fmt: skip
    return [now] if passed else []
