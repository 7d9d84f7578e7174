"""What the tests of runners and wheels share: workers, jobs and banks in a few lines."""

import attrs
import trio
import trio.testing

from trisalt.bus.bus import Bus
from trisalt.bus.requests import (
    RunnerRequest,
)
from trisalt.errors import StoreError
from trisalt.master.commands import Runs, answer_upcall
from trisalt.worker.protocol import Outcome, Upcall

JID, OTHER = "20261122124940743908", "20261122124940743909"


GRANTED = {"ann": ["@runner", "@wheel"]}


PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"


@attrs.define
class Workers:
    """Runs calls by a function of the test's own."""

    answer: object = None
    calls: list = attrs.field(factory=list)
    signals: list = attrs.field(factory=list)
    packed: bool = False
    warm: bool = False
    strict: bool = False

    async def run_job(self, call, *, warm, strict, on_start, outlives, packed):
        assert not outlives
        self.packed, self.warm, self.strict = packed, warm, strict
        self.calls.append(call)
        on_start(4711)
        return await self.answer(call)

    def signal(self, jid, signum):
        self.signals.append((jid, signum))
        return 4711


@attrs.define
class Jobs:
    """What was kept."""

    loads: list = attrs.field(factory=list)
    returns_: list = attrs.field(factory=list)
    broken: bool = False

    async def record_job(self, load, minions, *, events=()):
        if self.broken:
            raise StoreError("disk full")
        self.loads.append((load, minions))

    async def record_return(self, jid, id, body):
        self.returns_.append((jid, id, body))

    async def returns(self, jid):
        return {}

    async def returned(self, jid):
        return {id for of, id, _body in self.returns_ if of == jid}


@attrs.define
class Banks:
    kept: dict = attrs.field(factory=dict)

    async def store(self, bank, key, value):
        self.kept[bank, key] = value

    async def fetch_all(self, bank):
        return {key: value for (of, key), value in self.kept.items() if of == bank}

    async def flush(self, bank, key=None):
        self.kept = {at: value for at, value in self.kept.items() if at[0] != bank or key not in (None, at[1])}


@attrs.define
class Master:
    bus: Bus
    workers: Workers
    jobs: Jobs
    runs: Runs
    heard: list
    banks: Banks = attrs.field(factory=Banks)

    async def run(self, cls=RunnerRequest, fun="test.arg", **fields):
        return await self.bus.ask(cls(fun=fun, jid=JID, user="ann", **fields))

    async def upcall(self, asked, /, *, of=JID, **fields):
        return await answer_upcall(
            self.bus, self.jobs, self.banks, self.runs, Upcall(kind=asked, fields=fields, jid=of)
        )

    async def told(self, cls):
        await trio.testing.wait_all_tasks_blocked()
        return [event for event in self.heard if isinstance(event, cls)]


def outcome(**fields):
    async def answer(call):
        await trio.lowlevel.checkpoint()
        return Outcome(**fields)

    return answer


async def within(master, ask, cls=RunnerRequest):
    """What `ask()` gives while a run is going on."""
    found = []

    async def answer(call):
        found.append(await ask())
        return Outcome(result=None)

    master.workers.answer = answer
    await master.run(cls)
    return found[0]
