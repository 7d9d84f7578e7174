"""The arguments of jobs, as they travel: told apart, and shown without what is secret in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.loader.words import KEYWORD, parse_value

MASK = "********"
HIDDEN_NAMES = r"(.*[_-])?(password|passwd|passphrase|pass|secret|token|key|privkey|private|credentials?)"
"""Which keywords hold what is not shown, where the configuration (`masked_arguments`) names no others."""


def split(arg: Any) -> tuple[list[Any], dict[str, Any]]:
    """`arg` as positional values and keywords: maps marked `__kwarg__`, and text like `name=value`."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for value in arg if isinstance(arg, list | tuple) else ():
        if isinstance(value, Mapping) and value.get("__kwarg__") is True:
            kwargs |= {str(name): item for name, item in value.items() if name != "__kwarg__"}
        elif isinstance(value, str) and (found := KEYWORD.match(value)):
            kwargs[found[1]] = parse_value(found[2])
        else:
            args.append(value)
    return args, kwargs


class Mask:
    """What stands under names that fit `pattern`, a regular expression over a whole name, in whatever depth."""

    def __init__(self, pattern: str = HIDDEN_NAMES) -> None:
        """Raises re.error for what is no expression."""
        self._fits = re.compile(pattern, re.IGNORECASE).fullmatch

    def __call__(self, value: Any) -> Any:
        """`value` without what is secret."""
        match value:
            case str():
                return self._text(value)
            case dict():
                return {name: MASK if self._hides(name, item) else self(item) for name, item in value.items()}
            case list() | tuple():
                return [self(item) for item in value]
        return value

    def _text(self, text: str) -> str:
        if "PRIVATE KEY-----" in text:
            return MASK
        found = KEYWORD.match(text)
        if found is None:
            return text
        return f"{found[1]}={MASK}" if self._hides(found[1], found[2]) else text

    def _hides(self, name: object, item: object) -> bool:
        if item is None or item == "" or isinstance(item, bool):
            return False
        return isinstance(name, str) and self._fits(name) is not None


def told(load: Mapping[str, Any], mask: Mask) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a job as whoever sees the job may see them. Of a job of several functions: a list of each."""
    arg = load.get("arg") or []
    if isinstance(load.get("fun"), list | tuple):
        return [mask(each) for each in arg] if isinstance(arg, Sequence) and not isinstance(arg, str) else [], {}
    args, kwargs = split(arg)
    further = load.get("kwargs")
    if isinstance(further, Mapping):
        kwargs |= {str(name): item for name, item in further.items()}
    return mask(args), mask(kwargs)
