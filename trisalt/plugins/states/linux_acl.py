"""Entries of access control lists.

/srv/site:
  acl.present:
    - acl_type: user
    - acl_name: www-data
    - perms: rx
    - recurse: True
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

__virtualname__ = "acl"

_KINDS = ("user", "group", "mask", "other")
_DONE = "Permissions are in the desired state"


def __virtual__() -> Any:
    if "acl.getfacl" in __salt__:
        return __virtualname__
    return False, "The linux_acl state cannot be loaded: the getfacl binary is not in the path."


def present(
    name: str, acl_type: str, acl_name: Any = "", perms: Any = "", recurse: bool = False, force: bool = False
) -> dict[str, Any]:
    """
    A file's list has an entry: `acl_type` is `user`, `group`, `mask` or `other`, or `default:` and one of these. All
    below a directory have it with `recurse`; with `force` there are no other entries.
    """
    return _present(name, acl_type, [acl_name], perms, recurse, force, several=False)


def list_present(
    name: str, acl_type: str, acl_names: Any = None, perms: Any = "", recurse: bool = False, force: bool = False
) -> dict[str, Any]:
    """
    A file's list has an entry for each of several users or groups.
    """
    if not acl_names:
        return returned(name, False, "acl_names is a list of users or groups")
    return _present(name, acl_type, list(acl_names), perms, recurse, force, several=True)


def absent(name: str, acl_type: str, acl_name: Any = "", perms: Any = "", recurse: bool = False) -> dict[str, Any]:
    """
    A file's list does not have an entry, whatever its permissions; with `recurse` nor do those below a directory.
    """
    return _absent(name, acl_type, [acl_name], recurse)


def list_absent(name: str, acl_type: str, acl_names: Any = None, recurse: bool = False) -> dict[str, Any]:
    """
    A file's list does not have an entry for any of several users or groups.
    """
    return _absent(name, acl_type, list(acl_names or []), recurse)


# -- inside ------------------------------------------------------------------------------------------------------------


def _wrong(name: str, acl_type: str) -> str:
    if not os.path.exists(name):
        return f"{name} does not exist"
    prefix, _colon, kind = acl_type.rpartition(":")
    if kind not in _KINDS or prefix not in ("", "d", "default"):
        return "ACL Type does not exist"
    return ""


def _present(
    name: str, acl_type: str, names: list[Any], perms: Any, recurse: bool, force: bool, *, several: bool
) -> dict[str, Any]:  # fmt: skip
    wrong = _wrong(name, acl_type)
    if not wrong and not re.fullmatch(r"[0-7]|[-rwxX]{1,3}", str(perms)):
        wrong = f"Invalid permissions: {perms}"
    if wrong:
        return returned(name, False, wrong)
    shown = ", ".join(map(str, names))
    listed = str(names) if several else shown
    new: dict[str, Any] = {"acl_name": shown, "acl_type": acl_type, "perms": str(perms)}
    changes: dict[str, Any] = {"new": new}
    try:
        lists = __salt__["acl.getfacl"](name, recursive=recurse)
        if all(_fits(found, acl_type, names, str(perms), force) for found in _meant(lists, acl_type)):
            return returned(name, True, _DONE)
        top = [_entry(lists[name], acl_type, each) for each in names]
        old = [each for each in top if each is not None]
        updated = len(old) == len(names) and any(each != _octal(lists[name], acl_type, str(perms)) for each in old)
        if updated:
            # Several are told in numbers, as stock Salt 3008.3 does.
            before = str(old[0]) if several else _letters(old[0])
            changes["old"] = {**new, "perms": before}
            if several:
                new["perms"] = _octal(lists[name], acl_type, str(perms))
        if __opts__["test"]:
            if updated:
                comment = f"Updated permissions will be applied for {listed}: {before} -> {perms}"
            else:
                comment = f"New permissions will be applied for {listed}: {perms}"
            return returned(name, None, comment, changes)
        if force:
            __salt__["acl.wipefacls"](name, recursive=recurse, raise_err=True)
        for each in names:
            __salt__["acl.modfacl"](acl_type, each, perms, name, recursive=recurse, raise_err=True)
    except TrisaltError as exc:
        return returned(name, False, f"Error updating permissions for {shown}: {exc}")
    comment = f"Updated permissions for {listed}" if updated else f"Applied new permissions for {shown}"
    return returned(name, True, comment, changes)


def _absent(name: str, acl_type: str, names: list[Any], recurse: bool) -> dict[str, Any]:
    wrong = _wrong(name, acl_type)
    if wrong:
        return returned(name, False, wrong)
    try:
        lists = __salt__["acl.getfacl"](name, recursive=recurse)
        there = [
            each
            for each in names
            # What a file's own mode says cannot be taken away.
            if each != "" and any(_entry(found, acl_type, each) is not None for found in _meant(lists, acl_type))
        ]
        if not there:
            return returned(name, True, _DONE)
        changes = {"old": {"acl_name": ", ".join(map(str, there)), "acl_type": acl_type}}
        if __opts__["test"]:
            return returned(name, None, "Removing permissions", changes)
        for each in there:
            __salt__["acl.delfacl"](acl_type, each, name, recursive=recurse, raise_err=True)
    except TrisaltError as exc:
        return returned(name, False, f"Error updating permissions for {', '.join(map(str, names))}: {exc}")
    return returned(name, True, "Removing permissions", changes)


def _meant(lists: dict[str, Any], acl_type: str) -> Iterator[dict[str, Any]]:
    """Those of these lists that an entry is for: only directories have defaults."""
    for path, found in lists.items():
        if ":" not in acl_type or os.path.isdir(path):
            yield found


def _part(found: dict[str, Any], acl_type: str) -> list[dict[str, Any]]:
    prefix, _colon, kind = acl_type.rpartition(":")
    part: list[dict[str, Any]] = (found.get("defaults", {}) if prefix else found).get(kind, [])
    return part


def _entry(found: dict[str, Any], acl_type: str, name: Any) -> int | None:
    """The permissions of an entry, as a number; without a name those of the file's own, which is the first."""
    entries = _part(found, acl_type)
    if name == "":
        return next(iter(entries[0].values()))["octal"] if entries else None
    for entry in entries[1:]:
        if str(name) in entry:
            octal: int = entry[str(name)]["octal"]
            return octal
    return None


def _octal(found: dict[str, Any], acl_type: str, perms: str) -> int:
    if perms.isdigit():
        return int(perms)
    # X is execute for directories, and for what somebody may execute already.
    executable = os.path.isdir(found["comment"]["file"]) or any(
        row["permissions"]["execute"]
        for kind in ("user", "group", "other")
        for entry in found.get(kind, [])
        for row in entry.values()
    )
    return 4 * ("r" in perms) + 2 * ("w" in perms) + ("x" in perms or ("X" in perms and executable))


def _fits(found: dict[str, Any], acl_type: str, names: Sequence[Any], perms: str, force: bool) -> bool:
    wanted = _octal(found, acl_type, perms)
    if any(_entry(found, acl_type, name) != wanted for name in names):
        return False
    if not force:
        return True
    named = {
        (prefix + kind, name)
        for prefix, part in (("", found), ("default:", found.get("defaults", {})))
        for kind in ("user", "group")
        for entry in part.get(kind, [])[1:]
        for name in entry
    }
    kind = acl_type.replace("d:", "default:", 1) if acl_type.startswith("d:") else acl_type
    return named <= {(kind, str(name)) for name in names}


def _letters(octal: int) -> str:
    return "".join(letter if octal & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
