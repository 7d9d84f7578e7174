"""Owner, mode, attributes and SELinux context of a file: what they are, what they should be, and the change.

`check` is what states stand on: it changes what differs and tells it in stock's shape. Programs are run by the
caller's `run`, which is `cmd.run_all`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from trisalt.errors import CommandError
from trisalt.plugins.utils import filesys

Run = Callable[..., dict[str, Any]]
# Extents are the file system's own affair: nobody adds or takes that letter.
_NOT_OURS = {"e"}


@attrs.frozen(kw_only=True)
class Wanted:
    """What a file should be; None and "" say nothing."""

    user: Any = None
    group: Any = None
    mode: Any = None
    attributes: str | None = None
    context: Mapping[str, str] = attrs.field(factory=dict)


def context(user: str | None, role: str | None, type: str | None, range: str | None) -> dict[str, str]:
    """The parts of a SELinux context that are asked for, in their order."""
    parts = {"user": user, "role": role, "type": type, "range": range}
    return {name: str(value) for name, value in parts.items() if value}


def normal(mode: Any) -> str:
    """A mode as four octal digits; what is none stays as it is, to be refused where it is set."""
    text = str(mode).strip("'\"").lower().removeprefix("0o").lstrip("0")
    return text.zfill(4) if len(text) < 4 and text != "keep" else text


def unknown(user: Any, group: Any) -> str:
    """What is wrong with the names of an owner, in stock's words; "" when both are known or not given."""
    text = ""
    if user not in (None, "") and filesys.uid_of(user) == "":
        text += "User does not exist\n"
    if group not in (None, "") and filesys.gid_of(group) == "":
        text += "Group does not exist\n"
    return text


def chown(path: str, user: Any, group: Any, *, follow: bool = True) -> str:
    """Give a file away; an empty name leaves that side as it is. What went wrong, in stock's words, or ""."""
    if text := unknown(user, group):
        return text
    uid = -1 if user in (None, "") else int(filesys.uid_of(user))
    gid = -1 if group in (None, "") else int(filesys.gid_of(group))
    if follow and not os.path.exists(path):
        return "File not found"
    os.chown(path, uid, gid, follow_symlinks=follow)
    return ""


def is_right(info: os.stat_result, wanted: Wanted) -> bool:
    """Whether a look at a file says that nothing is to be done to it: of attributes and a context it says nothing."""
    if wanted.attributes is not None or wanted.context or stat.S_ISLNK(info.st_mode):
        return False
    perms = {"lmode": filesys.shown_mode(info)}
    _plan(perms, info, wanted, is_link=False, test=False)
    return len(perms) == 1


def check(
    name: str,
    ret: dict[str, Any] | None,
    wanted: Wanted,
    *,
    follow: bool = False,
    test: bool = False,
    run: Run,
    before: os.stat_result | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a file what it should be. A state's return, and what was before and what was to change.

    With `test` nothing is changed, and `result` is None where something would be. `before` is what a file was that has
    been replaced meanwhile.
    """
    if not ret:
        ret = {"name": name, "changes": {}, "comment": "", "result": True}
    said, comments = ret["comment"], []
    with _held(name, follow) as (held, now):
        perms, changes, failed = _owner_and_mode(held, before or now, wanted, stat.S_ISLNK(now.st_mode), test)
    if failed:
        comments += failed
        ret["result"] = False
    _attributes(name, wanted.attributes, changes, comments, ret, test=test, run=run)
    _context(name, wanted.context, changes, comments, ret, test=test, run=run)
    ret["changes"].update(changes)
    if isinstance(said, list):
        ret["comment"] = [*said, *comments]
    else:
        ret["comment"] = "; ".join([said, *comments] if said else comments)
    if test and changes:
        ret["result"] = None
    return ret, perms


@contextmanager
def _held(name: str, follow: bool) -> Iterator[tuple[str, os.stat_result]]:
    """A path that means the same file as long as this lasts, and what it is.

    In a directory of somebody else's the name may mean another file the next time; what is given away, or may be read,
    is the one that was looked at. A link that is not followed has no such path, and nothing that is done to it follows.
    """
    try:
        fd = os.open(name, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    except FileNotFoundError:
        raise CommandError(f"Path not found: {name}") from None
    try:
        info = os.fstat(fd)
        held = f"/proc/self/fd/{fd}"
        yield name if stat.S_ISLNK(info.st_mode) or not os.path.exists(held) else held, info
    finally:
        os.close(fd)


def _owner_and_mode(
    held: str, info: os.stat_result, wanted: Wanted, is_link: bool, test: bool
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """What was before and was to change, what has changed, and what went wrong."""
    perms: dict[str, Any] = {
        "luser": info.st_uid if isinstance(wanted.user, int) else filesys.user_name(info.st_uid),
        "lgroup": info.st_gid if isinstance(wanted.group, int) else filesys.group_name(info.st_gid),
        "lmode": filesys.shown_mode(info),
    }
    _plan(perms, info, wanted, is_link, test)
    changes: dict[str, Any] = {}
    failed: list[str] = []
    for key, what in (("cuser", "user"), ("cgroup", "group"), ("cmode", "mode")):
        if key in perms:
            changes[what] = perms[key]
    if test:
        if "mode" in changes:
            del perms["cmode"]  # stock's shape: a mode that would be set is told in the changes only
    else:
        failed += _apply(held, perms, is_link)
        for what in ("user", "group", "mode"):
            if what in changes and not _is_now(held, what, changes[what], is_link):
                del changes[what]
                failed.append(f"Failed to change {what} to {perms['c' + what]}")
    return perms, changes, failed


def _plan(perms: dict[str, Any], info: os.stat_result, wanted: Wanted, is_link: bool, test: bool) -> None:
    if wanted.user not in (None, "") and filesys.uid_of(wanted.user) != info.st_uid:
        perms["cuser"] = wanted.user
    if wanted.group not in (None, "") and filesys.gid_of(wanted.group) != info.st_gid:
        perms["cgroup"] = wanted.group
    if wanted.mode not in (None, "") and not is_link:
        mode = normal(wanted.mode)
        # Giving a file away takes its set-id bits, so they are set again after it.
        special = not test and mode[:1] not in ("", "0") and ("cuser" in perms or "cgroup" in perms)
        if mode != perms["lmode"]:
            perms["cmode"] = mode
        elif special:
            perms["again"] = mode


def _apply(name: str, perms: dict[str, Any], is_link: bool) -> list[str]:
    comments = []
    if "cuser" in perms or "cgroup" in perms:
        try:
            text = chown(name, perms.get("cuser"), perms.get("cgroup"), follow=not is_link)
        except OSError as exc:
            text = exc.strerror
        if text:
            comments.append(text)
    mode = perms.pop("again", None) or perms.get("cmode")
    if mode is not None and re.fullmatch("[0-7]{1,4}", mode):
        try:
            os.chmod(name, int(mode, 8))
        except OSError as exc:
            comments.append(exc.strerror)
    return comments


def _is_now(name: str, what: str, wanted: Any, is_link: bool) -> bool:
    info = os.stat(name, follow_symlinks=not is_link)
    if what == "mode":
        return filesys.shown_mode(info) == wanted
    if what == "user":
        return filesys.uid_of(wanted) == info.st_uid
    return filesys.gid_of(wanted) == info.st_gid


# -- attributes -------------------------------------------------------------------------------------------------------


def lsattr(path: str, run: Run) -> dict[str, list[str]] | None:
    """The attributes as lsattr(1) tells them; None where neither the program nor the file system has them."""
    try:
        found = run(["lsattr", "-d", "--", path], python_shell=False, ignore_retcode=True)
    except CommandError:
        return None
    if found["retcode"]:
        return None
    attributes = {}
    for line in found["stdout"].splitlines():
        letters, _space, file = line.partition(" ")
        if file and re.fullmatch("[A-Za-z-]+", letters):
            attributes[file] = [letter for letter in letters if letter != "-"]
    return attributes


def attribute_changes(path: str, wanted: str, run: Run) -> tuple[str, str, set[str], set[str]] | None:
    """`(old, new, to add, to take)` of a file's attributes; None when there is nothing to do, or nothing to know."""
    now = lsattr(path, run)
    if now is None:
        return None
    letters = now.get(path, [])
    add, take = set(wanted) - set(letters), set(letters) - set(wanted) - _NOT_OURS
    return ("".join(letters), wanted, add, take) if add or take else None


def _attributes(
    name: str, wanted: str | None, changes: dict[str, Any], comments: list[str], ret: dict[str, Any],
    *, test: bool, run: Run,
) -> None:  # fmt: skip
    if wanted is None or os.path.islink(name):
        return
    plan = attribute_changes(name, wanted, run)
    if plan is None:
        return
    old, new, add, take = plan
    if not test:
        for sign, letters in (("+", add), ("-", take)):
            if letters:
                run(["chattr", f"{sign}{''.join(sorted(letters))}", "--", name], python_shell=False)
        if attribute_changes(name, wanted, run) is not None:
            comments.append(f"Failed to change attributes to {wanted}")
            ret["result"] = False
            return
    changes["attrs"] = {"old": old, "new": new}


# -- SELinux ----------------------------------------------------------------------------------------------------------


def selinux(path: str) -> str:
    """The SELinux context of a file as `user:role:type:range`; "" when it has none."""
    try:
        return os.getxattr(path, "security.selinux").rstrip(b"\0").decode()
    except OSError:
        return ""


def context_parts(text: str) -> dict[str, str]:
    """A context by its parts."""
    return dict(zip(("user", "role", "type", "range"), text.split(":", 3), strict=False)) if text else {}


def _context(
    name: str, wanted: Mapping[str, str], changes: dict[str, Any], comments: list[str], ret: dict[str, Any],
    *, test: bool, run: Run,
) -> None:  # fmt: skip
    if not wanted:
        return
    now = context_parts(selinux(name))
    if not now:
        comments.append("Failed to get selinux attributes")
        ret["result"] = False
        return
    other = {part: value for part, value in wanted.items() if now.get(part) != value}
    if not other:
        return
    if not test:
        run(["chcon", *(f"--{part}={value}" for part, value in other.items()), "--", name], python_shell=False)
        after = context_parts(selinux(name))
        if any(after.get(part) != value for part, value in other.items()):
            comments.append("Failed to change selinux attributes")
            ret["result"] = False
            return
    old = " ".join(f"{part.capitalize()}: {now.get(part, '')}" for part in other)
    new = " ".join(f"{part.capitalize()}: {value}" for part, value in other.items())
    changes["selinux"] = {"Old": old, "New": new}
