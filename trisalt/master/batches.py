"""Batches live here: a job for many minions of which only so many run it at a time.

Whoever asked for one may go, and the master may be killed at any step: what has been sent is in the store before it
goes out, and the next master takes the batch up where it was. A minion runs a job id once, so what may have been lost
on the way is sent again under the same one. `master/batch` says who is next; `master/following_batch` serves who
watches.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Self

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.events import (
    BatchComplete,
    BatchHalted,
    BatchLost,
    BatchNew,
    BatchProgress,
    BatchSent,
    JobReturned,
    JobSettled,
    TaggedEvent,
)
from trisalt.bus.requests import (
    MASTER,
    AimRequest,
    BatchLookup,
    BatchRequest,
    BatchView,
    Published,
    PublishRequest,
    Resolved,
)
from trisalt.bus.subscription import Subscription
from trisalt.errors import CommandError, StoreError, TrisaltError
from trisalt.master.batch import FAILHARD, Ask, Batch, End, Lose, Send, size_of
from trisalt.master.following import open_following
from trisalt.master.watches import FIND_JOB, NO_RESPONSE, NOT_CONNECTED
from trisalt.store.store import Store
from trisalt.wire import jid as jids

log = structlog.get_logger()

BANK = "batches"
"""Where batches are kept: a record under each job id; in the bank `batches/<jid>` a row for each time it sent."""

PING = "test.ping"
NOT_RUN = "The batch ended before its turn came. No job was sent."

BACK_S = 30.0
"""How long minions have to come back after a restart of the master, until a batch goes on without them."""
JID_S = 6 * 3600.0
"""How long one job id serves: a minion takes a publication of long ago for a recording, and does not run it."""
AGAIN_S = 1.0
"""How long to wait before what failed is tried again."""


@attrs.define(kw_only=True)
class Record:
    """A batch as it is kept. Times are wall seconds. `minions` is None until it is known who answers."""

    jid: str
    fun: Any
    arg: list[Any]
    tgt: Any
    tgt_type: str
    user: str
    ret: str
    kwargs: dict[str, Any]
    size: str
    wait: float
    failhard: bool
    timeout: float
    gather_job_timeout: float
    created: float
    named: list[str]
    minions: list[str] | None = None
    down: list[str] = attrs.field(factory=list)
    jids: list[str] = attrs.field(factory=list)
    last_progress: float = 0.0
    ended: float | None = None
    halted: str | None = None
    done: dict[str, int] = attrs.field(factory=dict)
    lost: dict[str, str] = attrs.field(factory=dict)
    active: list[str] = attrs.field(factory=list)
    pending: list[str] = attrs.field(factory=list)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """From what `to_data` gave."""
        return cls(**data)

    def to_data(self) -> dict[str, Any]:
        """As it is kept."""
        return attrs.asdict(self, recurse=False)

    def view(self) -> BatchView:
        """As others may see it."""
        return BatchView(
            jid=self.jid,
            minions=self.minions,
            down=self.down,
            jids=self.jids or [self.jid],
            lost=self.lost,
            ended=self.ended is not None,
            halted=self.halted,
        )


async def run_batches(
    bus: Bus,
    store: Store,
    *,
    timeout: float = 5.0,
    gather_job_timeout: float = 10.0,
    keep_seconds: float = 86400.0,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run batches until cancelled; those that an earlier master had begun are taken up.

    Claims BatchRequest and BatchLookup. `timeout` and `gather_job_timeout` are for those who ask for none;
    `keep_seconds` is how long a batch that is over is remembered (0: for ever); `clock` is wall time.
    """
    desk = _Desk(bus, store, timeout, gather_job_timeout, keep_seconds, clock)
    async with bus.claim(BatchRequest, BatchLookup) as requests, trio.open_nursery() as running:
        for record in await desk.left():
            running.start_soon(desk.run, record, True)
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
        clock: Callable[[], float],
    ) -> None:
        self.bus = bus
        self.store = store
        self.clock = clock
        self._timeout = timeout
        self._gather_job_timeout = gather_job_timeout
        self._keep_seconds = keep_seconds
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
        )
        load = {name: getattr(record, name) for name in ("jid", "fun", "arg", "tgt", "tgt_type", "user", "ret")}
        load |= {"minions": resolved.minions, "missing": resolved.missing, **request.kwargs}
        await self.store.banks.store(BANK, jid, record.to_data())
        await self.store.jobs.record_job(load, resolved.minions)
        self._running[jid] = record
        return Published(jid=jid, minions=resolved.minions, missing=resolved.missing), record

    async def run(self, record: Record, resumed: bool) -> None:
        """One batch, to its end."""
        self._running[record.jid] = record
        try:
            with structlog.contextvars.bound_contextvars(jid=record.jid):
                log.info("batch.resumed" if resumed else "batch.started", fun=record.fun, user=record.user)
                async with (
                    self.bus.subscribe((JobReturned, TaggedEvent), keep=True) as heard,
                    trio.open_nursery() as nursery,
                ):
                    run = _Run(self, record)
                    nursery.start_soon(run.listen, heard)
                    await run.go(resumed)
                    nursery.cancel_scope.cancel()
        except Exception as exc:
            # One batch; the next master takes it up again.
            log.error("batch.failed", jid=record.jid, exc_info=exc)
        finally:
            del self._running[record.jid]


class _Run:
    """One batch under way."""

    def __init__(self, desk: _Desk, record: Record) -> None:
        self._desk = desk
        self._bus = desk.bus
        self._record = record
        self._rows = f"{BANK}/{record.jid}"
        self._batch: Batch | None = None
        self._changed = trio.Event()
        self._gathering = trio.CancelScope()
        self._stopped = False
        self._sent = 0
        self._jid_of: dict[str, str] = {}
        self._polls: list[str] = []
        self._unkept: dict[str, int] = {}
        """Returns since the last row: they go into the next one."""
        self._early: dict[str, int] | None = None
        """Returns that come while it is read what came before."""
        self._told = (0, 0, 0)

    # -- hearing ------------------------------------------------------------------------------------------------

    async def listen(self, heard: Subscription) -> None:
        """Returns, answers to find_job, and the word to stop. It neither publishes nor asks."""
        stop = f"salt/batch/{self._record.jid}/stop"
        async for event in heard:
            match event:
                case TaggedEvent(name=name) if name == stop:
                    self._stopped = True
                    self._gathering.cancel()
                    if self._batch is not None:
                        self._batch.stop()
                case JobReturned(fun=fun) if self._batch is not None:
                    if fun == FIND_JOB and event.jid in self._polls:
                        running = isinstance(event.result, dict) and bool(event.result) and not event.retcode
                        self._batch.answered(event.id, running=running, now=trio.current_time())
                    elif self._jid_of.get(event.id) == event.jid:
                        self._note(event.id, retcode_of(event.retcode))
                    else:
                        continue
                case _:
                    continue
            self._changed.set()

    def _note(self, id: str, retcode: int) -> None:
        assert self._batch is not None
        if self._early is not None:
            self._early[id] = retcode
        elif self._batch.returned(id, retcode, now=trio.current_time()):
            self._unkept[id] = retcode
            self._record.lost.pop(id, None)

    # -- going --------------------------------------------------------------------------------------------------

    async def go(self, resumed: bool) -> None:
        record = self._record
        # Another master may have known already who is there, and begun.
        begun = self._begun() if record.minions is not None else None
        if begun is not None:
            await self._restore(begun)
        with self._gathering:
            if begun is None:
                await self._gather(resumed)
            else:
                await self._call_back(begun)
        batch = begun or self._begun()
        if self._stopped:
            batch.stop()
        while True:
            self._changed = trio.Event()
            steps = batch.step(trio.current_time())
            await self._tell_progress(batch)
            for step in steps:
                match step:
                    case Send():
                        await self._send(batch, step)
                    case Ask():
                        await self._ask(step)
                    case Lose():
                        await self._lose(batch, step.minions, None)
                    case End():
                        await self._end(batch, step)
                        return
            if not steps:
                with trio.move_on_at(batch.wake):
                    await self._changed.wait()

    def _begun(self) -> Batch:
        record = self._record
        self._batch = Batch.begin(
            record.minions or [],
            size=record.size,
            wait=record.wait,
            failhard=record.failhard,
            timeout=record.timeout,
            gather_job_timeout=record.gather_job_timeout,
        )
        return self._batch

    async def _gather(self, resumed: bool) -> None:
        """Who is there: only they get the job."""
        record = self._record
        there = await self._ping(record.named, patience=BACK_S if resumed else 0.0)
        record.minions = [id for id in record.named if id in there]
        record.down = [id for id in record.named if id not in there]
        await self._keep_record()
        total = len(record.minions)
        log.debug("batch.gathered", minions=total, down=len(record.down))
        await self._bus.publish(
            BatchNew(
                **self._about(),
                total_minions=total,
                batch_size=size_of(record.size, total),
                created=record.created,
                state=self._state(None),
                down=record.down,
            )
        )

    async def _ping(self, ids: Iterable[str], *, patience: float) -> set[str]:
        """Those of `ids` that answer; who does not may take `patience` seconds to come back."""
        there: set[str] = set()
        missing, until = list(ids), trio.current_time() + patience
        while missing:
            try:
                async with open_following(self._bus, self._desk.store.jobs) as following:
                    published: Published = await self._bus.ask(self._question(missing, PING, [], watch=True))
                    if published.jid is not None:
                        following.begin(published.jid)
                        async for returns in following:
                            there.update(body["id"] for body in returns)
            except TrisaltError as exc:
                log.warning("batch.put_off", reason=str(exc))
                until = max(until, trio.current_time() + 2 * AGAIN_S)
            missing = [id for id in missing if id not in there]
            if trio.current_time() + AGAIN_S >= until:
                break
            await trio.sleep(AGAIN_S)
        return there

    async def _restore(self, batch: Batch) -> None:
        """Where it was: what was sent, and what came back since."""
        record, store = self._record, self._desk.store
        done: dict[str, int] = {}
        self._early = {}
        for _number, row in sorted((await store.banks.fetch_all(self._rows)).items()):
            self._sent += 1
            done |= row["done"]
            record.lost |= row["lost"]
            self._jid_of |= dict.fromkeys(row["minions"], row["jid"])
        record.jids = list(dict.fromkeys(self._jid_of.values()))
        for jid in record.jids:
            for id, body in (await store.jobs.returns(jid)).items():
                if self._jid_of.get(id) == jid:
                    done[id] = retcode_of(body.get("retcode", 0))
        done |= self._early
        self._early = None
        record.lost = {id: why for id, why in record.lost.items() if id not in done}
        batch.resume(self._jid_of, done, record.lost, now=trio.current_time())

    async def _call_back(self, batch: Batch) -> None:
        """Whose turn is still to come, and who was at work: wait for them to come back, and go on with those."""
        there = await self._ping([*batch.active, *batch.pending], patience=BACK_S)
        if gone := [id for id in batch.pending if id not in there]:
            await self._lose(batch, gone, NOT_CONNECTED)

    async def _send(self, batch: Batch, step: Send) -> None:
        """Into the store, told, and out: in this order."""
        if step.again:
            for jid in {self._jid_of[id] for id in step.minions}:
                await self._publish(batch, jid, [id for id in step.minions if self._jid_of[id] == jid])
            return
        record, jid = self._record, self._jid()
        await self._keep_row(jid, list(step.minions), {})
        self._jid_of |= dict.fromkeys(step.minions, jid)
        log.debug("batch.sending", minions=step.minions)
        await self._bus.publish(BatchSent(batch=record.jid, jid=jid, minions=list(step.minions)))
        await self._publish(batch, jid, list(step.minions))

    async def _publish(self, batch: Batch, jid: str, minions: list[str]) -> None:
        record = self._record
        # Before it goes out: a return may be here before the publisher's answer.
        batch.began(minions, now=trio.current_time())
        try:
            published = await self._bus.ask(self._question(minions, record.fun, record.arg, jid=jid, job=True))
        except TrisaltError as exc:
            log.warning("batch.put_off", reason=str(exc))
            batch.unsent(minions)
            await trio.sleep(AGAIN_S)
            return
        log.debug("batch.sent", minions=minions)
        if gone := [id for id in minions if id not in published.minions]:
            await self._lose(batch, gone, NOT_CONNECTED)

    async def _ask(self, step: Ask) -> None:
        """Ask who is late whether they are at work. When it cannot be asked, the answer is missed, and that is all."""
        for jid in {self._jid_of[id] for id in step.minions}:
            asked = [id for id in step.minions if self._jid_of[id] == jid]
            poll = self._desk.new_jid()
            self._polls = [*self._polls[-7:], poll]
            try:
                await self._bus.ask(self._question(asked, FIND_JOB, [jid], jid=poll))
            except TrisaltError as exc:
                log.warning("batch.put_off", reason=str(exc))

    async def _lose(self, batch: Batch, minions: Iterable[str], reason: str | None) -> None:
        lost = {
            id: reason or NO_RESPONSE.format(jid=self._jid_of.get(id, self._record.jid))
            for id in minions
            if id not in batch.done
        }
        batch.lose(lost)
        self._record.lost |= lost
        await self._keep_row(self._record.jid, [], lost)
        await self._bus.publish(BatchLost(batch=self._record.jid, lost=lost))

    async def _end(self, batch: Batch, step: End) -> None:
        record, now = self._record, self._desk.clock()
        record.ended = record.last_progress = now
        record.halted, record.done = step.halted, dict(batch.done)
        record.active, record.pending = sorted(batch.active), list(batch.pending)
        missing = {**dict.fromkeys(record.down, NOT_CONNECTED), **record.lost, **dict.fromkeys(batch.pending, NOT_RUN)}
        # The record last: until it says that it is over, the next master ends it again.
        for jid in record.jids or [record.jid]:
            await self._persist(partial(self._desk.store.jobs.mark_settled, jid, missing))
        await self._keep_record()
        await self._persist(partial(self._desk.store.banks.flush, self._rows))
        about, state = self._about(), self._state(batch)
        failed = len(record.lost) + sum(map(bool, record.done.values()))
        ended: BatchComplete | BatchHalted
        if step.halted is None:
            ended = BatchComplete(
                **about,
                completed=len(record.done),
                failed=failed,
                total_minions=len(record.minions or ()),
                duration=now - record.created,
                state=state,
            )
        else:
            if step.halted == FAILHARD:
                log.error("batch.failhard")
            ended = BatchHalted(
                **about,
                reason=step.halted,
                completed=len(record.done),
                failed=failed,
                abandoned_active=record.active,
                abandoned_pending=record.pending,
                state=state,
            )
        await self._bus.publish_all([ended, JobSettled(jid=record.jid, missing=missing)])
        log.info("batch.ended", completed=len(record.done), failed=failed, halted=step.halted)

    # -- telling and keeping ------------------------------------------------------------------------------------

    async def _tell_progress(self, batch: Batch) -> None:
        now = (len(batch.done), len(batch.lost), len(batch.active))
        if now == self._told:
            return
        self._told = now
        self._record.last_progress = self._desk.clock()
        await self._bus.publish(
            BatchProgress(
                **self._about(),
                total=len(self._record.minions or ()),
                completed=len(batch.done),
                active=len(batch.active),
                pending=len(batch.pending),
                failed=len(batch.lost) + sum(map(bool, batch.done.values())),
                last_progress=self._record.last_progress,
            )
        )

    def _about(self) -> dict[str, Any]:
        return {name: getattr(self._record, name) for name in ("jid", "fun", "tgt", "tgt_type", "user")}

    def _state(self, batch: Batch | None) -> dict[str, Any]:
        """What events tell of it: what the minions returned is told by the returns themselves."""
        record = self._record
        minions = record.minions or []
        return {
            "all_minions": minions,
            "pending": list(batch.pending) if batch else minions,
            "active": sorted(batch.active) if batch else [],
            "done": {
                id: {"retcode": code, "jid": self._jid_of.get(id, record.jid)} for id, code in record.done.items()
            },
            "failed": sorted(record.lost),
            "batch_size": size_of(record.size, len(minions)),
            "failhard": record.failhard,
            "batch_wait": record.wait,
            "timeout": record.timeout,
            "gather_job_timeout": record.gather_job_timeout,
            "halted": record.halted is not None,
            "halted_reason": record.halted,
            "created": record.created,
            "last_progress": record.last_progress,
        }

    def _question(
        self,
        minions: list[str],
        fun: Any,
        arg: list[Any],
        *,
        jid: str = "",
        watch: bool = False,
        job: bool = False,
    ) -> PublishRequest:
        """A publication to some of the minions; `job`: the batch's own."""
        record = self._record
        kwargs = {name: value for name, value in record.kwargs.items() if name != "delimiter"} if job else {}
        return PublishRequest(
            tgt=minions,
            tgt_type="list",
            fun=fun,
            arg=arg,
            user=record.user,
            jid=jid,
            ret=record.ret if job else "",
            kwargs=kwargs,
            watch=watch,
            timeout=record.timeout,
            gather_job_timeout=record.gather_job_timeout,
            # The gate was asked for the whole.
            caller=MASTER,
        )

    def _jid(self) -> str:
        """The job id for what is sent now: one serves for hours, and the first is the batch's own."""
        record = self._record
        if not record.jids:
            record.jids.append(record.jid)
        elif self._desk.clock() - jids.to_datetime(record.jids[-1]).timestamp() > JID_S:
            record.jids.append(self._desk.new_jid())
        return record.jids[-1]

    async def _keep_row(self, jid: str, minions: list[str], lost: dict[str, str]) -> None:
        """What has come back until now, what is given up, and to whom it is sent now."""
        done, self._unkept = self._unkept, {}
        row = {"jid": jid, "minions": minions, "lost": lost, "done": done}
        self._sent += 1
        number = f"{self._sent:08}"
        await self._persist(partial(self._desk.store.banks.store, self._rows, number, row))

    async def _keep_record(self) -> None:
        data = self._record.to_data()
        await self._persist(partial(self._desk.store.banks.store, BANK, self._record.jid, data))

    async def _persist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, again and again if need be: a batch does not go on before it is kept how far it is."""
        wait = AGAIN_S
        while True:
            try:
                await write()
                return
            except StoreError as exc:
                log.warning("batch.put_off", reason=str(exc))
            await trio.sleep(wait)
            wait = min(2 * wait, 60.0)


def retcode_of(retcode: Any) -> int:
    """The worst retcode of a return: a job of several functions has one for each. What is no number is a failure."""
    codes = list(retcode.values()) if isinstance(retcode, dict) else retcode if isinstance(retcode, list) else [retcode]
    return max((code if isinstance(code, int) else 1 for code in codes if code), default=0)
