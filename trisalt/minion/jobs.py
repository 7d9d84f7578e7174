"""A publication: is it for us, is it new, run it, and give its return to `returns`.

One task per job. Most jobs run in a worker process of their own, which outlives the daemon; short harmless
functions share a warm one; what asks about the running jobs is answered here (`answers`). What the schedule says is
due runs the same way. A job that was taken always returns something, also when its process is killed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import FireMaster, JobReceived, PillarRefreshed, ScheduleDue
from trisalt.errors import TargetError, TrisaltError, WorkerDied
from trisalt.loader.returner import returner_names
from trisalt.minion.age import too_old
from trisalt.minion.answers import answer, answered_here
from trisalt.minion.facts import Facts
from trisalt.minion.inheritance import REBOOTED, Fate, fate, interrupted
from trisalt.minion.kept import keep_return
from trisalt.minion.proc import FURTHER, Proc, Running, SeenJids, boot_id, wait_ended
from trisalt.minion.publications import is_strict, is_warm, well_formed
from trisalt.minion.returns import OURS, Returns
from trisalt.scheduler.entry import Entry
from trisalt.target.match import matches
from trisalt.transport.hands import open_hands
from trisalt.wire import jid as job_ids
from trisalt.worker.plain import read_outcome
from trisalt.worker.pool import Workers
from trisalt.worker.process import signal_tree
from trisalt.worker.protocol import Call, Failure, Outcome
from trisalt.worker.returners import give_to_returners

log = structlog.get_logger()

# What runs in blackout besides the whitelist and what `answers` answers.
ALWAYS_ALLOWED = frozenset({"saltutil.refresh_pillar"})
BLACKOUT = (
    "Minion in blackout mode. Set 'minion_blackout' to False in pillar or grains to resume operations. "
    "Only saltutil.refresh_pillar allowed in blackout mode."
)

# How long a job of a master that has just come waits for that master's pillar (seconds).
PILLAR_WITHIN = 60.0

# Signals that end a job, as far as it does not mind them.
ENDING = frozenset({signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})

FIND_JOB = "saltutil.find_job"

_ECHOED = ("user", "master_id", "metadata")


@attrs.frozen(kw_only=True)
class JobOptions:
    """The names are stock's options. `process_count_max` of -1 or 0 is no limit; `cache_jobs` is the cache folder."""

    process_count_max: int = -1
    multifunc_ordered: bool = False
    module_executors: tuple[str, ...] = ()
    user: str = "root"
    returners: tuple[str, ...] = ()
    cache_jobs: str = ""


async def run_jobs(
    bus: Bus,
    workers: Workers,
    proc: Proc,
    seen: SeenJids,
    returns: Returns,
    facts: Facts,
    options: JobOptions,
    *,
    ready: trio.Event,
    before: Callable[[], Awaitable[object]] | None = None,
    wall: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[Jobs] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run what is published to us and what is due, until cancelled; jobs that run then are left alone.

    Started when it has taken over what a previous daemon left; publications wait until `ready` is set, since a
    target may need the pillar. `before` is awaited before each of them runs.
    """
    async with trio.open_nursery() as nursery:
        jobs = Jobs(bus, workers, proc, seen, returns, facts, options, before=before, wall=wall)

        def take(event: object) -> None:
            match event:
                case JobReceived():
                    if jobs.wanted(event.load, event.master, event.now):
                        hands.start_soon(jobs.published, event.load, event.master)
                case ScheduleDue():
                    if jobs.startable(event.entry):
                        nursery.start_soon(jobs.due, event.entry)

        with open_hands(nursery) as hands:
            async with bus.subscribe((JobReceived, ScheduleDue), keep=True) as early:
                for running in jobs.inherit():
                    nursery.start_soon(jobs.adopted, running, ready)
                task_status.started(jobs)
                await ready.wait()
                while early.statistics().waiting:
                    for event in await early.receive_all():
                        take(event)
            # Nothing can have come between: there was no checkpoint.
            with bus.listen((JobReceived, ScheduleDue), take):
                await trio.sleep_forever()


class Jobs:
    """The jobs of one minion. `run_jobs` calls it; `upcalls` asks it to signal."""

    def __init__(
        self,
        bus: Bus,
        workers: Workers,
        proc: Proc,
        seen: SeenJids,
        returns: Returns,
        facts: Facts,
        options: JobOptions,
        *,
        before: Callable[[], Awaitable[object]] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.proc = proc
        self._bus = bus
        self._workers = workers
        self._seen = seen
        self._returns = returns
        self._facts = facts
        self._options = options
        self._before = before
        self._wall = wall
        self._last_jid = ""
        self._cut_short: set[str] = set()
        limit = options.process_count_max
        self._slots = trio.CapacityLimiter(limit if limit > 0 else float("inf"))

    # -- a publication ----------------------------------------------------------------------------------------

    def wanted(self, load: Mapping[str, Any], master: str, now: float | None = None) -> bool:
        """Whether a publication is whole, new, and for us; from then on it is taken. `now`: by the master's clock."""
        if not well_formed(load):
            log.warning("job.malformed", jid=str(load.get("jid"))[:64], fun=str(load.get("fun"))[:64])
            return False
        jid = load["jid"]
        if not self._is_for_us(load, master):
            return False
        if self._too_old(load, now):
            log.warning("job.too_old", jid=jid, fun=load["fun"])
            return False
        if jid in self.proc or jid in self._returns or jid in self._seen:
            log.debug("job.repeated", jid=jid, fun=load["fun"])
            return False
        # On disk first: from here on it is answered for, whatever happens to this daemon.
        note, warm = True, False
        if not answered_here(load["fun"]):
            warm = is_warm(load["fun"]) and not self._executors(load) and not load.get("durable")
            # What is on no disk is noted when it has returned: until then it may be sent again, and run by another
            # daemon. So is what is durable: no trace may say that it was taken where a power cut left no other.
            note = not (warm or load.get("durable"))
            try:
                self.proc.put(
                    Running(
                        job=load,
                        pid=os.getpid(),
                        queued=True,
                        on_disk=not warm,
                        master=master,
                        since=self._wall(),
                    )
                )
            except OSError as exc:
                self._seen.take(jid)
                self._not_taken(load, master, exc)
                return False
        self._seen.take(jid, note=note)
        return True

    def _not_taken(self, load: Mapping[str, Any], master: str, exc: OSError) -> None:
        """A job that could be forgotten half-way is not begun; its caller is told."""
        log.error("job.not_taken", jid=load["jid"], fun=_name(load["fun"]), reason=exc.strerror)
        text = f"ERROR: the minion cannot keep a note of the job: {exc.strerror}"
        outcome = Outcome(result=text, retcode=1, success=False, out="nested")
        jid = load["jid"]
        self._returns.post(jid, self._finish(jid, self._return_load(load, master), outcome))

    async def published(self, load: dict[str, Any], master: str) -> None:
        """Run one publication and post its return."""
        jid, fun = load["jid"], load["fun"]
        # Not for the time of a block: until it is over, this task has nothing else to do.
        structlog.contextvars.bind_contextvars(jid=jid)
        log.info("job.received", user=load.get("user", "unknown"), fun=_name(fun), jid=jid)
        if load.get("start_event"):
            await self._fire_start(load)
        back = self._return_load(load, master)
        if isinstance(fun, str) and answered_here(fun):
            log.info("job.started", jid=jid, fun=fun, pid=os.getpid())
            outcome = answer(fun, load["arg"], self.proc, self.signal)
            if fun == FIND_JOB and not outcome.result:
                back |= self._unknown_here(load["arg"])
            await self._bring(load, back, outcome, self._finish(jid, back, outcome))
            return
        if self._before is not None:
            await self._before()
        refusal = self._began_before(jid, fun) if jid in self._cut_short else None
        if refusal is None and self._facts.lacks(master):
            refusal = await self._await_pillar(master)
        refusal = refusal or self._blackout(fun, master)
        if refusal is not None:
            await self._bring(load, back, refusal, self._finish(jid, back, refusal))
            return
        call = Call(
            fun=fun,
            jid=jid,
            arg=load["arg"],
            pub=load,
            load=back,
            executors=self._executors(load),
            executor_opts=load.get("executor_opts") or {},
            ordered=self._options.multifunc_ordered,
        )
        running = self.proc.get(jid)
        assert running is not None, "taken by wanted()"
        outcome, kept = await self._run(call, running, name=jid, warm=not running.on_disk, spooled=True)
        await self._bring(load, back, outcome, kept)

    def _began_before(self, jid: str, fun: Any) -> Outcome:
        """What is returned of a job that had begun when the host was restarted, and that has been sent again."""
        reason = REBOOTED.format(when="while it ran")
        log.warning("job.lost", jid=jid, fun=_name(fun), reason=reason)
        return interrupted(reason)

    def _unknown_here(self, arg: list[Any]) -> dict[str, Any]:
        """What is told beside an answer that a job does not run here: whether it has been taken at all."""
        jid = str(arg[0]) if len(arg) == 1 else ""
        if not job_ids.is_jid(jid):
            return {}
        taken = True if jid in self._returns else self._seen.remembers(jid)
        return {} if taken is None else {FURTHER: {"taken": taken}}

    def _executors(self, load: Mapping[str, Any]) -> list[Any]:
        return list(load.get("module_executors") or self._options.module_executors)

    def _too_old(self, load: Mapping[str, Any], now: float | None = None) -> bool:
        return too_old(load, self._wall() if now is None else now)

    def _is_for_us(self, load: Mapping[str, Any], master: str) -> bool:
        try:
            return matches(
                load["tgt"],
                load.get("tgt_type") or "glob",
                id=self._facts.id,
                grains=self._facts.grains,
                pillar=self._facts.pillar_of(master),
                delimiter=load.get("delimiter") or ":",
            )
        except TargetError as exc:
            log.debug("job.target_unreadable", jid=load["jid"], reason=str(exc))
            return False

    def _return_load(self, load: Mapping[str, Any], master: str) -> dict[str, Any]:
        back = {
            "cmd": "_return",
            "id": self._facts.id,
            "jid": load["jid"],
            "fun": load["fun"],
            "fun_args": load["arg"],
            OURS: {"master": master},
        }
        back.update({key: load[key] for key in _ECHOED if key in load})
        return back

    async def _fire_start(self, load: Mapping[str, Any]) -> None:
        told = ("jid", "fun", "tgt", "tgt_type", "user", "master_id", "metadata")
        data = {key: load[key] for key in told if key in load}
        await self._bus.publish(FireMaster(name=f"salt/job/{load['jid']}/start/{self._facts.id}", data=data))

    async def _await_pillar(self, master: str) -> Outcome | None:
        """Wait for the pillar of a master that has just come: its jobs are not to see another's. In vain: a refusal."""
        with trio.move_on_after(PILLAR_WITHIN):
            async with self._bus.subscribe(PillarRefreshed, keep=False, depth=1) as refreshed:
                while self._facts.lacks(master):
                    await refreshed.receive_all()
            return None
        text = f"ERROR: the master {master} has not given this minion its pillar yet"
        return Outcome(result=text, retcode=1, success=False, out="nested")

    def _blackout(self, fun: Any, master: str) -> Outcome | None:
        for source in (self._facts.pillar_of(master), self._facts.grains):
            if not source.get("minion_blackout"):
                continue
            whitelist = source.get("minion_blackout_whitelist") or ()
            allowed = {*ALWAYS_ALLOWED, *([whitelist] if isinstance(whitelist, str) else whitelist)}
            refused = [name for name in _names(fun) if name not in allowed and not answered_here(name)]
            if refused:
                return Outcome(
                    result=f"ERROR executing '{refused[0]}': {BLACKOUT}",
                    retcode=1,
                    success=False,
                    out="nested",
                    failure=Failure.INVOCATION,
                )
        return None

    # -- the schedule -----------------------------------------------------------------------------------------

    def startable(self, entry: Entry) -> bool:
        """Whether a due entry may run: not when as many runs of it are under way as it allows."""
        if self.proc.count(entry.name) >= entry.maxrunning:
            log.info("scheduler.job_skipped", name=entry.name, maxrunning=entry.maxrunning)
            return False
        return True

    async def due(self, entry: Entry) -> None:
        """Run one scheduled job; its return goes home when the entry says so."""
        jid = self._new_jid()
        arg = list(entry.args)
        if entry.kwargs:
            arg.append({"__kwarg__": True, **entry.kwargs})
        job = {
            "fun": entry.function,
            "arg": arg,
            "jid": jid,
            "tgt": self._facts.id,
            "tgt_type": "glob",
            "ret": ",".join(entry.returner),
            "user": self._options.user,
            "schedule": entry.name,
            **({"ret_config": entry.return_config} if entry.return_config else {}),
            **({"ret_kwargs": entry.return_kwargs} if entry.return_kwargs else {}),
        }
        back: dict[str, Any] = {
            "cmd": "_return",
            "id": self._facts.id,
            # The master gives it a jid of its own.
            "jid": "nocache" if entry.return_job == "nocache" else "req",
            "fun": entry.function,
            "fun_args": arg,
            "schedule": entry.name,
            "pid": os.getpid(),
            "arg": arg,
            "tgt": self._facts.id,
            "tgt_type": "glob",
        }
        if entry.metadata is not None:
            back["metadata"] = entry.stamped_metadata(self._wall())
        call = Call(fun=entry.function, jid=jid, arg=arg, pub=job, load=back)
        running = Running(
            job=job,
            pid=os.getpid(),
            queued=True,
            on_disk=entry.jid_include,
            schedule=entry.name,
            since=self._wall(),
        )
        with structlog.contextvars.bound_contextvars(jid=jid, schedule=entry.name):
            try:
                self.proc.put(running)
            except OSError as exc:
                self.proc.remove(jid)
                log.error("proc.not_written", jid=jid, reason=exc.strerror)
                return
            spooled = bool(entry.return_job)
            outcome, kept = await self._run(call, running, name=jid, warm=False, spooled=spooled)
            if outcome.retcode or outcome.failure is not None:
                log.warning("scheduler.job_failed", name=entry.name, fun=entry.function, **outcome.briefly())
            if spooled:
                self._returns.post(jid, kept)
            await self._give(job, back, outcome, kept=spooled)

    def _new_jid(self) -> str:
        self._last_jid = job_ids.make(self._wall(), last=self._last_jid or None)
        return self._last_jid

    # -- running ----------------------------------------------------------------------------------------------

    async def _run(
        self, call: Call, running: Running, *, name: str, warm: bool, spooled: bool
    ) -> tuple[Outcome, dict[str, Any] | None]:
        """Run a call in a worker; with `spooled` its return is kept under `name`, as `_finish` does."""
        began = trio.current_time()
        spool = self._returns.spool.path(name) if spooled and not warm else None
        ended = False
        try:
            outcome, written = await self._ended(call, running, warm=warm, spool=spool, outlives=spooled)
            ended = True
        finally:
            if not ended and spooled and (warm or running.queued):
                # The daemon stops, and no process of its own carries this job on: the next daemon says so.
                with suppress(OSError):
                    self.proc.put(attrs.evolve(running, pid=os.getpid(), birth=0, queued=True, on_disk=True))
        self._log_outcome(call, outcome, trio.current_time() - began)
        if spooled:
            return outcome, self._finish(name, call.load, outcome, written=written)
        self.proc.remove(running.jid)
        return outcome, None

    async def _ended(
        self, call: Call, running: Running, *, warm: bool, spool: Path | None, outlives: bool
    ) -> tuple[Outcome, bool]:
        """What became of a call, and whether its return is in the spool already."""
        if running.cancel_signal is not None:
            return _died(running.cancel_signal), False
        try:
            if warm:
                # It waits for no place, for a fork at most: whoever signals it meanwhile is heard in `started`.
                return await self._in_worker(call, running, warm=True, spool=None, outlives=outlives), False
            with trio.CancelScope() as running.cancel:
                outcome = await self._in_worker(call, running, warm=False, spool=spool, outlives=outlives)
                # A child that could not write its file says so: the return is then ours to keep.
                return outcome, outcome.spooled
        except WorkerDied as exc:
            log.warning("worker.died", jid=running.jid, fun=_name(call.fun), status=exc.status)
            return _died(-exc.status if exc.status is not None and exc.status < 0 else None, exc), False
        except TrisaltError as exc:
            return Outcome(result=f"ERROR: {exc}", retcode=1, success=False, out="nested"), False
        return _died(running.cancel_signal), False

    async def _in_worker(
        self, call: Call, running: Running, *, warm: bool, spool: Path | None, outlives: bool
    ) -> Outcome:
        def started(pid: int) -> None:
            running.pid, running.birth, running.queued, running.cancel = pid, 0, False, None
            if "pid" in call.load:
                call.load["pid"] = pid
            try:
                self.proc.put(running)
            except OSError as exc:
                # The note of before says that it was taken; only its process is not in it.
                log.error("proc.not_written", jid=running.jid, reason=exc.strerror)
            # The schedule has said already that it runs.
            say = log.info if running.schedule is None else log.debug
            say("job.started", jid=running.jid, fun=_name(call.fun), pid=pid)
            if running.cancel_signal is not None:
                self._workers.signal(running.jid, running.cancel_signal)

        context = partial(self._facts.context, running.master) if running.master in self._facts.pillars else None
        if warm:
            return await self._workers.run_job(call, warm=True, on_start=started, context=context)
        try:
            self._slots.acquire_on_behalf_of_nowait(running.jid)
        except trio.WouldBlock:
            log.warning(
                "job.queued",
                jid=running.jid,
                running=self._slots.borrowed_tokens,
                max=self._options.process_count_max,
            )
            await self._slots.acquire_on_behalf_of(running.jid)
        try:
            strict = is_strict(call.fun) and not call.executors
            return await self._workers.run_job(
                call,
                warm=strict,
                strict=strict,
                on_start=started,
                spool=spool,
                outlives=outlives,
                context=context,
                # It goes home from the spool; only returners are given it here.
                brief=not self._goes_elsewhere(running.job),
            )
        finally:
            self._slots.release_on_behalf_of(running.jid)

    def _finish(
        self, name: str, back: Mapping[str, Any], outcome: Outcome, *, written: bool = False
    ) -> dict[str, Any] | None:
        """The job is over: its return is in the spool. What was written there, if it is small and not its child's."""
        running = self.proc.get(name)
        # Where it is on disk, a child may have begun a file.
        fresh = running is None or not running.on_disk
        durable = not fresh and _is_durable(running)
        kept = None
        if not written:
            kept = self._returns.spool.write(name, {**back, **outcome.to_load()}, fresh=fresh, synced=durable)
        if running is not None and (fresh or durable) and running.schedule is None:
            self._seen.note(name)
        self.proc.remove(name)
        return kept

    async def _bring(
        self, load: Mapping[str, Any], back: Mapping[str, Any], outcome: Outcome, kept: dict[str, Any] | None
    ) -> None:
        """Bring the return of a publication home; beside it, to returners, that are not to wait for a master."""
        if self._goes_elsewhere(load):
            self._returns.post(load["jid"], kept)
            await self._give(load, back, outcome)
        else:
            await self._returns.bring(load["jid"], kept)

    def _goes_elsewhere(self, job: Mapping[str, Any]) -> bool:
        return bool(self._options.cache_jobs) or bool(self._returners(job))

    def _returners(self, job: Mapping[str, Any]) -> tuple[str, ...]:
        ret, ours = job.get("ret"), self._options.returners
        return returner_names(ret, ours) if ret or ours else ()

    async def _give(
        self, job: Mapping[str, Any], back: Mapping[str, Any], outcome: Outcome, *, kept: bool = True
    ) -> None:
        """Give a return to the returners, and to the minion's own cache; it is stored, and on its way to the master."""
        names = self._returners(job)
        if not names and not self._options.cache_jobs:
            return
        ret = {key: value for key, value in {**back, **outcome.to_load()}.items() if key not in ("cmd", OURS)}
        ret |= {key: job[key] for key in ("ret_config", "ret_kwargs") if key in job}
        # A scheduled job's return gets its jid from the master, which a returner does not hear.
        ret |= {"id": self._facts.id, "jid": job["jid"]}
        if self._options.cache_jobs and kept and not answered_here(job["fun"]):
            try:
                keep_return(self._options.cache_jobs, job["jid"], ret)
            except (OSError, TrisaltError) as exc:
                log.error("job.not_cached", jid=job["jid"], reason=str(exc))
        if names:
            await give_to_returners(self._workers, names, ret)

    def _log_outcome(self, call: Call, outcome: Outcome, seconds: float) -> None:
        fun = _name(call.fun)
        log.debug("job.finished", jid=call.jid, fun=fun, retcode=outcome.retcode, duration_ms=round(seconds * 1000))
        match outcome.failure:
            case Failure.ARGUMENTS:
                log.warning("job.invalid_arguments", jid=call.jid, fun=fun, reason=str(outcome.result).split("\n")[0])
            case Failure.EXCEPTION:
                log.warning("job.exception", jid=call.jid, fun=fun)

    # -- other daemons' jobs, and signals ---------------------------------------------------------------------

    def inherit(self) -> list[Running]:
        """What a previous daemon left of jobs. The jids of all that it had taken are known from now on: of those that
        were noted a power cut may have left none.

        Of a job of which only the mark is left there is no map: who sends it again is told what became of it.
        """
        spool = self._returns.spool
        for jid in spool.names():
            self._seen.take(jid)
        left = self.proc.adopt()
        for running in left:
            self._seen.take(running.jid, note=not _is_durable(running))
        self._cut_short = {jid for jid in spool.all_begun() if jid not in self.proc}
        for jid in self._cut_short:
            self._seen.forget(jid)
        return left

    async def adopted(self, running: Running, ready: trio.Event) -> None:
        """Wait for a job that a previous daemon started, and post its return; or begin what it had not begun."""
        jid, fun = running.jid, _name(running.job.get("fun"))
        if running.queued:
            # It is ours now: whoever signals it ends its waiting, and no process.
            running.pid = os.getpid()
        elif running.alive() and running.pid != os.getpid():
            log.info("job.adopted", jid=jid, fun=fun, pid=running.pid)
            await self._ended_elsewhere(running)
        spool = self._returns.spool
        what, reason = fate(
            running,
            boot=boot_id(),
            spooled=jid in spool,
            begun=spool.begun(jid),
            too_old=running.schedule is not None or self._too_old(running.job),
        )
        back = self._return_load(running.job, running.master or "")
        if what is Fate.HOME:
            outcome = read_outcome(spool.path(jid))
            if _is_durable(running):
                self._seen.note(jid)
            self.proc.remove(jid)
            self._returns.post(jid)
        elif what is Fate.RUN and running.cancel_signal is None:
            log.info("job.resumed", jid=jid, fun=fun)
            running.pid, running.birth, running.queued, running.adopted = os.getpid(), 0, True, False
            await ready.wait()
            await self.published(dict(running.job), running.master or "")
            return
        elif running.schedule is not None:
            log.warning("job.lost", jid=jid, fun=fun, reason=reason)
            self.proc.remove(jid)
            return
        else:
            log.warning("job.lost", jid=jid, fun=fun, reason=reason)
            signum = running.cancel_signal
            outcome = interrupted(reason) if signum is None else _died(signum)
            self._returns.post(jid, self._finish(jid, back, outcome))
        if outcome is not None:
            await self._give(running.job, back, outcome)

    async def _ended_elsewhere(self, running: Running) -> None:
        """Wait for the end of a job that is not our child; it counts as one that runs."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hold_slot, running.jid)
            await wait_ended(running)
            nursery.cancel_scope.cancel()

    async def _hold_slot(self, jid: str) -> None:
        # There may be more of them than slots: then the next one that is free is theirs.
        await self._slots.acquire_on_behalf_of(jid)
        try:
            await trio.sleep_forever()
        finally:
            self._slots.release_on_behalf_of(jid)

    def signal(self, jid: str, signum: int) -> int | None:
        """Send a signal to a job and all it started: the pid it went to, None when there is no such job."""
        running = self.proc.get(jid)
        if running is None:
            return None
        if running.queued:
            # It has no process yet; whatever would end one, ends the waiting.
            if signum:
                running.cancel_signal = signum
                if running.cancel is not None:
                    running.cancel.cancel()
            return running.pid
        if not running.adopted:
            return self._workers.signal(jid, signum)
        if not running.alive() or not signal_tree(running.pid, signum):
            return None
        if signum in ENDING:
            running.cancel_signal = signum
        return running.pid


def _is_durable(running: Running | None) -> bool:
    """Whether its master may send a job again: it waits for minions that are away."""
    return running is not None and bool(running.job.get("durable"))


def _names(fun: Any) -> list[str]:
    return fun if isinstance(fun, list) else [str(fun)]


def _name(fun: Any) -> str:
    return ",".join(str(name) for name in fun) if isinstance(fun, list) else str(fun)


def _died(signum: int | None, exc: WorkerDied | None = None) -> Outcome:
    if signum:
        return Outcome(result=f"terminated by signal {signum}", retcode=128 + signum, success=False)
    status = exc.status if exc is not None and exc.status is not None else 1
    return Outcome(
        result=f"the job's process ended with status {status} before it returned",
        retcode=status or 1,
        success=False,
    )
