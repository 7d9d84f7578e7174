"""Choosing from a map by a value, as `filter_by` of the modules `grains` and `pillar` does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from trisalt.errors import TrisaltError


def filter_by(
    lookup_dict: Mapping[str, Any],
    value: Any,
    *,
    merge: Mapping[str, Any] | None = None,
    default: str | None = "default",
    base: str | None = None,
) -> Any:
    """What stands in `lookup_dict` under the first key that matches the value (or one of a list) as a glob, else
    under `default`. What `base` names lies below it, `merge` above it; maps are joined at every depth.

    What was found is changed by the merge, as with stock: who chooses from a map again finds what was merged before.
    """
    values = value if isinstance(value, list) else [value]
    found = (lookup_dict[key] for one in values for key in lookup_dict if fnmatchcase(str(one), str(key)))
    chosen = next((item for item in found if item is not None), None)
    if chosen is None:
        chosen = lookup_dict.get(default)  # type: ignore[arg-type]
    if base and base in lookup_dict:
        below = lookup_dict[base]
        if isinstance(below, Mapping) and chosen is not None and not isinstance(chosen, Mapping):
            raise TrisaltError("filter_by default and look-up values must both be dictionaries.")
        if chosen is None:
            chosen = below
        elif isinstance(below, Mapping):
            chosen = _laid_into(copy.deepcopy(below), chosen)
    if merge:
        if not isinstance(merge, Mapping):
            raise TrisaltError("filter_by merge argument must be a dictionary.")
        if chosen is not None and not isinstance(chosen, Mapping):
            raise TrisaltError("filter_by merge needs a look-up value that is a dictionary.")
        chosen = merge if chosen is None else _laid_into(chosen, copy.deepcopy(merge))
    return chosen


def _laid_into(below: Any, above: Mapping[str, Any]) -> Any:
    """A map, with another one laid into it at every depth."""
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        below[key] = _laid_into(below[key], value) if both else value
    return below
