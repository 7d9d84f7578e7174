"""The environment of this minion's processes.

http_proxy:
  environ.setenv:
    - value: http://proxy:3128
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from trisalt.state.result import returned


def setenv(
    name: str,
    value: Any,
    false_unsets: bool = False,
    clear_all: bool = False,
    update_minion: bool = False,
    permanent: bool = False,
) -> dict[str, Any]:
    """
    Variables have these values: `name` has a text, or each in a map `value` of names. False is the empty text, and
    takes a variable away with `false_unsets`; `clear_all` takes all others away; `update_minion` changes the
    environment of later jobs too.
    """
    if isinstance(value, str) or value is False:
        wanted: dict[str, Any] = {name: value}
    elif isinstance(value, Mapping):
        wanted = dict(value)
    else:
        return returned(name, False, "Environ value must be string, dict or False")
    changes: dict[str, Any] = {
        key: None if text is False and false_unsets else _text(text)
        for key, text in wanted.items()
        if not _is(key, text, false_unsets)
    }
    if clear_all:
        changes |= dict.fromkeys((key for key in os.environ if key not in wanted), "")
    if not changes:
        done = "are already set" if __opts__["test"] else "were already set"
        return returned(name, True, f"Environ values {done} with the correct values")
    if __opts__["test"]:
        return returned(name, None, "Environ values will be changed", changes)
    if __salt__["environ.setenv"](wanted, false_unsets, clear_all, update_minion, permanent) is False:
        return returned(name, False, "Failed to set environ variables")
    return returned(name, True, "Environ values were set", changes)


def _is(key: str, text: Any, false_unsets: bool) -> bool:
    if text is False and false_unsets:
        return key not in os.environ
    return os.environ.get(key) == _text(text)


def _text(value: Any) -> str:
    return "" if value is False else str(value)
