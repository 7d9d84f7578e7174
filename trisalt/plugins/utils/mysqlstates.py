"""What the states `mysql_*` share: whether they load, and how errors of the server are theirs.

Used by state modules, which import it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def loads(salt: Mapping[str, Any], function: str) -> Any:
    """What `__virtual__` of these states says."""
    return True if f"mysql.{function}" in salt else (False, "mysql module could not be loaded")


def error(context: dict[str, Any]) -> str | None:
    """What the server refused last; it is the state's to tell, and no retcode of the job's own."""
    context.pop("retcode", None)
    found = context.pop("mysql.error", None)
    return None if found is None else str(found)


def failed(context: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    """A state that the server refused."""
    why = error(context)
    return returned(name, False, text if why is None else f"{text} ({why})")


def guarded(state: Callable[[], dict[str, Any]], name: str) -> dict[str, Any]:
    """What a state returns; an error that was to be expected is its failure."""
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))
