"""Ask for grains, and keep static ones in the file `grains` beside the minion's configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.target.data import traverse

MISSING = object()
__func_alias__ = {"set_": "set"}
__outputter__ = {"items": "nested", "item": "nested", "setval": "nested"}

# What `sanitize` shows instead, so that an output can be given to others. Source: stock Salt 3008.3.
_SANITIZED = {
    "id": "MINION.DOMAINNAME",
    "fqdn": "MINION.DOMAINNAME",
    "domain": "DOMAINNAME",
    "host": "MINION",
    "localhost": "MINION",
    "nodename": "MINION",
}


def get(key: str, default: Any = "", delimiter: str = ":", ordered: bool = True) -> Any:
    """
    One grain, nested by the delimiter; the default (an empty string) when it is not there.

    CLI Example:

        salt '*' grains.get pkg:apache
    """
    return traverse(__grains__, key, default, delimiter)


fetch = get


def has_value(key: str) -> bool:
    """
    Whether a grain is there, whatever it says.

    CLI Example:

        salt '*' grains.has_value pkg:apache
    """
    return traverse(__grains__, key, MISSING) is not MISSING


def items(sanitize: bool = False) -> dict[str, Any]:
    """
    All grains; with `sanitize` without what tells a machine apart.

    CLI Example:

        salt '*' grains.items
    """
    return _sanitized(dict(__grains__)) if sanitize else dict(__grains__)


def item(*args: str, **kwargs: Any) -> dict[str, Any]:
    """
    Several grains: `{name: value}`, `default` (an empty string) for one that is not there.

    CLI Example:

        salt '*' grains.item os osrelease
    """
    default, delimiter = kwargs.get("default", ""), kwargs.get("delimiter", ":")
    found = {name: traverse(__grains__, name, default, delimiter) for name in args}
    return _sanitized(found) if kwargs.get("sanitize") else found


def ls() -> list[str]:
    """
    The names of all grains.

    CLI Example:

        salt '*' grains.ls
    """
    return sorted(__grains__)


def equals(key: str, value: Any) -> bool:
    """
    Whether a grain's text is this one.

    CLI Example:

        salt '*' grains.equals os Debian
    """
    return str(value) == str(get(key))


def setval(key: str, val: Any, destructive: bool = False, refresh_pillar: bool = True) -> dict[str, Any]:
    """
    Set a static grain. With `destructive` and no value the grain is removed.

    CLI Example:

        salt '*' grains.setval key "{'sub': 'value'}"
    """
    return setvals({key: val}, destructive=destructive, refresh_pillar=refresh_pillar)


def setvals(grains: Mapping[str, Any], destructive: bool = False, refresh_pillar: bool = True) -> dict[str, Any]:
    """
    Set several static grains.

    CLI Example:

        salt '*' grains.setvals "{'key1': 'val1', 'key2': 'val2'}"
    """
    if not isinstance(grains, Mapping):
        raise CommandError("setvals grains must be a dictionary.")
    kept = _read()
    gone = {key for key, value in grains.items() if value is None and destructive}
    kept = {key: value for key, value in {**kept, **grains}.items() if key not in gone}
    _write(kept)
    __grains__.update({key: value for key, value in grains.items() if key not in gone})
    for key in gone:
        _forget(key)
    _refresh(refresh_pillar)
    return dict(grains)


def append(key: str, val: Any, convert: bool = False, delimiter: str = ":") -> dict[str, Any] | str:
    """
    Append to a static grain that is a list; `convert` makes one of another value.

    CLI Example:

        salt '*' grains.append roles web
    """
    values = get(key, [], delimiter)
    if convert and not isinstance(values, list):
        values = [] if values is None else [values]
    if not isinstance(values, list):
        return f"The key {key} is not a valid list"
    if val in values:
        return f"The val {val} was already in the list {key}"
    return _set_nested(key, [*values, *(val if isinstance(val, list) else [val])], delimiter)


def remove(key: str, val: Any, delimiter: str = ":") -> dict[str, Any] | str:
    """
    Remove a value from a static grain that is a list.

    CLI Example:

        salt '*' grains.remove roles web
    """
    values = get(key, [], delimiter)
    if not isinstance(values, list):
        return f"The key {key} is not a valid list"
    if val not in values:
        return f"The val {val} was not in the list {key}"
    values = list(values)
    values.remove(val)
    return _set_nested(key, values, delimiter)


def set_(
    key: str, val: Any = "", force: bool = False, destructive: bool = False, delimiter: str = ":"
) -> dict[str, Any]:
    """
    Set a static grain, nested by the delimiter. Only `force` overwrites a map or list, or puts one in a scalar's
    place. In a list the item of that name becomes a map of that name, or one is appended.

    CLI Example:

        salt '*' grains.set apps:web:port 8080 force=True
    """
    result: dict[str, Any] = {"comment": "", "changes": {}, "result": True}
    old = traverse(__grains__, key, MISSING, delimiter)
    remove_it = destructive and val is None
    if old is not MISSING and old == val and not remove_it:
        return result | {"comment": "Grain is already set"}
    if not force and (problem := _conflict(key, old, val)):
        return result | {"comment": problem, "result": False}
    top, *rest = key.split(delimiter)
    try:
        value = _nested(__grains__.get(top, {}), rest, val, remove_it, force, [top], delimiter) if rest else val
    except _Occupied as exc:
        return result | {"comment": str(exc), "result": False}
    return result | {"changes": setvals({top: value}, destructive=remove_it and not rest)}


def delval(key: str, destructive: bool = False, force: bool = False) -> dict[str, Any]:
    """
    Set a static grain to nothing; with `destructive` remove it.

    CLI Example:

        salt '*' grains.delval key
    """
    return set_(key, None, destructive=destructive, force=force)


def delkey(key: str, force: bool = False) -> dict[str, Any]:
    """
    Remove a static grain.

    CLI Example:

        salt '*' grains.delkey key
    """
    return set_(key, None, destructive=True, force=force)


def filter_by(
    lookup_dict: Mapping[str, Any],
    grain: str = "os_family",
    merge: Mapping[str, Any] | None = None,
    default: str | None = "default",
    base: str | None = None,
) -> Any:
    """
    Choose from a map by a grain's value: the first key that matches it as a glob, else `default`. What `base` names
    lies under it, `merge` over it.

    CLI Example:

        salt '*' grains.filter_by "{'Debian': {'pkg': 'apache2'}, 'RedHat': {'pkg': 'httpd'}}"
    """
    value = traverse(__grains__, grain, [])
    return __utils__["choose.filter_by"](lookup_dict, value, merge=merge, default=default, base=base)


class _Occupied(Exception):
    """Something else stands where a map would have to be."""


def _set_nested(key: str, values: list[Any], delimiter: str) -> dict[str, Any]:
    top, *rest = key.split(delimiter)
    if not rest:
        return setval(key, values)
    return setval(top, _nested(__grains__.get(top, {}), rest, values, False, True, [top], delimiter))


def _nested(
    old: Any, rest: list[str], value: Any, remove_it: bool, force: bool, path: list[str], delimiter: str
) -> Any:
    """`old` with `value` at `rest` below it, or without what is there. Raises _Occupied."""
    head, *tail = rest
    if tail:
        below = traverse(old, head, {}, delimiter)
        value = _nested(below, tail, value, remove_it, force, [*path, head], delimiter)
        remove_it = False
    if isinstance(old, Mapping):
        return {key: item for key, item in old.items() if key != head} | ({} if remove_it else {head: value})
    if isinstance(old, list):
        return _nested_in_list(old, head, value, remove_it)
    if old == head or force:
        return {} if remove_it else {head: value}
    raise _Occupied(
        f"The key '{delimiter.join(path)}' value is '{old}', which is different from the provided key '{head}'. "
        "Use 'force=True' to overwrite."
    )


def _nested_in_list(old: list[Any], head: str, value: Any, remove_it: bool) -> list[Any]:
    if remove_it:
        kept = [item for item in old if item != head]
        return [{k: v for k, v in item.items() if k != head} if isinstance(item, Mapping) else item for item in kept]
    found = [
        {head: value} if item == head else {**item, head: value} if isinstance(item, Mapping) and head in item else item
        for item in old
    ]
    return found if found != old or {head: value} in old else [*old, {head: value}]


def _conflict(key: str, old: Any, new: Any) -> str | None:
    if isinstance(old, Mapping | list):
        return f"The key '{key}' exists but is a dict or a list. Use 'force=True' to overwrite."
    if old is not MISSING and old is not None and isinstance(new, Mapping | list):
        return f"The key '{key}' exists and the given value is a dict or a list. Use 'force=True' to overwrite."
    return None


def _refresh(refresh_pillar: bool) -> None:
    __salt__["saltutil.refresh_grains"](refresh_pillar=refresh_pillar)


def _sanitized(grains: dict[str, Any]) -> dict[str, Any]:
    shown = {key: _SANITIZED.get(key, value) for key, value in grains.items()}
    if isinstance(number := shown.get("serialnumber"), str):
        kept = len(number) * 3 // 4
        shown["serialnumber"] = number[:kept] + "X" * (len(number) - kept)
    return shown


def _forget(key: str) -> None:
    if key in __grains__:
        del __grains__[key]


def _file() -> str:
    return os.path.join(os.path.dirname(__opts__["conf_file"]), "grains")


def _read() -> dict[str, Any]:
    import yaml  # only what keeps grains in the file needs it, and its import costs as much as looking grains up

    try:
        with open(_file(), encoding="utf-8") as file:
            kept = yaml.safe_load(file)
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as exc:
        # Never written over: it is the operator's, and holds more than we could read.
        raise CommandError(f"Unable to read existing grains file: {exc}") from exc
    if kept is not None and not isinstance(kept, dict):
        raise CommandError(f"Unable to read existing grains file: {_file()} does not hold a map")
    return kept or {}


def _write(kept: Mapping[str, Any]) -> None:
    import tempfile

    import yaml

    path = _file()
    text = yaml.safe_dump(dict(kept), default_flow_style=False)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".grains")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as exc:
        if temporary is not None:
            os.unlink(temporary)
        raise CommandError(f"Unable to write the grains file {path}: {exc.strerror}") from exc
