"""What network interfaces have carried: an event for each whose counters equal, or exceed, given numbers.

beacons:
  network_info:
    - interfaces:
        eth0:
          type: greater
          errin: 100
          dropin: 100
"""

from __future__ import annotations

from typing import Any

import psutil

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

_COUNTERS = (
    *("bytes_sent", "bytes_recv", "packets_sent", "packets_recv"),
    *("errin", "errout", "dropin", "dropout"),
)


def validate(config: Any) -> Verdict:
    """
    `interfaces`: for each a `type`, `equal` or `greater`, and numbers for counters.
    """
    wrong = no_list("network_info", config)
    if wrong:
        return wrong
    for options in (flat(config).get("interfaces") or {}).values():
        if not isinstance(options, dict):
            return False, "Configuration for network_info beacon must be a list of dictionaries."
        if not all(key == "type" or key in _COUNTERS for key in options):
            return False, "Invalid configuration item in Beacon configuration."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    `interface`, and as `network_info` all its counters, when one of those that are given is as it says.
    """
    counters = psutil.net_io_counters(pernic=True)
    seen = []
    for name, options in (flat(config).get("interfaces") or {}).items():
        if name not in counters:
            continue
        now = {key: getattr(counters[name], key) for key in _COUNTERS}
        given = {key: value for key, value in options.items() if key in _COUNTERS}
        if options.get("type") == "greater":
            told = any(now[key] > int(value) for key, value in given.items())
        else:
            told = any(now[key] == int(value) for key, value in given.items())
        if told:
            seen.append({"interface": name, "network_info": now})
    return seen
