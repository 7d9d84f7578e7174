"""Job ids: make, recognise and read them. Standard library only; the clock comes in as an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_DIGITS = 20
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_OF = {f"{number:02}": name for number, name in enumerate(_MONTHS, 1)}


def make(now: datetime | float, *, last: str | None = None, unique: str | int | None = None) -> str:
    """The job id of `now` (an aware datetime, or seconds since the epoch): 20 digits, UTC.

    With `last`, the result sorts after it even when the clock stood still or went back.
    `unique` is appended after an underscore: the process id, when `unique_jid` is configured.
    """
    moment = now.astimezone(UTC) if isinstance(now, datetime) else datetime.fromtimestamp(now, UTC)
    digits = _digits_of(moment)
    if last is not None and digits <= last[:_DIGITS]:
        digits = _digits_of(to_datetime(last) + timedelta(microseconds=1))
    return digits if unique is None else f"{digits}_{unique}"


def _digits_of(moment: datetime) -> str:
    # Not strftime: it does not pad years on every platform, and costs several times as much.
    return (
        f"{moment.year:04}{moment.month:02}{moment.day:02}"
        f"{moment.hour:02}{moment.minute:02}{moment.second:02}{moment.microsecond:06}"
    )


def is_jid(value: object) -> bool:
    """Whether `value` is a job id: 20 digits, or 20 digits, an underscore and something more."""
    if not isinstance(value, str):
        return False
    if len(value) != _DIGITS:
        # Nearly all are digits alone.
        return value[_DIGITS : _DIGITS + 1] == "_" and len(value) > _DIGITS + 1 and is_jid(value[:_DIGITS])
    return value.isascii() and value.isdigit()


def to_datetime(jid: str) -> datetime:
    """The aware UTC moment a job id was made at. Raises ValueError for anything that is none."""
    if not is_jid(jid):
        raise ValueError(f"no job id: {jid!r}")
    year, month, day = int(jid[:4]), int(jid[4:6]), int(jid[6:8])
    hour, minute, second = int(jid[8:10]), int(jid[10:12]), int(jid[12:14])
    try:
        return datetime(year, month, day, hour, minute, second, int(jid[14:_DIGITS]), UTC)
    except ValueError as error:
        raise ValueError(f"no job id: {jid!r}") from error


def start_time(jid: object) -> str:
    """How Salt prints a job's start: `2026, Nov 22 12:47:14.045046`; empty for what is no job id."""
    if not is_jid(jid):
        return ""
    assert isinstance(jid, str)
    month = _MONTH_OF.get(jid[4:6])
    if month is None:
        return ""
    return f"{jid[:4]}, {month} {jid[6:8]} {jid[8:10]}:{jid[10:12]}:{jid[12:14]}.{jid[14:20]}"
