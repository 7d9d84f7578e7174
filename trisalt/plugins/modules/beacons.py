"""The beacons of this minion: what watches the host, and tells the master what it sees.

The running minion keeps them. What is changed here counts at once, and until the minion ends; `save` keeps it. Beacons
of the pillar are changed in the pillar.
"""

from __future__ import annotations

import difflib
from typing import Any

import yaml

from trisalt.errors import CommandError
from trisalt.worker import upcall

__func_alias__ = {"list_": "list"}


def list_(return_yaml: bool = True, include_pillar: bool = True, include_opts: bool = True, **kwargs: Any) -> Any:
    """
    The beacons that are configured, as YAML or (`return_yaml=False`) as data; those of the pillar, or all others, can
    be left out.

    CLI Example:

        salt '*' beacons.list
        salt '*' beacons.list include_pillar=False
    """
    found = upcall.beacons("list", include_pillar=include_pillar, include_opts=include_opts)["beacons"]
    return _dumped(found or {}) if return_yaml else found


def list_available(return_yaml: bool = True, **kwargs: Any) -> Any:
    """
    The beacons that can be used on this host, as YAML or (`return_yaml=False`) as a list.

    CLI Example:

        salt '*' beacons.list_available
    """
    found = upcall.beacons("list_available")["beacons"]
    return _dumped(found) if return_yaml else found


def add(name: str, beacon_data: Any, **kwargs: Any) -> dict[str, Any]:
    """
    Add a beacon. `beacon_data` is a list of maps, or a map; `beacon_module` in it says which beacon looks when the
    name is another.

    CLI Example:

        salt '*' beacons.add ps "[{'processes': {'nginx': 'stopped'}}, {'interval': 30}]"
    """
    config = _list(beacon_data)
    if name in list_(return_yaml=False):
        return _said(True, f"Beacon {name} is already configured.")
    module = next((part["beacon_module"] for part in config if "beacon_module" in part), name)
    if module not in list_available(return_yaml=False):
        return _said(False, f'Beacon "{module}" is not available.')
    wrong = _wrong(name, config)
    if wrong:
        return _said(False, f"Beacon {name} configuration invalid, not adding.\n{wrong}")
    said = (f"Added beacon: {name}.", f"Beacon: {name} would be added.")
    return _done("add", *said, kwargs, name=name, beacon_data=config)


def modify(name: str, beacon_data: Any, **kwargs: Any) -> dict[str, Any]:
    """
    Give a beacon another configuration in place of the one that it has.

    CLI Example:

        salt '*' beacons.modify ps "[{'processes': {'nginx': 'stopped'}}]"
    """
    config = _list(beacon_data)
    there = list_(return_yaml=False)
    if name not in there:
        return _said(True, f"Beacon {name} is not configured.")
    wrong = _wrong(name, config)
    if wrong:
        return _said(False, f"Beacon {name} configuration invalid, not modifying.\n{wrong}")
    before = _list(there[name])
    if config == before:
        return _said(True, f"Job {name} in correct state")
    said = (f"Modified beacon: {name}.", f"Beacon: {name} would be modified.")
    answer = _done("modify", *said, kwargs, name=name, beacon_data=config)
    if answer["result"] and not kwargs.get("test"):
        answer["changes"] = {"diff": "".join(difflib.unified_diff(_lines(before), _lines(config)))}
    return answer


def delete(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Take a beacon away; that it is not there is no failure.

    CLI Example:

        salt '*' beacons.delete ps
    """
    return _done("delete", f"Deleted beacon: {name}.", f"Beacon: {name} would be deleted.", kwargs, name=name)


def save(**kwargs: Any) -> dict[str, Any]:
    """
    Keep the beacons, but those of the pillar, for the next start of the minion: in `beacons.conf`, among its drop-in
    files.

    CLI Example:

        salt '*' beacons.save
    """
    if kwargs.get("test"):
        return _said(True, "Beacons would be saved.")
    try:
        return _said(True, f"Beacons saved to {upcall.beacons('save')['path']}.")
    except CommandError as exc:
        return _said(False, str(exc))


def enable(**kwargs: Any) -> dict[str, Any]:
    """
    Have beacons look, as far as each is enabled.

    CLI Example:

        salt '*' beacons.enable
    """
    return _done("enable", "Enabled beacons on minion.", "Beacons would be enabled.", kwargs)


def disable(**kwargs: Any) -> dict[str, Any]:
    """
    Have no beacon look until they are enabled.

    CLI Example:

        salt '*' beacons.disable
    """
    return _done("disable", "Disabled beacons on minion.", "Beacons would be disabled.", kwargs)


def enable_beacon(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Have one beacon look.

    CLI Example:

        salt '*' beacons.enable_beacon ps
    """
    if not name:
        return _said(False, "Beacon name is required.")
    if name not in list_(return_yaml=False):
        return _said(False, f"Beacon {name} is not currently configured.")
    said = (f"Enabled beacon {name} on minion.", f"Beacon {name} would be enabled.")
    return _done("enable_beacon", *said, kwargs, name=name)


def disable_beacon(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Have one beacon not look until it is enabled.

    CLI Example:

        salt '*' beacons.disable_beacon ps
    """
    if not name:
        return _said(False, "Beacon name is required.")
    if name not in list_(return_yaml=False):
        return _said(False, f"Beacon {name} is not currently configured.")
    said = (f"Disabled beacon {name} on minion.", "Beacons would be disabled.")
    return _done("disable_beacon", *said, kwargs, name=name)


def reset(**kwargs: Any) -> dict[str, Any]:
    """
    Take all beacons away, but those of the pillar.

    CLI Example:

        salt '*' beacons.reset
    """
    return _done("reset", "Beacon configuration reset.", "Beacons would be reset.", kwargs)


# -- inside ------------------------------------------------------------------------------------------------------------


def _said(result: bool, comment: str) -> dict[str, Any]:
    return {"comment": comment, "result": result}


def _done(op: str, done: str, would_be: str, kwargs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the minion makes of a change, or (`test`) would: the sentence for it, or why it does not."""
    test = bool(kwargs.get("test"))
    answer = upcall.beacons(op, test=test, **fields)
    if not answer["complete"]:
        return _said(False, str(answer.get("comment")))
    return _said(True, would_be if test else done)


def _wrong(name: str, config: list[Any]) -> str:
    """What the beacon says against a configuration; empty when it takes it."""
    answer = upcall.beacons("validate_beacon", name=name, beacon_data=config)
    if not answer["complete"]:
        raise CommandError(str(answer.get("comment")))
    return "" if answer["valid"] else str(answer["vcomment"])


def _list(data: Any) -> list[Any]:
    if isinstance(data, dict):
        data = [{key: value} for key, value in data.items()]
    if not isinstance(data, list) or not all(isinstance(part, dict) for part in data):
        raise CommandError("The configuration of a beacon is a list of maps, or a map")
    return data


def _lines(config: list[Any]) -> list[str]:
    return [f"{key}:{value}\n" for part in config for key, value in part.items()]


def _dumped(value: Any) -> str:
    return yaml.safe_dump({"beacons": value}, default_flow_style=False, allow_unicode=True)
