"""Files that travel beside the file server: the part of the shelf `cp` for pushing to the master and for `salt-cp`."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import zlib
from fnmatch import fnmatch

from trisalt.errors import CommandError
from trisalt.fileserver.replace import follow, replacing
from trisalt.worker import upcall

log = logging.getLogger(__name__)

__virtualname__ = "cp"

# Bytes of one `_file_recv`. Source: stock Salt 3008.3, the minion's `file_buffer_size`.
PUSHED = 262144


def __virtual__() -> str:
    return __virtualname__


# -- to the master --------------------------------------------------------------------------------------------------


def push(path: str, keep_symlinks: bool = False, upload_path: str | None = None, remove_source: bool = False) -> bool:
    """
    Send a file of this minion to the master, which keeps it below its cache, in `minions/<id>/files`

    The master takes files only when its `file_recv` is on. `upload_path` is another place below that; with
    `keep_symlinks` a link's own path is its place, else that of the file it leads to.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.push /etc/fstab
        salt '*' cp.push /etc/fstab upload_path='/new/path/fstab' remove_source=True
    """
    log.debug("Trying to copy '%s' to master", path)
    if not os.path.isabs(path) or ".." in path.split("/") or (upload_path and ".." in upload_path.split("/")):
        log.debug("Path must be absolute, and lead nowhere up: '%s'", path)
        return False
    if not keep_symlinks:
        path = os.path.realpath(path)
    if not os.path.isfile(path):
        log.debug("Path failed os.path.isfile check, returning False: '%s'", path)
        return False
    parts = [part for part in (upload_path or path).split("/") if part]
    if __opts__.get("file_client") == "local":
        raise CommandError("There is no master that could take files")
    try:
        file = open(path, "rb")  # noqa: SIM115 - below
    except OSError as exc:
        log.error("%s cannot be read: %s", path, exc.strerror)
        return False
    with file:
        size, loc = os.fstat(file.fileno()).st_size, 0
        while True:
            data = file.read(PUSHED)
            if not data and loc:
                break
            if not upcall.ask_master("_file_recv", path=parts, size=size, loc=loc, data=data):
                log.error("cp.push Failed transfer failed. Ensure master has 'file_recv' set to True and that the "
                          "file is not larger than the 'file_recv_size_max' setting on the master.")  # fmt: skip
                return False
            if not data:
                break
            loc += len(data)
    if remove_source:
        try:
            os.remove(path)
        except OSError:
            log.error("cp.push: error removing file '%s'", path)
    return True


def push_dir(path: str, glob: str | None = None, upload_path: str | None = None) -> bool:
    """
    Send a directory of this minion to the master, or those of its files that a glob names

    CLI Example:

    .. code-block:: bash

        salt '*' cp.push_dir /usr/lib/mysql
        salt '*' cp.push_dir /etc/modprobe.d/ glob='*.conf'
    """
    if not os.path.isabs(path) or ".." in path.split("/") or (upload_path and ".." in upload_path.split("/")):
        return False
    path = os.path.realpath(path)
    if os.path.isfile(path):
        return push(path, upload_path=upload_path)
    if not os.path.isdir(path):
        return False
    files = []
    for top, _folders, names in os.walk(path):
        files += [os.path.join(top, name) for name in names if glob is None or fnmatch(name, glob)]
    for file in sorted(files):
        place = os.path.join(upload_path, os.path.relpath(file, path)) if upload_path else None
        if not push(file, upload_path=place):
            return False
    return True


# -- what salt-cp asks ----------------------------------------------------------------------------------------------


def recv(files: dict[str, str], dest: str) -> dict[str, bool] | str:
    """
    Take the files that `salt-cp` carries, and write them to `dest`

    CLI Example:

    .. code-block:: bash

        salt-cp '*' /etc/hosts /etc/hosts
    """
    written = {}
    for path, data in files.items():
        if os.path.basename(path) == os.path.basename(dest) and not os.path.isdir(dest):
            final = dest
        elif os.path.isdir(dest):
            final = os.path.join(dest, os.path.basename(path))
        elif os.path.isdir(os.path.dirname(dest)):
            final = dest
        else:
            return "Destination unavailable"
        try:
            with replacing(final) as file:
                file.write(data if isinstance(data, bytes) else str(data).encode())
            written[final] = True
        except (OSError, CommandError) as exc:
            log.error("%s cannot be written: %s", final, exc)
            written[final] = False
    return written


def recv_chunked(
    dest: str, chunk: str | bytes | None, append: bool = False, compressed: bool = True, mode: int | None = None
) -> bool | str:
    """
    Take one chunk of a file from `salt-cp --chunked`: base64, and packed by gzip unless `compressed` is False

    Without a chunk `dest` is a directory, and is made.

    CLI Example:

    .. code-block:: bash

        salt-cp --chunked '*' /path/to/big/file /path/to/dest
    """
    if "retcode" not in __context__:
        __context__["retcode"] = 0
    if chunk is None:
        try:
            os.makedirs(dest, exist_ok=True)
        except OSError as exc:
            return _refused(f"{exc.strerror}: {dest}")
        return True
    try:
        data = base64.b64decode(chunk, validate=False)
        data = _unpacked(data) if compressed else data
    except (binascii.Error, zlib.error, ValueError) as exc:
        return _refused(f"A chunk of {dest} cannot be unpacked: {exc}")
    try:
        os.makedirs(os.path.dirname(os.path.abspath(dest)), exist_ok=True)
        with open(follow(dest), "ab" if append else "wb") as file:
            if mode is not None and not append:
                os.fchmod(file.fileno(), int(mode) & 0o7777)
            file.write(data)
    except OSError as exc:
        return _refused(f"{exc.strerror}: {dest}")
    return True


def _refused(text: str) -> str:
    __context__["retcode"] = 1
    return text


def _unpacked(data: bytes) -> bytes:
    gzip = zlib.decompressobj(wbits=31)
    plain = gzip.decompress(data, 64 << 20)
    if not gzip.eof:
        raise ValueError("it is not whole, or too large")
    return plain
