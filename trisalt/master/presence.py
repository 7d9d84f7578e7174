"""Who is here: told by signs of life that nobody else can give, requests that are sealed with a minion's own session.

`master/request_server` says whom it heard; whoever wants to know asks `PresenceRequest`, or follows `MinionPresent` and
`MinionAbsent`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Event, KeyChanged, MinionAbsent, MinionPresent
from trisalt.bus.requests import Presence, PresenceRequest

KEY_GONE = {"delete": "its key was deleted", "rejected": "its key was rejected"}


class PresenceDesk:
    """What is known of who is here. `clock` is wall time."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[str, Presence] = {}
        self._news: list[Event] = []
        self._told = trio.lowlevel.ParkingLot()

    def heard(self, id: str, peer: str) -> None:
        """A sign of life: a request that only this minion can have sealed."""
        now = self._clock()
        known = self._known.get(id)
        if known is None:
            self._known[id] = Presence(present=True, since=now, seen=now, address=peer)
            self._tell(MinionPresent(id=id, since=now, address=peer))
        else:
            self._known[id] = attrs.evolve(known, seen=now, address=peer)

    def find(self, id: str) -> Presence:
        """What is known of one minion."""
        return self._known.get(id, Presence(present=None))

    def forget(self, id: str, why: str) -> None:
        """Its key is gone."""
        if self._known.pop(id, None) is not None:
            self._tell(MinionAbsent(id=id, since=self._clock(), why=why))

    def _tell(self, event: Event) -> None:
        self._news.append(event)
        self._told.unpark()

    async def news(self) -> list[Event]:
        """What there is to be told; waits until there is something."""
        while not self._news:
            await self._told.park()
        news, self._news = self._news, []
        return news


async def keep_presence(
    bus: Bus,
    desk: PresenceDesk,
    accepted: Callable[[], list[str]],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Tell who comes, and answer `PresenceRequest`, until cancelled. `accepted` gives the ids with an accepted key."""
    async with trio.open_nursery() as nursery:
        await nursery.start(_answer, bus, desk, accepted)
        await nursery.start(_follow_keys, bus, desk)
        task_status.started()
        while True:
            await bus.publish_all(await desk.news())


async def _answer(
    bus: Bus, desk: PresenceDesk, accepted: Callable[[], list[str]], *, task_status: trio.TaskStatus[None]
) -> None:
    async with bus.claim(PresenceRequest) as requests:
        task_status.started()
        async for request, reply in requests:
            ids = accepted() if request.ids is None else request.ids
            reply.send({id: desk.find(id) for id in ids})


async def _follow_keys(bus: Bus, desk: PresenceDesk, *, task_status: trio.TaskStatus[None]) -> None:
    # Each one counts: a keeper.
    async with bus.subscribe(KeyChanged, keep=True, depth=256) as changes:
        task_status.started()
        async for change in changes:
            if isinstance(change, KeyChanged) and (why := KEY_GONE.get(change.act)):
                desk.forget(change.id, why)
