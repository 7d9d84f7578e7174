"""Runners and wheels: claimed here, run in a worker, told on the bus.

`local_door`, `request_server`, the reactor and the scheduler ask; the plugin runs in a worker child, and what it
asks of its host comes back here as upcalls.
"""

from __future__ import annotations

from typing import Any

import trio

from trisalt.bus.bus import Bus


async def serve_commands(
    bus: Bus, workers: Any, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer `RunnerRequest` and `WheelRequest` until cancelled."""
    raise NotImplementedError


async def answer_upcall(bus: Bus, upcall: Any) -> object:
    """Do what plugin code in one of the master's workers asks its host for; the daemon gives this to `open_workers`.

    Kinds: `progress`, `fire_event`, `fire_master`, `publish`, `running`. Raises LocalProtocolError for another.
    """
    raise NotImplementedError
