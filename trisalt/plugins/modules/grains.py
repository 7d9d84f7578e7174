"""Ask for grains, and keep static ones in the file `grains` beside the minion's configuration."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import yaml

from trisalt.errors import CommandError
from trisalt.target.data import traverse
from trisalt.worker import upcall

MISSING = object()
__func_alias__ = {"set_": "set"}
__outputter__ = {"items": "nested", "item": "nested", "setval": "nested"}

SANITIZED = {"serialnumber", "uuid"}


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
    Whether a grain is there and not empty.

    CLI Example:

        salt '*' grains.has_value pkg:apache
    """
    return bool(traverse(__grains__, key, False))


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
    for key, value in grains.items():
        if value is None and destructive:
            kept.pop(key, None)
            _forget(key)
        else:
            kept[key] = value
            __grains__[key] = value
    _write(kept)
    if refresh_pillar:
        upcall.refresh("grains")
    return dict(grains)


def append(key: str, val: Any, convert: bool = False, delimiter: str = ":") -> dict[str, Any] | str:
    """
    Append to a static grain that is a list; `convert` makes one of another value.

    CLI Example:

        salt '*' grains.append roles web
    """
    values = get(key, [], delimiter)
    if convert and not isinstance(values, list):
        values = [values] if values else []
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
    Set a static grain, nested by the delimiter. Only `force` overwrites a map or list, or puts one in a scalar's place.

    CLI Example:

        salt '*' grains.set apps:web:port 8080 force=True
    """
    result: dict[str, Any] = {"comment": "", "changes": {}, "result": True}
    old = traverse(__grains__, key, MISSING, delimiter)
    remove_it = destructive and val is None
    if old is not MISSING and old == val and not remove_it:
        return result | {"comment": "Grain is already set"}
    if not force:
        problem = _conflict(key, old, val, delimiter)
        if problem:
            return result | {"comment": problem, "result": False}
    top, *rest = key.split(delimiter)
    kept = _read()
    value = _nested(kept.get(top, __grains__.get(top)), rest, val, remove_it)
    if remove_it and not rest:
        kept.pop(top, None)
        _forget(top)
        result["changes"] = {top: None}
    else:
        kept[top] = value
        __grains__[top] = value
        result["changes"] = {top: value}
    _write(kept)
    upcall.refresh("grains")
    return result


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
    value = traverse(__grains__, grain)
    values = value if isinstance(value, list) else [value]
    keys = [key for one in values for key in lookup_dict if fnmatchcase(str(one), str(key))]
    chosen = lookup_dict[keys[0]] if keys else lookup_dict.get(default)
    if base and base in lookup_dict:
        chosen = _laid_over(lookup_dict[base], chosen)
    if merge:
        if not isinstance(merge, Mapping):
            raise CommandError("filter_by merge argument must be a dictionary.")
        chosen = _laid_over(chosen, merge)
    return chosen


def _laid_over(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return below if above is None else above
    return {**below, **{key: _laid_over(below.get(key), value) for key, value in above.items()}}


def _set_nested(key: str, values: list[Any], delimiter: str) -> dict[str, Any]:
    if delimiter not in key:
        return setval(key, values)
    top, *rest = key.split(delimiter)
    return setval(top, _nested(__grains__.get(top), rest, values, False))


def _nested(old: Any, rest: list[str], value: Any, remove_it: bool) -> Any:
    if not rest:
        return value
    head, *tail = rest
    level = dict(old) if isinstance(old, Mapping) else {}
    if remove_it and not tail:
        level.pop(head, None)
    else:
        level[head] = _nested(level.get(head), tail, value, remove_it)
    return level


def _conflict(key: str, old: Any, new: Any, delimiter: str) -> str | None:
    if isinstance(old, Mapping | list) and old:
        return f"The key '{key}' exists but is a dict or a list. Use 'force=True' to overwrite."
    if old is not MISSING and old is not None and isinstance(new, Mapping | list):
        return f"The key '{key}' exists and the given value is a dict or a list. Use 'force=True' to overwrite."
    path = key.split(delimiter)
    for depth in range(1, len(path)):
        above = traverse(__grains__, delimiter.join(path[:depth]), MISSING, delimiter)
        if above is not MISSING and above is not None and not isinstance(above, Mapping):
            return (
                f"The key '{delimiter.join(path[:depth])}' value is '{above}', which is different from the provided "
                f"key '{path[depth]}'. Use 'force=True' to overwrite."
            )
    return None


def _sanitized(grains: dict[str, Any]) -> dict[str, Any]:
    return {key: "***" if key in SANITIZED else value for key, value in grains.items()}


def _forget(key: str) -> None:
    if key in __grains__:
        del __grains__[key]


def _file() -> str:
    return os.path.join(os.path.dirname(__opts__["conf_file"]), "grains")


def _read() -> dict[str, Any]:
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
    path = _file()
    text = yaml.safe_dump(dict(kept), default_flow_style=False)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".grains")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
