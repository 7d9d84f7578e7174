"""Machines and the daemons on them: started, crashed between any two steps, started again.

A daemon is started on its host, and again whenever it has ended, as an init system does. A crash takes its disk as it
is, silences its end of the network and cancels its tasks; what they still do while they unwind reaches nobody.
"""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import trio

from tests.simulation import platform
from tests.simulation.clock import Clock, Timer
from tests.simulation.disk import Disk
from tests.simulation.door import End
from tests.simulation.network import Network, Peer
from tests.simulation.power import Left
from tests.simulation.trace import Trace
from tests.simulation.workers import Ledger, Process
from trisalt.bus.bus import Bus, BusStatistics
from trisalt.errors import ConfigError, Rejected
from trisalt.minion.spool import Journal
from trisalt.wire.codec import pack_bin
from trisalt.worker.plain import durable, mark_begun
from trisalt.worker.protocol import Call, Outcome

RESTART = 1.0
# A daemon that ended so often by itself cannot live.
MOST_ENDS = 3


class Surroundings(Protocol):
    """What a host needs of the world. `processes` are those that are alive: how to end each."""

    seed: int
    clock: Clock
    root: Path
    trace: Trace
    network: Network
    ledger: Ledger
    processes: dict[int, Callable[[], object]]
    pids: int

    def broken(self, text: str) -> None:
        """An invariant does not hold."""


class Daemon(Peer):
    """One life of a daemon. `gone`: it has crashed, and only Python does not know it yet."""

    def __init__(self, host: Host, number: int) -> None:
        super().__init__(host.id)
        self.host = host
        self.number = number
        self.stop = trio.Event()
        self.over = trio.Event()
        self.scope = trio.CancelScope()
        self.bus: Bus | None = None
        self.base: BusStatistics | None = None
        self.callers: trio.MemorySendChannel[End] | None = None
        self.root = host.disk.folder

    def __str__(self) -> str:
        return f"{self.id}#{self.number}"

    # -- what the platform asks -------------------------------------------------------------------------------

    @property
    def skew(self) -> float:
        return self.host.skew

    @property
    def disk_full(self) -> bool:
        return self.host.disk_full

    @property
    def boot(self) -> str:
        return f"{self.id}, boot {self.host.cuts}"

    @property
    def booted(self) -> float:
        return self.host.booted

    def about_to_write(self, path: str) -> None:
        """A change of the disk is a moment to crash in, too."""
        self.moment("writes", name=os.path.basename(path))
        self.host.step(self)

    def moment(self, what: str, **facts: str) -> None:
        """Something happens that is in no line of the trace."""
        if not self.gone:
            self.host.world.trace.happened(self.id, what, **facts)

    # -- what the workers ask ---------------------------------------------------------------------------------

    async def wait(self, fastest: float, slowest: float) -> None:
        await self.host.world.clock.pause(self.host.draw.uniform(fastest, slowest))

    def fork(self, call: Call, spool: Path | None) -> Process:
        return self.host.fork(call, None if spool is None else spool.relative_to(self.root))

    def start(self, process: Process, seconds: float) -> None:
        self.host.start_process(process, seconds)

    def end(self, process: Process) -> None:
        self.host.end_process(process)


class Host:
    """One machine: its disk, its clock, its processes, and the daemon that runs on it now."""

    def __init__(self, world: Surroundings, id: str) -> None:
        self.world = world
        self.id = id
        self.disk = Disk(world.root, id)
        self.draw = random.Random(f"host {world.seed} {id}")
        self.skew = 0.0
        self.filled = 0
        self.ever_full = False
        self.cuts = 0
        self.booted = 0.0
        self.daemon: Daemon | None = None
        self.down = 0.0
        self._steps_left: int | None = None
        self._steps: Steps | None = None
        self._lives = 0
        self._own_ends = 0
        self._working: dict[Process, Timer] = {}

    @property
    def disk_full(self) -> bool:
        return self.filled > 0

    @property
    def lives(self) -> int:
        """How many daemons it has had."""
        return self._lives

    # -- the daemon -------------------------------------------------------------------------------------------

    @property
    def doomed(self) -> bool:
        """Whether its daemon is about to crash."""
        return self._steps_left is not None

    def doom(self, steps: int | None) -> None:
        """Its daemon crashes after so many steps; or not, after all."""
        self._steps_left = steps
        if (steps is None) == (self._steps is None):
            return
        if self._steps is None:
            self._steps = Steps(self)
            trio.lowlevel.add_instrument(self._steps)
        else:
            trio.lowlevel.remove_instrument(self._steps)
            self._steps = None

    async def run(self, body: Callable[[Daemon], Awaitable[None]]) -> None:
        """Keep the daemon running, for ever."""
        while True:
            self._lives += 1
            daemon = self.daemon = Daemon(self, self._lives)
            self.down = RESTART
            self.world.trace.note(self.id, "daemon started", life=self._lives)
            platform.current.set(daemon)
            try:
                with daemon.scope:
                    await body(daemon)
            except BaseException as exc:
                self._ended(daemon, exc)
            finally:
                platform.current.set(None)
            self.daemon = None
            self.doom(None)
            daemon.over.set()
            if not daemon.gone:
                if self.ever_full:
                    self._excuse(crashed=False)
                # Its connections are closed by the kernel, whatever the daemon did about them.
                self.world.network.crash(daemon)
            self.world.trace.note(self.id, "daemon ended", life=self._lives, down=self.down)
            await trio.sleep(self.down)

    def _ended(self, daemon: Daemon, exc: BaseException) -> None:
        if isinstance(exc, trio.Cancelled) or daemon.gone:
            if isinstance(exc, trio.Cancelled) and not daemon.scope.cancel_called:
                raise exc
            return
        cancelled, rest = exc.split(trio.Cancelled) if isinstance(exc, BaseExceptionGroup) else (None, exc)
        if cancelled is not None and not daemon.scope.cancel_called:
            raise exc
        if rest is None or _only(rest, Rejected):
            return
        if self.disk_full and _only(rest, ConfigError):
            # It was never there before, and cannot keep what it has to.
            return
        self.world.broken(f"{daemon} ended by itself: {rest!r}")
        self._own_ends += 1
        if self._own_ends == MOST_ENDS:
            # It cannot live. There is nothing to be seen in the rest of this run.
            raise rest

    def cut_power(self, left: Left) -> None:
        """It is without power from one moment to the next, and boots."""
        daemon = self.daemon
        self.cuts += 1
        self.booted = self.world.clock.now
        self.world.trace.note(self.id, "power cut", life=self._lives)
        self.doom(None)
        self.disk.cut_power(left, self.draw)
        for process in list(self._working):
            self.end_process(process)
        self._excuse_cut()
        if daemon is not None and not daemon.gone:
            self.world.network.crash(daemon)
            daemon.over.set()
            daemon.scope.cancel()

    def step(self, daemon: Daemon) -> None:
        """One more step of a daemon: perhaps its last."""
        if self._steps_left is None or daemon is not self.daemon or daemon.gone:
            return
        self._steps_left -= 1
        if self._steps_left < 0:
            self.doom(None)
            self.world.trace.note(self.id, "crash", life=daemon.number)
            self._excuse(crashed=True)
            # Before anything of it unwinds.
            self.disk.crash()
            self.world.network.crash(daemon)
            daemon.over.set()
            daemon.scope.cancel()

    def _excuse(self, *, crashed: bool) -> None:
        """What was only in the memory of a daemon need not return: what no disk took, and short jobs of one that
        crashes. What was acknowledged is the master's to keep."""
        ledger = self.world.ledger
        at_risk = {
            jid
            for id, jid in ledger.begun
            if id == self.id and ((id, jid) in ledger.unwritten or (crashed and (id, jid) not in ledger.ended))
        }
        self._excuse_unkept(at_risk)

    def _excuse_cut(self) -> None:
        """What a process of its own has written is there. Of the rest no disk had to have anything: it may be lost, and
        run again; but of what waits at the master it is known that it had begun."""
        ledger, acknowledged = self.world.ledger, self.world.trace.acknowledged
        at_risk = {
            jid
            for id, jid in ledger.begun
            if id == self.id
            and (id, jid) not in acknowledged
            and ((id, jid) not in ledger.ended or (id, jid) in ledger.unwritten)
        }
        ledger.unnoted.update(key for key in ledger.begun.keys() | acknowledged if key[0] == self.id)
        ledger.forgotten.update(key for key in acknowledged if key[0] == self.id)
        self.world.trace.spooled -= {(self.id, jid) for jid in at_risk}
        ledger.cut.update((self.id, jid) for jid in at_risk)
        self._excuse_unkept({jid for jid in at_risk if (self.id, jid) not in ledger.durable - ledger.unwritten})

    def _excuse_unkept(self, at_risk: set[str]) -> None:
        if not at_risk:
            return
        folder = self.disk.folder / "cache" / "spool"
        with platform.outside():
            # Of a copy: what is torn is the next daemon's to mend.
            copy = self.world.root / "journal"
            copy.write_bytes((folder / ".journal").read_bytes() if (folder / ".journal").exists() else b"")
            journal = Journal(copy).kept
        for jid in at_risk:
            key = self.id, jid
            trace = self.world.trace
            if not (jid in journal or os.path.exists(folder / jid) or key in trace.acknowledged | trace.spooled):
                self.world.ledger.excused.add(key)

    # -- its processes ----------------------------------------------------------------------------------------

    def fork(self, call: Call, spool: Path | None) -> Process:
        world = self.world
        world.pids += 1
        process = Process(pid=world.pids, call=call, spool=spool)
        world.processes[process.pid] = partial(self.end_process, process)
        return process

    def start_process(self, process: Process, seconds: float) -> None:
        world = self.world
        jid, fun = process.call.jid, process.call.fun
        durable = bool(process.call.pub.get("durable"))
        if durable:
            world.ledger.durable.add((self.id, jid))
        if process.spool is None:
            world.ledger.warm.add((self.id, jid))
        elif self.disk_full:
            # As a child does that cannot leave the mark: it does not begin.
            text = "ERROR: the minion cannot keep a note of the job"
            process.outcome = Outcome(result=text, retcode=1, success=False)
            self.end_process(process)
            return
        else:
            with platform.outside():
                mark_begun(self.disk.folder / process.spool, synced=durable)
        world.ledger.begun[self.id, jid] += 1
        if (self.id, jid) in world.trace.acknowledged:
            world.ledger.after_return.add((self.id, jid))
        world.ledger.marks.update((self.id, value) for value in process.call.arg if isinstance(value, str))
        world.trace.note(self.id, "ran", fun=fun, jid=jid, time=world.ledger.begun[self.id, jid])
        self._working[process] = world.clock.after(seconds, lambda: self._ends(process))

    def _ends(self, process: Process) -> None:
        self._finish(process)
        self.end_process(process)

    def _finish(self, process: Process) -> None:
        call, spooled = process.call, process.spool is not None and not self.disk_full
        key = (self.id, call.jid)
        outcome = Outcome(result=f"{call.jid} on {self.id}", spooled=spooled)
        if spooled and process.spool is not None:
            # The folder may be another one by now; the disk is the same.
            durable(self.disk.folder / process.spool, pack_bin({**call.load, **outcome.to_load()}))
        process.outcome = outcome
        self.world.ledger.ended[key] = outcome.result
        if not spooled:
            # Until its daemon has done so, nobody has written it down.
            self.world.ledger.unwritten.add(key)
        self.world.trace.note(self.id, "finished", jid=call.jid, spooled=spooled)

    def end_process(self, process: Process) -> None:
        self.world.processes.pop(process.pid, None)
        if (timer := self._working.pop(process, None)) is not None:
            timer.cancel()
        process.over.set()


class Steps(trio.abc.Instrument):
    """Counts the steps of a daemon that is about to crash. Nobody counts otherwise: that is a tenth of a run."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        daemon = task.context.get(platform.current)
        if daemon is not None and daemon is self._host.daemon:
            self._host.step(self._host.daemon)


def _only(exc: BaseException, cls: type[BaseException]) -> bool:
    if isinstance(exc, BaseExceptionGroup):
        return exc.split(cls)[1] is None
    return isinstance(exc, cls)
