"""What a function says of itself, and whether arguments fit it.

`worker/child` binds with it, and `sys` tells of it. What comes before, the words of a command line, is `words`.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import FunctionType
from typing import Any, NamedTuple

from trisalt.errors import InvocationError
from trisalt.loader.words import KEYWORD, parse_value


class _Shape(NamedTuple):
    """What a function takes: its signature, the names of its keywords, and whether it takes any other one too."""

    signature: inspect.Signature
    names: frozenset[str]
    takes_any: bool


def bind(
    function: Callable[..., Any],
    arg: Sequence[Any],
    kwarg: Mapping[str, Any] | None = None,
    pub: Mapping[str, Any] | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """`arg` as it came with a publication as (args, kwargs) for `function`.

    Text of the form `name=value` is a keyword here too, since an API may send words. Functions with `**kwargs` are
    given `pub` as `__pub_<key>`. Raises InvocationError for keywords the function does not take, and TypeError in
    Python's own words, before anything runs, for arguments that do not fit.
    """
    # A file of others may offer an object that cannot be a key.
    signature, names, takes_any = _remembered(function) if isinstance(function, FunctionType) else _shape(function)
    args: list[Any] = []
    given: dict[str, Any] = {}
    for value in arg:
        if isinstance(value, Mapping) and value.get("__kwarg__") is True:
            given |= {key: item for key, item in value.items() if key != "__kwarg__"}
        elif isinstance(value, str) and (keyword := KEYWORD.match(value)):
            given[keyword[1]] = parse_value(keyword[2])
        else:
            args.append(value)
    given |= dict(kwarg or {})
    invalid = [f"{key}={value}" for key, value in given.items() if not takes_any and key not in names]
    if invalid:
        raise InvocationError(f"The following keyword arguments are not valid: {', '.join(invalid)}")
    kwargs = {str(key): value for key, value in given.items()}
    if takes_any:
        kwargs |= {f"__pub_{key}": value for key, value in (pub or {}).items()}
    try:
        if args or kwargs or names:
            signature.bind(*args, **kwargs)
    except TypeError as exc:
        raise TypeError(_complaint(function, args, kwargs) or str(exc)) from None
    return args, kwargs


def _shape(function: Callable[..., Any]) -> _Shape:
    signature = inspect.signature(function)
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = frozenset(name for name, kind in kinds.items() if kind not in several)
    return _Shape(signature, names, inspect.Parameter.VAR_KEYWORD in kinds.values())


# A child that is used again is mostly asked for what it was asked for before.
_remembered = lru_cache(maxsize=64)(_shape)


def _complaint(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Python's own words for arguments that do not fit.

    The call is made, and fails before the body: only plain functions are asked, of which that is known.
    """
    inner = inspect.unwrap(function)
    if not inspect.isfunction(inner) or hasattr(inner, "__signature__"):
        return None
    try:
        inspect.signature(inner).bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return None
    try:
        inner(*args, **kwargs)
    except TypeError as exc:
        return str(exc)
    return None


def docstring(function: Callable[..., Any]) -> str:
    """The docstring as it is written, empty where there is none.

    From 3.13 on the compiler takes the indentation off; it is put back, so that a manual reads the same everywhere.
    """
    text = inspect.unwrap(function).__doc__ or ""
    if sys.version_info < (3, 13) or not text.startswith("\n"):
        return text
    return textwrap.indent(text, "    ") + ("    " if text.endswith("\n") else "")


# What a manual's markup is to a reader. Source: stock Salt 3008.3, `sys.doc`.
_MARKUP = (
    (r" *.. code-block:: \S+\n{1,2}", ""),
    (r"\.\. note::", "Note:"),
    (r"\.\. warning::", "Warning:"),
    (r"\.\. versionadded::", "New in version"),
    (r"\.\. versionchanged::", "Changed in version"),
)


def doc(function: Callable[..., Any]) -> str | None:
    """The docstring as `sys.doc` tells it: as it is written, without a manual's markup. None where there is none."""
    return plain_doc(docstring(function)) if inspect.unwrap(function).__doc__ else None


def plain_doc(text: str) -> str:
    """A text without a manual's markup."""
    for pattern, instead in _MARKUP:
        text = re.sub(pattern, instead, text)
    return text


def argspec(function: Callable[..., Any]) -> dict[str, Any]:
    """`{"args", "defaults", "varargs", "kwargs"}` as `sys.argspec` tells it: None where there are none."""
    spec: dict[str, Any] = {"args": None, "defaults": None, "varargs": None, "kwargs": None}
    args, defaults = [], []
    for name, parameter in inspect.signature(function).parameters.items():
        match parameter.kind:
            case inspect.Parameter.VAR_POSITIONAL:
                spec["varargs"] = True
            case inspect.Parameter.VAR_KEYWORD:
                spec["kwargs"] = True
            case _:
                args.append(name)
                if parameter.default is not inspect.Parameter.empty:
                    defaults.append(parameter.default)
    spec["args"], spec["defaults"] = args or None, defaults or None
    return spec
