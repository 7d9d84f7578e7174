"""Files and directories that are copied, moved, or tidied away.

/var/spool/app:
  file.tidied:
    - age: 14
    - matches: ['.*\\.log$']
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import owner_of, unknown_owner
from trisalt.state.result import Result, returned

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


def copy_(
    name: str,
    source: str,
    force: bool = False,
    makedirs: bool = False,
    preserve: bool = False,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    dir_mode: Any = None,
    subdir: bool = False,
    **kwargs: Any,
) -> Result:
    """
    A file or directory of this host is copied to `name`, where nothing is yet; with `force` where it differs, too.
    """
    if not name:
        return returned(name, False, "Must provide name to file.copy")
    name, source = os.path.expanduser(name), os.path.expanduser(source)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    if not os.path.exists(source):
        return returned(name, False, f'Source file "{source}" is not present')
    user = owner_of(user, kwargs)
    if preserve:
        user, group = __salt__["file.get_user"](source), __salt__["file.get_group"](source)
        mode = __salt__["file.get_mode"](source)
    elif not __opts__["test"] and (unknown := unknown_owner(__salt__, user, group)):
        return returned(name, False, unknown)
    if subdir and os.path.isdir(name):
        name = os.path.join(name, os.path.basename(source))
    if os.path.lexists(name):
        if not force:
            return returned(name, True, f'The target file "{name}" exists and will not be overwritten')
        if os.path.isfile(source) and os.path.isfile(name) and _same_content(source, name):
            text = f'The target file "{name}" exists and will not be overwritten'
            return returned(name, True, f"{text} - files are identical but force flag is set")
    if __opts__["test"]:
        text = f'File "{source}" is set to be copied to "{name}"'
        may = makedirs or os.path.isdir(os.path.dirname(name))
        return returned(name, None, text, {name: source} if may else {})
    if force and os.path.lexists(name):
        try:
            __salt__["file.remove"](name, force=True)
        except (TrisaltError, OSError):
            return returned(name, False, f'Failed to delete "{name}" in preparation for forced move')
    folder = os.path.dirname(name)
    if not os.path.isdir(folder):
        if not makedirs:
            return returned(name, False, f"The target directory {folder} is not present")
        __salt__["file.makedirs"](name, user=user, group=group, mode=dir_mode)
    try:
        if os.path.isdir(source):
            shutil.copytree(source, name, symlinks=True)
        else:
            shutil.copy(source, name)
    except OSError:
        return returned(name, False, f'Failed to copy "{source}" to "{name}"')
    ret = returned(name, True, f'Copied "{source}" to "{name}"', {name: source})
    if user is not None or group is not None or mode:
        checked, _perms = __salt__["file.check_perms"](name, returned(name, True), user, group, mode)
        ret["result"] = checked["result"]
        ret["changes"] |= checked["changes"]
    return ret


def rename(name: str, source: str, force: bool = False, makedirs: bool = False, **kwargs: Any) -> Result:
    """
    A file or directory of this host is moved to `name`. When it is gone from its old place nothing is to be done.
    """
    if not name:
        return returned(name, False, "Must provide name to file.rename")
    name, source = os.path.expanduser(name), os.path.expanduser(source)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    if not os.path.lexists(source):
        return returned(name, True, f'Source file "{source}" has already been moved out of place')
    if os.path.lexists(name) and not force:
        return returned(name, True, f'The target file "{name}" exists and will not be overwritten')
    if __opts__["test"]:
        may = makedirs or os.path.isdir(os.path.dirname(name))
        text = f'File "{source}" is set to be moved to "{name}"'
        return returned(name, None, text, {name: source} if may else {})
    if os.path.lexists(name):
        try:
            __salt__["file.remove"](name)
        except (TrisaltError, OSError):
            return returned(name, False, f'Failed to delete "{name}" in preparation for forced move')
    folder = os.path.dirname(name)
    if not os.path.isdir(folder):
        if not makedirs:
            return returned(name, False, f"The target directory {folder} is not present")
        __salt__["file.makedirs"](name)
    try:
        if os.path.islink(source):
            os.symlink(os.readlink(source), name)
            os.unlink(source)
        else:
            shutil.move(source, name)
    except OSError:
        return returned(name, False, f'Failed to move "{source}" to "{name}"')
    return returned(name, True, f'Moved "{source}" to "{name}"', {name: source})


def tidied(
    name: str,
    age: Any = 0,
    matches: Any = None,
    rmdirs: bool = False,
    size: Any = 0,
    exclude: Any = None,
    full_path_match: bool = False,
    followlinks: bool = False,
    time_comparison: str = "atime",
    age_size_logical_operator: str = "OR",
    age_size_only: str | None = None,
    rmlinks: bool = True,
    **kwargs: Any,
) -> Result:
    """
    What is below a directory, is old (`age` in days) or large (`size`, also like `10m`), and matches one of the
    regular expressions and none of `exclude`, goes; with `rmdirs` directories that are left empty too.
    """
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    if not os.path.isdir(name):
        return returned(name, False, f"{name} does not exist or is not a directory.")
    tidy = __utils__["filetidy.candidates"](
        name, age=age, matches=matches, rmdirs=rmdirs, size=size, exclude=exclude, full_path=full_path_match,
        follow=followlinks, clock=time_comparison, both=age_size_logical_operator == "AND", only=age_size_only,
        links=rmlinks,
    )  # fmt: skip
    if not tidy:
        return returned(name, True, f"Nothing to remove from directory {name}")
    if __opts__["test"]:
        return returned(name, None, f"{name} is set for tidy", {"removed": tidy})
    removed = []
    for path in tidy:
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            else:
                os.unlink(path)
        except OSError as exc:
            return returned(name, False, str(exc), {"removed": removed} if removed else {})
        removed.append(path)
    text = f"Removed {len(removed)} files or directories from directory {name}"
    return returned(name, True, text, {"removed": removed})


def pruned(name: str, recurse: bool = False, ignore_errors: bool = False, older_than: int | None = None) -> Result:
    """
    A directory is not there, if it is empty; with `recurse` no empty directory below it either. `older_than` spares
    those that are younger, in days.
    """
    name = os.path.expanduser(name)
    if not os.path.isdir(name):
        return returned(name, True, f"Directory {name} is not present")
    if __opts__["test"]:
        return returned(name, None, f"Directory {name} is set for removal", {"deleted": name})
    done = __salt__["file.rmdir"](name, recurse=recurse, verbose=True, older_than=older_than)
    result = bool(done.get("result"))
    changes = {key: done[key] for key in ("deleted", "errors") if key in done}
    if recurse and (result or ignore_errors):
        return returned(name, True, f"Recursively removed empty directories under {name}", changes)
    if result or ignore_errors:
        return returned(name, True, f"Removed directory {name}", {"deleted": name})
    return returned(name, False, f"Failed to remove directory {name}", changes)


__func_alias__ = {"copy_": "copy"}


def _same_content(one: str, two: str) -> bool:
    return bool(__salt__["file.get_hash"](one) == __salt__["file.get_hash"](two))
