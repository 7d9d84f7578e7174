"""Fetch the repositories of `gitfs` and of git pillars while the master runs, each at its `update_interval`.

`fileserver/mirrors` says how, in a thread; git runs as a process of Trio's, which ends with the service.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from functools import partial

import structlog
import trio

from trisalt.fileserver.mirrors import Mirrors
from trisalt.fileserver.remotes import Remote

log = structlog.get_logger()

# Between two fetches of one remote, however it is configured.
LEAST_S = 5.0
# Fetches at a time.
FETCHES = 8


async def fetch_remotes(git: Mirrors, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Fetch at once, and then each remote at its interval, until cancelled. Ready before the first fetch has ended."""
    for remote, _mirror in git.remotes:
        if remote.unheeded:
            log.warning("gitfs.options_unheeded", remote=remote.shown, options=", ".join(remote.unheeded))
    if gone := await trio.to_thread.run_sync(git.forget_others):
        log.info("gitfs.forgotten", mirrors=len(gone))
    limiter = trio.CapacityLimiter(FETCHES)
    async with trio.open_nursery() as fetching:
        task_status.started()
        for remote in {mirror: remote for remote, mirror in git.remotes}.values():
            fetching.start_soon(_keep_fetched, git, remote, limiter)


async def _keep_fetched(git: Mirrors, remote: Remote, limiter: trio.CapacityLimiter) -> None:
    """A task of its own for each: one that does not answer keeps no other from being fetched."""
    while True:
        began = trio.current_time()
        updated = await trio.to_thread.run_sync(partial(git.update, _run, only=[remote]), limiter=limiter)
        for name, reason in updated.problems.items():
            log.error("gitfs.not_fetched", remote=name, reason=reason)
        if updated.changed:
            log.info("gitfs.updated", remote=remote.shown)
        await trio.sleep_until(max(began + remote.update_interval, trio.current_time() + LEAST_S))


def _run(argv: Sequence[str], env: Mapping[str, str], patience: float) -> subprocess.CompletedProcess[bytes]:
    """Run git for the thread that fetches. It is killed when it takes too long, and when the service ends."""
    return trio.from_thread.run(_run_here, argv, env, patience)


async def _run_here(argv: Sequence[str], env: Mapping[str, str], patience: float) -> subprocess.CompletedProcess[bytes]:
    with trio.move_on_after(patience):
        return await trio.run_process(
            argv, env=env, capture_stdout=True, capture_stderr=True, check=False, start_new_session=True
        )
    raise subprocess.TimeoutExpired(list(argv), patience)
