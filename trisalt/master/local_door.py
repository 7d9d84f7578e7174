"""The local door: who calls, what they may ask, and what they follow.

One unix socket. The kernel says whose process is at the other end; `acl` says what that user may. A connection
carries one request map and then a stream of maps (SEAMS of the protocol: `client/door.py` is the other end). Whoever
goes away takes only their own following with them: jobs and runners run on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.master.acl import Acl


async def serve_local_door(
    bus: Bus,
    jobs: Any,
    acl: Acl,
    *,
    path: str,
    rotate_aes_key: bool = True,
    status: Callable[[], dict[str, Any]] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer callers on the unix socket at `path` until cancelled.

    `jobs` is the store's: a follower that was too slow for the bus catches up from it. `rotate_aes_key` says whether
    a key that `salt-key` deleted or rejected asks for a new AES key. `status` gives facts of the daemon, to be shown.
    """
    raise NotImplementedError
