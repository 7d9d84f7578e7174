"""Processes: an event for each that runs and should be told of when it runs, or does not and should when it does not.

beacons:
  ps:
    - processes:
        nginx: stopped
        stress: running
"""

from __future__ import annotations

from typing import Any

import psutil

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list


def validate(config: Any) -> Verdict:
    """
    `processes`: names, and `running` or `stopped` for each.
    """
    wrong = no_list("ps", config)
    if wrong:
        return wrong
    given = flat(config)
    if "processes" not in given:
        return False, "Configuration for ps beacon requires processes."
    if not isinstance(given["processes"], dict):
        return False, "Processes for ps beacon must be a dictionary."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    The name of a process, and `Running` or `Stopped`.
    """
    there = {name for process in psutil.process_iter(["name"]) if (name := process.info["name"])}
    seen: list[dict[str, Any]] = []
    for name, told in flat(config)["processes"].items():
        if told == "running" and name in there:
            seen.append({name: "Running"})
        elif told == "stopped" and name not in there:
            seen.append({name: "Stopped"})
    return seen
