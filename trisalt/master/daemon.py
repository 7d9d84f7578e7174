"""Opens all of the master, in order of start; read backwards it is the order of stop."""

from __future__ import annotations

from typing import Any

import trio


async def run_master(
    config: Any, zygote: Any, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run the master until SIGTERM or SIGINT; `started()` with the request port when it is ready.

    `zygote` has been started before Trio and before any thread (`worker.zygote.start_zygote`).
    """
    raise NotImplementedError
