"""Events: in one process from the bus to ten subscribers, and through the log and the local door to followers."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import time

import trio

from benchmarks.measure import Row
from tests.support.lab import open_lab
from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.events import TaggedEvent
from trisalt.client.door import Door
from trisalt.client.events import Lagged, follow
from trisalt.wire.frames import pack_event, pack_pull

LISTENERS = 10
BURST = 500
INSIDE = 200_000
OUTSIDE_PER_S = 10_000
OUTSIDE_S = 5


async def _inside() -> float:
    """Events a second from one publisher to ten subscribers that miss none."""
    bus = Bus()

    async def subscriber(*, task_status: trio.TaskStatus[None]) -> None:
        async with bus.subscribe(Event, keep=True, depth=1024) as events:
            task_status.started()
            seen = 0
            while seen < INSIDE:
                seen += len(await events.receive_all())

    burst = [TaggedEvent(name="bench/event", data={"n": n}) for n in range(BURST)]
    async with trio.open_nursery() as nursery:
        for _ in range(LISTENERS):
            await nursery.start(subscriber)
        began = time.perf_counter()
        for _ in range(INSIDE // BURST):
            await bus.publish_all(burst)
    return INSIDE / (time.perf_counter() - began)


def _follow(
    door: str, ready: multiprocessing.synchronize.Event, seen: multiprocessing.Queue[int], pause: float
) -> None:
    count = 0
    with contextlib.suppress(Exception), follow(Door(door), ["bench/*"], timeout=OUTSIDE_S + 15) as events:
        ready.set()
        for event in events:
            if isinstance(event, Lagged):
                break
            if not count:
                time.sleep(pause)
            count += 1
            if event[0] == "bench/last":
                break
    seen.put(count)


def _outside(followers: int, seconds: int, *, pause: float = 0) -> tuple[float, int]:
    """Seconds from the first event to the last follower's last one, and events lost by all followers together.

    The first of them reads nothing for `pause` seconds after its first event.
    """
    total = OUTSIDE_PER_S * seconds
    with open_lab() as lab:
        lab.start_master(level="warning")
        run = lab.master_dir() / "run"
        readies = [multiprocessing.Event() for _ in range(followers)]
        seen: multiprocessing.Queue[int] = multiprocessing.Queue()
        processes = [
            multiprocessing.Process(
                target=_follow, args=(str(run / "master.sock"), ready, seen, 0 if number else pause)
            )
            for number, ready in enumerate(readies)
        ]
        for follower in processes:
            follower.start()
        for ready in readies:
            ready.wait(20)
        began = time.monotonic()
        with socket.socket(socket.AF_UNIX) as pull:
            pull.connect(str(run / "master_event_pull.ipc"))
            for n in range(0, total, BURST):
                pull.sendall(b"".join(pack_pull(pack_event("bench/event", {"n": i})) for i in range(n, n + BURST)))
                time.sleep(max(0.0, began + (n + BURST) / OUTSIDE_PER_S - time.monotonic()))
            pull.sendall(pack_pull(pack_event("bench/last", {"n": total})))
            counts = [seen.get(timeout=60) for _ in processes]
        took = time.monotonic() - began
        for follower in processes:
            follower.join(10)
    return took, (total + 1) * followers - sum(counts)


def rows() -> list[Row]:
    """What the bus and the door carry. Stock Salt has no counterpart of either."""
    alone, _lost = _outside(1, OUTSIDE_S)
    took, lost = _outside(LISTENERS, OUTSIDE_S)
    _took, missed = _outside(2, 3, pause=3)
    return [
        Row(
            what=f"events in process to {LISTENERS} subscribers, in bursts of {BURST}",
            ours=trio.run(_inside),
            stock=None,
            unit="/s",
            limit=100_000,
            faster=True,
        ),
        Row(
            what=f"{OUTSIDE_PER_S:,} events/s for {OUTSIDE_S} s to {LISTENERS} followers of the door: all seen after",
            ours=took,
            stock=None,
            unit="s",
            limit=OUTSIDE_S * 1.2,
        ),
        Row(what="events lost by those followers together", ours=lost, stock=None, unit="", limit=0),
        Row(what="the same to one follower", ours=alone, stock=None, unit="s", limit=OUTSIDE_S * 1.2),
        Row(
            what="events lost by a follower that reads nothing for 3 s of such a flood, and by one beside it",
            ours=missed,
            stock=None,
            unit="",
            limit=0,
        ),
    ]
