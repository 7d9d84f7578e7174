"""Beacons of this minion.

watch nginx:
  beacon.present:
    - name: ps
    - save: True
    - processes:
        nginx: stopped
    - interval: 30
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def present(name: str, save: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    A beacon is there, configured by what else is said here: a list `beacon_data`, or its keys. `save` keeps it over a
    restart of the minion.
    """
    config = _config(kwargs)
    test = __opts__["test"]
    try:
        there = __salt__["beacons.list"](return_yaml=False)
        if name in there and _same(there[name], config):
            return _kept(name, save, [f"Job {name} in correct state"], {})
        op = "modify" if name in there else "add"
        done = __salt__[f"beacons.{op}"](name, config, **({"test": True} if test else {}))
        if not done["result"]:
            return returned(name, False, done["comment"])
        if test:
            return _kept(name, save, [done["comment"]], {}, pending=True)
        said = f"Modifying {name} in beacons" if op == "modify" else f"Adding {name} to beacons"
        changes = done.get("changes") or {name: {"old": there.get(name), "new": config}}
        return _kept(name, save, [said], changes)
    except TrisaltError as exc:
        return returned(name, False, str(exc))


def absent(name: str, save: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    A beacon is not there. `save` has it stay away over a restart of the minion.
    """
    test = __opts__["test"]
    try:
        there = __salt__["beacons.list"](return_yaml=False)
        if name not in there:
            return _kept(name, save, [f"{name} not configured in beacons"], {})
        done = __salt__["beacons.delete"](name, **({"test": True} if test else {}))
        if not done["result"]:
            return returned(name, False, done["comment"])
        if test:
            return _kept(name, save, [done["comment"]], {}, pending=True)
        return _kept(name, save, [f"Removed {name} from beacons"], {name: {"old": there[name], "new": None}})
    except TrisaltError as exc:
        return returned(name, False, str(exc))


def enabled(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A beacon looks.
    """
    return _switched(name, True, f"{name} not a configured beacon", f"Enabled {name} from beacons")


def disabled(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A beacon does not look.
    """
    return _switched(name, False, f"Job {name} is not configured.", f"Disabled beacon {name}.")


# -- inside ------------------------------------------------------------------------------------------------------------


def _config(kwargs: dict[str, Any]) -> list[dict[str, Any]]:
    data = kwargs.get("beacon_data")
    if isinstance(data, list):
        return data
    given = data if isinstance(data, dict) else kwargs
    return [{key: value} for key, value in given.items() if not key.startswith("__")]


def _same(config: Any, wanted: list[dict[str, Any]]) -> bool:
    """Whether two configurations say the same; whether a beacon is enabled is another state's."""
    parts = [{key: value} for key, value in config.items()] if isinstance(config, dict) else list(config or ())

    def rest(config: list[dict[str, Any]]) -> list[dict[str, Any]]:
        asked = any("enabled" in part for part in wanted)
        return sorted((part for part in config if asked or list(part) != ["enabled"]), key=repr)

    return rest(parts) == rest(wanted)


def _kept(name: str, save: bool, said: list[str], changes: dict[str, Any], pending: bool = False) -> dict[str, Any]:
    if save and __opts__["test"]:
        said.append(f"Beacon {name} would be saved")
    elif save:
        done = __salt__["beacons.save"]()
        if not done["result"]:
            return returned(name, False, "\n".join([*said, done["comment"]]), changes)
        said.append(f"Beacon {name} saved")
    return returned(name, None if pending else True, "\n".join(said), changes)


def _switched(name: str, wanted: bool, missing: str, said: str) -> dict[str, Any]:
    try:
        there = __salt__["beacons.list"](return_yaml=False)
        if name not in there:
            # One that is not there does not look.
            return returned(name, not wanted, missing)
        parts = there[name] if isinstance(there[name], list) else [there[name]]
        now = next((part["enabled"] for part in parts if isinstance(part, dict) and "enabled" in part), True)
        if (now is not False) == wanted:
            return returned(name, True, f"Beacon {name} is {'enabled' if wanted else 'disabled'}")
        op = "enable_beacon" if wanted else "disable_beacon"
        done = __salt__[f"beacons.{op}"](name, **({"test": True} if __opts__["test"] else {}))
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if not done["result"]:
        return returned(name, False, done["comment"])
    if __opts__["test"]:
        return returned(name, None, done["comment"])
    return returned(name, True, said, {name: {"enabled": wanted}})
