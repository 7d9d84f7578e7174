"""A minion's room of jobs for tests: workers are a fake; the spool and the proc files are real."""

import itertools
import os
from contextlib import asynccontextmanager
from dataclasses import replace

import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import JobReceived
from trisalt.minion.facts import Facts
from trisalt.minion.jobs import JobOptions, run_jobs
from trisalt.minion.proc import Proc, SeenJids
from trisalt.minion.returns import Returns
from trisalt.minion.spool import Spool
from trisalt.wire.codec import pack_bin
from trisalt.worker.protocol import Outcome

NUMBERS = itertools.count(100)


NOW = 1795351200.0  # 2026-11-22 12:40 UTC


class FakeWorkers:
    """Runs what the test says: `results` by function; a function in `slow` runs until the test lets it end."""

    def __init__(self):
        self.calls = []
        self.contexts = []
        self.warm = []
        self.strict = []
        self.spooled = []
        self.results = {}
        self.slow = {}
        self.born = trio.Event()
        self.born.set()
        self.signals = []
        self.pid = os.getpid()

    async def run_job(
        self, call, *, warm=False, on_start=None, spool=None, outlives=True, context=None, strict=False, brief=False
    ):
        await self.born.wait()
        if on_start is not None:
            on_start(self.pid)
        self.calls.append(call)
        self.contexts.append(context)
        self.warm.append(warm)
        self.strict.append(strict)
        self.spooled.append(spool is not None)
        if isinstance(call.fun, str) and call.fun in self.slow:
            await self.slow[call.fun].wait()
        outcome = self.results.get(call.fun if isinstance(call.fun, str) else call.fun[0], True)
        if isinstance(outcome, Exception):
            raise outcome
        if not isinstance(outcome, Outcome):
            outcome = Outcome(result=outcome)
        if spool is not None:
            spool.write_bytes(pack_bin({**call.load, **outcome.to_load()}))
            if brief and outcome.failure is None:
                return replace(outcome, result=None, spooled=True)
        return outcome

    def signal(self, jid, signum):
        self.signals.append((jid, signum))
        return self.pid


async def until(condition):
    """Another process does what it does when it does."""
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await trio.sleep(0.01)


class Minion:
    """A minion's job room: publish to it, look at what it spooled."""

    def __init__(self, folder, **options):
        self.bus = Bus()
        self.workers = FakeWorkers()
        self.facts = Facts(id="m1", opts={}, grains={"id": "m1", "os": "Debian"}, pillar={"role": "web"})
        self.folder = folder
        self.proc = Proc(folder / "proc")
        self.returns = Returns(Spool(folder / "spool"))
        self.seen = SeenJids(folder / "jids", depth=100)
        self.before = options.pop("before", None)
        self.options = JobOptions(**options)
        self.ready = trio.Event()

    @asynccontextmanager
    async def running(self):
        async with trio.open_nursery() as nursery:
            self.jobs = await nursery.start(self._run)
            self.ready.set()
            yield self
            nursery.cancel_scope.cancel()

    async def _run(self, *, task_status):
        await run_jobs(
            self.bus, self.workers, self.proc, self.seen, self.returns, self.facts, self.options,
            ready=self.ready, before=self.before, wall=lambda: NOW, task_status=task_status,
        )  # fmt: skip

    def job(self, fun="test.nap", arg=(), jid=None, **more):
        return {
            "fun": fun, "arg": list(arg), "tgt": "*", "tgt_type": "glob", "ret": "", "user": "root",
            "jid": jid or f"{20261122123900000000 + next(NUMBERS)}", **more,
        }  # fmt: skip

    async def publish(self, *args, **kwargs):
        load = self.job(*args, **kwargs)
        await self.bus.publish(JobReceived(load=load, master="salt"))
        await wait_all_tasks_blocked()
        return load["jid"]

    def back(self, jid):
        """What is in the spool for this job, without our own facts."""
        load = self.returns.spool.read(jid)
        load.pop("_trisalt")
        return load

    async def adopted_ended(self):
        await until(lambda: not len(self.proc))

    def files(self, name):
        return sorted(path.name for path in (self.folder / name).iterdir() if path.name != ".journal")
