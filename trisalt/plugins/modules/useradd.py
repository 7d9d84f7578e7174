"""Manage the accounts of a host, by useradd and its kin."""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "user"


def __virtual__() -> str:
    return __virtualname__


def add(
    name: str,
    uid: Any = None,
    gid: Any = None,
    groups: Any = None,
    home: str | None = None,
    shell: str | None = None,
    unique: bool = True,
    system: bool = False,
    fullname: str = "",
    roomnumber: str = "",
    workphone: str = "",
    homephone: str = "",
    other: str = "",
    createhome: bool = True,
    loginclass: str | None = None,
    nologinit: bool = False,
    root: str | None = None,
    usergroup: bool | None = None,
    local: bool = False,
) -> bool:
    """
    Add an account. `gid` names its primary group; without one the host's own rules decide, or `usergroup` does.

    With `local` it is made in the host's own files, whatever its name service is (luseradd). `loginclass` is known to
    BSD only.

    CLI Example:

        salt '*' user.add name 1010 users '[audio, video]' /home/name /bin/bash
    """
    comment = __utils__["accounts.gecos"](
        {"fullname": fullname, "roomnumber": roomnumber, "workphone": workphone, "homephone": homephone, "other": other}
    )
    argv = _program("luseradd" if local else "useradd", root)
    if shell:
        argv += ["-s", shell]
    if uid not in (None, ""):
        argv += ["-u", uid]
    if gid not in (None, ""):
        argv += ["-g", gid]
    elif usergroup is not None and not local:
        argv += ["-U" if usergroup else "-N"]
    elif local and usergroup is False:
        argv += ["-n"]
    wanted = __utils__["accounts.names"](groups)
    if wanted and not local:
        argv += ["-G", ",".join(wanted)]
    if local:
        argv += [] if createhome else ["-M"]
    else:
        argv += ["-m" if createhome else "-M"]
    if home is not None:
        argv += ["-d", home]
    if not unique:
        argv += ["-o"]
    if system:
        argv += ["-r"]
    if nologinit:
        argv += ["-l"]
    if comment:
        argv += ["-c", comment]
    if not _succeeds([*argv, "--", name]):
        return False
    # luseradd knows no further groups.
    return chgroups(name, wanted, root=root) if local and wanted else True


def delete(name: str, remove: bool = False, force: bool = False, root: str | None = None, local: bool = False) -> bool:
    """
    Remove an account; with `remove` its home directory and mail, too; with `force` though it is logged in.

    CLI Example:

        salt '*' user.delete name remove=True force=True
    """
    argv = _program("luserdel" if local else "userdel", root)
    if remove:
        argv += ["-r"]
    if force and not local:
        argv += ["-f"]
    home = info(name, root).get("home", "") if remove else ""
    argv += ["--", name]
    found = __utils__["tool.run"](argv)
    # 12: the account is gone, but its home or mail could not be removed, which they need not where there are none.
    if found["retcode"] == 12 and home and not os.path.lexists(os.path.join(root or "/", home.lstrip("/"))):
        return True
    return __utils__["tool.passed"](found, argv)


def getent(refresh: bool = False, root: str | None = None) -> list[dict[str, Any]]:
    """
    What is known of every account, as a list of what `info` returns.

    CLI Example:

        salt '*' user.getent
    """
    return __utils__["accounts.users"](root)


def info(name: str, root: str | None = None) -> dict[str, Any]:
    """
    What is known of one account: its ids, groups, home, shell and the fields of its comment; nothing when it is not
    there.

    CLI Example:

        salt '*' user.info root
    """
    return __utils__["accounts.user"](name, root)


def list_users(root: str | None = None) -> list[str]:
    """
    The names of all accounts, sorted.

    CLI Example:

        salt '*' user.list_users
    """
    return sorted(row["name"] for row in getent(root=root))


def list_groups(name: str) -> list[str]:
    """
    The groups of an account, its primary one included, sorted.

    CLI Example:

        salt '*' user.list_groups root
    """
    return info(name).get("groups", [])


def primary_group(name: str) -> str:
    """
    The name of an account's primary group.

    CLI Example:

        salt '*' user.primary_group root
    """
    gid = _existing(name)["gid"]
    found = (row["name"] for row in __utils__["accounts.groups"]() if row["gid"] == gid)
    return next(found, str(gid))


def rename(name: str, new_name: str, root: str | None = None) -> bool:
    """
    Give an account another name; its home stays where it is.

    CLI Example:

        salt '*' user.rename name new_name
    """
    _existing(name, root)
    if info(new_name, root):
        raise CommandError(f"User '{new_name}' already exists")
    return _modify(name, ["-l", new_name], root)


def chuid(name: str, uid: Any, root: str | None = None) -> bool:
    """
    Give an account another user id.

    CLI Example:

        salt '*' user.chuid name 4376
    """
    if str(_existing(name, root)["uid"]) == str(uid):
        return True
    return _modify(name, ["-u", uid], root)


def chgid(name: str, gid: Any, root: str | None = None) -> bool:
    """
    Give an account another primary group, by its number or name.

    CLI Example:

        salt '*' user.chgid name 4376
    """
    wanted = __utils__["accounts.group"](gid, root).get("gid", gid)
    if str(_existing(name, root)["gid"]) == str(wanted):
        return True
    return _modify(name, ["-g", gid], root)


def chshell(name: str, shell: str, root: str | None = None) -> bool:
    """
    Give an account another login shell.

    CLI Example:

        salt '*' user.chshell name /bin/zsh
    """
    if _existing(name, root)["shell"] == shell:
        return True
    return _modify(name, ["-s", shell], root)


def chhome(name: str, home: str, persist: bool = False, root: str | None = None) -> bool:
    """
    Give an account another home directory; with `persist` what is in the old one moves there.

    CLI Example:

        salt '*' user.chhome name /home/users/name True
    """
    if _existing(name, root)["home"] == home:
        return True
    return _modify(name, ["-d", home, *(["-m"] if persist else [])], root)


def chgroups(name: str, groups: Any, append: bool = False, root: str | None = None) -> bool:
    """
    Set the groups of an account beside its primary one, or, with `append`, add some.

    CLI Example:

        salt '*' user.chgroups name wheel,audio append=True
    """
    wanted = __utils__["accounts.names"](groups)
    known = set(info(name, root).get("groups", []))
    if append and known.issuperset(wanted):
        return True
    return _modify(name, [*(["-a"] if append else []), "-G", ",".join(wanted)], root)


def chfullname(name: str, fullname: Any, root: str | None = None) -> bool:
    """
    Set the full name of an account.

    CLI Example:

        salt '*' user.chfullname name 'Full Name'
    """
    return _gecos(name, "fullname", fullname, root)


def chroomnumber(name: str, roomnumber: Any, root: str | None = None) -> bool:
    """
    Set the room of an account.

    CLI Example:

        salt '*' user.chroomnumber name 123
    """
    return _gecos(name, "roomnumber", roomnumber, root)


def chworkphone(name: str, workphone: Any, root: str | None = None) -> bool:
    """
    Set the phone at work of an account.

    CLI Example:

        salt '*' user.chworkphone name 7735550123
    """
    return _gecos(name, "workphone", workphone, root)


def chhomephone(name: str, homephone: Any, root: str | None = None) -> bool:
    """
    Set the phone at home of an account.

    CLI Example:

        salt '*' user.chhomephone name 7735551234
    """
    return _gecos(name, "homephone", homephone, root)


def chother(name: str, other: Any, root: str | None = None) -> bool:
    """
    Set the last field of an account's comment.

    CLI Example:

        salt '*' user.chother name 'on leave'
    """
    return _gecos(name, "other", other, root)


def chloginclass(name: str, loginclass: str, root: str | None = None) -> bool:
    """
    Set the login class of an account: BSD only, false here.

    CLI Example:

        salt '*' user.chloginclass name staff
    """
    return False


def get_loginclass(name: str) -> bool:
    """
    The login class of an account: BSD only, false here.

    CLI Example:

        salt '*' user.get_loginclass name
    """
    return False


def _gecos(name: str, field: str, value: Any, root: str | None) -> bool:
    known = _existing(name, root)
    text = "" if value is None else str(value)
    if known[field] == text:
        return True
    return _modify(name, ["-c", __utils__["accounts.gecos"]({**known, field: text})], root)


def _existing(name: str, root: str | None = None) -> dict[str, Any]:
    found = info(name, root)
    if not found:
        raise CommandError(f"User '{name}' does not exist")
    return found


def _modify(name: str, changes: list[Any], root: str | None) -> bool:
    return _succeeds([*_program("usermod", root), *changes, "--", name])


def _program(name: str, root: str | None) -> list[Any]:
    if root is not None and not name.startswith("l"):
        return [name, "-R", root]
    return [name]


def _succeeds(argv: list[Any]) -> bool:
    return __utils__["tool.succeeds"](argv)
