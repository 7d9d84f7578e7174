"""JSON of whatever a minion may have sent: msgpack has keys, numbers and depths that JSON has not. Pure."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from collections.abc import Callable
    from typing import Any

DEEPEST = 200
"""How many levels are written of what goes deeper than `json` itself can."""


def dumps(
    value: object,
    *,
    default: Callable[[Any], str] = repr,
    indent: int | None = None,
    sort_keys: bool = False,
) -> str:
    """Always valid JSON, of one line without an indent: what JSON does not know is written as text by `default`."""
    options: Any = {"default": default, "indent": indent, "ensure_ascii": False, "allow_nan": False}
    try:
        return json.dumps(value, sort_keys=sort_keys, **options)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_writable(value, default, sort_keys, DEEPEST), **options)


def _writable(value: Any, default: Callable[[Any], str], sort_keys: bool, deeper: int) -> Any:
    """`value` as JSON can have it: keys are text, and a number that is none is text too."""
    if not deeper:
        return "…"
    if isinstance(value, dict):
        pairs = [(_key(key, default), _writable(item, default, sort_keys, deeper - 1)) for key, item in value.items()]
        return dict(sorted(pairs, key=lambda pair: pair[0]) if sort_keys else pairs)
    if isinstance(value, (list, tuple)):
        return [_writable(item, default, sort_keys, deeper - 1) for item in value]
    return repr(value) if isinstance(value, float) and value - value != 0 else value


def _key(key: object, default: Callable[[Any], str]) -> str:
    if isinstance(key, str):
        return key
    # As `json` writes them.
    return json.dumps(key) if key is None or isinstance(key, (bool, int)) else default(key)
