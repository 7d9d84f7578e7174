"""Frames of the local door and of stock's two event sockets.

Thin commands use this, so nothing heavy is imported. The door and the pull socket frame alike: four bytes of
big-endian length, then one msgpack map with bin types on. The pub socket is a bare stream of such maps.
"""

from __future__ import annotations

from typing import Any

MAX_FRAME = 128 * 1024 * 1024


def pack_frame(message: dict[str, Any]) -> bytes:
    """One frame of the local door: length and map. Raises LocalProtocolError if it cannot be packed."""
    raise NotImplementedError


class FrameDecoder:
    """Cuts a byte stream into the maps of its frames. For the local door, and for the pull socket."""

    def __init__(self, max_size: int = MAX_FRAME) -> None:
        raise NotImplementedError

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The maps that are complete now. Raises RemoteProtocolError, after which the stream is lost."""
        raise NotImplementedError

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their frame: not 0 at the end of a stream means it was cut."""
        raise NotImplementedError


class StreamDecoder:
    """Cuts the pub socket's stream of bare maps `{"head", "body"}` into their bodies."""

    def __init__(self, max_size: int = MAX_FRAME) -> None:
        raise NotImplementedError

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that are complete now. Raises RemoteProtocolError, after which the stream is lost."""
        raise NotImplementedError


def pack_event(tag: str, data: dict[str, Any], *, max_size: int = 0) -> bytes:
    """An event's body: tag, two newlines, map. With `max_size`, values too large are replaced by VALUE_TRIMMED."""
    raise NotImplementedError


def split_event(body: bytes) -> tuple[str, dict[str, Any]]:
    """Tag and map of an event's body. Raises RemoteProtocolError."""
    raise NotImplementedError


def pack_pull(body: bytes) -> bytes:
    """What is written to the pull socket for one event body."""
    raise NotImplementedError


def pack_pub(body: bytes) -> bytes:
    """What readers of the pub socket get for one event body."""
    raise NotImplementedError


def body_of(message: dict[str, Any]) -> bytes:
    """The event body in a map that came over the pull socket. Raises RemoteProtocolError."""
    raise NotImplementedError
