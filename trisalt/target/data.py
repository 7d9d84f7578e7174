"""Walking `a:b:c` through nested data, and matching what is found there.

Source of the rules: stock Salt 3008.3's grain and pillar targets. `match` and the pillar and grains modules use this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

from trisalt.errors import TargetError
from trisalt.expressions import UNREADABLE, Expression

DELIMITER = ":"

_CONSTANTS = {"true": True, "false": False, "yes": True, "no": False, "null": None, "none": None}

# Tells whether a value, given as lower-case text, fits the last part of an expression.
Fits = Callable[[str], bool]


def traverse(data: Any, path: str, default: Any = None, delimiter: str = DELIMITER) -> Any:
    """What stands at `path` in nested maps and lists; `default` if nothing does.

    A number is an index in a list; in a list of maps any part is looked up in each, the first that has it wins.
    """
    found = data
    for part in path.split(delimiter):
        found = _step(found, part)
        if found is _NOTHING:
            return default
    return found


_NOTHING: Any = object()


def _is_map(value: Any) -> bool:
    # Mostly a dict: asking the abstract class takes ten times as long.
    return type(value) is dict or isinstance(value, Mapping)


def _step(data: Any, part: str) -> Any:
    if _is_map(data):
        if part in data:
            return data[part]
        key = _read_key(part)
        return data[key] if key is not _NOTHING and key in data else _NOTHING
    if isinstance(data, (list, tuple)):
        index = _index(part)
        key = part if index is None else index
        for item in data:
            if _is_map(item) and key in item:
                return item[key]
        if index is not None and -len(data) <= index < len(data):
            return data[index]
    return _NOTHING


def _index(part: str) -> int | None:
    try:
        return int(part)
    except ValueError:
        return None


def _read_key(part: str) -> Any:
    """The key that YAML would have read from the same letters: numbers and constants can be keys too."""
    for read in (int, float):
        try:
            return read(part)
        except ValueError:
            pass
    return _CONSTANTS.get(part.lower(), _NOTHING)


# -- matching ------------------------------------------------------------------------------------------------------


def path_test(
    expression: str, *, delimiter: str = DELIMITER, regex: bool = False, exact: bool = False
) -> Callable[[Any], bool]:
    """A test of whether `key:…:pattern` holds in a map, for many of them: the patterns are read once.

    Raises TargetError for a pattern that is no regular expression.
    Since values may hold the delimiter, every way to cut the expression in two is tried, the longest key first. A
    value fits as text, letters of either case alike: a list by any of its items, a map by any of its keys. `*` may
    stand for any part of the path.
    """
    if not delimiter:
        raise TargetError("an empty delimiter")
    path = _Path(expression, delimiter, "regex" if regex else "exact" if exact else "glob")
    if not path.can_hold():
        raise TargetError(f"{expression!r} holds no regular expression")
    return path.holds


class _Path:
    """One expression, cut in all its ways: the parts of the key, and what is to fit there."""

    __slots__ = ("_cuts", "_delimiter", "_kind", "_root", "_seen", "_star")

    def __init__(self, expression: str, delimiter: str, kind: str) -> None:
        self._delimiter = delimiter
        self._star = "*" + delimiter
        self._kind = kind
        parts = expression.split(delimiter)
        # A star at the top: everything is looked at.
        self._cuts = [
            ((), expression) if parts[:cut] == ["*"] else (tuple(parts[:cut]), delimiter.join(parts[cut:]))
            for cut in range(len(parts) - 1, 0, -1)
        ]

        # What every cut looks up first, if there is one such key; and what was found of the values that stood there.
        self._root = parts[0] if self._cuts and all(key for key, _rest in self._cuts) else None
        self._seen: dict[int, tuple[Any, bool]] = {}

    def can_hold(self) -> bool:
        """Whether one cut leaves a good pattern: one in the middle of a regular expression leaves two that are none."""
        patterns = [self._without_stars(rest) for _key, rest in self._cuts]
        return not patterns or any(
            pattern == "*" or fitting(pattern, self._kind) is not _fits_nothing for pattern in patterns
        )

    def _without_stars(self, rest: str) -> str:
        while rest.startswith(self._star):
            rest = rest[len(self._star) :]
        return rest

    def holds(self, data: Any) -> bool:
        """Whether the expression is true of `data`.

        Of many minions most have the very same object under the same key: it is looked at once.
        """
        if self._root is None:
            return self._holds(data, 0)
        top = _step(data, self._root)
        if top is _NOTHING:
            return False
        seen = self._seen.get(id(top))
        if seen is None:
            # The object is kept, so that no other can come to have its id.
            seen = self._seen[id(top)] = (top, self._holds(top, 1))
        return seen[1]

    def _holds(self, data: Any, start: int) -> bool:
        for parts, rest in self._cuts:
            found = data
            for part in parts[start:]:
                found = _step(found, part)
                if found is _NOTHING:
                    break
            else:
                if self._fits(found, rest):
                    return True
        return False

    def _fits(self, found: Any, rest: str) -> bool:
        if _is_map(found):
            return bool(found) and self._fits_map(found, rest, cut=True)
        fits = fitting(rest, self._kind)
        if not isinstance(found, (list, tuple)):
            return fits(str(found).lower())
        return any(fits(str(item).lower()) or (_is_map(item) and self._fits_map(item, rest)) for item in found)

    def _fits_map(self, found: Mapping[Any, Any], rest: str, *, cut: bool = False) -> bool:
        """Whether a map fits. `cut`: what comes of cutting `rest` further has been tried already, or will be."""
        starred = rest.startswith(self._star)
        if starred:
            rest = rest[len(self._star) :]
        if rest == "*" or rest in found:
            return True
        fits = fitting(rest, self._kind)
        # A loop, and no generator: of ten thousand minions this is what takes the time.
        for key in found:
            if fits(str(key).lower()):
                return True
        further = (starred or not cut) and self._delimiter in rest
        if further and _inner(rest, self._delimiter, self._kind)._holds(found, 0):
            return True
        return starred and any(self._fits_below(value, rest, fits) for value in found.values())

    def _fits_below(self, value: Any, rest: str, fits: Fits) -> bool:
        if _is_map(value):
            return self._fits_map(value, rest)
        if isinstance(value, (list, tuple)):
            return any(fits(str(item).lower()) for item in value)
        return fits(str(value).lower())


@lru_cache(maxsize=512)
def _inner(expression: str, delimiter: str, kind: str) -> _Path:
    return _Path(expression, delimiter, kind)


@lru_cache(maxsize=2048)
def fitting(pattern: str, kind: str) -> Fits:
    """A test for values that are lower-case text. `kind` is glob, regex or exact; what is no regular expression
    fits nothing.
    """
    if kind == "exact" or (kind == "glob" and not any(sign in pattern for sign in "*?[")):
        return pattern.lower().__eq__
    try:
        if kind == "regex":
            return Expression(pattern, re.IGNORECASE).match
        search = re.compile(translate(pattern.lower()), re.IGNORECASE).match
    except UNREADABLE:
        return _fits_nothing
    return lambda text: search(text) is not None


def _fits_nothing(_text: str) -> bool:
    return False
