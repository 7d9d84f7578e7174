"""How the minion is: `StatusRequest`, and the small socket at which `trisalt status` and `trisalt health` ask it.

The socket is open from the start, before any master is there: that there is none is what a probe wants to hear.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.figures import daemon_facts, daemon_families
from trisalt.bus.requests import StatusRequest
from trisalt.errors import RemoteProtocolError
from trisalt.meters import Family, Histogram, LoopMeter, loop_complaint
from trisalt.transport.local import FrameStream, LocalPeer, open_local_listener
from trisalt.worker.pool import Workers

log = structlog.get_logger()

# Seconds a caller has for its question.
PATIENCE = 5.0


@attrs.define(kw_only=True, eq=False)
class Parts:
    """Whom to ask. `links` gives each master's name and whether its link stands, `spooled` how many returns wait."""

    bus: Bus
    loop: LoopMeter
    workers: Workers
    links: Callable[[], Sequence[tuple[str, bool]]]
    spooled: Callable[[], int]
    started: float = attrs.field(factory=time.monotonic)

    def histograms(self) -> list[Histogram]:
        """All of the house, for whoever lets their recent time go on."""
        return list(self.bus.statistics().took.values())


async def serve_status(
    parts: Parts,
    path: str,
    *,
    listen: Callable[..., AbstractAsyncContextManager[object]] = open_local_listener,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `StatusRequest`, and whoever asks at the socket at `path`; look at the event loop. Until cancelled."""

    async def answer(request: StatusRequest) -> object:
        spooled = await trio.to_thread.run_sync(parts.spooled)
        return families(parts, spooled) if request.metrics else facts(parts, spooled)

    with parts.bus.answering({StatusRequest: answer}):
        async with listen(path, partial(_answer, parts.bus), mode=0o600):
            await parts.loop.run(parts.histograms, task_status=task_status)


async def _answer(bus: Bus, peer: LocalPeer, stream: FrameStream) -> None:
    """One caller: the minion's own user, or root."""
    try:
        with trio.move_on_after(PATIENCE):
            request = await stream.receive()
            if peer.uid not in (0, os.geteuid()):
                await stream.send({"error": {"name": "AuthorizationError", "message": "This is for root"}})
            elif request is not None and request.get("op") == "status":
                await stream.send({"status": await bus.ask(StatusRequest())})
            elif request is not None:
                await stream.send({"error": {"name": "ProtocolError", "message": "a minion is asked for its status"}})
    except (trio.BrokenResourceError, RemoteProtocolError) as exc:
        log.debug("status.caller_lost", reason=str(exc))


def complaints(parts: Parts) -> list[str]:
    """What is not well, in words; nothing when all is."""
    down = [master for master, stands in parts.links() if not stands]
    return [*loop_complaint(parts.loop), *(f"there is no connection to the master {master}" for master in down)]


def facts(parts: Parts, spooled: int) -> dict[str, Any]:
    """All of it for `trisalt status`: plain data."""
    return {
        "daemon": "minion",
        "complaints": complaints(parts),
        **daemon_facts(parts.bus.statistics(), parts.loop, parts.started),
        "masters": [{"master": master, "connected": stands} for master, stands in parts.links()],
        "jobs": {"running": len(parts.workers.running())},
        "spooled": spooled,
        "workers": dict(parts.workers.statistics()),
    }


def families(parts: Parts, spooled: int) -> list[Family]:
    """All of it for the metrics port."""
    prefix, workers = "trisalt_minion", parts.workers.statistics()
    return [
        *daemon_families(prefix, parts.bus.statistics(), parts.loop, parts.started),
        Family(
            name=f"{prefix}_healthy",
            kind="gauge",
            doc="1 when nothing is to be complained of.",
            samples=[({}, float(not complaints(parts)))],
        ),
        Family(
            name=f"{prefix}_connected",
            kind="gauge",
            doc="1 while the link to a master stands.",
            samples=[({"master": master}, float(stands)) for master, stands in parts.links()],
        ),
        Family(
            name=f"{prefix}_returns_waiting",
            kind="gauge",
            doc="Returns that wait in the spool.",
            samples=[({}, spooled)],
        ),
        Family(
            name=f"{prefix}_workers",
            kind="gauge",
            doc="Worker processes, and calls that wait.",
            samples=[({"state": name}, count) for name, count in workers.items()],
        ),
    ]
