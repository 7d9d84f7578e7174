"""Data that travels: what a plugin returns, made plain; a context, packed; the spool file, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.wire.codec import MAX_DEPTH, pack_bin, unpack_bin
from trisalt.worker.protocol import Context, Outcome

# Levels that envelopes and return loads put around a result.
_MARGIN = 8
DEEPEST = MAX_DEPTH - _MARGIN


def plain(value: Any) -> Any:
    """`value`, if it can be packed and read again; else a copy in which what has no place becomes text.

    Raises LocalProtocolError when that does not help either: it is too large.
    """
    if value is None or value is True or value is False:
        return value
    try:
        unpack_bin(pack_bin(value), max_depth=DEEPEST)
    except (LocalProtocolError, RemoteProtocolError):
        pass
    else:
        return value
    value = _plain(value, DEEPEST)
    try:
        unpack_bin(pack_bin(value), max_depth=DEEPEST)
    except RemoteProtocolError as exc:
        raise LocalProtocolError(str(exc)) from exc
    return value


def packed(value: Any) -> bytes:
    """`value`, or what `plain` makes of it, packed. Raises LocalProtocolError."""
    try:
        data = pack_bin(value)
        unpack_bin(data, max_depth=DEEPEST)
    except (LocalProtocolError, RemoteProtocolError):
        return pack_bin(plain(value))
    return data


def _plain(value: Any, depth: int) -> Any:
    match value:
        case None | bool() | int() | float() | bytes() | date():
            return value
        case str():
            return value.encode("utf-8", "replace").decode() if not value.isascii() else str(value)
        case bytearray() | memoryview():
            return bytes(value)
    if depth <= 1:
        return _text(value)
    match value:
        case Mapping():
            return {_key(key): _plain(item, depth - 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item, depth - 1) for item in value]
    return _text(value)


def _key(key: Any) -> Any:
    return key if isinstance(key, (str, bytes, int, float, type(None))) else _text(key)


def _text(value: Any) -> str:
    try:
        return str(value)[:10_000]
    except Exception:  # an object that cannot even be shown
        return f"<{type(value).__name__}>"


_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


def mark_begun(path: Path, *, synced: bool = False) -> None:
    """Leave a mark that what will be written to `path` has been begun: the file that `durable` writes beside it.

    `synced`: over a power cut, too.
    """
    fd = os.open(path.with_name(f".{path.name}.new"), _WRITE, 0o600)
    try:
        if synced:
            os.fsync(fd)
    finally:
        os.close(fd)
    if synced:
        _sync_folder(path.parent)


def durable(path: Path, data: bytes) -> None:
    """Write a file so that, whatever happens, it is there as a whole or not at all. Only its owner may read it."""
    fresh = path.with_name(f".{path.name}.new")
    fd = os.open(fresh, _WRITE, 0o600)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(fresh, path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def pack_context(context: Context) -> dict[str, bytes]:
    """The parts of a context, each packed by itself, so that what has not changed is not sent again."""
    parts = {name: _pack(dict(getattr(context, name))) for name in ("opts", "grains", "pillar", "environ")}
    return parts | {"version": _pack(context.version)}


def read_outcome(spool: Path) -> Outcome | None:
    """The outcome in a spool file; None when there is none, or no whole one."""
    try:
        load = unpack_bin(spool.read_bytes())
    except (OSError, RemoteProtocolError):
        return None
    if not isinstance(load, dict) or "return" not in load:
        return None
    return Outcome(
        result=load["return"],
        retcode=load.get("retcode", 0),
        success=load.get("success", True),
        out=load.get("out"),
        spooled=True,
    )


def _pack(part: object) -> bytes:
    try:
        return pack_bin(part)
    except LocalProtocolError:
        return pack_bin(plain(part))
