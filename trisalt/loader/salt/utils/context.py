"""Names that are others for a while."""

from collections.abc import MutableMapping
from contextlib import contextmanager

_MISSING = object()


@contextmanager
def func_globals_inject(func, **overrides):
    """Other globals for a function while a block runs."""
    inner = getattr(func, "__func__", func)
    names = inner.__globals__
    before = {name: names.get(name, _MISSING) for name in overrides}
    names.update(overrides)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is _MISSING:
                names.pop(name, None)
            else:
                names[name] = value


class ContextDict(MutableMapping):
    """A mapping of which a copy can be had for a while."""

    def __init__(self, threadsafe=False, **data):
        self._data = dict(data)

    def clone(self, **kwargs):
        """A copy, with changes."""
        return ContextDict(**{**self._data, **kwargs})

    def __getitem__(self, key):
        return self._data[key]

    def __setitem__(self, key, value):
        self._data[key] = value

    def __delitem__(self, key):
        del self._data[key]

    def __iter__(self):
        return iter(self._data)

    def __len__(self):
        return len(self._data)


class NamespacedDictWrapper(MutableMapping):
    """A mapping that stands inside another one, at a path of keys."""

    def __init__(self, d, pre_keys):
        self._outer = d
        self.pre_keys = (pre_keys,) if isinstance(pre_keys, str) else tuple(pre_keys)

    def _dict(self):
        inner = self._outer
        for key in self.pre_keys:
            inner = inner.setdefault(key, {})
        return inner

    def __getitem__(self, key):
        return self._dict()[key]

    def __setitem__(self, key, value):
        self._dict()[key] = value

    def __delitem__(self, key):
        del self._dict()[key]

    def __iter__(self):
        return iter(self._dict())

    def __len__(self):
        return len(self._dict())
