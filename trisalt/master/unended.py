"""Runners and wheel functions that a master left when it ended: noted as they begin, told by the next master.

`master/commands` notes each while it runs. Nothing of it runs again by itself: whoever asked for it sees in the job
list that it was interrupted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import RunnerReturned, WheelReturned
from trisalt.errors import StoreError
from trisalt.store.store import Banks, Jobs

log = structlog.get_logger()

BANK = "runs"
INTERRUPTED = "Interrupted: the master ended while this ran, or was restarted. What it had begun is not undone."


@asynccontextmanager
async def open_note(banks: Banks, jid: str, facts: dict[str, Any]) -> AsyncIterator[None]:
    """A run is noted for the time of the block, which does not wait for that. Left by an exception, it stays noted.

    `facts` are `fun`, `user` and `fun_args`, as they may be told.
    """
    noted = False

    async def note() -> None:
        nonlocal noted
        try:
            await banks.store(BANK, jid, facts)
            noted = True
        except StoreError as exc:
            log.warning("command.not_noted", jid=jid, reason=str(exc))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(note)
        yield
    if noted:
        await _forget(banks, jid)


async def tell_unended(bus: Bus, jobs: Jobs, banks: Banks, master_id: str) -> None:
    """What an earlier master left has ended: kept in the job list, and told."""
    try:
        left = await banks.fetch_all(BANK)
        for jid, facts in left.items():
            if not await jobs.returned(jid):
                await _end(bus, jobs, jid, facts, master_id)
            await _forget(banks, jid)
    except StoreError as exc:
        # The next master tells of them.
        log.warning("command.not_ended", reason=str(exc))


async def _end(bus: Bus, jobs: Jobs, jid: str, facts: dict[str, Any], master_id: str) -> None:
    fun, user, fun_args = str(facts["fun"]), str(facts["user"]), list(facts["fun_args"])
    load = {"jid": jid, "tgt": master_id, "tgt_type": "list", "user": user, "fun": fun, "arg": fun_args, "ret": ""}
    await jobs.record_job(load, [master_id])
    await jobs.record_return(jid, master_id, {"return": INTERRUPTED, "retcode": 1, "success": False})
    log.warning("command.interrupted", fun=fun, jid=jid, user=user)
    cls = WheelReturned if fun.startswith("wheel.") else RunnerReturned
    await bus.publish(cls(fun=fun, jid=jid, user=user, fun_args=fun_args, result=INTERRUPTED, success=False))


async def _forget(banks: Banks, jid: str) -> None:
    try:
        await banks.flush(BANK, jid)
    except StoreError as exc:
        # It has returned: the next master sees that, and says nothing of it.
        log.warning("command.not_noted", jid=jid, reason=str(exc))
