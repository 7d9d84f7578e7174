"""Static grains of this minion.

roles:
  grains.list_present:
    - value: [web, db]
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

_NONE = object()


def exists(name: str, delimiter: str = ":") -> dict[str, Any]:
    """
    A grain is there, whatever it says.
    """
    found = __salt__["grains.get"](name, default=_NONE, delimiter=delimiter) is not _NONE
    return returned(name, found, "Grain exists" if found else "Grain does not exist")


def present(name: str, value: Any, delimiter: str = ":", force: bool = False) -> dict[str, Any]:
    """
    A grain says this. Only with `force` a list or a map takes the place of a value, or a value theirs.
    """
    old = __salt__["grains.get"](name, default=_NONE, delimiter=delimiter)
    if old == value:
        return returned(name, True, "Grain is already set")
    if __opts__["test"]:
        word = "added" if old is _NONE else "changed"
        changes = {"new": name} if old is _NONE else {"changed": {name: value}}
        return returned(name, None, f"Grain {name} is set to be {word}", changes)
    done = __salt__["grains.set"](name, value, force=force, delimiter=delimiter)
    if not done["result"]:
        return returned(name, False, done.get("comment", ""))
    return returned(name, True, f"Set grain {name} to {value}", done.get("changes"))


def list_present(name: str, value: Any, delimiter: str = ":") -> dict[str, Any]:
    """
    A grain is a list that holds this value, or all of these.
    """
    old = __salt__["grains.get"](name, default=_NONE, delimiter=delimiter)
    if old is not _NONE and old is not None and not isinstance(old, list):
        return returned(name, False, f"Grain {name} is not a valid list")
    given = as_list(value)
    wanted = [item for item in given if item not in (old if isinstance(old, list) else ())]
    if not wanted:
        return returned(name, True, f"Value {value} is already in grain {name} (or pending)")
    value = wanted if isinstance(value, list) else value
    if __opts__["test"]:
        changes = {"new": {name: [*(old if isinstance(old, list) else ()), *wanted]}}
        if isinstance(old, list):
            return returned(name, None, f"Value {value} is set to be appended to grain {name}", changes)
        return returned(name, None, f"Grain {name} is set to be added", changes)
    there = [item for item in given if item not in wanted]
    removed = f'Removed value {there} from update due to value found in "{name}" (or pending).\n' if there else ""
    for item in wanted:
        __salt__["grains.append"](name, item, delimiter=delimiter)
    new = __salt__["grains.get"](name, default=_NONE, delimiter=delimiter)
    if any(item not in (new if isinstance(new, list) else ()) for item in wanted):
        return returned(name, False, f"Failed append value {value} to grain {name}")
    return returned(name, True, f"{removed}Append value {value} to grain {name}", {"new": {name: new}})


def list_absent(name: str, value: Any, delimiter: str = ":") -> dict[str, Any]:
    """
    A grain is no list that holds this value, or any of these.
    """
    old = __salt__["grains.get"](name, default=None, delimiter=delimiter)
    if not old and not isinstance(old, list):
        return returned(name, True, f"Grain {name} does not exist")
    if not isinstance(old, list):
        return returned(name, False, f"Grain {name} is not a valid list")
    lines, deleted = [], []
    for item in as_list(value):
        if item not in old:
            lines.append(f"Value {item} is absent from grain {name}")
            continue
        deleted.append(item)
        if __opts__["test"]:
            lines.append(f"Value {item} in grain {name} is set to be deleted")
        else:
            __salt__["grains.remove"](name, item, delimiter=delimiter)
            lines.append(f"Value {item} was deleted from grain {name}")
    result = None if deleted and __opts__["test"] else True
    return returned(name, result, "\n".join(lines), {"deleted": deleted} if deleted else {})


def absent(name: str, destructive: bool = False, delimiter: str = ":", force: bool = False) -> dict[str, Any]:
    """
    A grain says nothing, or with `destructive` is not there. Only with `force` a list or a map goes.
    """
    old = __salt__["grains.get"](name, default=_NONE, delimiter=delimiter)
    if old is _NONE:
        return returned(name, True, f"Grain {name} does not exist")
    if old is None and not destructive:
        return returned(name, True)
    if __opts__["test"]:
        if destructive:
            return returned(name, None, f"Grain {name} is set to be deleted", {"deleted": name})
        return returned(
            name, None, f"Value for grain {name} is set to be deleted (None)", {"grain": name, "value": None}
        )
    done = __salt__["grains.set"](name, None, destructive=destructive, force=force, delimiter=delimiter)
    if not done["result"]:
        return returned(name, False, done.get("comment", ""))
    if destructive:
        return returned(name, True, f"Grain {name} was deleted", {"deleted": name})
    return returned(name, True, f"Value for grain {name} was set to None", {"grain": name, "value": None})


def append(name: str, value: Any, convert: bool = False, delimiter: str = ":") -> dict[str, Any]:
    """
    A grain that is there is a list that holds this value; with `convert` a single value becomes one.
    """
    old = __salt__["grains.get"](name, default=_NONE, delimiter=delimiter)
    if old is _NONE or old is None:
        return returned(name, False, f"Grain {name} does not exist")
    if isinstance(old, list):
        if value in old:
            return returned(name, True, f"Value {value} is already in the list for grain {name}")
        planned = f"Value {value} in grain {name} is set to be added"
    elif not convert:
        return returned(name, False, f"Grain {name} is not a valid list")
    else:
        planned = f"Grain {name} is set to be converted to list and value {value} will be added"
    if __opts__["test"]:
        return returned(name, None, planned, {"added": value})
    __salt__["grains.append"](name, value, convert=convert, delimiter=delimiter)
    return returned(name, True, f"Value {value} was added to grain {name}", {"added": value})
