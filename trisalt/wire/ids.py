"""Minion ids: which names may be an id, and so a file name in the key directory. Standard library only."""

from __future__ import annotations

_MAX_BYTES = 255


def valid_minion_id(id: object) -> bool:
    """Whether `id` may name a minion: text that is one plain file name, without control characters.

    Whatever else it is, it never leaves the directory it is joined to, and never names a hidden file.
    """
    if not isinstance(id, str) or not id or id[0] == ".":
        return False
    if "/" in id or "\\" in id or not id.isprintable():
        return False
    return len(id) * 4 <= _MAX_BYTES or len(id.encode()) <= _MAX_BYTES
