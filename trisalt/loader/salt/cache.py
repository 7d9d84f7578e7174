"""Banks of data, in the files of a cache folder."""

import os
import shutil
from pathlib import Path

from salt.exceptions import SaltCacheError

from trisalt.errors import RemoteProtocolError
from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.wire.ids import plain_name
from trisalt.worker.plain import durable


class Cache:
    """`bank/key` to a value, each a file below `cachedir`."""

    def __init__(self, opts, cachedir=None, **kwargs):
        self._root = Path(cachedir or opts["cachedir"])

    def _folder(self, bank):
        parts = str(bank).strip("/").split("/")
        if not all(plain_name(part) for part in parts):
            raise SaltCacheError(f"{bank!r} names no bank")
        return self._root.joinpath(*parts)

    def _file(self, bank, key):
        if not plain_name(key):
            raise SaltCacheError(f"{key!r} names no key")
        return self._folder(bank) / f"{key}.p"

    def store(self, bank, key, data, expires=None):
        """Keep a value."""
        path = self._file(bank, key)
        os.makedirs(path.parent, mode=0o700, exist_ok=True)
        durable(path, pack_bin(data))

    def fetch(self, bank, key):
        """A value; `{}` where there is none."""
        try:
            return unpack_bin(self._file(bank, key).read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, RemoteProtocolError) as exc:
            raise SaltCacheError(f"There was an error reading the cache bank {bank}, key {key}: {exc}") from exc

    def updated(self, bank, key):
        """When a value was kept, in seconds; None where there is none."""
        try:
            return int(self._file(bank, key).stat().st_mtime)
        except FileNotFoundError:
            return None

    def list(self, bank):
        """The keys and banks of a bank."""
        folder = self._folder(bank)
        if not folder.is_dir():
            return []
        return sorted({path.name.removesuffix(".p") for path in folder.iterdir() if not path.name.startswith(".")})

    def contains(self, bank, key=None):
        """Whether there is a bank, or a value in it."""
        return self._folder(bank).is_dir() if key is None else self._file(bank, key).is_file()

    def flush(self, bank, key=None):
        """Forget a value, or a whole bank."""
        if key is not None:
            self._file(bank, key).unlink(missing_ok=True)
        elif self._folder(bank).is_dir():
            shutil.rmtree(self._folder(bank))

    def cache(self, bank, key, fun, loop_fun=None, **kwargs):
        """A value; what `fun` gives where there is none, which is kept."""
        found = self.fetch(bank, key)
        if not found:
            found = fun(**kwargs)
            found = [loop_fun(item) for item in found] if loop_fun is not None else found
            self.store(bank, key, found)
        return found


def factory(opts, **kwargs):
    """A cache."""
    return Cache(opts, **kwargs)
