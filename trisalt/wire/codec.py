"""MessagePack as Salt speaks it.

On the two network ports text and bytes share the old raw family; what comes in becomes text where it is UTF-8 and
stays bytes elsewhere. On local sockets and in files the bin types are on. Envelopes are `envelope`'s.
"""

from __future__ import annotations

from typing import Any

MAX_SIZE = 128 * 1024 * 1024
MAX_DEPTH = 128


def pack(obj: object) -> bytes:
    """The network encoding. Sets become arrays, dates ext 78, integers beyond 64 bits decimal text.

    Raises LocalProtocolError for an object that has no place on the wire (a Secret, for one).
    """
    raise NotImplementedError


def unpack(data: bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Any:
    """What `data` from the network says, raw strings as text where they are UTF-8, else as bytes.

    Raises RemoteProtocolError for anything that is not one whole object within the limits.
    """
    raise NotImplementedError


def unpack_raw(data: bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Any:
    """The same with every string, map keys too, left as bytes."""
    raise NotImplementedError


def pack_bin(obj: object) -> bytes:
    """The local encoding: text and bytes told apart. Raises LocalProtocolError as `pack` does."""
    raise NotImplementedError


def unpack_bin(data: bytes, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Any:
    """What `data` from a local socket or a file says. Raises RemoteProtocolError."""
    raise NotImplementedError


def to_bytes(value: object) -> bytes:
    """A binary field that may have come out as text by accident, as the bytes it was.

    Raises RemoteProtocolError for anything else.
    """
    raise NotImplementedError
