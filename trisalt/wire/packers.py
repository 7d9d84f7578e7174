"""msgpack's packers, used again: to make one takes as long as what it packs, mostly. For `codec` and `frames`."""

from __future__ import annotations

import msgpack

from trisalt.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:  # thin commands pack frames: see there
    from typing import Any

# A packer keeps the memory of the largest thing that it has packed: one that has packed more bytes is not used again.
KEPT = 64 * 1024
# The C part, and what Python makes of what it is given.
_ERRORS = (ValueError, TypeError, OverflowError, RecursionError, msgpack.PackException)


class Packers:
    """Packs with msgpack's `options`, in any thread: each packer is at work for one caller at a time."""

    __slots__ = ("_options", "_spare")

    def __init__(self, **options: Any) -> None:
        self._options = options
        # As many as were at work at once, which is as many as there are threads that pack.
        self._spare: list[msgpack.Packer] = []

    def pack(self, obj: object) -> bytes:
        """`obj`, packed. Raises LocalProtocolError when it cannot be; a packer that failed is not used again."""
        try:
            packer = self._spare.pop()
        except IndexError:
            packer = msgpack.Packer(**self._options)
        try:
            packed: bytes = packer.pack(obj)
        except _ERRORS as error:
            raise LocalProtocolError(f"cannot be packed: {error}") from error
        if len(packed) <= KEPT:
            self._spare.append(packer)
        return packed
