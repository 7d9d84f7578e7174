"""Batches live here: a job for many minions of which only so many run it at a time.

Whoever asked for one may go, and the master may be killed at any step: what has been sent is in the store before it
goes out, and the next master takes the batch up where it was. A minion runs a job id once, so what may have been lost
on the way is sent again under the same one. `master/batch` says who is next, `master/batch_run` does it, and
`master/following_batch` serves who watches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
import trio

from trisalt.bus.answers import BatchView, Published, Resolved
from trisalt.bus.bus import Bus, Reply
from trisalt.bus.events import JobReturned, TaggedEvent
from trisalt.bus.requests import AimRequest, BatchLookup, BatchRequest
from trisalt.errors import CommandError, StoreError
from trisalt.master.batch import size_of
from trisalt.master.batch_run import BANK, BatchRun, Record
from trisalt.master.publisher import USUAL_PATIENCE_S
from trisalt.store.store import Store
from trisalt.wire import jid as jids

log = structlog.get_logger()


async def run_batches(
    bus: Bus,
    store: Store,
    *,
    timeout: float = 5.0,
    gather_job_timeout: float = 10.0,
    keep_seconds: float = 86400.0,
    patience: Callable[[], float] = lambda: USUAL_PATIENCE_S,
    clock: Callable[[], float] = time.time,
    read_begun: Callable[[str], dict[str, Any] | None] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run batches until cancelled; those that an earlier master had begun are taken up.

    Claims BatchRequest and BatchLookup. `timeout` and `gather_job_timeout` are for those who ask for none;
    `keep_seconds` is how long a batch that is over is remembered (0: for ever); `patience` is how long one waits for
    minions that are away, when it is to wait as long as is usual; `clock` is wall time. `read_begun`
    gives what stock's `salt --async -b` leaves of a batch that it began (blocking; None: nothing).
    """
    desk = _Desk(bus, store, timeout, gather_job_timeout, keep_seconds, patience, clock)
    async with bus.claim(BatchRequest, BatchLookup) as requests, trio.open_nursery() as running:
        for record in await desk.left():
            running.start_soon(desk.run, record, True)
        if read_begun is not None:
            await running.start(desk.adopt, read_begun, running)
        task_status.started()
        async for request, reply in requests:
            running.start_soon(desk.answer, request, reply, running)


class _Desk:
    """What all batches share."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        timeout: float,
        gather_job_timeout: float,
        keep_seconds: float,
        patience: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.bus = bus
        self.store = store
        self.clock = clock
        self._timeout = timeout
        self._gather_job_timeout = gather_job_timeout
        self._keep_seconds = keep_seconds
        self._patience = patience
        self._last_jid: str | None = None
        self._running: dict[str, Record] = {}

    def new_jid(self) -> str:
        self._last_jid = jids.make(self.clock(), last=self._last_jid)
        return self._last_jid

    async def left(self) -> list[Record]:
        """The batches that an earlier master had begun. Those that were over long ago are forgotten."""
        kept = []
        for jid, data in (await self.store.banks.fetch_all(BANK)).items():
            try:
                kept.append(Record.from_data(data))
            except TypeError as exc:
                log.error("batch.unreadable", jid=jid, reason=str(exc))
        before = self.clock() - self._keep_seconds if self._keep_seconds > 0 else 0.0
        for record in kept:
            if record.ended is not None and await self.store.banks.list(f"{BANK}/{record.jid}"):
                await self.store.banks.flush(f"{BANK}/{record.jid}")
            if record.ended is not None and record.ended < before:
                await self.store.banks.flush(BANK, record.jid)
        return [record for record in kept if record.ended is None]

    async def answer(self, request: BatchRequest | BatchLookup, reply: Reply, running: trio.Nursery) -> None:
        try:
            if isinstance(request, BatchLookup):
                reply.send(await self._look_up(request.jid))
                return
            published, record = await self._begin(request)
        except Exception as exc:
            # One request: the door that asked tells what went wrong.
            reply.fail(exc)
            return
        reply.send(published)
        if record is not None:
            running.start_soon(self.run, record, False)

    async def _look_up(self, jid: str) -> BatchView | None:
        record = self._running.get(jid)
        if record is None:
            data = await self.store.banks.fetch(BANK, jid)
            record = None if data is None else Record.from_data(data)
        return None if record is None else record.view()

    async def _begin(self, request: BatchRequest) -> tuple[Published, Record | None]:
        try:
            size_of(request.size, 1)
        except ValueError as exc:
            raise CommandError(str(exc)) from None
        about = {name: getattr(request, name) for name in ("fun", "arg", "tgt", "tgt_type", "user", "ret", "kwargs")}
        resolved: Resolved = await self.bus.ask(AimRequest(**about, caller=request.caller))
        if not resolved.minions:
            error = f"Master could not resolve minions for target {request.tgt}"
            return Published(jid=None, minions=[], missing=resolved.missing, error=error), None
        jid, now = self.new_jid(), self.clock()
        record = Record(
            **about,
            jid=jid,
            size=request.size,
            wait=request.wait,
            failhard=request.failhard,
            timeout=self._timeout if request.timeout is None else request.timeout,
            gather_job_timeout=(
                self._gather_job_timeout if request.gather_job_timeout is None else request.gather_job_timeout
            ),
            created=now,
            named=resolved.minions,
            last_progress=now,
            until=now + patience if (patience := self._seconds(request)) else None,
        )
        load = {name: getattr(record, name) for name in ("jid", "fun", "arg", "tgt", "tgt_type", "user", "ret")}
        load |= {"minions": resolved.minions, "missing": resolved.missing, **request.kwargs}
        if request.caller is not None and request.caller.eauth:
            load["eauth"] = request.caller.eauth
        # The job first: a batch that the next master finds can be sent.
        await self.store.jobs.record_job(load, resolved.minions)
        await self.store.banks.store(BANK, jid, record.to_data())
        self._running[jid] = record
        return Published(jid=jid, minions=resolved.minions, missing=resolved.missing), record

    def _seconds(self, request: BatchRequest) -> float:
        """For how long who is away is waited for."""
        return self._patience() if request.wait_absent is True else float(request.wait_absent or 0)

    async def adopt(
        self,
        read_begun: Callable[[str], dict[str, Any] | None],
        running: trio.Nursery,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take over what stock's `salt --async -b` began: it sends to the first few, and tells of it by an event."""
        # Starting a task takes no time: nobody waits here.
        async with self.bus.subscribe(TaggedEvent, keep=True, depth=64) as events:
            task_status.started()
            async for event in events:
                match event:
                    case TaggedEvent(name=name, data={"driver": "master", "jid": str() as jid}):
                        if name == f"salt/batch/{jid}/new" and jids.is_jid(jid) and jid not in self._running:
                            running.start_soon(self._take_over, jid, read_begun)

    async def _take_over(self, jid: str, read_begun: Callable[[str], dict[str, Any] | None]) -> None:
        try:
            state = await trio.to_thread.run_sync(read_begun, jid)
            if state is None or await self.store.banks.fetch(BANK, jid) is not None:
                return
            record = record_of(state)
            row = {"jid": jid, "minions": sorted(state["active"]), "lost": {}, "done": {}}
            await self.store.banks.store(f"{BANK}/{jid}", "00000000", row)
            await self.store.banks.store(BANK, jid, record.to_data())
            names = ("jid", "fun", "arg", "tgt", "tgt_type", "user", "ret", "kwargs")
            await self.store.jobs.record_job({name: getattr(record, name) for name in names}, record.named)
        except (StoreError, KeyError, TypeError, ValueError) as exc:
            log.error("batch.not_taken_over", jid=jid, reason=str(exc))
            return
        await self.run(record, True)

    async def run(self, record: Record, resumed: bool) -> None:
        """One batch, to its end."""
        self._running[record.jid] = record
        try:
            with structlog.contextvars.bound_contextvars(jid=record.jid):
                facts = {"jid": record.jid, "fun": record.fun, "user": record.user}
                if resumed:
                    log.info("batch.resumed", **facts)
                else:
                    log.info("batch.started", **facts)
                async with (
                    self.bus.subscribe((JobReturned, TaggedEvent), keep=True) as heard,
                    trio.open_nursery() as nursery,
                ):
                    run = BatchRun(self.bus, self.store, record, clock=self.clock, new_jid=self.new_jid)
                    nursery.start_soon(run.listen, heard)
                    await run.go(resumed)
                    nursery.cancel_scope.cancel()
        except Exception as exc:
            # One batch; the next master takes it up again.
            log.error("batch.failed", jid=record.jid, exc_info=exc)
        finally:
            del self._running[record.jid]


def record_of(state: dict[str, Any]) -> Record:
    """A batch as stock's command keeps it (`.batch.p`). Raises KeyError, TypeError, ValueError for what is none."""
    minions = [str(id) for id in state["all_minions"]]
    size = str(int(state["batch_size"]))
    size_of(size, len(minions))
    return Record(
        jid=state["jid"],
        fun=state["fun"],
        arg=list(state["arg"]),
        tgt=state["tgt"],
        tgt_type=str(state["tgt_type"]),
        user=str(state["user"]),
        ret=str(state["ret"]),
        kwargs=dict(state["kwargs"]),
        size=size,
        wait=float(state["batch_wait"]),
        failhard=bool(state["failhard"]),
        timeout=float(state["timeout"]),
        gather_job_timeout=float(state["gather_job_timeout"]),
        created=float(state["created"]),
        named=minions,
        minions=minions,
        jids=[state["jid"]],
        last_progress=float(state["last_progress"]),
    )
