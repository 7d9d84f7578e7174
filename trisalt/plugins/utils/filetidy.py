"""Which files below a directory are old or large enough to go.

Used by `file.tidied`.
"""

from __future__ import annotations

import os
import re
import stat
import time
from typing import Any

from trisalt.errors import InvocationError

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgtp]?)", re.IGNORECASE)
_CLOCKS = {"atime": "st_atime", "mtime": "st_mtime", "ctime": "st_ctime"}


def candidates(
    top: str,
    *,
    age: Any,
    matches: Any,
    rmdirs: bool,
    size: Any,
    exclude: Any,
    full_path: bool,
    follow: bool,
    clock: str,
    both: bool,
    only: str | None,
    links: bool,
) -> list[str]:
    """The paths, what is below a directory before it. `age` is in days, `size` in bytes or with a unit.

    A file goes that is old or large enough, with `both` old and large; `only` asks one of the two. Raises
    InvocationError.
    """
    wanted = [re.compile(str(pattern)) for pattern in (matches or [".*"])]
    unwanted = [re.compile(str(pattern)) for pattern in (exclude or [])]
    most, days = _bytes(size), float(age)
    when = _CLOCKS.get(clock, "st_atime")
    now = time.time()
    found: list[str] = []
    for folder, folders, files in os.walk(top, topdown=False, followlinks=follow):
        is_link = {each: os.path.islink(os.path.join(folder, each)) for each in folders}
        for name in [*files, *(each for each in folders if is_link[each] or rmdirs)]:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            if stat.S_ISLNK(info.st_mode) and not links:
                continue
            text = path if full_path else name
            if not any(pattern.match(text) for pattern in wanted) or any(pattern.match(text) for pattern in unwanted):
                continue
            is_old = (now - getattr(info, when)) / 86400 >= days
            judged = {"age": is_old, "size": info.st_size >= most}
            if stat.S_ISDIR(info.st_mode):
                goes = is_old and _is_left_empty(path, found)
            elif only in judged:
                goes = judged[only]
            else:
                goes = all(judged.values()) if both else any(judged.values())
            if goes:
                found.append(path)
    return found


def _is_left_empty(folder: str, going: list[str]) -> bool:
    return set(os.listdir(folder)) <= {os.path.basename(path) for path in going if os.path.dirname(path) == folder}


def _bytes(size: Any) -> float:
    match = _SIZE.fullmatch(str(size).strip())
    if match is None:
        raise InvocationError(f"{size!r} is no size")
    return float(match[1]) * _UNITS[match[2].lower()]
