"""The pool, with real processes: killed, cancelled, reused, asked, left alone."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from tests.worker.conftest import alive, call, descriptors, until
from trisalt.errors import CommandError, LocalProtocolError, RenderError, WorkerDied
from trisalt.loader.grains import gather
from trisalt.wire.codec import unpack_bin
from trisalt.worker import pool
from trisalt.worker.life import LARGE
from trisalt.worker.process import signal_tree
from trisalt.worker.protocol import Packed


@pytest.fixture(autouse=True)
async def _deadline():
    with trio.fail_after(60):
        yield


# -- functions that run in the children ----------------------------------------------------------------------------


def double(value):
    return 2 * value


def raises_ours():
    raise RenderError("line 3")


def raises_other():
    raise ValueError("oops")


def context_of(context):
    return [context.opts["id"], context.grains, context.pillar]


def writes(path):
    import time

    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)


def process_id():
    return os.getpid()


@pytest.fixture(autouse=True)
def _findable(monkeypatch):
    """The children import this file by its module's name."""
    folder = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, root]))
    monkeypatch.setitem(sys.modules, "test_worker_pool", sys.modules[__name__])


# -- jobs ----------------------------------------------------------------------------------------------------------


async def test_a_job(lab):
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("test.echo", "hi"))
    assert (outcome.result, outcome.retcode, outcome.success, outcome.failure) == ("hi", 0, True, None)


async def test_each_job_has_a_process_and_a_session_of_its_own(lab):
    async with lab.workers() as workers:
        first = await workers.run_job(call("probe.pid"))
        second = await workers.run_job(call("probe.pid"))
        assert first.result != second.result
        assert (await workers.run_job(call("probe.session"))).result == [True, True]


async def test_a_child_has_default_signals_no_input_and_no_descriptors_of_others(lab):
    async with lab.workers() as workers:
        assert (await workers.run_job(call("probe.stdin"))).result == ""
        assert (await workers.run_job(call("probe.ignored"))).result == [int(signal.SIG_DFL)] * 3
        assert (await workers.run_job(call("probe.masked"))).result == []
        open_files = (await workers.run_job(call("probe.fds"))).result
        assert [path.partition(":")[0] for path in open_files] == ["socket"]


async def test_the_pid_is_told_before_the_job_runs(lab):
    pids = []
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("probe.pid"), on_start=pids.append)
    assert pids == [outcome.result]


async def test_a_killed_child_is_told_with_its_signal(lab):
    async with lab.workers() as workers:
        with pytest.raises(WorkerDied, match="died with signal 9") as caught:
            await workers.run_job(call("probe.sleep", 60), on_start=lambda pid: os.kill(pid, signal.SIGKILL))
        assert caught.value.status == -9
        assert (await workers.run_job(call("test.ping"))).result is True


async def test_a_child_that_exits_is_told_with_its_status(lab):
    async with lab.workers() as workers:
        with pytest.raises(WorkerDied) as caught:
            await workers.run_job(call("probe.hard"))
    assert caught.value.status == 5


async def test_a_signal_reaches_a_job_and_what_it_started(lab, tmp_path):
    async with lab.workers() as workers, trio.open_nursery() as nursery:
        died = []

        async def run():
            try:
                await workers.run_job(call("probe.shell", f"echo $$ > {tmp_path}/pid; sleep 60", jid="77"))
            except WorkerDied as exc:
                died.append(exc.status)

        nursery.start_soon(run)
        await until((tmp_path / "pid").exists, "the command runs")
        await until(lambda: (tmp_path / "pid").read_text().strip(), "it has written its pid")
        shell = int((tmp_path / "pid").read_text())
        assert workers.running().keys() == {"77"}
        assert workers.signal("77", 0) == workers.running()["77"]
        assert workers.signal("nosuch", signal.SIGTERM) is None
        pid = workers.signal("77", signal.SIGTERM)
        await until(lambda: died, "the job is told dead")
        assert died == [-15]
        assert not alive(pid)
        await until(lambda: not alive(shell), "its command is dead")
        assert workers.running() == {}
        assert workers.signal("77", signal.SIGTERM) is None


async def test_two_jobs_of_one_jid_are_a_bug(lab):
    async with lab.workers() as workers, trio.open_nursery() as nursery:
        nursery.start_soon(workers.run_job, call("probe.sleep", 0.3))
        await until(workers.running, "the first runs")
        with pytest.raises(LocalProtocolError):
            await workers.run_job(call("probe.sleep", 0))


# -- cancelling ----------------------------------------------------------------------------------------------------


async def test_a_cancelled_job_runs_on_and_leaves_its_return(lab, tmp_path):
    spool = tmp_path / "spool"
    pids = []
    async with lab.workers() as workers:
        with trio.CancelScope() as scope:

            def started(pid):
                pids.append(pid)
                scope.cancel()

            await workers.run_job(
                call("probe.touch", str(tmp_path / "x"), 0.3, load={"cmd": "_return", "jid": "1"}),
                on_start=started,
                spool=spool,
            )
    assert alive(pids[0]) or spool.exists()
    await until(spool.exists, "the return is there")
    assert unpack_bin(spool.read_bytes()) == {
        "cmd": "_return",
        "jid": "1",
        "return": str(tmp_path / "x"),
        "retcode": 0,
        "success": True,
    }
    await until(lambda: not alive(pids[0]), "the child ends")


async def test_a_job_that_does_not_outlive_is_killed(lab):
    pids = []
    async with lab.workers() as workers:
        with trio.CancelScope() as scope:

            def started(pid):
                pids.append(pid)
                scope.cancel()

            await workers.run_job(call("probe.sleep", 60), on_start=started, outlives=False)
        await until(lambda: not alive(pids[0]), "the child is dead")


async def test_a_cancelled_function_is_killed(lab, tmp_path):
    async with lab.workers() as workers:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(workers.run, writes, str(tmp_path / "pid"))
                await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it runs")
                scope.cancel()
        pid = int((tmp_path / "pid").read_text())
        await until(lambda: not alive(pid), "the child is dead")
        assert await workers.run(double, 2) == 4


async def test_cancelled_at_any_moment_nothing_is_left(lab):
    async with lab.workers(max_warm=2) as workers:
        await workers.run_job(call("test.ping"))
        before = descriptors()
        for n in range(30):
            with trio.move_on_after(n / 3000):
                await workers.run_job(call("test.ping", jid=str(n)), warm=bool(n % 2), outlives=False)
        assert workers.running() == {}
        assert (await workers.run_job(call("test.ping"), warm=True)).result is True
        workers.refresh()
        await until(lambda: descriptors() <= before, "no descriptors are left")


# -- many ----------------------------------------------------------------------------------------------------------


async def test_two_hundred_jobs_leave_no_descriptors_and_no_zombies(lab):
    async with lab.workers() as workers:
        await workers.run_job(call("test.ping"))
        zygote = workers._nursery._zygote.pid
        before = descriptors()
        for n in range(200):
            assert (await workers.run_job(call("test.echo", n, jid=str(n)))).result == n
        assert descriptors() == before
        children = Path(f"/proc/{zygote}/task/{zygote}/children")
        await until(lambda: not children.read_text().split(), "all children are reaped")
        await until(lambda: not workers._nursery._children, "the pool knows of it")
    assert not alive(zygote)


async def test_many_at_once(lab):
    async with lab.workers() as workers, trio.open_nursery() as nursery:
        results = []

        async def one(n):
            results.append((await workers.run_job(call("test.echo", n, jid=str(n)))).result)

        for n in range(40):
            nursery.start_soon(one, n)
    assert sorted(results) == list(range(40))


async def test_limits_are_apart(lab):
    """Functions go on while all the places for jobs are taken, and the other way round."""
    async with lab.workers(max_running=1, max_jobs=1) as workers, trio.open_nursery() as nursery:
        nursery.start_soon(workers.run_job, call("probe.sleep", 60, jid="1"))
        await until(lambda: "1" in workers.running(), "a job runs")
        nursery.start_soon(workers.run_job, call("probe.sleep", 60, jid="2"))
        assert await workers.run(double, 3) == 6
        assert workers.running().keys() == {"1"}
        assert workers.statistics()["waiting"] == 1
        nursery.cancel_scope.cancel()
        for pid in workers.running().values():
            signal_tree(pid, signal.SIGKILL)


async def test_functions_wait_their_turn(lab, tmp_path):
    async with lab.workers(max_running=1) as workers, trio.open_nursery() as nursery:
        nursery.start_soon(workers.run, writes, str(tmp_path / "pid"))
        await until((tmp_path / "pid").exists, "one runs")
        with trio.move_on_after(0.2) as scope:
            await workers.run(double, 2)
        assert scope.cancelled_caught
        nursery.cancel_scope.cancel()


# -- the spool -----------------------------------------------------------------------------------------------------


async def test_the_return_is_in_the_spool_before_it_is_reported(lab, tmp_path):
    spool = tmp_path / "spool"
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("test.echo", "hi", load={"cmd": "_return", "id": "m1"}), spool=spool)
        assert unpack_bin(spool.read_bytes()) == {"cmd": "_return", "id": "m1", **outcome.to_load()}
        assert outcome.spooled


async def test_a_spool_that_cannot_be_written_is_said(lab, tmp_path):
    spool = tmp_path / "spool" / "jid"
    spool.parent.mkdir()
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("probe.shell", f"rm -r {spool.parent}; echo done"), spool=spool)
        assert (outcome.result, outcome.spooled) == ("done\n", False)


async def test_a_job_leaves_its_mark_before_it_begins_and_nothing_beside_its_return(lab, tmp_path):
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("probe.shell", f"ls -A {tmp_path}"), spool=tmp_path / "jid")
        assert ".jid.new" in outcome.result.split()
    assert "jid" in os.listdir(tmp_path)
    assert ".jid.new" not in os.listdir(tmp_path)


async def test_a_job_that_cannot_leave_its_mark_is_not_begun(lab, tmp_path):
    async with lab.workers() as workers:
        touched = tmp_path / "touched"
        outcome = await workers.run_job(call("probe.touch", str(touched)), spool=tmp_path / "no" / "such" / "folder")
    assert "cannot keep a note of the job" in outcome.result
    assert (outcome.retcode, outcome.success, touched.exists()) == (1, False, False)


# -- odd plugins ---------------------------------------------------------------------------------------------------


async def test_a_plugin_that_forks_answers_once(lab):
    async with lab.workers() as workers:
        assert (await workers.run_job(call("probe.forks"))).result == "the first"


async def test_a_plugin_that_closes_everything_is_told_dead_or_read_from_its_spool(lab, tmp_path):
    spool = tmp_path / "spool"
    async with lab.workers() as workers:
        with pytest.raises(WorkerDied):
            await workers.run_job(call("probe.closes"))
        outcome = await workers.run_job(call("probe.closes", jid="2"), spool=spool)
        assert outcome.result == "done"


async def test_a_grandchild_that_holds_the_socket_keeps_nobody_waiting(lab):
    lab.write(
        "daemonise",
        """
        import os, time
        def go():
            if os.fork() == 0:
                time.sleep(3)
                os._exit(0)
            os._exit(4)
        """,
    )
    async with lab.workers() as workers:
        with trio.fail_after(2), pytest.raises(WorkerDied) as caught:
            await workers.run_job(call("daemonise.go"))
    assert caught.value.status == 4


async def test_a_large_return(lab):
    async with lab.workers() as workers:
        assert len((await workers.run_job(call("probe.big", 5_000_000))).result) == 5_000_000


@pytest.mark.parametrize(("size", "packed"), [(LARGE, True), (LARGE // 2, False)])
async def test_a_large_return_goes_on_as_it_was_packed_for_who_takes_it_so(lab, size, packed):
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("probe.big", size), packed=True)
        assert isinstance(outcome.result, Packed) is packed
        assert len(unpack_bin(outcome.result.data) if packed else outcome.result) == size
        outcome = await workers.run_job(call("probe.taken", size), packed=True)
        assert isinstance(outcome.result, Packed) is packed
        assert len(unpack_bin(outcome.result.data) if packed else outcome.result) == size
        assert (await workers.run_job(call("probe.taken", size))).result == "x" * size


async def test_a_return_that_is_too_large_becomes_text(lab):
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("probe.big", 130 << 20))
        assert outcome.retcode == 1
        assert outcome.result.startswith("ERROR: the return cannot be sent: ")


async def test_what_a_plugin_logs_comes_to_our_log(lab, monkeypatch):
    lines = []
    monkeypatch.setattr(pool, "_log", lambda line, seat: lines.append((line[0], line[2], seat.jid)))
    async with lab.workers() as workers:
        await workers.run_job(call("probe.log", "look here", jid="5"))
    assert lines == [(30, "look here", "5")]


# -- functions of ours ---------------------------------------------------------------------------------------------


async def test_a_function(lab):
    async with lab.workers() as workers:
        assert await workers.run(double, "ab") == "abab"


async def test_errors_of_our_tree_come_as_they_are(lab):
    async with lab.workers() as workers:
        with pytest.raises(RenderError, match=r"^line 3$"):
            await workers.run(raises_ours)


async def test_other_errors_come_with_their_traceback(lab):
    async with lab.workers() as workers:
        with pytest.raises(CommandError) as caught:
            await workers.run(raises_other)
    assert str(caught.value) == "ValueError: oops"
    assert "raises_other" in "".join(caught.value.__notes__)


async def test_a_function_that_wants_the_context(lab):
    lab.context = lab.make(pillar={"p": 1})
    async with lab.workers() as workers:
        assert await workers.run(context_of) == ["m1", {"os": "Debian"}, {"p": 1}]


async def test_warm_functions(lab):
    async with lab.workers() as workers:
        pids = {await workers.run(process_id, warm=True) for _ in range(3)}
        assert len(pids) == 1
        assert await workers.run(process_id) not in pids


async def test_grains_are_gathered_in_a_child(lab):
    async with lab.workers() as workers:
        grains = await workers.run(gather, dict(lab.context.opts))
    assert grains["kernel"] == "Linux"


# -- the zygote ----------------------------------------------------------------------------------------------------


async def test_a_zygote_that_died_is_replaced_and_running_jobs_run_on(lab, tmp_path):
    async with lab.workers() as workers, trio.open_nursery() as nursery:
        outcomes = []

        async def run():
            outcomes.append(await workers.run_job(call("probe.touch", str(tmp_path / "x"), 0.5)))

        nursery.start_soon(run)
        await until(workers.running, "it runs")
        old = workers._nursery._zygote.pid
        os.kill(old, signal.SIGKILL)
        await until(lambda: workers._nursery._zygote.pid != old, "there is a new one")
        assert (await workers.run_job(call("test.ping", jid="2"))).result is True
        await until(lambda: outcomes, "the first has returned")
        assert outcomes[0].result == str(tmp_path / "x")


async def test_a_child_whose_zygote_died_is_noticed_when_it_dies(lab):
    async with lab.workers() as workers, trio.open_nursery() as nursery:
        died = []

        async def run():
            try:
                await workers.run_job(call("probe.sleep", 60))
            except WorkerDied as exc:
                died.append(exc.status)

        nursery.start_soon(run)
        await until(workers.running, "it runs")
        old = workers._nursery._zygote.pid
        os.kill(old, signal.SIGKILL)
        await until(lambda: workers._nursery._zygote.pid != old, "there is a new one")
        workers.signal("1", signal.SIGKILL)
        await until(lambda: died, "it is dead")
        assert died == [None]


# -- a child that stays ----------------------------------------------------------------------------------------------


def remembers(plugins):
    plugins.context["calls"] = plugins.context.get("calls", 0) + 1
    return [os.getpid(), plugins.context["calls"]]


async def test_a_resident_remembers_what_it_did(lab):
    async with lab.workers() as workers, workers.resident() as resident:
        pid, first = await resident.run(remembers)
        assert (first, await resident.run(remembers)) == (1, [pid, 2])
        with pytest.raises(RenderError, match="line 3"):
            await resident.run(raises_ours)


async def test_a_resident_that_died_is_followed_by_another(lab):
    async with lab.workers() as workers, workers.resident() as resident:
        pid, _ = await resident.run(remembers)
        os.kill(pid, signal.SIGKILL)
        with suppress(WorkerDied):  # nobody may have heard of its end yet
            await resident.run(double, 2)
        other, calls = await resident.run(remembers)
        assert (other != pid, calls) == (True, 1)


@pytest.mark.parametrize("how", ["renew", "refresh"])
async def test_a_resident_is_another_after_a_change_of_plugins(lab, how):
    async with lab.workers() as workers, workers.resident() as resident:
        pid, _ = await resident.run(remembers)
        resident.renew() if how == "renew" else workers.refresh()
        assert (await resident.run(remembers))[0] != pid
        await until(lambda: not alive(pid), "its end")


async def test_a_call_of_a_resident_that_is_cancelled_ends_it(lab, tmp_path):
    path = tmp_path / "pid"
    async with lab.workers() as workers, workers.resident() as resident:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(resident.run, writes, str(path))
            await until(lambda: path.exists() and path.read_text(), "its beginning")
            nursery.cancel_scope.cancel()
        await until(lambda: not alive(int(path.read_text())), "its end")
        assert await resident.run(double, 2) == 4


async def test_a_resident_is_gone_when_nobody_wants_it(lab):
    async with lab.workers() as workers:
        async with workers.resident() as resident:
            pid, _ = await resident.run(remembers)
        await until(lambda: not alive(pid), "its end")
