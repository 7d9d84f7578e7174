"""Jobs that wait for minions that are away live here: in the store, and sent as soon as presence says that one is back.

`master/publisher` records them with their job and sends them at first to everybody; `master/queue` says what comes
next, and here it is done: noted first, sent second, so that a master that is killed knows what may have gone out. What
may have is asked for before it is sent again (`saltutil.find_job`), under the job's own jid.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.answers import Presence, Published
from trisalt.bus.bus import Bus
from trisalt.bus.caller import MASTER
from trisalt.bus.event import Event
from trisalt.bus.events import JobDropped, JobNew, JobReturned, KeyChanged, MinionAbsent, MinionEvent, MinionPresent
from trisalt.bus.requests import (
    CancelRequest,
    LineUpRequest,
    PresenceRequest,
    PublishRequest,
    ReturnRequest,
    ReturnsRequest,
    SendRequest,
)
from trisalt.errors import StoreError, TrisaltError
from trisalt.master.batch import retcode_of
from trisalt.master.gather import FIND_JOB
from trisalt.master.queue import Ask, Drop, Queue, Send, Why
from trisalt.store.queue import RETURNED
from trisalt.store.store import Pace, Store

log = structlog.get_logger()

KILLS = ("saltutil.kill_job", "saltutil.term_job")
"""Whoever ends a job ends its waiting too."""
GONE = frozenset({"delete", "rejected"})
AGAIN_S = 5.0
"""How long a store that refuses is left alone."""
FIND_CACHED_JOB = "saltutil.find_cached_job"
STARTED = "salt/minion/{id}/start"

REASONS = {
    Why.EXPIRED: "Minion did not return. [Expired] It was not back in time: the job waited for it until {until}.",
    Why.UNTAKEN: (
        "Minion did not return. [Not taken] It was sent the job, and does not run it: perhaps the target does not name "
        "it any more."
    ),
    Why.UNKNOWN: (
        "Minion did not return. [Unknown] It was sent the job before it went, and remembers nothing of it: it may have "
        "run it. It is not sent again."
    ),
    Why.HALTED: "Minion did not return. [Not run] The batch ended before its turn came. No job was sent.",
    Why.CANCELLED: "Minion did not return. [Cancelled] The job was cancelled while it waited for it.",
    Why.KEY_GONE: "Minion did not return. [Key gone] Its key went while the job waited for it.",
}


def written(seconds: float) -> str:
    """A time as operators read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


async def run_queue(
    bus: Bus,
    store: Store,
    queue: Queue,
    *,
    timeout: float = 5.0,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Send what waits to whoever comes, until cancelled; what an earlier master left waiting too.

    Answers CancelRequest and LineUpRequest. `queue` is empty, and from now on ours; others may look into it. `timeout`
    is how long an answer to find_job is waited for; `clock` is wall time.
    """
    async with trio.open_nursery() as work:
        desk = _Desk(bus, store, queue, work, timeout, clock)
        heard = (JobNew, JobReturned, MinionPresent, MinionAbsent, MinionEvent, KeyChanged)
        with bus.listen(heard, desk.hear), bus.answering({CancelRequest: desk.cancel, LineUpRequest: desk.line_up}):
            await desk.restore()
            task_status.started()
            await desk.drive()


class _Desk:
    """What `work` runs are the steps of the queue; each is short, or waits for minions."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        queue: Queue,
        work: trio.Nursery,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._store = store
        self._queue = queue
        self._work = work
        self._timeout = timeout
        self._clock = clock
        self._changed = trio.Event()
        # What has returned, and is not noted yet.
        self._ended: dict[str, dict[str, str]] = {}

    async def restore(self) -> None:
        """Who is here, and what waits already. Nobody knows whether what had been sent has arrived."""
        known: dict[str, Presence] = await self._bus.ask(PresenceRequest())
        for id, presence in known.items():
            if presence.present:
                self._queue.here(id, now=trio.current_time())
        rows = await self._store.queue.waiting()
        for row in rows:
            now, sent = trio.current_time(), row.sent is not None
            self._queue.add(row.jid, row.id, until=row.until, now=now, sent=sent, before=True)
        for jid, pace in {row.jid: row.pace for row in rows if row.pace is not None}.items():
            self._queue.pace(jid, pace)
            if pace.failhard and await self._has_failed(jid):
                self._queue.halt(pace.batch)
        if rows:
            log.info("queue.restored", jobs=len(self._queue.jids()), waiting=len(rows))

    async def _has_failed(self, jid: str) -> bool:
        returns = await self._store.jobs.returns(jid)
        return any(retcode_of(body.get("retcode", 0)) for body in returns.values())

    # -- what happens -----------------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """Take note of new jobs and of returns, of minions that come and go, and of whoever ends a job."""
        match event:
            case JobReturned():
                if not self._queue:
                    # As mostly: nothing waits for anybody.
                    return
                failed = retcode_of(event.retcode) != 0
                if not self._queue.returned(event.jid, event.id, now=trio.current_time(), failed=failed):
                    return
                self._ended.setdefault(event.jid, {})[event.id] = RETURNED
            case JobNew(until=float() as until):
                now = trio.current_time()
                for id in event.minions:
                    self._queue.add(event.jid, id, until=until, now=now, sent=id not in event.absent)
            case JobNew():
                if event.fun in KILLS and (jid := _named(event.arg)):
                    self._cancelled(jid, event.minions, event.user)
                return
            case MinionPresent():
                self._queue.here(event.id, now=trio.current_time())
            case MinionEvent():
                if event.name != STARTED.format(id=event.id):
                    return
                self._queue.here(event.id, now=trio.current_time())
            case MinionAbsent():
                self._queue.away(event.id)
                return
            case KeyChanged():
                if event.act in GONE:
                    for jid in self._queue.forget(event.id):
                        self._work.start_soon(self._drop, jid, [event.id], Why.KEY_GONE)
                return
        self._changed.set()

    def _cancelled(self, jid: str, ids: list[str], user: str) -> None:
        if cancelled := self._queue.cancel(jid, set(ids)):
            self._work.start_soon(self._drop, jid, list(cancelled), Why.CANCELLED, user)

    async def cancel(self, request: CancelRequest) -> dict[str, bool]:
        """It is not to wait any longer."""
        cancelled = self._queue.cancel(request.jid, None if request.minions is None else set(request.minions))
        if cancelled:
            # In a task of ours, since whoever asked may go; who stays is not told before it is kept.
            kept = trio.Event()
            self._work.start_soon(self._drop, request.jid, list(cancelled), Why.CANCELLED, request.user, kept)
            await kept.wait()
        return cancelled

    async def line_up(self, request: LineUpRequest) -> dict[str, float]:
        """Jobs of a batch wait, for further minions too."""
        pace = Pace(**{field.name: getattr(request, field.name) for field in attrs.fields(Pace)})
        rows = await self._store.queue.put(request.places, until=request.until, pace=pace)
        now = trio.current_time()
        for row in rows:
            self._queue.add(row.jid, row.id, until=row.until, now=now, sent=row.sent is not None, before=True)
        for jid in {row.jid for row in rows}:
            self._queue.pace(jid, pace)
        if request.halted:
            self._queue.halt(request.batch)
        self._changed.set()
        return {row.id: row.until for row in rows}

    # -- what is done -----------------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Do what the queue says is due, as it becomes due."""
        while True:
            self._changed = trio.Event()
            if self._ended:
                ended, self._ended = self._ended, {}
                self._work.start_soon(self._note, ended)
            now, wall = trio.current_time(), self._clock()
            for action in self._queue.step(now, wall):
                match action:
                    case Send(jid=jid, minions=ids):
                        self._work.start_soon(self._send, jid, list(ids))
                    case Ask(jid=jid, minions=ids):
                        self._work.start_soon(self._ask, jid, list(ids))
                    case Drop(jid=jid, minions=ids, why=why):
                        self._work.start_soon(self._drop, jid, list(ids), why)
            with trio.move_on_at(self._queue.wake(now, wall)):
                await self._changed.wait()

    async def _note(self, ended: dict[str, dict[str, str]]) -> None:
        try:
            await self._store.queue.end(ended, reasons={})
        except StoreError as exc:
            # The returns are there: the next master sees that by itself.
            log.warning("queue.not_noted", reason=str(exc))

    async def _send(self, jid: str, ids: list[str]) -> None:
        """Noted first: from here on it may have gone out."""
        try:
            load = await self._store.jobs.load(jid)
            if load is None:
                raise StoreError(f"the job {jid} is not there any more")
            await self._store.queue.sent(jid, ids)
            log.debug("queue.sending", jid=jid, fun=load.get("fun"))
            await self._bus.ask(SendRequest(load=load, minions=ids))
        except TrisaltError as exc:
            log.warning("queue.not_sent", jid=jid, reason=str(exc))
            self._queue.put_back(jid, ids, now=trio.current_time())
            self._changed.set()
            return
        log.info("queue.sent", jid=jid, fun=load.get("fun"), minions=ids)

    async def _ask(self, jid: str, ids: list[str]) -> None:
        """Does it run there? Who says no is asked no further, unless it may have run before it was started anew."""
        answers = await self._answers(FIND_JOB, jid, ids)
        runs = {id: bool(answer.result) for id, answer in answers.items()}
        taken = {id: answer.taken for id, answer in answers.items()}
        again = await self._remember([id for id in answers if not runs[id] and taken[id] is None])
        idle = [id for id in answers if not runs[id] and taken[id] is None and id not in again]
        if unsure := [id for id in idle if self._queue.may_have_run(jid, id)]:
            await self._bring_home(jid, unsure)
        now = trio.current_time()
        for id in ids:
            self._queue.answered(jid, id, runs=runs.get(id), taken=taken.get(id), again=id in again, now=now)
        self._changed.set()

    async def _answers(self, fun: str, jid: str, ids: list[str]) -> dict[str, JobReturned]:
        """What these minions say of a job, as far as they say anything in time."""
        answers: dict[str, JobReturned] = {}
        wanted = PublishRequest(tgt=ids, tgt_type="list", fun=fun, arg=[jid], user=MASTER.name, caller=MASTER)
        with trio.move_on_after(self._timeout):
            # It may shed: what is missed of the answers is asked again.
            async with self._bus.subscribe(JobReturned, keep=False, depth=1024) as returns:
                try:
                    published: Published = await self._bus.ask(wanted)
                except TrisaltError as exc:
                    log.warning("job.find_job_not_published", jid=jid, reason=str(exc))
                    return answers
                while published.jid is not None and not answers.keys() >= set(published.minions):
                    for event in await returns.receive_all():
                        # One that refuses to answer has said nothing.
                        if isinstance(event, JobReturned) and event.jid == published.jid and not event.retcode:
                            answers[event.id] = event
        return answers

    async def _bring_home(self, jid: str, ids: list[str]) -> None:
        """What these keep of the job is its return: minions of stock Salt keep it with `cache_jobs`."""
        cached = await self._answers(FIND_CACHED_JOB, jid, ids)
        returns = [
            ReturnRequest(
                id=id,
                jid=jid,
                fun=kept.get("fun", ""),
                fun_args=list(kept.get("fun_args") or ()),
                result=kept["return"],
                retcode=kept.get("retcode", 0),
                success=kept.get("success", True),
            )
            for id, kept in ((id, answer.result) for id, answer in cached.items())
            if isinstance(kept, dict) and kept.get("jid") == jid and "return" in kept
        ]
        if returns:
            # Told as any other: so we hear of them too.
            await self._bus.ask(ReturnsRequest(returns=returns))

    async def _remember(self, ids: list[str]) -> set[str]:
        """Which of these remember over restarts what they have run: minions of our own, by what they say they are."""
        if not ids:
            return set()
        try:
            grains = await self._store.banks.fetch_all("grains", ids)
        except StoreError:
            return set()
        return {id for id, said in grains.items() if isinstance(said, Mapping) and "trisaltversion" in said}

    async def _drop(
        self, jid: str, ids: list[str], why: Why, user: str | None = None, kept: trio.Event | None = None
    ) -> None:
        """It waits no longer for these: kept, told, logged."""
        rows = {id: str(why) for id in ids}
        reason = REASONS[why].format(until=written(self._clock()))
        write = partial(self._store.queue.end, {jid: rows}, reasons={jid: dict.fromkeys(ids, reason)})
        while True:
            try:
                await write()
                break
            except StoreError as exc:
                log.warning("queue.not_noted", jid=jid, reason=str(exc))
                await trio.sleep(AGAIN_S)
        if kept is not None:
            kept.set()
        log.info("queue.dropped", jid=jid, minions=ids, why=str(why), **({"user": user} if user else {}))
        await self._bus.publish(JobDropped(jid=jid, minions=sorted(ids), why=str(why), reason=reason, user=user))


def _named(arg: list[Any]) -> str | None:
    """The jid that `saltutil.kill_job` was given, by place or by name."""
    for value in arg:
        if isinstance(value, dict) and value.get("__kwarg__") is True:
            if "jid" in value:
                return str(value["jid"])
        else:
            return str(value)
    return None
