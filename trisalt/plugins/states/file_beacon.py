"""Beacons for files that states manage. Loaded as `file`."""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils.modbeacon import settings, watched

__virtualname__ = "file"

_OPTIONS = ("auto_add", "recurse", "exclude")


def __virtual__() -> str:
    return __virtualname__


def mod_beacon(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    `beacon: True` of `managed` and `directory`: the beacon `inotify` watches the path. `beacon_data` has its `mask`,
    `recurse`, `auto_add`, `exclude`, `coalesce` and `interval`.
    """
    data = settings(kwargs)
    options = {"mask": data.get("mask", ["create", "delete", "modify"])}
    options |= {key: data[key] for key in _OPTIONS if key in data}
    config = {"files": {name: options}, "coalesce": data.get("coalesce", False)}
    functions = ("managed", "directory")
    return watched(__states__, name, kwargs, functions=functions, kind="file", module="inotify", config=config)
