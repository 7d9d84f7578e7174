"""Links: symbolic and hard.

/srv/current:
  file.symlink:
    - target: /srv/releases/42
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import owner_of
from trisalt.state.result import Result, returned

__virtualname__ = "file"

_FORCED = "File for hard link was forcibly replaced"


def __virtual__() -> str:
    return __virtualname__


def symlink(
    name: str,
    target: str,
    force: bool = False,
    backupname: str | None = None,
    makedirs: bool = False,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    atomic: bool = False,
    disallow_copy_and_unlink: bool = False,
    inherit_user_and_group: bool = False,
    follow_symlinks: bool = True,
    **kwargs: Any,
) -> Result:
    """
    A symbolic link points to `target`, which need not be there. What is in its place is moved to `backupname`, or with
    `force` removed. The link belongs to `user` and `group`; with `inherit_user_and_group` to those of its folder.
    """
    if not name:
        return returned(name, False, "Must provide name to file.symlink")
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    folder = os.path.dirname(name)
    user = owner_of(user, kwargs)
    user, group = _owner(folder, user, group, inherit_user_and_group)
    unknown = [f"User {user} does not exist"] if __salt__["file.user_to_uid"](user) == "" else []
    unknown += [f"Group {group} does not exist"] if __salt__["file.group_to_gid"](group) == "" else []
    if unknown:
        return returned(name, False, ". ".join(unknown) + "." * (len(unknown) > 1))
    if __opts__["test"]:
        return _previewed(name, target, force or bool(backupname), user, group, makedirs)
    if not os.path.isdir(folder):
        if not makedirs:
            return returned(name, False, f"Directory {folder} for symlink is not present")
        __salt__["file.makedirs"](name, user=user, group=group, mode=mode)
    if os.path.islink(name):
        if os.readlink(name) == target:
            return _owned(name, user, group)
    elif os.path.lexists(name):
        refusal = _cleared(name, target, force, backupname, disallow_copy_and_unlink)
        if refusal:
            return returned(name, False, refusal)
    try:
        __salt__["file.symlink"](target, name, force=True, atomic=atomic, follow_symlinks=follow_symlinks)
    except (TrisaltError, OSError) as exc:
        return returned(name, False, f"Unable to create new symlink {name} -> {target}: {exc}")
    text = f"Created new symlink {name} -> {target}"
    changes = {"new": name}
    if not _is_owned(name, user, group):
        __salt__["file.lchown"](name, user, group)
        if not _is_owned(name, user, group):
            return returned(name, False, f"{text}, but was unable to set ownership to {user}:{group}", changes)
    return returned(name, True, text, changes)


def hardlink(
    name: str,
    target: str,
    force: bool = False,
    makedirs: bool = False,
    user: Any = None,
    group: Any = None,
    dir_mode: Any = None,
    **kwargs: Any,
) -> Result:
    """
    A path is another name of the file `target`. With `force` a file in its place goes.
    """
    if not name:
        return returned(name, False, "Must provide name to file.hardlink")
    name = os.path.expanduser(name)
    problems = []
    if user is not None and __salt__["file.user_to_uid"](user) == "":
        problems.append(f"User {user} does not exist")
    if group is not None and __salt__["file.group_to_gid"](group) == "":
        problems.append(f"Group {group} does not exist")
    if not os.path.isabs(name):
        problems.append(f"Specified file {name} is not an absolute path")
    if not os.path.isabs(target):
        problems.append(f"Specified target {target} is not an absolute path")
    if problems:
        return returned(name, False, ". ".join(problems))
    if __opts__["test"]:
        return _hard_previewed(name, target, force)
    for direction, item in (("to", name), ("from", target)):
        if os.path.isdir(item):
            return returned(name, False, f"Unable to hard link {direction} directory {item}")
    if not os.path.exists(target):
        return returned(name, False, f"Target {target} for hard link does not exist")
    folder = os.path.dirname(name)
    if not os.path.isdir(folder):
        if not makedirs:
            return returned(name, False, f"Directory {folder} for hard link is not present")
        __salt__["file.makedirs"](name, user=user, group=group, mode=dir_mode)
    changes: dict[str, Any] = {}
    if os.path.lexists(name):
        if _is_same(name, target):
            return returned(name, True, f"Target of hard link {name} is already pointing to {target}")
        if os.path.isfile(name) and not os.path.islink(name) and os.stat(name).st_nlink == 1 and not force:
            return returned(name, False, f"File exists where the hard link {name} should be")
        if os.path.isfile(name) and os.stat(name).st_nlink == 1:
            changes["forced"] = _FORCED
    done = "Set target of hard link" if os.path.lexists(name) and not changes else "Created new hard link"
    try:
        __salt__["file.remove"](name) if os.path.lexists(name) else None
        __salt__["file.link"](target, name)
    except (TrisaltError, OSError) as exc:
        verb = "create new" if done.startswith("Created") else "set target of"
        return returned(name, False, f"Unable to {verb} hard link {name} -> {target}: {exc}")
    return returned(name, True, f"{done} {name} -> {target}", {**changes, "new": name})


# -- symbolic --------------------------------------------------------------------------------------------------------


def _owner(folder: str, user: Any, group: Any, inherit: bool) -> tuple[Any, Any]:
    if inherit and os.path.isdir(folder):
        user = user or __salt__["file.get_user"](folder)
        group = group or __salt__["file.get_group"](folder)
    user = __opts__.get("user") if user in (None, "") else user
    if group in (None, ""):
        info = __salt__["user.info"](user) if "user.info" in __salt__ else {}
        group = __salt__["file.gid_to_group"](info.get("gid", 0))
    return user, group


def _previewed(name: str, target: str, force: bool, user: Any, group: Any, makedirs: bool) -> Result:
    ret = _link_previewed(name, target, force, user, group)
    folder = os.path.dirname(name)
    if os.path.isdir(folder):
        return ret
    if makedirs:
        return ret | {"comment": f"{ret['comment']}\n{folder} will be created"}
    # Another state of the run may make it.
    return ret | {"comment": f"{ret['comment']}\nDirectory {folder} for symlink is not present"}


def _link_previewed(name: str, target: str, force: bool, user: Any, group: Any) -> Result:
    if not os.path.lexists(name):
        return returned(name, None, f"Symlink {name} to {target} is set for creation", {"new": name})
    if os.path.islink(name):
        if os.readlink(name) != target:
            text = f"Link {name} target is set to be changed to {target}"
            return returned(name, None, text, {"change": name})
        if _is_owned(name, user, group):
            return returned(name, True, f"The symlink {name} is present")
        now = f"{__salt__['file.get_user'](name, False)}:{__salt__['file.get_group'](name, False)}"
        text = f"but the ownership of the symlink would be changed from {now} to {user}:{group}"
        text = f"The symlink {name} is present, {text}"
        return returned(name, None, text, {"ownership": f"{user}:{group}"})
    if force:
        text = f"The file or directory {name} is set for removal to make way for a new symlink targeting {target}"
        return returned(name, None, text, {"new": name})
    text = f"File or directory exists where the symlink {name} should be. Did you mean to use force?"
    return returned(name, False, text)


def _owned(name: str, user: Any, group: Any) -> Result:
    if _is_owned(name, user, group):
        return returned(name, True, f"Symlink {name} is present and owned by {user}:{group}")
    __salt__["file.lchown"](name, user, group)
    if _is_owned(name, user, group):
        changes = {"ownership": f"{user}:{group}"}
        return returned(name, True, f"Set ownership of symlink {name} to {user}:{group}", changes)
    return returned(name, False, f"Failed to set ownership of symlink {name} to {user}:{group}")


def _is_owned(name: str, user: Any, group: Any) -> bool:
    info = os.lstat(name)
    return info.st_uid == __salt__["file.user_to_uid"](user) and info.st_gid == __salt__["file.group_to_gid"](group)


def _cleared(name: str, target: str, force: bool, backupname: str | None, no_copy: bool) -> str:
    """Take away what is in a link's place, as far as that is allowed: why it is not, or nothing."""
    if backupname is not None:
        backup = os.path.expanduser(backupname)
        if os.sep in backup and not os.path.isabs(backup):
            return f"Backupname must be an absolute path or a file name: {backupname}"
        backup = backup if os.path.isabs(backup) else os.path.join(os.path.dirname(name), backup)
        if os.path.lexists(backup):
            if not force:
                return f"Symlink & backup dest exists and Force not set. {name} -> {target} - backup: {backup}"
            __salt__["file.remove"](backup)
        try:
            __salt__["file.move"](name, backup, disallow_copy_and_unlink=no_copy)
        except (TrisaltError, OSError) as exc:
            return f"Unable to rename {name} to backup {backup} -> : {exc}"
        return ""
    kind = "File" if os.path.isfile(name) else "Directory" if os.path.isdir(name) else "File system entry"
    if not force:
        return f"{kind} exists where the symlink {name} should be"
    __salt__["file.remove"](name)
    return ""


# -- hard ------------------------------------------------------------------------------------------------------------


def _hard_previewed(name: str, target: str, force: bool) -> Result:
    if not os.path.exists(target):
        return returned(name, False, f"Target {target} for hard link does not exist")
    if os.path.isdir(target):
        return returned(name, False, f"Unable to hard link from directory {target}")
    if os.path.isdir(name):
        return returned(name, False, f"Unable to hard link to directory {name}")
    if not os.path.lexists(name):
        return returned(name, None, f"Hard link {name} to {target} is set for creation", {"new": name})
    if _is_same(name, target):
        return returned(name, True, f"The hard link {name} is presently targetting {target}")
    if os.stat(name).st_nlink > 1:
        return returned(name, None, f"Link {name} target is set to be changed to {target}", {"change": name})
    if force:
        text = f"The file or directory {name} is set for removal to make way for a new hard link targeting {target}"
        return returned(name, None, text, {"forced": _FORCED, "new": name})
    text = f"File or directory exists where the hard link {name} should be. Did you mean to use force?"
    return returned(name, False, text)


def _is_same(name: str, target: str) -> bool:
    try:
        return os.path.samestat(os.stat(name), os.stat(target))
    except OSError:
        return False
