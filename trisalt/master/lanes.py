"""Lanes of the request port: each kind of request waits behind its own kind only.

So many of a lane are at work at a time, so many more wait their turn, first come first served; who comes then is
refused, and asks again. `master/request_server` has each request take its lane's turn: in a task of its own (`Lane`),
or with others and without a task while it waits (`SharedLane`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

import attrs
import trio

from trisalt.errors import RemoteProtocolError
from trisalt.meters import Histogram
from trisalt.wire.envelope import BAD_LOAD

# Who asks with the same key while their request waits has given that one up.
DEPTH = 16_384
# How many turns of sign-ins are at work, each in a thread; RSA releases the interpreter, and the event loop keeps its
# turn. Four take more of it from the loop, and two are too few on a busy machine: each waits for a processor, too.
SIGNERS = 3
# How many of those who are known share a turn.
TOGETHER = 16
# Of all others as many turns, of one each. One of them signs at a time: when all want to, the known have most of it.
STRANGERS = 8

T = TypeVar("T")


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


class _Counted:
    """What is told of a lane. `took` is from a request's arrival to its answer."""

    def __init__(self, name: str, *, width: int, depth: int) -> None:
        self.name = name
        self.took = Histogram()
        self._width = width
        self._depth = depth
        self._running = self._done = self._refused = self._overtaken = 0

    def _refuse(self) -> Crowded:
        self._refused += 1
        return Crowded(f"too many wait in the lane {self.name}", refusal=BAD_LOAD)

    def _statistics(self, waiting: int, since: float | None) -> LaneStatistics:
        return LaneStatistics(
            name=self.name,
            running=self._running,
            waiting=waiting,
            oldest=0.0 if since is None else time.perf_counter() - since,
            done=self._done,
            refused=self._refused,
            overtaken=self._overtaken,
            took=self.took,
        )


class Lane(_Counted):
    """One lane: `width` at work, `depth` waiting."""

    def __init__(self, name: str, *, width: int, depth: int = DEPTH) -> None:
        super().__init__(name, width=width, depth=depth)
        # Who waits, the oldest first, and since when, as `time.perf_counter` has it.
        self._waiting: deque[tuple[trio.lowlevel.Task, float]] = deque()

    async def enter(self) -> None:
        """Wait for a turn; `leave` when done. Raises Crowded when too many wait."""
        if self._running < self._width:
            self._running += 1
            return
        if len(self._waiting) >= self._depth:
            raise self._refuse()
        place = trio.lowlevel.current_task(), time.perf_counter()
        self._waiting.append(place)

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._waiting.remove(place)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def leave(self, began: float) -> None:
        """The turn is over. `began` is the `time.perf_counter()` of the request's arrival."""
        self.passed(began)
        if self._waiting:
            # The turn goes on to who has waited longest.
            trio.lowlevel.reschedule(self._waiting.popleft()[0])
        else:
            self._running -= 1

    def passed(self, began: float, count: int = 1) -> None:
        """Some were answered that need no turn."""
        self._done += count
        self.took.record(time.perf_counter() - began)

    def statistics(self) -> LaneStatistics:
        """A snapshot for debugging."""
        return self._statistics(len(self._waiting), self._waiting[0][1] if self._waiting else None)


class SharedLane(_Counted, Generic[T]):
    """A lane in which `together` share a turn, and `turns` are at work. There may be thousands that wait: none has a
    task for it, nor for its turn."""

    def __init__(self, name: str, *, turns: int, together: int, depth: int = DEPTH) -> None:
        super().__init__(name, width=turns, depth=depth)
        self._together = together
        self._turns = 0
        # Who waits, the oldest first, and since when.
        self._waiting: dict[Hashable, tuple[T, float]] = {}

    def wait(self, key: Hashable, who: T, now: float) -> T | None:
        """`who` waits for a turn from `now` on, as `time.perf_counter` has it. Raises Crowded when too many do.

        With the `key` of one that waits it has the place of that one, which is returned: a peer that asks again has
        given up the first time, and must not lose its place by it.
        """
        before = self._waiting.get(key)
        if before is None:
            if len(self._waiting) >= self._depth:
                raise self._refuse()
            self._waiting[key] = who, now
            return None
        # In the place of the one before: dicts keep it.
        self._waiting[key] = who, before[1]
        self._overtaken += 1
        return before[0]

    def begin(self) -> bool:
        """Whether a turn begins now, since one is free and somebody waits: whoever asks then takes them by `board`."""
        if not self._waiting or self._turns >= self._width:
            return False
        self._turns += 1
        return True

    def board(self) -> list[T]:
        """Who shares the turn now. When nobody waits any more there is none, and the turn is free again."""
        waiting = self._waiting
        some = [waiting.pop(next(iter(waiting)))[0] for _ in range(min(self._together, len(waiting)))]
        self._running += len(some)
        self._turns -= not some
        return some

    def leave(self, began: float) -> None:
        """One of those that shared a turn has its answer. `began` is when it came."""
        self._running -= 1
        self._done += 1
        self.took.record(time.perf_counter() - began)

    def statistics(self) -> LaneStatistics:
        """A snapshot for debugging."""
        first = next(iter(self._waiting.values()), None)
        return self._statistics(len(self._waiting), None if first is None else first[1])


@attrs.frozen(kw_only=True)
class Lanes(Generic[T]):
    """The lanes of a request port: those of requests with a task each, by name, and those of sign-ins."""

    lanes: Mapping[str, Lane]
    sign_ins: SharedLane[T]
    strangers: SharedLane[T]

    def __getitem__(self, name: str) -> Lane:
        return self.lanes[name]

    def statistics(self) -> list[LaneStatistics]:
        """A snapshot for debugging: of each."""
        ours = self.sign_ins.statistics(), self.strangers.statistics()
        return [*ours, *(lane.statistics() for lane in self.lanes.values())]


def open_lanes() -> Lanes[Any]:
    """The lanes of a request port. The width of each is as many as its claimant has use for at a time.

    `strangers` are those that do not offer the accepted key of their id: a new key is on the disk before its minion is
    in, and disks do several such at the price of one. The known share turns: going to a thread and back costs as much
    as half of a signature.
    Pillars wait for a worker, files for a thread, and what minions ask of others for those.
    """
    widths = {"returns": 1, "publications": 64, "commands": 64, "pillar": 32, "files": 64}
    return Lanes(
        lanes={
            name: Lane(name, width=width)
            for name, width in {**widths, "peers": 256, "heartbeats": 256, "events": 256}.items()
        },
        sign_ins=SharedLane("sign-ins", turns=SIGNERS, together=TOGETHER),
        strangers=SharedLane("strangers", turns=STRANGERS, together=1),
    )
