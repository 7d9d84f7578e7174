"""Slots: arguments that are asked of an execution function just before a state is called.

`__slot__:salt:mod.fun(arg, key=value).path.in.result ~ text`, as an argument, or in the first level of a map or list.
What is malformed stays as it is, and the log says so.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from trisalt.target.data import traverse

log = logging.getLogger(__name__)

SLOT = "__slot__:"
_LEAVES = frozenset({int, float, bool, bytes, type(None)})
_CALL = re.compile(r"\s*([\w.]+)\((.*)\)\s*", re.DOTALL)


def filled(arguments: dict[str, Any], functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """The arguments, each slot by what its function returned."""
    if all(_has_none(value) for value in arguments.values()):
        return arguments
    return {key: _filled(value, functions, depth=2) for key, value in arguments.items()}


def _has_none(value: Any) -> bool:
    """Whether a value can be seen at a look to have no slot in it."""
    kind = type(value)
    return not value.startswith(SLOT) if kind is str else kind in _LEAVES


def _filled(value: Any, functions: Mapping[str, Callable[..., Any]], *, depth: int) -> Any:
    if isinstance(value, str):
        return _ask(value, functions) if value.startswith(SLOT) else value
    if isinstance(value, dict) and depth and _has_slot(value):
        return {key: _filled(item, functions, depth=0) for key, item in value.items()}
    if isinstance(value, list) and depth > 1 and _has_slot(value):
        return [_filled(item, functions, depth=1 if isinstance(item, dict) else 0) for item in value]
    return value


def _has_slot(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value
    return any(
        (isinstance(item, str) and item.startswith(SLOT)) or (isinstance(item, dict) and _has_slot(item))
        for item in items
    )


def _ask(slot: str, functions: Mapping[str, Callable[..., Any]]) -> Any:
    parts = slot.split(":", 2)
    call, tilde, text = parts[2].partition("~") if len(parts) == 3 and parts[1] == "salt" else ("", "", "")
    end = call.rfind(")") + 1
    name, args, kwargs = _read_call(call[:end])
    function = functions.get(name) if name else None
    if function is None:
        log.warning("Malformed slot: %s", slot)
        return slot
    value = function(*args, **kwargs)
    path = call[end:].partition(".")[2].strip()
    if path:
        value = traverse(value, path, None, ".")
    if tilde and not isinstance(value, str):
        log.error("Ignoring slot append, slot result is not a string")
    elif tilde:
        value += _unquoted(text.strip())
    return value


def _read_call(text: str) -> tuple[str, list[str], dict[str, str]]:
    """`mod.fun(a, "b, c", key=value)`: all arguments are texts. An empty name for what is no call."""
    found = _CALL.fullmatch(text)
    if not found:
        return "", [], {}
    args: list[str] = []
    kwargs: dict[str, str] = {}
    for name, value in _words(found[2]):
        if name:
            kwargs[name] = value
        else:
            args.append(value)
    return found[1], args, kwargs


def _words(text: str) -> list[tuple[str, str]]:
    """The `(name, value)` between commas that are in no quotes and no brackets; the name is empty without a `=`.

    Quotes go, and what is blank outside of them.
    """
    words: list[tuple[str, str]] = []
    name, value, depth, quote, begun = "", "", 0, "", False
    for character in f"{text},":
        if quote:
            quote, value = ("", value) if character == quote else (quote, value + character)
        elif character in "\"'":
            quote, begun = character, True
        elif character == "," and not depth:
            if begun:
                words.append((name, value))
            name, value, begun = "", "", False
        elif character == "=" and not depth and not name:
            name, value = value, ""
        elif not character.isspace():
            depth += (character in "([{") - (character in ")]}")
            value, begun = value + character, True
    return words


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
