"""What state modules share: arguments that may be lists, what a function takes, and a change that failed.

Used by state modules, which import it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trisalt.errors import CommandError, TrisaltError
from trisalt.state.result import returned

log = logging.getLogger(__name__)


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
        return returned(name, False, sentence.format(error))
    said = CommandError(error.error, {key: value for key, value in info.items() if key != "changes"})
    return returned(name, False, str(said), info.get("changes"))


def owner_of(user: Any, kwargs: Mapping[str, Any]) -> Any:
    """The user that a state is given, or is given by the name of `owner`, as formulas of old have it."""
    if user or not kwargs.get("owner"):
        return user
    log.warning('Use of argument owner found, "owner" is invalid, please use "user"')
    return kwargs["owner"]


def unknown_owner(salt: Mapping[str, Any], user: Any, group: Any) -> str:
    """What is wrong with the names of an owner, in stock's words; "" when both are known or not given."""
    text = ""
    if user not in (None, "") and salt["file.user_to_uid"](user) == "":
        text += f"User {user} is not available "
    if group not in (None, "") and salt["file.group_to_gid"](group) == "":
        text += f"Group {group} is not available"
    return text
