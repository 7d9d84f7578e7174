"""Following the event log: from now, from a moment or from where somebody stopped, to a moment or for ever.

For callers of the local door. `feed` gives the frames; here is said where they begin and end, and how far a follower
has got, for its cursor.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import attrs
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.requests import BatchLookup, WatchRequest
from trisalt.errors import TargetError
from trisalt.master.feed import Feed, Follower, Wanted
from trisalt.store.store import EventLog, Jobs
from trisalt.wire.jid import to_datetime

# A follower that nothing was sent to is told how far it has got, so that its cursor does not stay behind for ever.
POSITION_EVERY_S = 10.0


@attrs.frozen(kw_only=True)
class Span:
    """What of the log somebody wants.

    `since` is a moment (wall seconds), or a job from its first event on; `after` are cursors, `{log: number}`, of which
    the one of this log counts: with none of this log all that is kept is new. Without both it begins now. `until` is a
    moment, `upto` a number of this log, which is there already.
    """

    wanted: Wanted = Wanted()
    since: float | str | None = None
    after: Mapping[str, int] | None = None
    until: float | None = None
    upto: int | None = None

    async def begin(self, log: EventLog) -> int | None:
        """After which number it begins; None for now."""
        if self.after is not None:
            if log.id not in self.after:
                return (await log.bounds()).first - 1
            # One that is ahead is of a newer copy of this log.
            return min(self.after[log.id], log.last)
        return None if self.since is None else await log.first_since(self.since) - 1

    async def forgotten(self, log: EventLog) -> float | None:
        """From when on the log has what was asked for; None where it has all, or a cursor tells what is missed."""
        return None if self.since is None or self.after is not None else await _forgotten(log, self.since)


class Listener(Protocol):
    """Whoever is told."""

    async def send(self, message: dict[str, Any]) -> None:
        """Give one map."""

    async def send_bytes(self, packed: bytes) -> None:
        """Give frames that are packed."""


async def _forgotten(log: EventLog, since: float | str) -> float | None:
    moment = to_datetime(since).timestamp() if isinstance(since, str) else since
    return (await log.bounds()).keeps_from(moment)


async def tell_events(feed: Feed, stream: Listener, span: Span) -> None:
    """Send events as they come, and where it ends, if it does."""
    after, upto = await span.begin(feed.log), span.upto
    if upto is None and span.until is not None and span.until <= time.time():
        upto = await feed.log.first_since(span.until) - 1
        after = upto if after is None else after
    with feed.follow(span.wanted, after=after, upto=upto) as follower:
        until = None if upto is not None else span.until
        await _tell(follower, feed.log, stream, until, await span.forgotten(feed.log))


async def tell_job(bus: Bus, jobs: Jobs, feed: Feed, stream: Listener, jid: str) -> None:
    """Send the events of a job: to what is there now when it is settled, else until whoever follows has had enough.

    Who follows has had it when `JobSettled` is told. Raises TargetError for a job that nobody knows.
    """
    entry, batch = await jobs.entry(jid), await bus.ask(BatchLookup(jid=jid))
    if entry is None and batch is None:
        raise TargetError(f"No job with the jid {jid} is known")
    over = batch.ended if batch is not None else entry is not None and entry.settled is not None
    wanted, after, forgotten = Wanted(jid=jid), await feed.log.first_since(jid) - 1, await _forgotten(feed.log, jid)
    # After it was seen that it is settled: the event that says so is there too.
    upto = (await feed.log.bounds()).last if over else None
    with feed.follow(wanted, after=after, upto=upto) as follower:
        if not over and batch is None:
            # Nobody may wait for it, and then nobody finds out that it has settled.
            await bus.ask(WatchRequest(jid=jid))
        await _tell(follower, feed.log, stream, None, forgotten)


async def _tell(
    follower: Follower, log: EventLog, stream: Listener, until: float | None, forgotten: float | None
) -> None:
    told = follower.received
    ready = {"log": log.id, "at": told}
    await stream.send({"ready": ready if forgotten is None else {**ready, "keeps_from": forgotten}})
    while True:
        left = float("inf") if until is None else max(0.0, until - time.time())
        if until is not None and not left:
            follower.end_at(await log.first_since(until) - 1)
            until, left = None, float("inf")
        packed = b""
        # Only the waiting is cut off: a frame that has begun goes out whole.
        with trio.move_on_after(min(POSITION_EVERY_S, left)) as patience:
            packed = await follower.receive()
        # Before it is sent, for meanwhile it gets further.
        at = follower.received
        if packed:
            await stream.send_bytes(packed)
        elif not patience.cancelled_caught:
            await stream.send({"end": at})
            return
        elif at > told:
            await stream.send({"at": at})
        told = at
