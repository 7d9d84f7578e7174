"""How the master is: `StatusRequest`, answered from what each part says of itself.

The local door asks for `trisalt status` and `trisalt health`, the metrics port for Prometheus. Nothing is counted here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.figures import daemon_facts, daemon_families
from trisalt.bus.requests import StatusRequest
from trisalt.master.keyring import Keyring
from trisalt.master.lanes import DEPTH, LaneStatistics
from trisalt.master.presence import PresenceDesk
from trisalt.master.reactor import ReactorDesk
from trisalt.meters import Family, Histogram, LoopMeter, Sample, loop_complaint, told
from trisalt.store.store import Store
from trisalt.transport.publish import Publisher
from trisalt.worker.pool import Workers

# A lane in which so many wait, or somebody for so long (seconds), is not well: peers give up after a minute.
LONG_LANE = DEPTH // 2
LONG_WAIT = 30.0


@attrs.define(kw_only=True, eq=False)
class Parts:
    """Whom to ask. `lanes` are there once the network door is open; `watched` are the jobs that somebody waits for."""

    bus: Bus
    store: Store
    workers: Workers
    publisher: Publisher
    keyring: Keyring
    presence: PresenceDesk
    reactor: ReactorDesk
    loop: LoopMeter
    lanes: Callable[[], Sequence[LaneStatistics]] = tuple
    watched: Callable[[], int] = int
    started: float = attrs.field(factory=time.monotonic)

    def histograms(self) -> list[Histogram]:
        """All of the house, for whoever lets their recent time go on."""
        bus, lanes = self.bus.statistics(), self.lanes()
        return [*bus.took.values(), *(lane.took for lane in lanes), self.store.statistics().took]


async def serve_status(parts: Parts, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Answer `StatusRequest`, and look at the event loop, until cancelled."""

    async def answer(request: StatusRequest) -> object:
        minions = await _minions(parts)
        return families(parts, minions) if request.metrics else facts(parts, minions)

    with parts.bus.answering({StatusRequest: answer}):
        await parts.loop.run(parts.histograms, task_status=task_status)


async def _minions(parts: Parts) -> dict[str, int]:
    """How many have a key in each state, and how many of the accepted ones are here."""
    keys = await trio.to_thread.run_sync(parts.keyring.list_all)
    return {**{state.name.lower(): len(ids) for state, ids in keys.items()}, **parts.presence.counts()}


def complaints(loop: LoopMeter, refusing: bool, lanes: Sequence[LaneStatistics], *, damaged: bool = False) -> list[str]:
    """What is not well, in words; nothing when all is."""
    found = loop_complaint(loop)
    if refusing:
        found.append("the store cannot write")
    if damaged:
        found.append("the store is damaged")
    found += [
        f"{lane.waiting} {'request waits' if lane.waiting == 1 else 'requests wait'} in the lane {lane.name}, "
        f"the first for {lane.oldest:.0f} s"
        for lane in lanes
        if lane.waiting >= LONG_LANE or lane.oldest >= LONG_WAIT
    ]
    return found


def facts(parts: Parts, minions: Mapping[str, int]) -> dict[str, Any]:
    """All of it for `trisalt status`: plain data. Latencies are of the last minute or two."""
    store, lanes = parts.store.statistics(), parts.lanes()
    return {
        "daemon": "master",
        "complaints": complaints(parts.loop, store.refusing, lanes, damaged=store.damaged),
        **daemon_facts(parts.bus.statistics(), parts.loop, parts.started),
        "minions": dict(minions),
        "jobs": {"watched": parts.watched(), "published": parts.publisher.sent},
        "workers": dict(parts.workers.statistics()),
        "reactor": parts.reactor.statistics(),
        "store": {
            "bytes": store.size,
            "writes": store.writes,
            "waiting": store.waiting,
            "failed": store.failed,
            "refusing": store.refusing,
            "damaged": store.damaged,
            "took": told(store.took.recent()),
        },
        "lanes": [_lane(lane) for lane in lanes],
    }


def _lane(lane: LaneStatistics) -> dict[str, Any]:
    return {
        "lane": lane.name,
        "running": lane.running,
        "waiting": lane.waiting,
        "oldest_s": round(lane.oldest, 1),
        "done": lane.done,
        "refused": lane.refused,
        "overtaken": lane.overtaken,
        **told(lane.took.recent()),
    }


def families(parts: Parts, minions: Mapping[str, int]) -> list[Family]:
    """All of it for the metrics port."""
    bus, store, lanes = parts.bus.statistics(), parts.store.statistics(), parts.lanes()
    workers = parts.workers.statistics()

    def each(value: Callable[[LaneStatistics], float | Histogram]) -> list[Sample]:
        return [({"lane": lane.name}, value(lane)) for lane in lanes]

    def row(name: str, kind: str, doc: str, value: float | Histogram | list[Sample]) -> Family:
        samples: list[Sample] = value if isinstance(value, list) else [({}, value)]
        return Family(name=f"trisalt_master_{name}", kind=kind, doc=doc, samples=samples)

    return [
        *daemon_families("trisalt_master", bus, parts.loop, parts.started),
        row(
            "healthy",
            "gauge",
            "1 when nothing is to be complained of.",
            float(not complaints(parts.loop, store.refusing, lanes, damaged=store.damaged)),
        ),
        row("minions", "gauge", "Minions, by state.", [({"state": name}, count) for name, count in minions.items()]),
        row("jobs_watched", "gauge", "Jobs that somebody waits for.", parts.watched()),
        row("publications", "counter", "Publications that went out.", parts.publisher.sent),
        row(
            "workers",
            "gauge",
            "Worker processes, and calls that wait.",
            [({"state": k}, v) for k, v in workers.items()],
        ),
        row(
            "reactions",
            "counter",
            "What the reactor did, and what it did not.",
            [({"outcome": name}, count) for name, count in attrs.asdict(parts.reactor.counts).items()],
        ),
        row("store_bytes", "gauge", "Size of the database.", store.size),
        row("store_writes", "counter", "Writes that were asked for.", store.writes),
        row("store_failed", "counter", "Writes that failed.", store.failed),
        row("store_waiting", "gauge", "Writes that wait.", store.waiting),
        row("store_write_seconds", "histogram", "Until a write is durable.", store.took),
        row("lane_running", "gauge", "Requests at work.", each(lambda lane: lane.running)),
        row("lane_waiting", "gauge", "Requests that wait.", each(lambda lane: lane.waiting)),
        row("lane_oldest_seconds", "gauge", "How long the first of them waits.", each(lambda lane: lane.oldest)),
        row("lane_refused", "counter", "Requests refused: too many waited.", each(lambda lane: lane.refused)),
        row("lane_overtaken", "counter", "Requests asked anew while they waited.", each(lambda lane: lane.overtaken)),
        row("lane_seconds", "histogram", "From a request's arrival to its answer.", each(lambda lane: lane.took)),
    ]
