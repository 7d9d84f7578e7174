"""Events for who may not see all of them: those of jobs and minions that they may see, and nothing else.

`event_visibility` says which: `permitted` (what they could have had done themselves), `own` (of jobs they started), or
`all`. What is unpacked for that is one follower's; a console has one for each of its users.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import structlog
import trio

from trisalt.bus.caller import Caller
from trisalt.errors import Denied
from trisalt.master.arguments import split
from trisalt.master.feed import Feed
from trisalt.master.following_events import Span, tell_events
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk, admit
from trisalt.transport.local import FrameStream
from trisalt.wire.frames import FrameDecoder

log = structlog.get_logger()

PERMITTED, OWN, ALL = "permitted", "own", "all"
JOBS = 4096
"""Of so many jobs it is remembered whether they may be seen."""
POSITION_EVERY_S = 1.0


async def tell_seen(desk: Desk, feed: Feed, caller: Caller, stream: FrameStream, span: Span) -> None:
    """Send events as they come, those that the caller may see. Raises Denied for somebody who may see none."""
    sight = await admit(desk, caller)
    if sight.all_events or visibility(desk.opts) == ALL:
        await tell_events(feed, stream, span)
    else:
        await tell_events(feed, _Seen(stream, Eyes(desk, caller)), span)


def visibility(opts: Mapping[str, Any]) -> str:
    """The option, or what is usual for one that is none of the three."""
    value = opts.get("event_visibility")
    return value if value in (PERMITTED, OWN, ALL) else PERMITTED


async def admit_to_job(desk: Desk, caller: Caller, jid: str) -> None:
    """Raises Denied for a job that the caller may not see, or that there is not."""
    sight = await admit(desk, caller)
    if sight.admin:
        return
    row = await desk.store.jobs.row(jid)
    if row is None or not sight.sees_job(row.load, row.minions):
        log.warning("door.refused", user=caller.name, jid=jid)
        raise Denied(f"The user {caller.name} may not see the job {jid}")


class _Seen:
    """A stream to somebody who is given only what their eyes may see."""

    def __init__(self, stream: FrameStream, eyes: Eyes) -> None:
        self._stream = stream
        self._eyes = eyes
        self._decoder = FrameDecoder()
        self._said = trio.current_time()

    async def send(self, message: dict[str, Any]) -> None:
        await self._stream.send(message)

    async def send_bytes(self, packed: bytes) -> None:
        for frame in self._decoder.feed(packed):
            if "events" not in frame:
                await self._stream.send(frame)
                continue
            seen = [item for item in frame["events"] if await self._eyes.see(item[0], item[3])]
            now = trio.current_time()
            if seen:
                await self._stream.send({**frame, "events": seen})
            elif now - self._said >= POSITION_EVERY_S:
                # So that a cursor does not stay behind where others do all the talking.
                await self._stream.send({"at": frame["at"]})
            else:
                continue
            self._said = now


class Eyes:
    """Which events one caller may see. What they may is looked up anew every few seconds, jobs are remembered."""

    def __init__(self, desk: Desk, caller: Caller) -> None:
        self._desk = desk
        self._caller = caller
        self._jobs: OrderedDict[str, bool] = OrderedDict()
        self._own = visibility(desk.opts) == OWN

    async def see(self, tag: str, data: Any) -> bool:
        """Whether they may see an event."""
        sight = await self._desk.sights.of(self._caller)
        data = data if isinstance(data, Mapping) else {}
        match tag.split("/"):
            case ["salt" | "trisalt", "job" | "batch", jid, _, *_]:
                return await self._sees_job(sight, jid)
            case ["salt", "run" | "wheel" as kind, jid, *_]:
                return self._sees_run(sight, kind, jid, data)
            case ["trisalt", "approval", _]:
                mine = (data.get("user"), data.get("eauth")) == (self._caller.name, self._caller.eauth)
                return mine or self._desk.acl.may_approve(self._caller)
            case _ if self._own:
                return False
            case ["salt" | "trisalt", "minion" | "beacon", id, *_] | ["minion", "refresh", id]:
                return sight.sees_minion(id)
            case ["minion_start"]:
                return isinstance(data.get("id"), str) and sight.sees_minion(data["id"])
            case ["salt", "auth" | "key"] | ["key"]:
                return sight.keys
        return False

    async def _sees_job(self, sight: Sight, jid: str) -> bool:
        known = self._jobs.get(jid)
        if known is None:
            # It is recorded before anything is told of it.
            row = await self._desk.store.jobs.row(jid)
            known = row is not None and (
                sight.started(row.load) if self._own else sight.sees_job(row.load, row.minions)
            )
            self._note(jid, known)
        return known

    def _sees_run(self, sight: Sight, kind: str, jid: str, data: Mapping[str, Any]) -> bool:
        known = self._jobs.get(jid)
        if known is None:
            fun = data.get("fun")
            known = isinstance(fun, str) and fun.startswith("runner." if kind == "run" else "wheel.")
            if known and isinstance(fun, str):
                name, _, function = fun.partition(".")
                args, kwargs = split(data.get("fun_args"))
                known = sight.runs(name, function, args, kwargs)
                known = known and (not self._own or data.get("user") == sight.caller.name)
            self._note(jid, known)
        return known

    def _note(self, jid: str, seen: bool) -> None:
        self._jobs[jid] = seen
        if len(self._jobs) > JOBS:
            self._jobs.popitem(last=False)
