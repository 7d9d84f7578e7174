"""How pillar data of several sources becomes one: the merge strategies. Pure; nothing that is given is changed.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from trisalt.sls.marks import aggregate

log = logging.getLogger(__name__)

STRATEGIES = ("smart", "recurse", "overwrite", "aggregate", "list", "none")


def merge(
    old: Mapping[Any, Any],
    new: Mapping[Any, Any],
    strategy: str = "smart",
    *,
    renderer: str = "jinja|yaml",
    merge_lists: bool = False,
) -> dict[Any, Any]:
    """`new` over `old`, by one of STRATEGIES; an unknown one is named in the log, and is `recurse`."""
    if strategy == "smart":
        ends_in_yamlex = renderer.split("|")[-1].strip() == "yamlex" or renderer.startswith("yamlex_")
        strategy = "aggregate" if ends_in_yamlex else "recurse"
    match strategy:
        case "recurse":
            return merge_recurse(old, new, merge_lists=merge_lists)
        case "overwrite":
            return {**old, **new}
        case "aggregate":
            return aggregate(dict(old), dict(new), 1)
        case "list":
            # It never takes up a new key, so that a pillar that began empty stays so: as stock does.
            return {key: [value, new[key]] if key in new else value for key, value in old.items()}
        case "none":
            return merge_recurse(old, new)
        case _:
            log.warning("Unknown merging strategy '%s', fallback to recurse", strategy)
            return merge_recurse(old, new)


def merge_recurse(old: Mapping[Any, Any], new: Mapping[Any, Any], *, merge_lists: bool = False) -> dict[Any, Any]:
    """Maps are merged deeply; lists and leaves are replaced, or, with `merge_lists`, lists get what they lack."""
    merged = dict(old)
    for key, value in new.items():
        there = merged.get(key)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            merged[key] = merge_recurse(there, value, merge_lists=merge_lists)
        elif merge_lists and isinstance(there, list) and isinstance(value, list):
            merged[key] = [*there, *(each for each in value if each not in there)]
        else:
            merged[key] = value
    return merged
