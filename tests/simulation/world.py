"""The run of one plan: hosts with their daemons, operators at the local door, and what happens to them.

`simulate(plan)` gives a `Run`: whether the invariants held, and what happened.
"""

from __future__ import annotations

import gc
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import attrs
import trio

from tests.simulation import platform
from tests.simulation.clock import Clock
from tests.simulation.daemons import run_master, run_minion
from tests.simulation.disk import scratch
from tests.simulation.faults import (
    Act,
    ClockStep,
    Crash,
    Cut,
    Delay,
    DiskFull,
    DiskSlow,
    Fault,
    Lose,
    Partition,
    Plan,
    PowerCut,
    Publish,
    Repeat,
    Stop,
)
from tests.simulation.hosts import Host
from tests.simulation.keys import quick_keys
from tests.simulation.network import Network
from tests.simulation.operators import Operators
from tests.simulation.power import Left, Synced
from tests.simulation.trace import Trace
from tests.simulation.workers import Ledger
from trisalt.bus.answers import Presence

# Seconds after the last fault in which links have healed and, mostly, all has come right; and in which it must have:
# returns that failed are tried again every 120 s.
HEALED, PATIENCE = 45.0, 300.0
# Seconds of the processor that a run may take, and of real time: one that waits for nothing takes none of the former.
WORK_SECONDS, REAL_SECONDS = 15.0, 60.0


class World:
    """All of one run. `pings` are asked of all when it should be over; `present` is what each master then says of who is
    here. `missed` is what has not happened yet of what is in the plan."""

    def __init__(
        self, plan: Plan, root: Path, trace: Trace, processes: dict[int, Callable[[], object]], clock: Clock
    ) -> None:
        self.plan = plan
        self.clock = clock
        self.seed = plan.seed
        self.root = root
        self.trace = trace
        self.processes = processes
        self.pids = platform.FIRST_PID
        self.ledger = Ledger()
        self.missed: list[Fault | Act] = [*plan.faults, *plan.acts]
        self.happened: list[tuple[Fault | Act, int, float]] = []
        self.network = Network(plan.seed, plan.calm(), trace, clock, self.hit)
        self.hosts = {id: Host(self, id) for id in (*plan.house(), *plan.minions)}
        self.operators = {id: Operators(self.hosts[id], trace) for id in plan.house()}
        if cut := {fault.id for fault in plan.faults if isinstance(fault, PowerCut)}:
            for id in cut:
                self.hosts[id].disk.synced = Synced(self.hosts[id].disk.folder)
            platform.hear_syncs(self._synced)
        self.pings: list[Publish] = []
        self.present: dict[str, dict[str, Presence]] = {}
        self.violations: list[str] = []
        self.nursery: trio.Nursery

    def broken(self, text: str) -> None:
        """An invariant does not hold."""
        self.trace.note("-", "BROKEN", text=text)
        self.violations.append(text)

    def _synced(self, fd: int) -> None:
        for host in self.hosts.values():
            if host.disk.synced is not None:
                host.disk.synced.sync(fd)

    def hit(self, one: Fault | Act) -> None:
        """Something of the plan has happened."""
        self.happened.append((one, len(self.trace.lines), self.clock.now))
        self.missed = [other for other in self.missed if other is not one]

    async def run(self, check: Callable[[World], list[str]]) -> None:
        """Let it all happen, wait until it has come right, and look."""
        async with trio.open_nursery() as self.nursery:
            for id in self.plan.house():
                self.nursery.start_soon(self.hosts[id].run, partial(run_master, self.network, self.plan.masters))
            for id in self.plan.minions:
                self.nursery.start_soon(self.hosts[id].run, partial(run_minion, self.network, self.plan.masters))
            if self.plan.watched:
                for operators in self.operators.values():
                    self.nursery.start_soon(operators.follow_log)
            for act in self.plan.acts:
                self._when(act, act.at, partial(self._do, act))
            for fault in self.plan.faults:
                at = getattr(fault, "at", None)
                self._when(fault, at, partial(self._strike, fault))
            for patience in (HEALED, PATIENCE):
                await trio.sleep_until(self.plan.calm() + patience)
                await self._look()
                broken = check(self)
                if not broken and not self.plan.patient:
                    break
            for text in broken:
                self.broken(text)
            self.nursery.cancel_scope.cancel()

    async def _look(self) -> None:
        """Who answers, and who is said to be there."""
        self.pings.append(Publish(at=self.clock.now, fun="test.ping", tgt="*"))
        with trio.move_on_after(60):
            async with trio.open_nursery() as nursery:
                for operators in self.operators.values():
                    nursery.start_soon(operators.publish, self.pings[-1])
                    # Two masters that publish in one microsecond give one job id.
                    await trio.sleep(0.01)
        self.present = {id: await one.presence(self.plan.minions) for id, one in self.operators.items()}
        # What ends with the last job needs a moment to end.
        await trio.sleep(1)

    def close(self) -> None:
        """The run is over."""
        for host in self.hosts.values():
            host.disk.close()

    def _when(self, one: Fault | Act, at: float | None, happen: Callable[[], object]) -> None:
        """Let something happen when the plan says so: at once, where it says nothing of time."""
        if one.after is not None:

            def come() -> None:
                if self.clock.now > self.plan.within:
                    return
                if at:
                    self.clock.after(at, happen)
                else:
                    happen()

            self.trace.when(one.after, come)
        elif at is None:
            happen()
        else:
            self.clock.at(at, happen)

    def _do(self, act: Act) -> None:
        self.hit(act)
        self.nursery.start_soon(self.operators[act.on].act, act)

    def _strike(self, fault: Fault) -> None:
        match fault:
            case Lose() | Delay() | Repeat() | Cut() | Partition():
                self.network.strike(fault)
            case Crash(id=id, steps=steps, down=down):
                self._crash(fault, self.hosts[id], steps, down)
            case PowerCut(id=id, down=down, left=left):
                self.hit(fault)
                self.hosts[id].down = down
                self.hosts[id].cut_power(Left(left))
            case Stop(id=id, down=down):
                host = self.hosts[id]
                if host.daemon is not None and not host.daemon.gone:
                    self.hit(fault)
                    self.trace.note(id, "stop")
                    host.down = down
                    if id in self.operators:
                        host.daemon.stop.set()
                    else:
                        host.daemon.scope.cancel()
            case DiskFull(id=id, seconds=seconds):
                self.hit(fault)
                self._fill(self.hosts[id], "disk full", 1)
                self.clock.after(seconds, partial(self._fill, self.hosts[id], "disk has room", -1))
            case DiskSlow(id=id, by=by, seconds=seconds):
                self.hit(fault)
                self._slow_down(self.hosts[id], by)
                self.clock.after(seconds, partial(self._slow_down, self.hosts[id], -by))
            case ClockStep(id=id, by=by, seconds=seconds):
                self.hit(fault)
                self._set_clock(self.hosts[id], by)
                self.clock.after(seconds, partial(self._set_clock, self.hosts[id], -by))

    def _crash(self, fault: Crash, host: Host, steps: int, down: float) -> None:
        daemon = host.daemon
        if daemon is None or host.doomed:
            return
        self.hit(fault)
        host.down = down
        host.doom(steps)
        if not steps and fault.after is not None:
            host.step(daemon)
            return

        def sleeping() -> None:
            # It may have nothing to do; then it goes while it sleeps.
            if host.daemon is daemon and host.doomed:
                host.doom(0)
                host.step(daemon)

        self.clock.after(1.0, sleeping)

    def _fill(self, host: Host, what: str, by: int) -> None:
        self.trace.note(host.id, what)
        host.filled += by
        host.ever_full = True

    def _slow_down(self, host: Host, by: float) -> None:
        self.trace.note(host.id, "disk slow" if by > 0 else "disk quick again")
        host.disk.slow += by

    def _set_clock(self, host: Host, by: float) -> None:
        self.trace.note(host.id, "clock set", by=by)
        host.skew += by


@attrs.frozen(kw_only=True)
class Run:
    """What came of a plan."""

    plan: Plan
    violations: list[str]
    trace: Trace
    seconds: float
    """Of simulated time."""
    missed: Sequence[Fault | Act] = ()
    """What has not happened of what is in the plan."""
    happened: Sequence[tuple[Fault | Act, int, float]] = ()
    """What has: before which line of the trace, and when."""
    sent: Sequence[tuple[str, int]] = ()
    """The channel of each message, and how long the trace was when it was sent."""
    endless: bool = False
    """It had to be given up: this process is good for no other."""


def simulate(plan: Plan, check: Callable[[World], list[str]]) -> Run:
    """Run a plan from its beginning to its end."""
    clock = Clock()
    with scratch() as root, platform.simulated(plan.seed, clock) as processes, quick_keys(plan.quick):
        trace = Trace(clock.current_time, str(root))

        worlds: list[World] = []

        async def main() -> None:
            world = World(plan, root, trace, processes, clock)
            worlds.append(world)
            try:
                await world.run(check)
            finally:
                world.close()

        ended: list[str] = []
        endless = False
        with trace.listening(), _patience(trace), _uncollected():
            try:
                trio.run(main, clock=clock)
            except (Endless, trio.TrioInternalError) as exc:
                endless = True
                ended = [f"the run does not end: {exc!r}"]
            except BaseExceptionGroup as group:
                ended = [f"the run ended: {group!r}"]
            for text in ended:
                trace.note("-", "BROKEN", text=text)
    violations = [text for world in worlds for text in world.violations] + ended
    return Run(
        plan=plan,
        violations=violations,
        trace=trace,
        seconds=clock.now,
        missed=[one for world in worlds for one in world.missed],
        happened=[one for world in worlds for one in world.happened],
        sent=[one for world in worlds for one in world.network.sent],
        endless=endless,
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """What a run leaves is collected when it is over: at once, and never in the middle. What is imported stays."""
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.enable()


class Endless(BaseException):
    """A run takes too long: something turns and turns."""


@contextmanager
def _patience(trace: Trace) -> Iterator[None]:
    """Give a run up that does not end, and note where everybody is."""

    def give_up(_signum: int, frame: FrameType | None) -> None:
        trace.note("-", "stuck", at="".join(traceback.format_stack(frame, limit=3)))
        root = trio.lowlevel.current_root_task()
        if root is not None:
            _note_tasks(root, trace, 0)
        raise Endless

    timers = ((signal.SIGALRM, signal.ITIMER_REAL, REAL_SECONDS), (signal.SIGPROF, signal.ITIMER_PROF, WORK_SECONDS))
    kept = [signal.signal(signum, give_up) for signum, _timer, _seconds in timers]
    for _signum, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (signum, timer, _seconds), handler in zip(timers, kept, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(signum, handler)


def _note_tasks(task: trio.lowlevel.Task, trace: Trace, depth: int) -> None:
    frames = [f"{os.path.basename(frame.f_code.co_filename)}:{line}" for frame, line in task.iter_await_frames()]
    trace.note(str(task.context.get(platform.current)), "  " * depth + task.name.rpartition(".")[2], at=frames[-5:])
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            _note_tasks(child, trace, depth + 1)
