"""Trio side of the workers: children of the zygote, warm ones, limits, deadlines, kill.

Daemons open one pool; `minion/jobs` and `master/commands` run jobs in it, `master/pillar` and its kin run functions
of the engine. What plugin code asks for comes back through `upcalls`, answered in Trio. One child and its socket are
`process`'s; the process that forks them is `zygote`'s.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import structlog
import trio

from trisalt.errors import LocalProtocolError, TrisaltError, WorkerDied
from trisalt.service import next_beat
from trisalt.worker.adoption import listen
from trisalt.worker.channel import revive
from trisalt.worker.plain import pack_context, plain, read_outcome
from trisalt.worker.process import Nursery, Process, signal_tree
from trisalt.worker.protocol import Call, Context, Outcome, Packed, Upcall
from trisalt.worker.zygote import Zygote

log = structlog.get_logger()

# A warm child ends after so many calls, one of strict jobs sooner, and when nobody needed it for so long (seconds).
WARM_CALLS = 500
STRICT_CALLS = 100
WARM_IDLE = 20.0
# What a child is used for that runs strict jobs.
STRICT = "strict"
_PLUGIN = re.compile(r"[a-z_]{1,32}/\w{1,64}", re.ASCII)
# So many contexts are kept packed where callers bring their own.
PACKED = 4


@attrs.define(eq=False)
class _Seat:
    """A child at work: what it does, for whom, and what it knows of the context."""

    process: Process
    jid: str = ""
    fun: Any = ""
    use: str = ""
    calls: int = 0
    stays: bool = False
    generation: int = 0
    parts: Mapping[str, bytes] = attrs.field(factory=dict)
    idle_since: float = 0.0


class Workers:
    """An open pool; `open_workers` makes it."""

    def __init__(
        self,
        nursery: Nursery,
        context: Callable[[], Context],
        upcalls: Callable[[Upcall], Awaitable[object]],
        *,
        max_running: int,
        max_jobs: int | None,
        max_warm: int,
        door: Path | None,
        lessons: Mapping[str, Sequence[str]],
    ) -> None:
        self._nursery = nursery
        self._door = None if door is None else str(door)
        self._lessons = lessons
        self._context = context
        self._upcalls = upcalls
        # Apart from each other: a runner that waits for a pillar must not hold the place in which it is compiled.
        self._running = trio.CapacityLimiter(max_running)
        self._jobs = None if max_jobs is None else trio.CapacityLimiter(max_jobs)
        self._max_warm = max_warm
        self._warm: list[_Seat] = []
        self._busy: dict[str, _Seat] = {}
        self._generation = 0
        # What was packed last, and of what: the pool's context, or some of its callers'.
        self._packed: list[tuple[Context, dict[str, bytes]]] = []

    # -- what the daemon asks ---------------------------------------------------------------------------------

    async def run_job(
        self,
        call: Call,
        *,
        warm: bool = False,
        on_start: Callable[[int], object] | None = None,
        spool: Path | None = None,
        outlives: bool = True,
        packed: bool = False,
        context: Callable[[], Context] | None = None,
        strict: bool = False,
        brief: bool = False,
    ) -> Outcome:
        """Run plugin functions in a child of their own, or (`warm`) in one that is reused.

        `on_start(pid)` is called when a process has been found, before it is told to run the call. With `spool` the
        child writes the whole return load to that file, durably, before it reports. Raises WorkerDied when the
        process ended without an outcome. Cancelled, it leaves the child alone: it runs on, and its return is in the
        spool; with `outlives=False` it is killed instead. `packed`: a large result may come as the child packed it.
        `context` gives this call's own, else it is the pool's. A function that is not of our own shelf never runs in
        a child that has run others: `on_start` is told another pid then. Nor do runners and what a minion's job or the
        engine does follow each other in one.

        `strict`, with `warm`: what may do anything, as states do. It runs in the one child that is kept for such jobs,
        or in a new one, which is kept in turn if the job has left nothing behind in it; others never run there, and
        it is not kept either where opts, grains, plugins or the environment have changed. `brief`: a result that is in
        the spool need not come as well.
        """
        spooled = spool is not None
        request: dict[str, Any] = {"call": call.to_load(spooled=spooled), "spool": str(spool) if spooled else None}
        if packed:
            request["packed"] = True
        if strict:
            request["strict"] = True
        if brief:
            request["brief"] = True
        use = STRICT if strict else "commands" if call.kind in ("runners", "wheel") else call.kind

        async def ask(warm: bool) -> dict[str, Any]:
            async with _AtWork(self, warm, call.jid, call.fun, outlives, use=use, own=context) as seat:
                if on_start is not None:
                    on_start(seat.process.pid)
                return await self._converse(seat, {**request, "reused": seat.calls > 0}, warm=warm, context=context)

        async with _NO_PLACE if self._jobs is None else _place(self._jobs):
            try:
                answer = await ask(warm)
                if "declined" in answer:
                    # It is not ours, but of a file that somebody put before it.
                    answer = await ask(False)
            except WorkerDied:
                # It may have finished: killed before it could say so, or by its plugin cut off from us.
                if spool is not None and (outcome := read_outcome(spool)) is not None:
                    return outcome
                raise
        if "outcome" not in answer:
            raise LocalProtocolError("a child answered something else than an outcome")
        if call.kind == "modules" and isinstance(call.fun, str):
            self._nursery.learn([*self._lessons.get(call.fun.partition(".")[0], ()), *_lessons(answer)])
        told = answer["outcome"]
        if "packed" in told:
            told["result"] = Packed(told.pop("packed"))
        return Outcome(**told)

    async def run(self, function: Callable[..., Any], *args: Any, warm: bool = False) -> Any:
        """Run a function of ours in a child: found there by its module and name; arguments and result are plain data.

        A parameter called `context` is filled with the child's `Context`. Errors of our tree are raised here as they
        were raised there, others as CommandError with the child's traceback as a note. Cancelled, the child is killed.
        """
        reference = f"{function.__module__}:{function.__qualname__}"
        async with _place(self._running), _AtWork(self, warm, "", reference, False, use="engine") as seat:
            answer = await self._converse(seat, {"run": reference, "args": list(args)}, warm=warm)
            if "error" in answer:
                raise revive(answer["error"])
            return answer.get("value")

    @asynccontextmanager
    async def resident(self) -> AsyncIterator[Resident]:
        """A child that stays, for the time of the block."""
        resident = Resident(self)
        try:
            yield resident
        finally:
            resident.leave()

    def signal(self, jid: str, signum: int) -> int | None:
        """Send a signal to a job's process and its descendants: the job's pid, or None when it does not run here."""
        seat = self._busy.get(jid)
        if seat is None or not signal_tree(seat.process.pid, signum):
            return None
        if signum:
            # Whatever it does to the job: nothing else is to run where it may still arrive.
            seat.process.finished = True
        return seat.process.pid

    def running(self) -> dict[str, int]:
        """The jobs that run here: jid to pid."""
        return {jid: seat.process.pid for jid, seat in self._busy.items()}

    def refresh(self) -> None:
        """Plugins on disk have changed: warm children end after what they do now."""
        self._generation += 1
        self._dismiss(lambda _seat: True)

    def statistics(self) -> Mapping[str, int]:
        """A snapshot for debugging: how many children are busy, how many warm and idle, how many calls wait."""
        waiting = sum(limiter.statistics().tasks_waiting for limiter in (self._running, self._jobs) if limiter)
        return {"busy": len(self._busy), "warm": len(self._warm), "waiting": waiting}

    # -- children ---------------------------------------------------------------------------------------------

    async def _child(self, warm: bool, use: str, own: Callable[[], Context] | None) -> _Seat:
        """One that waits for a call of this use, or a new one."""
        seat = self._idle(use, own) if warm else None
        return seat or _Seat(process=await self._nursery.fork(), generation=self._generation, use=use)

    def _idle(self, use: str, own: Callable[[], Context] | None = None) -> _Seat | None:
        """A warm child that waits for a call of this use, the one that had the last."""
        if use == STRICT:
            parts = self._parts(own)
            self._dismiss(lambda seat: seat.use == STRICT and not _knows(seat, parts))
        for seat in reversed(self._warm):
            if seat.use == use and not seat.process.exited.is_set():
                self._warm.remove(seat)
                return seat
        return None

    def _keep(self, seat: _Seat) -> bool:
        """Whether a child that has answered waits for another call."""
        if seat.process.finished or seat.generation != self._generation or not self._max_warm:
            return False
        # Of strict jobs one: they are mostly one after the other. Of the others together so many, whatever their use.
        strict = seat.use == STRICT
        beside = [other for other in self._warm if (other.use == STRICT) is strict]
        if len(beside) >= (1 if strict else self._max_warm):
            # Whichever nobody has needed for longest: it may be of another use than what is asked for now.
            self._warm.remove(beside[0])
            beside[0].process.close()
        seat.idle_since = trio.current_time()
        self._warm.append(seat)
        return True

    def _dismiss(self, which: Callable[[_Seat], bool]) -> None:
        for seat in [seat for seat in self._warm if which(seat)]:
            self._warm.remove(seat)
            seat.process.close()

    async def _tend(self) -> None:
        """Let warm children go that nobody needs, or that died."""
        while True:
            await trio.sleep_until(next_beat(WARM_IDLE / 4))
            self._dismiss(lambda seat: seat.idle_since <= trio.current_time() - WARM_IDLE)
            self._dismiss(lambda seat: seat.process.exited.is_set())

    async def _adopt(self, process: Process, hello: dict[str, Any]) -> None:
        """Answer a job of an earlier daemon until it is done; its return goes where that daemon told it."""
        jid, fun = hello.get("jid"), hello.get("fun")
        if not isinstance(jid, str) or not jid or jid in self._busy:
            return
        log.info("worker.adopted", jid=jid, fun=fun, pid=process.pid)
        seat = self._busy[jid] = _Seat(process=process, jid=jid, fun=fun)
        try:
            async with trio.open_nursery() as upcalls:
                while (message := await process.receive()) is not None:
                    if "upcall" in message:
                        upcalls.start_soon(self._answer, seat, message)
                    elif "log" in message:
                        _log(message["log"], seat)
                upcalls.cancel_scope.cancel()
        finally:
            del self._busy[jid]

    # -- a conversation ---------------------------------------------------------------------------------------

    async def _converse(
        self, seat: _Seat, request: dict[str, Any], *, warm: bool, context: Callable[[], Context] | None = None
    ) -> dict[str, Any]:
        """Give a child a call, answer what it asks meanwhile, and take its answer. Raises WorkerDied."""
        process = seat.process
        seat.calls += 1
        most = STRICT_CALLS if seat.use == STRICT else WARM_CALLS
        request["last"] = last = not warm or (seat.calls >= most and not seat.stays)
        request["door"] = self._door
        if parts := self._parts_for(seat, context):
            request["context"] = parts
        try:
            rest = process.begin(request)
        except LocalProtocolError:
            # A set or an object in what we were given: it is the child's idea of it that counts.
            rest = process.begin(plain(request))
        if rest:
            await process.finish(rest)
        message = await process.receive()
        if message is not None and ("upcall" in message or "log" in message):
            message = await self._attend(seat, message)
        if message is not None:
            process.finished |= last or bool(message.get("spent"))
            return message
        await process.exited.wait()
        raise WorkerDied(_epitaph(process.status), status=process.status)

    async def _attend(self, seat: _Seat, message: dict[str, Any] | None) -> dict[str, Any] | None:
        """Answer what a child asks, `message` first, until it has done its call: its last message, or None."""
        async with trio.open_nursery() as upcalls:
            while message is not None:
                if "upcall" in message:
                    upcalls.start_soon(self._answer, seat, message)
                elif "log" in message:
                    _log(message["log"], seat)
                else:
                    break
                message = await seat.process.receive()
            upcalls.cancel_scope.cancel()
        return message

    def _parts_for(self, seat: _Seat, own: Callable[[], Context] | None = None) -> dict[str, bytes]:
        """The parts of the context that this child does not have yet, packed."""
        parts = self._parts(own)
        if parts is seat.parts:
            return {}
        news = {name: part for name, part in parts.items() if seat.parts.get(name) != part}
        seat.parts = parts
        return news

    def _parts(self, own: Callable[[], Context] | None) -> dict[str, bytes]:
        """The parts of a context, packed: of the pool's, or of a caller's own."""
        context = (own or self._context)()
        for kept, parts in self._packed:
            if kept is context:
                return parts
        packed = pack_context(context)
        self._packed = [(context, packed), *(self._packed[: PACKED - 1] if own is not None else ())]
        return packed

    async def _answer(self, seat: _Seat, message: dict[str, Any]) -> None:
        """Do what a plugin asks for, and tell it: a value, or an error that is raised there."""
        number, kind, fields = message.get("upcall"), message.get("kind"), message.get("fields")
        if not (isinstance(kind, str) and isinstance(fields, dict)):
            fields, kind = {}, ""
        upcall = Upcall(kind=kind, fields=fields, jid=seat.jid, fun=seat.fun, pid=seat.process.pid)
        try:
            answer: dict[str, Any] = {"answer": number, "value": await self._upcalls(upcall)}
        except TrisaltError as exc:
            answer = {"answer": number, "error": {"name": type(exc).__name__, "text": str(exc)}}
        except Exception as exc:  # the boundary of one upcall: a plugin's question must not end its job, or us
            log.error("upcall.failed", kind=kind, jid=seat.jid, exc_info=exc)
            answer = {"answer": number, "error": {"name": None, "text": f"{kind} failed: {exc}"}}
        try:
            await seat.process.send(answer)
        except LocalProtocolError:
            await seat.process.send(plain(answer))


class _AtWork:
    """A child for the time of one call. Left by an exception, it is never used again, and dead unless it `outlives`.

    Each job has one: a generator would cost it more than what is done here.
    """

    __slots__ = ("_fun", "_jid", "_key", "_outlives", "_own", "_seat", "_use", "_warm", "_workers")

    def __init__(
        self,
        workers: Workers,
        warm: bool,
        jid: str,
        fun: Any,
        outlives: bool,
        *,
        use: str,
        own: Callable[[], Context] | None = None,
    ) -> None:
        self._workers, self._warm, self._outlives, self._use, self._own = workers, warm, outlives, use, own
        self._jid, self._fun = jid, fun

    async def __aenter__(self) -> _Seat:
        busy = self._workers._busy
        if self._jid in busy:
            raise LocalProtocolError(f"the job {self._jid} runs already")
        seat = self._seat = await self._workers._child(self._warm, self._use, self._own)
        seat.jid, seat.fun = self._jid, self._fun
        self._key = self._jid or f"{self._fun} {seat.process.pid}"
        busy[self._key] = seat
        return seat

    async def __aexit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        seat = self._seat
        del self._workers._busy[self._key]
        if kind is not None:
            seat.process.close()
            if not self._outlives:
                seat.process.kill()
        elif not self._workers._keep(seat):
            seat.process.close()


class Resident:
    """A child that stays: what its plugins hold after one call (open files, what they saw last) is there at the next.

    It is forked at its first call, and another one when it ended, when plugins on disk have changed, or by `renew`.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._seat: _Seat | None = None
        self._stale = False
        self._calling = trio.Lock()

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a function of ours in it, as `Workers.run` does; its parameter `plugins` is filled with the child's.

        One call at a time. Cancelled, the child is killed.
        """
        async with self._calling:
            seat = await self._sit(f"{function.__module__}:{function.__qualname__}")
            try:
                answer = await self._workers._converse(seat, {"run": seat.fun, "args": list(args)}, warm=True)
            except BaseException:
                seat.process.kill()
                self.leave()
                raise
            if seat.process.finished:
                self.leave()
        if "error" in answer:
            raise revive(answer["error"])
        return answer.get("value")

    def renew(self) -> None:
        """The next call gets another child."""
        self._stale = True

    def leave(self) -> None:
        """Let the child go; not while a call is under way."""
        seat, self._seat, self._stale = self._seat, None, False
        if seat is not None:
            seat.process.close()

    async def _sit(self, reference: str) -> _Seat:
        generation = self._workers._generation
        seat = self._seat
        if seat is None or seat.process.exited.is_set() or seat.generation != generation or self._stale:
            self.leave()
            process = await self._workers._nursery.fork()
            seat = self._seat = _Seat(process=process, stays=True, generation=generation)
        seat.fun = reference
        return seat


@asynccontextmanager
async def open_workers(
    zygote: Zygote,
    *,
    context: Callable[[], Context],
    upcalls: Callable[[Upcall], Awaitable[object]],
    max_running: int = 8,
    max_jobs: int | None = None,
    max_warm: int = 1,
    door: Path | None = None,
    lessons: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> AsyncIterator[Workers]:
    """Open a pool on a zygote, and own the zygote from now on.

    `context()` gives the current context whenever a child is given a call. `upcalls` answers plugin code; a
    TrisaltError it raises is raised in the plugin. At most `max_running` calls of `run` at a time and, apart from
    those, `max_jobs` of `run_job` (None: no limit); the others wait their turn. `max_warm` children may stay warm.
    `door` is the path of a socket, the same each time, at which jobs of an earlier daemon find this one: what they
    ask is answered then; they count as running here. `lessons`: what the zygote imports when a function of that module
    has run for the first time, so that the next one need not; until then an idle daemon stays small.
    """
    async with trio.open_nursery() as tasks:
        nursery: Nursery = await tasks.start(Nursery.run, zygote)
        workers = Workers(
            nursery,
            context,
            upcalls,
            max_running=max_running,
            max_jobs=max_jobs,
            max_warm=max_warm,
            door=door,
            lessons=lessons,
        )
        tasks.start_soon(workers._tend)
        if door is not None:
            await tasks.start(listen, door, workers._adopt)
        try:
            yield workers
        finally:
            workers._dismiss(lambda _seat: True)
            tasks.cancel_scope.cancel()


# What a call has that needs no place.
_NO_PLACE = nullcontext()


@asynccontextmanager
async def _place(limiter: trio.CapacityLimiter) -> AsyncIterator[None]:
    """A place in a limiter for the time of a block; each call has one of its own, also two of the same task."""
    place = object()
    try:
        limiter.acquire_on_behalf_of_nowait(place)
    except trio.WouldBlock:
        await limiter.acquire_on_behalf_of(place)
    try:
        yield
    finally:
        limiter.release_on_behalf_of(place)


def _knows(seat: _Seat, parts: Mapping[str, bytes]) -> bool:
    """Whether a child has these parts of a context already; each job has its pillar anew."""
    return all(seat.parts.get(name) == part for name, part in parts.items() if name != "pillar")


def _log(line: object, seat: _Seat) -> None:
    """A line that a plugin has written, in the plugin's words, at its level."""
    match line:
        case [int(level), str(name), str(text)]:
            facts = {"jid": seat.jid} if seat.jid else {}
            structlog.get_logger(name).log(min(max(level, 10), 50) // 10 * 10, text, **facts)


def _lessons(answer: Mapping[str, Any]) -> list[str]:
    """Which plugins of ours a job has imported, as the zygote is told of them."""
    return [name for name in answer.get("imported") or () if isinstance(name, str) and _PLUGIN.fullmatch(name)]


def _epitaph(status: int | None) -> str:
    if status is None:
        return "The worker process is gone"
    if status < 0:
        return f"The worker process died with signal {-status}"
    return f"The worker process ended with exit status {status} before it answered"
