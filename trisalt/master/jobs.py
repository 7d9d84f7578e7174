"""Returns come in: stored first, told second, acknowledged last. One watch per job for all who wait.

Many returns share one transaction: while one is synced, the next ones gather. A watch is a task that feeds
`gather.Gather`: it publishes find_job, hears the answers, and says `JobSettled` when nobody is to be waited for any
longer. `master/publisher` has recorded the job before it goes out; `master/local_door` and who else waits hear of
returns on the bus.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.events import Event, JobNew, JobReturned, JobSettled
from trisalt.bus.requests import Published, PublishRequest, ReturnRequest, SyndicReturnRequest, WatchRequest
from trisalt.errors import StoreError, TrisaltError
from trisalt.master.failures import failed_states
from trisalt.master.gather import Ask, Done, Gather
from trisalt.store.store import NewReturn, Recorded, Store
from trisalt.wire.jid import make

log = structlog.get_logger()

FIND_JOB = "saltutil.find_job"

NO_RESPONSE = (
    "Minion did not return. [No response]\n"
    "The minions may not have all finished running and any remaining minions will return upon completion. "
    "To look up the return data for this job later, run the following command:\n\n"
    "salt-run jobs.lookup_jid {jid}"
)
NOT_CONNECTED = "Minion did not return. [Not connected]"

WAITING = 1024
"""How many returns may wait for the store before the claim takes no more: the pressure goes to the network's edge."""

REMEMBERED = 512
"""How many find_job publications are remembered: their answers are told, and not kept (`store.jobs.NOT_RECORDED`)."""

POLLS_HEARD = 4
"""Of how many find_job publications of one watch the answers are heard: a job may run for days."""

_JID = re.compile(r"[0-9]{20}(_[A-Za-z0-9-]{1,32})?")
"""Narrower than what is taken for a jid elsewhere: this one comes from a minion, and goes into tags."""

OPTIONAL_FIELDS: dict[str, type] = {
    "user": str,
    "out": str,
    "metadata": dict,
    "master_id": str,
    "schedule": str,
    "pid": int,
    "arg": list,
    "tgt_type": str,
    "ts": int,
}
"""What else a return may say, and what it must be to be told; `tgt` may be anything."""


async def keep_jobs(
    bus: Bus,
    store: Store,
    *,
    timeout: float = 5.0,
    gather_job_timeout: float = 10.0,
    connected: Callable[[], frozenset[str] | None] | None = None,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep the returns of jobs and watch those that somebody waits for, until cancelled.

    Claims ReturnRequest, SyndicReturnRequest (refused) and WatchRequest, and follows JobNew. `timeout` and
    `gather_job_timeout` are the configured ones, for those who ask for none of their own; `connected` gives the ids
    that are connected now, or None while nobody knows; `clock` is wall time.
    """
    keeper = _Keeper(bus, store, timeout, gather_job_timeout, connected, clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(keeper.take_returns)
        nursery.start_soon(keeper.keep_returns)
        await nursery.start(keeper.follow_new, nursery)
        await nursery.start(keeper.answer_watches, nursery)
        task_status.started()


@attrs.define(eq=False)
class _Watch:
    """One job that somebody waits for. `unreachable` were named, and have no key."""

    jid: str
    user: str
    gather: Gather
    unreachable: list[str]
    changed: trio.Event = attrs.field(factory=trio.Event)
    polls: list[str] = attrs.field(factory=list)

    def returned(self, id: str) -> None:
        self.gather.returned(id)
        if not self.gather.pending:
            self.changed.set()

    def answered(self, event: JobReturned) -> None:
        """What a minion says to find_job: what it runs, or nothing. An error is no sign of life of the job."""
        running = isinstance(event.result, dict) and bool(event.result) and not event.retcode
        self.gather.answered(event.id, running=running, now=trio.current_time())
        self.changed.set()


@attrs.define(eq=False)
class _Kept:
    """A return on its way through the keeper."""

    request: ReturnRequest
    reply: Reply
    jid: str
    recorded: Recorded = Recorded.NEW


class _Keeper:
    def __init__(
        self,
        bus: Bus,
        store: Store,
        timeout: float,
        gather_job_timeout: float,
        connected: Callable[[], frozenset[str] | None] | None,
        clock: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._store = store
        self._timeout = timeout
        self._gather_job_timeout = gather_job_timeout
        self._connected = connected
        self._clock = clock
        self._waiting: list[tuple[ReturnRequest, Reply]] = []
        self._wanted = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()
        self._last_jid: str | None = None
        self._watches: dict[str, _Watch] = {}
        self._polls: dict[str, _Watch] = {}
        self._unrecorded: OrderedDict[str, dict[str, JobReturned]] = OrderedDict()

    # -- returns ----------------------------------------------------------------------------------------------

    async def take_returns(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take returns as they come, until WAITING of them wait."""
        async with self._bus.claim(ReturnRequest, SyndicReturnRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                self._take(request, reply)
                # All that wait to be taken: a wake of this task costs more than a return.
                with suppress(trio.WouldBlock):
                    while len(self._waiting) < WAITING:
                        self._take(*requests.receive_nowait())
                self._wanted.unpark()
                while len(self._waiting) >= WAITING:
                    await self._room.park()

    def _take(self, request: ReturnRequest | SyndicReturnRequest, reply: Reply) -> None:
        if isinstance(request, SyndicReturnRequest):
            log.warning("return.refused", id=request.id, reason="no syndic is configured")
            reply.send(None)
        else:
            self._waiting.append((request, reply))

    async def keep_returns(self) -> None:
        """Store, tell and acknowledge, all that wait at once."""
        while True:
            while not self._waiting:
                await self._wanted.park()
            batch, self._waiting = self._waiting, []
            self._room.unpark_all()
            kept = [one for request, reply in batch if (one := self._accept(request, reply)) is not None]
            stored = await self._record(kept)
            await self._tell(stored)
            for one in stored:
                one.reply.send(None)

    def _accept(self, request: ReturnRequest, reply: Reply) -> _Kept | None:
        """A return with the jid it is kept under; a refused one is answered here, so that nobody sends it again."""
        jid = request.jid
        if "resource_id" in request.load:
            reason = "it speaks for another id"
        elif jid == "req":
            jid = self._last_jid = make(self._clock(), last=self._last_jid)
            return _Kept(request, reply, jid)
        elif _JID.fullmatch(jid) or jid == "nocache":
            return _Kept(request, reply, jid)
        else:
            reason = "invalid jid"
        log.warning("return.refused", id=request.id, reason=reason)
        reply.send(None)
        return None

    async def _record(self, kept: list[_Kept]) -> list[_Kept]:
        """Make returns durable; those that could not be stored are failed, and left out."""
        new = []
        for one in kept:
            if one.request.fun == FIND_JOB:
                one.recorded = Recorded.REPEAT if one.request.id in self._answers(one.jid) else Recorded.NEW
            elif one.jid != "nocache":
                new.append(one)
        if not new:
            return kept
        try:
            results = await self._store.jobs.record_returns([_new_return(one) for one in new])
        except StoreError as exc:
            for one in new:
                one.reply.fail(StoreError(str(exc)))
            lost = set(new)
            return [one for one in kept if one not in lost]
        for one, recorded in zip(new, results, strict=True):
            one.recorded = recorded
        return kept

    async def _tell(self, stored: list[_Kept]) -> None:
        told: list[JobReturned] = []
        events: list[Event] = []
        for one in stored:
            event = _returned(one)
            log.info("job.returned", id=event.id, jid=event.jid)
            if one.recorded is Recorded.DIFFERENT:
                log.warning("job.duplicate_return", id=event.id, jid=event.jid)
            elif one.recorded is Recorded.REPEAT:
                log.debug("job.return_repeated", id=event.id, jid=event.jid)
            told.append(event)
            events.append(event)
            if event.first and event.retcode:
                events.extend(failed_states(event))
        if events:
            await self._bus.publish_all(events)
        # Watches last: nobody hears that a job is settled before its last return has been told.
        for event in told:
            self._notice(event)

    def _notice(self, event: JobReturned) -> None:
        if event.fun == FIND_JOB:
            self._answers(event.jid).setdefault(event.id, event)
            if poll := self._polls.get(event.jid):
                poll.answered(event)
        if watch := self._watches.get(event.jid):
            watch.returned(event.id)

    def _answers(self, jid: str) -> dict[str, JobReturned]:
        """Who has answered a find_job: it may come before the watch that published it knows its jid."""
        answers = self._unrecorded.get(jid)
        if answers is None:
            answers = self._unrecorded[jid] = {}
            if len(self._unrecorded) > REMEMBERED:
                self._unrecorded.popitem(last=False)
        return answers

    # -- watches ----------------------------------------------------------------------------------------------

    async def follow_new(
        self, nursery: trio.Nursery, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Start a watch in `nursery` for each new job that somebody waits for."""
        # Nobody is missed: a keeper. Jobs come one at a time, and starting a task takes no time.
        async with self._bus.subscribe(JobNew, keep=True, depth=64) as new:
            task_status.started()
            async for event in new:
                if isinstance(event, JobNew) and event.watch:
                    watch = self._begin(
                        event.jid,
                        event.user,
                        event.minions,
                        event.missing,
                        timeout=event.timeout,
                        gather_job_timeout=event.gather_job_timeout,
                    )
                    nursery.start_soon(self._run, watch)

    async def answer_watches(
        self, nursery: trio.Nursery, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Watch jobs that are out already, in `nursery`, for those who come later."""
        async with self._bus.claim(WatchRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                if watch := self._watches.get(request.jid):
                    self._extend(watch, request)
                    reply.send(sorted(watch.gather.minions))
                else:
                    nursery.start_soon(self._follow_up, request, reply)

    async def _follow_up(self, request: WatchRequest, reply: Reply) -> None:
        try:
            entry = await self._store.jobs.entry(request.jid)
        except StoreError as exc:
            reply.fail(exc)
            return
        if entry is None:
            reply.send(None)
            return
        if watch := self._watches.get(request.jid):
            self._extend(watch, request)
            reply.send(sorted(watch.gather.minions))
            return
        user = entry.load.get("user")
        watch = self._begin(
            request.jid,
            user if isinstance(user, str) else "",
            entry.minions,
            [],
            timeout=request.timeout,
            gather_job_timeout=request.gather_job_timeout,
        )
        reply.send(sorted(entry.minions))
        await self._run(watch)

    def _begin(
        self,
        jid: str,
        user: str,
        minions: Iterable[str],
        unreachable: list[str],
        *,
        timeout: float | None,
        gather_job_timeout: float | None,
    ) -> _Watch:
        gather = Gather.begin(
            minions,
            now=trio.current_time(),
            timeout=self._timeout if timeout is None else timeout,
            gather_job_timeout=self._gather_job_timeout if gather_job_timeout is None else gather_job_timeout,
        )
        watch = self._watches[jid] = _Watch(jid, user, gather, unreachable)
        return watch

    def _extend(self, watch: _Watch, request: WatchRequest) -> None:
        watch.gather.extend(
            now=trio.current_time(),
            timeout=self._timeout if request.timeout is None else request.timeout,
            gather_job_timeout=(
                self._gather_job_timeout if request.gather_job_timeout is None else request.gather_job_timeout
            ),
        )
        watch.changed.set()

    async def _run(self, watch: _Watch) -> None:
        """One watch, from the publication to `JobSettled`."""
        try:
            missing = await self._gather(watch)
        finally:
            if self._watches.get(watch.jid) is watch:
                del self._watches[watch.jid]
            for jid in watch.polls:
                self._polls.pop(jid, None)
        gone = self._gone(missing)
        reasons = {
            id: NOT_CONNECTED if id in gone else NO_RESPONSE.format(jid=watch.jid)
            for id in sorted({*missing, *watch.unreachable})
        }
        try:
            await self._store.jobs.mark_settled(watch.jid, reasons)
        except StoreError as exc:
            log.warning("job.settling_not_recorded", jid=watch.jid, reason=str(exc))
        await self._bus.publish(JobSettled(jid=watch.jid, missing=reasons))
        log.debug("job.settled", jid=watch.jid, missing=len(reasons))

    async def _gather(self, watch: _Watch) -> frozenset[str]:
        # The watch is known by now, so whoever is not in the store yet will be noticed.
        try:
            for id in await self._store.jobs.returned(watch.jid):
                watch.gather.returned(id)
        except StoreError as exc:
            log.warning("job.returns_not_read", jid=watch.jid, reason=str(exc))
        while True:
            watch.changed = trio.Event()
            gone = self._gone(watch.gather.pending)
            match watch.gather.step(trio.current_time(), gone=gone):
                case Done(missing=missing):
                    return missing
                case Ask(minions=minions):
                    await self._ask(watch, minions)
                case None:
                    with trio.move_on_at(watch.gather.wake):
                        await watch.changed.wait()

    async def _ask(self, watch: _Watch, minions: frozenset[str]) -> None:
        """Publish find_job. When it reaches nobody, nobody will answer."""
        request = PublishRequest(
            tgt=sorted(minions), tgt_type="list", fun=FIND_JOB, arg=[watch.jid], user=watch.user, watch=False
        )
        published: Published | None = None
        try:
            with trio.move_on_after(watch.gather.gather_job_timeout):
                published = await self._bus.ask(request)
        except TrisaltError as exc:
            log.warning("job.find_job_not_published", jid=watch.jid, reason=str(exc))
        if published is None:
            return
        if published.jid is None:
            watch.gather.unreachable(now=trio.current_time())
            return
        watch.polls.append(published.jid)
        self._polls[published.jid] = watch
        while len(watch.polls) > POLLS_HEARD:
            self._polls.pop(watch.polls.pop(0), None)
        for event in list(self._answers(published.jid).values()):
            watch.answered(event)

    def _gone(self, ids: Set[str]) -> frozenset[str]:
        """Which of `ids` are known not to be connected. When nobody is, presence itself is what is missing."""
        connected = None if self._connected is None else self._connected()
        return frozenset(ids - connected) if connected else frozenset()


def _new_return(one: _Kept) -> NewReturn:
    request = one.request
    body = {"return": request.result, "retcode": request.retcode, "success": request.success}
    if isinstance(out := request.load.get("out"), str):
        body["out"] = out
    return NewReturn(jid=one.jid, id=request.id, body=body, load=_load(one))


def _load(one: _Kept) -> dict[str, Any]:
    """What a return says of its job, for one that the master did not publish: scheduled, or called on the minion."""
    request = one.request
    load = {
        "jid": one.jid,
        "fun": request.fun,
        "arg": request.load.get("arg", request.fun_args),
        "tgt": request.id,
        "tgt_type": "glob",
        "ret": "",
        "id": request.id,
    }
    for key in ("user", "metadata", "schedule"):
        if isinstance(value := request.load.get(key), OPTIONAL_FIELDS[key]):
            load[key] = value
    return load


def _returned(one: _Kept) -> JobReturned:
    request = one.request
    further = {
        key: value
        for key, value in request.load.items()
        if key == "tgt" or (key in OPTIONAL_FIELDS and isinstance(value, OPTIONAL_FIELDS[key]))
    }
    return JobReturned(
        id=request.id,
        jid=one.jid,
        fun=request.fun,
        fun_args=request.fun_args,
        result=request.result,
        retcode=request.retcode,
        success=request.success,
        first=one.recorded is Recorded.NEW,
        **further,
    )
