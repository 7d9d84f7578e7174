"""Fetch `gitfs_remotes` while the master runs, each at its `update_interval`.

`fileserver/gitfs` says how, in a thread; git runs as a process of Trio's, which ends with the service.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from functools import partial

import structlog
import trio

from trisalt.fileserver.gitfs import GitFiles

log = structlog.get_logger()

# Between two fetches of one remote, however it is configured.
LEAST_S = 5.0


async def fetch_remotes(git: GitFiles, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Fetch at once, and then each remote at its interval, until cancelled. Ready before the first fetch has ended."""
    for remote, _mirror in git.remotes:
        if remote.unheeded:
            log.warning("gitfs.options_unheeded", remote=remote.shown, options=", ".join(remote.unheeded))
    if gone := await trio.to_thread.run_sync(git.forget_others):
        log.info("gitfs.forgotten", mirrors=len(gone))
    task_status.started()
    due = dict.fromkeys(range(len(git.remotes)), trio.current_time())
    while True:
        now = trio.current_time()
        ready = [index for index, when in due.items() if when <= now]
        remotes = [git.remotes[index][0] for index in ready]
        updated = await trio.to_thread.run_sync(partial(git.update, _run, only=remotes))
        for name, reason in updated.problems.items():
            log.error("gitfs.not_fetched", remote=name, reason=reason)
        if updated.changed:
            log.info("gitfs.updated")
        now = trio.current_time()
        due |= {index: now + max(git.remotes[index][0].update_interval, LEAST_S) for index in ready}
        await trio.sleep_until(min(due.values()))


def _run(argv: Sequence[str], env: Mapping[str, str], patience: float) -> subprocess.CompletedProcess[bytes]:
    """Run git for the thread that fetches. It is killed when it takes too long, and when the service ends."""
    return trio.from_thread.run(_run_here, argv, env, patience)


async def _run_here(argv: Sequence[str], env: Mapping[str, str], patience: float) -> subprocess.CompletedProcess[bytes]:
    with trio.move_on_after(patience):
        return await trio.run_process(
            argv, env=env, capture_stdout=True, capture_stderr=True, check=False, start_new_session=True
        )
    raise subprocess.TimeoutExpired(list(argv), patience)
