"""What a minion sends for external pillars beside its grains: the options that its `pass_to_ext_pillars` names.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

log = logging.getLogger(__name__)

_NOTHING = object()


def passed_to_pillars(opts: Mapping[str, Any]) -> dict[str, Any]:
    """Those options, each in its place; none, and a line in the log, when the option is no list of texts."""
    paths = opts.get("pass_to_ext_pillars", [])
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        log.error("'pass_to_ext_pillars' config is malformed.")
        return {}
    return parts_of(opts, paths)


def parts_of(data: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """What stands at `a` or `a:b` of nested maps, in its place; what is not there is left out."""
    made: dict[str, Any] = {}
    for path in paths:
        *above, last = path.split(":")
        value = _at(data, path.split(":"))
        if value is _NOTHING:
            continue
        place = made
        for part in above:
            place = place.setdefault(part, {})
        # A copy, so that a part of it that is named too is put into nothing of the caller's.
        place[last] = {**place.get(last, {}), **value} if isinstance(value, Mapping) else value
    return made


def _at(data: Any, parts: Iterable[str]) -> Any:
    for part in parts:
        if not isinstance(data, Mapping) or part not in data:
            return _NOTHING
        data = data[part]
    return data
