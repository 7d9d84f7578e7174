"""Gather grains: call every function of the grains shelf and of synced `_grains`, and lay the static ones on top.

Plugins run here: a minion calls `gather` in a worker, `salt-call` in its own process, when somebody first looks.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trisalt.loader.dunders import Plugins

log = logging.getLogger(__name__)


def gather(opts: Mapping[str, Any]) -> dict[str, Any]:
    """All grains of this host. Runs plugins: call it in a worker (`workers.run(gather, opts)`) or in a command.

    A function of the shelf that fails is logged and left out. Static grains: the file `grains` beside the minion's
    configuration, then `opts["grains"]`, which win.
    """
    plugins = Plugins(opts)
    grains = plugins.grains
    loader = plugins.loader("grains")
    # Our own shelf first: synced ones may look at what it found. Source: stock Salt 3008.3's order of gathering.
    names = sorted(loader, key=lambda name: (not loader.built_in(name), name))
    late = [name for name in names if "grains" in _parameters(loader[name])]
    for name in [name for name in names if name not in late] + late:
        _merge(grains, _ask(name, loader[name], grains, opts), deep=bool(opts.get("grains_deep_merge")))
    for static in (_static_file(opts), _mapping(opts.get("grains"))):
        _merge(grains, static, deep=bool(opts.get("grains_deep_merge")))
    return dict(grains)


def _parameters(function: Callable[..., Any]) -> Mapping[str, Any]:
    return inspect.signature(function).parameters


def _ask(
    name: str, function: Callable[..., Any], grains: Mapping[str, Any], opts: Mapping[str, Any]
) -> Mapping[str, Any]:
    given = {"grains": grains, "proxy": None}
    try:
        found = function(**{key: value for key, value in given.items() if key in _parameters(function)})
    except Exception as exc:  # one grain that cannot be had is no reason to have none
        where = name.partition(".")[0]
        log.critical("Failed to load grains defined in grain file %s in function %s", where, name, exc_info=exc)
        return {}
    return _mapping(found)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _merge(grains: dict[str, Any], found: Mapping[str, Any], *, deep: bool) -> None:
    for key, value in found.items():
        if deep and isinstance(value, Mapping) and isinstance(grains.get(key), dict):
            _merge(grains[key], value, deep=True)
        else:
            grains[key] = value


def _static_file(opts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The file `grains` beside the configuration file."""
    conf_file = opts.get("conf_file")
    path = Path(conf_file).parent / "grains" if conf_file else None
    if path is None or not path.is_file():
        return {}
    import yaml  # only where there is such a file

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        log.error("Grains file %s cannot be read: %s", path, exc)
        return {}
    if found is not None and not isinstance(found, dict):
        log.error("Grains file %s is not a mapping", path)
    return _mapping(found)
