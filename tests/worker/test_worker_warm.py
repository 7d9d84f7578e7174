"""Children that are used again, and the context that they are given."""

import os
import signal

import pytest
import trio

from tests.worker.conftest import alive, call, until
from trisalt.errors import WorkerDied
from trisalt.worker import pool


@pytest.fixture(autouse=True)
async def _deadline():
    with trio.fail_after(60):
        yield


async def test_a_warm_child_is_used_again(lab):
    pids = []
    async with lab.workers() as workers:
        for n in range(3):
            await workers.run_job(call("test.ping", jid=str(n)), warm=True, on_start=pids.append)
    assert len(set(pids)) == 1
    await until(lambda: not alive(pids[0]), "it ends with the pool")


@pytest.mark.parametrize("fun", ["test.exception", "nosuch.fun", "probe.pid", "test.echo"])
async def test_after_a_failure_or_foreign_code_it_is_not(lab, fun):
    pids = []
    async with lab.workers() as workers:
        await workers.run_job(call(fun, jid="1"), warm=True, on_start=pids.append)
        await workers.run_job(call("test.ping", jid="2"), warm=True, on_start=pids.append)
        assert len(set(pids)) == 2


async def test_it_ends_after_so_many_calls(lab, monkeypatch):
    monkeypatch.setattr(pool, "WARM_CALLS", 2)
    pids = []
    async with lab.workers() as workers:
        for n in range(4):
            await workers.run_job(call("test.ping", jid=str(n)), warm=True, on_start=pids.append)
    assert [len(set(pids)), pids[0] == pids[1], pids[2] == pids[3]] == [2, True, True]


async def test_it_ends_when_nobody_needs_it(lab, monkeypatch):
    monkeypatch.setattr(pool, "WARM_IDLE", 0.1)
    pids = []
    async with lab.workers() as workers:
        await workers.run_job(call("test.ping"), warm=True, on_start=pids.append)
        await until(lambda: not alive(pids[0]), "it has ended")
        assert workers.statistics()["warm"] == 0


async def test_a_warm_child_that_was_killed_is_replaced(lab):
    pids = []
    async with lab.workers() as workers:
        await workers.run_job(call("test.ping", jid="1"), warm=True, on_start=pids.append)
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: not workers._nursery._children, "the pool knows of it")
        assert (await workers.run_job(call("test.ping", jid="2"), warm=True)).result is True


async def test_a_job_in_a_warm_child_can_be_killed(lab):
    async with lab.workers() as workers, trio.open_nursery() as nursery:
        await workers.run_job(call("test.ping", jid="1"), warm=True)
        died = []

        async def run():
            try:
                await workers.run_job(call("test.sleep", 60, jid="2"), warm=True)
            except WorkerDied as exc:
                died.append(exc.status)

        nursery.start_soon(run)
        await until(lambda: "2" in workers.running(), "it runs")
        workers.signal("2", signal.SIGKILL)
        await until(lambda: died, "it is dead")
        assert died == [-9]


async def test_refresh_ends_warm_children(lab):
    pids = []
    async with lab.workers() as workers:
        await workers.run_job(call("test.ping", jid="1"), warm=True, on_start=pids.append)
        workers.refresh()
        await workers.run_job(call("test.ping", jid="2"), warm=True, on_start=pids.append)
    assert len(set(pids)) == 2


async def test_the_context_is_sent_once_and_when_it_changes(lab):
    lab.write("grains", "raise RuntimeError")  # nothing of the shelf is needed here
    async with lab.workers() as workers:
        assert (await workers.run_job(call("test.ping"), warm=True)).result is True
        seat = workers._warm[0]
        assert workers._parts_for(seat) == {}
        lab.context = lab.make(pillar={"p": 1})
        assert workers._parts_for(seat).keys() == {"pillar"}
        lab.context = lab.make(pillar={"p": 1})
        assert workers._parts_for(seat) == {}
        lab.context = lab.make(pillar={"p": 1}, version=1)
        assert workers._parts_for(seat).keys() == {"version"}


async def test_a_call_may_bring_its_own_context(lab):
    own = lab.make(opts={"id": "m1", "master": "b"})
    async with lab.workers() as workers:
        for given, expected in ((None, None), (lambda: own, "b"), (None, None)):
            outcome = await workers.run_job(call("test.get_opts", jid="1"), warm=True, context=given)
            assert outcome.result.get("master") == expected


async def test_a_warm_child_sees_new_pillar_and_opts(lab):
    async with lab.workers() as workers:
        opts = (await workers.run_job(call("test.get_opts", jid="1"), warm=True)).result
        assert opts["id"] == "m1"
        lab.context = lab.make(opts={"id": "m2"})
        pids = []
        opts = (await workers.run_job(call("test.get_opts", jid="2"), warm=True, on_start=pids.append)).result
        assert opts["id"] == "m2"


async def test_dunders_in_a_child(lab):
    lab.context = lab.make(grains={"os": "Odd"}, pillar={"p": [1]})
    async with lab.workers() as workers:
        assert (await workers.run_job(call("probe.grain", "os"))).result == "Odd"
        assert (await workers.run_job(call("probe.pillar", "p"))).result == [1]
        assert (await workers.run_job(call("probe.opt", "id"))).result == "m1"


async def test_a_context_with_odd_things_in_it(lab):
    lab.context = lab.make(grains={"odd": {1, 2}, "os": object()})
    async with lab.workers() as workers:
        assert sorted((await workers.run_job(call("probe.grain", "odd"))).result) == [1, 2]
