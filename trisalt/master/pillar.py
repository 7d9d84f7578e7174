"""`_pillar` and `_master_tops`: what a minion is given of its own.

Each is compiled in a worker process, and nothing of one minion is there for the next: a process that has run plugin
code is not used again (`pillar/worker`). What the minion said of itself is not believed where it matters: `grains.id`
is the id that it signed in with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.events import MinionDataRefreshed
from trisalt.bus.requests import PillarRequest, TopsRequest
from trisalt.errors import StoreError, TrisaltError, WorkerDied
from trisalt.pillar.worker import compile_in_worker, master_tops_in_worker
from trisalt.store.store import Banks

log = structlog.get_logger()

# What a broken pillar tells the minion: states refuse to run with it, and the operator finds the reason in our log.
FAILED = "The pillar could not be compiled. Please see master log for details."

# Problems that the operator is to look at; the others only explain what is missing.
ERRORS = frozenset({"pillar.error", "pillar.render_failed", "pillar.not_decrypted", "master_tops.failed"})


class Workers(Protocol):
    """What this needs of `worker.pool.Workers`."""

    def run(self, function: Callable[..., Any], *args: Any, warm: bool = False) -> Awaitable[Any]:
        """Run a function of ours in a child of its own, or (`warm`) in one that is reused."""


async def serve_pillar(
    bus: Bus,
    banks: Banks,
    workers: Workers,
    opts: Mapping[str, Any],
    *,
    max_running: int = 5,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer PillarRequest and TopsRequest until cancelled; `max_running` at once, the others wait their turn.

    `opts` are the master's options, as the workers have them too. Keeps grains and pillar in the banks `grains` and
    `pillar` by id, and publishes MinionDataRefreshed, unless `minion_data_cache` is off.
    """
    desk = _Desk(bus, banks, workers, opts, trio.CapacityLimiter(max_running))
    async with trio.open_nursery() as answers, bus.claim(PillarRequest, TopsRequest) as requests:
        task_status.started()
        async for request, reply in requests:
            answers.start_soon(desk.answer, request, reply)


@attrs.frozen
class _Desk:
    bus: Bus
    banks: Banks
    workers: Workers
    opts: Mapping[str, Any]
    places: trio.CapacityLimiter
    alone: set[str] = attrs.field(factory=set)
    """Ids whose pillars asked for plugin code the last time: they get a process of their own at once."""
    made: dict[str, tuple[tuple[str | None, str | None], float]] = attrs.field(factory=dict)
    """Of each id whose pillar is in the bank: for which environments it was asked, and until when it is good."""

    async def answer(self, request: PillarRequest | TopsRequest, reply: Reply) -> None:
        try:
            if isinstance(request, TopsRequest):
                reply.send(await self._tops(request))
            else:
                reply.send(await self._pillar(request))
        except TrisaltError as exc:
            # The worker died, and not for a fault of the files: the minion asks again.
            log.error("pillar.not_answered", id=request.id, reason=str(exc))
            reply.fail(exc)

    async def _pillar(self, request: PillarRequest) -> dict[str, Any]:
        grains = {**request.grains, "id": request.id}
        asked = {
            "id": request.id,
            "grains": grains,
            "saltenv": request.saltenv,
            "pillarenv": request.pillarenv,
            "pillar_override": request.pillar_override,
            "extra_minion_data": request.extra_minion_data,
            "ext": request.ext,
        }
        plain = not request.ext and not request.pillar_override
        if plain and (cached := await self._cached(request, grains)) is not None:
            return cached
        try:
            async with self.places:
                compiled = await self._compile(asked)
        except WorkerDied:
            raise
        except TrisaltError as exc:
            log.error("pillar.failed", id=request.id, reason=str(exc))
            return {"_errors": [FAILED]}
        self._tell(request.id, compiled["problems"])
        pillar = compiled["pillar"]
        # What it asked for besides is for this one answer.
        if self.opts.get("minion_data_cache", True) and not request.ext:
            asked_for = (request.saltenv, request.pillarenv)
            pending = self.made[request.id] = (asked_for, 0.0)
            kept = await self._keep(request.id, grains, pillar)
            # Another of this minion's may have come into the bank meanwhile.
            if kept and plain and not pillar.get("_errors") and self.made.get(request.id) is pending:
                until = trio.current_time() + float(self.opts.get("pillar_cache_ttl") or 0)
                self.made[request.id] = (asked_for, until)
        return pillar

    async def _cached(self, request: PillarRequest, grains: dict[str, Any]) -> dict[str, Any] | None:
        """The pillar that was made last, where the options let it be given again, and it was asked for as this one.

        It is what the bank has: `pillar.clear_pillar_cache` and the end of a key take it from there.
        """
        if not self.opts.get("pillar_cache"):
            return None
        environments, until = self.made.get(request.id, (None, 0.0))
        if request.clean_cache or environments != (request.saltenv, request.pillarenv) or trio.current_time() >= until:
            return None
        try:
            pillar = await self.banks.fetch("pillar", request.id)
            if isinstance(pillar, dict):
                await self.banks.store("grains", request.id, grains)
        except StoreError as exc:
            log.warning("pillar.not_kept", id=request.id, reason=str(exc))
            return None
        return pillar if isinstance(pillar, dict) else None

    async def _compile(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["id"] not in self.alone:
            compiled = await self.workers.run(compile_in_worker, {**asked, "alone": False}, warm=True)
            if not compiled.get("alone"):
                return compiled
            self.alone.add(asked["id"])
        return await self.workers.run(compile_in_worker, {**asked, "alone": True})

    async def _keep(self, id: str, grains: dict[str, Any], pillar: dict[str, Any]) -> bool:
        """Whether the store has it now."""
        try:
            await self.banks.store_all({"grains": {id: grains}, "pillar": {id: pillar}})
        except StoreError as exc:
            # The minion has done nothing wrong. Targets by its grains will be of yesterday.
            log.warning("pillar.not_kept", id=id, reason=str(exc))
            return False
        if self.opts.get("minion_data_cache_events", True):
            await self.bus.publish(MinionDataRefreshed(id=id))
        return True

    async def _tops(self, request: TopsRequest) -> dict[str, Any]:
        if not self.opts.get("master_tops"):
            return {}
        async with self.places:
            found = await self.workers.run(master_tops_in_worker, {"id": request.id, "opts": request.opts})
        self._tell(request.id, found["problems"])
        return found["tops"]

    def _tell(self, id: str, problems: list[dict[str, Any]]) -> None:
        for problem in problems:
            facts = {key: value for key, value in problem.items() if key != "event"}
            event = str(problem["event"])
            (log.error if event in ERRORS else log.debug)(event, id=id, **facts)
