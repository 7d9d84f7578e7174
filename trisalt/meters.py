"""How long things take, and how late the event loop is: small histograms, and the task that looks at the loop.

Whoever has something to measure holds a `Histogram` and shows it in its `statistics()`; `master/status` and the metrics
port read them there. Nothing is counted twice.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs
import structlog
import trio

from trisalt.service import next_beat

log = structlog.get_logger()

# Upper bounds of the buckets, in seconds; one more is for what took longer.
BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
# How long each half of what counts as recent is, in seconds.
RECENT_S = 60.0
# How often the loop is looked at, and how late it may wake somebody before it is not well, in seconds.
LOOK_EVERY_S = 1.0
UNWELL_S = 2.0


@attrs.frozen(kw_only=True)
class Took:
    """What a histogram says: how many, and in seconds their sum, the middle, what 99 of 100 stay below, the longest."""

    count: int
    total: float
    p50: float
    p99: float
    longest: float


class Histogram:
    """How often it took how long. `record` costs a quarter of a microsecond."""

    __slots__ = ("_before", "_longest", "_longest_before", "_mark", "counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        self._longest = self._longest_before = 0.0
        # What the counts were when the present, and the last, half of the recent time began.
        self._mark = self._before = (tuple(self.counts), 0.0)

    def record(self, seconds: float) -> None:
        """It took so long, once more."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds
        if seconds > self._longest:
            self._longest = seconds

    def turn(self) -> None:
        """Half of the recent time is over."""
        self._before, self._mark = self._mark, (tuple(self.counts), self.total)
        self._longest_before, self._longest = self._longest, 0.0

    def recent(self) -> Took:
        """Of the last minute or two."""
        before, total = self._before
        counts = [now - then for now, then in zip(self.counts, before, strict=True)]
        longest = max(self._longest, self._longest_before)
        return Took(
            count=sum(counts),
            total=self.total - total,
            p50=min(_quantile(counts, 0.5), longest),
            p99=min(_quantile(counts, 0.99), longest),
            longest=longest,
        )


def _quantile(counts: list[int], part: float) -> float:
    """The upper bound of the bucket in which it lies; infinite for the last one."""
    wanted = part * sum(counts)
    passed = 0
    for count, bound in zip(counts, (*BOUNDS, float("inf")), strict=True):
        passed += count
        if count and passed >= wanted:
            return bound
    return 0.0


Sample = tuple[Mapping[str, str], float | Histogram]


@attrs.frozen(kw_only=True)
class Family:
    """Figures of one name, for the metrics port. `samples` are labels (name to value) with a number or a histogram.

    `kind` is `gauge`, `counter` or `histogram`.
    """

    name: str
    kind: str
    doc: str
    samples: Sequence[Sample]


def told(took: Took) -> dict[str, float | int]:
    """A histogram's recent time for a map: milliseconds."""
    return {
        "count": took.count,
        "p50_ms": _ms(took.p50),
        "p99_ms": _ms(took.p99),
        "longest_ms": _ms(took.longest),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 2)


def memory_bytes() -> int:
    """What this process has in memory."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class LoopMeter:
    """How late the event loop wakes whoever sleeps: `late` is the histogram. `run` looks, until cancelled.

    A loop that stands still tells nothing: `last_look` is the trio time it was last seen to turn.
    """

    def __init__(self) -> None:
        self.late = Histogram()
        self.last_look = trio.current_time()
        self._latest = 0.0

    @property
    def well(self) -> bool:
        """Whether the last look was not too late, and is not too long ago."""
        return self._latest < UNWELL_S and trio.current_time() - self.last_look < LOOK_EVERY_S + UNWELL_S

    async def run(
        self,
        histograms: Callable[[], Iterable[Histogram]],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Look once a second, and let the recent time of `histograms` go on."""
        task_status.started()
        turned = self.last_look = trio.current_time()
        while True:
            due = next_beat(LOOK_EVERY_S)
            await trio.sleep_until(due)
            now = trio.current_time()
            self._latest, self.last_look = now - due, now
            self.late.record(self._latest)
            if self._latest >= UNWELL_S:
                log.warning("loop.late", late_s=round(self._latest, 1))
            if now - turned >= RECENT_S:
                turned = now
                for histogram in (self.late, *histograms()):
                    histogram.turn()


def loop_complaint(loop: LoopMeter) -> list[str]:
    """What is to be said of a loop that is not well; nothing of one that is."""
    return [] if loop.well else [f"the event loop was {loop.late.recent().longest:.1f} s late"]
