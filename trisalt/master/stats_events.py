"""`master_stats`: tell now and then how often what was asked, and how long its answer took, as stock Salt does.

All is answered in one process here, so there is one such event where stock's workers send one each. `trisalt status`
and the metrics port have more.
"""

from __future__ import annotations

import trio

from trisalt.bus import requests
from trisalt.bus.bus import Bus
from trisalt.bus.events import TaggedEvent

WORKER = "MWorker-default-0"
# What each class of requests is called on the wire.
_COMMANDS = {
    cls.__name__: cls.CMD or cls.__name__
    for cls in vars(requests).values()
    if isinstance(cls, type) and issubclass(cls, requests.Request)
} | {"ReturnsRequest": "_return"}


async def tell_stats(bus: Bus, *, every: float, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Publish `salt/stats/…` each `every` seconds in which something was asked, until cancelled."""
    before = _took(bus)
    began = trio.current_time()
    task_status.started()
    while True:
        await trio.sleep(every)
        now = _took(bus)
        stats = {}
        for name, (runs, total) in now.items():
            earlier, spent = before.get(name, (0, 0.0))
            if runs > earlier:
                stats[name] = {"mean": (total - spent) / (runs - earlier), "runs": runs - earlier}
        if stats:
            data = {
                "time": trio.current_time() - began,
                "worker": WORKER,
                "pool": "default",
                "pool_index": 0,
                "stats": stats,
            }
            await bus.publish(TaggedEvent(name=f"salt/stats/{WORKER}", data=data))
            before, began = now, trio.current_time()


def _took(bus: Bus) -> dict[str, tuple[int, float]]:
    """By command: how often it was answered so far, and how long that took together."""
    took: dict[str, tuple[int, float]] = {}
    for name, histogram in bus.statistics().took.items():
        command = _COMMANDS.get(name, name)
        runs, total = took.get(command, (0, 0.0))
        took[command] = (runs + sum(histogram.counts), total + histogram.total)
    return took
