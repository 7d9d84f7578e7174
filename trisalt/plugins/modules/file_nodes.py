"""
Devices, pipes, attributes and contexts: the part of the shelf `file` about what only some file systems and hosts have.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from trisalt.errors import InvocationError
from trisalt.plugins.utils import fileperms, filesys
from trisalt.plugins.utils.filesys import expand, told

__virtualname__ = "file"

# The letters of chattr(1) that may be given, in the order in which stock Salt names them.
_ATTRIBUTES = "aAcCdDeijPsStTu"


def __virtual__() -> str:
    return __virtualname__


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
    if not found:
        __context__["retcode"] = 1
    return found or f"No selinux context information is available for {path}"


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
    __salt__["file.makedirs"](name, user, group)
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
