"""Names that peers choose and that become file names here: minion ids, and jids. Standard library only."""

from __future__ import annotations

_MAX_BYTES = 255


def plain_name(value: object) -> bool:
    """Whether `value` is text that names one plain file: not hidden, no separators, no control characters.

    Whatever else it is, it never leaves the directory it is joined to.
    """
    if not isinstance(value, str) or not value or value[0] == ".":
        return False
    if "/" in value or "\\" in value or not value.isprintable():
        return False
    return len(value) * 4 <= _MAX_BYTES or len(value.encode()) <= _MAX_BYTES


def valid_minion_id(id: object) -> bool:
    """Whether `id` may name a minion: its key is a file of that name."""
    return plain_name(id)
