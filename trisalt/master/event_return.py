"""Give the master's events to returners: `event_return` of each that the configuration names.

Optional. Each returner has a task, which follows the event log, gives it what it wants in the order of the log, and
notes how far it has come: what happened while a returner failed or was slow, or while the master was down, is given
later. An event is given at least once. Returners run in a worker; what happens meanwhile is given together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.subscription import Subscription
from trisalt.errors import RemoteProtocolError, StoreError, TrisaltError
from trisalt.master.position import Position
from trisalt.store.store import Logged, Store
from trisalt.wire.frames import unpack_value
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Call

log = structlog.get_logger()

BANK = "event_return"
"""How far each returner has come: `{log, number}` by its name."""

TOGETHER = 1000
"""So many events are enough for one call, where the configuration does not want more."""

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Before a returner that failed is given the same again: twice as long each time, up to the second."""

TRIED_ALONE = 3
"""So many events that are refused one by one in a row: it is the returner, and none of them."""

NOTED_EVERY_S = 60.0
"""How often it is noted how far a returner has come that wanted none of what there was."""

_Numbered = tuple[int, dict[str, Any]]


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
    store: Store,
    workers: Workers,
    rules: EventReturnRules,
    *,
    first_wait_s: float = FIRST_WAIT_S,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Give events to returners until cancelled. The first time one begins with what happens from then on."""
    async with trio.open_nursery() as nursery:
        for name in rules.returners:
            await nursery.start(_Reading(bus, store, workers, rules, name).run, first_wait_s)
        task_status.started()


class _Reading:
    """One returner, and how far it has come."""

    def __init__(self, bus: Bus, store: Store, workers: Workers, rules: EventReturnRules, name: str) -> None:
        self._bus = bus
        self._store = store
        self._workers = workers
        self._rules = rules
        self._name = name
        self._position = Position(store, BANK, name)
        self._noted_at = -math.inf

    async def run(self, first_wait_s: float, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Give events until cancelled."""
        # It only wakes us: what there is, the log says.
        async with self._bus.subscribe(Event, keep=False, depth=1, outside=True) as news:
            await self._position.begin()
            task_status.started()
            wait = first_wait_s
            while True:
                batch, upto = await self._gather(news)
                done = await self._deliver(batch, upto) if batch else upto
                moved, self._position.number = done > self._position.number, done
                if (moved and batch) or trio.current_time() - self._noted_at > NOTED_EVERY_S:
                    await self._note()
                if done < upto:
                    await trio.sleep(wait)
                    wait = min(wait * 2, LONGEST_WAIT_S)
                else:
                    wait = first_wait_s

    # -- the log ----------------------------------------------------------------------------------------------

    async def _note(self) -> None:
        self._noted_at = trio.current_time()
        try:
            await self._position.note()
        except StoreError as exc:
            # With the next batch; a master that ends before gives some of them again.
            log.warning("event_return.not_noted", returner=self._name, reason=str(exc))

    async def _gather(self, news: Subscription) -> tuple[list[_Numbered], int]:
        """What is to be given next, and up to which number that is: as much as is given together, or came in time.

        Nothing, where nothing of what there was is wanted.
        """
        events, rules = self._store.log, self._rules
        batch: list[_Numbered] = []
        at = self._position.number
        with trio.CancelScope() as patience:
            while True:
                while at < events.last and len(batch) < max(rules.queue, TOGETHER):
                    found = await events.read(at, events.last, wanted=rules.wants)
                    if found.gone:
                        log.warning("event_return.lagged", returner=self._name, missed=found.gone)
                        if not batch:
                            # Told once, however often the next ones are tried.
                            self._position.number = at + found.gone
                    batch += filter(None, map(_told, found.rows))
                    at = found.upto
                if at > self._position.number and (not batch or len(batch) >= rules.queue):
                    return batch, at
                if batch and rules.queue_max_seconds > 0 and patience.deadline == math.inf:
                    patience.deadline = trio.current_time() + rules.queue_max_seconds
                await news.receive_all()
        return batch, at

    # -- the returner -----------------------------------------------------------------------------------------

    async def _deliver(self, batch: Sequence[_Numbered], upto: int) -> int:
        """Give a batch; up to which number that is done.

        One that is refused alone, while it takes one after it, is left out, and said: it would keep back all others.
        """
        reason = await self._give([event for _number, event in batch])
        if reason is None:
            return upto
        done, refused = self._position.number, []
        for number, event in batch if len(batch) > 1 else ():
            alone = await self._give([event])
            if alone is not None:
                refused.append((event["tag"], alone))
                if len(refused) == TRIED_ALONE:
                    break
                continue
            for tag, why in refused:
                log.error("event_return.refused", returner=self._name, tag=tag, reason=why)
            refused.clear()
            done = number
        if done == batch[-1][0]:
            return upto
        left = sum(number > done for number, _event in batch)
        log.error("event_return.failed", returner=self._name, events=left, reason=reason)
        return done

    async def _give(self, batch: Sequence[dict[str, Any]]) -> str | None:
        """Why it did not take them; None when it did."""
        call = Call(fun=f"{self._name}.event_return", jid="", arg=[list(batch)], kind="returners")
        try:
            outcome = await self._workers.run_job(call, warm=True, outlives=False)
        except TrisaltError as exc:
            return str(exc)
        return None if outcome.failure is None else str(outcome.result).rstrip().rpartition("\n")[2]


def _told(row: Logged) -> _Numbered | None:
    try:
        return row.number, {"tag": row.tag, "data": unpack_value(row.data)}
    except RemoteProtocolError as exc:
        log.warning("event.unpackable", tag=row.tag, reason=str(exc))
        return None
