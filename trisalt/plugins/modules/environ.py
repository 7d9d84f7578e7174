"""The environment of this minion's processes.

A job has a process of its own: what it sets is gone with it, unless `update_minion` has the daemon set it too, whose
environment later jobs start with.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from trisalt.worker import upcall

log = logging.getLogger(__name__)


def setval(key: str, val: Any, false_unsets: bool = False, permanent: bool = False) -> Any:
    """
    Set one variable to a text: the text, or False where that cannot be. A value of False is the empty text, or, with
    `false_unsets`, takes the variable away (None). `permanent` has a meaning on Windows only.

    CLI Example:

        salt '*' environ.setval http_proxy http://proxy.example.org:3128
        salt '*' environ.setval http_proxy False false_unsets=True
    """
    if not isinstance(key, str):
        log.debug("environ.setval: the name of a variable is text, not %s", type(key).__name__)
        return False
    if val is False:
        if false_unsets:
            os.environ.pop(key, None)
            return None
        val = ""
    if not isinstance(val, str):
        log.debug("environ.setval: the value of %s is text, not %s", key, type(val).__name__)
        return False
    try:
        os.environ[key] = val
    except (ValueError, OSError) as exc:
        log.error("environ.setval: %s cannot be set: %s", key, exc)
        return False
    return val


def setenv(
    environ: Mapping[str, Any],
    false_unsets: bool = False,
    clear_all: bool = False,
    update_minion: bool = False,
    permanent: bool = False,
) -> Any:
    """
    Set several variables, each as `setval` does: what was set, by name, or False where one cannot be. `clear_all`
    takes all others away; `update_minion` has the minion set them for later jobs too.

    CLI Example:

        salt '*' environ.setenv '{"LANG": "C.UTF-8", "PAGER": False}' false_unsets=True
    """
    if not isinstance(environ, Mapping):
        log.debug("environ.setenv: a map is wanted, not %s", type(environ).__name__)
        return False
    wanted = dict(environ)
    if clear_all:
        # As False: taken away, or left empty, as the caller would have it for those that are named.
        wanted = {key: False for key in os.environ} | wanted
    done = {}
    for key, val in wanted.items():
        found = setval(key, val, false_unsets, permanent=permanent)
        if found is False:
            log.error("environ.setenv: %s was not set", key)
            return False
        done[key] = found
    if update_minion:
        upcall.fire_event("environ_setenv", {"environ": wanted, "false_unsets": false_unsets, "clear_all": False})
    return done


def get(key: str, default: str = "") -> Any:
    """
    One variable, or `default` where it is not set.

    CLI Example:

        salt '*' environ.get PATH
    """
    return os.environ.get(key, default) if isinstance(key, str) else False


def has_value(key: str, value: str | None = None) -> bool:
    """
    Whether a variable is set, and, where `value` is given, to that.

    CLI Example:

        salt '*' environ.has_value LANG C.UTF-8
    """
    if not isinstance(key, str) or key not in os.environ:
        return False
    return value is None or os.environ[key] == value


def item(keys: Any, default: Any = "") -> dict[str, Any]:
    """
    One or several variables by name, with `default` for those that are not set.

    CLI Example:

        salt '*' environ.item '[PATH, LANG]'
    """
    wanted = [keys] if isinstance(keys, str) else keys if isinstance(keys, list | tuple) else []
    return {str(key): os.environ.get(str(key), default) for key in wanted}


def items() -> dict[str, str]:
    """
    All variables by name.

    CLI Example:

        salt '*' environ.items
    """
    return dict(os.environ)
