"""Files that are there as a whole or not at all."""

import os
import tempfile

from salt.utils.files import copyfile, fopen, mkstemp, safe_rm

CAN_RENAME_OPEN_FILE = True

atomic_rename = os.rename


class _AtomicWFile:
    """A file that takes the place of another when it is closed."""

    def __init__(self, tmp_file, tmp_filename, filename):
        self._file, self._fresh, self._target = tmp_file, tmp_filename, filename

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def close(self):
        """Put the file in its place."""
        if self._file.closed:
            return
        self._file.close()
        try:
            found = os.stat(self._target)
        except FileNotFoundError:
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(self._fresh, 0o666 & ~mask)
        else:
            os.chown(self._fresh, found.st_uid, found.st_gid)
            os.chmod(self._fresh, found.st_mode & 0o7777)
        os.replace(self._fresh, self._target)

    def __exit__(self, exc_type, exc_value, traceback):
        if exc_type is None:
            self.close()
            return
        self._file.close()
        safe_rm(self._fresh)


def atomic_open(filename, mode="w"):
    """Open a file to be written, which takes its place when it is closed."""
    if mode not in ("r", "w", "a", "rb", "wb", "ab", "w+", "wb+", "r+", "rb+"):
        raise TypeError(f"Read or append modes don't work with atomic_open: {mode}")
    handle, fresh = tempfile.mkstemp(
        prefix=f".___atomic_write{os.path.basename(filename)[:40]}", dir=os.path.dirname(filename) or "."
    )
    os.close(handle)
    return _AtomicWFile(fopen(fresh, mode), fresh, filename)


def safe_atomic_write(dst, data, backup_mode="", cachedir=""):
    """Write a file by way of another one, and keep what was there if that is asked for."""
    fresh = mkstemp()
    try:
        with fopen(fresh, "w") as file:
            file.write(data)
        copyfile(fresh, dst, backup_mode, cachedir)
    finally:
        safe_rm(fresh)
