"""The run of one plan: hosts with their daemons, operators at the local door, and what happens to them.

`simulate(plan)` gives a `Run`: whether the invariants held, and what happened. A daemon is started on its host, and
again whenever it has ended, as an init system does. A crash takes its disk as it is, silences its end of the network
and cancels its tasks; what they still do while they unwind reaches nobody.
"""

from __future__ import annotations

import contextvars
import os
import random
import signal
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import attrs
import trio
import trio.testing

from tests.simulation import platform
from tests.simulation.disk import Disk, open_simulated_store, scratch
from tests.simulation.faults import (
    MASTER,
    Batch,
    ChangeKey,
    ClockStep,
    Crash,
    DiskFull,
    Follow,
    Plan,
    Publish,
    Rotate,
    Stop,
)
from tests.simulation.network import Network, Peer
from tests.simulation.trace import Trace
from tests.simulation.workers import Ledger, Process, ScriptedWorkers
from trisalt.bus.bus import Bus, BusStatistics
from trisalt.bus.requests import Presence, PresenceRequest, RotateRequest
from trisalt.config.read import read_master, read_minion
from trisalt.errors import Rejected
from trisalt.master.daemon import log_events, network_door, prepare, start_services
from trisalt.master.keyring import Keyring, State, request_rotation
from trisalt.master.local_door import serve_local_door
from trisalt.master.request_server import FALLBACK
from trisalt.minion.daemon import Minion, Outside
from trisalt.transport.local import FrameStream, HangUps, LocalPeer
from trisalt.wire.codec import pack_bin
from trisalt.wire.keys import PrivateKey
from trisalt.worker.plain import durable, mark_begun
from trisalt.worker.protocol import Call, Outcome

ADDRESS = "10.0.0.1"
REQUESTS, PUBLICATIONS = f"tcp://{ADDRESS}:4506", f"tcp://{ADDRESS}:4505"
GRACE = 5.0
RESTART = 1.0
# Seconds after the last fault in which all must have come right: returns that failed are tried again every 120 s.
PATIENCE = 300.0
# Seconds of the processor that a run may take, and of real time: one that waits for nothing takes none of the former.
WORK_SECONDS, REAL_SECONDS = 15.0, 60.0
MOST_ENDS = 3


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
        self.callers: trio.MemorySendChannel[socket.socket] | None = None
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

    def about_to_write(self, path: str) -> None:
        """A change of the disk is a moment to crash in, too."""
        self.host.step(self)

    # -- what the workers ask ---------------------------------------------------------------------------------

    def wait(self, fastest: float, slowest: float) -> float:
        return self.host.draw.uniform(fastest, slowest)

    def fork(self, call: Call, spool: Path | None) -> Process:
        return self.host.fork(call, None if spool is None else spool.relative_to(self.root))

    def start(self, process: Process, seconds: float) -> None:
        self.host.start_process(process, seconds)

    def end(self, process: Process) -> None:
        self.host.end_process(process)


class Host:
    """One machine: its disk, its clock, its processes, and the daemon that runs on it now."""

    def __init__(self, world: World, id: str) -> None:
        self.world = world
        self.id = id
        self.disk = Disk(world.root, id)
        self.draw = random.Random(f"host {world.plan.seed} {id}")
        self.skew = 0.0
        self.filled = 0
        self.ever_full = False
        self.daemon: Daemon | None = None
        self.steps_left: int | None = None
        self.down = 0.0
        self._lives = 0
        self._own_ends = 0
        self._scopes: dict[Process, trio.CancelScope] = {}

    @property
    def disk_full(self) -> bool:
        return self.filled > 0

    @property
    def lives(self) -> int:
        """How many daemons it has had."""
        return self._lives

    # -- the daemon -------------------------------------------------------------------------------------------

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
            self.steps_left = None
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
        self.world.broken(f"{daemon} ended by itself: {rest!r}")
        self._own_ends += 1
        if self._own_ends == MOST_ENDS:
            # It cannot live. There is nothing to be seen in the rest of this run.
            raise rest

    def step(self, daemon: Daemon) -> None:
        """One more step of a daemon: perhaps its last."""
        if self.steps_left is None or daemon is not self.daemon or daemon.gone:
            return
        self.steps_left -= 1
        if self.steps_left < 0:
            self.steps_left = None
            self.world.trace.note(self.id, "crash", life=daemon.number)
            self._excuse(crashed=True)
            # Before anything of it unwinds.
            self.disk.crash()
            self.world.network.crash(daemon)
            daemon.over.set()
            daemon.scope.cancel()

    def _excuse(self, *, crashed: bool) -> None:
        """What was only in the memory of a daemon need not return: what no disk took, and short jobs of one that
        crashes."""
        ledger = self.world.ledger
        for id, jid in ledger.begun:
            at_risk = id == self.id and ((id, jid) in ledger.unwritten or (crashed and (id, jid) not in ledger.ended))
            if at_risk and not os.path.exists(self.disk.folder / "cache" / "spool" / jid):
                ledger.excused.add((id, jid))

    # -- its processes ----------------------------------------------------------------------------------------

    def fork(self, call: Call, spool: Path | None) -> Process:
        world = self.world
        world.pids += 1
        world.processes.add(world.pids)
        return Process(pid=world.pids, call=call, spool=spool)

    def start_process(self, process: Process, seconds: float) -> None:
        world = self.world
        jid, fun = process.call.jid, process.call.fun
        if process.spool is None:
            world.ledger.warm.add((self.id, jid))
        elif self.disk_full:
            # As a child does that cannot leave the mark: it does not begin.
            text = "ERROR: the minion cannot keep a note of the job"
            process.outcome = Outcome(result=text, retcode=1, success=False)
            self.end_process(process)
            process.over.set()
            return
        else:
            with platform.outside():
                mark_begun(self.disk.folder / process.spool)
        world.ledger.begun[self.id, jid] += 1
        world.ledger.marks.update((self.id, value) for value in process.call.arg if isinstance(value, str))
        world.trace.note(self.id, "ran", fun=fun, jid=jid, time=world.ledger.begun[self.id, jid])
        context = contextvars.copy_context()
        context.run(platform.current.set, None)
        context.run(world.nursery.start_soon, self._process, process, seconds)

    async def _process(self, process: Process, seconds: float) -> None:
        with trio.CancelScope() as self._scopes[process]:
            await trio.sleep(seconds)
            self._finish(process)
        del self._scopes[process]
        self.world.processes.discard(process.pid)
        process.over.set()

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
        self.world.processes.discard(process.pid)
        if (scope := self._scopes.get(process)) is not None:
            scope.cancel()


@attrs.define(eq=False)
class Followed:
    """What an operator was told of one job, from one connection."""

    act: Publish | Follow
    began: float
    jid: str | None = None
    minions: list[str] = attrs.field(factory=list)
    missing: list[str] = attrs.field(factory=list)
    told: list[dict[str, Any]] = attrs.field(factory=list)
    settled: dict[str, str] | None = None
    error: dict[str, Any] | None = None
    ended: float | None = None
    again: bool = False


@attrs.define(eq=False)
class Heard:
    """What somebody was told who follows all events, `(number, tag)`: after the number `first`, until now up to `at`.

    `odd` is what should not be told.
    """

    log: str | None = None
    first: int = 0
    at: int = 0
    told: list[tuple[int, str]] = attrs.field(factory=list)
    odd: list[str] = attrs.field(factory=list)


class World:
    """All of one run."""

    def __init__(self, plan: Plan, root: Path, trace: Trace, processes: set[int]) -> None:
        self.plan = plan
        self.root = root
        self.trace = trace
        self.processes = processes
        self.pids = platform.FIRST_PID
        self.ledger = Ledger()
        self.network = Network(plan.seed, plan.faults, plan.calm(), trace)
        self.hosts = {id: Host(self, id) for id in (MASTER, *plan.minions)}
        self.followed: list[Followed] = []
        self.heard = Heard()
        self.present: dict[str, Presence] = {}
        # When it was sure that a minion gets nothing any more (True), and when it was let in again (False).
        self.shut_out: dict[str, list[tuple[float, bool]]] = {}
        self.violations: list[str] = []
        self.nursery: trio.Nursery

    def broken(self, text: str) -> None:
        """An invariant does not hold."""
        self.trace.note("-", "BROKEN", text=text)
        self.violations.append(text)

    async def run(self, check: Callable[[World], None]) -> None:
        """Let it all happen, wait until it has come right, and look."""
        async with trio.open_nursery() as self.nursery:
            self.nursery.start_soon(self.network.run)
            for id, host in self.hosts.items():
                self.nursery.start_soon(host.run, self._master if id == MASTER else self._minion)
            self.nursery.start_soon(self._follow_log)
            for act in self.plan.acts:
                self.nursery.start_soon(self._act, act)
            for fault in self.plan.faults:
                self.nursery.start_soon(self._happen, fault)
            await trio.sleep_until(self.plan.calm() + PATIENCE)
            last = Publish(at=trio.current_time(), fun="test.ping", tgt="*")
            with trio.move_on_after(60):
                await self._publish(last)
            self.present = await self.presence()
            # What ends with the last job needs a moment to end.
            await trio.sleep(1)
            check(self)
            self.nursery.cancel_scope.cancel()

    def close(self) -> None:
        for host in self.hosts.values():
            host.disk.close()

    # -- faults and acts --------------------------------------------------------------------------------------

    async def _happen(self, fault: object) -> None:
        match fault:
            case Crash(id=id, at=at, steps=steps, down=down):
                await trio.sleep_until(at)
                host = self.hosts[id]
                daemon = host.daemon
                if daemon is not None and host.steps_left is None:
                    host.steps_left, host.down = steps, down
                    # It may have nothing to do; then it goes while it sleeps.
                    await trio.sleep(1)
                    if host.daemon is daemon and host.steps_left is not None:
                        host.steps_left = 0
                        host.step(daemon)
            case Stop(id=id, at=at, down=down):
                await trio.sleep_until(at)
                host = self.hosts[id]
                if host.daemon is not None and not host.daemon.gone:
                    self.trace.note(id, "stop")
                    host.down = down
                    if id == MASTER:
                        host.daemon.stop.set()
                    else:
                        host.daemon.scope.cancel()
            case DiskFull(id=id, at=at, seconds=seconds):
                await trio.sleep_until(at)
                self.trace.note(id, "disk full")
                self.hosts[id].filled += 1
                self.hosts[id].ever_full = True
                await trio.sleep(seconds)
                self.trace.note(id, "disk has room")
                self.hosts[id].filled -= 1
            case ClockStep(id=id, at=at, by=by, seconds=seconds):
                await trio.sleep_until(at)
                self.trace.note(id, "clock set", by=by)
                self.hosts[id].skew += by
                await trio.sleep(seconds)
                self.trace.note(id, "clock set", by=-by)
                self.hosts[id].skew -= by

    async def _act(self, act: object) -> None:
        match act:
            case Publish(at=at):
                await trio.sleep_until(at)
                await self._publish(act)
            case Follow(at=at, number=number):
                await trio.sleep_until(at)
                jids = [one.jid for one in self.followed if one.jid is not None and not one.again]
                if number < len(jids):
                    await self._follow(act, jids[number])
            case ChangeKey(at=at, id=id, verb=verb):
                await trio.sleep_until(at)
                await self._change_key(verb, id)
            case Rotate(at=at):
                await trio.sleep_until(at)
                master = self.hosts[MASTER].daemon
                if master is not None and master.bus is not None and not master.gone:
                    await self._within(master, partial(master.bus.ask, RotateRequest()))

    async def _change_key(self, verb: str, id: str) -> None:
        """What `salt-key` does: it moves the file, and tells the master, or leaves word for one that is not there."""
        folder = self.hosts[MASTER].disk.folder
        if not (folder / "pki" / "minions").is_dir():
            return
        keyring = Keyring(folder / "pki")
        match verb:
            case "accept":
                keyring.move(id, State.ACCEPTED, [State.REJECTED, State.PENDING])
                self.shut_out.setdefault(id, []).append((trio.current_time(), False))
            case "reject":
                keyring.move(id, State.REJECTED, [State.ACCEPTED, State.PENDING])
            case "delete":
                keyring.delete(id)
        act = {"accept": "accepted", "reject": "rejected"}.get(verb, verb)
        self.trace.note("operator", "key changed", id=id, act=act)
        told: list[dict[str, Any]] = []
        await self._call({"op": "key_changed", "act": act, "ids": [id], "rotate": verb != "accept"}, told.append)
        if {"ok": True} in told:
            if verb == "reject":
                self.shut_out.setdefault(id, []).append((trio.current_time(), True))
        elif verb != "accept":
            request_rotation(self.hosts[MASTER].disk.folder / "cache", "master", user="root")

    async def presence(self) -> dict[str, Presence]:
        """What the master says of who is here."""
        master = self.hosts[MASTER].daemon
        found: dict[str, Presence] = {}
        if master is not None and master.bus is not None:
            bus = master.bus

            async def ask() -> None:
                found.update(await bus.ask(PresenceRequest(ids=self.plan.minions)))

            await self._within(master, ask)
        return found

    async def _within(self, daemon: Daemon, work: Callable[[], Awaitable[object]]) -> None:
        """Do something as a task of a daemon would; when that is gone, so is the task."""
        platform.current.set(daemon)
        try:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:

                    async def watch() -> None:
                        await daemon.over.wait()
                        scope.cancel()

                    nursery.start_soon(watch)
                    await work()
                    nursery.cancel_scope.cancel()
        finally:
            platform.current.set(None)

    async def _publish(self, act: Publish) -> None:
        """An operator's `salt`; when the master goes away under it, they look what became of the job."""
        one = Followed(act, trio.current_time())
        self.followed.append(one)
        arg: list[Any] = [act.seconds] if act.seconds else []
        request: dict[str, Any] = {"tgt": act.tgt, "fun": act.fun, "follow": act.follow, "timeout": act.timeout}
        request["tgt_type"] = "glob" if isinstance(act.tgt, str) else "list"
        match act:
            case Batch():
                # What runs tells by this which batch it is of.
                request |= {"op": "batch", "size": act.size, "arg": [*arg, act.mark]}
            case _:
                request |= {"op": "publish", "arg": arg, "wait_absent": 86400.0 if act.waits else None}
        await self._ask(one, request)
        if one.jid is not None and one.settled is None and one.error is None and act.follow:
            await trio.sleep(5.0)
            await self._follow(act, one.jid)

    async def _follow(self, act: Publish | Follow, jid: str) -> None:
        """Join a job, and again when the master goes away meanwhile."""
        while True:
            one = Followed(act, trio.current_time(), jid=jid, again=True)
            self.followed.append(one)
            await self._ask(one, {"op": "follow_job", "jid": jid})
            if one.settled is not None or one.error is not None:
                return
            await trio.sleep(5.0)

    async def _ask(self, one: Followed, request: dict[str, Any]) -> None:
        """Say something at the local door, and note what is answered until it is closed."""
        await self._call(request, lambda message: self._note(one, message))
        one.ended = trio.current_time()

    async def _follow_log(self) -> None:
        """Somebody who follows all events, and goes on where they stopped whenever the master was away."""
        heard = self.heard

        def hear(message: dict[str, Any]) -> None:
            match message:
                case {"ready": {"log": log, "at": at}}:
                    if heard.log is None:
                        heard.log, heard.first = log, at
                    heard.at = at
                case {"events": events, "at": at}:
                    heard.told.extend((number, tag) for tag, _data, number, _origin in events)
                    heard.at = at
                case {"at": at}:
                    heard.at = at
                case other:
                    heard.odd.append(repr(other))

        while True:
            await trio.sleep(1.0)
            after = {} if heard.log is None else {"after": [[heard.log, heard.at]]}
            await self._call({"op": "events", **after}, hear, told=False)

    async def _call(
        self, request: dict[str, Any], hear: Callable[[dict[str, Any]], object], *, told: bool = True
    ) -> None:
        master = self.hosts[MASTER].daemon
        if master is None or master.callers is None or master.gone:
            return
        ours, theirs = socket.socketpair()
        try:
            with ours:
                await master.callers.send(theirs)
                stream = FrameStream(ours)
                await stream.send(request)
                while (message := await stream.receive()) is not None and not master.gone:
                    if told:
                        self.trace.note("operator", "told", **message)
                    hear(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            theirs.close()

    def _note(self, one: Followed, message: dict[str, Any]) -> None:
        match message:
            case {"published": published}:
                one.jid, one.minions, one.missing = published["jid"], published["minions"], published["missing"]
            case {"batch": {"minions": minions}}:
                one.minions = minions
            case {"return": body}:
                one.told.append(body)
            case {"settled": settled}:
                one.settled = settled["missing"]
            case {"error": error}:
                one.error = error

    # -- the daemons ------------------------------------------------------------------------------------------

    async def _master(self, daemon: Daemon) -> None:
        folder = daemon.root
        _put_key(folder / "pki" / "master.pem", 0)
        config = read_master(folder, {"id": "master", "auto_accept": True, **_folders(folder)}, root_dir=str(folder))
        here = prepare(config)
        gone = partial(getattr, daemon, "gone")
        workers: Any = ScriptedWorkers(daemon, {"compile_in_worker": _pillar, "master_tops_in_worker": _tops})
        async with (
            open_simulated_store(daemon.host.disk, daemon.host.draw, gone) as store,
            log_events(here.bus, store.log),
            self.network.publisher(daemon, PUBLICATIONS, subscribed=here.presence.subscribed) as publisher,
            trio.open_nursery() as services,
        ):
            await start_services(services, here, store, workers, publisher)
            async with trio.open_nursery() as background:
                door = partial(serve_local_door, here.bus, store.jobs, store.log, here.live.acl)
                await background.start(partial(door, path="", listen=self._listen))
                network = network_door(here, background)
                daemon.bus, daemon.base = here.bus, here.bus.statistics()
                async with self.network.listen(
                    daemon,
                    REQUESTS,
                    network.handle,
                    fallback=FALLBACK,
                    grace=GRACE,
                    hung_up=here.presence.hung_up,
                ):
                    await daemon.stop.wait()
                background.cancel_scope.cancel()
            services.cancel_scope.cancel()

    @asynccontextmanager
    async def _listen(self, _path: str, handle: Callable[..., Awaitable[None]], **_options: Any) -> AsyncIterator[None]:
        """What `transport.local.open_local_listener` is."""
        daemon = platform.current.get()
        assert isinstance(daemon, Daemon)
        daemon.callers, callers = trio.open_memory_channel[socket.socket](0)

        async def serve(sock: socket.socket) -> None:
            with sock:
                try:
                    await handle(LocalPeer(uid=0, gid=0, pid=1), FrameStream(sock, hang_ups=hang_ups))
                except* (trio.BrokenResourceError, trio.ClosedResourceError):
                    self.trace.note(str(daemon), "hung up")

        async def take() -> None:
            async for sock in callers:
                handlers.start_soon(serve, sock)

        with closing(HangUps()) as hang_ups:
            async with trio.open_nursery() as handlers:
                handlers.start_soon(hang_ups.watch)
                handlers.start_soon(take)
                try:
                    yield
                finally:
                    callers.close()
                    handlers.cancel_scope.cancel()

    async def _minion(self, daemon: Daemon) -> None:
        folder = daemon.root
        _put_key(folder / "pki" / "minion.pem", 1 + self.plan.minions.index(daemon.id))
        options = {"id": daemon.id, "master": ADDRESS, "mine_interval": 0, **_folders(folder)}
        config = read_minion(folder, options, root_dir=str(folder))
        workers = ScriptedWorkers(daemon, {"gather": lambda _opts: {"os": "Simulated", "trisaltversion": "0"}})

        @asynccontextmanager
        async def open_workers(*_args: Any, **_kwargs: Any) -> AsyncIterator[Any]:
            yield workers

        outside = Outside(
            workers=open_workers,
            dial=lambda _config: self.network.dial(daemon),
            event_sockets=lambda *_args, **_kwargs: _nothing(),
            status_socket=lambda *_args, **_kwargs: _nothing(),
        )
        minion = Minion(config, None, lambda _state: None, outside)
        daemon.bus = bus = minion._bus

        class Ready:
            """What is told that the minion is ready."""

            def started(self, value: None = None) -> None:
                daemon.base = bus.statistics()

        await minion.run(Ready())


class _Steps(trio.abc.Instrument):
    """Counts the steps of a daemon that is about to crash."""

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        daemon = task.context.get(platform.current)
        if isinstance(daemon, Daemon) and daemon.host.steps_left is not None:
            daemon.host.step(daemon)


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def _only(exc: BaseException, cls: type[BaseException]) -> bool:
    if isinstance(exc, BaseExceptionGroup):
        return exc.split(cls)[1] is None
    return isinstance(exc, cls)


def _pillar(_request: dict[str, Any]) -> dict[str, Any]:
    return {"pillar": {"role": "simulated"}, "problems": [], "alone": False}


def _tops(_request: dict[str, Any]) -> dict[str, Any]:
    return {"tops": {}, "problems": []}


def _folders(folder: Path) -> dict[str, Any]:
    return {"pki_dir": str(folder / "pki"), "cachedir": str(folder / "cache"), "sock_dir": str(folder / "run")}


@lru_cache
def _key(number: int) -> bytes:
    """A pair, made once in a process: small, so that nobody waits for it."""
    return PrivateKey.generate(1024).pem


def _put_key(path: Path, number: int) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(_key(number))


# Parsing a private key checks it, which takes longer than all that is done with it in a run.
PrivateKey.from_pem = lru_cache(PrivateKey.from_pem)  # type: ignore[method-assign]


@attrs.frozen(kw_only=True)
class Run:
    """What came of a plan."""

    plan: Plan
    violations: list[str]
    trace: Trace
    seconds: float
    """Of simulated time."""
    endless: bool = False
    """It had to be given up: this process is good for no other."""


def simulate(plan: Plan, check: Callable[[World], None]) -> Run:
    """Run a plan from its beginning to its end."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    # It looks at the machine's clock, though it stands still by itself; that clock is this one now.
    clock._real_clock = lambda: 0.0
    elapsed = clock.current_time
    with scratch() as root, platform.simulated(plan.seed, elapsed) as processes:
        trace = Trace(elapsed, str(root))

        async def main() -> World:
            world = World(plan, root, trace, processes)
            try:
                await world.run(check)
            finally:
                world.close()
            return world

        violations: list[str]
        endless = False
        with trace.listening(), _patience(trace):
            try:
                violations = trio.run(main, clock=clock, instruments=[_Steps()]).violations
            except (Endless, trio.TrioInternalError) as exc:
                endless = True
                violations = [f"the run does not end: {exc!r}"]
                trace.note("-", "BROKEN", text=violations[0])
    return Run(plan=plan, violations=violations, trace=trace, seconds=elapsed(), endless=endless)


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
