"""What a state function returns, written down in one line.

Used by every state module, which imports it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trisalt.errors import CommandError, TrisaltError


def outcome(
    name: str, result: bool | None, comment: str = "", changes: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A state's return. `result` is None where something would change and nothing may (`test=True`)."""
    return {"name": name, "result": result, "comment": comment, "changes": dict(changes or {}), **more}


def as_list(value: Any) -> list[Any]:
    """An argument that may be one value or a list of them; None is none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def accepted(function: Callable[..., Any], kwargs: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Of these arguments those that are given and that a function takes by name."""
    known = inspect.signature(function).parameters
    return {name: kwargs[name] for name in names if name in kwargs and name in known}


def failed(name: str, error: TrisaltError, sentence: str) -> dict[str, Any]:
    """A change that failed: what was said, and what had changed by then."""
    info = getattr(error, "info", None)
    if not isinstance(error, CommandError) or not isinstance(info, Mapping):
        return outcome(name, False, sentence.format(error))
    said = CommandError(error.error, {key: value for key, value in info.items() if key != "changes"})
    return outcome(name, False, str(said), info.get("changes"))
