"""Files."""

import contextlib
import fcntl
import os
import shutil
import tempfile


def fopen(*args, **kwargs):
    """`open`, text as UTF-8."""
    mode = kwargs.get("mode", args[1] if len(args) > 1 else "r")
    if "b" not in mode and len(args) < 4:
        kwargs.setdefault("encoding", "utf-8")
    return open(*args, **kwargs)


@contextlib.contextmanager
def flopen(*args, **kwargs):
    """`fopen`, locked for as long as the block takes."""
    with fopen(*args, **kwargs) as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_SH)
        try:
            yield file
        finally:
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


@contextlib.contextmanager
def set_umask(mask):
    """Another umask for a block."""
    before = os.umask(mask) if mask is not None else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)


def mkstemp(*args, **kwargs):
    """The path of a new temporary file; with the open descriptor unless `close_fd`."""
    close = kwargs.pop("close_fd", True)
    descriptor, path = tempfile.mkstemp(*args, prefix=kwargs.pop("prefix", "__salt.tmp."), **kwargs)
    if not close:
        return descriptor, path
    os.close(descriptor)
    return path


def safe_rm(tgt):
    """Remove a file if it can be."""
    with contextlib.suppress(OSError):
        os.remove(tgt)


def remove(path):
    """Remove a file; no error when it is not there."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


def rm_rf(path):
    """Remove a file or a whole folder."""
    shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)


def copyfile(source, dest, backup_mode="", cachedir=""):
    """Copy a file so that the copy is there at once."""
    fresh = mkstemp(dir=os.path.dirname(dest) or ".")
    try:
        shutil.copyfile(source, fresh)
        if os.path.exists(dest):
            shutil.copymode(dest, fresh)
        os.replace(fresh, dest)
    except BaseException:
        safe_rm(fresh)
        raise


def normalize_mode(mode):
    """A file mode as a text of four digits."""
    return None if mode is None else str(mode).strip("\"'").removeprefix("0o").zfill(4)
