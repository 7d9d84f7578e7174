"""The key manager: `_auth`, autosign, `revoke_auth` and the rotation of the shared AES key.

What is decided stands in `wire/handshake` (pure); where the keys lie is `master/keyring`'s. RSA runs in threads, two
at a time. `master/request_server` asks, `master/daemon` starts it.
"""

from __future__ import annotations

from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.master.identity import Identity
from trisalt.master.sessions import Sessions


async def keep_keys(
    bus: Bus,
    keyring: Any,
    identity: Identity,
    sessions: Sessions,
    *,
    config: Any,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `AuthRequest`, `RevokeRequest` and `RotateRequest` until cancelled.

    Publishes `AuthDecided` for every decision (`auth_events`), `KeyChanged` where a key moves, `AesRotated`.
    """
    raise NotImplementedError


async def watch_drop_file(
    bus: Bus, *, path: Any, id: str, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Ask for a rotation when `CACHE/.dfn` appears (mode 0400, content = the master's id), as `salt-key` leaves it."""
    raise NotImplementedError
