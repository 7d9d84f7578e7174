"""Manage the groups of a host, by groupadd and its kin."""

from __future__ import annotations

from typing import Any

__virtualname__ = "group"


def __virtual__() -> str:
    return __virtualname__


def add(
    name: str,
    gid: Any = None,
    system: bool = False,
    root: str | None = None,
    non_unique: bool = False,
    local: bool = False,
) -> bool:
    """
    Add a group. With `non_unique` its number may be another group's; with `local` it is made in the host's own files,
    whatever its name service is (lgroupadd).

    CLI Example:

        salt '*' group.add name 3456
    """
    argv = ["lgroupadd"] if local else ["groupadd"]
    if gid not in (None, ""):
        argv += ["-g", gid]
        if non_unique and not local:
            argv += ["-o"]
    if system:
        argv += ["-r"]
    if root is not None and not local:
        argv += ["-R", root]
    return _succeeds([*argv, "--", name])


def delete(name: str, root: str | None = None, local: bool = False) -> bool:
    """
    Remove a group.

    CLI Example:

        salt '*' group.delete name
    """
    argv = ["lgroupdel"] if local else ["groupdel", *([] if root is None else ["-R", root])]
    return _succeeds([*argv, "--", name])


def info(name: str, root: str | None = None) -> dict[str, Any]:
    """
    What is known of a group, `{name, passwd, gid, members}`; nothing when it is not there.

    CLI Example:

        salt '*' group.info name
    """
    return __utils__["accounts.group"](name, root)


def getent(refresh: bool = False, root: str | None = None) -> list[dict[str, Any]]:
    """
    What is known of every group, as a list of what `info` returns.

    CLI Example:

        salt '*' group.getent
    """
    return __utils__["accounts.groups"](root)


def chgid(name: str, gid: Any, root: str | None = None, non_unique: bool = False) -> bool:
    """
    Give a group another number.

    CLI Example:

        salt '*' group.chgid name 4376
    """
    if str(info(name, root).get("gid", "")) == str(gid):
        return True
    argv = ["groupmod", *([] if root is None else ["-R", root]), "-g", gid, *(["-o"] if non_unique else [])]
    return _succeeds([*argv, "--", name])


def adduser(name: str, username: str, root: str | None = None) -> bool:
    """
    Make an account a member of a group.

    CLI Example:

        salt '*' group.adduser name username
    """
    if username in info(name, root).get("members", []):
        return True
    return _gpasswd(["-a", username], name, root)


def deluser(name: str, username: str, root: str | None = None) -> bool:
    """
    Take an account out of a group; true when it was no member.

    CLI Example:

        salt '*' group.deluser name username
    """
    if username not in info(name, root).get("members", []):
        return True
    return _gpasswd(["-d", username], name, root)


def members(name: str, members_list: Any, root: str | None = None) -> bool:
    """
    Set the members of a group: a list, or names with commas between them.

    CLI Example:

        salt '*' group.members name 'user1,user2,user3'
    """
    return _gpasswd(["-M", ",".join(__utils__["accounts.names"](members_list))], name, root)


def _gpasswd(change: list[str], name: str, root: str | None) -> bool:
    return _succeeds(["gpasswd", *([] if root is None else ["-Q", root]), *change, "--", name])


def _succeeds(argv: list[Any]) -> bool:
    return __utils__["tool.succeeds"](argv)
