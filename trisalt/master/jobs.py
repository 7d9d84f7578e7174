"""Returns come in; one watch per job for all who wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.store.store import Store


async def keep_jobs(
    bus: Bus,
    store: Store,
    *,
    timeout: float = 5.0,
    gather_job_timeout: float = 10.0,
    connected: Callable[[], frozenset[str] | None] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep the returns of jobs and watch those that somebody waits for, until cancelled.

    Claims ReturnRequest, SyndicReturnRequest (refused) and WatchRequest, and follows JobNew. A return is stored
    first, told second (`JobReturned`), acknowledged last. `timeout` and `gather_job_timeout` are the configured ones;
    `connected` gives the ids that are connected now, or None while nobody knows.
    """
    raise NotImplementedError
