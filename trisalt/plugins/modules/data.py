"""A small store of this minion's own: one map, kept in a file over restarts."""

from __future__ import annotations

import ast
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trisalt.errors import CommandError, InvocationError, RemoteProtocolError
from trisalt.fileserver.replace import replacing
from trisalt.wire.codec import pack_bin, unpack_bin


def clear() -> bool:
    """
    Forget everything

    CLI Example:

        salt '*' data.clear
    """
    with _locked():
        try:
            os.unlink(_path())
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise CommandError(f"{_path()} cannot be removed: {exc.strerror}") from exc
    return True


def load() -> dict[str, Any]:
    """
    All that is kept

    CLI Example:

        salt '*' data.load
    """
    try:
        with open(_path(), "rb") as file:
            found = unpack_bin(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, RemoteProtocolError) as exc:
        raise CommandError(f"{_path()} cannot be read: {exc}") from exc
    return found if isinstance(found, dict) else {}


def dump(new_data: Any) -> bool:
    """
    Keep this map, and nothing else

    CLI Example:

        salt '*' data.dump "{'colour': 'blue'}"
    """
    if isinstance(new_data, str):
        try:
            new_data = ast.literal_eval(new_data)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise InvocationError("What is kept is a map, as Python or JSON write it") from None
    if not isinstance(new_data, Mapping):
        raise InvocationError("What is kept is a map")
    with _locked():
        _write(dict(new_data))
    return True


def update(key: str, value: Any) -> bool:
    """
    Keep a value under a key

    CLI Example:

        salt '*' data.update colour blue
    """
    with _changing() as kept:
        kept[key] = value
    return True


def cas(key: str, value: Any, old_value: Any) -> bool:
    """
    Keep a value under a key if what is there is `old_value`: whether it was

    CLI Example:

        salt '*' data.cas colour red blue
    """
    with _changing() as kept:
        if key not in kept or kept[key] != old_value:
            return False
        kept[key] = value
    return True


def pop(key: str, default: Any = None) -> Any:
    """
    Take a value out

    CLI Example:

        salt '*' data.pop colour
    """
    with _changing() as kept:
        return kept.pop(key, default)


def get(key: Any, default: Any = None) -> Any:
    """
    The value of a key, or a list of those of several

    CLI Example:

        salt '*' data.get colour
        salt '*' data.get '[colour, size]'
    """
    kept = load()
    if not isinstance(key, list):
        return kept.get(key, default)
    return [kept.get(one, default) for one in key if one in kept or default is not None]


def keys() -> list[str]:
    """
    The keys under which something is kept

    CLI Example:

        salt '*' data.keys
    """
    return list(load())


def values() -> list[Any]:
    """
    The values that are kept

    CLI Example:

        salt '*' data.values
    """
    return list(load().values())


def items() -> dict[str, Any]:
    """
    All that is kept, by key

    CLI Example:

        salt '*' data.items
    """
    return load()


def has_key(key: str) -> bool:
    """
    Whether something is kept under a key

    CLI Example:

        salt '*' data.has_key colour
    """
    return key in load()


def _path() -> str:
    return os.path.join(__opts__["cachedir"], "datastore")


@contextmanager
def _locked() -> Iterator[None]:
    """One job at a time: two that change the map at once would lose one change."""
    try:
        os.makedirs(__opts__["cachedir"], exist_ok=True)
        lock = os.open(f"{_path()}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as exc:
        raise CommandError(f"{_path()} cannot be locked: {exc.strerror}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def _changing() -> Iterator[dict[str, Any]]:
    """The map, to be changed; written when the block ends, and only if it has changed."""
    with _locked():
        before = load()
        kept = dict(before)
        yield kept
        if kept != before:
            _write(kept)


def _write(kept: dict[str, Any]) -> None:
    try:
        with replacing(_path(), mode=0o600, sync=True) as file:
            file.write(pack_bin(kept))
    except OSError as exc:
        raise CommandError(f"{_path()} cannot be written: {exc.strerror}") from exc
