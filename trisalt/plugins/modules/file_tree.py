"""
Copy, move, link and remove files and directories: the part of the shelf `file` that changes where things are.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils import filesys
from trisalt.plugins.utils.filesys import absolute, expand, told

log = logging.getLogger(__name__)

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


# -- copying and moving ---------------------------------------------------------------------------------------------


@told
def copy(src: str, dst: str, recurse: bool = False, remove_existing: bool = False) -> bool:
    """
    Copy a file, or with `recurse` a directory; the copy has the owner and the mode of what is copied

    With `remove_existing` what is at `dst` is removed first, else a directory's files join those that are there.

    CLI Example:

    .. code-block:: bash

        salt '*' file.copy /path/to/src /path/to/dst
        salt '*' file.copy /path/to/src_dir /path/to/dst_dir recurse=True remove_existing=True
    """
    src, dst = absolute(src, "File path must be absolute."), absolute(dst, "File path must be absolute.")
    if not os.path.exists(src):
        raise CommandError(f"No such file or directory '{src}'")
    if (os.path.isdir(src) or os.path.isdir(dst)) and not recurse:
        raise InvocationError("Cannot copy overwriting a directory without recurse flag set to true!")
    try:
        filesys.copy(src, dst, remove_existing=remove_existing)
    except (OSError, shutil.Error) as exc:
        raise CommandError(f"Could not copy '{src}' to '{dst}'") from exc
    return True


@told
def rename(src: str, dst: str) -> bool:
    """
    Give a file or a directory another name on the same file system

    CLI Example:

    .. code-block:: bash

        salt '*' file.rename /path/to/src /path/to/dst
    """
    src, dst = absolute(src, "File path must be absolute."), absolute(dst, "File path must be absolute.")
    filesys.refuse_vital(filesys.place(src))
    try:
        os.rename(src, dst)
    except OSError as exc:
        raise CommandError(f"Could not rename '{src}' to '{dst}'") from exc
    return True


@told
def move(src: str, dst: str, disallow_copy_and_unlink: bool = False) -> dict[str, Any] | bool:
    """
    Move a file or a directory, to another file system too, unless `disallow_copy_and_unlink` forbids it

    CLI Example:

    .. code-block:: bash

        salt '*' file.move /path/to/src /path/to/dst
    """
    src = absolute(src, "Source path must be absolute.")
    dst = absolute(dst, "Destination path must be absolute.")
    filesys.refuse_vital(filesys.place(src))
    try:
        if disallow_copy_and_unlink:
            os.rename(src, dst)
            return True
        shutil.move(src, dst)
    except (OSError, shutil.Error) as exc:
        raise CommandError(f"Unable to move '{src}' to '{dst}': {exc}") from exc
    return {"result": True, "comment": f"'{src}' moved to '{dst}'"}


@told
def symlink(src: str, path: str, force: bool = False, atomic: bool = False, follow_symlinks: bool = True) -> bool:
    """
    Make a symbolic link at `path` that leads to `src`

    What is there already, a link elsewhere or a file, is replaced only with `force` or `atomic`; either way there is
    no moment without one. With `follow_symlinks` False a link at `path` that leads nowhere counts as being there.

    CLI Example:

    .. code-block:: bash

        salt '*' file.symlink /path/to/file /path/to/link
    """
    path = expand(path)
    if not os.path.isabs(path):
        raise InvocationError(f"Link path must be absolute: {path}")
    replace = force or atomic
    if os.path.islink(path):
        if os.path.normpath(os.readlink(path)) == os.path.normpath(src):
            log.debug("link already in correct state: %s -> %s", path, src)
            return True
        if not replace:
            raise CommandError(f"Found existing symlink: {path}")
    elif os.path.lexists(path) and not replace:
        raise CommandError(f"Existing path is not a symlink: {path}")
    elif os.path.isdir(path):
        raise IsADirectoryError(21, "Is a directory", path)
    try:
        filesys.link(src, path) if replace else os.symlink(src, path)
    except OSError as exc:
        raise CommandError(f"Could not create '{path}'") from exc
    return True


@told
def link(src: str, path: str) -> bool:
    """
    Give a file another name: a hard link

    CLI Example:

    .. code-block:: bash

        salt '*' file.link /path/to/file /path/to/link
    """
    src = absolute(src, "File path must be absolute.")
    try:
        os.link(src, path)
    except OSError as exc:
        raise CommandError(f"Could not create '{path}': {exc}") from exc
    return True


# -- directories, and removing --------------------------------------------------------------------------------------


@told
def rmdir(path: str, recurse: bool = False, verbose: bool = False, older_than: int | None = None) -> Any:
    """
    Remove an empty directory; with `recurse` those that are empty below it too, the deepest first

    `older_than` spares directories younger than so many days. `verbose` returns what was removed, and what was not.

    CLI Example:

    .. code-block:: bash

        salt '*' file.rmdir /tmp/foo/
    """
    path = absolute(path, "File path must be absolute.")
    if not os.path.isdir(path):
        raise InvocationError(f"A valid directory was not specified: {path}")
    filesys.refuse_vital(filesys.place(path))
    found: dict[str, Any] = {"deleted": [], "errors": [], "result": True}
    folders = [path]
    if recurse:
        folders = [
            os.path.join(top, name)
            for top, names, _files in os.walk(path, topdown=False)
            for name in names
            if not os.path.islink(os.path.join(top, name))
        ] + [path]
    limit = None if older_than is None else time.time() - float(older_than) * 86400
    for folder in folders:
        try:
            if limit is not None and os.stat(folder).st_mtime >= limit:
                continue
            os.rmdir(folder)
            found["deleted"].append(folder)
        except OSError as exc:
            log.debug("%s is not removed: %s", folder, exc)
            found["errors"].append([folder, str(exc)])
            found["result"] = False
    return found if verbose else found["result"]


@told
def remove(path: str, **kwargs: Any) -> bool:
    """
    Remove a file, a link, or a directory with all that is in it. False when there is none.

    Links are never followed. Directories that the host cannot do without are refused, and so are those below which
    another file system is mounted.

    CLI Example:

    .. code-block:: bash

        salt '*' file.remove /tmp/foo
    """
    path = expand(path)
    if not os.path.isabs(path):
        raise InvocationError(f"File path must be absolute: {path}")
    try:
        return filesys.remove(path)
    except OSError as exc:
        raise CommandError(f"Could not remove '{path}': {exc}") from exc
