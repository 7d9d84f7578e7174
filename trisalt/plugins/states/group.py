"""Groups of this host.

www:
  group.present:
    - gid: 1010
    - addusers: [ann]
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned


def present(
    name: str,
    gid: Any = None,
    system: bool = False,
    addusers: Any = None,
    delusers: Any = None,
    members: Any = None,
    non_unique: bool = False,
    local: bool = False,
) -> dict[str, Any]:
    """
    A group is there. `members` are all who are in it; `addusers` and `delusers` say it of some.
    """
    add, remove = as_list(addusers), as_list(delusers)
    if members is not None and (add or remove):
        text = 'Error: Conflicting options "members" with "addusers" and/or "delusers" can not be used together. '
        return returned(name, None, text)
    if set(add) & set(remove):
        return returned(name, None, "Error. Same user(s) can not be added and deleted simultaneously")
    try:
        gid = None if gid in (None, "") else int(gid)
    except (TypeError, ValueError):
        return returned(name, False, "Invalid gid")
    entry = __salt__["group.info"](name)
    if not entry:
        return _make(name, gid, system, add, members, non_unique, local)
    wanted = _changes(entry, gid, add, remove, members)
    if not wanted:
        return returned(name, True, f"Group {name} is present and up to date")
    lines = "".join(f"{key}: {value}\n" for key, value in wanted.items())
    text = f"The following group attributes are set to be changed:\n{lines}"
    if __opts__["test"]:
        return returned(name, None, text)
    _apply(name, wanted, non_unique)
    left = _changes(__salt__["group.info"](name), gid, add, remove, members)
    if left:
        return returned(name, False, f"{text}Some changes could not be applied", {"Failed": left})
    return returned(name, True, text, {"Final": "All changes applied successfully"})


def absent(name: str, local: bool = False) -> dict[str, Any]:
    """
    A group is not there.
    """
    if not __salt__["group.info"](name):
        return returned(name, True, "Group not present")
    if __opts__["test"]:
        return returned(name, None, f"Group {name} is set for removal")
    if __salt__["group.delete"](name, **({"local": True} if local else {})):
        return returned(name, True, f"Removed group {name}", {name: ""})
    return returned(name, False, f"Failed to remove group {name}")


def _make(
    name: str, gid: int | None, system: bool, add: list[Any], members: Any, non_unique: bool, local: bool
) -> dict[str, Any]:
    if gid is not None and not non_unique:
        owner = next((entry["name"] for entry in __salt__["group.getent"]() if entry["gid"] == gid), None)
        if owner is not None:
            text = f"Group {name} is not present but gid {gid} is already taken by group {owner}"
            return returned(name, False, text)
    if __opts__["test"]:
        return returned(name, None, f"Group {name} set to be added")
    options = ({"non_unique": True} if non_unique else {}) | ({"local": True} if local else {})
    if not __salt__["group.add"](name, gid=gid, system=system, **options):
        return returned(name, False, f"Failed to create new group {name}")
    changes = dict(__salt__["group.info"](name))
    wanted = _changes(changes, None, add, [], members)
    if not wanted:
        return returned(name, True, f"New group {name} created", changes)
    _apply(name, wanted, non_unique)
    left = _changes(__salt__["group.info"](name), gid, add, [], members)
    if not left:
        return returned(name, True, f"New group {name} created", changes | wanted)
    text = f"Group {name} has been created but, some changes could not be applied"
    return returned(name, False, text, changes | {"Failed": left})


def _changes(entry: dict[str, Any], gid: int | None, add: list[Any], remove: list[Any], members: Any) -> dict[str, Any]:
    """What differs from what is asked: a gid, and who is to join, to leave, or to be in it."""
    have, wanted = set(entry.get("members") or ()), {}
    if gid is not None and entry["gid"] != gid:
        wanted["gid"] = gid
    if members is not None:
        if have != set(as_list(members)):
            wanted["members"] = as_list(members)
        return wanted
    if joining := [user for user in add if user not in have]:
        wanted["addusers"] = joining
    if leaving := [user for user in remove if user in have]:
        wanted["delusers"] = leaving
    return wanted


def _apply(name: str, wanted: dict[str, Any], non_unique: bool) -> None:
    if "gid" in wanted:
        __salt__["group.chgid"](name, wanted["gid"], **({"non_unique": True} if non_unique else {}))
    if "members" in wanted:
        __salt__["group.members"](name, ",".join(map(str, wanted["members"])))
    for user in wanted.get("addusers", ()):
        __salt__["group.adduser"](name, user)
    for user in wanted.get("delusers", ()):
        __salt__["group.deluser"](name, user)
