"""Accounts of this host.

ann:
  user.present:
    - shell: /bin/bash
    - groups: [www]
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

_REDACTED = "XXX-REDACTED-XXX"
# Arguments that are a field of the account under the same name, changed by `user.ch<name>`.
_FIELDS = ("shell", "fullname", "roomnumber", "workphone", "homephone", "other")
# The ages of a password, by argument: where they are in `shadow.info`, and what they are called in a text.
_AGES = {
    "date": ("lstchg", "last change date"),
    "mindays": ("min", "minimum days"),
    "maxdays": ("max", "maximum days"),
    "inactdays": ("inact", "inactive days"),
    "warndays": ("warn", "warn days"),
    "expire": ("expire", "expire days"),
}
_CREATED = ("uid", "home", "shell", "unique", "system", "createhome", "nologinit")


def present(
    name: str,
    uid: Any = None,
    gid: Any = None,
    usergroup: bool | None = None,
    groups: Any = None,
    optional_groups: Any = None,
    remove_groups: bool = True,
    home: str | None = None,
    createhome: bool = True,
    persist_home: bool = False,
    password: str | None = None,
    hash_password: bool = False,
    enforce_password: bool = True,
    empty_password: bool = False,
    shell: str | None = None,
    unique: bool = True,
    system: bool = False,
    fullname: Any = None,
    roomnumber: Any = None,
    workphone: Any = None,
    homephone: Any = None,
    other: Any = None,
    loginclass: str | None = None,
    date: Any = None,
    mindays: Any = None,
    maxdays: Any = None,
    inactdays: Any = None,
    warndays: Any = None,
    expire: Any = None,
    win_homedrive: str | None = None,
    win_profile: str | None = None,
    win_logonscript: str | None = None,
    win_description: str | None = None,
    nologinit: bool = False,
    allow_uid_change: bool = False,
    allow_gid_change: bool = False,
    password_lock: bool | None = None,
    local: bool = False,
) -> dict[str, Any]:
    """
    An account is there. `groups` are all it is in, unless `remove_groups` is False; of `optional_groups` those that
    exist. `password` is a hash, or with `hash_password` the word itself; `enforce_password` sets it again where it has
    been changed. `uid` and `gid` of an account that is there change with `allow_uid_change` and `allow_gid_change`.
    """
    given = {
        "fullname": fullname,
        "roomnumber": roomnumber,
        "workphone": workphone,
        "homephone": homephone,
        "other": other,
    }
    fields = {key: str(value) for key, value in given.items() if value is not None}
    for key, value in fields.items():
        if "," in value and key != "other":
            return returned(name, False, f"Unsupported char ',' in {value}")
    groups = None if groups is None else [str(group) for group in as_list(groups)]
    missing = [group for group in groups or () if not __salt__["group.info"](group)]
    if missing and not __opts__["test"]:
        return returned(name, False, f"The following group(s) are not present: {','.join(missing)}")
    # Another state of the run may make them.
    groups = groups if groups is None else [group for group in groups if group not in missing]
    optional = [str(group) for group in as_list(optional_groups) if __salt__["group.info"](str(group))]
    if gid is not None:
        number = __salt__["file.group_to_gid"](gid)
        if number == "" and gid != "":
            return _without_group(name, gid, allow_gid_change)
        gid = number
    if password and hash_password:
        password = _hashed(name, password)
    if empty_password:
        password = None
    wanted = {
        "uid": uid, "gid": gid, "groups": groups, "optional": optional, "home": home, "shell": shell, **fields,
        "passwd": password if enforce_password else None, "empty": empty_password, "lock": password_lock,
        "createhome": createhome,
        "date": date, "mindays": mindays, "maxdays": maxdays, "inactdays": inactdays, "warndays": warndays,
        "expire": expire,
    }  # fmt: skip
    if not __salt__["user.info"](name):
        made = {"unique": unique, "system": system, "createhome": createhome, "nologinit": nologinit} | wanted
        return _make(name, made, fields, password, missing, usergroup, local)
    changes = _changes(name, wanted, remove_groups)
    for key, allowed in (("uid", allow_uid_change), ("gid", allow_gid_change)):
        if key in changes and not allowed:
            return _not_permitted(name, key, changes[key])
    if not changes and not missing:
        return returned(name, True, f"User {name} is present and up to date")
    if __opts__["test"]:
        told = changes | ({"passwd": _REDACTED} if "passwd" in changes else {})
        lines = [f"{key}: {value}\n" for key, value in told.items()]
        if missing:
            lines.append(f"groups (pending creation): {','.join(missing)}\n")
        return returned(name, None, f"The following user attributes are set to be changed:\n{''.join(lines)}")
    return _update(name, changes, wanted, remove_groups, persist_home)


def absent(name: str, purge: bool = False, force: bool = False, local: bool = False) -> dict[str, Any]:
    """
    An account is not there. `purge` removes its home too; `force` does not mind that it is logged in.
    """
    if not __salt__["user.info"](name):
        return returned(name, True, f"User {name} is not present")
    if __opts__["test"]:
        return returned(name, None, f"User {name} set for removal")
    before = {entry["name"] for entry in __salt__["group.getent"](refresh=True)}
    if not __salt__["user.delete"](name, purge, force, **({"local": True} if local else {})):
        return returned(name, False, f"Failed to remove user {name}")
    gone = before - {entry["name"] for entry in __salt__["group.getent"](refresh=True)}
    changes = {name: "removed"} | {f"{group} group": "removed" for group in sorted(gone)}
    return returned(name, True, f"Removed user {name}", changes)


def _not_permitted(name: str, key: str, wanted: Any) -> dict[str, Any]:
    old = __salt__["user.info"](name)[key]
    text = (
        f"Changing {key} ({old} -> {wanted}) not permitted, set allow_{key}_change to True to force this "
        "change. Note that this will not change file ownership."
    )
    return returned(name, False, "Encountered error checking for needed changes. Additional info follows:\n\n- " + text)


def _without_group(name: str, group: Any, may_change: bool) -> dict[str, Any]:
    """The account's own group is not there: another state of the run may make it, which a preview cannot tell."""
    there = __salt__["user.info"](name)
    if there and not may_change:
        return _not_permitted(name, "gid", group)
    if not __opts__["test"]:
        return returned(name, False, f"The following group(s) are not present: {group}")
    if there:
        text = f"The following user attributes are set to be changed:\ngid (pending creation): {group}\n"
        return returned(name, None, text)
    return returned(name, None, f"User {name} set to be added (pending groups: {group})")


# -- what differs ----------------------------------------------------------------------------------------------------


def _changes(name: str, wanted: dict[str, Any], remove_groups: bool) -> dict[str, Any]:
    """What differs from what is asked, by the names that `user.present` has in its texts."""
    now = __salt__["user.info"](name)
    found: dict[str, Any] = {}
    for key in ("uid", "gid"):
        if wanted[key] not in (None, "") and now[key] != int(wanted[key]):
            found[key] = int(wanted[key])
    asked = sorted({*(wanted["groups"] or ()), *wanted["optional"]})
    if wanted["groups"] is not None or wanted["optional"]:
        # The group of the account itself is none that it is in beside.
        primary = __salt__["file.gid_to_group"](wanted["gid"] if wanted["gid"] is not None else now["gid"])
        have = [group for group in now["groups"] if group != primary]
        asked = [group for group in asked if group != primary]
        if (sorted(have) != asked) if remove_groups else not set(asked) <= set(have):
            found["groups"] = asked
    if wanted["home"] and now["home"] != wanted["home"]:
        found["home"] = wanted["home"]
    place = wanted["home"] or now["home"]
    if wanted["createhome"] and place and not os.path.isdir(place):
        found["homeDoesNotExist"] = place
    found |= {
        key: wanted[key] for key in _FIELDS if wanted.get(key) not in (None, "") and now.get(key) != wanted[key]
    } | {key: "" for key in _FIELDS if wanted.get(key) == "" and now.get(key)}
    return found | _shadow_changes(name, wanted)


def _shadow_changes(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    if "shadow.info" not in __salt__:
        return {}
    now, found = __salt__["shadow.info"](name), {}
    locked = now.get("passwd", "").startswith("!")
    if (
        wanted["passwd"] is not None
        and now.get("passwd", "").lstrip("!" if wanted["lock"] is not None else "") != wanted["passwd"]
    ):
        found["passwd"] = wanted["passwd"]
    if wanted["empty"] and now.get("passwd"):
        found["empty_password"] = True
    for key, (place, _words) in _AGES.items():
        if wanted[key] not in (None, "") and now.get(place) != wanted[key]:
            found[key] = wanted[key]
    if wanted["lock"] is not None and locked != bool(wanted["lock"]):
        found["password_lock"] = bool(wanted["lock"])
    return found


def _hashed(name: str, password: str) -> str:
    """The hash of a password, with the salt of the one that is there, so that the same word has the same hash."""
    there = __salt__["shadow.info"](name).get("passwd", "") if __salt__["user.info"](name) else ""
    parts = there.lstrip("!").split("$")
    kinds = {"1": "md5", "5": "sha256", "6": "sha512"}
    if len(parts) > 3 and parts[1] in kinds:
        salt = "$".join(parts[2:-1])
        return str(__salt__["shadow.gen_password"](password, crypt_salt=salt, algorithm=kinds[parts[1]]))
    return str(__salt__["shadow.gen_password"](password))


# -- the change ------------------------------------------------------------------------------------------------------


def _update(
    name: str, changes: dict[str, Any], wanted: dict[str, Any], remove_groups: bool, persist_home: bool
) -> dict[str, Any]:
    before = _facts(name)
    for key, value in changes.items():
        if key == "passwd":
            __salt__["shadow.set_password"](name, value)
        elif key == "empty_password":
            __salt__["shadow.del_password"](name)
        elif key == "password_lock":
            __salt__["shadow.lock_password" if value else "shadow.unlock_password"](name)
        elif key in _AGES:
            __salt__[f"shadow.set_{key}"](name, value)
        elif key == "groups":
            __salt__["user.chgroups"](name, value, not remove_groups)
        elif key == "home":
            __salt__["user.chhome"](name, value, persist_home)
        elif key == "homeDoesNotExist":
            _make_home(name, value)
        else:
            __salt__[f"user.ch{key}"](name, value)
    after = _facts(name)
    told = {key: value for key, value in after.items() if before.get(key) != value}
    if "passwd" in told:
        told["passwd"] = _REDACTED
    left = _changes(name, wanted, remove_groups)
    if left:
        values = {key: _REDACTED if key == "passwd" else value for key, value in left.items()}
        return returned(name, False, f"These values could not be changed: {values}", told)
    return returned(name, True, f"Updated user {name}", told)


def _make(
    name: str,
    wanted: dict[str, Any],
    fields: dict[str, str],
    password: str | None,
    missing: list[str],
    usergroup: bool | None,
    local: bool,
) -> dict[str, Any]:
    if __opts__["test"]:
        pending = f" (pending groups: {','.join(missing)})" if missing else ""
        return returned(name, None, f"User {name} set to be added{pending}")
    groups = [
        *(wanted["groups"] or ()),
        *(group for group in wanted["optional"] if group not in (wanted["groups"] or ())),
    ]
    options = {key: wanted[key] for key in _CREATED} | fields
    options |= ({"usergroup": usergroup} if usergroup is not None else {}) | ({"local": True} if local else {})
    if not __salt__["user.add"](name, gid=wanted["gid"], groups=groups or None, **options):
        return returned(name, False, f"Failed to create new user {name}")
    ret = returned(name, True, f"New user {name} created", __salt__["user.info"](name))
    if "shadow.info" not in __salt__:
        return ret
    if password:
        __salt__["shadow.set_password"](name, password)
        if __salt__["shadow.info"](name)["passwd"] != password:
            ret |= {"result": False, "comment": f"User {name} created but failed to set password to {_REDACTED}"}
        ret["changes"]["password"] = _REDACTED
    if wanted["empty"]:
        __salt__["shadow.del_password"](name)
        if __salt__["shadow.info"](name)["passwd"]:
            ret |= {"result": False, "comment": f"User {name} created but failed to empty password"}
        ret["changes"]["password"] = ""
    for key, (place, words) in _AGES.items():
        if wanted[key] in (None, ""):
            continue
        __salt__[f"shadow.set_{key}"](name, wanted[key])
        if __salt__["shadow.info"](name)[place] != wanted[key]:
            ret |= {"result": False, "comment": f"User {name} created but failed to set {words} to {wanted[key]}"}
        ret["changes"][key] = wanted[key]
    if wanted["lock"]:
        __salt__["shadow.lock_password"](name)
    return ret


def _make_home(name: str, home: str) -> None:
    """The home of an account that is there, as the account's own."""
    if not os.path.isdir(home):
        account = __salt__["user.info"](name)
        __salt__["file.mkdir"](home, user=account["uid"], group=account["gid"])


def _facts(name: str) -> dict[str, Any]:
    """What is told of an account that has changed: its fields, and those of its password."""
    facts = dict(__salt__["user.info"](name))
    if "shadow.info" in __salt__:
        facts |= {key: value for key, value in __salt__["shadow.info"](name).items() if key != "name"}
    return facts
