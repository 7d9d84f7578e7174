"""Children that are used again, and the context that they are given."""

import os
import signal

import pytest
import trio

from tests.worker.conftest import alive, call, until
from trisalt.errors import WorkerDied
from trisalt.worker import life, pool


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


@pytest.mark.parametrize(("kind", "ours"), [("modules", "test.ping"), ("runners", "test.metasyntactic")])
async def test_what_a_site_has_never_runs_in_a_child_that_has_run_others(lab, kind, ours):
    pids = []
    async with lab.workers() as workers:
        await workers.run_job(call(ours, jid="1", kind=kind), warm=True, on_start=pids.append)
        # It comes while a child is warm, as a sync brings it, under a name of ours.
        lab.write(
            "test", f"import os\nprint('loaded')\ndef {ours.partition('.')[2]}(): return os.getpid()\n", kind=kind
        )
        outcome = await workers.run_job(call(ours, jid="2", kind=kind), warm=True, on_start=pids.append)
        assert pids[0] == pids[1] != pids[2] == outcome.result
        assert workers.statistics() == {"busy": 0, "warm": 0, "waiting": 0}


async def test_runs_in_one_child_know_nothing_of_each_other(lab):
    pids = []
    async with lab.workers() as workers:
        for jid, user in (("1", "ann"), ("2", "bob"), ("3", "cid")):
            pub = {"user": user, "jid": jid, "fun": "runner.test.raw_arg"}
            raw = call("test.raw_arg", jid=f"{jid}0", kind="runners", pub=pub)
            given = (await workers.run_job(raw, warm=True, on_start=pids.append)).result["kwargs"]
            assert (given["__pub_user"], given["__pub_jid"]) == (user, jid)
            await workers.run_job(call("test.stdout_print", jid=jid, kind="runners"), warm=True, on_start=pids.append)
    assert len(set(pids)) == 1
    assert [(asked.jid, asked.fields["data"]) for asked in lab.asked] == [(n, {"message": "foo\n"}) for n in "123"]


async def test_runners_jobs_and_the_engine_have_children_of_their_own(lab):
    async with lab.workers(max_warm=3) as workers:
        found = {}
        for _ in range(2):
            for kind, fun in (("modules", "test.ping"), ("runners", "test.arg"), ("wheel", "error.error")):
                told = found.setdefault(kind, set())
                await workers.run_job(call(fun, kind=kind), warm=True, on_start=told.add)
            found.setdefault("engine", set()).add(await workers.run(os.getpid, warm=True))
    assert [len(pids) for pids in found.values()] == [1, 1, 1, 1]
    assert found["runners"] == found["wheel"]
    assert len(set.union(*found.values())) == 3


async def test_of_too_many_the_one_goes_that_waited_longest(lab):
    pids = []
    async with lab.workers(max_warm=1) as workers:
        for kind, fun in (("modules", "test.ping"), ("runners", "test.arg"), ("runners", "test.arg")):
            await workers.run_job(call(fun, kind=kind), warm=True, on_start=pids.append)
        assert pids[0] != pids[1] == pids[2]
        await until(lambda: not alive(pids[0]), "it has ended")


@pytest.mark.parametrize(
    ("sizes", "spent"),
    [
        ([10, 30, 60, 70], [False, False, True]),
        ([10, 42, 74, 75], [False, False, True]),
        ([10, 75], [True]),
    ],
)
async def test_one_that_has_grown_is_not_used_again(monkeypatch, sizes, spent):
    megabytes = iter(sizes)
    monkeypatch.setattr(life, "_size", lambda: next(megabytes) * 1024)
    worker = life.Worker(None, None)
    assert [worker._grown() for _ in spent] == spent


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


@pytest.mark.parametrize(("threads", "alone"), [([1], True), ([2, 2, 1], True), ([2] * 99, False)])
async def test_a_thread_that_is_about_to_be_gone_is_not_one_that_is_left(monkeypatch, threads, alone):
    there = iter(threads)
    monkeypatch.setattr(life, "_threads", lambda: next(there))
    assert life._alone() is alone
