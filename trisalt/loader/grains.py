"""Gather grains: call every function of the grains shelf and of synced `_grains`, and lay the static ones on top.

Plugins run here: a minion calls `gather` in a worker, `salt-call` in its own process, when somebody first looks.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from trisalt.loader import graincache
from trisalt.loader.dunders import Plugins

log = logging.getLogger(__name__)


def gather(opts: Mapping[str, Any], kept: bool = False) -> dict[str, Any]:
    """All grains of this host. Runs plugins: call it in a worker (`workers.run(gather, opts)`) or in a command.

    A function of the shelf that fails is logged and left out. Static grains: the file `grains` beside the minion's
    configuration, then `opts["grains"]`, which win. `kept`: with `grains_cache` what was gathered before will do, while
    it is young; the static ones are always those of now.
    """
    deep = bool(opts.get("grains_deep_merge"))
    grains = graincache.young(opts) if kept and opts.get("grains_cache") else None
    if grains is None:
        grains = _gathered(opts, deep=deep)
        if opts.get("grains_cache"):
            graincache.put(opts, grains)
    else:
        grains["pid"] = opts.get("__pid__") or os.getpid()
    _merge(grains, _wanted(_static_file(opts), opts), deep=deep)
    # These replace what is there, also where grains are merged deeply. Source: stock Salt 3008.3.
    return {**grains, **_mapping(opts.get("grains"))}


def _gathered(opts: Mapping[str, Any], *, deep: bool) -> dict[str, Any]:
    plugins = Plugins(opts)
    grains = plugins.grains
    loader = plugins.loader("grains")
    # Our own shelf first: synced ones may look at what it found. Source: stock Salt 3008.3's order of gathering.
    names = sorted(loader, key=lambda name: (not loader.built_in(name), name))
    late = [name for name in names if "grains" in _parameters(loader[name])]
    for name in [name for name in names if name not in late] + late:
        _merge(grains, _wanted(_ask(name, loader[name], grains, opts), opts), deep=deep)
    return dict(grains)


def _wanted(found: Mapping[str, Any], opts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without those that one of `grains_blacklist` names, as a glob or as an expression."""
    unwanted = opts.get("grains_blacklist")
    if not unwanted:
        return found
    return {name: value for name, value in found.items() if not any(_like(str(name), str(one)) for one in unwanted)}


def _like(name: str, pattern: str) -> bool:
    try:
        return fnmatchcase(name, pattern) or re.fullmatch(pattern, name) is not None
    except re.error:
        return False


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
