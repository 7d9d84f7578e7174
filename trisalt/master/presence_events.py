"""Stock's events of presence: who is here, at intervals, and who came and went between them. For `presence_events`."""

from __future__ import annotations

import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.events import PresenceChanged, Present
from trisalt.master.presence import PresenceDesk


async def announce_presence(
    bus: Bus,
    desk: PresenceDesk,
    *,
    loop_interval: float,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Tell who is here every `loop_interval` seconds, and before it what has changed, until cancelled.

    A master that starts does not announce everybody as new: what the one before knew counts until it knows better.
    """
    last = desk.listed()
    task_status.started()
    while True:
        await trio.sleep(loop_interval)
        now = desk.listed()
        events: list[Event] = []
        if now != last:
            events.append(PresenceChanged(new=sorted(now - last), lost=sorted(last - now)))
        last = now
        await bus.publish_all([*events, Present(present=sorted(now))])
