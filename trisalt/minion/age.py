"""How old a publication is, by its master's clock: one that is too old may be a recording. `link` and `jobs` ask."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from trisalt.wire import jid as job_ids

# A publication older than this many seconds is not run. Wide enough for a clock that is off by a time zone.
OLDEST_JOB = 12 * 3600.0
# For so many seconds it is the same id from which on jobs are young.
SPAN = 60.0


def too_old(load: Mapping[str, Any], now: float) -> bool:
    """Whether it went out too long ago. `now`: wall time, the master's where that is known."""
    jid = load.get("jid")
    if "sent" not in load and isinstance(jid, str) and jid >= _young(now // SPAN):
        # Ids sort by their times, and what is none tells no age: nearly every job is known for young by this.
        return False
    return now - _sent(load) > OLDEST_JOB


@lru_cache(maxsize=2)
def _young(span: float) -> str:
    """The least id of a job that is young until this span is over."""
    try:
        return job_ids.make((span + 1) * SPAN - OLDEST_JOB)
    except (ValueError, OverflowError, OSError):
        # A clock that shows no time: each id is looked at.
        return "\U0010ffff"


def _sent(load: Mapping[str, Any]) -> float:
    """When a publication went out, as far as it says so: a job that has waited for us is older than that."""
    sent = load.get("sent")
    if isinstance(sent, int | float) and not isinstance(sent, bool):
        return float(sent)
    jid = load.get("jid")
    return _made(jid) if isinstance(jid, str) else math.inf


def _made(jid: str) -> float:
    try:
        return job_ids.to_datetime(jid).timestamp()
    except ValueError:
        return math.inf
