"""The clock by which things wait and expire: seconds that pass, whatever the host's clock is set to.

`SteadyClock` (pure, of the clocks that it is given) goes on where it was when the host's clock is set; `keep_clock`
notices that, has what is kept brought into line (`store/clock`), and follows. What happened while no master ran is
known as long as the host has not been started anew: the kernel counts its seconds since then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
import structlog
import trio

from trisalt.errors import StoreError
from trisalt.service import next_beat

log = structlog.get_logger()

NOTICED_S = 2.0
"""By how much a clock is set at least; what is less is kept in step without a word."""
LOOK_S = 5.0
"""Seconds between two looks at the host's clock."""
REMEMBERED_S = 366 * 86400.0
"""How long it is remembered that a clock was set ahead."""


def passing() -> float:
    """Seconds since the host was started, those that it slept too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Which start of the host this is; empty where the kernel does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


class Kept(Protocol):
    """What `store.clock.SqliteClock` offers."""

    async def read(self) -> Mapping[str, Any] | None:
        """What was kept."""

    async def follow(self, by: float, now: float, state: Mapping[str, Any]) -> None:
        """Bring what is kept into line with a clock that was set, and keep `state`: all of it, or StoreError."""


@attrs.define
class SteadyClock:
    """Wall time that passes as seconds do. `wall` is the host's clock, `passing` counts seconds.

    `steps` are `(before, after)`: what the clock showed when it was set, and to what.
    """

    wall: Callable[[], float] = time.time
    passing: Callable[[], float] = passing
    offset: float = attrs.field(init=False)
    steps: list[tuple[float, float]] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.offset = self.wall() - self.passing()

    def now(self) -> float:
        """Wall time, as it was followed last."""
        return self.offset + self.passing()

    def resume(self, state: Mapping[str, Any], boot: str) -> None:
        """Go on from what an earlier master kept."""
        self.steps = [(float(before), float(after)) for before, after in state.get("steps", ())]
        if boot and state.get("boot") == boot:
            self.offset = float(state["offset"])

    def state(self, boot: str) -> dict[str, Any]:
        """What the next master goes on from."""
        return {"boot": boot, "offset": self.offset, "steps": self.steps}

    def look(self) -> float:
        """By how much the host's clock was set since it was followed last; 0 when it was not."""
        by = self.wall() - self.now()
        if abs(by) >= NOTICED_S:
            return by
        self.offset += by
        return 0.0

    def follow(self, by: float) -> None:
        """The host's clock was set by so much; what was noted by it before is of another time."""
        now = self.now()
        self.offset += by
        self.steps = [step for step in self.steps if self.now() - step[1] < REMEMBERED_S]
        self.steps.append((now, now + by))

    def ago(self, seconds: float) -> float:
        """The time that was noted so many seconds ago: what was noted before it is older.

        What was noted before the clock was set ahead looks older than it is.
        """
        now = self.now()
        moment, later = now - seconds, 0.0
        for before, after in reversed(self.steps):
            since = now - after - later
            if after > before and 0 <= since < seconds:
                moment = min(moment, before - (seconds - since))
            later += after - before
        return moment


async def keep_clock(
    clock: SteadyClock,
    kept: Kept,
    *,
    shifted: Callable[[float], object] = lambda _by: None,
    boot: Callable[[], str] = boot_id,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Have `clock` follow the host's, until cancelled: started when what happened before is known.

    `shifted(by)` is called when all that waits is to do so until a later, or an earlier, time of the clock.
    """
    this = boot()
    state = await kept.read()
    if state is not None:
        clock.resume(state, this)
    if state is None or state.get("boot") != this:
        await _follow(clock, kept, 0.0, this, shifted)
    if by := clock.look():
        await _follow(clock, kept, by, this, shifted)
    task_status.started()
    while True:
        await trio.sleep_until(next_beat(LOOK_S))
        if by := clock.look():
            await _follow(clock, kept, by, this, shifted)


async def _follow(clock: SteadyClock, kept: Kept, by: float, boot: str, shifted: Callable[[float], object]) -> None:
    """Kept first, and known second: until then nothing expires by the new time."""
    if by:
        log.warning("clock.set", by_s=round(by, 1))
    fresh = SteadyClock(clock.wall, clock.passing)
    fresh.offset, fresh.steps = clock.offset, list(clock.steps)
    if by:
        fresh.follow(by)
    try:
        await kept.follow(by, fresh.now(), fresh.state(boot))
    except StoreError as exc:
        # It is looked at again, and nothing has happened.
        log.warning("clock.not_followed", reason=str(exc))
        return
    clock.offset, clock.steps = fresh.offset, fresh.steps
    if by:
        shifted(by)
