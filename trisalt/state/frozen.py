"""Views of data that cannot be changed through them: what state modules see of the run around them.

Nothing is copied: a view costs the same for ten results and for ten thousand, and shows what is there now.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any


class _Frozen:
    __slots__ = ("_data",)

    def __init__(self, obj: Any) -> None:
        self._data = obj

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._data)

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._data!r}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self._data, memo)

    def copy(self) -> Any:
        """A copy that can be changed."""
        return copy.deepcopy(self._data)


class ImmutableDict(_Frozen, Mapping[Any, Any]):
    """A mapping that cannot be changed, nor what is in it."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        return freeze(self._data[key])


class ImmutableList(_Frozen, Sequence[Any]):
    """A list that cannot be changed, nor what is in it."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        return freeze(self._data[key])

    def __add__(self, other: Any) -> Any:
        return self._data + other

    def __radd__(self, other: Any) -> Any:
        return other + self._data


class ImmutableSet(_Frozen, Set[Any]):
    """A set that cannot be changed."""

    __slots__ = ()


def freeze(obj: Any) -> Any:
    """A view of data that cannot be changed."""
    if isinstance(obj, dict):
        return ImmutableDict(obj)
    if isinstance(obj, list):
        return ImmutableList(obj)
    if isinstance(obj, set):
        return ImmutableSet(obj)
    return obj
