"""Housekeeping: expire jobs, and ask for a new AES key when the drop file is there."""

from __future__ import annotations

from pathlib import Path

import trio

from trisalt.bus.bus import Bus
from trisalt.store.store import Store


async def keep_house(
    bus: Bus,
    store: Store,
    *,
    keep_jobs_seconds: int = 86400,
    drop_file: str | Path | None = None,
    loop_interval: float = 60.0,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Do what must be done now and then, until cancelled.

    `keep_jobs_seconds` 0 keeps jobs for ever. `drop_file` (`cachedir/.dfn`) is looked for every few seconds: when it
    is there it is removed, and RotateRequest asked.
    """
    raise NotImplementedError
