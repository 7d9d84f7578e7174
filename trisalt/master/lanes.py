"""Lanes of the request port: each kind of request waits behind its own kind only.

So many of a lane are at work at a time, so many more wait their turn, first come first served; who comes then is
refused, and asks again. `master/request_server` has each request take its lane's turn.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping

import attrs
import outcome
import trio

from trisalt.errors import RemoteProtocolError
from trisalt.meters import Histogram
from trisalt.wire.envelope import BAD_LOAD

# Who asks with the same key while their request waits has given that one up.
DEPTH = 16_384


class Crowded(RemoteProtocolError):
    """As many wait as may: the peer is to ask again later."""


class Overtaken(RemoteProtocolError):
    """The peer has asked anew, and that one has this one's turn."""


@attrs.frozen(kw_only=True)
class LaneStatistics:
    """A snapshot for debugging: how many are at work, how many wait, and for how many seconds the first of them; what
    became of the others, how long it took."""

    name: str
    running: int
    waiting: int
    oldest: float
    done: int
    refused: int
    overtaken: int
    took: Histogram


class Lane:
    """One lane: `width` at work, `depth` waiting. `took` is from a request's arrival to its answer."""

    def __init__(self, name: str, *, width: int, depth: int = DEPTH) -> None:
        self.name = name
        self.took = Histogram()
        self._width = width
        self._depth = depth
        self._running = self._done = self._refused = self._overtaken = 0
        # Who waits, and since when, as `time.perf_counter` has it.
        self._waiting: dict[Hashable, tuple[trio.lowlevel.Task, float]] = {}

    async def enter(self, key: Hashable = None) -> None:
        """Wait for a turn; `leave` when done.

        A request with the `key` of one that waits has its turn, and that one is Overtaken: a peer that asks again has
        given up the first time, and must not lose its place by it. Raises Crowded when too many wait.
        """
        if self._running < self._width:
            self._running += 1
            return
        task = trio.lowlevel.current_task()
        key = task if key is None else key
        before = self._waiting.get(key)
        if before is None and len(self._waiting) >= self._depth:
            self._refused += 1
            raise Crowded(f"too many wait in the lane {self.name}", refusal=BAD_LOAD)
        # In the place of the one before, where there is one: dicts keep it.
        self._waiting[key] = task, before[1] if before is not None else time.perf_counter()
        if before is not None:
            self._overtaken += 1
            trio.lowlevel.reschedule(before[0], outcome.Error(Overtaken("it was asked anew", refusal=BAD_LOAD)))

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            del self._waiting[key]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def leave(self, began: float) -> None:
        """The turn is over. `began` is the `time.perf_counter()` of the request's arrival."""
        self.took.record(time.perf_counter() - began)
        self._done += 1
        if self._waiting:
            # The turn goes on to who has waited longest.
            trio.lowlevel.reschedule(self._waiting.pop(next(iter(self._waiting)))[0])
        else:
            self._running -= 1

    def passed(self, began: float, count: int = 1) -> None:
        """Some were answered that need no turn."""
        self._done += count
        self.took.record(time.perf_counter() - began)

    def statistics(self) -> LaneStatistics:
        """A snapshot for debugging."""
        first = next(iter(self._waiting.values()), None)
        return LaneStatistics(
            name=self.name,
            running=self._running,
            waiting=len(self._waiting),
            oldest=0.0 if first is None else time.perf_counter() - first[1],
            done=self._done,
            refused=self._refused,
            overtaken=self._overtaken,
            took=self.took,
        )


def open_lanes() -> Mapping[str, Lane]:
    """The lanes of a request port, by name. The width of each is as many as its claimant has use for at a time.

    Sign-ins are worth no more than the threads that sign take together (`master/auth`): the others wait here, where
    they can be overtaken. `strangers` are those that do not offer the accepted key of their id.
    Pillars wait for a worker, files for a thread, and what minions ask of others for those.
    """
    widths = {
        "sign-ins": 32,
        "strangers": 8,
        "returns": 1,
        "publications": 64,
        "commands": 64,
        "pillar": 32,
        "files": 64,
    }
    return {
        name: Lane(name, width=width)
        for name, width in {**widths, "peers": 256, "heartbeats": 256, "events": 256}.items()
    }
