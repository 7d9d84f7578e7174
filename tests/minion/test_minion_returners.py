"""Returners after a job: who is asked, what they are given, and that nothing they do touches the job's return."""

import pytest
import structlog
from trio.testing import wait_all_tasks_blocked

from tests.minion.jobs.house import Minion
from trisalt.bus.events import ScheduleDue
from trisalt.errors import WorkerDied
from trisalt.scheduler.entry import Entry
from trisalt.wire.codec import unpack_bin
from trisalt.worker.protocol import Failure, Outcome


@pytest.fixture
def make(tmp_path):
    return lambda **options: Minion(tmp_path, **options)


def given(minion):
    """What the returners were given, by name."""
    return {call.fun: call.arg[0] for call in minion.workers.calls if call.kind == "returners"}


async def test_a_returner_gets_the_return_without_what_is_ours(make):
    minion = make(returners=("everywhere",))
    async with minion.running():
        jid = await minion.publish(
            "test.ping", ret="one,two", ret_config="other", ret_kwargs={"a": 1}, metadata={"m": 1}
        )
    assert list(given(minion)) == ["one.returner", "two.returner", "everywhere.returner"]
    assert given(minion)["one.returner"] == {
        "id": "m1", "jid": jid, "fun": "test.ping", "fun_args": [], "return": True, "retcode": 0, "success": True,
        "user": "root", "metadata": {"m": 1}, "ret_config": "other", "ret_kwargs": {"a": 1},
    }  # fmt: skip
    back = minion.back(jid)
    assert back["return"] is True
    assert "ret_kwargs" not in back


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (WorkerDied("killed", status=-9), {"event": "returner.failed", "reason": "killed"}),
        (
            Outcome(result="'one.returner' is not available.", failure=Failure.MISSING),
            {"event": "returner.missing", "reason": "'one.returner' is not available."},
        ),
        (
            Outcome(result="Traceback …\nOSError: no", failure=Failure.EXCEPTION),
            {"event": "returner.failed", "reason": "OSError: no"},
        ),
        (Outcome(result="ERROR: no", failure=Failure.COMMAND), {"event": "returner.failed", "reason": "ERROR: no"}),
    ],
)
async def test_a_returner_that_fails_is_a_log_line_and_the_next_has_its_turn(make, outcome, line):
    minion = make()
    minion.workers.results["one.returner"] = outcome
    with structlog.testing.capture_logs() as logs:
        async with minion.running():
            jid = await minion.publish("test.nap", ret="one,two")
    assert minion.back(jid)["return"] is True
    assert "two.returner" in given(minion)
    told = [entry for entry in logs if entry["log_level"] == "error"]
    assert [{key: entry[key] for key in line} for entry in told] == [line]


@pytest.mark.parametrize("fun", ["test.ping", "test.nap"])
async def test_a_minion_may_keep_what_jobs_returned(make, tmp_path, fun):
    minion = make(cache_jobs=str(tmp_path / "cache"))
    async with minion.running():
        jid = await minion.publish(fun, [1])
        find = await minion.publish("saltutil.find_job", [jid])
    kept = tmp_path / "cache" / "minion_jobs" / jid / "return.p"
    assert unpack_bin(kept.read_bytes()) == {
        "id": "m1", "jid": jid, "fun": fun, "fun_args": [1], "return": True, "retcode": 0, "success": True,
        "user": "root",
    }  # fmt: skip
    assert kept.stat().st_mode & 0o777 == 0o600
    assert minion.back(jid)["return"] is True
    assert not kept.parent.with_name(find).exists(), "what asks about jobs is none"


async def test_grains_may_be_gathered_before_each_job(make):
    order = []

    async def gather():
        order.append("grains")

    minion = make(before=gather)
    run_job = minion.workers.run_job

    async def run(call, **kwargs):
        order.append(call.fun)
        return await run_job(call, **kwargs)

    minion.workers.run_job = run
    async with minion.running():
        for fun in ("test.ping", "saltutil.running", "test.nap"):
            await minion.publish(fun)
    assert order == ["grains", "test.ping", "grains", "test.nap"]


async def test_a_cache_that_takes_nothing_is_a_log_line(make, tmp_path):
    (tmp_path / "cache").write_text("a file")
    minion = make(cache_jobs=str(tmp_path / "cache"))
    with structlog.testing.capture_logs() as logs:
        async with minion.running():
            jid = await minion.publish("test.ping")
    assert minion.back(jid)["return"] is True
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["job.not_cached"]


async def test_the_return_is_kept_before_a_returner_begins(make):
    minion = make()
    seen = []

    async def run_job(call, **kwargs):
        if call.kind == "returners":
            seen.append(call.arg[0]["jid"] in minion.returns.spool)
        return await type(minion.workers).run_job(minion.workers, call, **kwargs)

    minion.workers.run_job = run_job
    async with minion.running():
        await minion.publish("test.nap", ret="one")
        await minion.publish("saltutil.running", ret="one")
    assert seen == [True, True]


async def test_a_scheduled_job_names_its_returners(make):
    minion = make()
    entry = Entry.from_config(
        "e", {"function": "test.nap", "seconds": 9, "returner": ["one"], "return_kwargs": {"a": 2}, "return_job": False}
    )
    async with minion.running():
        await minion.bus.publish(ScheduleDue(name="e", entry=entry))
        await wait_all_tasks_blocked()
    assert given(minion)["one.returner"]["ret_kwargs"] == {"a": 2}
    assert given(minion)["one.returner"]["schedule"] == "e"
    assert len(given(minion)["one.returner"]["jid"]) == 20
