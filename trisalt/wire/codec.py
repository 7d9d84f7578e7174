"""MessagePack as Salt speaks it.

On the two network ports text and bytes share the old raw family; what comes in becomes text where it is UTF-8 and
stays bytes elsewhere. On local sockets and in files the bin types are on. Envelopes are `envelope`'s.

Text that is not Unicode (a file name on a POSIX host, read with `surrogateescape`) travels as the bytes it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgpack

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.wire.bulk import holds_more
from trisalt.wire.packers import Packers

MAX_SIZE = 128 * 1024 * 1024
MAX_DEPTH = 128
# Values in all maps and lists of one object together: each may cost a hundred times the byte that it is on the wire.
MAX_ITEMS = 4_000_000

_EXT_DATE = 78
_EXT_CONSTANT = 79
LONGEST_CONSTANT = 1024
_DATE_FORMAT = "%Y%m%dT%H:%M:%S.%f"
# What an array or a map begins with: fixmap, fixarray, array 16 and 32, map 16 and 32.
_CONTAINERS = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0)])
# From this size on the structure is walked before any memory is set aside for it: a header may claim any length.
_SCAN_FROM = 1024

# The C part, and what Python makes of its findings: unhashable keys, numbers out of range, and its own.
_DECODE_ERRORS = (ValueError, TypeError, OverflowError, msgpack.UnpackException)


def pack(obj: object) -> bytes:
    """The network encoding. Sets become arrays, dates ext 78, integers beyond 64 bits decimal text.

    Raises LocalProtocolError for an object that has no place on the wire (a Secret, for one).
    """
    return _WIRE.pack(obj)


def pack_bin(obj: object) -> bytes:
    """The local encoding: text and bytes told apart. Raises LocalProtocolError as `pack` does."""
    return _LOCAL.pack(obj)


def unpack(data: bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> Any:
    """What `data` from the network says, raw strings as text where they are UTF-8, else as bytes.

    Raises RemoteProtocolError for anything that is not one whole object within the limits.
    """
    if len(data) >= _SCAN_FROM or len(data) > max_size:
        _check_size(data, max_size, max_items)
    try:
        obj = msgpack.unpackb(data, raw=False, strict_map_key=True, timestamp=1, ext_hook=_decode_ext)
    except _DECODE_ERRORS:
        # Rare: binary fields, keys that are no text, or garbage.
        obj = _unpack_slowly(data, raw=False, unicode_errors="surrogateescape")
        _check_depth(obj, data, max_depth)
        return _restore_bytes(obj)
    if len(data) > max_depth:
        # A level takes a byte.
        _check_depth(obj, data, max_depth)
    return obj


def unpack_raw(data: bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> Any:
    """The same with every string, map keys too, left as bytes."""
    if len(data) >= _SCAN_FROM or len(data) > max_size:
        _check_size(data, max_size, max_items)
    try:
        obj = msgpack.unpackb(data, raw=True, strict_map_key=True, timestamp=1, ext_hook=_decode_ext)
    except _DECODE_ERRORS:
        obj = _unpack_slowly(data, raw=True)
    if len(data) > max_depth:
        _check_depth(obj, data, max_depth)
    return obj


def unpack_bin(data: bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Any:
    """What `data` from a local socket or a file says. Raises RemoteProtocolError."""
    return unpack(data, max_size=max_size, max_depth=max_depth)


def repacked(data: bytes) -> bytes:
    """What `pack_bin` makes of what `data` says: itself, where it made that, and there are no strings but Unicode."""
    try:
        msgpack.unpackb(data, raw=False, strict_map_key=True, timestamp=1)
    except _DECODE_ERRORS:
        return pack_bin(unpack_bin(data))
    return data


def to_bytes(value: object) -> bytes:
    """A binary field that may have come out as text by accident, as the bytes it was.

    Raises RemoteProtocolError for anything else.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    raise RemoteProtocolError(f"a binary field holds {type(value).__name__}")


# -- out -----------------------------------------------------------------------------------------------------------


def _encode_other(obj: object) -> object:
    """What msgpack itself does not know. Source: stock Salt 3008.3's payload encoding."""
    match obj:
        case int():
            return str(obj)
        case set() | frozenset():
            return list(obj)
        case datetime() | date():
            return msgpack.ExtType(_EXT_DATE, obj.strftime(_DATE_FORMAT).encode())
        case Mapping():
            return dict(obj)
    raise LocalProtocolError(f"{type(obj).__name__} has no place on the wire")


_WIRE = Packers(use_bin_type=False, default=_encode_other, unicode_errors="surrogateescape")
_LOCAL = Packers(use_bin_type=True, default=_encode_other, unicode_errors="surrogateescape")


# -- in ------------------------------------------------------------------------------------------------------------


def _check_size(data: bytes, max_size: int, max_items: int) -> None:
    if len(data) > max_size:
        raise RemoteProtocolError(f"{len(data)} bytes, when {max_size} are allowed")
    scan = msgpack.Unpacker(max_buffer_size=len(data))
    try:
        scan.feed(data)
        scan.skip()
    except _DECODE_ERRORS as error:
        raise RemoteProtocolError("no msgpack, or not the whole of it") from error
    # A value takes a byte.
    if len(data) > max_items and holds_more(data, max_items):
        raise RemoteProtocolError(f"more than {max_items} values")


def _unpack_slowly(data: bytes, **options: Any) -> Any:
    try:
        return msgpack.unpackb(data, strict_map_key=False, timestamp=1, ext_hook=_decode_ext, **options)
    except _DECODE_ERRORS as error:
        raise RemoteProtocolError("no msgpack, or not the whole of it") from error


def _check_depth(obj: object, data: bytes, max_depth: int) -> None:
    """msgpack itself stops at 1024 levels; this holds the limit proper, before anything here recurses."""
    # A level takes a byte that says so. Mostly there are fewer of those than levels are allowed, wherever they stand.
    if len(data) - len(data.translate(None, _CONTAINERS)) <= max_depth:
        return
    level = [obj] if type(obj) is dict or type(obj) is list else []
    for _ in range(max_depth):
        level = [
            value
            for container in level
            for value in (container.values() if type(container) is dict else container)
            if type(value) is dict or type(value) is list
        ]
        if not level:
            return
    raise RemoteProtocolError(f"nested deeper than {max_depth}")


def _restore_bytes(value: Any) -> Any:
    """Undo the escape: a string that was not UTF-8 becomes the bytes it was."""
    if type(value) is str:
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogateescape")
        return value
    if type(value) is dict:
        return {_restore_bytes(key): _restore_bytes(item) for key, item in value.items()}
    if type(value) is list:
        return [_restore_bytes(item) for item in value]
    return value


def _decode_ext(code: int, data: bytes) -> Any:
    if code == _EXT_DATE:
        return datetime.strptime(data.decode(), _DATE_FORMAT)
    if code == _EXT_CONSTANT:
        # A named constant of stock's: only its value means anything here.
        if len(data) > LONGEST_CONSTANT:
            raise ValueError("no constant is as long")
        _name, value = msgpack.unpackb(data, raw=False)
        return value
    return data
