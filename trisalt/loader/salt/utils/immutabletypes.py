"""Data that cannot be changed."""

import copy
from collections.abc import Mapping, Sequence, Set


class _Frozen:
    __slots__ = ("_data",)

    def __init__(self, obj):
        self._data = obj

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        return iter(self._data)

    def __contains__(self, key):
        return key in self._data

    def __repr__(self):
        return f"<{type(self).__name__} {self._data!r}>"

    def __deepcopy__(self, memo):
        return copy.deepcopy(self._data, memo)

    def copy(self):
        """A copy that can be changed."""
        return copy.deepcopy(self._data)


class ImmutableDict(_Frozen, Mapping):
    """A mapping that cannot be changed, nor what is in it."""

    __slots__ = ()

    def __getitem__(self, key):
        return freeze(self._data[key])


class ImmutableList(_Frozen, Sequence):
    """A list that cannot be changed, nor what is in it."""

    __slots__ = ()

    def __getitem__(self, key):
        return freeze(self._data[key])

    def __add__(self, other):
        return self._data + other

    def __radd__(self, other):
        return other + self._data


class ImmutableSet(_Frozen, Set):
    """A set that cannot be changed."""

    __slots__ = ()


def freeze(obj):
    """A view of data that cannot be changed."""
    if isinstance(obj, dict):
        return ImmutableDict(obj)
    if isinstance(obj, list):
        return ImmutableList(obj)
    if isinstance(obj, set):
        return ImmutableSet(obj)
    return obj
