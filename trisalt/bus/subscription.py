"""A bounded buffer between the bus and one task: it keeps, or it sheds. And a plain function in place of one.

`Bus` fills it; the task that subscribed reads it, one event at a time or all that is there at once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs
import trio

from trisalt.bus.event import Event

# So many classes are told as a number.
MANY = 10


@attrs.frozen(kw_only=True)
class Lagged:
    """A shedding subscription was too slow: `missed` events are not there."""

    missed: int


@attrs.frozen(kw_only=True)
class SubscriptionStatistics:
    """A snapshot for debugging."""

    pattern: str
    keep: bool
    depth: int
    waiting: int
    missed: int


class Subscription:
    """One task's view of the bus. Iterate it, or call `receive_all` for batches.

    A keeping subscription (`keep=True`) makes publishers wait when it is full. A shedding one drops what does
    not fit, and the next delivery is `Lagged(missed=n)`.
    """

    def __init__(self, *, pattern: object, keep: bool, depth: int) -> None:
        if depth < 1:
            raise ValueError("a subscription holds at least one event")
        self.keep = keep
        self.depth = depth
        self.missed = 0
        self._pattern = pattern
        self._lost = 0
        self._buffer: deque[Event] = deque()
        self._reader: trio.lowlevel.Task | None = None
        self._publishers = trio.lowlevel.ParkingLot()
        self._closed = False

    # -- the bus's side ---------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """A keeper without room; a shedding subscription is never full."""
        return self.keep and len(self._buffer) >= self.depth and not self._closed

    @property
    def room(self) -> float:
        """How many events it takes now without making anybody wait."""
        return self.depth - len(self._buffer) if self.keep and not self._closed else math.inf

    async def wait_room(self) -> None:
        """Wait until there may be room. The caller looks again: somebody else may have taken it."""
        if self.is_full:
            await self._publishers.park()

    def pass_on(self) -> None:
        """Whoever room was made for has to wait elsewhere first: it is the next one's."""
        if not self.is_full:
            self._publishers.unpark()

    def offer(self, event: Event) -> None:
        """Take one event, or shed it. Never called on a full keeper."""
        if self._closed:
            return
        if self._lost or len(self._buffer) >= self.depth:
            # Once something is lost, nothing more is taken until the reader has been told: the hole stays in its place.
            self._lost += 1
            self.missed += 1
            return
        self._buffer.append(event)
        if self._reader is not None:
            trio.lowlevel.reschedule(self._reader)
            self._reader = None

    def close(self) -> None:
        """Nothing more is offered, and publishers that wait go on."""
        self._closed = True
        if self.keep:
            self._publishers.unpark_all()

    # -- the reader's side ------------------------------------------------------------------------------------

    async def receive(self) -> Event | Lagged:
        """The next event; `Lagged` once everything buffered before a loss has been read."""
        await self._wait_any()
        if not self._buffer:
            missed, self._lost = self._lost, 0
            return Lagged(missed=missed)
        event = self._buffer.popleft()
        if self._publishers:
            self._publishers.unpark()
        return event

    async def receive_all(self) -> list[Event | Lagged]:
        """Everything that is there, at least one; a `Lagged` comes after what was buffered before the loss."""
        await self._wait_any()
        events: list[Event | Lagged] = list(self._buffer)
        self._buffer.clear()
        if self._lost:
            events.append(Lagged(missed=self._lost))
            self._lost = 0
        if self.keep:
            self._publishers.unpark_all()
        return events

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event | Lagged:
        return await self.receive()

    def statistics(self) -> SubscriptionStatistics:
        """A snapshot for debugging."""
        return SubscriptionStatistics(
            pattern=_named(self._pattern),
            keep=self.keep,
            depth=self.depth,
            waiting=len(self._buffer),
            missed=self.missed,
        )

    async def _wait_any(self) -> None:
        if self._buffer or self._lost:
            await trio.lowlevel.checkpoint()
        while not self._buffer and not self._lost:
            if self._reader is not None:
                raise trio.BusyResourceError("another task reads this subscription")
            self._reader = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._leave)

    def _leave(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._reader = None
        return trio.lowlevel.Abort.SUCCEEDED


class Listener:
    """A plain function that hears each event at once: there is always room, and nothing waits."""

    keep = is_full = False
    room = math.inf

    def __init__(self, *, pattern: object, hear: Callable[[Any], object]) -> None:
        self.offer = hear
        self._pattern = pattern

    async def wait_room(self) -> None:
        """There is room."""
        await trio.lowlevel.checkpoint()

    def pass_on(self) -> None:
        """Nobody waits for it."""

    def statistics(self) -> SubscriptionStatistics:
        """A snapshot for debugging."""
        return SubscriptionStatistics(pattern=_named(self._pattern), keep=True, depth=0, waiting=0, missed=0)


def _named(pattern: object) -> str:
    """What is subscribed to, as an operator reads it: `JobNew`, `JobNew | JobReturned`, `39 events`, `salt/job/*`."""
    if isinstance(pattern, tuple):
        return " | ".join(map(_named, pattern)) if len(pattern) < MANY else f"{len(pattern)} events"
    return pattern.__name__ if isinstance(pattern, type) else str(pattern)
