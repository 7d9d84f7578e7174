"""Kept versions of files, as stock Salt lays them out: `<root>/<path>_<time>` for each file that states replace.

`root` is `file_backup` in the minion's cache.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from trisalt.plugins.utils import filesys

_NAMED = "%a_%b_%d_%H:%M:%S_%f_%Y"
_SHOWN = "%a %b %d %Y %H:%M:%S.%f"


def keep(root: str, path: str) -> str:
    """Keep the version of a file that is there now; where it is."""
    path = os.path.realpath(path)
    place = f"{_place(root, path)}_{datetime.now().strftime(_NAMED)}"
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    filesys.copy_same(path, place)
    return place


def versions(root: str, path: str, limit: Any = None) -> dict[int, dict[str, Any]]:
    """The versions of a file, the newest first, by number: when, where, and how large."""
    place = _place(root, os.path.realpath(path))
    found = []
    try:
        names = os.listdir(os.path.dirname(place))
    except OSError:
        return {}
    prefix = f"{os.path.basename(place)}_"
    for name in names:
        if name.startswith(prefix):
            try:
                when = datetime.strptime(name[len(prefix) :], _NAMED)
            except ValueError:
                continue  # another file, whose name begins alike
            found.append((when, os.path.join(os.path.dirname(place), name)))
    found.sort(reverse=True)
    return {
        number: {"Backup Time": when.strftime(_SHOWN), "Size": os.stat(file).st_size, "Location": file}
        for number, (when, file) in enumerate(found[: _number(limit)])
    }


def below(root: str, path: str, limit: Any = None) -> dict[str, dict[int, dict[str, Any]]]:
    """The versions of each file of a directory, by the file's name."""
    folder = os.path.realpath(path if os.path.isdir(path) else os.path.dirname(path))
    try:
        names = os.listdir(_place(root, folder))
    except OSError:
        return {}
    files = set()
    for name in names:
        # A time has six parts, with an underscore before each.
        parts = name.rsplit("_", 6)
        if len(parts) == 7:
            files.add(parts[0])
    found = {name: versions(root, os.path.join(folder, name), limit) for name in sorted(files)}
    return {name: kept for name, kept in found.items() if kept}


def _place(root: str, path: str) -> str:
    return os.path.join(root, os.path.abspath(path).lstrip("/"))


def _number(limit: Any) -> int | None:
    try:
        return int(limit)
    except (TypeError, ValueError):
        return None
