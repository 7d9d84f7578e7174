"""One batch under way: gathered, sent, heard, given up, ended. What `master/batch` says is done here, and kept.

The order is what makes it safe to be killed: into the store, then told, then out. `master/batches` runs these.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Self

import attrs
import structlog
import trio

from trisalt.bus.answers import BatchView, Published
from trisalt.bus.bus import Bus
from trisalt.bus.caller import MASTER
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
from trisalt.bus.requests import LineUpRequest, PublishRequest
from trisalt.bus.subscription import Subscription
from trisalt.errors import Denied, StoreError, TrisaltError
from trisalt.master.batch import FAILHARD, Ask, Batch, End, Lose, Send, retcode_of, size_of
from trisalt.master.following import open_following
from trisalt.master.gather import FIND_JOB
from trisalt.master.reasons import NO_RESPONSE, NOT_CONNECTED
from trisalt.master.watches import queued_reason
from trisalt.store.store import Store
from trisalt.wire import jid as jids

log = structlog.get_logger()

BANK = "batches"
"""Where batches are kept: a record under each job id; in the bank `batches/<jid>` a row for each time it sent."""

PING = "test.ping"
NOT_RUN = "The batch ended before its turn came. No job was sent."
NOT_ALLOWED = "Authorization error occurred."

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
    until: float | None = None
    """Who is away is waited for until then."""
    waiting: dict[str, float] = attrs.field(factory=dict)

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
            waiting=self.waiting,
        )


class BatchRun:
    """One batch under way. `clock` is wall time, `new_jid` gives job ids that nobody has."""

    def __init__(
        self, bus: Bus, store: Store, record: Record, *, clock: Callable[[], float], new_jid: Callable[[], str]
    ) -> None:
        self._bus = bus
        self._store = store
        self._clock = clock
        self._new_jid = new_jid
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
        """From wherever it is to its end. `resumed`: another master, or another's command, had begun it."""
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
        await self._line_up(None)
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
            patient=record.until is not None,
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
                async with open_following(self._bus, self._store.jobs) as following:
                    published: Published = await self._bus.ask(self._question(missing, PING, [], watch=True))
                    if published.jid is not None:
                        following.begin(published.jid)
                        async for returns in following:
                            there.update(body["id"] for body in returns)
            except TrisaltError as exc:
                log.warning("batch.put_off", reason=str(exc))
                until = max(until, trio.current_time() + 2 * AGAIN_S)
            missing = [id for id in missing if id not in there]
            if not missing or trio.current_time() + AGAIN_S >= until:
                break
            await trio.sleep(AGAIN_S)
        return there

    async def _restore(self, batch: Batch) -> None:
        """Where it was: what was sent, and what came back since."""
        record, store = self._record, self._store
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
        except Denied:
            # The gate let the whole pass; what is forbidden to everybody since then stays so.
            await self._lose(batch, minions, NOT_ALLOWED)
            return
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
            poll = self._new_jid()
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

    async def _line_up(self, batch: Batch | None, *, halted: bool = False) -> None:
        """Who is away waits: `held` while the batch is under way (no `batch` yet), and then, who was lost on it, too.

        Before it is kept that the batch is over: until then the next master does it again, and what is there stays.
        """
        record = self._record
        if record.until is None:
            return
        places: dict[str, dict[str, bool]] = {record.jid: dict.fromkeys(record.down, False)}
        if batch is not None and not halted:
            for id in batch.lost:
                if record.lost.get(id) != NOT_ALLOWED:
                    places.setdefault(self._jid_of.get(id, record.jid), {})[id] = id in self._jid_of
        if not any(places.values()):
            return
        request = LineUpRequest(
            batch=record.jid,
            places=places,
            until=record.until,
            size=size_of(record.size, len(record.named)),
            wait=record.wait,
            failhard=record.failhard,
            held=batch is None,
            halted=halted,
        )

        async def write() -> None:
            waiting = await self._bus.ask(request)
            record.waiting = {} if batch is None or halted else waiting

        await self._persist(write)

    async def _end(self, batch: Batch, step: End) -> None:
        await self._line_up(batch, halted=step.halted is not None)
        record, now = self._record, self._clock()
        record.ended = record.last_progress = now
        record.halted, record.done = step.halted, dict(batch.done)
        record.active, record.pending = sorted(batch.active), list(batch.pending)
        missing = {**dict.fromkeys(record.down, NOT_CONNECTED), **record.lost, **dict.fromkeys(batch.pending, NOT_RUN)}
        missing |= {id: queued_reason(until) for id, until in record.waiting.items()}
        # The record last: until it says that it is over, the next master ends it again.
        for jid in record.jids or [record.jid]:
            await self._persist(partial(self._store.jobs.mark_settled, jid, missing))
        await self._keep_record()
        await self._persist(partial(self._store.banks.flush, self._rows))
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
        await self._bus.publish_all(
            [ended, JobSettled(jid=record.jid, missing=missing, waiting=record.waiting or None)]
        )
        facts = {"jid": record.jid, "completed": len(record.done), "failed": failed}
        if step.halted is None:
            log.info("batch.ended", **facts)
        else:
            log.info("batch.halted", **facts, reason=step.halted)

    # -- telling and keeping ------------------------------------------------------------------------------------

    async def _tell_progress(self, batch: Batch) -> None:
        now = (len(batch.done), len(batch.lost), len(batch.active))
        if now == self._told:
            return
        self._told = now
        self._record.last_progress = self._clock()
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
            durable=job and record.until is not None,
            # The gate was asked for the whole.
            caller=MASTER,
        )

    def _jid(self) -> str:
        """The job id for what is sent now: one serves for hours, and the first is the batch's own."""
        record = self._record
        if not record.jids:
            record.jids.append(record.jid)
        elif self._clock() - jids.to_datetime(record.jids[-1]).timestamp() > JID_S:
            record.jids.append(self._new_jid())
        return record.jids[-1]

    async def _keep_row(self, jid: str, minions: list[str], lost: dict[str, str]) -> None:
        """What has come back until now, what is given up, and to whom it is sent now."""
        done, self._unkept = self._unkept, {}
        row = {"jid": jid, "minions": minions, "lost": lost, "done": done}
        self._sent += 1
        number = f"{self._sent:08}"
        await self._persist(partial(self._store.banks.store, self._rows, number, row))

    async def _keep_record(self) -> None:
        data = self._record.to_data()
        await self._persist(partial(self._store.banks.store, BANK, self._record.jid, data))

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
