"""One watch per job for all who wait: what feeds `gather.Gather` until nobody is to be waited for.

It publishes find_job, hears the answers, and says `JobSettled` with a reason for each minion that did not return, and
`JobWaits` as soon as there is one. Who is here, `master/presence` knows: those that are away are not waited for.
A watch whose minions all return in time needs no task of its own: `master/jobs`, which tells of returns, says in the
end that the job is settled. One that is late, or needs more to be said, gets one here.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import TypeVar

import attrs
import structlog
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.caller import MASTER
from trisalt.bus.events import JobNew, JobReturned, JobSettled, JobWaits, MinionAbsent, MinionPresent
from trisalt.bus.requests import PublishRequest, WatchRequest
from trisalt.errors import StoreError, TrisaltError
from trisalt.master.attendance import Attendance
from trisalt.master.gather import FIND_JOB, Ask, Done, Gather
from trisalt.master.reasons import Facts, Found, explained, headline, reason
from trisalt.master.roster import Cause
from trisalt.store.listed import unknown
from trisalt.store.store import Jobs

log = structlog.get_logger()

T = TypeVar("T")

QUEUED = "Queued: will run when it is back, until {until}"

REMEMBERED = 512
"""How many find_job publications are remembered: their answers are told, and not kept (`store.jobs.NOT_RECORDED`)."""

POLLS_HEARD = 4
"""Of how many find_job publications of one watch the answers are heard: a job may run for days."""

WRITTEN_AGAIN_AFTER = 30.0
"""Seconds until the end of a job is written once more that the store did not take."""


@attrs.define(eq=False)
class _Watch:
    """One job that somebody waits for. `unreachable` were named, and have no key."""

    jid: str
    user: str
    gather: Gather
    unreachable: list[str]
    changed: trio.Event | None = None
    """What wakes its task; None while it has none."""
    recorded: bool = False
    """The store knows that nobody is missing: it was told with the last return."""
    told: bool = False
    """So does the bus."""
    extended: bool = False
    """Somebody else has begun to wait, perhaps after the bus was told."""
    polls: list[str] = attrs.field(factory=list)
    sent: float = 0.0
    """When the job went out, and when its minions were asked for it last; wall seconds."""
    asked: float | None = None
    found: dict[str, Found] = attrs.field(factory=dict)
    """What minions said when they were asked for it."""
    news: set[str] = attrs.field(factory=set)
    """Of whom there is something to tell."""

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do: all have returned, and the store and the bus know it."""
        return self.recorded and self.told and not self.gather.pending

    def answered(self, event: JobReturned) -> None:
        """What a minion says to find_job: what it runs, or nothing. An error is no sign of life of the job."""
        known = isinstance(event.result, dict) and not event.retcode
        self.gather.answered(event.id, running=known and bool(event.result), now=trio.current_time())
        if known and not event.result and event.taken is False:
            self.gather.never_received(event.id)
        if known and event.id in self.gather.pending:
            self.found[event.id] = Found(at=event.stamp, running=event.result, taken=event.taken)
            self.news.add(event.id)
        self.wake()

    def wake(self) -> None:
        if self.changed is not None:
            self.changed.set()


def _still(watch: _Watch, of: Mapping[str, T]) -> dict[str, T]:
    """What is said of those that have not returned until now."""
    gather = watch.gather
    return {id: said for id, said in of.items() if id in gather.pending or id not in gather.minions}


class Watches:
    """The jobs that somebody waits for. `timeout` and `gather_job_timeout` are for those who ask for none.

    `waiting` says for whom a job itself waits, and until when; `clock` is wall time.
    """

    def __init__(
        self,
        bus: Bus,
        jobs: Jobs,
        timeout: float,
        gather_job_timeout: float,
        attendance: Attendance,
        waiting: Callable[[str], Mapping[str, float]] | None,
        clock: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._jobs = jobs
        self._timeout = timeout
        self._gather_job_timeout = gather_job_timeout
        self._attendance = attendance
        self._clock = clock
        self._queued = waiting
        self._watches: dict[str, _Watch] = {}
        self._polls: dict[str, _Watch] = {}
        # Whose end is being written and told: nobody joins these any more.
        self._ending: set[_Watch] = set()
        self._unrecorded: OrderedDict[str, dict[str, JobReturned]] = OrderedDict()
        self._tasks: trio.Nursery
        # Until the first of the watches without a task is late.
        self._patience = trio.CancelScope()

    @property
    def watched(self) -> int:
        """How many jobs are watched now."""
        return len(self._watches)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch new jobs that somebody waits for, and those that are out already for who comes later, for ever."""
        async with trio.open_nursery() as self._tasks:
            # Known here before its publication goes out: no return can be missed.
            with (
                self._bus.listen(JobNew, self._follow),
                self._bus.listen((MinionPresent, MinionAbsent), self._moved),
                self._bus.answering({WatchRequest: self._watch}),
            ):
                task_status.started()
                while True:
                    with trio.CancelScope(deadline=self._first()) as self._patience:
                        await trio.sleep_forever()
                    for watch in self._waiting():
                        if watch.gather.wake <= trio.current_time():
                            self._attend(watch, self._run)

    def has_answered(self, jid: str, id: str) -> bool:
        """Whether a minion has answered this find_job before."""
        return id in self._answers(jid)

    def settled_by(self, returns: Mapping[str, Set[str]]) -> list[str]:
        """The jids whose last outstanding minions are among these, `{jid: ids}`: the store is told with the returns."""
        return [
            jid
            for jid, ids in returns.items()
            if (watch := self._watches.get(jid)) and not watch.unreachable and 0 < len(watch.gather.pending) <= len(ids)
            if watch.gather.pending <= ids
        ]

    def recorded(self, ends: Mapping[str, JobSettled], returns: Mapping[str, Set[str]]) -> list[JobSettled]:
        """The ends of the jobs that `settled_by` gave for `returns` are in the store: which of them are to be told."""
        for jid in ends:
            if watch := self._watches.get(jid):
                watch.recorded, watch.extended = True, False
        # Asked again: somebody may have said since that it is at work.
        return [ends[jid] for jid in self.settled_by(returns) if jid in ends and self._watches[jid].recorded]

    def told(self, returns: Sequence[JobReturned], ends: Sequence[JobSettled]) -> None:
        """These have been told: to the watches of their jobs, and to those that asked find_job."""
        touched = {}
        for event in returns:
            if event.fun == FIND_JOB:
                self._answers(event.jid).setdefault(event.id, event)
                if poll := self._polls.get(event.jid):
                    poll.answered(event)
            if watch := self._watches.get(event.jid):
                watch.gather.returned(event.id)
                touched[event.jid] = watch
            for ending in self._ending:
                if ending.jid == event.jid:
                    ending.gather.returned(event.id)
        for end in ends:
            # Whoever began to wait meanwhile may have missed it: then the watch says it again.
            if (watch := touched.get(end.jid)) and not watch.extended and not watch.gather.pending:
                watch.told = True
                self._forget(watch)
        for watch in touched.values():
            if not watch.gather.hopeful:
                self._hasten(watch)

    def _answers(self, jid: str) -> dict[str, JobReturned]:
        """Who has answered a find_job: it may come before the watch that published it knows its jid."""
        answers = self._unrecorded.get(jid)
        if answers is None:
            answers = self._unrecorded[jid] = {}
            if len(self._unrecorded) > REMEMBERED:
                self._unrecorded.popitem(last=False)
        return answers

    def _hasten(self, watch: _Watch) -> None:
        """There is less to wait for than there was."""
        if watch.changed is not None:
            watch.changed.set()
        elif watch.gather.pending:
            self._patience.deadline = min(self._patience.deadline, watch.gather.wake)
        elif not watch.over:
            self._attend(watch, self._run)

    def _moved(self, event: MinionPresent | MinionAbsent) -> None:
        """A minion has come, or is away."""
        away = isinstance(event, MinionAbsent)
        stopped = isinstance(event, MinionAbsent) and event.why == Cause.LEFT.value
        for watch in self._watches.values():
            back_by = trio.current_time() + watch.gather.gather_job_timeout if stopped else 0.0
            if watch.gather.moved(event.id, away=away, back_by=back_by):
                watch.news.add(event.id)
                if watch.changed is None:
                    # Its reason is to be told.
                    self._attend(watch, self._run)
                watch.wake()

    def _follow(self, event: JobNew) -> None:
        if not event.watch:
            return
        watch = self._begin(
            event.jid,
            event.user,
            event.minions,
            event.missing,
            timeout=event.timeout,
            gather_job_timeout=event.gather_job_timeout,
        )
        if event.chosen:
            self._attend(watch, self._run_known)
        elif not watch.gather.pending or watch.news:
            self._attend(watch, self._run)
        elif watch.gather.wake < self._patience.deadline:
            self._patience.deadline = watch.gather.wake

    async def _watch(self, request: WatchRequest) -> list[str] | None:
        """Whom a job waits for, None for one that nobody knows; it is watched from now on."""
        watch = self._watches.get(request.jid)
        if watch is None:
            entry = await self._jobs.entry(request.jid)
            if entry is None:
                return None
            watch = self._watches.get(request.jid)
            if watch is None:
                user = entry.load.get("user")
                watch = self._begin(
                    request.jid,
                    user if isinstance(user, str) else "",
                    entry.minions,
                    unknown(entry.load, entry.minions),
                    timeout=request.timeout,
                    gather_job_timeout=request.gather_job_timeout,
                )
                watch.sent = entry.recorded
                self._attend(watch, self._run_known)
                return sorted(entry.minions)
        self._extend(watch, request)
        return sorted(watch.gather.minions)

    def _waiting(self) -> list[_Watch]:
        """The watches without a task."""
        return [watch for watch in self._watches.values() if watch.changed is None]

    def _first(self) -> float:
        """When the first of them is late."""
        return min((watch.gather.wake for watch in self._waiting()), default=math.inf)

    def _attend(self, watch: _Watch, work: Callable[[_Watch], Awaitable[None]]) -> None:
        """Give a watch a task."""
        watch.changed = trio.Event()
        self._tasks.start_soon(work, watch)

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
            away=self._attendance.gone,
        )
        watch = self._watches[jid] = _Watch(jid, user, gather, unreachable, sent=self._clock())
        watch.news.update(gather.away, unreachable)
        return watch

    def _extend(self, watch: _Watch, request: WatchRequest) -> None:
        watch.gather.extend(
            now=trio.current_time(),
            timeout=self._timeout if request.timeout is None else request.timeout,
            gather_job_timeout=(
                self._gather_job_timeout if request.gather_job_timeout is None else request.gather_job_timeout
            ),
        )
        watch.extended = True
        watch.wake()

    async def _run_known(self, watch: _Watch) -> None:
        """A watch of a job that may have returns already."""
        # The watch is known by now, so whoever is not in the store yet will be noticed.
        try:
            for id in await self._jobs.returned(watch.jid):
                watch.gather.returned(id)
                if id in watch.unreachable:
                    # It was accepted in the moment in which the job went out.
                    watch.unreachable.remove(id)
        except StoreError as exc:
            log.warning("job.returns_not_read", jid=watch.jid, reason=str(exc))
        except BaseException:
            self._forget(watch)
            raise
        await self._run(watch)

    async def _run(self, watch: _Watch) -> None:
        """One watch, from the publication to `JobSettled`."""
        try:
            missing = await self._gather(watch)
        finally:
            self._forget(watch)
        self._ending.add(watch)
        try:
            await self._end(watch, missing)
        finally:
            self._ending.discard(watch)

    async def _end(self, watch: _Watch, missing: frozenset[str]) -> None:
        """Write down and tell who is missing, and why."""
        facts = {id: self._facts(watch, id) for id in sorted({*missing, *watch.unreachable})}
        heads = {id: headline(known, watch.jid) for id, known in facts.items()}
        reasons = {id: reason(known) for id, known in facts.items()}
        waiting = {} if self._queued is None else self._queued(watch.jid)
        waiting = {id: until for id, until in waiting.items() if id in heads}
        heads |= {id: queued_reason(until) for id, until in waiting.items()}
        kept = {id: explained(head, reasons[id]) for id, head in heads.items()}
        written = not heads and watch.recorded
        if not written:
            written = await self._write(watch.jid, kept)
        # Whose return was told while that was written is not missing.
        heads, reasons, waiting = _still(watch, heads), _still(watch, reasons), _still(watch, waiting)
        if heads or not watch.told:
            event = JobSettled(jid=watch.jid, missing=heads, reasons=reasons or None, waiting=waiting or None)
            try:
                self._bus.publish_nowait(event)
            except trio.WouldBlock:
                await self._bus.publish(event)
        log.debug("job.settled", jid=watch.jid, missing=len(heads))
        while not written:
            # Nobody waits for this; but a store that takes nothing now will do so again.
            await trio.sleep(WRITTEN_AGAIN_AFTER)
            written = await self._write(watch.jid, _still(watch, kept))

    async def _write(self, jid: str, missing: dict[str, str]) -> bool:
        try:
            await self._jobs.mark_settled(jid, missing)
        except StoreError as exc:
            log.warning("job.settling_not_recorded", jid=jid, reason=str(exc))
            return False
        return True

    def _facts(self, watch: _Watch, id: str) -> Facts:
        return Facts(
            id=id,
            key=self._attendance.key_state(id),
            presence=self._attendance.find(id),
            sent=watch.sent,
            now=self._clock(),
            asked=None if id in watch.unreachable else watch.asked,
            found=watch.found.get(id),
        )

    async def _tell(self, watch: _Watch) -> None:
        """Say what is known by now of those that are missing."""
        news, watch.news = watch.news, set()
        if self._bus.wanted(JobWaits):
            ids = sorted(id for id in news if id in watch.gather.pending or id in watch.unreachable)
            if reasons := {id: reason(self._facts(watch, id)) for id in ids}:
                await self._bus.publish(JobWaits(jid=watch.jid, reasons=reasons))

    def _forget(self, watch: _Watch) -> None:
        if self._watches.get(watch.jid) is watch:
            del self._watches[watch.jid]
        for jid in watch.polls:
            self._polls.pop(jid, None)

    async def _gather(self, watch: _Watch) -> frozenset[str]:
        while True:
            watch.changed = trio.Event()
            now, wake = trio.current_time(), watch.gather.wake
            match watch.gather.step(now):
                case Done(missing=missing):
                    return missing
                case Ask(minions=minions):
                    await self._ask(watch, minions)
                case None if watch.news and now >= watch.gather.courtesy:
                    await self._tell(watch)
                case None:
                    # Most jobs are over before there is news of anybody.
                    with trio.move_on_at(min(wake, watch.gather.courtesy) if watch.news else wake):
                        await watch.changed.wait()

    async def _ask(self, watch: _Watch, minions: frozenset[str]) -> None:
        """Publish find_job. When it reaches nobody, nobody will answer."""
        request = PublishRequest(
            tgt=sorted(minions), tgt_type="list", fun=FIND_JOB, arg=[watch.jid], user=watch.user, caller=MASTER
        )
        published: Published | None = None
        # Before it goes out: whoever is here answers at once.
        self._attendance.asked(minions)
        watch.asked = self._clock()
        try:
            with trio.move_on_after(watch.gather.gather_job_timeout):
                published = await self._bus.ask(request)
        except TrisaltError as exc:
            log.warning("job.find_job_not_published", jid=watch.jid, reason=str(exc))
        if published is None or published.jid is None:
            self._attendance.not_asked(minions)
            watch.asked = None
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


def queued_reason(until: float) -> str:
    """What an operator is told of a minion that is away, and that the job waits for."""
    return QUEUED.format(until=datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
