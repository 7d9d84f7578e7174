"""Replace a file as a whole: it is written beside its place and renamed into it, so no reader ever sees a half.

Who replaces a file that was there keeps its mode, owner and extended attributes, and through a link the file that the
link names. Called by `fileserver/client`, and by the plugins that write files. Standard library only.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from trisalt.errors import CommandError


def follow(path: str) -> str:
    """Where a write to `path` goes: the end of its links.

    A link in a directory that everybody may write to, made by somebody else than its owner or us, is not followed:
    the kernel's own rule for opening one (`fs.protected_symlinks`), held here because renaming does not open.
    Raises CommandError for such a link.
    """
    path = os.path.abspath(path)
    for _ in range(40):
        try:
            link = os.lstat(path)
        except FileNotFoundError:
            return path
        if not stat.S_ISLNK(link.st_mode):
            return path
        folder = os.stat(os.path.dirname(path))
        shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
        if shared and link.st_uid not in (os.geteuid(), folder.st_uid):
            raise CommandError(f"{path} is somebody else's link in a directory that is open to all: it is not followed")
        path = os.path.normpath(os.path.join(os.path.realpath(os.path.dirname(path)), os.readlink(path)))
    raise CommandError(f"{path}: {os.strerror(errno.ELOOP)}")


@contextmanager
def replacing(
    path: str,
    *,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
    anew: bool = False,
    mask: int = 0o7777,
    sync: bool = False,
) -> Iterator[BinaryIO]:
    """A file to write; when the block ends well it stands at `path`, and when it raises nothing has happened.

    `mode` and `owner` (uid, gid) are for a file that is not there yet, and with `anew` for one that is; without a mode
    the umask decides. Of the mode of one that is there the bits of `mask` are kept. `sync` has the data on the disk
    first.
    Raises OSError, and CommandError when `path` is no regular file.
    """
    target = follow(path)
    try:
        before: os.stat_result | None = os.stat(target)
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise CommandError(f"{path} is not a regular file")
    folder, name = os.path.split(target)
    fd, fresh = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=folder)
    try:
        with open(fd, "wb") as file:
            yield file
            file.flush()
            if before is not None:
                _as_before(file.fileno(), target, before, mask)
            if (before is None or anew) and owner is not None:
                os.fchown(file.fileno(), *owner)
            if before is None or (anew and mode is not None):
                os.fchmod(file.fileno(), 0o666 & ~umask() if mode is None else mode)
            if sync:
                os.fsync(file.fileno())
        try:
            os.rename(fresh, target)
        except OSError as exc:
            # A file that is itself a mount point (`/etc/hosts` of a container) can only be written where it is.
            if exc.errno != errno.EBUSY:
                raise
            with open(fresh, "rb") as source, open(target, "r+b") as place:
                shutil.copyfileobj(source, place)
                place.truncate()
            os.unlink(fresh)
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise


def _as_before(fd: int, target: str, before: os.stat_result, mask: int) -> None:
    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # not root: the file becomes the writer's, as with any editor
            os.fchown(fd, before.st_uid, before.st_gid)
    os.fchmod(fd, stat.S_IMODE(before.st_mode) & mask)
    with suppress(OSError):  # a file system without extended attributes
        for name in os.listxattr(target):
            with suppress(OSError):
                os.setxattr(fd, name, os.getxattr(target, name))


def umask() -> int:
    """The permissions that new files do not have."""
    # Asking means setting; a worker has one thread that makes files.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
