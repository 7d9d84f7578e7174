"""A job goes out on 4505: allowed, resolved, recorded, sealed, sent. In this order.

`PublishRequest` comes from both doors, from runners and from the watch of a job (find_job). `master/jobs` watches
what this sends, from `JobNew`.
"""

from __future__ import annotations

from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.master.identity import Identity
from trisalt.master.minions import Minions


async def publish_jobs(
    bus: Bus,
    identity: Identity,
    minions: Minions,
    jobs: Any,
    *,
    config: Any,
    acl: Any = None,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `PublishRequest` with a `Published` until cancelled; `started()` with the publish port.

    `jobs` is `store.jobs`: the job is recorded there, durably, before it is sent. `acl` None: only root publishes.
    """
    raise NotImplementedError
