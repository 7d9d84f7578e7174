"""Ordered mappings: Python's own are."""

from collections import OrderedDict


class DefaultOrderedDict(OrderedDict):
    """An ordered mapping that makes what is not there."""

    def __init__(self, default_factory=None, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.default_factory = default_factory

    def __missing__(self, key):
        if self.default_factory is None:
            raise KeyError(key)
        self[key] = value = self.default_factory()
        return value


class HashableOrderedDict(OrderedDict):
    """An ordered mapping that can be a key; it is equal to itself alone."""

    def __hash__(self):
        return id(self)
