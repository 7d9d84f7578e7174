"""What plugins in children ask of their daemon, and what becomes of that when the daemon goes."""

import signal
from functools import partial

import pytest
import trio

from tests.worker.conftest import alive, call, until
from trisalt.errors import WorkerDied
from trisalt.wire.codec import unpack_bin


@pytest.fixture(autouse=True)
async def _deadline():
    with trio.fail_after(60):
        yield


async def test_a_plugin_asks(lab):
    lab.answers["ask_master"] = {"all": "well"}
    async with lab.workers() as workers:
        outcome = await workers.run_job(call("probe.ask", "_mine_get", jid="9"))
    assert outcome.result == {"all": "well"}
    (asked,) = lab.asked
    assert (asked.kind, asked.jid, asked.fun) == ("ask_master", "9", "probe.ask")
    assert asked.fields == {"cmd": "_mine_get", "load": {"a": 1}, "timeout": 60}


async def test_no_is_raised_in_the_plugin(lab):
    async with lab.workers() as workers:
        assert (await workers.run_job(call("probe.ask", "no"))).result == "ERROR: the master says no"


async def test_a_bug_of_the_host_is_an_error_of_the_plugin(lab):
    async with lab.workers() as workers:
        assert (await workers.run_job(call("probe.ask", "bug"))).result == "ERROR: ask_master failed: ours"


async def test_threads_of_a_plugin_may_ask_at_once(lab):
    async with lab.workers() as workers:
        assert (await workers.run_job(call("probe.threads", 8))).result == list(range(8))


async def test_a_child_that_dies_while_it_asks(lab):
    async with lab.workers() as workers, trio.open_nursery() as nursery:
        died = []

        async def run():
            try:
                await workers.run_job(call("probe.ask", "slow"))
            except WorkerDied as exc:
                died.append(exc.status)

        nursery.start_soon(run)
        await until(lambda: lab.asked, "it asks")
        workers.signal("1", signal.SIGKILL)
        await until(lambda: died, "it is dead")


async def test_progress_of_a_generator(lab):
    async with lab.workers() as workers:
        assert (await workers.run_job(call("probe.gen"))).result == [0, 1, 2]
    assert [(asked.kind, asked.fields["number"], asked.fields["data"]) for asked in lab.asked] == [
        ("progress", n, {"return": n}) for n in range(3)
    ]


async def test_what_a_runner_prints_is_told_a_line_at_a_time(lab):
    text = """
        def two():
            print("a", 1)
            print("b", end="")
        """
    lab.write("printer", text, kind="runners")
    async with lab.workers() as workers:
        await workers.run_job(call("printer.two", kind="runners"))
    assert [(asked.kind, asked.fields["tag"], asked.fields["data"]) for asked in lab.asked] == [
        ("progress", "print", {"message": "a 1\n"}),
        ("progress", "print", {"message": "b"}),
    ]


async def test_after_the_daemon_plugins_are_told_that_it_is_gone(lab, tmp_path):
    lab.write(
        "late",
        """
        import os, time
        from trisalt.worker import upcall
        def ask(go):
            while not os.path.exists(go):
                time.sleep(0.01)
            return [upcall.fire_event("a", {}), upcall.fire_master("a", {}), upcall.ask_master("x")]
        """,
    )
    spool = tmp_path / "spool"
    async with lab.workers() as workers:
        with trio.CancelScope() as scope:
            go = str(tmp_path / "go")
            await workers.run_job(call("late.ask", go), on_start=lambda _pid: scope.cancel(), spool=spool)
    (tmp_path / "go").touch()
    await until(spool.exists, "the return is there")
    assert unpack_bin(spool.read_bytes())["return"] == "ERROR: ask_master needs a running daemon, and it has ended"


LATE = """
    import os, time
    from trisalt.worker import upcall
    def ask(go):
        while not os.path.exists(go):
            time.sleep(0.01)
        told = upcall.progress({})
        return [told, upcall.fire_event("a", {}), upcall.ask_master("x"), upcall.fire_event("b", {})]
    """


async def test_the_next_daemon_answers_the_jobs_of_the_one_before(lab, tmp_path):
    lab.write("late", LATE)
    lab.answers["ask_master"] = "from the next"
    spool = tmp_path / "spool"
    pids = []
    async with lab.workers(door=lab.door) as workers:
        with trio.CancelScope() as scope:

            def started(pid):
                pids.append(pid)
                scope.cancel()

            await workers.run_job(call("late.ask", str(tmp_path / "go"), jid="8"), on_start=started, spool=spool)
    assert not lab.door.exists()
    (tmp_path / "go").touch()
    await trio.sleep(0.3)  # so that it has asked in vain
    async with lab.workers(door=lab.door) as workers:
        assert lab.door.stat().st_mode & 0o777 == 0o600
        await until(lambda: lab.asked, "it has found the next daemon")
        await until(spool.exists, "it is done")
        await until(lambda: not workers.running(), "it is gone")
    # How far it is, nobody wants to know of who was not there when it began; an event is worth waiting for.
    assert unpack_bin(spool.read_bytes())["return"] == [False, True, "from the next", True]
    assert [(asked.kind, asked.jid, asked.fun, asked.pid) for asked in lab.asked] == [
        (kind, "8", "late.ask", pids[0]) for kind in ("fire_event", "ask_master", "fire_event")
    ]


PUBLISHES = """
    from trisalt.worker import upcall
    def publish():
        return upcall.publish("*", "test.ping")
    """


async def test_a_daemon_that_ends_while_it_waits_for_returns_does_not_have_it_published_again(lab, tmp_path):
    lab.write("far", PUBLISHES)
    lab.answers["publish"] = {"jid": "5", "minions": ["m1"], "missing": []}
    spool = tmp_path / "spool"
    async with lab.workers(door=lab.door) as workers, trio.open_nursery() as nursery:
        lab.answers["returns"] = trio.sleep_forever
        nursery.start_soon(partial(workers.run_job, call("far.publish", jid="8"), spool=spool))
        await until(lambda: [asked.kind for asked in lab.asked] == ["publish", "returns"], "it waits")
        nursery.cancel_scope.cancel()
    lab.answers["returns"] = {"m1": {"return": True}}
    async with lab.workers(door=lab.door):
        await until(spool.exists, "it is done")
    assert unpack_bin(spool.read_bytes())["return"] == {
        "jid": "5",
        "minions": ["m1"],
        "missing": [],
        "returns": {"m1": {"return": True}},
    }
    assert [asked.kind for asked in lab.asked] == ["publish", "returns", "returns"]


async def test_an_adopted_job_runs_here_and_can_be_signalled(lab, tmp_path):
    async with lab.workers(door=lab.door) as workers:
        with trio.CancelScope() as scope:
            await workers.run_job(call("probe.ask", "slow", jid="8"), on_start=lambda _pid: scope.cancel())
    async with lab.workers(door=lab.door) as workers:
        await until(workers.running, "it is adopted")
        pid = workers.running()["8"]
        assert workers.signal("8", signal.SIGTERM) == pid
        await until(lambda: not alive(pid), "it is dead")
        await until(lambda: not workers.running(), "the pool knows of it")


async def test_strangers_at_the_door_are_sent_away(lab):
    async with lab.workers(door=lab.door) as workers:
        for hello in (b"\xff" * 8, b"\0\0\0\1\xc0", b""):
            stream = await trio.open_unix_socket(str(lab.door))
            async with stream:
                if hello:
                    await stream.send_all(hello)
                else:
                    await stream.send_eof()
                assert await stream.receive_some() == b""
        assert workers.running() == {}
        assert (await workers.run_job(call("test.ping"))).result is True
