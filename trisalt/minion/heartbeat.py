"""Signs of life, for the masters that want them: each is told now and then that we are here, and when we leave.

A master of ours says at sign-in how often, and again with each answer; a stock master does not, and hears nothing. A
heart beats at once when its link stands anew, so that nobody is taken for gone who only lost a connection.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
import trio

from trisalt import SALT_VERSION
from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected
from trisalt.errors import TrisaltError
from trisalt.minion.asking import ask
from trisalt.minion.link import Link

log = structlog.get_logger()

ANSWER_WITHIN_S = 10.0
# A beat that got no answer is repeated after this, at the latest.
AGAIN_AFTER_S = 15.0
# Whoever stops the daemon waits for it: so long for the masters to take note.
LEAVE_WITHIN_S = 1.0
# Of what is switched off so many names are told.
MOST_OFF = 100
# Minions that were started together are not to speak together for ever.
SPREAD = 0.1


# `beacons` and `schedule`, each with the names of what is off there; None while that is not known.
Off = Mapping[str, Sequence[str]] | None
# `asking.ask`, or what stands for it.
Ask = Callable[..., Awaitable[Any]]


class Heart:
    """The signs of life for one link. `off` names the beacons and the jobs of the schedule that are switched off."""

    def __init__(self, id: str, link: Link, off: Callable[[], Off], ask: Ask) -> None:
        self._id = id
        self._ask = ask
        self._link = link
        self._off = off
        self._every = 0.0
        self._latency: float | None = None
        self._woken = trio.Event()

    def connected(self, event: Connected) -> None:
        """A link stands: if it is this one, beat."""
        if event.master == self._link.master:
            self._every = self._link.heartbeat
            self._woken.set()

    async def beat(self) -> None:
        """Beat as often as the master wants, for ever."""
        while True:
            wait = math.inf
            if self._every > 0 and self._link.connected:
                answered = await self._say()
                if self._every > 0:
                    wait = self._every * random.uniform(1 - SPREAD, 1)  # noqa: S311 - a spread, no secret
                    wait = wait if answered else min(wait, AGAIN_AFTER_S)
            with trio.move_on_after(wait):
                await self._woken.wait()
            self._woken = trio.Event()

    async def leave(self) -> None:
        """Say that we stop, if the master wants to know."""
        if self._every > 0 and self._link.connected:
            await self._say(leaving=True)

    async def _say(self, *, leaving: bool = False) -> bool:
        load: dict[str, Any] = {
            "cmd": "_heartbeat",
            "id": self._id,
            "every": self._every,
            "version": SALT_VERSION,
        }
        if self._latency is not None:
            load["latency"] = self._latency
        if leaving:
            load["leaving"] = True
        elif (off := self._off()) is not None:
            load["off"] = {thing: list(names[:MOST_OFF]) for thing, names in off.items() if names}
        began = trio.current_time()
        try:
            answer = await self._ask(self._link, load, timeout=ANSWER_WITHIN_S, tries=1)
        except TrisaltError as exc:
            log.debug("heartbeat.lost", master=self._link.master, reason=str(exc))
            return False
        self._latency = round(trio.current_time() - began, 4)
        wanted = answer.get("every") if isinstance(answer, dict) else None
        self._every = float(wanted) if isinstance(wanted, int | float) and wanted >= 0 else 0.0
        return True


class Hearts:
    """One for each link. `ask` is how a master is asked by a link."""

    def __init__(
        self, id: str, links: Sequence[Link], *, off: Callable[[], Off] = lambda: None, ask: Ask = ask
    ) -> None:
        self._hearts = [Heart(id, link, off, ask) for link in links]

    async def run(self, bus: Bus, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Beat, until cancelled."""
        with bus.listen(Connected, self._connected):
            async with trio.open_nursery() as nursery:
                for heart in self._hearts:
                    nursery.start_soon(heart.beat)
                task_status.started()

    async def leave(self) -> None:
        """Tell the masters that we stop."""
        with trio.move_on_after(LEAVE_WITHIN_S):
            async with trio.open_nursery() as nursery:
                for heart in self._hearts:
                    nursery.start_soon(heart.leave)

    def _connected(self, event: Connected) -> None:
        for heart in self._hearts:
            heart.connected(event)
