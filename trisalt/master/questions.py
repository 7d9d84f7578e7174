"""What callers of the local door ask, read: fields of the right types, or an error that says which is not. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trisalt.bus.event import Secret
from trisalt.errors import RemoteProtocolError
from trisalt.master.feed import Wanted
from trisalt.master.following_events import Span
from trisalt.wire import jid as jids


def waits(request: Mapping[str, Any]) -> float | bool | None:
    """For how many seconds a job is to wait for minions that are away; True: for as long as is usual."""
    match request.get("wait_absent"):
        case None | True as said:
            return said
        case (int() | float()) as seconds if 0 <= seconds < math.inf:
            return float(seconds)
    raise RemoteProtocolError("wait_absent is a number of seconds, or true")


def credentials(shown: object) -> dict[str, Any]:
    """What a caller shows, for a `LoginRequest`: a token, or the backend with name and password."""
    match shown:
        case {"token": str() as token, **rest} if not rest:
            return {"token": Secret(token)}
        case {"eauth": str() as eauth, "username": str() as name, "password": str() as password, **rest}:
            code = rest.pop("code", None)
            if not rest and (code is None or isinstance(code, str)):
                found = {"eauth": eauth, "username": name, "password": Secret(password)}
                return found if code is None else {**found, "code": Secret(code)}
    raise RemoteProtocolError("credentials are a token, or eauth, username and password, and perhaps a code")


def span(request: Mapping[str, Any]) -> Span:
    """What of the log a caller wants to follow."""
    match = field(request, "match", (list, str, type(None)), None)
    match = [match] if isinstance(match, str) else match
    if match is not None and not all(isinstance(pattern, str) for pattern in match):
        raise RemoteProtocolError("match is a list of globs")
    since = field(request, "since", (int, float, str), None)
    if isinstance(since, str):
        try:
            jids.to_datetime(since)
        except ValueError as exc:
            raise RemoteProtocolError(str(exc)) from exc
    cursors = field(request, "after", list, None)
    after = None
    if cursors is not None:
        if not all(isinstance(cursor, list) and [type(part) for part in cursor] == [str, int] for cursor in cursors):
            raise RemoteProtocolError("after is a list of cursors: the name of a log, and a number")
        after = {name: number for name, number in sorted(cursors)}
    return Span(
        wanted=Wanted(None if match is None else tuple(match)),
        since=since,
        after=after,
        until=field(request, "until", (int, float), None),
        upto=field(request, "upto", int, None),
    )


_MISSING = object()


def field(request: Mapping[str, Any], name: str, kind: type | tuple[type, ...], default: Any = _MISSING) -> Any:
    """A field of a request, of the right type; None counts as absent where there is a default."""
    value = request.get(name)
    if value is None and default is not _MISSING:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RemoteProtocolError(f"{request.get('op')}: the field {name} is missing or of the wrong type")
    return value
