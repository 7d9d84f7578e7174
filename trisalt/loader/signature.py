"""From words of a command line to arguments, and what a function says of itself.

Thin: only `re`, and YAML when a word needs it; the commands import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


def parse_words(words: Iterable[str], *, no_parse: Sequence[str] = ()) -> tuple[list[Any], dict[str, Any]]:
    """Words after the function name as (args, kwargs): `name=value` is a keyword, and values pass through YAML.

    Keywords in `no_parse` keep their text. Source: spec/cli.md section 3, row by row.
    """
    raise NotImplementedError


def parse_value(text: str) -> Any:
    """One word's value through YAML, with stock's guards."""
    raise NotImplementedError


def condition_args(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """`arg` as it travels: positional values, then the keywords as one map marked `__kwarg__`."""
    raise NotImplementedError


def bind(
    function: Callable[..., Any], arg: Sequence[Any], kwarg: Mapping[str, Any], pub: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """`arg` as it came with a publication as (args, kwargs) for `function`.

    Functions with `**kwargs` are given `pub` as `__pub_<key>`. Raises InvocationError for keywords the function
    does not take, TypeError (before anything runs) for arguments that do not fit.
    """
    raise NotImplementedError


def doc(function: Callable[..., Any]) -> str:
    """The docstring as `sys.doc` tells it."""
    raise NotImplementedError


def argspec(function: Callable[..., Any]) -> dict[str, Any]:
    """`{"args", "defaults", "varargs", "kwargs"}` as `sys.argspec` tells it."""
    raise NotImplementedError
