"""Moments as operators write them: how long ago, a time, or the id of a job. Pure; the clock is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

from trisalt.errors import InvocationError
from trisalt.wire.jid import is_jid, to_datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

KNOWN = "30s, 15m, 1h, 7d, now, 14:30, 2026-11-22, 2026-11-22T14:30, a number of seconds since 1970, or a job id"


def moment(text: str, *, now: float) -> float:
    """Wall seconds. A time of day is today's; times without a zone are this host's. Raises InvocationError."""
    word = text.strip()
    if word == "now":
        return now
    if is_jid(word):
        return _of_jid(word)
    if (unit := _UNITS.get(word[-1:])) and word[:-1].isascii() and word[:-1].isdecimal():
        return now - int(word[:-1]) * unit
    try:
        if word.isascii() and word.replace(".", "", 1).isdecimal() and len(word) != len("20261122"):
            return float(word)
        if ":" in word[:3]:
            today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
            return (today + _of_day(word)).timestamp()
        return datetime.fromisoformat(word).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InvocationError(f"{text!r} is no moment; known are {KNOWN}") from None


def since(text: str, *, now: float) -> float | str:
    """The same for where to begin: a job id stays one, for it is known where its events begin."""
    word = text.strip()
    if is_jid(word):
        _of_jid(word)
        return word
    return moment(text, now=now)


def _of_jid(jid: str) -> float:
    try:
        return to_datetime(jid).timestamp()
    except ValueError as exc:
        raise InvocationError(str(exc)) from exc


def _of_day(text: str) -> timedelta:
    at = datetime.fromisoformat(f"2000-01-01T{text if text[1:2] != ':' else '0' + text}")
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
