"""A set that keeps its order."""

from collections.abc import MutableSet


class OrderedSet(MutableSet):
    """Items once, in the order they came."""

    def __init__(self, iterable=None):
        self._items = dict.fromkeys(iterable or ())

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def __contains__(self, key):
        return key in self._items

    def __getitem__(self, index):
        found = list(self._items)[index]
        return OrderedSet(found) if isinstance(index, slice) else found

    def __eq__(self, other):
        if isinstance(other, OrderedSet | list | tuple):
            return list(self) == list(other)
        return set(self) == set(other)

    def __repr__(self):
        return f"OrderedSet({list(self)!r})"

    def add(self, key):
        """Take an item in; its place."""
        self._items[key] = None
        return list(self._items).index(key)

    append = add

    def discard(self, key):
        """Take an item out, if it is there."""
        self._items.pop(key, None)

    def index(self, key):
        """Where an item stands."""
        return list(self._items).index(key)
