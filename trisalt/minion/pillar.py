"""Pillar: asked of the master, held in `Facts`, asked again on `PillarRefresh`.

A minion of several masters asks each: what one of them has it do is done with that one's pillar. Its own pillar,
for what the schedule does, say, is the first one's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, PillarRefresh, PillarRefreshed
from trisalt.bus.requests import MasterRequest
from trisalt.errors import TrisaltError
from trisalt.minion.facts import Facts

log = structlog.get_logger()

# A minion without its pillar takes no jobs, so it keeps asking; seconds between the rounds.
FIRST_WAIT = 5.0
LONGEST_WAIT = 60.0


@attrs.frozen(kw_only=True)
class PillarOptions:
    """The names are stock's options; times are seconds."""

    saltenv: str | None = None
    pillarenv: str | None = None
    extra_minion_data: Mapping[str, Any] = attrs.field(factory=dict)
    """What `pass_to_ext_pillars` names."""
    request_channel_timeout: float = 60
    request_channel_tries: int = 3


class Pillar:
    """How this minion comes by its pillar. `standing` names the masters that are there, of several.

    `grains` is waited for before they are sent along: until what has changed is gathered.
    """

    def __init__(
        self,
        bus: Bus,
        facts: Facts,
        options: PillarOptions,
        standing: Callable[[], Sequence[str]] = tuple,
        grains: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
    ) -> None:
        self._bus = bus
        self._facts = facts
        self._options = options
        self._standing = standing
        self._grains = grains
        self._lock = trio.Lock()

    async def refresh(self, *, anew: bool = False) -> bool:
        """Ask for the pillar; False when it did not come, and the old one stays.

        `anew`: masters are to compile it, whatever their `pillar_cache` has.
        """
        async with self._lock:
            await self._grains()
            masters = self._standing()
            found: dict[str | None, Mapping[str, Any]] = {}
            async with trio.open_nursery() as nursery:
                for master in masters or (None,):
                    nursery.start_soon(self._fetch, master, anew, found)
            if not found:
                return False
            for master in masters:
                if master in found:
                    self._facts.pillars = {**self._facts.pillars, master: found[master]}
            self._facts.pillar = found[next(master for master in masters or (None,) if master in found)]
        await self._bus.publish(PillarRefreshed())
        return True

    def lacks(self, master: str) -> bool:
        """Whether one of several masters has not given us its pillar yet."""
        return self._facts.lacks(master)

    async def _fetch(self, master: str | None, anew: bool, found: dict[str | None, Mapping[str, Any]]) -> None:
        request = MasterRequest(
            load=self._load() | ({"clean_cache": True} if anew else {}),
            timeout=self._options.request_channel_timeout,
            tries=self._options.request_channel_tries,
            master=master,
        )
        try:
            pillar = await self._bus.ask(request)
        except TrisaltError as exc:
            log.error("pillar.failed", reason=str(exc))
            return
        if not isinstance(pillar, dict):
            log.error("pillar.failed", reason=f"it is no mapping: {type(pillar).__name__}")
            return
        if pillar.get("_errors"):
            log.error("pillar.has_errors", count=len(pillar["_errors"]))
        log.debug("pillar.received", count=len(pillar))
        found[master] = pillar

    def _load(self) -> dict[str, Any]:
        return {
            "cmd": "_pillar",
            "id": self._facts.id,
            "grains": dict(self._facts.grains),
            "saltenv": self._options.saltenv,
            "pillarenv": self._options.pillarenv,
            "pillar_override": {},
            "extra_minion_data": dict(self._options.extra_minion_data),
            "ver": "2",
        }


async def keep_pillar(
    bus: Bus, pillar: Pillar, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Ask for the pillar until it is there, be started, and ask anew on `PillarRefresh`, or for one more master's."""
    async with bus.subscribe((PillarRefresh, Connected), keep=False, depth=4) as wishes:
        wait = FIRST_WAIT
        while not await pillar.refresh():
            await trio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        task_status.started()
        while True:
            told = await wishes.receive_all()
            anew = any(not isinstance(wish, Connected) for wish in told)
            if anew or any(isinstance(wish, Connected) and pillar.lacks(wish.master) for wish in told):
                await pillar.refresh(anew=anew)
