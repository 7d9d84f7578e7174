"""Jobs for an external cache: what returners are told, in which order, and what a returner that fails does to it."""

from contextlib import asynccontextmanager

import pytest
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Origin
from trisalt.bus.events import JobNew, JobReturned, TaggedEvent
from trisalt.config.read import read_master
from trisalt.errors import WorkerDied
from trisalt.master.job_mirror import BANK, KEY, MirrorRules, mirror_jobs
from trisalt.store.sqlite import open_store
from trisalt.worker.protocol import Failure, Outcome

JID = "20261122124940743908"
LOAD = {
    "jid": JID,
    "fun": "test.ping",
    "arg": [],
    "tgt": "*",
    "tgt_type": "glob",
    "user": "root",
    "ret": "",
    "minions": ["m1"],
}
BOTH = MirrorRules(jobs=("db",), returns=("db",))


class FakeWorkers:
    """Notes the calls; what `answers` holds comes first."""

    def __init__(self):
        self.calls = []
        self.answers = []

    async def run_job(self, call, *, warm, outlives):
        await trio.lowlevel.checkpoint()
        assert (call.kind, warm, outlives) == ("returners", True, False)
        self.calls.append((call.fun, *call.arg))
        answer = self.answers.pop(0) if self.answers else Outcome(result=None)
        if isinstance(answer, Exception):
            raise answer
        return answer


class House:
    def __init__(self, store):
        self.store, self.bus, self.workers = store, Bus(), FakeWorkers()
        store.log.tell = self.bus.tell
        self.bus.keep_in(store.log)

    @asynccontextmanager
    async def mirroring(self, rules=BOTH):
        async with trio.open_nursery() as nursery:
            mirror = lambda **kw: mirror_jobs(self.bus, self.store, self.workers, rules, waits=(0.0, 0.0), **kw)  # noqa: E731
            await nursery.start(lambda task_status: mirror(task_status=task_status))
            yield self.workers.calls
            nursery.cancel_scope.cancel()

    async def begins(self, **more):
        load = LOAD | more
        await self.store.jobs.record_job(load, load["minions"])
        fields = {key: load[key] for key in ("jid", "tgt", "tgt_type", "user", "fun", "arg", "minions")}
        await self.bus.publish(JobNew(**fields, missing=[], origin=Origin("user", "root")))

    async def returns(self, id="m1", origin=None, **more):
        fields = {"jid": JID, "fun": "test.ping", "fun_args": [], "result": True} | more
        await self.bus.publish(JobReturned(id=id, **fields, origin=origin or Origin("minion", id)))

    async def until(self, count):
        with trio.fail_after(30):
            while len(self.workers.calls) < count:  # noqa: ASYNC110 - nothing tells of it
                await trio.sleep(0.005)

    async def until_kept(self, number):
        with trio.fail_after(30):
            while self.store.log.last < number:  # noqa: ASYNC110 - nothing tells of it
                await trio.sleep(0.005)

    async def until_noted(self):
        with trio.fail_after(30):
            while (await self.store.banks.fetch(BANK, KEY))["number"] < self.store.log.last:  # noqa: ASYNC110 - nor of it
                await trio.sleep(0.005)


@pytest.fixture
async def house(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        yield House(store)


@pytest.mark.parametrize(
    ("options", "jobs", "returns"),
    [
        ({}, (), ()),
        ({"master_job_cache": "db"}, ("db",), ("db",)),
        ({"master_job_cache": "db", "job_cache": False}, ("db",), ()),
        ({"ext_job_cache": "db"}, ("db",), ()),
        ({"ext_job_cache": "ext", "master_job_cache": "db"}, ("ext", "db"), ()),
    ],
)
def test_who_is_told_is_what_stock_does(tmp_path, options, jobs, returns):
    config = read_master(tmp_path, options)
    assert MirrorRules.of(config) == MirrorRules(jobs=jobs, returns=returns)


async def test_a_job_is_told_before_its_returns(house):
    async with house.mirroring() as calls:
        await house.begins()
        await house.returns()
        await house.until(2)
    save, returned = calls
    assert save == ("db.save_load", JID, LOAD, ["m1"])
    assert returned[0] == "db.returner"
    assert returned[1].items() >= {"id": "m1", "jid": JID, "return": True, "retcode": 0, "fun": "test.ping"}.items()


async def test_a_return_without_a_job_says_what_it_is_of(house):
    async with house.mirroring() as calls:
        await house.returns(schedule="nightly", tgt="m1", tgt_type="glob")
        await house.until(2)
    assert [call[0] for call in calls] == ["db.save_load", "db.returner"]
    assert calls[0][2]["schedule"] == "nightly"


async def test_questions_and_what_looks_like_a_return_are_none(house):
    async with house.mirroring() as calls:
        await house.begins(fun="saltutil.find_job", jid="20261122124940743909")
        await house.returns(fun="saltutil.find_job")
        await house.returns(id="m2", origin=Origin("minion", "m1"))
        await house.bus.publish(
            TaggedEvent(name=f"salt/job/{JID}/ret/m1", data={"jid": JID}, origin=Origin("minion", "m1"))
        )
        await house.returns(result="last")
        await house.until(1)
    assert [call[1]["return"] for call in calls] == ["last"]


async def test_it_goes_on_where_it_was(house):
    await house.returns(result="before it was configured")
    await house.until_kept(1)
    async with house.mirroring():
        await house.returns(result=1)
        await house.until(1)
        await house.until_noted()
    await house.returns(result=2)
    async with house.mirroring() as calls:
        await house.returns(result=3)
        await house.until(3)
    assert [call[1]["return"] for call in calls] == [1, 2, 3]


async def test_in_a_new_log_it_begins_at_the_beginning(house):
    await house.store.banks.store(BANK, KEY, {"log": "another", "number": 99})
    await house.returns(result=1)
    async with house.mirroring() as calls:
        await house.until(1)
    assert [call[1]["return"] for call in calls] == [1]


@pytest.mark.parametrize(
    ("answers", "tries", "told"),
    [
        ([WorkerDied("killed", status=-9)], 2, ["job_mirror.put_off"]),
        ([Outcome(result="E: down", failure=Failure.EXCEPTION)] * 3, 3, ["job_mirror.put_off"] * 2 + ["job_mirror.failed"]),
        ([Outcome(result="not there", failure=Failure.MISSING)], 1, ["job_mirror.failed"]),
        ([Outcome(result="wrong\nDoc", failure=Failure.ARGUMENTS)], 1, ["job_mirror.failed"]),
    ],
)  # fmt: skip
async def test_a_returner_that_fails_is_tried_again_and_then_the_next_has_its_turn(house, answers, tries, told):
    house.workers.answers += answers
    with structlog.testing.capture_logs() as logs:
        async with house.mirroring() as calls:
            await house.returns(result=1)
            await house.returns(result=2)
            await house.until(tries + 1)
    assert [call[1]["return"] for call in calls] == [1] * tries + [2]
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == told
