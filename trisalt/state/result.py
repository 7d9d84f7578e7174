"""The shape of a state's return: checked, completed, logged, judged. Pure, but for the log.

`{"name", "changes": {…}, "result": True | False | None, "comment": text}`, to which the engine adds `__sls__`,
`__id__`, `__run_num__`, `start_time` and `duration`.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

log = logging.getLogger(__name__)

Result = dict[str, Any]

REQUIRED = ("name", "result", "changes", "comment")
MASK = "**********"


def returned(
    name: str, result: bool | None, comment: str = "", changes: Mapping[str, Any] | None = None, **more: Any
) -> Result:
    """What a state function returns. `more`: `warnings`, `skip_watch`, `skip_req`, `pchanges`, `data`, …"""
    return {"name": name, "changes": dict(changes or {}), "result": result, "comment": comment, **more}


def checked(result: Any) -> Result:
    """What a state function returned, in its plain form: a comment is one text, a result true, false or None.

    What is malformed becomes a failure that says so.
    """
    complaint = _complaint(result)
    sub = result.get("sub_state_run") if isinstance(result, dict) else None
    for each in sub or ():
        complaint = complaint or _complaint(each)
    if complaint:
        # The name is what stock Salt 3008.3 gives here.
        comment = f"An exception occurred in this state: {complaint}"
        return {"result": False, "name": "later", "changes": {}, "comment": comment}
    for each in (result, *(sub or ())):
        if isinstance(each["comment"], list):
            each["comment"] = "\n".join(map(str, each["comment"]))
        if each["result"] is not None:
            each["result"] = bool(each["result"])
    return dict(result)


def _complaint(result: Any) -> str | None:
    if not isinstance(result, dict):
        return "Malformed state return. Data must be a dictionary type."
    if not isinstance(result.get("changes"), dict):
        return "'Changes' should be a dictionary."
    missing = [key for key in REQUIRED if key not in result]
    if missing:
        return f"The following keys were not present in the state return: {', '.join(missing)}."
    return None


def masked(result: Result) -> None:
    """Hide what a state with `no_log` was called, said and did."""
    for key in ("name", "comment", "changes"):
        result[key] = _mask(result.get(key))


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mask(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask(item) for item in value]
    if isinstance(value, bytes):
        return MASK.encode() if value else value
    return MASK if isinstance(value, str) and value else value


def report(result: Result) -> None:
    """Tell the log what came of a state: what it changed, or what it said."""
    changes = result.get("changes")
    if not changes:
        text = result.get("comment") or f"No changes made for {result.get('name')}"
    elif isinstance(changes, dict) and isinstance(changes.get("diff"), str):
        text = f"File changed:\n{changes['diff']}"
    elif isinstance(changes, dict) and all(
        isinstance(change, dict) and "old" in change and "new" in change for change in changes.values()
    ):
        text = "Made the following changes:\n" + "".join(
            f"'{name}' changed from '{change['old'] or 'absent'}' to '{change['new'] or 'absent'}'\n"
            for name, change in changes.items()
        )
    else:
        text = str(changes)
    log.log(logging.ERROR if result.get("result") is False else logging.INFO, "%s", text)


class Watch:
    """When a state began, and for how long it has run: as a return tells them."""

    __slots__ = ("_began", "start_time")

    def __init__(self) -> None:
        self._began = time.perf_counter_ns()
        self.start_time = datetime.now().time().isoformat()

    @property
    def duration(self) -> float:
        """Milliseconds, to the microsecond."""
        return (time.perf_counter_ns() - self._began) // 1000 / 1000


def succeeded(running: Any, *, inner: bool = False) -> bool:
    """Whether a run is a success: it ran something, and nothing of it is false. Returns within returns count too."""
    if not isinstance(running, Mapping) or not running:
        return False
    for result in running.values():
        if not isinstance(result, Mapping):
            if inner:
                continue
            return False
        if result.get("result", True) is False:
            return False
        if "result" not in result and not succeeded(result, inner=True):
            return False
    return True
