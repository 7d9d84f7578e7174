"""Jobs: taken once, run, and always returned. Workers are a fake; the spool and the proc files are real."""

import itertools
import os
import signal
import subprocess
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import FireMaster, JobReceived, PillarRefreshed, ScheduleDue
from trisalt.errors import WorkerDied
from trisalt.minion.facts import Facts
from trisalt.minion.jobs import JobOptions, is_warm, run_jobs
from trisalt.minion.proc import Proc, Running, SeenJids, boot_id, process_birth
from trisalt.minion.returns import Returns, Spool
from trisalt.scheduler.entry import Entry
from trisalt.wire.codec import pack_bin
from trisalt.worker.protocol import Failure, Outcome

NUMBERS = itertools.count(100)
LEFT = "20261122123900000001"
NOW = 1795351200.0  # 2026-11-22 12:40 UTC


class FakeWorkers:
    """Runs what the test says: `results` by function; a function in `slow` runs until the test lets it end."""

    def __init__(self):
        self.calls = []
        self.contexts = []
        self.warm = []
        self.results = {}
        self.slow = {}
        self.signals = []
        self.pid = os.getpid()

    async def run_job(self, call, *, warm=False, on_start=None, spool=None, outlives=True, context=None):
        await trio.lowlevel.checkpoint()
        if on_start is not None:
            on_start(self.pid)
        self.calls.append(call)
        self.contexts.append(context)
        self.warm.append(warm)
        if isinstance(call.fun, str) and call.fun in self.slow:
            await self.slow[call.fun].wait()
        outcome = self.results.get(call.fun if isinstance(call.fun, str) else call.fun[0], True)
        if isinstance(outcome, Exception):
            raise outcome
        if not isinstance(outcome, Outcome):
            outcome = Outcome(result=outcome)
        if spool is not None:
            spool.write_bytes(pack_bin({**call.load, **outcome.to_load()}))
        return outcome

    def signal(self, jid, signum):
        self.signals.append((jid, signum))
        return self.pid


async def until(condition):
    """Another process does what it does when it does."""
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await trio.sleep(0.01)


class Minion:
    """A minion's job room: publish to it, look at what it spooled."""

    def __init__(self, folder, **options):
        self.bus = Bus()
        self.workers = FakeWorkers()
        self.facts = Facts(id="m1", opts={}, grains={"id": "m1", "os": "Debian"}, pillar={"role": "web"})
        self.folder = folder
        self.proc = Proc(folder / "proc")
        self.returns = Returns(Spool(folder / "spool"))
        self.seen = SeenJids(folder / "jids", depth=100)
        self.options = JobOptions(**options)
        self.ready = trio.Event()

    @asynccontextmanager
    async def running(self):
        async with trio.open_nursery() as nursery:
            self.jobs = await nursery.start(self._run)
            self.ready.set()
            yield self
            nursery.cancel_scope.cancel()

    async def _run(self, *, task_status):
        await run_jobs(
            self.bus, self.workers, self.proc, self.seen, self.returns, self.facts, self.options,
            ready=self.ready, wall=lambda: NOW, task_status=task_status,
        )  # fmt: skip

    def job(self, fun="test.nap", arg=(), jid=None, **more):
        return {
            "fun": fun, "arg": list(arg), "tgt": "*", "tgt_type": "glob", "ret": "", "user": "root",
            "jid": jid or f"{20261122123900000000 + next(NUMBERS)}", **more,
        }  # fmt: skip

    async def publish(self, *args, **kwargs):
        load = self.job(*args, **kwargs)
        await self.bus.publish(JobReceived(load=load, master="salt"))
        await wait_all_tasks_blocked()
        return load["jid"]

    def back(self, jid):
        """What is in the spool for this job, without our own facts."""
        load = self.returns.spool.read(jid)
        load.pop("_trisalt")
        return load

    async def adopted_ended(self):
        await until(lambda: not len(self.proc))

    def files(self, name):
        return sorted(path.name for path in (self.folder / name).iterdir())


@pytest.fixture
def make(tmp_path):
    return lambda **options: Minion(tmp_path, **options)


async def test_a_job_runs_and_its_return_has_stocks_keys(make):
    async with make().running() as minion:
        minion.workers.results["cmd.run"] = Outcome(result="hi", retcode=0, success=True, out="nested")
        jid = await minion.publish("cmd.run", ["echo hi"], metadata={"a": 1})
    assert minion.back(jid) == {
        "cmd": "_return", "id": "m1", "jid": jid, "fun": "cmd.run", "fun_args": ["echo hi"], "user": "root",
        "metadata": {"a": 1}, "return": "hi", "retcode": 0, "success": True, "out": "nested",
    }  # fmt: skip
    assert minion.files("proc") == []


async def test_the_lines_an_operator_knows(make):
    with structlog.testing.capture_logs() as logs:
        async with make().running() as minion:
            jid = await minion.publish("cmd.run")
    known = [line for line in logs if line["log_level"] == "info"]
    assert [line["event"] for line in known] == ["job.received", "job.started"]
    assert known[0] == {"event": "job.received", "log_level": "info", "user": "root", "fun": "cmd.run", "jid": jid}
    assert known[1]["pid"] == minion.workers.pid


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "ours"),
    [
        ("m*", "glob", True),
        ("m2", "glob", False),
        (["m1", "m2"], "list", True),
        ("os:debian", "grain", True),
        ("role:web", "pillar", True),
        ("role:db", "pillar", False),
        ("G@os:Debian and not m2", "compound", True),
        ("( broken", "compound", False),
        ("x", "no_such_type", False),
    ],
)
async def test_only_what_is_for_us_runs(make, tgt, tgt_type, ours):
    async with make().running() as minion:
        await minion.publish(tgt=tgt, tgt_type=tgt_type)
    assert bool(minion.workers.calls) is ours


@pytest.mark.parametrize(
    "broken",
    [
        {"jid": "../../etc/passwd"},
        {"jid": ".hidden"},
        {"jid": "x" * 65},
        {"arg": "text"},
        {"fun": 7},
        {"fun": []},
        {"fun": ["a.b", "c.d"], "arg": [[]]},
        {"fun": ["a.b"], "arg": ["text"]},
    ],
)
async def test_a_malformed_job_is_logged_and_ignored(make, broken):
    with structlog.testing.capture_logs() as logs:
        async with make().running() as minion:
            await minion.bus.publish(JobReceived(load={**minion.job(), **broken}, master="salt"))
            await wait_all_tasks_blocked()
    assert minion.workers.calls == []
    assert [line["event"] for line in logs] == ["job.malformed"]


async def test_nothing_runs_before_the_minion_is_ready(make):
    minion = make()
    async with trio.open_nursery() as nursery:
        await nursery.start(minion._run)
        await minion.publish()
        assert minion.workers.calls == []
        minion.ready.set()
        await wait_all_tasks_blocked()
        assert len(minion.workers.calls) == 1
        nursery.cancel_scope.cancel()


async def test_a_jid_runs_once_over_a_restart_too(make):
    async with make().running() as minion:
        jid = await minion.publish()
        await minion.publish(jid=jid)
    assert len(minion.workers.calls) == 1
    async with make().running() as minion:
        await minion.publish(jid=jid)
        assert minion.workers.calls == []
        await minion.publish()
        assert len(minion.workers.calls) == 1


async def test_a_job_of_a_master_that_has_just_come_waits_for_its_pillar(make, autojump_clock):
    async with make().running() as minion:
        minion.facts.masters = frozenset({"salt", "b"})
        jid = await minion.publish("test.nap")
        assert minion.workers.calls == []
        minion.facts.pillars = {"salt": {"role": "db"}}
        await minion.bus.publish(PillarRefreshed())
        await wait_all_tasks_blocked()
        assert minion.back(jid)["return"] is True
        assert minion.workers.contexts[-1]().pillar == {"role": "db"}
        lost = minion.job("test.nap")
        await minion.bus.publish(JobReceived(load=lost, master="b"))
        await trio.sleep(61)
    assert "has not given this minion its pillar" in minion.back(lost["jid"])["return"]
    assert len(minion.workers.calls) == 1


async def test_a_recording_of_yesterday_is_not_run(make):
    with structlog.testing.capture_logs() as logs:
        async with make().running() as minion:
            await minion.publish(jid="20261121123900000000")
    assert minion.workers.calls == []
    assert [line["event"] for line in logs] == ["job.too_old"]


@pytest.mark.parametrize(("jid", "runs"), [("20261121123900000000", False), ("20271121123900000000", True)])
async def test_what_is_old_the_masters_clock_says_where_it_is_known(make, jid, runs):
    now = datetime(2027, 11, 21, 13, tzinfo=UTC).timestamp()
    async with make().running() as minion:
        load = minion.job(jid=jid)
        await minion.bus.publish(JobReceived(load=load, master="salt", now=now))
        await wait_all_tasks_blocked()
    assert bool(minion.workers.calls) is runs


async def test_find_job_is_answered_here_while_a_job_runs(make):
    async with make().running() as minion:
        minion.workers.slow["cmd.run"] = trio.Event()
        slow = await minion.publish("cmd.run", ["sleep 60"])
        found = await minion.publish("saltutil.find_job", [slow])
        absent = await minion.publish("saltutil.find_job", ["20200101000000000000"])
        listed = await minion.publish("saltutil.running")
        named = await minion.publish("saltutil.is_running", ["cmd.*"])
        assert len(minion.workers.calls) == 1
        shape = {
            "fun": "cmd.run", "arg": ["sleep 60"], "tgt": "*", "tgt_type": "glob", "ret": "", "user": "root",
            "jid": slow, "pid": minion.workers.pid,
        }  # fmt: skip
        # What it tells beyond the job map, stock's answer has not: it stands under one key of its own.
        assert minion.back(found)["return"] == {**shape, "trisalt": {"since": NOW}}
        assert minion.proc.note(slow, "state  nginx-conf\n" + "x" * 500)
        again = minion.back(await minion.publish("saltutil.find_job", [slow]))["return"]
        assert again["trisalt"] == {"since": NOW, "doing": f"state nginx-conf {'x' * 183}"}
        assert minion.back(absent)["return"] == {}
        assert minion.back(absent)["trisalt"] == {"taken": False}
        assert "trisalt" not in minion.back(found)
        assert minion.back(listed)["return"] == minion.back(named)["return"] == [shape]
        assert minion.files("proc") == [slow]
        minion.workers.slow["cmd.run"].set()
        await wait_all_tasks_blocked()
        assert minion.files("proc") == []
        assert not minion.proc.note(slow, "too late")
        over = minion.back(await minion.publish("saltutil.find_job", [slow]))
        assert (over["return"], over["trisalt"]) == ({}, {"taken": True})


@pytest.mark.parametrize(
    ("fun", "arg", "text"),
    [
        ("saltutil.find_job", [], "find_job() missing 1 required positional argument: 'jid'"),
        ("saltutil.signal_job", ["1"], "signal_job() missing 1 required positional argument: 'sig'"),
        ("saltutil.running", [1], "running() takes 0 positional arguments but 1 were given"),
        ("saltutil.find_job", ["1", {"__kwarg__": True, "x": 1}], "keyword arguments are not valid: x=1"),
        ("saltutil.signal_job", ["{jid}", "often"], "invalid literal"),
    ],
)
async def test_a_wrong_question_about_jobs_is_answered_too(make, fun, arg, text):
    async with make().running() as minion:
        minion.workers.slow["cmd.run"] = trio.Event()
        slow = await minion.publish("cmd.run")
        jid = await minion.publish(fun, [one.format(jid=slow) if isinstance(one, str) else one for one in arg])
        back = minion.back(jid)
    assert text in back["return"]
    assert (back["success"], back["retcode"]) == (False, 1)


async def test_jobs_are_signalled_by_name_of_stocks_functions(make):
    async with make().running() as minion:
        minion.workers.slow["cmd.run"] = trio.Event()
        slow = await minion.publish("cmd.run")
        pid = minion.workers.pid
        assert (
            minion.back(await minion.publish("saltutil.term_job", [slow]))["return"]
            == f"Signal 15 sent to job {slow} at pid {pid}"
        )
        assert (
            minion.back(await minion.publish("saltutil.kill_job", [slow]))["return"]
            == f"Signal 9 sent to job {slow} at pid {pid}"
        )
        assert (
            minion.back(await minion.publish("saltutil.signal_job", [slow, "10"]))["return"]
            == f"Signal 10 sent to job {slow} at pid {pid}"
        )
        assert minion.back(await minion.publish("saltutil.term_job", ["20200101000000000000"]))["return"] == ""
        assert minion.back(await minion.publish("saltutil.kill_all_jobs"))["return"] == [
            f"Signal 9 sent to job {slow} at pid {pid}"
        ]
    assert [signum for _, signum in minion.workers.signals] == [15, 9, 10, 9]


@pytest.mark.parametrize(
    ("died", "retcode", "text"),
    [
        (WorkerDied("x", status=-15), 143, "terminated by signal 15"),
        (WorkerDied("x", status=-9), 137, "terminated by signal 9"),
        (WorkerDied("x", status=3), 3, "status 3"),
        (WorkerDied("x", status=0), 1, "status 0"),
        (WorkerDied("x"), 1, "before it returned"),
    ],
)
async def test_a_job_whose_process_dies_returns_and_says_so(make, died, retcode, text):
    async with make().running() as minion:
        minion.workers.results["cmd.run"] = died
        jid = await minion.publish("cmd.run")
    back = minion.back(jid)
    assert (back["success"], back["retcode"]) == (False, retcode)
    assert text in back["return"]
    assert minion.files("proc") == []


async def test_over_the_limit_jobs_wait_and_are_found_meanwhile(make):
    with structlog.testing.capture_logs() as logs:
        async with make(process_count_max=1).running() as minion:
            minion.workers.slow["cmd.run"] = trio.Event()
            await minion.publish("cmd.run", ["first"])
            second = await minion.publish("cmd.run", ["second"])
            assert len(minion.workers.calls) == 1
            found = minion.back(await minion.publish("saltutil.find_job", [second]))["return"]
            assert (found["jid"], found["pid"]) == (second, os.getpid())
            # Short ones do not wait for a place.
            assert minion.back(await minion.publish("test.ping"))["return"] is True
            minion.workers.slow["cmd.run"].set()
            await wait_all_tasks_blocked()
            assert minion.back(second)["return"] is True
    assert [(line["running"], line["max"]) for line in logs if line["event"] == "job.queued"] == [(1, 1)]


async def test_a_waiting_job_can_be_terminated(make):
    async with make(process_count_max=1).running() as minion:
        minion.workers.slow["cmd.run"] = trio.Event()
        await minion.publish("cmd.run", ["first"])
        second = await minion.publish("cmd.run", ["second"])
        await minion.publish("saltutil.term_job", [second])
        back = minion.back(second)
        assert (back["return"], back["retcode"], back["success"]) == ("terminated by signal 15", 143, False)
        assert len(minion.workers.calls) == 1


async def test_several_functions_are_one_job(make):
    async with make().running() as minion:
        minion.workers.results["test.ping"] = Outcome(
            result={"test.ping": True, "test.echo": "hi"},
            retcode={"test.ping": 0, "test.echo": 0},
            success={"test.ping": True, "test.echo": True},
        )
        jid = await minion.publish(["test.ping", "test.echo"], [[], ["hi"]])
    back = minion.back(jid)
    assert back["fun"] == ["test.ping", "test.echo"]
    assert back["fun_args"] == [[], ["hi"]]
    assert back["return"] == {"test.ping": True, "test.echo": "hi"}
    assert minion.workers.warm == [False]


async def test_in_blackout_only_what_is_allowed_runs(make):
    async with make().running() as minion:
        minion.facts.pillar = {"minion_blackout": True, "minion_blackout_whitelist": ["test.echo"]}
        refused = await minion.publish("test.ping")
        await minion.publish("test.echo", ["hi"])
        await minion.publish("saltutil.refresh_pillar")
        found = await minion.publish("saltutil.find_job", ["1"])
        assert "blackout mode" in minion.back(refused)["return"]
        assert minion.back(refused)["retcode"] == 1
        assert minion.back(found)["return"] == {}
    assert [call.fun for call in minion.workers.calls] == ["test.echo", "saltutil.refresh_pillar"]


async def test_in_blackout_a_compound_job_runs_if_each_of_its_functions_may(make):
    async with make().running() as minion:
        minion.facts.grains = {"minion_blackout": True, "minion_blackout_whitelist": "test.echo"}
        await minion.publish(["saltutil.running", "test.echo"], [[], ["hi"]])
        refused = await minion.publish(["test.echo", "test"], [["hi"], []])
        assert "ERROR executing 'test'" in minion.back(refused)["return"]
    assert [call.fun for call in minion.workers.calls] == [["saltutil.running", "test.echo"]]


async def test_a_start_event_is_fired_when_asked_for(make):
    async with make().running() as minion, minion.bus.subscribe(FireMaster, keep=True) as fired:
        jid = await minion.publish(start_event=True)
        event = await fired.receive()
    assert event.name == f"salt/job/{jid}/start/m1"
    assert event.data == {"jid": jid, "fun": "test.nap", "tgt": "*", "tgt_type": "glob", "user": "root"}


async def test_wrong_arguments_and_exceptions_are_told_in_the_log(make):
    with structlog.testing.capture_logs() as logs:
        async with make().running() as minion:
            minion.workers.results["a.b"] = Outcome(
                result="Passed invalid\ndoc", retcode=1, success=False, failure=Failure.ARGUMENTS
            )
            minion.workers.results["c.d"] = Outcome(
                result="Traceback", retcode=1, success=False, failure=Failure.EXCEPTION
            )
            await minion.publish("a.b")
            await minion.publish("c.d")
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "job.invalid_arguments",
        "job.exception",
    ]


def test_only_harmless_functions_are_warm():
    assert is_warm("test.ping")
    assert is_warm("sys.doc")
    for fun in ("cmd.run", "test.sleep", "pkg.install", "state.apply", ["test.ping"], "saltutil.sync_all"):
        assert not is_warm(fun)


# -- the schedule --------------------------------------------------------------------------------------------------


def entry(**mapping):
    return Entry.from_config("j1", {"function": "test.nap", "seconds": 10, **mapping})


async def test_a_scheduled_job_returns_as_req_with_its_name(make):
    async with make().running() as minion:
        await minion.bus.publish(ScheduleDue(name="j1", entry=entry(args=[1], kwargs={"a": 2}, metadata={"x": 1})))
        await wait_all_tasks_blocked()
    (name,) = minion.returns.spool.names()
    load = minion.returns.spool.read(name)
    assert (load["jid"], load["schedule"], load["id"]) == ("req", "j1", "m1")
    assert load["fun_args"] == [1, {"__kwarg__": True, "a": 2}]
    assert (load["tgt"], load["tgt_type"], load["pid"]) == ("m1", "glob", minion.workers.pid)
    assert load["metadata"]["x"] == 1
    assert set(load["metadata"]) == {"x", "_TOS", "_TS", "_TT"}


async def test_without_return_job_nothing_is_returned(make):
    async with make().running() as minion:
        await minion.bus.publish(ScheduleDue(name="j1", entry=entry(return_job=False)))
        await wait_all_tasks_blocked()
    assert len(minion.workers.calls) == 1
    assert minion.returns.spool.names() == []
    assert minion.files("proc") == []


async def test_maxrunning_is_kept(make):
    with structlog.testing.capture_logs() as logs:
        async with make().running() as minion:
            minion.workers.slow["test.nap"] = trio.Event()
            for _ in range(4):
                await minion.bus.publish(ScheduleDue(name="j1", entry=entry(maxrunning=2)))
                await wait_all_tasks_blocked()
            assert len(minion.workers.calls) == 2
    assert [line["event"] for line in logs].count("scheduler.job_skipped") == 2


# -- stopping, and the next daemon -----------------------------------------------------------------------------


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


async def test_unreadable_proc_files_are_cleared_away(make):
    minion = make()
    (minion.folder / "proc" / "20261122123900000001").write_bytes(b"\xc1")
    (minion.folder / "proc" / "20261122123900000002").write_bytes(pack_bin({"jid": "other", "pid": 1}))
    (minion.folder / "proc" / ".20261122123900000003.new").write_bytes(b"")
    async with make().running() as minion:
        assert minion.files("proc") == []


# -- the small parts ----------------------------------------------------------------------------------------------


def test_seen_jids_keep_the_newest_and_stay_small(tmp_path):
    seen = SeenJids(tmp_path / "jids", depth=3)
    assert [seen.take(jid) for jid in "abcab"] == [True, True, True, False, False]
    assert seen.take("d")
    again = SeenJids(tmp_path / "jids", depth=3)
    assert not again.take("d")
    assert not again.take("b")
    assert again.take("a")
    for number in range(100):
        again.take(str(number))
    assert len((tmp_path / "jids").read_text().split()) <= 6


def test_of_a_jid_that_may_be_forgotten_nothing_is_said(tmp_path):
    seen = SeenJids(tmp_path / "jids", depth=2)
    assert seen.remembers("5") is False
    for jid in ("3", "5", "7"):
        seen.take(jid)
    assert [seen.remembers(jid) for jid in ("3", "4", "5", "6", "7", "9")] == [None, None, True, False, True, False]


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
