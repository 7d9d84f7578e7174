"""How this host is: what functions of `status` say, all of it or a part.

beacons:
  status:
    - interval: 60
    - loadavg: [1-min]
    - time: all
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.beaconconfig import VALID, Verdict, no_list

_COMMON = ("interval", "enabled", "run_once", "disable_during_state_run", "beacon_module", "_beacon_name")
_ALL = {name: ["all"] for name in ("loadavg", "cpustats", "meminfo", "vmstats", "time")}


def validate(config: Any) -> Verdict:
    """
    Functions of `status`, each with the keys that are wanted of it; none for the usual ones.
    """
    return no_list("status", config) or VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    One event, with the time as its tag, and under `data` what each function says.
    """
    asked = {name: keys for part in config for name, keys in part.items() if name not in _COMMON}
    data: dict[str, Any] = {}
    for name, wanted in (asked or _ALL).items():
        keys = [wanted] if isinstance(wanted, str) else list(wanted or ["all"])
        if f"status.{name}" not in __salt__:
            raise TrisaltError(f"Status beacon is incorrectly configured: there is no function status.{name}")
        found = __salt__[f"status.{name}"]()
        if keys == ["all"] or not isinstance(found, dict):
            data[name] = found
            continue
        data[name] = {key: found[key] for key in keys if key in found}
    return [{"tag": datetime.now(UTC).replace(tzinfo=None).isoformat(), "data": data}]
