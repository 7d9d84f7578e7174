"""Worker processes that are scripted: they take their time, return what is said, and outlive their daemon.

Every start of a plugin function is noted in the `Host`'s `Ledger`, which belongs to the run: that is what "ran" means
in the invariants. A job has a process of its own, which lives on its host, whatever becomes of the daemon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import attrs
import trio

from trisalt.errors import WorkerDied
from trisalt.worker.protocol import Call, Context, Outcome

FASTEST_FORK, SLOWEST_FORK = 0.001, 0.01


@attrs.define
class Ledger:
    """What ran: how often each job was begun on each minion, `(id, jid)`, and what came of it.

    `marks` counts the texts that functions were given, `(id, text)`. `warm` are those without a process of their own: short and harmless, so that another daemon may run them again.
    `durable` are those of jobs that wait, which their master may send again. `cut` is how often a power cut came before a job's return was written, `unnoted` are
    those of which a power cut may have left no note, `forgotten` of these had returned, and nothing else told of them. `after_return` are those that began when their return had been acknowledged. `unwritten` are those whose own process did not write their return; `excused` those that need not return any more.
    """

    begun: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    warm: set[tuple[str, str]] = attrs.field(factory=set)
    durable: set[tuple[str, str]] = attrs.field(factory=set)
    cut: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    unnoted: set[tuple[str, str]] = attrs.field(factory=set)
    forgotten: set[tuple[str, str]] = attrs.field(factory=set)
    after_return: set[tuple[str, str]] = attrs.field(factory=set)
    marks: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    ended: dict[tuple[str, str], Any] = attrs.field(factory=dict)
    unwritten: set[tuple[str, str]] = attrs.field(factory=set)
    excused: set[tuple[str, str]] = attrs.field(factory=set)


@attrs.define(eq=False)
class Process:
    """A process of a host: what it works on, where its return goes; and its outcome, when it has ended."""

    pid: int
    call: Call
    spool: Path | None
    over: trio.Event = attrs.field(factory=trio.Event)
    outcome: Outcome | None = None


class Host(Protocol):
    """What the workers need of the host that they run on, as one daemon sees it."""

    gone: bool

    async def wait(self, fastest: float, slowest: float) -> None:
        """Wait for a while that is drawn."""

    def fork(self, call: Call, spool: Path | None) -> Process:
        """A new process, which waits to be told to run its job."""

    def start(self, process: Process, seconds: float) -> None:
        """Let it leave its mark and run; it runs on, whatever becomes of the daemon."""

    def end(self, process: Process) -> None:
        """Kill one."""


class ScriptedWorkers:
    """What `worker.pool.Workers` offers. `answers` has what functions of the engine give, by their names."""

    def __init__(self, host: Host, answers: dict[str, Callable[..., Any]]) -> None:
        self._host = host
        self._answers = answers
        self._running: dict[str, Process] = {}

    async def run_job(
        self,
        call: Call,
        *,
        warm: bool = False,
        on_start: Callable[[int], object] | None = None,
        spool: Path | None = None,
        outlives: bool = True,
        context: Callable[[], Context] | None = None,
        strict: bool = False,
        brief: bool = False,
    ) -> Outcome:
        """Run a function; it takes as long as its first argument says. Those of `strict` jobs are all new here."""
        await self._host.wait(FASTEST_FORK, SLOWEST_FORK)
        if self._host.gone:
            await trio.sleep_forever()
        seconds = next((float(value) for value in call.arg if isinstance(value, float)), 0.001)
        process = self._host.fork(call, spool)
        if on_start is not None:
            on_start(process.pid)
        if self._host.gone:
            # A child that was not told what to run ends with its daemon.
            self._host.end(process)
            await trio.sleep_forever()
        self._host.start(process, seconds)
        self._running[call.jid] = process
        finished = False
        try:
            await process.over.wait()
            finished = True
        finally:
            del self._running[call.jid]
            if not finished and (not outlives or (warm and not strict)):
                self._host.end(process)
        if process.outcome is None:
            raise WorkerDied("The worker process died with signal 15", status=-15)
        if brief and process.outcome.spooled:
            # Who needs it reads it there.
            return replace(process.outcome, result=None)
        return process.outcome

    async def run(self, function: Callable[..., Any], *args: Any, warm: bool = False) -> Any:
        """Run a function of the engine."""
        await self._host.wait(FASTEST_FORK, SLOWEST_FORK)
        return self._answers[function.__name__](*args)

    @asynccontextmanager
    async def resident(self) -> AsyncIterator[ScriptedWorkers]:
        """A child that stays; it does what any other would."""
        yield self

    def renew(self) -> None:
        """It holds nothing that would be old."""

    def signal(self, jid: str, signum: int) -> int | None:
        """End a job."""
        process = self._running.get(jid)
        if process is None:
            return None
        if signum:
            self._host.end(process)
        return process.pid

    def running(self) -> dict[str, int]:
        """The jobs that run here."""
        return {jid: process.pid for jid, process in self._running.items()}

    def refresh(self) -> None:
        """Plugins have changed: there are none."""

    def statistics(self) -> dict[str, int]:
        """A snapshot for debugging."""
        return {"busy": len(self._running), "warm": 0, "waiting": 0}
