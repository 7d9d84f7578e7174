"""Filters of events: `field=glob` and `field!=glob` over the data, dotted. Pure.

Values are compared as JSON writes them, texts without quotes. A list is as each of its items is. An event without the
field fits neither. `@origin` is who it is of (`minion/web1`), `@tag` its tag.
"""

from __future__ import annotations

import re
from fnmatch import translate

from trisalt.errors import InvocationError
from trisalt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

_READ = re.compile(r"([^=!]+)(!?=)(.*)", re.DOTALL)
_ABSENT = object()


class Filter:
    """One condition."""

    def __init__(self, path: list[str], glob: str, *, negated: bool) -> None:
        self._path = path
        self._matches = re.compile(translate(glob)).match
        self._negated = negated

    @classmethod
    def read(cls, text: str) -> Filter:
        """A filter as it is written. Raises InvocationError."""
        found = _READ.fullmatch(text)
        if found is None or not found[1].strip():
            raise InvocationError(f"--filter {text!r}: field=glob or field!=glob, as retcode!=0 or data.path=/etc/*")
        return cls(found[1].strip().split("."), found[3], negated=found[2] == "!=")

    def fits(self, tag: str, data: dict[str, Any], origin: str) -> bool:
        """Whether an event is as it says."""
        match self._path:
            case ["@origin"]:
                value: Any = origin
            case ["@tag"]:
                value = tag
            case _:
                value = _at(data, self._path)
        if value is _ABSENT:
            return False
        values = value if isinstance(value, list) and value else [value]
        return any(self._matches(_text(one)) for one in values) is not self._negated


def _at(data: Any, path: list[str]) -> Any:
    """What is at a path; keys that hold dots themselves are tried whole first."""
    for end in range(len(path), 0, -1):
        key = ".".join(path[:end])
        if isinstance(data, dict) and key in data:
            below = data[key]
        elif isinstance(data, list) and end == 1 and key.isdecimal() and int(key) < len(data):
            below = data[int(key)]
        else:
            continue
        found = below if end == len(path) else _at(below, path[end:])
        if found is not _ABSENT:
            return found
    return _ABSENT


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)
