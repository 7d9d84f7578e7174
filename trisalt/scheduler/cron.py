"""Cron expressions: the next moment of one, in a zone whose clock changes. Pure; `croniter` reads the fields.

What a change of the clock does is cron's own rule. An expression that goes by the clock's ticking (its minute or its
hour begins with `*`) runs whenever the clock shows its time: not in an hour that is left out, twice in an hour that
comes twice. Any other names times of day: one that is left out runs at the change, one that comes twice runs once.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, tzinfo

from trisalt.scheduler.calendar import change_between, local

SECOND = timedelta(seconds=1)

# An expression that has no day within so many years has none: 29 February is at most 8 years away, and falls on a
# certain weekday every 28 (40 over a century that has none).
YEARS = 41


def check(expression: str) -> None:
    """Raises ValueError, whose text says what is wrong with an expression."""
    from croniter import CroniterError

    try:
        _next(expression, datetime(2000, 1, 1))
    except CroniterError as exc:
        raise ValueError(str(exc)) from exc
    except (TypeError, AttributeError, KeyError, IndexError, ValueError) as exc:
        raise ValueError("it is no cron expression") from exc


def next_cron(expression: str, *, after: float, zone: tzinfo) -> float | None:
    """The first moment after `after`; None when there is none within `YEARS`."""
    ticking = is_ticking(expression)
    # The same moment twice; `found` comes after it, or at it once a change of the clock has been passed.
    now = float(math.floor(after))
    shown, passed = local(now, zone), False
    if shown.fold and not ticking:
        # In the second of two equal hours: its times have been, and the next come when the clock has caught up.
        first = shown.replace(fold=0).timestamp()
        change = change_between(first, now, zone)
        if change is not None:
            now, passed = change + (now - first), True
            shown = local(now, zone)
    while True:
        naive = _naive(shown)
        try:
            found = _next(expression, naive - SECOND if passed else naive)
        except ValueError:
            return None
        moment = now + (found - naive).total_seconds()
        change = change_between(now, moment, zone)
        if change is None:
            return moment
        behind = _naive(local(change, zone))
        jump = behind - _naive(local(change - 1, zone)) - SECOND
        if jump > timedelta(0) and not ticking and found < behind:
            return change
        now = change if jump > timedelta(0) or ticking else change - jump.total_seconds()
        shown, passed = local(now, zone), True


def is_ticking(expression: str) -> bool:
    """Whether an expression goes by the ticking of the clock, and does not name times of day."""
    fields = expression.split()
    if len(fields) < 5:
        return expression.strip().lower() == "@hourly"
    return fields[0].startswith("*") or fields[1].startswith("*")


def _next(expression: str, naive: datetime) -> datetime:
    from croniter import croniter  # 40 ms that only a schedule with such an entry pays

    found: datetime = croniter(expression, naive, max_years_between_matches=YEARS).get_next(datetime)
    return found


def _naive(shown: datetime) -> datetime:
    return shown.replace(tzinfo=None, fold=0)
