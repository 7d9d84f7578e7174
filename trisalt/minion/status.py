"""How the minion is: `StatusRequest`, and the small socket at which `trisalt status` and `trisalt health` ask it.

The socket is open from the start, before any master is there: that there is none is what a probe wants to hear.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
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

# What is written to see whether a disk takes anything: a block.
_BLOCK = bytes(4096)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@attrs.define(kw_only=True, eq=False)
class Parts:
    """Whom to ask. `links` gives each master's name and whether its link stands, `spooled` how many returns wait.

    `disk` says what is wrong with the folders in which jobs and returns are noted; nothing when they can be written.
    """

    bus: Bus
    loop: LoopMeter
    workers: Workers
    links: Callable[[], Sequence[tuple[str, bool]]]
    spooled: Callable[[], int]
    disk: Callable[[], str] = str
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
        spooled, disk = await trio.to_thread.run_sync(lambda: (parts.spooled(), parts.disk()))
        return families(parts, spooled, disk) if request.metrics else facts(parts, spooled, disk)

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


def disk_complaint(folders: Iterable[Path], held: int = 0) -> str:
    """What is wrong with folders that have to be written, and what to do; empty when a little can be written to each.

    `held` returns are in memory, since they could not be written. Blocks.
    """
    for folder in folders:
        try:
            _write_a_little(folder)
        except OSError as exc:
            what = "make room there" if exc.errno in _NO_ROOM else "see that it can be written"
            kept = f"; {_returns(held)} held in memory, and lost if the minion ends" if held else ""
            return (
                f"nothing can be written to {folder} ({exc.strerror}): {what}; "
                f"until then it refuses jobs that it could forget{kept}"
            )
    return f"{_returns(held)} held in memory: the disk did not take {'it' if held == 1 else 'them'}" if held else ""


def _returns(count: int) -> str:
    return "1 return is" if count == 1 else f"{count} returns are"


def _write_a_little(folder: Path) -> None:
    # Hidden, as what is half written there: nobody takes it for a job or a return.
    probe = folder / ".probe"
    fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if os.write(fd, _BLOCK) < len(_BLOCK):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(fd)
        os.unlink(probe)


def complaints(parts: Parts, disk: str) -> list[str]:
    """What is not well, in words; nothing when all is."""
    down = [master for master, stands in parts.links() if not stands]
    return [
        *loop_complaint(parts.loop),
        *([disk] if disk else []),
        *(f"there is no connection to the master {master}" for master in down),
    ]


def facts(parts: Parts, spooled: int, disk: str) -> dict[str, Any]:
    """All of it for `trisalt status`: plain data."""
    return {
        "daemon": "minion",
        "complaints": complaints(parts, disk),
        **daemon_facts(parts.bus.statistics(), parts.loop, parts.started),
        "masters": [{"master": master, "connected": stands} for master, stands in parts.links()],
        "jobs": {"running": len(parts.workers.running())},
        "spooled": spooled,
        "workers": dict(parts.workers.statistics()),
    }


def families(parts: Parts, spooled: int, disk: str) -> list[Family]:
    """All of it for the metrics port."""
    prefix, workers = "trisalt_minion", parts.workers.statistics()
    return [
        *daemon_families(prefix, parts.bus.statistics(), parts.loop, parts.started),
        Family(
            name=f"{prefix}_healthy",
            kind="gauge",
            doc="1 when nothing is to be complained of.",
            samples=[({}, float(not complaints(parts, disk)))],
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
