"""Users, groups and passwords: the host's by its name service, those below another root by their files.

Used by `user`, `group` and `shadow`.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable
from typing import Any

from trisalt.errors import CommandError

# The fields of GECOS, in the order of passwd(5).
GECOS = ("fullname", "roomnumber", "workphone", "homephone", "other")
_SHADOW = ("lstchg", "min", "max", "warn", "inact", "expire")


def user(name: str, root: str | None = None) -> dict[str, Any]:
    """What `user.info` returns; empty when there is nobody of that name."""
    if root is not None:
        return next((row for row in users(root) if row["name"] == name), {})
    try:
        return _from_entry(pwd.getpwnam(str(name)))
    except KeyError:
        return {}


def users(root: str | None = None) -> list[dict[str, Any]]:
    """All users, in the order of the name service or of the file."""
    if root is None:
        return [_from_entry(entry) for entry in pwd.getpwall()]
    known = groups(root)
    return [_from_entry(entry, known) for entry in parse_passwd(_read(root, "passwd"))]


def group(name: str, root: str | None = None) -> dict[str, Any]:
    """What `group.info` returns; empty when there is none of that name."""
    if root is not None:
        return next((row for row in groups(root) if row["name"] == name), {})
    try:
        return _group(grp.getgrnam(str(name)))
    except KeyError:
        return {}


def groups(root: str | None = None) -> list[dict[str, Any]]:
    """All groups, in the order of the name service or of the file."""
    if root is None:
        return [_group(entry) for entry in grp.getgrall()]
    return parse_group(_read(root, "group"))


def shadow(root: str | None = None) -> dict[str, dict[str, Any]]:
    """The password entries by user, as `shadow.info` returns them."""
    return parse_shadow(_read(root or "/", "shadow"))


def gecos(fields: dict[str, Any]) -> str:
    """The five fields as one text. Raises CommandError for what would end a field, or the line."""
    texts = ["" if fields.get(name) is None else str(fields[name]) for name in GECOS]
    for name, text in zip(GECOS, texts, strict=True):
        if ":" in text or "\n" in text or ("," in text and name != "other"):
            raise CommandError(f"Invalid {name} {text!r}: it may hold no comma, colon or new line")
    return ",".join(texts).rstrip(",")


def names(given: Any) -> list[str]:
    """`a,b` or a list as a list of names."""
    items = given.split(",") if isinstance(given, str) else given or []
    return [text for item in items if (text := str(item).strip())]


def parse_passwd(lines: Iterable[str]) -> list[pwd.struct_passwd]:
    """passwd(5). Lines that are none are passed over."""
    found = []
    for line in lines:
        fields = line.rstrip("\n").split(":")
        if len(fields) == 7 and fields[2].isdigit() and fields[3].isdigit():
            fields[2:4] = map(int, fields[2:4])  # type: ignore[assignment]
            found.append(pwd.struct_passwd(fields))  # type: ignore[arg-type]
    return found


def parse_group(lines: Iterable[str]) -> list[dict[str, Any]]:
    """group(5). Lines that are none are passed over."""
    found = []
    for line in lines:
        fields = line.rstrip("\n").split(":")
        if len(fields) == 4 and fields[2].isdigit():
            found.append({"name": fields[0], "passwd": fields[1], "gid": int(fields[2]), "members": names(fields[3])})
    return found


def parse_shadow(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """shadow(5); a field without a number is -1."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        name, *fields = line.rstrip("\n").split(":")
        if name and fields:
            days = [int(text) if text.lstrip("-").isdigit() else -1 for text in fields[1:7]]
            days += [-1] * (len(_SHADOW) - len(days))
            found.setdefault(name, {"name": name, "passwd": fields[0], **dict(zip(_SHADOW, days, strict=True))})
    return found


def _read(root: str, name: str) -> list[str]:
    path = os.path.join(root, "etc", name)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readlines()
    except OSError as exc:
        raise CommandError(f"Unable to read {path}: {exc.strerror}") from exc


def _from_entry(entry: pwd.struct_passwd, known: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    fields = entry.pw_gecos.split(",", len(GECOS) - 1)
    fields += [""] * (len(GECOS) - len(fields))
    if known is None:
        member = _member(entry.pw_name, entry.pw_gid)
    else:
        member = {row["name"] for row in known if row["gid"] == entry.pw_gid or entry.pw_name in row["members"]}
    return {
        "gid": entry.pw_gid,
        "groups": sorted(member),
        "home": entry.pw_dir,
        "name": entry.pw_name,
        "passwd": entry.pw_passwd,
        "shell": entry.pw_shell,
        "uid": entry.pw_uid,
        **dict(zip(GECOS, fields, strict=True)),
    }


def _member(name: str, gid: int) -> set[str]:
    found = set()
    for one in os.getgrouplist(name, gid):
        try:
            found.add(grp.getgrgid(one).gr_name)
        except KeyError:
            pass  # a number without a name
    return found


def _group(entry: grp.struct_group) -> dict[str, Any]:
    return {
        "name": entry.gr_name,
        "passwd": entry.gr_passwd,
        "gid": entry.gr_gid,
        "members": list(entry.gr_mem),
    }
