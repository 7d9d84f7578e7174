"""Templates' code on disk, so that the next job need not compile them: by what they are made of, and by nothing else.
And what long SLS files said, by their path: only the newest of each, and of use as long as its text is the same.

The folder is in the cache of whoever renders, which holds code of the site as well (`extmods`), and is its owner's
alone. What is damaged, or of another version, is compiled anew.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import sys
import tempfile
from contextlib import suppress
from typing import Any

from trisalt import __version__

MOST = 2000
"""So many files are kept; beyond that the half that was written first goes."""

_SUM = 32


def key_of(*parts: object) -> str:
    """The name of what is made of `parts`, by this version of Python and of ours."""
    made = repr((sys.implementation.cache_tag, __version__, *parts))
    return hashlib.sha256(made.encode("utf-8", "surrogatepass")).hexdigest()


def fetch(folder: str, key: str) -> Any:
    """What is kept under a name: code, or data; None when it is not there or not whole."""
    try:
        if not _is_ours(folder):
            return None
        with open(os.path.join(folder, key), "rb") as file:
            data = file.read()
        if hashlib.sha256(data[_SUM:]).digest() != data[:_SUM]:
            return None
        return marshal.loads(data[_SUM:])  # noqa: S302 - our own, in a folder that is ours alone
    except (OSError, ValueError, EOFError, TypeError):
        return None


def keep(folder: str, key: str, value: Any) -> None:
    """Keep code or data under a name; where that cannot be done, it is not kept."""
    with suppress(OSError, ValueError):
        data = marshal.dumps(value)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not _is_ours(folder):
            return
        handle, path = tempfile.mkstemp(dir=folder)
        try:
            with open(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.replace(path, os.path.join(folder, key))
        except OSError:
            os.unlink(path)
            raise
        _shrink(folder)


def _is_ours(folder: str) -> bool:
    """Whether nobody else may put something there. Raises OSError when it is not there."""
    status = os.lstat(folder)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _shrink(folder: str) -> None:
    names = os.listdir(folder)
    if len(names) <= MOST:
        return
    paths = [os.path.join(folder, name) for name in names]
    for path in sorted(paths, key=lambda path: os.stat(path).st_mtime)[: len(paths) // 2]:
        os.unlink(path)
