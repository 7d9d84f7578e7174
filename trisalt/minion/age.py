"""How old a publication is, by its master's clock: one that is too old may be a recording. `link` and `jobs` ask."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from trisalt.wire import jid as job_ids

# A publication older than this many seconds is not run. Wide enough for a clock that is off by a time zone.
OLDEST_JOB = 12 * 3600.0


def too_old(load: Mapping[str, Any], now: float) -> bool:
    """Whether it went out too long ago. `now`: wall time, the master's where that is known."""
    return now - _sent(load) > OLDEST_JOB


def _sent(load: Mapping[str, Any]) -> float:
    """When a publication went out, as far as it says so: a job that has waited for us is older than that."""
    sent = load.get("sent")
    if isinstance(sent, int | float) and not isinstance(sent, bool):
        return float(sent)
    jid = load.get("jid")
    return _made(jid) if isinstance(jid, str) else math.inf


# `link` asks, and then `jobs`.
@lru_cache(maxsize=16)
def _made(jid: str) -> float:
    try:
        return job_ids.to_datetime(jid).timestamp()
    except ValueError:
        return math.inf
