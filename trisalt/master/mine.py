"""The mine: `_mine`, `_mine_get`, `_mine_delete`, `_mine_flush`."""

from __future__ import annotations

from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.store.store import Banks


async def serve_mine(
    bus: Bus,
    banks: Banks,
    minions: Any,
    *,
    mine_get: dict[str, list[str]] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer the mine's requests until cancelled. Kept in the bank `mine`, one entry a minion.

    `minions` resolves targets (`master/minions.Minions`). `mine_get` is the master's own list: regular expressions of
    ids to those of functions; None allows everything.
    """
    raise NotImplementedError
