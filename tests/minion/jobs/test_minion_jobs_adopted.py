"""Jobs outlive the daemon: the next one adopts, begins or ends them."""

import os
import signal
import subprocess
import time

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.minion.jobs.house import NOW, until
from trisalt.minion.proc import Running, SeenJids, boot_id, process_birth
from trisalt.wire.codec import pack_bin

LEFT = "20261122123900000001"


@pytest.fixture
def stranger():
    """A process that is not our child's worker, as a previous daemon's job is."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


async def test_stopped_in_the_middle_the_next_daemon_adopts_the_job(make, stranger):
    async with make().running() as minion:
        minion.workers.pid = stranger.pid
        minion.workers.slow["cmd.run"] = trio.Event()
        jid = await minion.publish("cmd.run", ["long"])
    assert minion.files("proc") == [jid]
    assert minion.returns.spool.names() == []

    async with make().running() as minion:
        found = minion.back(await minion.publish("saltutil.find_job", [jid]))["return"]
        assert (found["jid"], found["pid"], found["arg"]) == (jid, stranger.pid, ["long"])
        assert found["trisalt"] == {"since": NOW, "adopted": True}
        await minion.publish(jid=jid)
        assert minion.workers.calls == []
        # The child writes its return, and ends.
        minion.returns.spool.path(jid).write_bytes(pack_bin({"jid": jid, "return": "late", "_trisalt": {}}))
        stranger.kill()
        stranger.wait()
        await minion.adopted_ended()
        assert minion.back(jid)["return"] == "late"


def begun(minion, jid):
    """The mark that a child leaves."""
    minion.returns.spool.path(f".{jid}.new").touch()


async def test_an_adopted_job_can_be_killed_and_says_so(make, stranger):
    minion = make()
    minion.proc.put(Running(job=minion.job("cmd.run", jid=LEFT), pid=stranger.pid, master="salt"))
    begun(minion, LEFT)
    async with make().running() as minion:
        answer = minion.back(await minion.publish("saltutil.kill_job", [LEFT]))
        assert answer["return"] == f"Signal 9 sent to job {LEFT} at pid {stranger.pid}"
        assert stranger.wait() == -signal.SIGKILL
        await minion.adopted_ended()
        back = minion.back(LEFT)
    assert (back["return"], back["success"], back["retcode"]) == ("terminated by signal 9", False, 137)


@pytest.fixture
def parent(tmp_path):
    """A process with one below it in a session of its own, as a command of a job is: `(process, the other's pid)`."""
    script = "setsid sleep 60 & echo $!; wait"
    process = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True)
    yield process, int(process.stdout.readline())
    process.kill()
    process.communicate()


async def test_what_an_adopted_job_has_started_is_killed_with_it(make, parent):
    process, below = parent
    minion = make()
    minion.proc.put(Running(job=minion.job("cmd.run", jid=LEFT), pid=process.pid, master="salt"))
    begun(minion, LEFT)
    async with make().running() as minion:
        await minion.publish("saltutil.term_job", [LEFT])
        process.wait()
        await minion.adopted_ended()
    await until(lambda: process_birth(below) is None)


async def test_adopted_jobs_count_among_those_that_may_run(make, stranger):
    minion = make()
    minion.proc.put(Running(job=minion.job("cmd.run", jid=LEFT), pid=stranger.pid, master="salt"))
    begun(minion, LEFT)
    async with make(process_count_max=1).running() as minion:
        jid = await minion.publish("cmd.run")
        assert minion.workers.calls == []
        stranger.kill()
        stranger.wait()
        await until(lambda: jid in minion.returns.spool)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "its process ended without a return"),
        # A pid that is another process by now.
        ({"birth": 1, "pid": 1}, "its process ended without a return"),
        ({"boot": "another"}, "the host was restarted while it ran"),
        ({"boot": "another", "queued": True}, "the host was restarted before it had begun"),
    ],
)
async def test_a_job_whose_process_is_gone_returns_why(make, changed, said):
    minion = make()
    fields = {"pid": 2**22 + 1, "birth": 1, "boot": boot_id()} | changed
    minion.proc.put(Running(job=minion.job("cmd.run", jid=LEFT), master="salt", **fields))
    begun(minion, LEFT)
    async with make().running() as minion:
        await minion.adopted_ended()
        assert minion.workers.calls == []
        back = minion.back(LEFT)
        assert said in back["return"]
        assert "interrupted" in back["return"]
        assert (back["retcode"], back["success"]) == (1, False)
        assert minion.files("spool") == [LEFT]


async def test_a_job_that_was_taken_and_had_not_begun_is_begun_by_the_next_daemon(make):
    async with make(process_count_max=1).running() as minion:
        minion.workers.slow["cmd.run"] = trio.Event()
        first = await minion.publish("cmd.run", ["first"])
        begun(minion, first)
        second = await minion.publish("cmd.run", ["second"])
    async with make().running() as minion:
        await minion.adopted_ended()
        assert [call.arg for call in minion.workers.calls] == [["second"]]
        assert "ended without a return" in minion.back(first)["return"]
        assert minion.back(second)["return"] is True


async def test_it_is_not_begun_before_the_minion_is_ready_and_can_be_killed_until_then(make):
    minion = make()
    minion.proc.put(Running(job=minion.job("cmd.run", jid=LEFT), pid=1, queued=True, master="salt"))
    minion = make()
    async with trio.open_nursery() as nursery:
        minion.jobs = await nursery.start(minion._run)
        await wait_all_tasks_blocked()
        assert minion.workers.calls == []
        assert minion.jobs.signal(LEFT, signal.SIGTERM) == os.getpid()
        minion.ready.set()
        await minion.adopted_ended()
        nursery.cancel_scope.cancel()
    assert minion.workers.calls == []
    assert minion.back(LEFT)["return"] == "terminated by signal 15"


async def test_a_job_of_long_ago_is_not_begun_any_more(make):
    minion = make()
    job = minion.job("cmd.run", jid="20261120123900000001")
    minion.proc.put(Running(job=job, pid=1, queued=True, master="salt"))
    async with make().running() as minion:
        await minion.adopted_ended()
        assert minion.workers.calls == []
        assert "too old" in minion.back(job["jid"])["return"]


async def test_what_an_older_trisalt_left_is_not_begun_again(make):
    minion = make()
    running = Running(job=minion.job("cmd.run", jid=LEFT), pid=2**22 + 1, birth=1, master="salt")
    assert running.boot == ""
    minion.proc.put(running)
    async with make().running() as minion:
        await minion.adopted_ended()
        assert minion.workers.calls == []
        assert "ended without a return" in minion.back(LEFT)["return"]


async def test_a_warm_job_that_the_daemon_cut_off_is_run_by_the_next(make):
    async with make().running() as minion:
        minion.workers.slow["test.ping"] = trio.Event()
        jid = await minion.publish("test.ping")
        assert minion.files("proc") == []
    async with make().running() as minion:
        await minion.adopted_ended()
        assert minion.back(jid)["return"] is True


async def test_a_job_that_left_no_trace_may_be_sent_again(make):
    """A warm one, whose daemon was killed: it touches nothing, and stands on no disk before it has returned."""
    minion = make()
    jid = minion.job("test.ping")["jid"]
    async with make().running() as minion:
        minion.workers.slow["test.ping"] = trio.Event()
        await minion.publish("test.ping", jid=jid)
        assert jid not in SeenJids(minion.folder / "jids", depth=100)
        minion.workers.slow["test.ping"].set()
        await wait_all_tasks_blocked()
        assert jid in SeenJids(minion.folder / "jids", depth=100)


@pytest.mark.parametrize("noted", [False, True])
async def test_a_job_of_which_a_power_cut_left_only_that_it_had_begun_returns_that_when_it_is_sent_again(make, noted):
    minion = make()
    begun(minion, LEFT)
    minion.seen.take(LEFT, note=noted)
    async with make().running() as minion:
        # So it is sent again.
        further = minion.back(await minion.publish("saltutil.find_job", [LEFT]))["trisalt"]
        assert further == {"taken": False}
        await minion.publish("cmd.run", jid=LEFT, durable=True)
        assert "the host was restarted while it ran" in minion.back(LEFT)["return"]
        minion.returns.spool.remove(LEFT)
        await minion.publish("cmd.run", jid=LEFT, durable=True)
        assert LEFT not in minion.returns.spool
    assert minion.workers.calls == []
    assert minion.returns.spool.all_begun() == set()
    assert LEFT in make().seen


async def test_what_a_power_cut_left_of_jobs_is_remembered_though_it_left_no_note_that_they_were_taken(make):
    minion = make()
    jids = [f"2026112212390000000{number}" for number in range(3)]
    for jid, fresh in zip(jids, (False, True), strict=False):
        minion.returns.spool.write(jid, {"jid": jid, "return": 1}, fresh=fresh)
    minion.proc.put(Running(job=minion.job("cmd.run", jid=jids[2]), pid=1, boot="another", birth=1, master="salt"))
    for _ in range(2):
        async with make().running() as minion:
            await minion.adopted_ended()
            for jid in jids:
                minion.returns.spool.remove(jid)
                await minion.publish("cmd.run", jid=jid)
            assert minion.workers.calls == []
            assert minion.returns.spool.names() == []


async def test_a_durable_job_has_a_process_of_its_own_and_is_noted_when_its_return_is_kept(make):
    async with make().running() as minion:
        minion.workers.slow["test.ping"] = trio.Event()
        jid = await minion.publish("test.ping", durable=True)
        assert (minion.workers.warm, minion.workers.spooled) == ([False], [True])
        assert jid not in SeenJids(minion.folder / "jids", depth=100)
        assert jid in minion.seen
        minion.workers.slow["test.ping"].set()
        await until(lambda: jid in minion.returns.spool)
        assert jid in SeenJids(minion.folder / "jids", depth=100)


async def test_unreadable_proc_files_are_cleared_away(make):
    minion = make()
    (minion.folder / "proc" / "20261122123900000001").write_bytes(b"\xc1")
    (minion.folder / "proc" / "20261122123900000002").write_bytes(pack_bin({"jid": "other", "pid": 1}))
    (minion.folder / "proc" / ".20261122123900000003.new").write_bytes(b"")
    async with make().running() as minion:
        assert minion.files("proc") == []


async def test_what_a_killed_salt_call_of_stock_noted_keeps_no_daemon_from_starting(make):
    minion = make()
    jids = "20261122123900000001", "20261122123900000002"
    for jid, pid in zip(jids, (2**22 + 5, os.getpid()), strict=True):
        noted = {"fun": "test.sleep", "pid": pid, "jid": jid, "tgt": "salt-call"}
        (minion.folder / "proc" / jid).write_bytes(pack_bin(noted))
    async with make().running() as minion:
        # What still runs removes its own note.
        assert minion.files("proc") == [jids[1]]
        assert len(minion.proc) == 0


def test_a_process_is_told_from_a_later_one_of_its_pid():
    birth = process_birth(os.getpid())
    assert birth
    assert Running(job={"jid": "1"}, pid=os.getpid(), birth=birth).alive()
    assert not Running(job={"jid": "1"}, pid=os.getpid(), birth=birth + 1).alive()
    assert process_birth(2**22 + 5) is None
    zombie = subprocess.Popen(["true"])
    deadline = time.monotonic() + 5
    while process_birth(zombie.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process_birth(zombie.pid) is None
    zombie.wait()
