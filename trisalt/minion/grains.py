"""Grains: gathered by a worker, held in `Facts`, gathered again when somebody says so or on a beat."""

from __future__ import annotations

import os

import structlog
import trio
import zmq

from trisalt.bus.bus import Bus
from trisalt.bus.events import GrainsRefresh
from trisalt.errors import TrisaltError
from trisalt.loader.grains import gather
from trisalt.minion.facts import Facts
from trisalt.worker.pool import Workers

log = structlog.get_logger()


class Grains:
    """How this minion comes by its grains."""

    def __init__(self, workers: Workers, facts: Facts) -> None:
        self._workers = workers
        self._facts = facts
        self._lock = trio.Lock()
        # Set while they are wanted anew; several wishes that come before we gather are one.
        self._wanted = trio.Event()
        # How many gatherings have begun.
        self._begun = 0

    def want(self, _event: GrainsRefresh) -> None:
        """Somebody says that they have changed."""
        self._wanted.set()

    async def wanted(self) -> None:
        """Until somebody says so."""
        await self._wanted.wait()

    async def current(self) -> None:
        """Until what has changed so far, as somebody said, is gathered."""
        if self._wanted.is_set():
            await self.refresh()
        else:
            async with self._lock:
                # Whoever gathers is done.
                return

    async def anew(self) -> None:
        """Until they are gathered, begun after now; for all who want that together."""
        begun = self._begun
        async with self._lock:
            if self._begun == begun:
                await self._gather()

    async def refresh(self, *, kept: bool = False) -> bool:
        """Gather grains; False when that failed, and the old ones stay. `kept`: young ones of before will do."""
        async with self._lock:
            return await self._gather(kept=kept)

    async def _gather(self, *, kept: bool = False) -> bool:
        self._begun += 1
        if self._wanted.is_set():
            self._wanted = trio.Event()
        try:
            # The grain `pid` is this daemon's, not that of the worker that gathers; which need not load ZeroMQ.
            ours = {"__pid__": os.getpid(), "__zmqversion__": zmq.zmq_version()}
            grains = await self._workers.run(gather, {**self._facts.opts, **ours}, kept)
        except TrisaltError as exc:
            log.error("grains.failed", reason=str(exc))
            return False
        if not isinstance(grains, dict):
            log.error("grains.failed", reason=f"they are no mapping: {type(grains).__name__}")
            return False
        # Targets are matched with the id that the master knows.
        self._facts.grains = {**grains, "id": self._facts.id}
        log.debug("grains.gathered", count=len(grains))
        return True


async def keep_grains(
    bus: Bus,
    grains: Grains,
    *,
    every: float = 0,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Gather grains, be started, and gather them anew on `GrainsRefresh`, and each `every` seconds if that is set."""
    with bus.listen(GrainsRefresh, grains.want):
        await grains.refresh(kept=True)
        task_status.started()
        while True:
            with trio.move_on_after(every if every > 0 else float("inf")) as beat:
                await grains.wanted()
            await (grains.refresh() if beat.cancelled_caught else grains.current())
