"""What each daemon tells of itself: the process, the event loop, and what is asked and told on its bus.

The master's and the minion's answers to `StatusRequest` begin with this.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any

from trisalt import __version__
from trisalt.bus.bus import BusStatistics
from trisalt.meters import Family, LoopMeter, memory_bytes, told

# The slowest handlers that are shown.
SLOWEST = 8


def daemon_facts(bus: BusStatistics, loop: LoopMeter, started: float) -> dict[str, Any]:
    """For `trisalt status`: plain data. `started` is of `time.monotonic`; latencies are of the last minute or two."""
    recent = {name: histogram.recent() for name, histogram in bus.took.items()}
    slowest = sorted((row for row in recent.items() if row[1].count), key=lambda row: -row[1].p99)[:SLOWEST]
    return {
        "version": __version__,
        "pid": os.getpid(),
        "uptime_s": round(time.monotonic() - started),
        "memory_bytes": memory_bytes(),
        "loop": {"well": loop.well, **told(loop.late.recent())},
        "handlers": [{"request": name, "waiting": bus.requests.get(name, 0), **told(took)} for name, took in slowest],
        "queues": [
            {"pattern": row.pattern, "keep": row.keep, "depth": row.depth, "waiting": row.waiting, "missed": row.missed}
            for row in bus.subscriptions
        ],
    }


def daemon_families(prefix: str, bus: BusStatistics, loop: LoopMeter, started: float) -> list[Family]:
    """The same for the metrics port; each name begins with `prefix`."""
    waiting: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for row in bus.subscriptions:
        waiting[row.pattern] += row.waiting
        missed[row.pattern] += row.missed
    return [
        Family(
            name=f"{prefix}_info", kind="gauge", doc="1, with the version.", samples=[({"version": __version__}, 1)]
        ),
        Family(
            name=f"{prefix}_uptime_seconds",
            kind="gauge",
            doc="Since it started.",
            samples=[({}, time.monotonic() - started)],
        ),
        Family(
            name=f"{prefix}_memory_bytes", kind="gauge", doc="Of the daemon itself.", samples=[({}, memory_bytes())]
        ),
        Family(
            name=f"{prefix}_loop_late_seconds",
            kind="histogram",
            doc="How late the event loop wakes whoever sleeps.",
            samples=[({}, loop.late)],
        ),
        Family(
            name=f"{prefix}_request_seconds",
            kind="histogram",
            doc="From question to answer inside the daemon, by request.",
            samples=[({"request": name}, took) for name, took in bus.took.items()],
        ),
        Family(
            name=f"{prefix}_events_waiting",
            kind="gauge",
            doc="Events that wait for who subscribed to them.",
            samples=[({"pattern": pattern}, count) for pattern, count in waiting.items()],
        ),
        Family(
            name=f"{prefix}_events_missed",
            kind="gauge",
            doc="Events that those who subscribe now were too slow for.",
            samples=[({"pattern": pattern}, count) for pattern, count in missed.items()],
        ),
    ]
