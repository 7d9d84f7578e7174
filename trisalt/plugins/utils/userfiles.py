"""Files in users' homes, written as the user: what lies in a home is the user's to arrange, links included.

Root that wrote there would follow a user's link to anywhere, and give away what it found.

Used by `ssh`, and by `archive` for what is unpacked as somebody.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

from trisalt.errors import CommandError

# Not by `__utils__`: what is loaded as late as that is read as the user, who may not be able to.
from trisalt.plugins.utils import rewrite


def account(user: str) -> pwd.struct_passwd | None:
    """A user's entry, or None when there is nobody of that name."""
    try:
        return pwd.getpwnam(str(user))
    except KeyError:
        return None


def path(config: str, entry: pwd.struct_passwd) -> str:
    """A path as sshd_config(5) writes it: `%h`, `%u`, `%U`, `%%`, and below the home where it is not absolute."""
    values = {"%h": entry.pw_dir, "%u": entry.pw_name, "%U": str(entry.pw_uid), "%%": "%"}
    text, at = "", 0
    while at < len(config):
        pair = config[at : at + 2]
        text += values.get(pair, config[at])
        at += 2 if pair in values else 1
    found = os.path.normpath(os.path.join(entry.pw_dir, text))
    if not os.path.isabs(found):
        raise CommandError(f"User {entry.pw_name} has no home")
    return found


@contextmanager
def acting_as(entry: pwd.struct_passwd | None, where: str) -> Iterator[None]:
    """Be the user for what is done below their home. Elsewhere, and where we are not root, be who we are."""
    if entry is None or os.geteuid() != 0 or entry.pw_uid == 0 or not _is_below(where, entry.pw_dir):
        yield
        return
    with being(entry):
        yield


@contextmanager
def being(entry: pwd.struct_passwd) -> Iterator[None]:
    """Be the user, with their groups: what is made is theirs, and what they may not read cannot be read."""
    uid, gid, groups = os.geteuid(), os.getegid(), os.getgroups()
    theirs = os.getgrouplist(entry.pw_name, entry.pw_gid)
    try:
        os.setgroups(theirs)
        os.setegid(entry.pw_gid)
        os.seteuid(entry.pw_uid)
        yield
    finally:
        os.seteuid(uid)
        os.setegid(gid)
        os.setgroups(groups)


def _is_below(where: str, home: str) -> bool:
    """Whether a path leads through a home, by whichever path to it. The root is nobody's home."""
    top = os.path.realpath(home)
    return top != "/" and any(os.path.realpath(folder) == top for folder in PurePath(where).parents)


def read(where: str, entry: pwd.struct_passwd | None) -> str:
    """The text of a file, empty when there is none."""
    with acting_as(entry, where):
        return rewrite.read(where) or ""


def write(where: str, text: str, entry: pwd.struct_passwd | None, mode: int) -> None:
    """Replace a file; its folder is made where there is none, for the user alone."""
    owner = None if entry is None else (entry.pw_uid, entry.pw_gid)
    fresh = not os.path.exists(where)
    folder = os.path.dirname(where)
    with acting_as(entry, where):
        try:
            if not os.path.isdir(folder):
                os.makedirs(folder, mode=0o700 if entry else 0o755)
                if owner is not None and os.geteuid() == 0:
                    os.chown(folder, *owner)
        except OSError as exc:
            raise CommandError(f"Unable to make {folder}: {exc.strerror}") from exc
        if os.geteuid() != 0:
            # A file of somebody else's in one's own folder can be replaced, but not given back.
            owner = (os.geteuid(), os.getegid())
        elif not fresh:
            owner = None
        rewrite.replace(where, text, mode=mode if fresh else None, owner=owner)
    if fresh and shutil.which("restorecon"):
        # Where SELinux is at work, sshd reads no file without the label that this gives it.
        __utils__["tool.succeeds"](["restorecon", "-R", folder])
