"""Services: an event for each, at each look or when it has started or stopped.

beacons:
  service:
    - services:
        nginx:
          onchangeonly: True
          delay: 30
          uncleanshutdown: /run/nginx.pid
"""

from __future__ import annotations

import os
import time
from typing import Any

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list


def validate(config: Any) -> Verdict:
    """
    `services`: names, and options for each.
    """
    wrong = no_list("service", config)
    if wrong:
        return wrong
    given = flat(config)
    if "services" not in given:
        return False, "Configuration for service beacon requires services."
    if not isinstance(given["services"], dict):
        return False, "Services configuration item for service beacon must be a dictionary."
    if not all(isinstance(options, dict) for options in given["services"].values()):
        return False, "Configuration for service beacon must be a list of dictionaries."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    `service_name`, and under its name whether it is `running`. Options of each: `onchangeonly`, with it `delay` in
    seconds and `emitatstartup`; `is_running_state` for one of the two only; `uncleanshutdown`, a file that a service
    that ends well takes away.
    """
    given = flat(config)
    memory: dict[str, Any] = __context__.setdefault(f"service.{given.get('_beacon_name', 'service')}", {})
    seen = []
    for name, options in given["services"].items():
        status = {"running": bool(__salt__["service.status"](name))}
        path = options.get("uncleanshutdown")
        if path and not status["running"]:
            status["uncleanshutdown"] = os.path.exists(path)
        if "is_running_state" in options and status["running"] != bool(options["is_running_state"]):
            memory.setdefault(name, {})["told"] = status
            continue
        if options.get("onchangeonly") and not _news(memory, name, status, options):
            continue
        seen.append({"tag": name, "service_name": name, name: status})
    return seen


def _news(memory: dict[str, Any], name: str, status: dict[str, Any], options: dict[str, Any]) -> bool:
    """Whether this is another status than the one that was told last, and has been for as long as it takes."""
    now = time.monotonic()
    if name not in memory:
        memory[name] = {"told": status}
        return bool(options.get("emitatstartup", True))
    kept = memory[name]
    if kept["told"] == status:
        kept.pop("since", None)
        return False
    if kept.get("status") != status or "since" not in kept:
        kept.update(status=status, since=now)
    if now - kept["since"] < float(options.get("delay") or 0):
        return False
    memory[name] = {"told": status}
    return True
