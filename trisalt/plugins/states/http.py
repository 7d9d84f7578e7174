"""What web servers answer.

shop answers:
  http.wait_for_successful_query:
    - name: http://localhost:8080/health
    - status: 200
    - wait_for: 60
    - request_interval: 2
"""

from __future__ import annotations

import re
import time
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

__monitor__ = ["query"]


def query(
    name: str,
    match: Any = None,
    match_type: str = "string",
    status: Any = None,
    status_type: str = "string",
    wait_for: float | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A web server answers with this status, and with a text that has this in it: `match_type` and `status_type` are
    `string` or `pcre`, that of a status also `list`. What else is given goes to `http.query`; with `wait_for` it is
    asked for so many seconds. A preview asks nobody, or `test_url`.
    """
    if match is None and status is None:
        return returned(name, False, " Either match text (match) or a status code (status) is required.")
    for kind, given, known in (("match", match_type, _MATCHES), ("status", status_type, _STATUSES)):
        if given not in known:
            return returned(name, False, f"{kind}_type is one of {', '.join(known)}, not {given}")
    asked = {"decode": False, **kwargs, "text": True, "status": True}
    if __opts__["test"]:
        asked["test"] = True
    try:
        if wait_for:
            data = __salt__["http.wait_for_successful_query"](name, wait_for=wait_for, **asked)
        else:
            data = __salt__["http.query"](name, **asked)
        said = []
        if match is not None:
            said.append(_match(str(match), match_type, str(data.get("text", ""))))
        if status is not None:
            said.append(_status(status, status_type, str(data.get("status", ""))))
    except re.error as exc:
        return returned(name, False, f"This is no pattern: {exc}")
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    comment = " ".join(text for _, text in said)
    if __opts__["test"]:
        where = f", TEST URL WAS: {kwargs['test_url']}" if "test_url" in kwargs else ""
        return returned(name, None, f"{comment} (TEST MODE{where})", data=data)
    return returned(name, all(found for found, _ in said), comment, data=data)


def wait_for_successful_query(name: str, wait_for: float = 300, **kwargs: Any) -> dict[str, Any]:
    """
    As `query`, asked again until it is as it should be, for so many seconds, with `request_interval` seconds between.
    """
    pause = float(kwargs.get("request_interval", 0.1))
    until = time.monotonic() + float(wait_for)
    while True:
        found = query(name, **kwargs)
        if found["result"] or __opts__["test"] or time.monotonic() > until:
            return found
        time.sleep(pause)


# -- inside ------------------------------------------------------------------------------------------------------------

_MATCHES = ("string", "pcre")
_STATUSES = ("string", "pcre", "list")


def _match(wanted: str, kind: str, text: str) -> tuple[bool, str]:
    found = wanted in text if kind == "string" else re.search(wanted, text) is not None
    what = "text" if kind == "string" else "pattern"
    return found, f'Match {what} "{wanted}" was {"" if found else "not "}found.'


def _status(wanted: Any, kind: str, status: str) -> tuple[bool, str]:
    if kind == "list":
        if status in map(str, as_list(wanted)):
            return True, f"Status {status} was found."
        return False, f"Statuses {wanted} were not found."
    if kind == "pcre":
        found = re.search(str(wanted), status) is not None
        return found, f'Status pattern "{wanted}" was {"" if found else "not "}found.'
    found = status == str(wanted)
    return found, f"Status {wanted} was {'' if found else 'not '}found."
