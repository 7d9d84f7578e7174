"""What of a chunk a state function is called with, and what is wrong with a chunk before it is called.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import attrs

from trisalt.errors import InvocationError
from trisalt.state.low import Chunk
from trisalt.state.words import STATE_INTERNAL_KEYWORDS


@attrs.frozen
class Signature:
    """What a function takes: the names of its arguments, how many of them it must have, and whether it takes others."""

    names: frozenset[str]
    required: tuple[str, ...]
    takes_any: bool


@lru_cache(maxsize=1024)
def signature_of(function: Callable[..., Any]) -> Signature:
    """What a function takes."""
    parameters = inspect.signature(function).parameters.values()
    named = [
        each
        for each in parameters
        if each.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    return Signature(
        names=frozenset(each.name for each in named),
        required=tuple(each.name for each in named if each.default is inspect.Parameter.empty),
        takes_any=any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters),
    )


def keywords(function: Callable[..., Any], full: str, chunk: Chunk) -> dict[str, Any]:
    """The keywords that a function is called with. Raises InvocationError for those that it does not know.

    A function that takes any gets all of the chunk but the engine's own words.
    """
    signature = signature_of(function)
    names = signature.names
    if signature.takes_any:
        return {key: value for key, value in chunk.items() if key in names or key not in STATE_INTERNAL_KEYWORDS}
    given = {key: value for key, value in chunk.items() if key in names}
    further = [key for key in chunk if key not in names and key not in STATE_INTERNAL_KEYWORDS]
    unknown = [f"'{key}'" for key in further if not key.startswith("__") and key != "name_order"]
    if unknown:
        if len(unknown) == 1:
            raise InvocationError(f"{unknown[0]} is an invalid keyword argument for '{full}'")
        raise InvocationError(f"{', '.join(unknown[:-1])} and {unknown[-1]} are invalid keyword arguments for '{full}'")
    return given


def complaints(chunk: Chunk, states: Any) -> list[str]:
    """What keeps a chunk from being called. A `umask` is read on the way."""
    errors = [f'Missing "{key}" data' for key in ("state", "fun", "name") if key not in chunk]
    name = chunk.get("name")
    if name and not isinstance(name, str):
        where = f"in SLS '{chunk['__sls__']}' " if "__sls__" in chunk else ""
        errors.append(f"ID '{name}' {where}is not formed as a string, but is a {type(name).__name__}")
    if "umask" in chunk:
        umask = chunk.pop("umask")
        try:
            chunk["__umask__"] = int(str(umask), 8)
        except ValueError:
            errors.append(f"Invalid umask: {umask}")
    if errors:
        return errors
    full = f"{chunk['state']}.{chunk['fun']}"
    function = states.get(full)
    if function is None:
        if "__sls__" not in chunk:
            return [f"Specified state '{full}' was not found"]
        reason = states.missing_reason(full) if hasattr(states, "missing_reason") else ""
        return [f"State '{full}' was not found in SLS '{chunk['__sls__']}'", *([f"Reason: {reason}"] if reason else [])]
    return [
        f"Missing parameter {name} for state {full}" for name in signature_of(function).required if name not in chunk
    ]
