"""Jobs on disk as stock Salt's local_cache lays them out: only as much as stock's own `salt` looks for.

That command asks a master to publish, and then believes in the job only if it finds its load under `CACHE/jobs`.
Our own commands and runners read the store. `master/publisher` writes here, `master/daemon` sweeps.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
import trio

from trisalt.errors import RemoteProtocolError
from trisalt.master.sessions import write_private
from trisalt.wire import codec

log = structlog.get_logger()

SWEEP_EVERY_S = 3600.0


class JobCache:
    """The folder `CACHE/jobs`. Blocking: for a thread."""

    def __init__(self, cachedir: Path, *, hash_type: str = "sha256") -> None:
        self._folder = cachedir / "jobs"
        self._hash_type = hash_type

    def folder_of(self, jid: str) -> Path:
        """Where a job lies."""
        digest = hashlib.new(self._hash_type, jid.encode()).hexdigest()
        return self._folder / digest[:2] / digest[2:]

    def write(self, load: Mapping[str, Any], minions: Sequence[str]) -> None:
        """Lay down a job's load and whom it waits for."""
        folder = self.folder_of(load["jid"])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / "jid", load["jid"].encode())
        write_private(folder / ".minions.p", codec.pack_bin(list(minions)))
        write_private(folder / ".load.p", codec.pack_bin(dict(load)))

    def read_batch(self, jid: str) -> dict[str, Any] | None:
        """What stock's `salt --async -b` left of a batch; None where there is nothing, or nothing that can be read."""
        try:
            state = codec.unpack_bin((self.folder_of(jid) / ".batch.p").read_bytes())
        except (OSError, RemoteProtocolError):
            return None
        return state if isinstance(state, dict) and state.get("jid") == jid else None

    def sweep(self, before: float) -> int:
        """Remove the jobs that were laid down before `before` (wall time). How many."""
        removed = 0
        for folder in self._folder.glob("??/*"):
            try:
                if folder.stat().st_mtime < before:
                    shutil.rmtree(folder)
                    removed += 1
            except OSError as exc:
                log.warning("job_cache.not_removed", path=str(folder), reason=exc.strerror)
        for parent in self._folder.glob("??"):
            try:
                os.rmdir(parent)
            except OSError:
                continue  # it is not empty
        return removed


async def sweep_job_cache(
    cache: JobCache, *, keep_s: float, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Remove jobs older than `keep_s` seconds, now and every hour, until cancelled; 0 keeps them for ever."""
    task_status.started()
    while keep_s > 0:
        removed = await trio.to_thread.run_sync(cache.sweep, time.time() - keep_s)
        if removed:
            log.debug("job_cache.swept", jobs=removed)
        await trio.sleep(SWEEP_EVERY_S)
    await trio.sleep_forever()
