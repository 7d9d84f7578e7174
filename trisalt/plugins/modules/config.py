"""Look a value up where operators put values: the minion's configuration, grains, pillar, the master's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.target.data import traverse

MISSING = object()


def get(
    key: str,
    default: Any = "",
    delimiter: str = ":",
    merge: Any = None,
    omit_opts: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_grains: bool = False,
) -> Any:
    """
    The first value for `key` in: the minion's configuration, its grains, its pillar, the master's options that
    came with the pillar. `merge` (`recurse` or `overwrite`) joins maps from all of them instead, the first winning.

    CLI Example:

        salt '*' config.get pkg:apache
    """
    found = [
        value
        for source in _sources(omit_opts, omit_grains, omit_pillar, omit_master)
        if (value := traverse(source, key, MISSING, delimiter)) is not MISSING
    ]
    if not found:
        return default
    if not merge:
        return found[0]
    merged: Any = {}
    for value in reversed(found):
        if isinstance(value, Mapping):
            merged = _merge(merged, value, deep=merge == "recurse")
    return merged or found[0]


def option(
    value: str,
    default: Any = "",
    omit_opts: bool = False,
    omit_grains: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    wildcard: bool = False,
) -> Any:
    """
    Like `get`, for a key that is taken as it is; with `wildcard` the map of all keys that match.

    CLI Example:

        salt '*' config.option redis.host
    """
    sources = _sources(omit_opts, omit_grains, omit_pillar, omit_master)
    if wildcard:
        from fnmatch import fnmatchcase

        found: dict[str, Any] = {}
        for source in reversed(sources):
            found |= {key: source[key] for key in source if fnmatchcase(key, value)}
        return found or default
    return next((source[value] for source in sources if value in source), default)


def merge(
    value: str, default: Any = "", omit_opts: bool = False, omit_master: bool = False, omit_pillar: bool = False
) -> Any:
    """
    The value of an option in configuration, pillar and master options, maps and lists joined.

    CLI Example:

        salt '*' config.merge schedule
    """
    joined: Any = None
    for source in _sources(omit_opts, True, omit_pillar, omit_master):
        found = source.get(value, MISSING)
        if found is MISSING:
            continue
        if isinstance(found, Mapping) and isinstance(joined, dict | None):
            joined = {**found, **(joined or {})}
        elif isinstance(found, list) and isinstance(joined, list | None):
            joined = [*(joined or []), *found]
        elif joined is None:
            return found
    return joined or default


def dot_vals(value: str) -> dict[str, Any]:
    """
    All options whose name begins with `value` and a dot.

    CLI Example:

        salt '*' config.dot_vals mysql
    """
    prefix = f"{value}."
    sources = (__opts__, __pillar__)
    return {key: source[key] for source in reversed(sources) for key in source if key.startswith(prefix)}


def items() -> dict[str, Any]:
    """
    The minion's whole configuration, without what is private to it.

    CLI Example:

        salt '*' config.items
    """
    return {key: value for key, value in __opts__.items() if not key.startswith("__")}


def manage_mode(mode: Any) -> str | None:
    """
    A file mode as four octal digits.

    CLI Example:

        salt '*' config.manage_mode 644
    """
    if mode is None:
        return None
    text = str(mode).removeprefix("0o").strip("\"'").lstrip("0")
    return text.zfill(4)


def backup_mode(backup: str = "") -> str:
    """
    The backup mode in force: the one given, or the configured one.

    CLI Example:

        salt '*' config.backup_mode
    """
    return backup or option("backup_mode")


def valid_fileproto(uri: str) -> bool:
    """
    Whether a source begins with a protocol that files can be fetched by.

    CLI Example:

        salt '*' config.valid_fileproto salt://path/to/file
    """
    protocol, colon, _path = uri.partition("://")
    return bool(colon) and protocol in {"salt", "http", "https", "ftp", "s3", "swift", "file"}


def _sources(omit_opts: bool, omit_grains: bool, omit_pillar: bool, omit_master: bool) -> list[Mapping[str, Any]]:
    candidates = (
        (omit_opts, __opts__),
        (omit_grains, __grains__),
        (omit_pillar, __pillar__),
        (omit_master, __pillar__.get("master", {})),
    )
    return [source for omit, source in candidates if not omit and isinstance(source, Mapping)]


def _merge(old: Mapping[str, Any], new: Mapping[str, Any], *, deep: bool) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        both_maps = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value, deep=True) if deep and both_maps else value
    return merged
