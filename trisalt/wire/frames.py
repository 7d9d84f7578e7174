"""Frames of the local door and of stock's two event sockets.

Thin commands use this, so nothing heavy is imported. The door and the pull socket frame alike: four bytes of
big-endian length, then one msgpack map with bin types on. The pub socket is a bare stream of such maps.
Source of the event sockets' framing: stock Salt 3008.3.
"""

from __future__ import annotations

import struct
from datetime import date, datetime

import msgpack

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.wire.bulk import holds_more
from trisalt.wire.packers import Packers

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

MAX_FRAME = 128 * 1024 * 1024
MAX_DEPTH = 128
# Values in all maps and lists of one frame together.
MAX_ITEMS = 4_000_000

_LENGTH = struct.Struct(">I")
_TAG_END = b"\n\n"
TRIMMED = "VALUE_TRIMMED"
_EXT_DATE = 78
_DATE_FORMAT = "%Y%m%dT%H:%M:%S.%f"
_SCAN_FROM = 1024
_DECODE_ERRORS = (ValueError, TypeError, OverflowError, msgpack.UnpackException)


def pack_frame(message: dict[str, Any]) -> bytes:
    """One frame of the local door: length and map. Raises LocalProtocolError if it cannot be packed."""
    packed = _PACKERS.pack(message)
    return _LENGTH.pack(len(packed)) + packed


class FrameDecoder:
    """Cuts a byte stream into the maps of its frames. For the local door, and for the pull socket."""

    def __init__(self, max_size: int = MAX_FRAME) -> None:
        self._max_size = max_size
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The maps that are complete now. Raises RemoteProtocolError, after which the stream is lost."""
        self._buffer += data
        messages = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, start)
            if size > self._max_size:
                raise RemoteProtocolError(f"a frame of {size} bytes, when {self._max_size} are allowed")
            end = start + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            messages.append(_unpack_map(bytes(self._buffer[start + _LENGTH.size : end])))
            start = end
        del self._buffer[:start]
        return messages

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their frame: not 0 at the end of a stream means it was cut."""
        return len(self._buffer)


class StreamDecoder:
    """Cuts the pub socket's stream of bare maps `{"head", "body"}` into their bodies."""

    def __init__(self, max_size: int = MAX_FRAME) -> None:
        self._unpacker = msgpack.Unpacker(
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogateescape",
            max_buffer_size=max_size,
            ext_hook=_decode_ext,
        )

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that are complete now. Raises RemoteProtocolError, after which the stream is lost."""
        try:
            self._unpacker.feed(data)
            return [body_of(message) for message in self._unpacker]
        except _DECODE_ERRORS as error:
            raise RemoteProtocolError("no stream of events") from error


# -- events --------------------------------------------------------------------------------------------------------


def pack_event(tag: str, data: dict[str, Any], *, max_size: int = 0) -> bytes:
    """An event's body: tag, two newlines, map. With `max_size`, values too large are replaced by VALUE_TRIMMED."""
    return join_event(tag, pack_data(data, max_size=max_size))


def join_event(tag: str, packed: bytes) -> bytes:
    """The same of a map that is packed already."""
    return tag.encode("utf-8", "surrogateescape") + _TAG_END + packed


def pack_data(data: dict[str, Any], *, max_size: int = 0) -> bytes:
    """An event's map alone, likewise."""
    packed = _PACKERS.pack(data)
    limit = max_size
    while max_size and len(packed) > max_size and limit > len(TRIMMED):
        limit //= 2
        trimmed, largest = _trim(data, limit, max_size)
        packed = _PACKERS.pack(trimmed)
        # Nothing that stayed is larger than this: below it the next try begins.
        limit = min(limit, largest)
    return packed


def split_event(body: bytes) -> tuple[str, dict[str, Any]]:
    """Tag and map of an event's body. Raises RemoteProtocolError."""
    tag, end, packed = body.partition(_TAG_END)
    if not end:
        raise RemoteProtocolError("an event without a tag")
    try:
        return tag.decode(), _unpack_map(packed)
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("an event whose tag is no text") from error


def pack_pull(body: bytes) -> bytes:
    """What is written to the pull socket for one event body."""
    return pack_frame({"head": {}, "body": body})


def pack_pub(body: bytes) -> bytes:
    """What readers of the pub socket get for one event body."""
    return _PACKERS.pack({"head": {}, "body": body})


def body_of(message: dict[str, Any]) -> bytes:
    """The event body in a map of the pull or the pub socket. Raises RemoteProtocolError."""
    body = message.get("body") if isinstance(message, dict) else None
    if isinstance(body, str):
        # A writer without bin types.
        body = body.encode("utf-8", "surrogateescape")
    if not isinstance(body, bytes):
        raise RemoteProtocolError("a frame without an event")
    return body


def _trim(data: dict[str, Any], limit: int, most: int) -> tuple[dict[str, Any], int]:
    """The map without what is larger than `limit`, and how large the largest is that stayed.

    A map of so many entries that they would be more than `most` without their values goes as a whole.
    """
    trimmed, largest = {}, 0
    for key, value in data.items():
        size = len(_PACKERS.pack(value))
        if size > limit and isinstance(value, dict) and len(value) * len(TRIMMED) <= most:
            value, size = _trim(value, limit, most)
        elif size > limit:
            value, size = TRIMMED, 0
        trimmed[key] = value
        largest = max(largest, size)
    return trimmed, largest


# -- msgpack -------------------------------------------------------------------------------------------------------


def _encode_other(obj: Any) -> object:
    if isinstance(obj, int):
        return str(obj)
    if isinstance(obj, (set, frozenset)):
        return list(obj)
    if isinstance(obj, date):
        return msgpack.ExtType(_EXT_DATE, obj.strftime(_DATE_FORMAT).encode())
    if hasattr(obj, "keys"):
        return dict(obj)
    raise LocalProtocolError(f"{type(obj).__name__} has no place on the wire")


_PACKERS = Packers(use_bin_type=True, default=_encode_other, unicode_errors="surrogateescape")


def unpack_value(data: bytes) -> Any:
    """What somebody packed, and several frames brought. Raises RemoteProtocolError."""
    value = _unpack(data)
    _check_depth([value])
    return value


def _unpack_map(data: bytes) -> dict[str, Any]:
    message = _unpack(data)
    if not isinstance(message, dict):
        raise RemoteProtocolError("a frame that holds no map")
    # A level takes a byte.
    if len(data) > MAX_DEPTH:
        _check_depth(message)
    return message


def _unpack(data: bytes) -> Any:
    try:
        if len(data) >= _SCAN_FROM:
            # A header may claim any length: see that it is there before memory is set aside for it.
            scan = msgpack.Unpacker(max_buffer_size=len(data))
            scan.feed(data)
            scan.skip()
            if len(data) > MAX_ITEMS and holds_more(data, MAX_ITEMS):
                raise RemoteProtocolError(f"more than {MAX_ITEMS} values")
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogateescape",
            timestamp=1,
            ext_hook=_decode_ext,
        )
    except _DECODE_ERRORS as error:
        raise RemoteProtocolError("no msgpack, or not the whole of it") from error


def _check_depth(message: dict[str, Any] | list[Any]) -> None:
    level: list[Any] = [message]
    for _ in range(MAX_DEPTH):
        level = [
            value
            for container in level
            for value in (container.values() if type(container) is dict else container)
            if type(value) is dict or type(value) is list
        ]
        if not level:
            return
    raise RemoteProtocolError(f"nested deeper than {MAX_DEPTH}")


def _decode_ext(code: int, data: bytes) -> Any:
    return datetime.strptime(data.decode(), _DATE_FORMAT) if code == _EXT_DATE else data
