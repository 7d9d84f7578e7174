"""Following one batch: what is sent to whom, every return once, who is given up, and how it ended.

For callers of the local door. A follower never makes the bus wait; one that was too slow, or comes later, is told
what the store and `master/batches` know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from trisalt.bus.answers import BatchView
from trisalt.bus.bus import Bus
from trisalt.bus.events import BatchComplete, BatchHalted, BatchLost, BatchNew, BatchSent, JobReturned
from trisalt.bus.requests import BatchLookup
from trisalt.bus.subscription import Subscription
from trisalt.master.following import DEPTH, return_map, stored_map
from trisalt.master.watches import queued_reason
from trisalt.store.store import Jobs

Frames = list[dict[str, Any]]


class BatchFollowing:
    """One follower's view of one batch. Say which by `begin` or `join`; then iterate: lists of frames.

    A frame is one of `{"batch": {minions, down}}`, `{"sent": [id]}`, `{"return": map}` (as in `following`),
    `{"lost": {id: reason}}`, and, the last, `{"settled": {jid, missing, halted}}`, with `waiting` as in `following`.
    """

    def __init__(self, bus: Bus, jobs: Jobs, events: Subscription) -> None:
        self.jid = ""
        self._bus = bus
        self._jobs = jobs
        self._events = events
        self._jids: set[str] = set()
        self._told: set[str] = set()
        self._lost: dict[str, str] = {}
        self._gathered = False
        self._ended = False
        self._kept: Frames = []

    def begin(self, jid: str) -> None:
        """Follow a batch that has just begun."""
        self.jid, self._jids = jid, {jid}

    async def join(self, jid: str) -> bool:
        """Follow a batch that began before, from its first return. False for a job that is none."""
        self.jid = jid
        view: BatchView | None = await self._bus.ask(BatchLookup(jid=jid))
        if view is None:
            return False
        self._kept = await self._catch_up(view)
        return True

    def __aiter__(self) -> BatchFollowing:
        return self

    async def __anext__(self) -> Frames:
        while True:
            if self._kept:
                kept, self._kept = self._kept, []
                return kept
            if self._ended:
                raise StopAsyncIteration
            self._kept = await self._next()

    async def _next(self) -> Frames:
        frames: Frames = []
        for event in await self._events.receive_all():
            match event:
                case JobReturned() if event.jid in self._jids and event.id not in self._told:
                    self._told.add(event.id)
                    frames.append({"return": return_map(event)})
                case BatchSent(batch=self.jid):
                    self._jids.add(event.jid)
                    frames.append({"sent": event.minions})
                case BatchLost(batch=self.jid):
                    frames += self._tell_lost(event.lost)
                case BatchNew(jid=self.jid):
                    frames += self._tell_minions(event.state["all_minions"], event.down)
                case BatchComplete(jid=self.jid) | BatchHalted(jid=self.jid):
                    frames += await self._catch_up(await self._bus.ask(BatchLookup(jid=self.jid)))
                case JobReturned() | BatchSent() | BatchLost() | BatchNew() | BatchComplete() | BatchHalted():
                    pass
                case _:
                    # We were too slow: what is in the hole is in the store.
                    frames += await self._catch_up(await self._bus.ask(BatchLookup(jid=self.jid)))
        return frames

    async def _catch_up(self, view: BatchView | None) -> Frames:
        """What has not been told of a batch, as it is now."""
        if view is None or self._ended:
            return []
        frames: Frames = []
        if view.minions is not None:
            frames += self._tell_minions(view.minions, view.down)
        for jid in view.jids:
            self._jids.add(jid)
            load: dict[str, Any] | None = None
            for id, body in (await self._jobs.returns(jid)).items():
                if id not in self._told:
                    self._told.add(id)
                    load = load or await self._jobs.load(jid) or {}
                    frames.append({"return": stored_map(jid, id, body, load)})
        frames += self._tell_lost(view.lost)
        if view.ended:
            self._ended = True
            waiting = {id: until for id, until in view.waiting.items() if id not in self._told}
            missing = {id: why for id, why in self._lost.items() if id not in self._told}
            missing |= {id: queued_reason(until) for id, until in waiting.items()}
            settled = {"jid": self.jid, "missing": missing, "halted": view.halted}
            frames.append({"settled": settled | ({"waiting": waiting} if waiting else {})})
        return frames

    def _tell_minions(self, minions: list[str], down: list[str]) -> Frames:
        if self._gathered:
            return []
        self._gathered = True
        return [{"batch": {"minions": minions, "down": down}}]

    def _tell_lost(self, lost: dict[str, str]) -> Frames:
        fresh = {id: why for id, why in lost.items() if id not in self._lost}
        self._lost |= fresh
        return [{"lost": fresh}] if fresh else []


@asynccontextmanager
async def open_batch_following(bus: Bus, jobs: Jobs) -> AsyncIterator[BatchFollowing]:
    """A follower whose subscription stands, so that a batch that begins from now on loses nothing."""
    classes = (JobReturned, BatchSent, BatchLost, BatchNew, BatchComplete, BatchHalted)
    async with bus.subscribe(classes, keep=False, depth=DEPTH) as events:
        yield BatchFollowing(bus, jobs, events)
