"""Job ids: make, recognise and read them. Standard library only; the clock comes in as an argument."""

from __future__ import annotations

from datetime import datetime


def make(now: datetime | float, *, last: str | None = None, unique: str | int | None = None) -> str:
    """The job id of `now` (an aware datetime, or seconds since the epoch): 20 digits, UTC.

    With `last`, the result sorts after it even when the clock stood still or went back.
    `unique` is appended after an underscore: the process id, when `unique_jid` is configured.
    """
    raise NotImplementedError


def is_jid(value: object) -> bool:
    """Whether `value` is a job id: 20 digits, or 20 digits, an underscore and something more."""
    raise NotImplementedError


def to_datetime(jid: str) -> datetime:
    """The aware UTC moment a job id was made at. Raises ValueError for anything that is none."""
    raise NotImplementedError


def start_time(jid: object) -> str:
    """How Salt prints a job's start: `2026, Nov 22 12:47:14.045046`; empty for what is no job id."""
    raise NotImplementedError
