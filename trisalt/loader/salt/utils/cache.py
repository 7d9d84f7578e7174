"""Values that are remembered for a while."""

import functools
import os
import re
import time
from collections.abc import MutableMapping
from pathlib import Path

from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.worker.plain import durable


class CacheDict(MutableMapping):
    """A mapping that forgets each key `ttl` seconds after it was set."""

    def __init__(self, ttl, *args, **kwargs):
        self._ttl, self._data, self._set_at = ttl, {}, {}
        self.update(*args, **kwargs)

    def _fresh(self, key):
        if key in self._data and time.time() - self._set_at[key] > self._ttl:
            del self._data[key], self._set_at[key]
        return key in self._data

    def __getitem__(self, key):
        if not self._fresh(key):
            raise KeyError(key)
        return self._data[key]

    def __setitem__(self, key, value):
        self._data[key], self._set_at[key] = value, time.time()

    def __delitem__(self, key):
        del self._data[key], self._set_at[key]

    def __contains__(self, key):
        return self._fresh(key)

    def __iter__(self):
        return iter([key for key in list(self._data) if self._fresh(key)])

    def __len__(self):
        return len(list(iter(self)))


class CacheDisk(CacheDict):
    """The same, kept in a file."""

    def __init__(self, ttl, path, *args, **kwargs):
        self._path = path
        super().__init__(ttl)
        try:
            with open(path, "rb") as file:
                kept = unpack_bin(file.read())
            self._data, self._set_at = dict(kept["CacheDisk_data"]), dict(kept["CacheDisk_cachetime"])
        except (OSError, KeyError, TypeError, ValueError):
            pass
        self.update(*args, **kwargs)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.store()

    def __delitem__(self, key):
        super().__delitem__(key)
        self.store()

    def store(self):
        """Write the file."""
        folder = os.path.dirname(self._path)
        if folder and not os.path.isdir(folder):
            return
        durable(Path(self._path), pack_bin({"CacheDisk_data": self._data, "CacheDisk_cachetime": self._set_at}))


class CacheFactory:
    """Makes one of them."""

    @classmethod
    def factory(cls, backend, ttl, *args, **kwargs):
        """By its name."""
        if backend == "disk":
            return CacheDisk(ttl, kwargs.pop("minion_cache_path"), *args, **kwargs)
        return CacheDict(ttl, *args, **kwargs)


class CacheRegex:
    """Regular expressions, compiled once."""

    def __init__(self, prepend="", append="", size=1000, keep_fraction=0.8, max_age=3600):
        self._around = (prepend, append)

    def get(self, pattern):
        """A compiled one."""
        return re.compile(f"{self._around[0]}{pattern}{self._around[1]}")


def context_cache(func):
    """Remember in the module's `__context__` what a function gave."""

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        context = func.__globals__.get("__context__")
        if context is None:
            return func(*args, **kwargs)
        key = f"context_cache.{func.__module__}.{func.__name__}:{args!r}{sorted(kwargs.items())!r}"
        if key not in context:
            context[key] = func(*args, **kwargs)
        return context[key]

    return wrapped
