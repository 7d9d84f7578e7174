"""Local time and the line of moments: which moment a clock on the wall means, and what its changes of offset do to it.

Moments are seconds since 1970; a zone is any `tzinfo` that knows its changes. Two rules hold everywhere: a time of
day that comes twice (the clock goes back) means the first of the two, and one that never comes (the clock goes
forward) means the moment at which the clock is changed. Pure: times and zones come in as arguments.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo

DAY = 86400.0


def local(moment: float, zone: tzinfo) -> datetime:
    """What the clock on the wall shows."""
    return datetime.fromtimestamp(moment, zone)


def instant(when: datetime, zone: tzinfo) -> float:
    """The moment that `when` means; without a zone of its own it is local time."""
    if when.tzinfo is not None:
        return when.timestamp()
    first = when.replace(tzinfo=zone, fold=0).timestamp()
    if local(first, zone).replace(tzinfo=None, fold=0) == when.replace(fold=0):
        return first
    # Between what the two offsets make of it lies the change.
    second = when.replace(tzinfo=zone, fold=1).timestamp()
    change = change_between(min(first, second), max(first, second), zone)
    return first if change is None else change


def change_between(start: float, end: float, zone: tzinfo) -> float | None:
    """The first moment after `start` and not after `end` that has another offset than what is before it."""
    offset = _offset(start, zone)
    low = start
    while low < end:
        high = min(low + DAY, end)
        if _offset(high, zone) != offset:
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(middle, zone) == offset:
                    low = middle
                else:
                    high = middle
            return float(int(high))
        low = high
    return None


def read(text: str, *, today: date) -> datetime:
    """A date, a time, or both, as people write them; what is not said is taken from `today`, and is midnight.

    ISO 8601 needs no library; anything else is `dateutil`'s. Raises ValueError.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    from dateutil import parser  # costs a process that has no such text more than all the rest here

    try:
        with warnings.catch_warnings():
            # A zone that is not understood would be left out, and the time be another than the one that is meant.
            warnings.simplefilter("error")
            found: datetime = parser.parse(text, default=datetime.combine(today, time()))
        found.utcoffset()
    except (ValueError, ArithmeticError, TypeError, Warning) as exc:
        raise ValueError(f"{text!r} is no time") from exc
    return found


def next_named(text: str, *, after: float, zone: tzinfo) -> float | None:
    """The first moment after `after` at which the clock shows what `text` says.

    `5:00pm` comes every day, `Monday 9am` every week, `Nov 1 5pm` every year, `11/01/2027 5pm` once. A moment counts
    when the text, read on its own day, means it. None when there is none, ever.
    """
    for day in _days(local(after, zone).date()):
        try:
            found = read(text, today=day)
            if found != read(text, today=found.date()):
                continue
        except ValueError:
            # 29 February of a year without one.
            continue
        moment = instant(found, zone)
        if moment > after:
            return moment
    return None


def _days(today: date) -> Iterator[date]:
    """Days on which a text may mean something new: those of a week, then the first of each month, then of each year."""
    yield from (today + timedelta(days=number) for number in range(8))
    month = today.replace(day=1)
    for _ in range(12):
        month = (month + timedelta(days=32)).replace(day=1)
        yield month
    # From any year to the next 29 February, over a century that has none.
    yield from (date(today.year + number, 1, 1) for number in range(1, 9) if today.year + number <= date.max.year)


def _offset(moment: float, zone: tzinfo) -> timedelta | None:
    return local(moment, zone).utcoffset()
