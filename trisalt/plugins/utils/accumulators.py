"""Texts that states gather for a file of the same run, in the cache of the minion.

Used by `file.accumulated`, and by the states that write such a file.
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.fileserver.replace import replacing
from trisalt.wire.codec import pack_bin, unpack_bin


def gathered(run: str, filename: str) -> dict[str, list[Any]]:
    """`{accumulator: [text, …]}` of a file."""
    return dict(_read(run).get(filename, {}))


def gather(run: str, filename: str, name: str, texts: list[Any]) -> list[Any]:
    """Add texts that are not there yet; those that were added."""
    known = _read(run)
    there = known.setdefault(filename, {}).setdefault(name, [])
    added = [text for text in texts if text not in there]
    there += added
    if added:
        path = _path(run)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with replacing(path, mode=0o600) as file:
            file.write(pack_bin(known))
    return added


def _path(run: str) -> str:
    # A run names itself; what it says is no path.
    return os.path.join(__opts__["cachedir"], "accumulator", os.path.basename(str(run)) or "run")


def _read(run: str) -> dict[str, Any]:
    try:
        with open(_path(run), "rb") as file:
            return dict(unpack_bin(file.read()))
    except FileNotFoundError:
        return {}
