"""What the tests of jobs share: a store in memory with a door that can be shut, and who publishes."""

from __future__ import annotations

import attrs
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    JobNew,
)
from trisalt.bus.requests import PublishRequest, ReturnRequest, ReturnsRequest
from trisalt.errors import StoreError
from trisalt.store.store import JobEntry, Recorded

JID = "20261122124940743908"


@attrs.define
class MemoryJobs:
    """A store of jobs in memory: what the keeper uses of it, with a door that can be shut."""

    jobs: dict = attrs.field(factory=dict)
    bodies: dict = attrs.field(factory=dict)
    settled: dict = attrs.field(factory=dict)
    batches: list = attrs.field(factory=list)
    marked: int = 0
    full: bool = False
    door: trio.Event | None = None

    async def record_returns(self, returns, *, settled=(), events=()):
        await trio.lowlevel.checkpoint()
        if self.door is not None:
            await self.door.wait()
        if self.full:
            raise StoreError("the store cannot write: disk full")
        self.batches.append(len(returns))
        results = []
        for one in returns:
            if one.load is not None:
                self.jobs.setdefault(one.jid, (dict(one.load), [one.id]))
            assert one.jid in self.jobs
            there = self.bodies.setdefault((one.jid, one.id), one.body)
            fresh = there is one.body
            results.append(Recorded.NEW if fresh else Recorded.REPEAT if there == one.body else Recorded.DIFFERENT)
        self.settled.update((jid, {}) for jid in settled)
        return results

    async def returned(self, jid):
        await trio.lowlevel.checkpoint()
        return {id for there, id in self.bodies if there == jid}

    async def entry(self, jid):
        await trio.lowlevel.checkpoint()
        if jid not in self.jobs:
            return None
        load, minions = self.jobs[jid]
        return JobEntry(jid=jid, load=load, minions=minions, recorded=0.0)

    async def mark_settled(self, jid, missing, *, events=()):
        await trio.lowlevel.checkpoint()
        if self.door is not None:
            await self.door.wait()
        if self.full:
            raise StoreError("the disk is full")
        self.marked += 1
        self.settled[jid] = dict(missing)


@attrs.define
class MemoryStore:
    jobs: MemoryJobs = attrs.field(factory=MemoryJobs)


@attrs.define
class Publisher:
    """Claims PublishRequest: notes what is published and when, and lets `answers` say who answers find_job how."""

    bus: Bus
    published: list = attrs.field(factory=list)
    answers: dict = attrs.field(factory=dict)
    nobody: bool = False

    async def run(self, *, task_status):
        async with self.bus.claim(PublishRequest) as requests, trio.open_nursery() as nursery:
            task_status.started()
            async for request, reply in requests:
                self.published.append((trio.current_time(), request))
                if self.nobody:
                    reply.send(Published(jid=None, minions=[], missing=request.tgt, error="nobody"))
                    continue
                jid = f"{len(self.published):020}"
                reply.send(Published(jid=jid, minions=request.tgt, missing=[]))
                for id in request.tgt:
                    if id in self.answers:
                        nursery.start_soon(self.answer, jid, id, self.answers[id])

    async def answer(self, jid, id, running):
        result = {"jid": JID, "pid": 4711} if running else {}
        await give_back(self.bus, id, jid=jid, fun="saltutil.find_job", result=result)


async def give_back(bus, id, *, jid=JID, fun="test.ping", result=True, retcode=0, **load):
    one = ReturnRequest(
        id=id, jid=jid, fun=fun, fun_args=[], result=result, retcode=retcode, success=not retcode, load=load
    )
    (kept,) = await bus.ask(ReturnsRequest(returns=[one]))
    return kept


@attrs.define
class House:
    bus: Bus
    store: MemoryStore
    publisher: Publisher
    heard: list
    nursery: trio.Nursery

    def told(self, cls):
        return [event for event in self.heard if isinstance(event, cls)]

    async def new_job(self, *minions, missing=(), **fields):
        self.store.jobs.jobs[JID] = ({"jid": JID, "fun": "test.sleep", "user": "root"}, list(minions))
        await self.bus.publish(
            JobNew(
                **{
                    "jid": JID,
                    "tgt_type": "glob",
                    "tgt": "*",
                    "user": "root",
                    "fun": "test.sleep",
                    "arg": [9],
                    "minions": list(minions),
                    "missing": list(missing),
                    "watch": True,
                }
                | fields
            )
        )
