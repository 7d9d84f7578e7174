"""Values that are marked to be merged with what stands in their place, and how they are: what `yamlex` reads."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any


class AggregateMap(dict[Any, Any]):
    """A map that is merged with what stands in its place."""


class AggregateList(list[Any]):
    """A list that what stands in its place is added to."""


def aggregate(old: Any, new: Any, level: int = 0) -> Any:
    """`new` over `old`: what both mark is merged, all else replaced. The first `level` levels count as marked."""
    if level > 0:
        old, new = _marked(old), _marked(new)
    if isinstance(old, dict) and isinstance(new, dict):
        both = isinstance(old, AggregateMap) and isinstance(new, AggregateMap)
        merged = copy.copy(old if both else new)
        for key, value in new.items():
            merged[key] = aggregate(old[key], value, level - 1) if key in old else value
        return merged
    if isinstance(old, AggregateList) and isinstance(new, AggregateList):
        return AggregateList([*old, *(value for value in new if value not in old)])
    return new


def _marked(value: Any) -> Any:
    if isinstance(value, AggregateMap | AggregateList):
        return value
    if isinstance(value, dict):
        return AggregateMap(value)
    return AggregateList(value if isinstance(value, list | tuple | set) else [value])


def plain(value: Any) -> Any:
    """The value without marks, and without any other type than YAML's own: maps, lists and leaves."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return [plain(each) for each in _ordered(value)]
    return str(value) if isinstance(value, str) and type(value) is not str else value


def _ordered(values: Iterable[Any]) -> list[Any]:
    try:
        return sorted(values)
    except TypeError:
        return list(values)
