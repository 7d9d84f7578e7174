"""
Versions of files that states have replaced with `backup: minion`: list, restore and delete them.
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.fileserver.replace import follow
from trisalt.plugins.utils import filebackup, filesys
from trisalt.plugins.utils.filesys import expand, told

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


def _root() -> str:
    return os.path.join(__opts__["cachedir"], "file_backup")


@told
def list_backups(path: str, limit: int | None = None) -> dict[int, dict[str, Any]]:
    """
    The kept versions of a file by number, the newest is 0; `limit` is how many are told

    CLI Example:

    .. code-block:: bash

        salt '*' file.list_backups /foo/bar/baz.txt
    """
    return filebackup.versions(_root(), expand(path), limit)


@told
def list_backup(path: str, limit: int | None = None) -> dict[int, dict[str, Any]]:
    """
    The same as `list_backups`

    CLI Example:

    .. code-block:: bash

        salt '*' file.list_backup /foo/bar/baz.txt
    """
    return list_backups(path, limit)


@told
def list_backups_dir(path: str, limit: int | None = None) -> dict[str, dict[int, dict[str, Any]]]:
    """
    The kept versions of the files of a directory, by their names

    CLI Example:

    .. code-block:: bash

        salt '*' file.list_backups_dir /foo/bar/baz/
    """
    return filebackup.below(_root(), expand(path), limit)


@told
def restore_backup(path: str, backup_id: Any) -> dict[str, Any]:
    """
    Put a kept version in the place of a file; the one that is there now is kept too

    CLI Example:

    .. code-block:: bash

        salt '*' file.restore_backup /foo/bar/baz.txt 0
    """
    path = expand(path)
    kept, ret = _version(path, backup_id)
    if kept is None:
        return ret
    if os.path.exists(path):
        filebackup.keep(_root(), path)
    filesys.copy_same(kept, follow(path))
    return {"result": True, "comment": f"Successfully restored {kept} to {path}"}


@told
def delete_backup(path: str, backup_id: Any) -> dict[str, Any]:
    """
    Delete a kept version

    CLI Example:

    .. code-block:: bash

        salt '*' file.delete_backup /var/cache/salt/minion/file_backup/home/foo/bar/baz.txt 0
    """
    kept, ret = _version(expand(path), backup_id)
    if kept is None:
        return ret
    os.remove(kept)
    return {"result": True, "comment": f"Successfully removed {kept}"}


@told
def remove_backup(path: str, backup_id: Any) -> dict[str, Any]:
    """
    The same as `delete_backup`

    CLI Example:

    .. code-block:: bash

        salt '*' file.remove_backup /foo/bar/baz.txt 0
    """
    return delete_backup(path, backup_id)


def _version(path: str, backup_id: Any) -> tuple[str | None, dict[str, Any]]:
    """Where a version is; or None, and what to answer."""
    try:
        number = int(backup_id)
    except (TypeError, ValueError):
        return None, {"result": False, "comment": f"Invalid backup_id '{backup_id}'"}
    found = filebackup.versions(_root(), path).get(number)
    if found is None:
        return None, {"result": False, "comment": f"backup_id '{backup_id}' does not exist for {path}"}
    return found["Location"], {}
