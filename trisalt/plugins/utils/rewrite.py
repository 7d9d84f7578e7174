"""Replace a file whole: written beside, then renamed, with the owner, mode and attributes of what was there; and one
job at a time where a file is read first and written then.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from trisalt.errors import CommandError


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

    A link is followed. A file that cannot be renamed over because something is mounted on it, as containers have
    theirs, is written in place. Raises CommandError when it cannot be written.
    """
    path = os.path.realpath(path)
    data = text.encode("utf-8", "surrogateescape")
    try:
        known = os.stat(path) if os.path.exists(path) else None
        if known is not None:
            mode = known.st_mode & 0o7777 if mode is None else mode
            owner = (known.st_uid, known.st_gid) if owner is None else owner
        _replace(path, data, 0o644 if mode is None else mode, owner, known is not None)
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


def _replace(path: str, data: bytes, mode: int, owner: tuple[int, int] | None, known: bool) -> None:
    handle, fresh = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                os.fchown(handle, *owner)
            os.fchmod(handle, mode)
            if known:
                _copy_attributes(path, fresh)
            file.flush()
            os.fsync(handle)
        os.replace(fresh, path)
    except OSError as exc:
        os.unlink(fresh)
        if exc.errno != errno.EBUSY:
            raise
        with open(path, "r+b") as file:
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def _copy_attributes(source: str, target: str) -> None:
    """What SELinux and access lists keep beside a file."""
    try:
        for name in os.listxattr(source):
            os.setxattr(target, name, os.getxattr(source, name))
    except OSError:
        pass  # the file system has none, or we may not: the file is right without
