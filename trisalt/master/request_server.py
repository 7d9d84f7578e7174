"""4506: open the envelope, ask the bus, seal the answer.

Every well-framed request is answered, in stock Salt's words. What a request means is its claimant's; who may come in
at all is decided here: the sender's key must be accepted, its session live, its `tok` its own.
"""

from __future__ import annotations

from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.master.identity import Identity
from trisalt.master.sessions import Sessions


async def serve_requests(
    bus: Bus,
    keyring: Any,
    identity: Identity,
    sessions: Sessions,
    *,
    config: Any,
    root_keys: Any,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the network door until cancelled; `started()` with its port. Those inside may finish: five seconds."""
    raise NotImplementedError
