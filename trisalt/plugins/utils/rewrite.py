"""Replace a file whole: written beside, then renamed, with the owner, mode and attributes of what was there; and one
job at a time where a file is read first and written then.

Used by the plugins that keep text files of the host's. `file`, which writes bytes, and devices too, has
`filesys.put`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from trisalt.errors import CommandError
from trisalt.fileserver.replace import replacing


def read(path: str) -> str | None:
    """The text of a file, or None when there is none. Raises CommandError when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise CommandError(f"Unable to read {path}: {exc.strerror}") from exc


def replace(path: str, text: str, *, mode: int | None = None, owner: tuple[int, int] | None = None) -> None:
    """Give a file this text. `mode` and `owner` (uid, gid) are for a new file and, where given, for an old one.

    Raises CommandError when it cannot be written.
    """
    # A new file is its owner's to write and everybody's to read, unless something else is asked for.
    try:
        fresh = mode is None and not os.path.exists(path)
        with replacing(path, mode=0o644 if fresh else mode, owner=owner, anew=True, sync=True) as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    except OSError as exc:
        raise CommandError(f"Unable to write {path}: {exc.strerror}") from exc


@contextmanager
def locked(what: str) -> Iterator[None]:
    """Be the only job of this minion that changes what is named, for as long as that takes."""
    folder = os.path.join(__opts__["cachedir"], "locks")
    name = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        # Who may not write to the cache is no job of the minion's, and changes what is their own.
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
