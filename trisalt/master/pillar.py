"""`_pillar` and `_master_tops`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.store.store import Banks


async def serve_pillar(
    bus: Bus,
    banks: Banks,
    workers: Any,
    opts: Mapping[str, Any],
    *,
    max_running: int = 5,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer PillarRequest and TopsRequest until cancelled; pillars are compiled in `workers`, `max_running` at once.

    `opts` are the master's options (`config.opts`). Keeps grains and pillar in the banks `grains` and `pillar` by id,
    and publishes MinionDataRefreshed.
    """
    raise NotImplementedError
