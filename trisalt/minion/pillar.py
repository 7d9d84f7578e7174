"""Pillar: asked of the master, held in `Facts`, asked again on `PillarRefresh`."""

from __future__ import annotations

from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import PillarRefresh, PillarRefreshed
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
    request_channel_timeout: float = 60
    request_channel_tries: int = 3


class Pillar:
    """How this minion comes by its pillar."""

    def __init__(self, bus: Bus, facts: Facts, options: PillarOptions) -> None:
        self._bus = bus
        self._facts = facts
        self._options = options
        self._lock = trio.Lock()

    async def refresh(self) -> bool:
        """Ask for the pillar; False when it did not come, and the old one stays."""
        async with self._lock:
            try:
                pillar = await self._bus.ask(
                    MasterRequest(
                        load=self._load(),
                        timeout=self._options.request_channel_timeout,
                        tries=self._options.request_channel_tries,
                    )
                )
            except TrisaltError as exc:
                log.error("pillar.failed", reason=str(exc))
                return False
            if not isinstance(pillar, dict):
                log.error("pillar.failed", reason=f"it is no mapping: {type(pillar).__name__}")
                return False
            if pillar.get("_errors"):
                log.error("pillar.has_errors", count=len(pillar["_errors"]))
            self._facts.pillar = pillar
            log.debug("pillar.received", count=len(pillar))
        await self._bus.publish(PillarRefreshed())
        return True

    def _load(self) -> dict[str, Any]:
        return {
            "cmd": "_pillar",
            "id": self._facts.id,
            "grains": dict(self._facts.grains),
            "saltenv": self._options.saltenv,
            "pillarenv": self._options.pillarenv,
            "pillar_override": {},
            "extra_minion_data": {},
            "ver": "2",
        }


async def keep_pillar(
    bus: Bus, pillar: Pillar, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Ask for the pillar until it is there, be started, and ask anew on `PillarRefresh`."""
    async with bus.subscribe(PillarRefresh, keep=False, depth=1) as wishes:
        wait = FIRST_WAIT
        while not await pillar.refresh():
            await trio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        task_status.started()
        while True:
            await wishes.receive_all()
            await pillar.refresh()
