"""`_minion_event`: what minions fire goes onto the bus."""

from __future__ import annotations

import trio

from trisalt.bus.bus import Bus


async def relay_minion_events(
    bus: Bus,
    *,
    max_event_size: int = 1048576,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer MinionEventRequest until cancelled: each event goes onto the bus in stock's two shapes."""
    raise NotImplementedError
