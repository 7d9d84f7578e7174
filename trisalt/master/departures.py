"""What is kept about a minion goes with its key: its session at once, its grains, pillar, mine and presence too.

`KeyChanged` comes from `master/auth`, from `salt-key` by way of the local door, and from wheel functions.
"""

from __future__ import annotations

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import KeyChanged
from trisalt.errors import StoreError
from trisalt.master.sessions import Sessions
from trisalt.store.store import Banks

log = structlog.get_logger()

KEPT = ("grains", "pillar", "mine", "presence")
GONE = frozenset({"delete", "rejected"})


async def follow_departures(
    bus: Bus,
    banks: Banks,
    sessions: Sessions,
    *,
    preserve: bool = False,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Forget minions whose keys were deleted or rejected, until cancelled.

    A session goes in both cases; what else is kept with a deleted key, unless `preserve`.
    """
    async with bus.subscribe(KeyChanged, keep=True, depth=256) as changes:
        task_status.started()
        async for change in changes:
            if not isinstance(change, KeyChanged) or change.act not in GONE:
                continue
            sessions.forget(change.id)
            if change.act != "delete" or preserve:
                continue
            try:
                for bank in KEPT:
                    await banks.flush(bank, change.id)
            except StoreError as exc:
                log.error("store.refused", id=change.id, reason=str(exc))
