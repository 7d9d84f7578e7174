"""`_file_*`, `_serve_file`, `_file_recv`, `_master_opts`: a minion asks the file server. Reads run in threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.fileserver.fileserver import FileServer


async def serve_files(
    bus: Bus,
    fileserver: FileServer,
    *,
    opts: Mapping[str, Any],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `FileRequest` until cancelled, each in a task of its own."""
    raise NotImplementedError
