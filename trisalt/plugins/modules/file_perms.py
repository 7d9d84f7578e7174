"""
Who owns files and who may use them: the part of the shelf `file` about owners, modes, attributes and nodes
"""

from __future__ import annotations

import logging
import os
import re
import stat
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils import fileperms, filesys
from trisalt.plugins.utils.filesys import expand, told

log = logging.getLogger(__name__)

__virtualname__ = "file"

# The letters of chattr(1) that may be given, in the order in which stock Salt names them.
_ATTRIBUTES = "aAcCdDeijPsStTu"


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


def user_to_uid(user: str | None = None) -> int | str:
    """
    The number of a user, by default of the minion's own; "" when there is none

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


# -- attributes and contexts ----------------------------------------------------------------------------------------


@told
def lsattr(path: str) -> dict[str, list[str]] | None:
    """
    The attributes of a file on its file system, by lsattr(1); None where there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.lsattr foo1.txt
    """
    path = expand(path)
    if not os.path.exists(path):
        raise InvocationError(f"File or directory does not exist: {path}")
    return fileperms.lsattr(path, __salt__["cmd.run_all"])


@told
def chattr(*files: str, **kwargs: Any) -> bool:
    """
    Add attributes to files, or remove them, by chattr(1)

    `operator` is `add` or `remove`, `attributes` are its letters; `version` and `flags` (of `RVf`) are passed on.

    CLI Example:

    .. code-block:: bash

        salt '*' file.chattr foo1.txt foo2.txt operator=add attributes=ai
        salt '*' file.chattr foo3.txt operator=remove attributes=i version=2
    """
    operator, attributes = kwargs.get("operator"), kwargs.get("attributes")
    flags, version = kwargs.get("flags"), kwargs.get("version")
    if operator not in ("add", "remove"):
        raise InvocationError("Need an operator: 'add' or 'remove' to modify attributes.")
    if not attributes:
        raise InvocationError(f"Need attributes: [{_ATTRIBUTES}]")
    if not re.fullmatch("[A-Za-z]+", str(attributes)):
        raise InvocationError(f"Attributes are letters of [{_ATTRIBUTES}], not {attributes!r}")
    argv = ["chattr"]
    if flags:
        if not set(str(flags)) <= set("RVf"):
            raise InvocationError(f"Flags are letters of [RVf], not {flags!r}")
        argv.append(f"-{flags}")
    if version:
        argv += ["-v", str(int(version))]
    argv += [f"{'+' if operator == 'add' else '-'}{attributes}", "--", *map(str, files)]
    return _run(argv)


def _run(argv: list[str]) -> bool:
    """Run a program whose failure is this call's."""
    retcode = __salt__["cmd.run_all"](argv, python_shell=False)["retcode"]
    if retcode:
        __context__["retcode"] = retcode
    return not retcode


@told
def get_selinux_context(path: str) -> str:
    """
    The SELinux context of a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_selinux_context /etc/hosts
    """
    path = expand(path)
    found = fileperms.selinux(path)
    return found or _failed(f"No selinux context information is available for {path}")


@told
def set_selinux_context(
    path: str,
    user: str | None = None,
    role: str | None = None,
    type: str | None = None,
    range: str | None = None,
    persist: bool = False,
) -> str | bool:
    """
    Set parts of the SELinux context of a file, by chcon(1); the context it has then, False when it has none

    `persist` writes it into the policy too, by `selinux.fcontext_add_policy`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.set_selinux_context path <user> <role> <type> <range>
    """
    path = expand(path)
    parts = fileperms.context(user, role, type, range)
    if not parts:
        return False
    if persist:
        __salt__["selinux.fcontext_add_policy"](re.escape(path), sel_type=type, sel_user=user, sel_level=range)
    argv = ["chcon", *(f"--{name}={value}" for name, value in parts.items()), "--", path]
    return get_selinux_context(path) if _run(argv) else False


@told
def restorecon(path: str, recursive: bool = False) -> bool:
    """
    Give a file the SELinux context that the policy has for it

    CLI Example:

    .. code-block:: bash

        salt '*' file.restorecon /home/user/.ssh/authorized_keys
    """
    return _run(["restorecon", "-FR" if recursive else "-F", expand(path)])


# -- nodes ----------------------------------------------------------------------------------------------------------


def is_blkdev(name: str) -> bool:
    """
    Whether a path is a block device

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_blkdev /dev/sda
    """
    return _is(name, stat.S_ISBLK)


def is_chrdev(name: str) -> bool:
    """
    Whether a path is a character device

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_chrdev /dev/null
    """
    return _is(name, stat.S_ISCHR)


def is_fifo(name: str) -> bool:
    """
    Whether a path is a named pipe

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_fifo /run/initctl
    """
    return _is(name, stat.S_ISFIFO)


def _is(name: str, kind: Any) -> bool:
    try:
        return bool(kind(os.stat(expand(name)).st_mode))
    except OSError:
        return False


def get_devmm(name: str) -> tuple[int, int]:
    """
    The major and the minor number of a device; zeros when it is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_devmm /dev/null
    """
    if not (is_chrdev(name) or is_blkdev(name)):
        return (0, 0)
    device = os.stat(expand(name)).st_rdev
    return (os.major(device), os.minor(device))


@told
def mknod_chrdev(
    name: str, major: int, minor: int, user: Any = None, group: Any = None, mode: Any = "0660"
) -> dict[str, Any]:
    """
    Make a character device

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod_chrdev /dev/chr 180 31
    """
    return _mknod(name, "Character device", stat.S_IFCHR, (major, minor), user, group, mode)


@told
def mknod_blkdev(
    name: str, major: int, minor: int, user: Any = None, group: Any = None, mode: Any = "0660"
) -> dict[str, Any]:
    """
    Make a block device

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod_blkdev /dev/blk 8 999
    """
    return _mknod(name, "Block device", stat.S_IFBLK, (major, minor), user, group, mode)


@told
def mknod_fifo(name: str, user: Any = None, group: Any = None, mode: Any = "0660") -> dict[str, Any]:
    """
    Make a named pipe

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod_fifo /run/pipe
    """
    return _mknod(name, "Fifo pipe", stat.S_IFIFO, (0, 0), user, group, mode)


def mknod(
    name: str, ntype: str, major: int = 0, minor: int = 0, user: Any = None, group: Any = None, mode: Any = "0600"
) -> dict[str, Any]:
    """
    Make a character device (`c`), a block device (`b`) or a named pipe (`p`), and the directories that lead to it

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod /dev/chr c 180 31
        salt '*' file.mknod /dev/blk b 8 999
        salt '*' file.mknod /run/fifo p
    """
    if ntype not in ("c", "b", "p"):
        raise InvocationError(
            f"Node type unavailable: '{ntype}'. Available node types are character ('c'), block ('b'), and pipe ('p')."
        )
    makedirs(name, user, group)
    if ntype == "p":
        return mknod_fifo(name, user, group, mode)
    return (mknod_chrdev if ntype == "c" else mknod_blkdev)(name, major, minor, user, group, mode)


def _mknod(
    name: str, kind: str, bits: int, device: tuple[int, int], user: Any, group: Any, mode: Any
) -> dict[str, Any]:
    name = expand(name)
    ret: dict[str, Any] = {"name": name, "changes": {}, "comment": "", "result": False}
    if os.path.lexists(name):
        return ret | {"comment": f"File {name} exists and cannot be overwritten"}
    if text := fileperms.unknown(user, group):
        return ret | {"comment": text}
    changes = {"new": f"{kind} {name} created."}
    if __opts__.get("test"):
        return ret | {"changes": changes, "comment": f"{kind} {name} would be created", "result": None}
    os.mknod(name, bits | filesys.octal(mode), os.makedev(int(device[0]), int(device[1])))
    # The umask has taken from the mode.
    fileperms.chown(name, user, group)
    os.chmod(name, filesys.octal(mode))
    return ret | {"changes": changes, "result": True}
