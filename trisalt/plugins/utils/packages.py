"""What package managers share: what changed between two listings, names that are safe on a command line, and how
a change that failed is told.

Used by the files of `pkg` and `lowpkg`, whatever the manager.
"""

from __future__ import annotations

import operator
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from trisalt.errors import CommandError, InvocationError

_SPEC = re.compile(r"\s*(<=|>=|!=|==|=|<|>)?\s*(\S.*?)\s*")
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne,
    "=": operator.eq, "==": operator.eq,
}  # fmt: skip


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`{name: {old, new}}` of what differs between two listings; what is not there is an empty text."""
    return {
        name: {"old": old.get(name, ""), "new": new.get(name, "")}
        for name in [*old, *(name for name in new if name not in old)]
        if old.get(name, "") != new.get(name, "")
    }


def fetched(folder: str, suffix: str, told: Callable[[str], tuple[str, str]]) -> dict[str, dict[str, dict[str, Any]]]:
    """The package files below a folder: `{name: {version: {path, size, creation_date_time_t, creation_date_time}}}`.

    `told` gives name and version of a path. Times are UTC; a file that goes away meanwhile is left out.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for place, _, files in os.walk(folder):
        for path in (os.path.join(place, file) for file in sorted(files) if file.endswith(suffix)):
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue
            name, version = told(path)
            found.setdefault(name, {})[version] = {
                "path": path,
                "size": status.st_size,
                "creation_date_time_t": int(status.st_ctime),
                "creation_date_time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(status.st_ctime))),
            }
    return found


def names(name: Any = None, pkgs: Any = None) -> list[str]:
    """The names in `name` (commas separate several) or `pkgs` (names, and maps of a name to a version)."""
    if pkgs is not None:
        pkgs = [pkgs] if isinstance(pkgs, str | Mapping) else pkgs
        if not isinstance(pkgs, list | tuple):
            raise InvocationError(f"Invalid format of pkgs: {pkgs}")
        given = [name for item in pkgs for name in (item if isinstance(item, Mapping) else [item])]
    else:
        given = [] if name is None else str(name).split(",")
    found = [str(item).strip() for item in given]
    checked(found)
    return [name for name in found if name]


def checked(words: Iterable[str]) -> None:
    """Refuse a name that a package manager would take for an option of its own."""
    for word in words:
        if word.startswith("-"):
            raise InvocationError(f"Invalid package name: {word}")


def fulfils(spec: str, version: str, compare: Callable[[str, str], int | None]) -> bool:
    """Whether a version fulfils `>=1.0,<2.0`: every condition of it. A condition without an operator means equality."""
    for condition in str(spec).split(","):
        match = _SPEC.fullmatch(condition)
        if match is None:
            raise InvocationError(f"Invalid version: {spec!r}")
        order = compare(version, match[2])
        if order is None or not _OPERATORS[match[1] or "="](order, 0):
            return False
    return True


def has_operator(spec: Any) -> bool:
    """Whether a version is a condition, such as `>1.0`, and not a version itself."""
    return str(spec).lstrip().startswith(("<", ">", "!", "="))


def said(found: Mapping[str, Any]) -> str:
    """What a program had to say of its failure."""
    return found["stderr"] or found["stdout"] or f"it ended with {found['retcode']}"


def failed(what: str, changed: Mapping[str, Any], errors: list[str]) -> NoReturn:
    """Raise that something went wrong, with what had changed by then."""
    raise CommandError(what, info={"errors": errors, "changes": dict(changed)})


def refreshed() -> None:
    """Note that the lists are fresh: a state that was to refresh them first need not."""
    try:
        os.unlink(os.path.join(__opts__.get("cachedir") or "/nonexistent", "pkg_refresh"))
    except OSError:
        pass  # nobody had asked for it


def true(value: Any) -> bool:
    """Whether an argument means yes, as it comes from a command line or a file."""
    return value.strip().lower() in ("true", "1", "yes", "on") if isinstance(value, str) else bool(value)


def words(value: Any, separator: str | None = ",") -> list[str]:
    """The words of a text, or the items of a list."""
    if isinstance(value, str):
        return [word for word in (part.strip() for part in value.split(separator)) if word]
    return [str(word) for word in value]
