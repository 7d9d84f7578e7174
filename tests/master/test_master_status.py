"""`trisalt.master.status`: what each part says of itself, once, for the screen and for Prometheus."""

from __future__ import annotations

import json
from types import SimpleNamespace

import attrs
import pytest
import trio

from tests.support import health
from trisalt.bus.bus import Bus
from trisalt.bus.events import JobNew
from trisalt.bus.requests import LoginRequest, StatusRequest
from trisalt.master.keyring import Keyring, State
from trisalt.master.lanes import Lane
from trisalt.master.reactor import ReactorDesk
from trisalt.master.status import LONG_LANE, LONG_WAIT, Parts, complaints, serve_status
from trisalt.meters import LOOK_EVERY_S, UNWELL_S, LoopMeter
from trisalt.store.sqlite import open_store
from trisalt.wire.keys import PrivateKey


@pytest.fixture
async def parts(tmp_path, nursery):
    keyring = Keyring(tmp_path / "pki")
    keyring.prepare()
    pem = PrivateKey.generate(1024).public.pem
    for id, state in (("m1", State.ACCEPTED), ("m2", State.ACCEPTED), ("m3", State.PENDING)):
        keyring.store(id, pem, state)
    async with open_store(tmp_path / "db") as store:
        parts = Parts(
            bus=Bus(),
            store=store,
            workers=SimpleNamespace(statistics=lambda: {"busy": 1, "warm": 2, "waiting": 3}),
            publisher=SimpleNamespace(sent=5),
            keyring=keyring,
            presence=SimpleNamespace(counts=lambda: {"present": 1, "absent": 0, "unknown": 1}),
            reactor=ReactorDesk([{"a/*": "/a.sls"}]),
            loop=LoopMeter(),
        )
        parts.reactor.counts.ran = 6
        lanes = [Lane("events", width=1), Lane("files", width=1)]
        parts.lanes = lambda: [lane.statistics() for lane in lanes]
        parts.watched = lambda: 4
        await nursery.start(serve_status, parts)
        yield parts
        nursery.cancel_scope.cancel()


async def test_the_facts_are_plain_data_and_what_the_parts_say(parts, nursery):
    async def login(_request):
        return None

    with parts.bus.answering({LoginRequest: login}):
        await parts.bus.ask(LoginRequest())
        await parts.store.banks.store("bank", "key", {"a": 1})
        async with parts.bus.subscribe(JobNew, keep=False, depth=9):
            facts = await parts.bus.ask(StatusRequest())
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["daemon"], facts["complaints"]) == ("master", [])
    assert facts["minions"] == {
        **{"accepted": 2, "pending": 1, "rejected": 0, "denied": 0},
        **{"present": 1, "absent": 0, "unknown": 1},
    }
    assert facts["jobs"] == {"watched": 4, "published": 5}
    assert facts["reactor"] == {"patterns": 1, "woken": 0, "ran": 6, "failed": 0, "shed": 0, "ended": 0}
    assert facts["workers"] == {"busy": 1, "warm": 2, "waiting": 3}
    assert (facts["store"]["writes"], facts["store"]["took"]["count"]) == (1, 1)
    assert facts["store"]["bytes"] > 0
    assert [lane["lane"] for lane in facts["lanes"]] == ["events", "files"]
    assert {row["request"]: row["count"] for row in facts["handlers"]} == {"LoginRequest": 1}
    assert {"pattern": "JobNew", "keep": False, "depth": 9, "waiting": 0, "missed": 0} in facts["queues"]
    assert facts["memory_bytes"] > 1e6


async def test_prometheus_gets_the_same_figures_under_names_that_are_there_once(parts):
    families = await parts.bus.ask(StatusRequest(metrics=True))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert all(family.doc.endswith(".") and family.name.startswith("trisalt_master_") for family in families)
    found = {family.name.removeprefix("trisalt_master_"): family.samples for family in families}
    assert found["healthy"] == [({}, 1.0)]
    assert found["publications"] == [({}, 5)]
    assert ({"outcome": "ran"}, 6) in found["reactions"]
    assert ({"state": "accepted"}, 2) in found["minions"]
    assert {labels["lane"] for labels, _value in found["lane_seconds"]} == {"events", "files"}


@pytest.mark.parametrize(
    ("late", "refusing", "waiting", "oldest", "found"),
    [
        (0, False, 0, 0, []),
        (0, None, 0, 0, ["the store is damaged"]),
        (UNWELL_S + 1, False, 0, 0, ["the event loop was 3.0 s late"]),
        (0, True, 0, 0, ["the store cannot write"]),
        (0, False, LONG_LANE, 3, [f"{LONG_LANE} requests wait in the lane x, the first for 3 s"]),
        (0, False, 1, LONG_WAIT, ["1 request waits in the lane x, the first for 30 s"]),
        (0, False, LONG_LANE - 1, LONG_WAIT - 1, []),
    ],
)
async def test_what_is_not_well_is_said_in_words(nursery, mock_clock, late, refusing, waiting, oldest, found):
    loop = LoopMeter()
    await nursery.start(loop.run, list)
    mock_clock.jump(LOOK_EVERY_S + late)
    await trio.testing.wait_all_tasks_blocked()
    lane = attrs.evolve(Lane("x", width=1).statistics(), waiting=waiting, oldest=oldest)
    assert complaints(loop, bool(refusing), [lane], damaged=refusing is None) == found


async def test_the_page_names_what_is_there_and_nothing_else(parts):
    families = await parts.bus.ask(StatusRequest(metrics=True))
    assert health.documented(families) <= health.named("trisalt_master") <= health.exposed(families)
    assert all("trisalt_" in expression for expression in health.rules().values())
