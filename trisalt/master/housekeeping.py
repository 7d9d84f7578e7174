"""Housekeeping: old jobs are forgotten, and what is kept of minions whose keys went while nobody looked. Once, when a
master starts: jobs that an earlier one saw return whole, and could not say so of, have ended.

The drop file that asks for a new AES key is `auth.watch_drop_file`'s; keys that go while the master runs are
`departures.follow_departures`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.errors import StoreError
from trisalt.store.store import Store

log = structlog.get_logger()

SLICE = 500
"""Rows forgotten in one transaction: returns that come in meanwhile wait no longer than that takes."""

BETWEEN_SLICES_S = 0.05

RETURNS_STAY_S = 60.0
"""Where returns are not kept: who waited for the job has read them by then, and a minion that was not told so has sent
them again."""

BANKS_OF_MINIONS = ("grains", "pillar", "mine", "presence")


async def keep_house(
    bus: Bus,
    store: Store,
    *,
    keep_jobs_seconds: float = 86400,
    keep_returns: bool = True,
    loop_interval: float = 3600.0,
    known: Callable[[], Collection[str]] | None = None,
    ago: Callable[[float], float] = lambda seconds: time.time() - seconds,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Do what must be done now and then, every `loop_interval` seconds, until cancelled; the first time at once.

    `keep_jobs_seconds` 0 keeps jobs for ever. Without `keep_returns` returns go soon after their job has ended. `known`
    gives the ids that have a key in any state; None leaves alone what is kept of others. `ago(seconds)` is the wall
    time that was noted so long ago.
    """
    task_status.started()
    noted = False
    while True:
        try:
            if not noted:
                await store.jobs.settle_returned(limit=SLICE)
                noted = True
            if keep_jobs_seconds > 0:
                await _expire(store, ago(keep_jobs_seconds))
            if not keep_returns:
                await _forget_returns(store, ago(RETURNS_STAY_S))
            if known is not None:
                await _forget(store, known)
        except StoreError as exc:
            # The store says so itself, and tries again with the next write. So do we.
            log.warning("housekeeping.put_off", reason=str(exc))
        await trio.sleep(loop_interval)


async def _expire(store: Store, before: float) -> None:
    total = 0
    while gone := await store.jobs.expire(before, limit=SLICE):
        total += gone
        await trio.sleep(BETWEEN_SLICES_S)
    if total:
        log.info("jobs.expired", rows=total)


async def _forget_returns(store: Store, before: float) -> None:
    gone = SLICE
    while gone == SLICE:
        gone = await store.jobs.forget_returns(before, limit=SLICE)
        await trio.sleep(BETWEEN_SLICES_S)


async def _forget(store: Store, known: Callable[[], Collection[str]]) -> None:
    await store.jobs.forget_highstates(known)
    for bank in BANKS_OF_MINIONS:
        kept = await store.banks.list(bank)
        # Read the keys after the bank: a minion that signs in between is known by now.
        there = set(known())
        for id in kept:
            if id not in there:
                await store.banks.flush(bank, id)
                log.info("minion.forgotten", id=id, bank=bank)
