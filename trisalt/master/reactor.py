"""The reactor: an event's tag to SLS files to what they want done. Supervised; watches the bus, and sheds when it must.

Files are rendered in a worker (`reaction_files`); what is to be done goes the way of everybody else: `PublishRequest`,
`RunnerRequest`, `WheelRequest`. It hears of an event when the log has it. What is not reacted to when a master ends is
not made up for by the next: nothing is done twice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio
import yaml

from trisalt.bus import events as catalogue
from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.event import Event
from trisalt.bus.events import JobNew, Reacted, RequestAnswered
from trisalt.bus.requests import PublishRequest, ReactorRequest, RunnerRequest, WheelRequest
from trisalt.bus.subscription import Lagged
from trisalt.errors import CommandError, TrisaltError
from trisalt.master.commands import Runs, on_the_way, told_result
from trisalt.master.reaction_files import render_in_worker
from trisalt.master.reactions import Kind, Patterns, Reaction, Rows, mapped, read_reaction, unheeded
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Failure, Outcome

log = structlog.get_logger()

USER = "Reactor"
"""Who the runners and wheel functions of reactions are by. Their own events wake nothing, as with stock Salt 3008.3."""
NOT_RUNNING = "Reactor system is not running."
DEPTH = 4096
"""Events that the bus may hold for us while we look at those before."""
JOBS_KNOWN = 20_000
"""Of how many jobs it is remembered that a reaction sent them."""
FILES_KNOWN = 1000
"""Of how many sets of files, and complaints, something is remembered."""
QUIET_S = 60.0
"""For so long the same complaint is not made again."""

# What requests of minions cost is told to whoever wants it, and made for nobody else: a `*` does not mean it. Nor what
# we say of ourselves.
HEARD = tuple(
    cls
    for cls in vars(catalogue).values()
    if isinstance(cls, type)
    and issubclass(cls, Event)
    and cls.leaves_process()
    and cls not in (RequestAnswered, Reacted)
)


@attrs.frozen(kw_only=True)
class ReactorRules:
    """What the configuration says; the names are the options', without `reactor_`. `max_depth` 0: any.

    `renderers`: how many events' files are rendered at once. Workers that wait for a slow one compile no pillar.
    """

    worker_threads: int = 10
    worker_hwm: int = 10000
    max_depth: int = 32
    renderers: int = 2


@attrs.define(kw_only=True)
class Counts:
    """How often so far: `woken` by an event, reactions that `ran` or `failed`, events and reactions that were `shed`,
    and loops that were `ended`."""

    woken: int = 0
    ran: int = 0
    failed: int = 0
    shed: int = 0
    ended: int = 0


@attrs.frozen(kw_only=True)
class Woken:
    """An event that wakes these files; `depth` is how many reactions led to it."""

    tag: str
    data: dict[str, Any]
    files: list[str]
    depth: int
    done: trio.Event = attrs.field(factory=trio.Event, eq=False)
    """Set when all that it has done is begun, or nothing is."""


class ReactorDesk:
    """The map as it is now, and what came of it. Views and runners look here.

    `load` is for the option `reactor`: a map, or the path of a file that holds one.
    """

    def __init__(self, option: Any = (), rules: ReactorRules | None = None) -> None:
        self.rules = rules or ReactorRules()
        self.counts = Counts()
        self.leader = True
        self.rows: Rows = []
        self.changed = trio.Event()
        self._jobs: OrderedDict[str, int] = OrderedDict()
        self.patterns = Patterns(())
        self.load(option)

    def load(self, option: Any) -> None:
        """Take a map in the place of the one before. Blocking, of a file; one that cannot be read changes nothing."""
        if isinstance(option, str):
            try:
                option = read_map(Path(option))
            except CommandError as exc:
                log.error("reactor.map_unreadable", reason=str(exc))
                return
        for row in unheeded(option):
            log.error("reactor.row_unheeded", row=row)
        self._take(list(mapped(option)))

    def _take(self, rows: Rows) -> None:
        self.rows = rows
        self.patterns = Patterns(rows)
        self.changed.set()
        self.changed = trio.Event()

    def woken(self, event: Event) -> Woken | None:
        """What an event wakes, if anything."""
        if type(event) is JobNew and event.origin.depth:
            self._note(event.jid, event.origin.depth)
        tag = event.tag
        files = self.patterns.woken(tag)
        if not files or not self.leader or getattr(event, "user", None) == USER:
            return None
        return Woken(tag=tag, data=event.to_data(), files=files, depth=self._depth(event))

    def _note(self, jid: str, depth: int) -> None:
        """A reaction sent this job: what it returns is caused by that, too."""
        self._jobs[jid] = depth
        while len(self._jobs) > JOBS_KNOWN:
            self._jobs.popitem(last=False)

    def _depth(self, event: Event) -> int:
        return max(event.origin.depth, self._jobs.get(getattr(event, "jid", ""), 0))

    async def wait_rows(self) -> None:
        """Until there is something to react to."""
        while not self.rows:
            await self.changed.wait()

    def statistics(self) -> dict[str, int]:
        """How many patterns there are, and what came of them."""
        return {"patterns": len(self.rows), **attrs.asdict(self.counts)}

    def ask(self, request: ReactorRequest) -> Any:
        """What the runners `reactor.…` want. Raises CommandError where nothing is configured, as stock says it."""
        if not self.rows and request.op != "add":
            raise CommandError(NOT_RUNNING)
        match request.op:
            case "list":
                return [{pattern: list(paths)} for pattern, paths in self.rows]
            case "add":
                if any(pattern == request.event for pattern, _paths in self.rows):
                    return {"status": False, "comment": "Reactor already exists."}
                self._take([*self.rows, (request.event, list(request.reactors))])
                return {"status": True, "comment": "Reactor added."}
            case "delete":
                kept = [row for row in self.rows if row[0] != request.event]
                if len(kept) == len(self.rows):
                    return {"status": False, "comment": "Reactor does not exists."}
                self._take(kept)
                return {"status": True, "comment": "Reactor deleted."}
            case "set_leader":
                self.leader = bool(request.value)
        return self.leader


def read_map(path: Path) -> Any:
    """The map in a file. Raises CommandError."""
    try:
        return yaml.safe_load(path.read_text())
    except OSError as exc:
        raise CommandError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise CommandError(f"{path}: it is no text") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise CommandError(f"{place}: {getattr(exc, 'problem', None) or 'it is no YAML'}") from exc


async def react(
    bus: Bus,
    workers: Workers,
    runs: Runs,
    desk: ReactorDesk,
    *,
    user: str,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """React until cancelled. Jobs are known as those of `user`, the master's own account."""

    async def answer(request: ReactorRequest) -> object:
        await trio.lowlevel.checkpoint()
        return desk.ask(request)

    with bus.answering({ReactorRequest: answer}):
        task_status.started()
        await desk.wait_rows()
        log.info("reactor.started", patterns=len(desk.rows))
        async with _Crew(bus, workers, runs, desk, user).at_work() as crew:
            while True:
                # Who has no reactors does not pay for them.
                await desk.wait_rows()
                async with bus.subscribe(HEARD, keep=False, depth=DEPTH, outside=True) as events:
                    while desk.rows:
                        crew.hear(await events.receive_all())


class Renderer:
    """Has the files rendered that an event wakes. Those that asked for plugin code get a process of their own."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._alone: set[tuple[str, ...]] = set()

    async def render(self, files: Sequence[str], tag: str, data: dict[str, Any]) -> dict[str, Any]:
        """As `reaction_files.render_in_worker`. Raises TrisaltError when the worker died."""
        request = {"files": list(files), "tag": tag, "data": data}
        if tuple(files) not in self._alone:
            answer = await self._workers.run(render_in_worker, {**request, "alone": False}, warm=True)
            if not answer.get("alone"):
                return answer
            if len(self._alone) >= FILES_KNOWN:
                self._alone.clear()
            self._alone.add(tuple(files))
        return await self._workers.run(render_in_worker, {**request, "alone": True})


class _Crew:
    """Two queues, of events and of what takes long, and so many tasks for each as the rules say.

    What a file wants of minions is only sent, and is sent at once; runners and wheel functions wait for nobody else's.
    Events that wake the same files have it begun in their order.
    """

    def __init__(self, bus: Bus, workers: Workers, runs: Runs, desk: ReactorDesk, user: str) -> None:
        self._bus, self._runs, self._desk, self._user = bus, runs, desk, user
        self._renderer = Renderer(workers)
        # As many as the operator lets wait.
        self._put_woken, self._woken = trio.open_memory_channel[tuple[Woken, Woken | None]](desk.rules.worker_hwm)
        self._put_todo, self._todo = trio.open_memory_channel[tuple[Woken, Reaction]](desk.rules.worker_hwm)
        self._told: dict[tuple[str, str], float] = {}
        # Of each set of files the event that woke it last, until it is done.
        self._last: dict[tuple[str, ...], Woken] = {}

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[_Crew]:
        """For the time of the block the queues are worked on."""
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(self._desk.rules.renderers):
                    nursery.start_soon(self._render_all)
                for _ in range(self._desk.rules.worker_threads):
                    nursery.start_soon(self._run_all)
                yield self
                nursery.cancel_scope.cancel()
        finally:
            left = self._woken.statistics().current_buffer_used + self._todo.statistics().current_buffer_used
            if left:
                log.warning("reactor.left", count=left)

    def hear(self, events: Sequence[Event | Lagged]) -> None:
        """Queue what these wake."""
        counts, deepest = self._desk.counts, self._desk.rules.max_depth
        for event in events:
            if isinstance(event, Lagged):
                counts.shed += event.missed
                self._complain("reactor.lagged", "", missed=event.missed)
            elif (woken := self._desk.woken(event)) is not None:
                if deepest and woken.depth >= deepest:
                    counts.ended += 1
                    self._complain("reactor.loop_ended", woken.tag, tag=woken.tag, depth=woken.depth)
                    continue
                counts.woken += 1
                if self._queue(self._put_woken, (woken, self._last.get(tuple(woken.files))), woken.tag):
                    self._last[tuple(woken.files)] = woken

    def _queue(self, channel: trio.MemorySendChannel[Any], item: Any, tag: str) -> bool:
        """Whether there was room."""
        try:
            channel.send_nowait(item)
        except trio.WouldBlock:
            self._desk.counts.shed += 1
            self._complain("reactor.shed", "", tag=tag, hwm=self._desk.rules.worker_hwm)
            return False
        return True

    def _complain(self, event: str, of: str, **facts: Any) -> None:
        """Once in a while: what goes wrong in a flood goes wrong often."""
        now = trio.current_time()
        if now - self._told.get((event, of), float("-inf")) < QUIET_S:
            return
        if len(self._told) >= FILES_KNOWN:
            self._told.clear()
        self._told[event, of] = now
        log.error(event, **facts)

    async def _render_all(self) -> None:
        async for woken, before in self._woken:
            try:
                answer = await self._renderer.render(woken.files, woken.tag, woken.data)
            except TrisaltError as exc:
                self._desk.counts.failed += 1
                log.error("reactor.not_rendered", tag=woken.tag, reason=str(exc))
                answer = {"chunks": [], "problems": []}
            if before is not None:
                await before.done.wait()
            tell(answer["problems"])
            self._desk.counts.failed += len(answer["problems"])
            for chunk in answer["chunks"]:
                await self._begin(woken, chunk)
            woken.done.set()
            if self._last.get(tuple(woken.files)) is woken:
                del self._last[tuple(woken.files)]

    async def _begin(self, woken: Woken, chunk: dict[str, Any]) -> None:
        try:
            reaction = read_reaction(chunk)
        except CommandError as exc:
            self._desk.counts.failed += 1
            log.error("reactor.refused", reason=str(exc), sls=chunk.get("__sls__"))
            return
        for name in reaction.ignored:
            log.warning("reactor.ignored", id=reaction.id, name=name)
        if reaction.kind is Kind.LOCAL:
            await self._run(woken, reaction)
        else:
            self._queue(self._put_todo, (woken, reaction), woken.tag)

    async def _run_all(self) -> None:
        async for woken, reaction in self._todo:
            await self._run(woken, reaction)

    async def _run(self, woken: Woken, reaction: Reaction) -> None:
        jid, error = None, None
        try:
            jid = await self._do(reaction, woken.depth + 1)
        except TrisaltError as exc:
            error = str(exc)
        except Exception as exc:
            # What stands in a file is the operator's, and may be anything.
            log.exception("reactor.crashed", id=reaction.id, exc_info=exc)
            error = f"{type(exc).__name__}: {exc}"
        if error is None:
            self._desk.counts.ran += 1
        else:
            self._desk.counts.failed += 1
            log.error("reactor.failed", id=reaction.id, kind=reaction.kind, fun=reaction.fun, reason=error)
        await self._bus.publish(
            Reacted(
                to=woken.tag,
                sls=reaction.sls,
                reaction=reaction.id,
                fun=f"{reaction.kind}.{reaction.fun}",
                jid=jid,
                success=error is None,
                error=error,
                origin=_caller(USER, woken.depth + 1).origin,
            )
        )

    async def _do(self, reaction: Reaction, depth: int) -> str | None:
        """The jid of what was done; None when there is nobody whom it is for. Raises TrisaltError."""
        if reaction.kind is Kind.LOCAL:
            return await self._publish(reaction, depth)
        if reaction.kind is Kind.CALLER:
            raise CommandError("what a minion calls by itself is for a reactor of that minion, which has no master")
        jid = self._runs.new_jid()
        facts: dict[str, Any] = {"fun": reaction.fun, "jid": jid, "user": USER, "caller": _caller(USER, depth)}
        cls = RunnerRequest if reaction.kind is Kind.RUNNER else WheelRequest
        outcome: Outcome = await self._bus.ask(cls(**facts, arg=reaction.arg, kwarg=reaction.kwarg))
        if outcome.failure == Failure.MISSING:
            raise CommandError("function not available")
        if not outcome.success:
            # Whatever the bus may not see of it is no reason that is told.
            told = told_result(f"{reaction.kind}.{reaction.fun}", outcome.result, reaction.arg, reaction.kwarg)
            raise CommandError(str(told).strip().rpartition("\n")[2] or "it failed")
        return jid

    async def _publish(self, reaction: Reaction, depth: int) -> str | None:
        wanted = PublishRequest(
            tgt=reaction.tgt,
            tgt_type=reaction.tgt_type,
            fun=reaction.fun,
            arg=on_the_way(reaction.arg, reaction.kwarg),
            ret=reaction.ret,
            kwargs=reaction.options,
            user=self._user,
            timeout=reaction.timeout,
            caller=_caller(self._user, depth),
        )
        published: Published = await self._bus.ask(wanted)
        if published.jid is None:
            log.warning("reactor.nobody", id=reaction.id, fun=reaction.fun, tgt=reaction.tgt)
        return published.jid


def _caller(name: str, depth: int) -> Caller:
    """Who may write reactors may all that the master may."""
    return Caller(name=name, trusted=True, depth=depth)


def tell(problems: Sequence[dict[str, Any]]) -> None:
    """What went wrong in the files, for the log."""
    for problem in problems:
        log.error(str(problem["event"]), **{key: value for key, value in problem.items() if key != "event"})
