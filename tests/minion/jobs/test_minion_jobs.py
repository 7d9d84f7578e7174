"""Jobs: taken once, run, and always returned."""

import os
from datetime import UTC, datetime

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from tests.minion.jobs.house import NOW
from trisalt.bus.events import FireMaster, JobReceived, PillarRefreshed
from trisalt.errors import WorkerDied
from trisalt.minion.proc import SeenJids
from trisalt.minion.publications import is_warm
from trisalt.worker.protocol import Failure, Outcome


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


async def test_a_job_whose_return_is_not_home_is_not_run_again_however_many_were_taken_since(make):
    async with make().running() as minion:
        jid = await minion.publish()
        minion.seen.forget(jid)
        assert minion.back(await minion.publish("saltutil.find_job", [jid]))["trisalt"] == {"taken": True}
        await minion.publish(jid=jid)
    assert len(minion.workers.calls) == 1


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


@pytest.mark.parametrize(
    ("jid", "runs"),
    [("20261121123900000000", False), ("20271121123900000000", True), ("20269921123900000000", True), ("mine", True)],
)
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


async def test_a_job_that_waits_for_its_warm_process_is_signalled_as_soon_as_that_is_there(make):
    async with make().running() as minion:
        minion.workers.born = trio.Event()
        jid = await minion.publish("test.ping")
        assert minion.back(await minion.publish("saltutil.kill_job", [jid]))["return"].startswith("Signal 9 sent")
        assert minion.workers.signals == []
        minion.workers.results["test.ping"] = WorkerDied("x", status=-9)
        minion.workers.born.set()
        await wait_all_tasks_blocked()
    assert minion.workers.signals == [(jid, 9)]
    assert minion.back(jid)["retcode"] == 137


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


@pytest.mark.parametrize(
    ("fun", "more", "strict"),
    [
        ("state.apply", {}, True),
        ("state.show_sls", {}, True),
        ("state.apply", {"module_executors": ["splay"]}, False),
        ("state.pkg", {}, False),
        ("test.nap", {}, False),
    ],
)
async def test_what_applies_states_is_given_the_process_that_is_kept_for_it(make, fun, more, strict):
    async with make().running() as minion:
        await minion.publish(fun, **more)
    assert minion.workers.strict == minion.workers.warm == [strict]
    assert minion.workers.spooled == [True]


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


def test_half_a_line_of_a_full_disk_does_not_spoil_the_next_jid(tmp_path, monkeypatch):
    seen, write = SeenJids(tmp_path / "jids", depth=9), os.write
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
        seen.take("20261122130453717216")
    assert [line["event"] for line in logs] == ["proc.not_written"]
    seen.take("20261122130453717217")
    assert not SeenJids(tmp_path / "jids", depth=9).take("20261122130453717217")


@pytest.mark.parametrize("torn", [b"2026112213", bytes(21)], ids=["half a line", "zeros"])
def test_what_a_power_cut_tore_does_not_spoil_the_next_jid(tmp_path, torn):
    path = tmp_path / "jids"
    path.write_bytes(b"20261122130453717215\n" + torn)
    with structlog.testing.capture_logs() as logs:
        seen = SeenJids(path, depth=9)
    assert [(line["event"], line["bytes"]) for line in logs] == [("proc.jids_cut", len(torn))]
    assert seen.take("20261122130453717217")
    again = SeenJids(path, depth=9)
    assert not any(again.take(jid) for jid in ("20261122130453717215", "20261122130453717217"))


def test_of_a_jid_that_may_be_forgotten_nothing_is_said(tmp_path):
    seen = SeenJids(tmp_path / "jids", depth=2)
    assert seen.remembers("5") is False
    for jid in ("3", "5", "7"):
        seen.take(jid)
    assert [seen.remembers(jid) for jid in ("3", "4", "5", "6", "7", "9")] == [None, None, True, False, True, False]
