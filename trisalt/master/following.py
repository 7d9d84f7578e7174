"""Following one job: every return once, in the order they come, and at the end why the others are missing.

For whoever waits for a job: callers of the local door, and runners. A follower never makes the bus wait; one that
was too slow reads what it missed from the store, where every return stands before it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from trisalt.bus.bus import Bus
from trisalt.bus.events import JobReturned, JobSettled, JobWaits
from trisalt.bus.requests import WatchRequest
from trisalt.bus.subscription import Subscription
from trisalt.store.store import Jobs

# Returns of all jobs pass here; what does not fit is read from the store.
DEPTH = 1024


class Following:
    """One follower's view of one job. Say which by `begin` or `join`; then iterate: lists of return maps.

    A return map has `id`, `jid`, `fun`, `fun_args`, `return`, `retcode`, `success`, and `out` where there is one.
    `missing` is `{id: what stock says}` when the iteration has ended, and `reasons` why; for those in `waiting` the job
    waits, until when. `news`: what has become known meanwhile of those that are missing; take it, and it is told.
    """

    def __init__(self, bus: Bus, jobs: Jobs) -> None:
        self.jid = ""
        self.missing: dict[str, str] | None = None
        self.waiting: dict[str, float] = {}
        self.reasons: dict[str, str] = {}
        self.news: dict[str, str] = {}
        self._bus = bus
        self._jobs = jobs
        self._events: Subscription
        self._subscribed = bus.subscribe((JobReturned, JobSettled, JobWaits), keep=False, depth=DEPTH)
        self._told: set[str] = set()
        self._kept: list[dict[str, Any]] = []

    async def __aenter__(self) -> Following:
        self._events = await self._subscribed.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._subscribed.__aexit__(*exc)

    def begin(self, jid: str) -> None:
        """Follow a job that has just gone out, and is watched."""
        self.jid = jid

    async def join(self, jid: str, *, timeout: float | None = None, gather_job_timeout: float | None = None) -> bool:
        """Follow a job that went out before, from its first return. False for a job that nobody knows."""
        self.jid = jid
        expected = await self._bus.ask(WatchRequest(jid=jid, timeout=timeout, gather_job_timeout=gather_job_timeout))
        if expected is None:
            return False
        self._kept += await self._from_store()
        return True

    def __aiter__(self) -> Following:
        return self

    async def __anext__(self) -> list[dict[str, Any]]:
        if self._kept:
            kept, self._kept = self._kept, []
            return kept
        while self.missing is None:
            returns = await self._next()
            if returns or self.news:
                return returns
        raise StopAsyncIteration

    async def _next(self) -> list[dict[str, Any]]:
        returns: list[dict[str, Any]] = []
        for event in await self._events.receive_all():
            match event:
                case JobReturned(jid=self.jid):
                    if event.id not in self._told:
                        self._told.add(event.id)
                        returns.append(return_map(event))
                case JobSettled(jid=self.jid):
                    self.missing, self.waiting = dict(event.missing), dict(event.waiting or {})
                    self.reasons = dict(event.reasons or {})
                case JobWaits(jid=self.jid):
                    self.news |= event.reasons
                case JobReturned() | JobSettled() | JobWaits():
                    pass
                case _:
                    # We were too slow. Ask for the watch again: its end may have been in the hole.
                    await self._bus.ask(WatchRequest(jid=self.jid))
                    returns += await self._from_store()
        if self.missing:
            # Whose return came in the moment in which the job was given up is here, and not missing.
            gone = [id for id in self.missing if id in self._told]
            for id in gone:
                for told in (self.missing, self.reasons, self.waiting):
                    told.pop(id, None)
        return returns

    async def _from_store(self) -> list[dict[str, Any]]:
        kept = await self._jobs.returns(self.jid)
        fresh = {id: body for id, body in kept.items() if id not in self._told}
        if not fresh:
            return []
        load = await self._jobs.load(self.jid) or {}
        self._told.update(fresh)
        return [stored_map(self.jid, id, body, load) for id, body in fresh.items()]


def open_following(bus: Bus, jobs: Jobs) -> AbstractAsyncContextManager[Following]:
    """A follower whose subscription stands, so that a job published from now on loses no return."""
    return Following(bus, jobs)


def return_map(event: JobReturned) -> dict[str, Any]:
    """A return as a follower gets it."""
    body = {
        "id": event.id,
        "jid": event.jid,
        "fun": event.fun,
        "fun_args": event.fun_args,
        "return": event.result,
        "retcode": event.retcode,
        "success": event.success,
    }
    if event.out is not None:
        body["out"] = event.out
    return body


def stored_map(jid: str, id: str, body: Mapping[str, Any], load: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a return that is in the store; `load` is its job's."""
    found = {
        "id": id,
        "jid": jid,
        "fun": body.get("fun", load.get("fun", "")),
        "fun_args": body.get("fun_args", load.get("arg", [])),
        "return": body.get("return"),
        "retcode": body.get("retcode", 0),
        "success": body.get("success", True),
    }
    if body.get("out") is not None:
        found["out"] = body["out"]
    return found
