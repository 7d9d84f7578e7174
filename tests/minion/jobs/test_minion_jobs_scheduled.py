"""Jobs of the minion's own schedule."""

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.events import ScheduleDue
from trisalt.scheduler.entry import Entry
from trisalt.worker.protocol import Failure, Outcome


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


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(result=True), []),
        (Outcome(result="secret", retcode=2, success=False), [{"retcode": 2}]),
        (
            Outcome(result="'a.b' is not available.", failure=Failure.MISSING, retcode=254),
            [{"retcode": 254, "reason": "'a.b' is not available."}],
        ),
    ],
)
async def test_a_scheduled_job_that_fails_is_a_warning_without_what_it_returned(make, outcome, told):
    with structlog.testing.capture_logs() as logs:
        async with make().running() as minion:
            minion.workers.results["test.nap"] = outcome
            await minion.bus.publish(ScheduleDue(name="j1", entry=entry()))
            await wait_all_tasks_blocked()
    failed = [line for line in logs if line["event"] == "scheduler.job_failed"]
    more = {"event": "scheduler.job_failed", "log_level": "warning", "name": "j1", "fun": "test.nap"}
    assert failed == [{**facts, **more} for facts in told]
