"""Returns come in: stored first, told second, acknowledged last.

Those that came together are stored in one write, and the store's writes share transactions. `master/publisher` has
recorded the job before it goes out; `master/watches` knows who is still to return, and `master/local_door` and who
else waits hear of returns on the bus.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event, Origin
from trisalt.bus.events import JobReturned, JobSettled, TaggedEvent
from trisalt.bus.requests import ReturnRequest, ReturnsRequest, SyndicReturnRequest
from trisalt.errors import StoreError
from trisalt.master.arguments import split
from trisalt.master.attendance import NOBODY, Attendance
from trisalt.master.failures import failed_states
from trisalt.master.gather import FIND_JOB
from trisalt.master.watches import Watches
from trisalt.store.store import Jobs, NewReturn, Recorded, Store
from trisalt.wire.jid import make

log = structlog.get_logger()

_JID = re.compile(r"[0-9]{20}(_[A-Za-z0-9-]{1,32})?")
"""Narrower than what is taken for a jid elsewhere: this one comes from a minion, and goes into tags."""

HIGHSTATES = frozenset({"state.highstate", "state.apply"})

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
    attendance: Attendance = NOBODY,
    waiting: Callable[[str], Mapping[str, float]] | None = None,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[Callable[[], int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep the returns of jobs and watch those that somebody waits for, until cancelled. `started()` with a function
    that tells how many those are.

    Answers ReturnsRequest, SyndicReturnRequest (refused) and WatchRequest, and follows JobNew. `timeout` and
    `gather_job_timeout` are the configured ones, for those who ask for none of their own; `attendance` knows
    who is here; `waiting` for whom a job itself waits, and until when; `clock` is wall time.
    """
    watches = Watches(bus, store.jobs, timeout, gather_job_timeout, attendance, waiting, clock)
    keeper = _Keeper(bus, store.jobs, watches, clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(watches.run)
        with bus.answering({ReturnsRequest: keeper.keep, SyndicReturnRequest: keeper.refuse}):
            task_status.started(lambda: watches.watched)
            await trio.sleep_forever()


@attrs.define(eq=False)
class _Kept:
    """A return on its way through the keeper, and its events: the return's, and those for its failed states.

    `logged`: they are in the log; `lost`: it could not be stored.
    """

    request: ReturnRequest
    jid: str
    event: JobReturned
    failed: list[TaggedEvent]
    recorded: Recorded = Recorded.NEW
    logged: bool = False
    lost: bool = False

    @classmethod
    def of(cls, request: ReturnRequest, jid: str) -> _Kept:
        event = _returned(request, jid)
        return cls(request, jid, event, list(failed_states(event)) if event.retcode else [])

    def is_recorded(self, recorded: Recorded) -> None:
        self.recorded = recorded
        if recorded is not Recorded.NEW:
            self.event = attrs.evolve(self.event, first=False)

    @property
    def events(self) -> list[Event]:
        """What is told of it."""
        return [self.event, *self.failed] if self.event.first else [self.event]


class _Keeper:
    def __init__(self, bus: Bus, jobs: Jobs, watches: Watches, clock: Callable[[], float]) -> None:
        self._bus = bus
        self._jobs = jobs
        self._watches = watches
        self._clock = clock
        self._last_jid: str | None = None

    async def keep(self, request: ReturnsRequest) -> list[bool]:
        """Store and tell; for each, whether its minion may forget it."""
        taken = [self._accept(one) for one in request.returns]
        kept = [one for one in taken if one is not None]
        settled = await self._record(kept)
        await self._tell([one for one in kept if not one.lost], settled)
        return [one is None or not one.lost for one in taken]

    async def refuse(self, request: SyndicReturnRequest) -> None:
        """No syndic is below this master."""
        log.warning("return.refused", id=request.id, reason="it is a syndic, and this master takes none")

    def _accept(self, request: ReturnRequest) -> _Kept | None:
        """A return with the jid it is kept under; None for one that is refused, which nobody is to send again."""
        jid = request.jid
        if "resource_id" in request.load:
            reason = "it speaks for another id"
        elif jid == "req":
            jid = self._last_jid = make(self._clock(), last=self._last_jid)
            return _Kept.of(request, jid)
        elif _JID.fullmatch(jid) or jid == "nocache":
            return _Kept.of(request, jid)
        else:
            reason = "invalid jid"
        log.warning("return.refused", id=request.id, reason=reason)
        return None

    async def _record(self, kept: list[_Kept]) -> list[JobSettled]:
        """Make returns durable; those that could not be stored are `lost`. Which jobs end so."""
        new = []
        for one in kept:
            if one.request.fun == FIND_JOB:
                again = self._watches.has_answered(one.jid, one.request.id)
                one.is_recorded(Recorded.REPEAT if again else Recorded.NEW)
            elif one.jid != "nocache":
                new.append(one)
        if not new:
            return []
        ids: dict[str, set[str]] = {}
        rows = []
        for one in new:
            returned = ids.setdefault(one.jid, set())
            # One of them can say what the job was, should nobody know it.
            rows.append(_new_return(one, load=None if returned else _load(one)))
            returned.add(one.request.id)
        settled = self._watches.settled_by(ids)
        ends = {jid: JobSettled(jid=jid, missing={}) for jid in settled}
        try:
            results = await self._jobs.record_returns(rows, settled=settled, events=list(ends.values()))
        except StoreError as exc:
            log.error("return.not_stored", count=len(new), reason=str(exc))
            for one in new:
                one.lost = True
            return []
        for one, recorded in zip(new, results, strict=True):
            one.is_recorded(recorded)
            one.logged = True
        return self._watches.recorded(ends, ids)

    async def _tell(self, stored: list[_Kept], settled: list[JobSettled]) -> None:
        told: list[JobReturned] = []
        events: list[Event] = []
        unlogged: list[Event] = []
        for one in stored:
            event = one.event
            log.info("job.returned", id=event.id, jid=event.jid)
            if one.recorded is Recorded.DIFFERENT:
                log.warning("job.duplicate_return", id=event.id, jid=event.jid)
            elif one.recorded is Recorded.REPEAT:
                log.debug("job.return_repeated", id=event.id, jid=event.jid)
            told.append(event)
            # An answer to find_job is not stored: there was no transaction that its events could be in.
            (events if one.logged else unlogged).extend(one.events)
        # After the returns: nobody hears that a job is settled before its last return has been told. With them: who
        # waits for the job wakes once.
        events += settled
        for some, kept in ((events, True), (unlogged, False)):
            if not some:
                continue
            try:
                self._bus.publish_nowait(*some, kept=kept)
            except trio.WouldBlock:
                await self._bus.publish_all(some, kept=kept)
        self._watches.told(told, settled)


def _new_return(one: _Kept, *, load: dict[str, Any] | None) -> NewReturn:
    request = one.request
    body = {"return": request.result, "retcode": request.retcode, "success": request.success}
    if isinstance(out := request.load.get("out"), str):
        body["out"] = out
    return NewReturn(
        jid=one.jid,
        id=request.id,
        body=body,
        load=load,
        events=[one.event],
        if_new=one.failed,
        highstate=highstate(request.fun, request.fun_args),
    )


def highstate(fun: Any, fun_args: Any) -> bool | None:
    """Whether a return is of a whole highstate that only tests (True) or does it (False); None: it is of none."""
    if not isinstance(fun, str) or fun not in HIGHSTATES:
        return None
    args, kwargs = split(fun_args if isinstance(fun_args, list) else [])
    if fun == "state.apply" and (args or kwargs.get("mods")):
        return None
    return kwargs.get("test") is True


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


def _returned(request: ReturnRequest, jid: str) -> JobReturned:
    further = {
        key: value
        for key, value in request.load.items()
        if key == "tgt" or (key in OPTIONAL_FIELDS and isinstance(value, OPTIONAL_FIELDS[key]))
    }
    if request.fun == FIND_JOB:
        further["taken"] = _taken(request.load.get("trisalt"))
    return JobReturned(
        id=request.id,
        jid=jid,
        fun=request.fun,
        fun_args=request.fun_args,
        result=request.result,
        retcode=request.retcode,
        success=request.success,
        origin=Origin("minion", request.id),
        **further,
    )


def _taken(told: object) -> bool | None:
    """Whether a minion that is asked for a job has taken it: what minions of ours say beside their answer."""
    taken = told.get("taken") if isinstance(told, dict) else None
    return taken if isinstance(taken, bool) else None
