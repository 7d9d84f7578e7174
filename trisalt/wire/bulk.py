"""How many values a packed object holds, without making it: each costs up to a hundred times its byte on the wire.

For `codec` and `frames`, of what is large.
"""

from __future__ import annotations

import msgpack

TYPE_CHECKING = False
if TYPE_CHECKING:  # thin commands read frames: see there
    from typing import Any

_ERRORS = (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException)


def holds_more(data: bytes, most: int) -> bool:
    """Whether all maps and lists of `data` hold more than `most` values together; also when nobody can tell."""
    left = most

    def count(container: list[Any] | tuple[Any, ...]) -> None:
        # Nothing is kept of it.
        nonlocal left
        left -= len(container)
        if left < 0:
            raise ValueError("enough")

    try:
        msgpack.unpackb(
            data,
            raw=True,
            strict_map_key=False,
            timestamp=1,
            max_array_len=most,
            max_map_len=most,
            list_hook=count,
            object_pairs_hook=count,
            ext_hook=lambda _code, _data: None,
        )
    except _ERRORS:
        return True
    return False
