"""
Find files, and tell how much room there is: the part of the shelf `file` that looks at many at once.
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import filefind
from trisalt.plugins.utils.filesys import expand, told

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


@told
def find(path: str, *args: Any, **kwargs: Any) -> list[Any] | str:
    """
    Find what is below a path, or below each path that a glob names

    What is found fulfils all of these: `name`, `iname` (globs), `regex`, `iregex` (from the beginning of the name),
    `type` (letters of `bcdflps`; a link to a file is a file too), `owner`, `group`, `size` (`[+-]N[bkmgt]`),
    `mtime` (`[+-]1w2d3h4m5s` ago, `-` for since), `grep` (a line of the file), `mindepth` and `maxdepth`.

    Then `print` tells fields of it (of `group,md5,mode,mtime,name,path,size,type,user`), `exec` runs a command with
    the path for each `{}`, and `delete` removes what is of these types: directories with what is in them.

    CLI Example:

    .. code-block:: bash

        salt '*' file.find / type=f name=\\*.bak size=+10m
        salt '*' file.find /var mtime=+30d size=+10m print=path,size,mtime
        salt '*' file.find /var/log name=\\*.[0-9] mtime=+30d size=+10m delete=f
    """
    options = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    try:
        return filefind.Finder(options).find(expand(path))
    except filefind.Wrong as exc:
        __context__["retcode"] = 1
        return f"error: {exc}"


@told
def diskusage(path: str) -> int:
    """
    How many bytes the files below a path hold, each file once

    CLI Example:

    .. code-block:: bash

        salt '*' file.diskusage /path/to/check
    """
    path = expand(path)
    if not os.path.isdir(path):
        return os.stat(path).st_size if os.path.exists(path) else 0
    total, seen = 0, set()
    for top, _folders, names in os.walk(path):
        for name in names:
            try:
                info = os.stat(os.path.join(top, name))
            except OSError:
                continue
            if (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size
    return total


@told
def statvfs(path: str) -> dict[str, int]:
    """
    What the file system of a path says of itself

    CLI Example:

    .. code-block:: bash

        salt '*' file.statvfs /path/to/file
    """
    path = expand(path)
    try:
        found = os.statvfs(path)
    except OSError as exc:
        raise CommandError(f"Could not statvfs '{path}'") from exc
    names = ("bavail", "bfree", "blocks", "bsize", "favail", "ffree", "files", "flag", "frsize", "namemax")
    return {f"f_{name}": getattr(found, f"f_{name}") for name in names}


@told
def open_files(by_pid: bool = False) -> dict[Any, list[Any]]:
    """
    The files that processes hold open, and which do; with `by_pid` the processes, and which files each holds

    CLI Example:

    .. code-block:: bash

        salt '*' file.open_files
        salt '*' file.open_files by_pid=True
    """
    pids: dict[int, list[str]] = {}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            numbers = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue  # it has ended, or is nobody's business
        held = {_held(f"/proc/{pid}/fd/{number}") for number in numbers}
        pids[pid] = sorted(path for path in held if os.path.isabs(path) and os.path.exists(path))
    if by_pid:
        return pids
    files: dict[Any, list[Any]] = {}
    for pid, paths in pids.items():
        for path in paths:
            files.setdefault(path, []).append(pid)
    return files


def _held(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # it has been closed meanwhile
