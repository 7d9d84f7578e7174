"""How long events are remembered, and how big the store may be.

What is older than `keep_events_seconds` goes, and when the file would grow over `store_max_bytes`, what is oldest:
events, returns and their jobs alike. In slices with pauses between, so that nobody waits; so are pages given back.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import structlog
import trio

from trisalt.errors import StoreError
from trisalt.service import next_beat
from trisalt.store.store import Store

log = structlog.get_logger()

EVERY_S = 5.0
"""Seconds between looks at a store that is less than half full."""

OFTEN_S = 1.0
"""And at one that is fuller: a flood of ten thousand events a second is some five megabytes further by then."""

SLICE = 1000
"""Rows forgotten in one transaction."""

TRIM_SLICE = 4000
"""And when the file is too big: more than a flood can bring meanwhile. Some twenty milliseconds."""

PAGES = 256
"""Pages given back in one transaction: a megabyte."""

BETWEEN_SLICES_S = 0.01

HEADROOM = 0.95
"""The share of `store_max_bytes` from which on the oldest go, and LOW down to which: the next look is seconds away."""
LOW = 0.90

SPARED_S = 3600.0
"""Jobs of the last hour are never forgotten for their size: somebody may be waiting."""

FREE_SHARE = 16
"""The file keeps one in so many pages free, at most, for what comes."""


async def keep_size(
    store: Store,
    *,
    keep_events_seconds: float,
    store_max_bytes: int,
    ago: Callable[[float], float] = lambda seconds: time.time() - seconds,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Forget what is too old or too much, and give back what is free, until cancelled. 0 is no bound.

    `ago(seconds)` is the wall time that was noted so long ago.
    """
    task_status.started()
    warned, used = float("-inf"), 0
    while True:
        try:
            if keep_events_seconds > 0:
                await _in_slices(lambda: store.log.expire(ago(keep_events_seconds), limit=SLICE))
            used = (await store.size()).used if store_max_bytes > 0 else 0
            if used > store_max_bytes * HEADROOM:
                rows = await _trim(store, store_max_bytes * LOW, ago(SPARED_S))
                if trio.current_time() - warned > 3600:
                    warned = trio.current_time()
                    log.warning("store.trimmed", rows=rows, store_max_bytes=store_max_bytes)
            await _give_back(store)
        except StoreError as exc:
            # The store says so itself, and tries again with the next write. So do we.
            log.warning("retention.put_off", reason=str(exc))
        await trio.sleep_until(next_beat(OFTEN_S if used > store_max_bytes / 2 else EVERY_S))


async def _in_slices(work: Callable[[], Awaitable[int]]) -> int:
    total = 0
    while done := await work():
        total += done
        await trio.sleep(BETWEEN_SLICES_S)
    return total


async def _trim(store: Store, low: float, spare: float) -> int:
    async def slice_() -> int:
        return await store.trim(spare=spare, limit=TRIM_SLICE) if (await store.size()).used > low else 0

    return await _in_slices(slice_)


async def _give_back(store: Store) -> None:
    async def slice_() -> int:
        size = await store.size()
        return await store.give_back(PAGES) if size.free > size.used // FREE_SHARE + PAGES * 4096 else 0

    await _in_slices(slice_)
