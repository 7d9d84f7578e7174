"""Give the master's events to returners: `event_return` of each that the configuration names.

Optional: it watches the bus and is shed when returners are slow, and then says so. Returners run in a worker, one call
at a time; what happens meanwhile is given together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.subscription import Lagged, Subscription
from trisalt.errors import LocalProtocolError, TrisaltError
from trisalt.wire.codec import pack_bin
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Call

log = structlog.get_logger()

# What the bus may hold for us while a returner is at work.
DEPTH = 4096


@attrs.frozen(kw_only=True)
class EventReturnRules:
    """The names of the options are stock's, without `event_return_`. `queue` events are given together, or those of
    `queue_max_seconds`; 0 gives each as soon as it can be.
    """

    returners: tuple[str, ...]
    queue: int = 0
    queue_max_seconds: float = 0.0
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()

    def wants(self, tag: str) -> bool:
        """Whether an event of that tag is given: the lists hold globs, or regular expressions."""
        if any(_matches(tag, pattern) for pattern in self.blacklist):
            return False
        return not self.whitelist or any(_matches(tag, pattern) for pattern in self.whitelist)


def _matches(tag: str, pattern: str) -> bool:
    if fnmatchcase(tag, pattern):
        return True
    try:
        return re.fullmatch(pattern, tag) is not None
    except re.error:
        return False


async def return_events(
    bus: Bus,
    workers: Workers,
    rules: EventReturnRules,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Give events to returners until cancelled."""
    async with bus.subscribe(Event, keep=False, depth=DEPTH, outside=True) as events:
        task_status.started()
        while True:
            batch = await _gather(events, rules)
            for name in rules.returners:
                await _give(workers, name, batch)


async def _gather(events: Subscription, rules: EventReturnRules) -> list[dict[str, Any]]:
    """The next events that are wanted: at least one, and as many as there are, or as are to be given together."""
    batch: list[dict[str, Any]] = []
    with trio.CancelScope() as patience:
        while not batch or len(batch) < rules.queue:
            for event in await events.receive_all():
                if isinstance(event, Lagged):
                    log.warning("event_return.lagged", missed=event.missed)
                elif (tag := event.tag) and rules.wants(tag) and (told := _told(tag, event)) is not None:
                    batch.append(told)
            if batch and rules.queue_max_seconds > 0 and patience.deadline == float("inf"):
                patience.deadline = trio.current_time() + rules.queue_max_seconds
    return batch


def _told(tag: str, event: Event) -> dict[str, Any] | None:
    told = {"tag": tag, "data": event.to_data()}
    try:
        pack_bin(told)
    except LocalProtocolError as exc:
        # A plugin fired what cannot travel; the others must not be lost with it.
        log.warning("event.unpackable", tag=tag, error=str(exc))
        return None
    return told


async def _give(workers: Workers, name: str, batch: Sequence[dict[str, Any]]) -> None:
    call = Call(fun=f"{name}.event_return", jid="", arg=[list(batch)], kind="returners")
    try:
        outcome = await workers.run_job(call, warm=True, outlives=False)
    except TrisaltError as exc:
        log.error("event_return.failed", returner=name, events=len(batch), reason=str(exc))
        return
    if outcome.failure is not None:
        reason = str(outcome.result).rstrip().rpartition("\n")[2]
        log.error("event_return.failed", returner=name, events=len(batch), reason=reason)
