"""Grains, pillar and mine: how a minion comes by them, keeps them and sends them."""

import os
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import GrainsRefresh, MineData, PillarRefresh, PillarRefreshed
from trisalt.bus.requests import MasterRequest
from trisalt.errors import CommandError, RequestTimeout
from trisalt.minion.facts import Facts
from trisalt.minion.grains import Grains, keep_grains
from trisalt.minion.mine import keep_mine
from trisalt.minion.pillar import Pillar, PillarOptions, keep_pillar


class FakeWorkers:
    """Gathers what the test puts in `grains`, or fails with it."""

    def __init__(self, *grains):
        self.grains = list(grains)
        self.calls = 0

    async def run(self, function, *args, warm=False):
        await trio.sleep(1)
        self.calls += 1
        found = self.grains.pop(0) if len(self.grains) > 1 else self.grains[0]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def facts():
    return Facts(id="m1", opts={"a": 1}, grains={"old": True})


@asynccontextmanager
async def running(service, *args, **kwargs):
    async def start(task_status):
        await service(*args, **kwargs, task_status=task_status)

    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: start(task_status))
        yield
        nursery.cancel_scope.cancel()


class Master:
    """Claims MasterRequest and answers what the test says; `down` answers nothing in time."""

    def __init__(self, bus):
        self.bus = bus
        self.answers = {}
        self.asked = []
        self.down = False

    async def run(self, *, task_status):
        async with self.bus.claim(MasterRequest) as requests, trio.open_nursery() as nursery:
            task_status.started()
            async for request, reply in requests:
                nursery.start_soon(self.answer, request, reply)

    async def answer(self, request, reply):
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        if self.down:
            await trio.sleep(request.timeout * request.tries)
            reply.fail(RequestTimeout("no answer"))
        else:
            reply.send(self.answers.get(request.load["cmd"]))


# -- grains --------------------------------------------------------------------------------------------------------


async def test_grains_are_there_when_the_service_is_started_and_carry_our_id(facts, autojump_clock):
    workers = FakeWorkers({"os": "Debian", "id": "liar"})
    async with running(keep_grains, Bus(), Grains(workers, facts)):
        assert facts.grains == {"os": "Debian", "id": "m1"}


async def test_the_worker_that_gathers_is_told_whose_pid_is_meant(facts, autojump_clock):
    given = []

    class Workers(FakeWorkers):
        async def run(self, function, *args, warm=False):
            given.extend(args)
            return await super().run(function, *args, warm=warm)

    async with running(keep_grains, Bus(), Grains(Workers({"os": "Debian"}), facts)):
        opts, kept = given
        assert kept, "those of before will do at the start"
        assert (opts["a"], opts["__pid__"]) == (1, os.getpid())
    assert facts.opts == {"a": 1}


async def test_many_wishes_while_we_gather_are_one(facts, autojump_clock):
    workers, bus = FakeWorkers({"os": "Debian"}), Bus()
    async with running(keep_grains, bus, Grains(workers, facts)):
        for _ in range(50):
            await bus.publish(GrainsRefresh())
        await trio.sleep(10)
    assert workers.calls <= 3


async def test_jobs_that_want_them_anew_share_one_gathering(facts, autojump_clock):
    class Slow(FakeWorkers):
        async def run(self, function, *args, warm=False):
            await trio.sleep(1)
            return await super().run(function, *args, warm=warm)

    workers = Slow({"os": "Debian"})
    grains = Grains(workers, facts)
    async with running(keep_grains, Bus(), grains), trio.open_nursery() as jobs:
        for _ in range(20):
            jobs.start_soon(grains.anew)
        await trio.sleep(0.5)
        for _ in range(20):
            jobs.start_soon(grains.anew)
    assert workers.calls == 3, "at the start, for the first twenty, and for those that came when that had begun"


async def test_grains_are_gathered_on_a_beat(facts, autojump_clock):
    workers = FakeWorkers({"os": "Debian"})
    async with running(keep_grains, Bus(), Grains(workers, facts), every=60):
        await trio.sleep(200)
    assert workers.calls == 4


@pytest.mark.parametrize("failure", [CommandError("no"), "text"])
async def test_when_gathering_fails_the_old_grains_stay_and_the_log_says_why(facts, autojump_clock, failure):
    workers = FakeWorkers(failure)
    with structlog.testing.capture_logs() as logs:
        async with running(keep_grains, Bus(), Grains(workers, facts)):
            assert facts.grains == {"old": True}
    assert [line["event"] for line in logs] == ["grains.failed"]


def test_the_context_of_workers_is_the_same_until_something_changes(facts):
    first = facts.context()
    assert facts.context() is first
    facts.pillar = {"b": 2}
    assert facts.context() is not first
    assert facts.context().pillar == {"b": 2}
    facts.version += 1
    assert facts.context().version == 1
    facts.environ = {"A": "1", "B": None}
    assert facts.context().environ == {"A": "1", "B": None}


# -- pillar --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def with_master():
    bus = Bus()
    master = Master(bus)
    async with trio.open_nursery() as nursery:
        await nursery.start(master.run)
        yield bus, master
        nursery.cancel_scope.cancel()


async def test_the_pillar_is_asked_for_with_our_grains(facts, autojump_clock):
    async with with_master() as (bus, master):
        master.answers["_pillar"] = {"role": "web"}
        options = PillarOptions(saltenv="dev", pillarenv="qa", extra_minion_data={"site": "north"})
        async with running(keep_pillar, bus, Pillar(bus, facts, options)):
            assert facts.pillar == {"role": "web"}
    (request,) = master.asked
    assert request.load == {
        "cmd": "_pillar", "id": "m1", "grains": {"old": True}, "saltenv": "dev", "pillarenv": "qa",
        "pillar_override": {}, "extra_minion_data": {"site": "north"}, "ver": "2",
    }  # fmt: skip
    assert (request.timeout, request.tries) == (60, 3)


async def test_who_asks_for_new_pillar_is_given_none_of_a_cache(facts, autojump_clock):
    async with with_master() as (bus, master):
        master.answers["_pillar"] = {}
        async with running(keep_pillar, bus, Pillar(bus, facts, PillarOptions())):
            await bus.publish(PillarRefresh())
            await trio.sleep(1)
    assert [request.load.get("clean_cache") for request in master.asked] == [None, True]


async def test_grains_that_are_being_gathered_anew_go_along(facts, autojump_clock):
    class Slow(FakeWorkers):
        async def run(self, function, *args, warm=False):
            await trio.sleep(3)
            return {"turn": self.calls, **await super().run(function, *args, warm=warm)}

    async with with_master() as (bus, master):
        master.answers["_pillar"] = {}
        grains = Grains(workers := Slow({"os": "Debian"}), facts)
        async with running(keep_grains, bus, grains):
            pillar = Pillar(bus, facts, PillarOptions(), grains=grains.current)
            async with running(keep_pillar, bus, pillar):
                for _ in range(2):
                    await grains.refresh()
                    await bus.publish(GrainsRefresh())
                    await bus.publish(PillarRefresh())
                    await trio.sleep(20)
    assert [request.load["grains"]["turn"] for request in master.asked] == [0, 2, 4]
    assert workers.calls == 5


async def test_without_its_pillar_a_minion_keeps_asking(facts, autojump_clock):
    async with with_master() as (bus, master):
        master.down = True
        master.answers["_pillar"] = {"role": "web"}

        async def recover():
            await trio.sleep(600)
            master.down = False

        async with trio.open_nursery() as nursery:
            nursery.start_soon(recover)
            with structlog.testing.capture_logs() as logs:
                async with running(keep_pillar, bus, Pillar(bus, facts, PillarOptions())):
                    assert facts.pillar == {"role": "web"}
    assert 3 <= [line["event"] for line in logs].count("pillar.failed") <= 5


async def test_a_refresh_that_fails_keeps_the_old_pillar(facts, autojump_clock):
    async with with_master() as (bus, master), bus.subscribe(PillarRefreshed, keep=True) as refreshed:
        master.answers["_pillar"] = {"n": 1}
        async with running(keep_pillar, bus, Pillar(bus, facts, PillarOptions())):
            await refreshed.receive()
            master.answers["_pillar"] = "no pillar"
            await bus.publish(PillarRefresh())
            await wait_all_tasks_blocked()
            assert facts.pillar == {"n": 1}
            master.answers["_pillar"] = {"n": 2}
            await bus.publish(PillarRefresh())
            await refreshed.receive()
            assert facts.pillar == {"n": 2}


# -- mine ----------------------------------------------------------------------------------------------------------


async def test_mine_data_goes_to_every_master(autojump_clock):
    async with with_master() as (bus, master), running(keep_mine, bus, "m1", ["a", "b"]):
        await bus.publish(MineData(data={"test.ping": True}))
        await wait_all_tasks_blocked()
    assert sorted(request.master for request in master.asked) == ["a", "b"]
    assert master.asked[0].load == {"cmd": "_mine", "id": "m1", "data": {"test.ping": True}, "clear": False}


async def test_while_the_master_is_away_only_the_newest_values_wait(autojump_clock):
    async with with_master() as (bus, master), running(keep_mine, bus, "m1", ["a"]):
        master.down = True
        for number in range(500):
            await bus.publish(MineData(data={"n": number, f"only{number % 3}": True}))
        await trio.sleep(1000)
        master.down = False
        await bus.publish(MineData(data={"last": True}))
        await wait_all_tasks_blocked()
    assert len(master.asked) <= 4
    assert master.asked[1].load["data"]["n"] == 499


async def test_clear_throws_away_what_was_not_sent(autojump_clock):
    async with with_master() as (bus, master), running(keep_mine, bus, "m1", ["a"]):
        await bus.publish(MineData(data={"old": 1}))
        await bus.publish(MineData(data={"new": 2}, clear=True))
        await wait_all_tasks_blocked()
    assert master.asked[-1].load["data"] == {"new": 2}
    assert master.asked[-1].load["clear"] is True
