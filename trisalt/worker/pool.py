"""Trio side of the workers: children of the zygote, warm ones, limits, deadlines, kill.

Daemons open one pool; `minion/jobs` and `master/commands` run jobs in it, `master/pillar` and its kin run
functions of the engine. What plugin code asks for comes back through `upcalls`, answered in Trio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from trisalt.worker.protocol import Call, Context, Outcome, Upcall
from trisalt.worker.zygote import Zygote


class Workers:
    """An open pool."""

    async def run_job(
        self,
        call: Call,
        *,
        warm: bool = False,
        on_start: Callable[[int], object] | None = None,
        spool: Path | None = None,
        outlives: bool = True,
    ) -> Outcome:
        """Run plugin functions in a child of their own, or (`warm`) in one that is reused.

        `on_start(pid)` is called when a process has the call, before it runs. With `spool` the child writes the
        whole return load to that file, durably, before it reports. Raises WorkerDied when the process ended without
        an outcome. Cancelled, it leaves the child alone: it runs on, and its return is in the spool; with
        `outlives=False` it is killed instead.
        """
        raise NotImplementedError

    async def run(self, function: Callable[..., Any], *args: Any, warm: bool = False) -> Any:
        """Run a function of ours in a child: found there by its module and name; arguments and result are plain data.

        A parameter called `context` is filled with the child's `Context`. Errors of our tree are raised here as they
        were raised there, others as CommandError with the child's traceback as a note. Cancelled, the child is killed.
        """
        raise NotImplementedError

    def signal(self, jid: str, signum: int) -> int | None:
        """Send a signal to a job's process and its descendants: the job's pid, or None when it does not run here."""
        raise NotImplementedError

    def running(self) -> dict[str, int]:
        """The jobs that run here: jid to pid."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Plugins on disk have changed: warm children end after what they do now."""
        raise NotImplementedError


@asynccontextmanager
async def open_workers(
    zygote: Zygote,
    *,
    context: Callable[[], Context],
    upcalls: Callable[[Upcall], Awaitable[object]],
    max_running: int = 8,
    max_jobs: int | None = None,
    max_warm: int = 1,
) -> AsyncIterator[Workers]:
    """Open a pool on a zygote, and own the zygote from now on.

    `context()` gives the current context whenever a child is given a call. `upcalls` answers plugin code; a
    TrisaltError it raises is raised in the plugin. At most `max_running` calls of `run` at a time and, apart from
    those, `max_jobs` of `run_job` (None: no limit); the others wait their turn. `max_warm` children may stay warm.
    """
    raise NotImplementedError
    yield Workers()
