"""
Manage files: look at them, read and write them.

The shelf `file` is several files: `file_tree` copies, moves, links and removes, who owns what is `file_perms`, devices
and attributes are `file_nodes`, texts are edited by `file_edit`, what states manage is `file_managed` and comes from
`file_source`, kept versions are `file_backup`, and what is looked for `file_find`.
"""

from __future__ import annotations

import glob
import hashlib
import os
import stat
import time
from contextlib import suppress
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.replace import follow
from trisalt.plugins.utils import filesys
from trisalt.plugins.utils.filesys import absolute, expand, told

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


# -- paths ----------------------------------------------------------------------------------------------------------


def basename(path: str) -> str:
    """
    The last part of a path

    CLI Example:

    .. code-block:: bash

        salt '*' file.basename /etc/hosts
    """
    return os.path.basename(path)


def dirname(path: str) -> str:
    """
    A path without its last part

    CLI Example:

    .. code-block:: bash

        salt '*' file.dirname /etc/hosts
    """
    return os.path.dirname(path)


def join(*args: str) -> str:
    """
    Join the parts of a path

    CLI Example:

    .. code-block:: bash

        salt '*' file.join / usr local
    """
    if not args:
        raise InvocationError("file.join takes at least one part")
    return os.path.join(*map(str, args))


def normpath(path: str) -> str:
    """
    A path without doubled slashes and without `.` and `..`

    CLI Example:

    .. code-block:: bash

        salt '*' file.normpath /etc/../var//log
    """
    return os.path.normpath(path)


def pardir() -> str:
    """
    The word for the directory above

    CLI Example:

    .. code-block:: bash

        salt '*' file.pardir
    """
    return os.path.pardir


def path_exists_glob(path: str) -> bool:
    """
    Whether a pattern names something that is there

    CLI Example:

    .. code-block:: bash

        salt '*' file.path_exists_glob '/etc/pam*/*.conf'
    """
    return bool(glob.glob(expand(path)))


def file_exists(path: str) -> bool:
    """
    Whether a file is there

    CLI Example:

    .. code-block:: bash

        salt '*' file.file_exists /etc/passwd
    """
    return os.path.isfile(expand(path))


def directory_exists(path: str) -> bool:
    """
    Whether a directory is there

    CLI Example:

    .. code-block:: bash

        salt '*' file.directory_exists /etc
    """
    return os.path.isdir(expand(path))


def is_link(path: str, nostat: bool = False) -> bool:
    """
    Whether a path is a symbolic link. `nostat` has no effect here.

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_link /path/to/link
    """
    return os.path.islink(expand(path))


@told
def is_hardlink(path: str) -> bool:
    """
    Whether a file has more names than this one

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_hardlink /path/to/link
    """
    try:
        info = os.lstat(expand(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not stat.S_ISDIR(info.st_mode) and info.st_nlink > 1


# -- what is known of one -------------------------------------------------------------------------------------------


def access(path: str, mode: str) -> bool:
    """
    Whether the minion may do something with a path: `f` it is there, `r` read, `w` write, `x` execute or enter

    CLI Example:

    .. code-block:: bash

        salt '*' file.access /path/to/file f
        salt '*' file.access /path/to/file x
    """
    modes = {"f": os.F_OK, "r": os.R_OK, "w": os.W_OK, "x": os.X_OK}
    asked = modes.get(mode) if isinstance(mode, str) else mode if mode in modes.values() else None
    if asked is None:
        raise InvocationError("Invalid mode specified.")
    return os.access(expand(path), asked)


@told
def stats(path: str, hash_type: str | None = None, follow_symlinks: bool = True) -> dict[str, Any]:
    """
    What is known of a file: owner, mode, size, times, type; with `hash_type` its hash too

    A link that leads nowhere is told of itself.

    CLI Example:

    .. code-block:: bash

        salt '*' file.stats /etc/passwd
    """
    path = expand(path)
    if not os.path.exists(path if follow_symlinks else os.path.dirname(path) or ".") and not os.path.islink(path):
        raise CommandError(f"Path not found: {path}")
    try:
        info = os.stat(path, follow_symlinks=follow_symlinks)
    except FileNotFoundError:
        try:
            info = os.lstat(path)
        except FileNotFoundError:
            raise CommandError(f"Path not found: {path}") from None
    found: dict[str, Any] = {
        "inode": info.st_ino,
        "uid": info.st_uid,
        "gid": info.st_gid,
        "group": filesys.group_name(info.st_gid),
        "user": filesys.user_name(info.st_uid),
        "atime": info.st_atime,
        "mtime": info.st_mtime,
        "ctime": info.st_ctime,
        "size": info.st_size,
        "mode": filesys.shown_mode(info),
    }
    if hash_type:
        try:
            with open(path, "rb") as file:
                found["sum"] = hashlib.file_digest(file, hash_type).hexdigest()
        except ValueError:
            raise CommandError(f"Invalid hash type: {hash_type}") from None
    found["type"] = _KINDS.get(stat.S_IFMT(info.st_mode), "file")
    found["target"] = os.path.realpath(path) if follow_symlinks else path
    return found


@told
def lstat(path: str) -> dict[str, Any]:
    """
    The numbers of a path itself, links not followed; empty when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.lstat /path/to/file
    """
    path = absolute(path, "Path to file must be absolute.")
    names = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")
    try:
        info = os.lstat(path)
    except OSError:
        return {}
    return {name: getattr(info, name) for name in names}


@told
def readdir(path: str) -> list[str]:
    """
    The names in a directory, `.` and `..` first

    CLI Example:

    .. code-block:: bash

        salt '*' file.readdir /path/to/dir
    """
    path = absolute(path, "Dir path must be absolute.")
    if not os.path.isdir(path):
        raise InvocationError(f"A valid directory was not specified: {path}")
    return [".", "..", *sorted(os.listdir(path))]


@told
def readlink(path: str, canonicalize: bool = False) -> str:
    """
    Where a symbolic link leads; with `canonicalize` to the end, and as an absolute path

    CLI Example:

    .. code-block:: bash

        salt '*' file.readlink /path/to/link
    """
    path = expand(path)
    if not os.path.isabs(path):
        raise InvocationError(f"Path to link must be absolute: {path}")
    if not os.path.islink(path):
        raise InvocationError(f"A valid link was not specified: {path}")
    return os.path.realpath(path) if canonicalize else os.readlink(path)


# -- reading and writing --------------------------------------------------------------------------------------------


@told
def read(path: str, binary: bool = False) -> str | bytes:
    """
    What is in a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.read /path/to/file
    """
    with open(expand(path), "rb") as file:
        data = file.read()
    if binary is True:
        return data
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise CommandError(f"{path} is no text: {exc}. With binary=True it is read as it is.") from exc


@told
def write(path: str, *args: Any, **kwargs: Any) -> str:
    """
    Write lines to a file, which then holds nothing else. Words are lines, or the keyword `args`, a list.

    CLI Example:

    .. code-block:: bash

        salt '*' file.write /etc/motd "This is a line." "And another one."
        salt '*' file.write /etc/motd args='["a list", "of lines"]'
    """
    path = expand(path)
    text = filesys.lines(args, kwargs)
    filesys.put(path, "".join(text).encode())
    return f'Wrote {len(text)} lines to "{path}"'


@told
def append(path: str, *args: Any, **kwargs: Any) -> str:
    """
    Add lines at the end of a file, which is there. Words are lines, or the keyword `args`, a list.

    CLI Example:

    .. code-block:: bash

        salt '*' file.append /etc/motd "With all thine offerings thou shalt offer salt."
        salt '*' file.append /etc/motd args='["a list", "of lines"]'
    """
    path = expand(path)
    text = filesys.lines(args, kwargs)
    # Where it is, and in one write: programs that hold a log open go on with the same file.
    with open(os.open(follow(path), os.O_RDWR | os.O_APPEND), "r+b", buffering=0) as file:
        broken = b""
        if os.fstat(file.fileno()).st_size:
            file.seek(-1, os.SEEK_END)
            broken = b"" if file.read(1) == b"\n" else b"\n"
        file.write(broken + "".join(text).encode())
    return f'Wrote {len(text)} lines to "{path}"'


@told
def prepend(path: str, *args: Any, **kwargs: Any) -> str:
    """
    Put lines at the beginning of a file. Words are lines, or the keyword `args`, a list.

    CLI Example:

    .. code-block:: bash

        salt '*' file.prepend /etc/motd "With all thine offerings thou shalt offer salt."
    """
    path = expand(path)
    text = filesys.lines(args, kwargs)
    try:
        with open(path, "rb") as file:
            before = file.read()
    except FileNotFoundError:
        before = b""
    filesys.put(path, "".join(text).encode() + before)
    return f'Prepended {len(text)} lines to "{path}"'


@told
def seek_read(path: str, size: int, offset: int) -> bytes:
    """
    Read a number of bytes of a file, from a position on

    CLI Example:

    .. code-block:: bash

        salt '*' file.seek_read /path/to/file 4096 0
    """
    with open(expand(path), "rb") as file:
        file.seek(int(offset))
        return file.read(int(size))


@told
def seek_write(path: str, data: str | bytes, offset: int) -> int:
    """
    Write over a part of a file, from a position on; the number of bytes that were written

    CLI Example:

    .. code-block:: bash

        salt '*' file.seek_write /path/to/file 'some data' 4096
    """
    raw = data if isinstance(data, bytes) else str(data).encode()
    with open(os.open(follow(expand(path)), os.O_WRONLY | os.O_SYNC), "wb", buffering=0) as file:
        file.seek(int(offset))
        return file.write(raw)


@told
def truncate(path: str, length: int) -> None:
    """
    Cut a file to a length, in bytes

    CLI Example:

    .. code-block:: bash

        salt '*' file.truncate /path/to/file 512
    """
    try:
        size = int(length)
    except (TypeError, ValueError):
        raise InvocationError(f"A length is a number of bytes, not {length!r}") from None
    with open(follow(expand(path)), "r+b") as file:
        file.truncate(size)


def touch(name: str, atime: int | None = None, mtime: int | None = None) -> bool:
    """
    Set the times of a file, to now or to seconds of the epoch; an empty file is made where there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.touch /var/log/emptyfile
        salt '*' file.touch /var/log/emptyfile mtime=1500000000
    """
    name = expand(name)
    try:
        times = None if atime is None and mtime is None else (_seconds(atime), _seconds(mtime))
    except (TypeError, ValueError):
        raise InvocationError("atime and mtime must be integers") from None
    try:
        with suppress(IsADirectoryError):
            os.close(os.open(follow(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o666))
        os.utime(name, times)
    except OSError as exc:
        raise CommandError(exc.strerror) from exc
    return os.path.exists(name)


def _seconds(given: int | None) -> float:
    return time.time() if given is None else int(given)
