"""`_mine`: what mine functions gave goes up to the masters, in order, the newest value of each function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import MineData
from trisalt.bus.requests import MasterRequest
from trisalt.errors import TrisaltError

log = structlog.get_logger()


class _Unsent:
    """What is not sent yet, one value a function, so that it stays small while the master is away."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.clear = False
        self.arrived = trio.Event()

    def add(self, event: MineData) -> None:
        if event.clear:
            self.data.clear()
            self.clear = True
        self.data.update(event.data)
        self.arrived.set()

    async def take(self) -> tuple[dict[str, Any], bool]:
        await self.arrived.wait()
        self.arrived = trio.Event()
        taken = self.data, self.clear
        self.data, self.clear = {}, False
        return taken


async def keep_mine(
    bus: Bus,
    id: str,
    masters: Sequence[str],
    *,
    timeout: float = 60,
    tries: int = 3,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Send mine data to every master, until cancelled."""
    unsent = [_Unsent() for _ in masters]
    async with bus.subscribe(MineData, keep=True) as events, trio.open_nursery() as nursery:
        for master, one in zip(masters, unsent, strict=True):
            nursery.start_soon(_send, bus, id, master, one, timeout, tries)
        task_status.started()
        async for event in events:
            if isinstance(event, MineData):
                for one in unsent:
                    one.add(event)


async def _send(bus: Bus, id: str, master: str, unsent: _Unsent, timeout: float, tries: int) -> None:
    while True:
        data, clear = await unsent.take()
        load = {"cmd": "_mine", "id": id, "data": data, "clear": clear}
        try:
            await bus.ask(MasterRequest(load=load, timeout=timeout, tries=tries, master=master))
        except TrisaltError as exc:
            # The next `__mine_interval` brings it all again.
            log.warning("mine.not_sent", master=master, functions=sorted(data), reason=str(exc))
        else:
            log.debug("mine.sent", master=master, functions=sorted(data))
