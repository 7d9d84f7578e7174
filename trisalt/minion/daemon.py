"""The minion: opens everything below in order, owns the nursery, and stops it in order.

Called by `cli/salt_minion`, which reads the configuration, sets up the log and starts the zygote before Trio.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio


async def run_minion(
    config: Any,
    zygote: Any,
    *,
    notify: Callable[[str], None] = lambda _state: None,
    reread: Callable[[], Any] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run one minion until it is told to stop.

    `config` is a `MinionConfig`, `zygote` the handle of `start_zygote`. `notify` gets systemd's state lines
    (`READY=1`, `RELOADING=1`, `STOPPING=1`). `reread` is called on SIGHUP and gives the configuration anew, or raises ConfigError. SIGTERM, SIGINT and
    SIGHUP are taken here; running jobs outlive the daemon. `task_status` is started when the minion is ready to
    receive requests. Raises `Rejected` when the master rejected our key (the command exits 77 then).
    """
    raise NotImplementedError
