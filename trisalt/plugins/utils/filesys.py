"""What the files of the shelf `file` share: paths, errors, writing, owners, and what must never be removed.

Plain functions of their arguments; the module files import them.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.replace import follow, replacing

P = ParamSpec("P")
R = TypeVar("R")

# How the names of files begin that are made for one use. Source: stock Salt 3008.3.
MADE = "__salt.tmp."
# Without one of these a host does not live, whoever asks for its removal.
VITAL = frozenset(
    {
        "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run",
        "/sbin", "/sys", "/usr", "/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/sbin",
        "/usr/share", "/var", "/var/lib",
    }
)  # fmt: skip
# A file whose directory takes no other beside it, as those of /proc and /sys, can only be written where it is.
_NO_ROOM = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EINVAL}


def told(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose failures at the system are told as one sentence, as any other refusal."""

    @wraps(function)
    def told_function(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except OSError as exc:
            raise CommandError(str(exc)) from exc
        except re.error as exc:
            pattern = exc.pattern.decode(errors="replace") if isinstance(exc.pattern, bytes) else exc.pattern
            raise CommandError(f"{pattern!r} is no regular expression: {exc}") from exc
        except UnicodeError as exc:
            raise CommandError(str(exc)) from exc
        except LookupError as exc:
            if type(exc) is not LookupError:
                raise
            raise CommandError(str(exc)) from exc  # an encoding that nobody knows

    return told_function


def expand(path: object) -> str:
    """A path as it was given, with `~` filled in."""
    text = str(path)
    if "\0" in text:
        raise InvocationError("A path holds no NUL")
    return os.path.expanduser(text)


def absolute(path: object, refusal: str) -> str:
    """`expand`, for a path that must be absolute."""
    text = expand(path)
    if not os.path.isabs(text):
        raise InvocationError(refusal)
    return text


def lines(args: Iterable[object], kwargs: dict[str, object]) -> list[str]:
    """The lines of `file.append` and its kin: words, or the one keyword `args`, a text or a list."""
    given = kwargs.get("args")
    if given is not None:
        args = given if isinstance(given, list | tuple) else [given]
    return [f"{line}\n" for line in args]


def put(path: str, data: bytes) -> None:
    """Write a file as a whole. What is no file of a disk (a device, a switch of the kernel) is written in place."""
    target = follow(path)
    try:
        special = not stat.S_ISREG(os.stat(target).st_mode)
    except FileNotFoundError:
        special = False
    if not special:
        try:
            with replacing(target) as file:
                file.write(data)
            return
        except OSError as exc:
            if exc.errno not in _NO_ROOM or not os.path.isfile(target):
                raise
    elif not stat.S_ISCHR(os.stat(target).st_mode):
        raise CommandError(f"{path} is not a regular file")
    with open(os.open(target, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)


def link(target: str, path: str) -> None:
    """Make a symbolic link in the place of whatever file or link is there, without a moment in between."""
    with tempfile.TemporaryDirectory(prefix=".", dir=os.path.dirname(path)) as folder:
        fresh = os.path.join(folder, "link")
        os.symlink(target, fresh)
        os.rename(fresh, path)


def copy(src: str, dst: str, *, remove_existing: bool = False) -> None:
    """Copy a file or a directory with its owner and mode; links are copied as links.

    What is at `dst` may be removed first. Below a directory new files are the writer's, with the modes of those that
    are copied, and files that are there keep theirs.
    """
    where = os.path.join(os.path.realpath(src), "")
    if os.path.realpath(dst) + "/" == where or os.path.realpath(dst).startswith(where):
        raise CommandError(f"Could not copy '{src}' to '{dst}': it is the same, or inside of it")
    if remove_existing:
        remove(dst)
    if not os.path.isdir(src):
        copy_same(src, follow(os.path.join(dst, os.path.basename(src)) if os.path.isdir(dst) else dst))
        return
    info = os.stat(src)
    handle = _copy_folder(src, dst, 0)
    try:
        os.fchown(handle, info.st_uid, info.st_gid)
        os.fchmod(handle, stat.S_IMODE(info.st_mode))
    finally:
        os.close(handle)


def copy_same(src: str, dst: str) -> None:
    """Put a copy of a file with its mode, times and owner in the place of `dst`, which is replaced if it is a link.

    It has all of them before it has its name: in a directory of somebody else's a name may mean another file at any
    time.
    """
    with open(src, "rb") as source:
        info = os.fstat(source.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise CommandError(f"{src} is not a regular file")
        fd, fresh = tempfile.mkstemp(prefix=f".{os.path.basename(dst)[:100]}.", dir=os.path.dirname(dst) or ".")
        try:
            with open(fd, "wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
                    with suppress(PermissionError):
                        os.fchown(fd, info.st_uid, info.st_gid)
                shutil.copystat(src, fd)
            os.rename(fresh, dst)
        except BaseException:
            with suppress(OSError):
                os.unlink(fresh)
            raise


def _copy_folder(src: str, dst: str, flags: int) -> int:
    """Copy what is in a directory; the directory that it is in now, open."""
    os.makedirs(dst, exist_ok=True)
    handle = os.open(dst, os.O_RDONLY | os.O_DIRECTORY | flags)
    try:
        with os.scandir(src) as entries:
            for entry in entries:
                place = os.path.join(dst, entry.name)
                if entry.is_symlink():
                    link(os.readlink(entry.path), place)
                elif entry.is_dir():
                    os.close(_copy_folder(entry.path, place, os.O_NOFOLLOW))
                else:
                    _copy_file(entry.path, place)
        shutil.copystat(src, handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _copy_file(src: str, dst: str) -> None:
    with open(src, "rb") as source:
        info = os.fstat(source.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise CommandError(f"{src} is not a regular file")
        with replacing(dst, mode=stat.S_IMODE(info.st_mode) & 0o777) as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.utime(file.fileno(), ns=(info.st_atime_ns, info.st_mtime_ns))


# -- owners -----------------------------------------------------------------------------------------------------------


def uid_of(user: object) -> int | str:
    """The number of a user; "" when there is none of that name."""
    if isinstance(user, int):
        return user
    try:
        return pwd.getpwnam(str(user)).pw_uid
    except KeyError:
        return ""


def gid_of(group: object) -> int | str:
    """The number of a group; "" when there is none of that name."""
    if isinstance(group, int):
        return group
    try:
        return grp.getgrnam(str(group)).gr_gid
    except KeyError:
        return ""


def user_name(uid: int) -> str | int:
    """The name of a user; the number itself when nobody has it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return uid


def group_name(gid: int) -> str | int:
    """The name of a group; the number itself when none has it."""
    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OverflowError):
        return gid


def octal(mode: object) -> int:
    """Permissions from `0644`, `644` (the digits are octal, as a number too) or `0o644`.

    Raises InvocationError for what is none.
    """
    try:
        value = int(str(mode).strip().lower().removeprefix("0o") or "0", 8)
    except ValueError:
        raise InvocationError(f"Invalid Mode {mode}") from None
    if not 0 <= value <= 0o7777:
        raise InvocationError(f"Invalid Mode {mode}")
    return value


def shown_mode(info: os.stat_result) -> str:
    """Permissions as four octal digits."""
    return f"{stat.S_IMODE(info.st_mode):04o}"


# -- removing ---------------------------------------------------------------------------------------------------------


def place(path: str) -> str:
    """Where an entry really is: its directory without links and `..`, and its own name, which may be a link's."""
    folder, name = os.path.split(path.rstrip("/") or "/")
    if name in ("", ".", ".."):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(folder), name)


def refuse_vital(path: str, mounts: Iterable[str] = ()) -> None:
    """Raise CommandError for a path that is not to be removed or moved: vital ones, and those that hold one.

    A directory below which something is mounted is not either: what is mounted there was not named.
    """
    below = path.rstrip("/") + "/"
    if path in VITAL or any(vital.startswith(below) for vital in VITAL):
        raise CommandError(f"Refusing to remove {path}: this host cannot do without it")
    for mount in mounts:
        if mount == path or mount.startswith(below):
            raise CommandError(f"Refusing to remove {path}: a file system is mounted at {mount}")


def mounts() -> list[str]:
    """Where file systems are mounted, as this process sees it."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            fields = [line.split() for line in file]
    except OSError:
        return []
    # A space, a tab, a newline and a backslash stand there as octal digits.
    return [re.sub(r"\\([0-7]{3})", lambda digits: chr(int(digits[1], 8)), row[4]) for row in fields if len(row) > 4]


def remove(path: str) -> bool:
    """Remove a file, a link, or a directory with what is in it; whether there was one.

    Links are removed, never followed, and what lies on another file system is not reached.
    """
    path = place(path)
    if not os.path.lexists(path):
        return False
    if os.path.islink(path) or not os.path.isdir(path):
        os.remove(path)
        return True
    refuse_vital(path, mounts())
    shutil.rmtree(path)
    return True


def is_made(path: Any) -> bool:
    """Whether a path is one of the files that `file.get_managed` renders for one use, which are nobody's afterwards."""
    if not isinstance(path, str) or not os.path.basename(path).startswith(MADE):
        return False
    return os.path.dirname(path) == tempfile.gettempdir() and os.path.isfile(path) and not os.path.islink(path)


def discard(path: Any) -> None:
    """Remove a file that was rendered for one use, if it is still there; any other stays."""
    if is_made(path):
        os.unlink(path)
