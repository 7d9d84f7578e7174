"""Directories and what is below them.

/srv/site:
  file.directory:
    - user: www-data
    - dir_mode: '0755'
    - makedirs: True
    - recurse: [user, group, mode]
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list, owner_of, unknown_owner
from trisalt.state.result import Result, returned

__virtualname__ = "file"

_RECURSED = ("user", "group", "mode", "ignore_files", "ignore_dirs", "silent")


def __virtual__() -> str:
    return __virtualname__


def directory(
    name: str,
    user: Any = None,
    group: Any = None,
    recurse: Any = None,
    max_depth: int | None = None,
    dir_mode: Any = None,
    file_mode: Any = None,
    makedirs: bool = False,
    clean: bool = False,
    require: Any = None,
    exclude_pat: Any = None,
    follow_symlinks: bool = False,
    force: bool = False,
    backupname: str | None = None,
    allow_symlink: bool = True,
    children_only: bool = False,
    **kwargs: Any,
) -> Result:
    """
    A directory is there, with this owner and mode; `recurse` (`user`, `group`, `mode`, without `ignore_files` or
    `ignore_dirs`) says that of what is below it. `clean` removes what no other state of the run has put there, but for
    `exclude_pat`. A file in its place is moved to `backupname`, or goes with `force`.
    """
    if not name:
        return returned(name, False, "Must provide name to file.directory")
    called = os.path.expanduser(name)
    name = called.rstrip("/") or "/"
    if max_depth is not None and clean:
        return returned(called, False, "Cannot specify both max_depth and clean")
    if not dir_mode:
        dir_mode = kwargs.get("mode")
    # Where no mode of files is said, they are read and written like the directories.
    if not file_mode:
        file_mode = dir_mode
    test = bool(__opts__["test"])
    user = owner_of(user, kwargs)
    # A preview cannot know whom an earlier state of the run would make.
    unknown = "" if test else unknown_owner(__salt__, user, group)
    if unknown:
        return returned(called, False, unknown)
    if not os.path.isabs(name):
        return returned(called, False, f"Specified file {name} is not an absolute path")
    wanted = _Wanted(user=user, group=group, dir_mode=dir_mode, file_mode=file_mode, follow=follow_symlinks)
    try:
        wanted.recurse = _recursed(recurse)
    except TrisaltError as exc:
        return returned(called, False, str(exc))
    keep = _kept(name, require) if clean else set()
    refusal, changes = _in_the_way(name, force, backupname, allow_symlink, test=test)
    if refusal:
        return returned(called, False, refusal)
    gone = "forced" in changes or "backup" in changes
    changes |= {name: {"directory": "new"}} if gone else _differences(name, wanted, max_depth, children_only)
    cleaned = _unwanted(name, keep, exclude_pat) if clean and os.path.isdir(name) and not gone else []
    for path in cleaned:
        changes |= {each: {"removed": "Removed due to clean"} for each in [path, *_all_below(path)]}
    if not changes:
        return returned(called, True, f"The directory {name} is in the correct state")
    if test:
        lines = [f"{path}: {key} - {value}\n" for path, row in _rows(changes) for key, value in row.items()]
        return returned(called, None, f"The following files will be changed:\n{''.join(lines)}", changes)
    ret = returned(called, True, "", changes)
    is_new = not os.path.isdir(name)
    if is_new:
        if not os.path.isdir(os.path.dirname(name)):
            if not makedirs:
                return ret | {"result": False, "comment": f"No directory to create {name} in"}
            __salt__["file.makedirs"](name, user=user, group=group, mode=dir_mode)
        __salt__["file.mkdir"](name, user=user, group=group, mode=dir_mode)
        if not os.path.isdir(name):
            return ret | {"result": False, "comment": f"Failed to create directory {name}"}
    if not children_only:
        perms, _now = __salt__["file.check_perms"](
            name, returned(name, True), user, group, dir_mode, None, follow_symlinks
        )
        ret |= {"result": perms["result"], "comment": perms["comment"]}
        # What a new directory was made with is no change of it.
        ret["changes"] |= {} if is_new else perms["changes"]
    errors = _recursively(name, wanted, max_depth)
    unowned = "" if is_new else _unowned(wanted)
    for path in cleaned:
        __salt__["file.remove"](path, force=True)
    if cleaned:
        ret["changes"]["removed"] = cleaned
        ret["comment"] = f"Files cleaned from directory {name}"
    elif not ret["comment"] and not is_new:
        ret["comment"] = f"Directory {name}/* updated" if children_only else f"Directory {name} updated"
    if errors:
        ret["result"] = False
        ret["comment"] += "\n\nThe following errors were encountered:\n" + "".join(f"\n- {error}" for error in errors)
    if unowned:
        ret |= {"result": False, "comment": unowned}
    if "silent" in wanted.recurse:
        ret["changes"] = {"recursion": "Changes silenced"}
    return ret


# -- what is asked ---------------------------------------------------------------------------------------------------


@attrs.define(kw_only=True)
class _Wanted:
    """What a directory, and what is below it, is to be."""

    user: Any
    group: Any
    dir_mode: Any
    file_mode: Any
    follow: bool
    recurse: frozenset[str] = frozenset()


def _recursed(recurse: Any) -> frozenset[str]:
    if not recurse:
        return frozenset()
    if not isinstance(recurse, list | tuple):
        raise TrisaltError('"recurse" must be formed as a list of strings')
    given = frozenset(map(str, recurse))
    if given - set(_RECURSED):
        names = ", ".join(f'"{word}"' for word in _RECURSED)
        raise TrisaltError(f'Types for "recurse" limited to {names}.')
    if {"ignore_files", "ignore_dirs"} <= given:
        raise TrisaltError('Must not specify "recurse" options "ignore_files" and "ignore_dirs" at the same time.')
    return given


def _in_the_way(
    name: str, force: bool, backupname: str | None, allow_symlink: bool, *, test: bool
) -> tuple[str, dict[str, Any]]:
    """What speaks against a directory here; and, where that is taken away, how."""
    is_link = os.path.islink(name)
    if os.path.isdir(name) and (allow_symlink or not is_link):
        return "", {}
    if not os.path.lexists(name):
        return "", {}
    if backupname is not None:
        if os.path.lexists(backupname):
            if not force:
                return f"File exists where the backup target {backupname} should go", {}
            if not test:
                __salt__["file.remove"](backupname)
        if not test:
            os.rename(name, backupname)
        return "", {"backup": f"{name} would be renamed to {backupname}" if test else f"{name} renamed to {backupname}"}
    if not force:
        return f"Specified location {name} exists and is a {'symlink' if is_link else 'file'}", {}
    kind = "Symlink" if is_link else "File"
    if not test:
        os.unlink(name)
    return "", {"forced": f"{kind} {'would be' if test else 'was'} forcibly replaced"}


# -- below it --------------------------------------------------------------------------------------------------------


def _below(name: str, wanted: _Wanted, max_depth: int | None) -> Iterator[tuple[str, Any]]:
    """What is below a directory and asked about, with the mode that it is to have."""
    modes = "mode" in wanted.recurse
    base = name.rstrip("/").count("/")
    for folder, folders, files in os.walk(name, followlinks=wanted.follow):
        if max_depth is not None and folder.count("/") - base >= max_depth:
            folders[:] = []
            if folder.count("/") - base > max_depth:
                continue
        if "ignore_files" not in wanted.recurse:
            yield from ((os.path.join(folder, file), wanted.file_mode if modes else None) for file in sorted(files))
        if "ignore_dirs" not in wanted.recurse:
            yield from ((os.path.join(folder, each), wanted.dir_mode if modes else None) for each in sorted(folders))


def _differences(name: str, wanted: _Wanted, max_depth: int | None, children_only: bool) -> dict[str, Any]:
    """`{path: {user, group, mode}}` of what is not as it is to be, the directory itself last."""
    if not os.path.isdir(name):
        return {name: {"directory": "new"}}
    changes = {}
    if wanted.recurse & {"user", "group", "mode"}:
        user = wanted.user if "user" in wanted.recurse else None
        group = wanted.group if "group" in wanted.recurse else None
        for path, mode in _below(name, wanted, max_depth):
            if other := _other(path, user, group, mode, wanted.follow):
                changes[path] = other
    if not children_only and (other := _other(name, wanted.user, wanted.group, wanted.dir_mode, wanted.follow)):
        changes[name] = other
    return changes


def _rows(changes: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((path, change) for path, change in changes.items() if isinstance(change, Mapping))


def _other(path: str, user: Any, group: Any, mode: Any, follow: bool) -> dict[str, Any]:
    try:
        info = os.stat(path) if follow else os.lstat(path)
    except OSError:
        return {}
    changes: dict[str, Any] = {}
    if user not in (None, "") and info.st_uid != __salt__["file.user_to_uid"](user):
        changes["user"] = user
    if group not in (None, "") and info.st_gid != __salt__["file.group_to_gid"](group):
        changes["group"] = group
    if mode not in (None, "") and not stat.S_ISLNK(info.st_mode):
        asked = __utils__["fileperms.normal"](mode)
        if asked != f"{stat.S_IMODE(info.st_mode):04o}":
            changes["mode"] = asked
    return changes


def _unowned(wanted: _Wanted) -> str:
    """That what is below a directory is to belong to somebody whom nobody names; "" else."""
    for word, value in (("group", wanted.group), ("user", wanted.user)):
        if word in wanted.recurse and value in (None, ""):
            return f"{word} not specified, but configured as a target for recursive ownership management"
    return ""


def _recursively(name: str, wanted: _Wanted, max_depth: int | None) -> list[str]:
    """Give what is below a directory its owner and mode; what did not work."""
    if not wanted.recurse & {"user", "group", "mode"}:
        return []
    errors = []
    user = wanted.user if "user" in wanted.recurse else None
    group = wanted.group if "group" in wanted.recurse else None
    for path, mode in _below(name, wanted, max_depth):
        if not _other(path, user, group, mode, wanted.follow):
            continue
        ret = returned(path, True)
        try:
            done, _now = __salt__["file.check_perms"](path, ret, user, group, mode, None, wanted.follow)
        except (TrisaltError, OSError) as exc:
            errors.append(str(exc))
            continue
        if done["result"] is False:
            errors.append(str(done["comment"]))
    return errors


# -- clean -----------------------------------------------------------------------------------------------------------


def _kept(name: str, require: Any) -> set[str]:
    """What other states put below a directory: those that this one requires, and whoever lies there."""
    own, kept = __low__.get("__id__"), set()
    references = {
        str(value)
        for item in as_list(require) + as_list(__low__.get("require"))
        for value in (item.values() if isinstance(item, Mapping) else [item])
    }
    for chunk in __lowstate__:
        if chunk.get("state") != "file" or (chunk.get("__id__") == own and chunk.get("name") == name):
            continue
        path = os.path.expanduser(str(chunk.get("name", "")))
        inside = path.startswith(name.rstrip("/") + "/")
        required = chunk.get("__id__") in references or path in references
        requires = any(
            isinstance(item, Mapping) and {own, name} & set(map(str, item.values()))
            for word in ("require", "watch", "onchanges")
            for item in as_list(chunk.get(word))
        )
        if not (inside or required or requires):
            continue
        if chunk.get("fun") in ("absent", "missing", "tidied"):
            continue
        kept.add(path)
        if chunk.get("fun") == "recurse" or (chunk.get("fun") == "directory" and not chunk.get("clean")):
            # What is below it is not known here.
            kept.add(path.rstrip("/") + "/")
    return kept


def _unwanted(name: str, keep: set[str], exclude: Any) -> list[str]:
    """What nobody has put below a directory; of what goes as a whole its top alone."""
    parents = {parent for path in keep for parent in _parents(path, name)}
    wholes = tuple(each for each in keep if each.endswith("/"))
    unwanted: list[str] = []
    for folder, folders, files in os.walk(name, topdown=True):
        for entry in sorted(files) + sorted(folders):
            path = os.path.join(folder, entry)
            if (
                path in keep
                or path in parents
                or path.startswith(wholes)
                or _excluded(os.path.relpath(path, name), exclude)
            ):
                continue
            unwanted.append(path)
            if entry in folders:
                folders.remove(entry)
    return unwanted


def _all_below(path: str) -> list[str]:
    if os.path.islink(path):
        return []
    return [os.path.join(top, entry) for top, folders, files in os.walk(path) for entry in [*files, *folders]]


def _parents(path: str, top: str) -> Iterator[str]:
    path = os.path.dirname(path.rstrip("/"))
    while len(path) > len(top):
        yield path
        path = os.path.dirname(path)


def _excluded(path: str, patterns: Any) -> bool:
    """Whether a glob, or a regular expression behind `E@`, matches a path below the directory."""
    for pattern in as_list(patterns):
        text = str(pattern)
        if text.startswith("E@"):
            if re.search(text[2:], path):
                return True
        elif fnmatch.fnmatch(path, text) or any(fnmatch.fnmatch(part, text) for part in [path.split("/")[0]]):
            return True
    return False
