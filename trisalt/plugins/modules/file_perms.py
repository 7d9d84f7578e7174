"""
Who owns files and who may use them: the part of the shelf `file` about owners, modes, and directories with an owner.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils import fileperms, filesys
from trisalt.plugins.utils.filesys import expand, told

log = logging.getLogger(__name__)

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


def _info(path: str, follow_symlinks: bool = True) -> os.stat_result:
    path = expand(path)
    try:
        return os.stat(path, follow_symlinks=follow_symlinks)
    except FileNotFoundError:
        if follow_symlinks and os.path.islink(path):
            return os.lstat(path)
        raise CommandError(f"Path not found: {path}") from None


# -- names and numbers ----------------------------------------------------------------------------------------------


def uid_to_user(uid: int) -> str | int:
    """
    The name of a user's number; the number itself when nobody has it

    CLI Example:

    .. code-block:: bash

        salt '*' file.uid_to_user 0
    """
    if uid in (None, ""):
        return ""
    return filesys.user_name(uid) if isinstance(uid, int) else uid


def user_to_uid(user: str | None) -> int | str:
    """
    The number of a user, of the minion's own for None; "" when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.user_to_uid root
    """
    return os.geteuid() if user is None else filesys.uid_of(user)


def gid_to_group(gid: int) -> str | int:
    """
    The name of a group's number; the number itself when none has it

    CLI Example:

    .. code-block:: bash

        salt '*' file.gid_to_group 0
    """
    if gid in (None, ""):
        return ""
    return filesys.group_name(gid) if isinstance(gid, int) else gid


def group_to_gid(group: str | None) -> int | str:
    """
    The number of a group; "" when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.group_to_gid root
    """
    return "" if group is None else filesys.gid_of(group)


# -- owner and mode -------------------------------------------------------------------------------------------------


@told
def get_uid(path: str, follow_symlinks: bool = True) -> int:
    """
    The number of the user who owns a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_uid /etc/passwd
    """
    return _info(path, follow_symlinks).st_uid


@told
def get_user(path: str, follow_symlinks: bool = True) -> str | int:
    """
    The user who owns a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_user /etc/passwd
    """
    return filesys.user_name(_info(path, follow_symlinks).st_uid)


@told
def get_gid(path: str, follow_symlinks: bool = True) -> int:
    """
    The number of the group that owns a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_gid /etc/passwd
    """
    return _info(path, follow_symlinks).st_gid


@told
def get_group(path: str, follow_symlinks: bool = True) -> str | int:
    """
    The group that owns a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_group /etc/passwd
    """
    return filesys.group_name(_info(path, follow_symlinks).st_gid)


@told
def get_mode(path: str, follow_symlinks: bool = True) -> str:
    """
    The permissions of a file, as four octal digits

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_mode /etc/passwd
    """
    return filesys.shown_mode(_info(path, follow_symlinks))


@told
def set_mode(path: str, mode: Any) -> str:
    """
    Set the permissions of a file, and return them

    CLI Example:

    .. code-block:: bash

        salt '*' file.set_mode /etc/passwd 0644
    """
    path = expand(path)
    try:
        bits = filesys.octal(mode)
    except InvocationError as exc:
        return _failed(str(exc))
    if not os.path.exists(path):
        raise CommandError(f"{path}: File not found")
    os.chmod(path, bits)
    return get_mode(path)


@told
def chown(path: str, user: Any, group: Any) -> str | None:
    """
    Give a file to a user and a group; an empty name leaves that side as it is. A text says what went wrong.

    CLI Example:

    .. code-block:: bash

        salt '*' file.chown /etc/passwd root root
    """
    return _chown(path, user, group, follow=True)


@told
def lchown(path: str, user: Any, group: Any) -> str | None:
    """
    As `chown`, but a link is given away itself

    CLI Example:

    .. code-block:: bash

        salt '*' file.lchown /path/to/link root root
    """
    return _chown(path, user, group, follow=False)


@told
def chgrp(path: str, group: Any) -> str | None:
    """
    Give a file to a group. A text says what went wrong.

    CLI Example:

    .. code-block:: bash

        salt '*' file.chgrp /etc/passwd root
    """
    return _chown(path, "", group, follow=True)


def _chown(path: str, user: Any, group: Any, *, follow: bool) -> str | None:
    path = expand(path)
    text = fileperms.chown(path, user, group, follow=follow)
    return _failed(text) if text else None


def _failed(text: str) -> str:
    """A refusal that Salt tells as a returned text; the job has failed all the same."""
    __context__["retcode"] = 1
    return text


@told
def check_perms(
    name: str,
    ret: dict[str, Any] | None,
    user: Any,
    group: Any,
    mode: Any,
    attrs: str | None = None,
    follow_symlinks: bool = False,
    seuser: str | None = None,
    serole: str | None = None,
    setype: str | None = None,
    serange: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    See that a file has an owner, a mode, attributes and a SELinux context; what changed, and what it was before

    `ret` is a state's return that goes on, or None. With `test` only what would change is told.

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_perms /etc/sudoers '{}' root root 400 ai
    """
    name = expand(name)
    wanted = fileperms.Wanted(
        user=user, group=group, mode=mode, attributes=attrs, context=fileperms.context(seuser, serole, setype, serange)
    )
    return fileperms.check(
        name, ret, wanted, follow=follow_symlinks, test=bool(__opts__.get("test")), run=__salt__["cmd.run_all"]
    )


# -- directories with an owner --------------------------------------------------------------------------------------


@told
def mkdir(dir_path: str, user: str | None = None, group: str | None = None, mode: Any = None) -> bool:
    """
    Make a directory, and those above it that are not there

    CLI Example:

    .. code-block:: bash

        salt '*' file.mkdir /opt/jetty/context
    """
    path = os.path.normpath(expand(dir_path))
    if not os.path.isdir(path):
        if user is None and group is None and mode is None:
            os.makedirs(path)
        else:
            makedirs_perms(path, user, group, mode)
    return True


@told
def makedirs(path: str, user: str | None = None, group: str | None = None, mode: Any = None) -> str | None:
    """
    Make the directories that lead to a path; of one that ends in a slash, itself

    CLI Example:

    .. code-block:: bash

        salt '*' file.makedirs /opt/code/
    """
    path = expand(path)
    folder = os.path.normpath(os.path.dirname(path))
    if os.path.isdir(folder):
        msg = f"Directory '{folder}' already exists"
        log.debug(msg)
        return msg
    if os.path.exists(folder):
        msg = f"The path '{folder}' already exists and is not a directory"
        log.debug(msg)
        return _failed(msg)
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        above = os.path.dirname(folder)
        if above == folder:
            raise InvocationError(f"Recursive creation for path '{folder}' would result in an infinite loop. "
                                  "Please use an absolute path.")  # fmt: skip
        folder = above
    for one in reversed(missing):
        mkdir(one, user, group, mode)
    return None


@told
def makedirs_perms(name: str, user: str | None = None, group: str | None = None, mode: Any = "0755") -> None:
    """
    Make a directory and those above it that are not there, each with this owner and this mode

    CLI Example:

    .. code-block:: bash

        salt '*' file.makedirs_perms /opt/code
    """
    path = expand(name)
    if text := fileperms.unknown(user, group):
        raise CommandError(f"{path} is not made: {'; '.join(text.splitlines())}")
    above = os.path.dirname(path.rstrip("/"))
    if above and not os.path.isdir(above):
        makedirs_perms(above, user, group, mode)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    # It is made whatever `test` says of the run.
    wanted = fileperms.Wanted(user=user, group=group, mode=mode)
    ret, _before = fileperms.check(path, None, wanted, run=__salt__["cmd.run_all"])
    if ret["result"] is False:
        raise CommandError(ret["comment"])
