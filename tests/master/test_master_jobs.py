"""Returns: stored first, told second, acknowledged last. Watches, with a publisher that is not there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    Event,
    JobNew,
    JobReturned,
    JobSettled,
    JobWaits,
    MinionAbsent,
    MinionPresent,
    TaggedEvent,
)
from trisalt.bus.requests import (
    Presence,
    Published,
    PublishRequest,
    ReturnRequest,
    ReturnsRequest,
    SyndicReturnRequest,
    WatchRequest,
)
from trisalt.errors import StoreError
from trisalt.master import jobs as keeper
from trisalt.master import watches as watching
from trisalt.master.attendance import NOBODY, Nobody
from trisalt.master.jobs import keep_jobs
from trisalt.master.reasons import NO_RESPONSE, NOT_CONNECTED, explained
from trisalt.store.sqlite import open_store
from trisalt.store.store import JobEntry, Recorded

JID = "20261122124940743908"


@attrs.define
class MemoryJobs:
    """A store of jobs in memory: what the keeper uses of it, with a door that can be shut."""

    jobs: dict = attrs.field(factory=dict)
    bodies: dict = attrs.field(factory=dict)
    settled: dict = attrs.field(factory=dict)
    batches: list = attrs.field(factory=list)
    marked: int = 0
    full: bool = False
    door: trio.Event | None = None

    async def record_returns(self, returns, *, settled=(), events=()):
        await trio.lowlevel.checkpoint()
        if self.door is not None:
            await self.door.wait()
        if self.full:
            raise StoreError("the store cannot write: disk full")
        self.batches.append(len(returns))
        results = []
        for one in returns:
            if one.load is not None:
                self.jobs.setdefault(one.jid, (dict(one.load), [one.id]))
            assert one.jid in self.jobs
            there = self.bodies.setdefault((one.jid, one.id), one.body)
            fresh = there is one.body
            results.append(Recorded.NEW if fresh else Recorded.REPEAT if there == one.body else Recorded.DIFFERENT)
        self.settled.update((jid, {}) for jid in settled)
        return results

    async def returned(self, jid):
        await trio.lowlevel.checkpoint()
        return {id for there, id in self.bodies if there == jid}

    async def entry(self, jid):
        await trio.lowlevel.checkpoint()
        if jid not in self.jobs:
            return None
        load, minions = self.jobs[jid]
        return JobEntry(jid=jid, load=load, minions=minions, recorded=0.0)

    async def mark_settled(self, jid, missing, *, events=()):
        await trio.lowlevel.checkpoint()
        if self.door is not None:
            await self.door.wait()
        if self.full:
            raise StoreError("the disk is full")
        self.marked += 1
        self.settled[jid] = dict(missing)


@attrs.define
class MemoryStore:
    jobs: MemoryJobs = attrs.field(factory=MemoryJobs)


@attrs.define
class Publisher:
    """Claims PublishRequest: notes what is published and when, and lets `answers` say who answers find_job how."""

    bus: Bus
    published: list = attrs.field(factory=list)
    answers: dict = attrs.field(factory=dict)
    nobody: bool = False

    async def run(self, *, task_status):
        async with self.bus.claim(PublishRequest) as requests, trio.open_nursery() as nursery:
            task_status.started()
            async for request, reply in requests:
                self.published.append((trio.current_time(), request))
                if self.nobody:
                    reply.send(Published(jid=None, minions=[], missing=request.tgt, error="nobody"))
                    continue
                jid = f"{len(self.published):020}"
                reply.send(Published(jid=jid, minions=request.tgt, missing=[]))
                for id in request.tgt:
                    if id in self.answers:
                        nursery.start_soon(self.answer, jid, id, self.answers[id])

    async def answer(self, jid, id, running):
        result = {"jid": JID, "pid": 4711} if running else {}
        await give_back(self.bus, id, jid=jid, fun="saltutil.find_job", result=result)


async def give_back(bus, id, *, jid=JID, fun="test.ping", result=True, retcode=0, **load):
    one = ReturnRequest(
        id=id, jid=jid, fun=fun, fun_args=[], result=result, retcode=retcode, success=not retcode, load=load
    )
    (kept,) = await bus.ask(ReturnsRequest(returns=[one]))
    return kept


@attrs.define
class House:
    bus: Bus
    store: MemoryStore
    publisher: Publisher
    heard: list
    nursery: trio.Nursery

    def told(self, cls):
        return [event for event in self.heard if isinstance(event, cls)]

    async def new_job(self, *minions, missing=(), **fields):
        self.store.jobs.jobs[JID] = ({"jid": JID, "fun": "test.sleep", "user": "root"}, list(minions))
        await self.bus.publish(
            JobNew(
                **{
                    "jid": JID,
                    "tgt_type": "glob",
                    "tgt": "*",
                    "user": "root",
                    "fun": "test.sleep",
                    "arg": [9],
                    "minions": list(minions),
                    "missing": list(missing),
                    "watch": True,
                }
                | fields
            )
        )


@pytest.fixture
async def house(nursery):
    bus, store, heard = Bus(), MemoryStore(), []
    publisher = Publisher(bus)

    async def listen(*, task_status):
        async with bus.subscribe(Event, keep=True) as events:
            task_status.started()
            async for event in events:
                heard.append(event)

    await nursery.start(listen)
    await nursery.start(publisher.run)
    await nursery.start(keep_jobs, bus, store)
    return House(bus, store, publisher, heard, nursery)


# -- returns ---------------------------------------------------------------------------------------------------


async def test_a_return_is_stored_then_told_then_acknowledged(house):
    house.store.jobs.door = trio.Event()
    acknowledged = []

    async def minion(id):
        assert await give_back(house.bus, id)
        acknowledged.append(id)

    async with house.bus.subscribe(JobReturned, keep=True, depth=1) as returns:
        house.nursery.start_soon(minion, "m1")
        await wait_all_tasks_blocked()
        assert not returns.is_full
        house.store.jobs.door.set()
        await wait_all_tasks_blocked()
        assert returns.is_full
        assert acknowledged == ["m1"]
        # A ledger that has no room holds the next one back, after it was stored.
        house.nursery.start_soon(minion, "m2")
        await wait_all_tasks_blocked()
        assert house.store.jobs.bodies.keys() == {(JID, "m1"), (JID, "m2")}
        assert acknowledged == ["m1"]
        await returns.receive()
        await wait_all_tasks_blocked()
        assert acknowledged == ["m1", "m2"]
    assert house.store.jobs.bodies[JID, "m1"] == {"return": True, "retcode": 0, "success": True}


async def test_a_return_of_several_functions_is_kept(house):
    funs = ["test.ping", "state.apply"]
    assert await give_back(house.bus, "m1", fun=funs, result={"test.ping": True, "state.apply": {}})
    assert house.store.jobs.bodies[JID, "m1"]["return"] == {"test.ping": True, "state.apply": {}}


async def test_what_could_not_be_stored_is_neither_told_nor_acknowledged(house):
    house.store.jobs.full = True
    assert not await give_back(house.bus, "m1")
    await wait_all_tasks_blocked()
    assert house.heard == []
    house.store.jobs.full = False
    await give_back(house.bus, "m1")
    await wait_all_tasks_blocked()
    assert len(house.told(JobReturned)) == 1


async def test_a_repeat_is_told_as_one_and_the_first_is_kept(house):
    await give_back(house.bus, "m1", result=1)
    await give_back(house.bus, "m1", result=1)
    await give_back(house.bus, "m1", result=2)
    await wait_all_tasks_blocked()
    assert [(event.result, event.first) for event in house.told(JobReturned)] == [(1, True), (1, False), (2, False)]
    assert house.store.jobs.bodies[JID, "m1"]["return"] == 1


async def test_a_job_of_the_minions_own_gets_a_jid(house):
    await give_back(house.bus, "m1", jid="req", fun="status.uptime", schedule="hourly", user="root", pid=5)
    await give_back(house.bus, "m1", jid="req", fun="status.uptime")
    await wait_all_tasks_blocked()
    first, second = house.told(JobReturned)
    assert len(first.jid) == 20
    assert first.jid < second.jid
    assert first.schedule == "hourly"
    assert first.pid == 5
    load, minions = house.store.jobs.jobs[first.jid]
    assert load["fun"] == "status.uptime"
    assert load["tgt"] == "m1"
    assert load["schedule"] == "hourly"
    assert minions == ["m1"]


@pytest.mark.parametrize(
    "jid", ["../../evil", "", "2026", JID + "/ret/m2", JID + "_../x", JID + "\n", JID + "_", JID + "_" + "9" * 99]
)
async def test_a_return_with_an_invalid_jid_is_answered_and_dropped(house, jid):
    assert await give_back(house.bus, "m1", jid=jid)
    await wait_all_tasks_blocked()
    assert house.heard == []
    assert house.store.jobs.bodies == {}


async def test_a_return_for_another_id_is_dropped(house):
    await give_back(house.bus, "m1", resource_id="m2")
    await house.bus.ask(SyndicReturnRequest(id="m1", load=[{"id": "m2", "jid": JID, "return": True}]))
    await wait_all_tasks_blocked()
    assert house.heard == []


async def test_a_job_that_wants_no_cache_is_only_told(house):
    await give_back(house.bus, "m1", jid="nocache")
    await wait_all_tasks_blocked()
    assert len(house.told(JobReturned)) == 1
    assert house.store.jobs.bodies == {}


async def test_fields_of_the_wrong_type_are_not_told(house):
    await give_back(house.bus, "m1", user=["root"], out={"x": 1}, metadata="no", pid="x", unknown=1, tgt=["m1"])
    await wait_all_tasks_blocked()
    (event,) = house.told(JobReturned)
    data = event.to_data()
    assert data["tgt"] == ["m1"]
    assert not {"user", "out", "metadata", "pid", "unknown"} & data.keys()


async def test_failed_states_are_told_one_by_one(house):
    result = {
        "test_|-a_|-a_|-nop": {"result": True, "comment": "", "changes": {}},
        "test_|-b_|-b_|-fail": {"result": False, "comment": "no", "changes": {}},
        "salt/run/1_|-b_|-b_|-ret": {"result": False, "comment": "forged"},
    }
    await give_back(house.bus, "m1", fun="state.sls", result=result, retcode=2)
    await give_back(house.bus, "m1", fun="state.sls", result=result, retcode=2)
    await wait_all_tasks_blocked()
    tags = [event.tag for event in house.told(TaggedEvent)]
    sub = f"salt/job/{JID}/sub/m1/error/state.sls"
    assert tags == ["test.fail", sub, sub]
    data = house.told(TaggedEvent)[1].data
    assert data["return"] == "Error: test.fail"
    assert data["retcode"] == 2
    assert data["success"] is False


# -- watches ---------------------------------------------------------------------------------------------------


async def test_a_job_is_settled_when_all_have_returned(house, autojump_clock):
    await house.new_job("m1", "m2")
    await wait_all_tasks_blocked()
    await give_back(house.bus, "m1")
    await wait_all_tasks_blocked()
    assert not house.told(JobSettled)
    await give_back(house.bus, "m2")
    await wait_all_tasks_blocked()
    assert [type(event) for event in house.heard[-2:]] == [JobReturned, JobSettled]
    assert house.heard[-1].missing == {}
    assert house.publisher.published == []
    assert trio.current_time() == 0.0


async def test_that_nobody_is_missing_is_stored_with_the_last_return(house, autojump_clock):
    await house.new_job("m1", "m2")
    await wait_all_tasks_blocked()
    await give_back(house.bus, "m1")
    assert house.store.jobs.settled == {}
    await give_back(house.bus, "m2")
    # Acknowledged, so stored; the watch has not run yet.
    assert house.store.jobs.settled == {JID: {}}
    await wait_all_tasks_blocked()
    assert house.told(JobSettled)[0].missing == {}
    assert house.store.jobs.marked == 0


async def test_a_job_whose_minions_return_in_time_has_no_task(house, autojump_clock):
    (watching_tasks,) = house.nursery.child_tasks & {
        task for task in house.nursery.child_tasks if task.name.endswith("keep_jobs")
    }
    (nursery,) = watching_tasks.child_nurseries
    (run,) = nursery.child_tasks
    await house.new_job("m1")
    await wait_all_tasks_blocked()
    assert not run.child_nurseries[0].child_tasks
    await give_back(house.bus, "m1")
    await trio.sleep(100)
    assert [event.missing for event in house.told(JobSettled)] == [{}]
    assert house.store.jobs.settled == {JID: {}}
    assert not house.publisher.published


async def test_a_dead_minion_is_asked_once_and_given_up_with_stocks_words(house, autojump_clock):
    await house.new_job("m1", "m2", missing=["nokey"])
    await give_back(house.bus, "m1")
    await trio.sleep(14.9)
    assert not house.told(JobSettled)
    await trio.sleep(0.2)
    ((when, request),) = house.publisher.published
    assert when == 5.0
    assert (request.tgt, request.tgt_type, request.fun, request.arg) == (["m2"], "list", "saltutil.find_job", [JID])
    assert request.user == "root"
    assert not request.watch
    (settled,) = house.told(JobSettled)
    words = NO_RESPONSE.format(jid=JID)
    assert settled.missing == {"m2": words, "nokey": words}
    assert words.splitlines()[0] == "Minion did not return. [No response]"
    assert words.endswith(f"\n\nsalt-run jobs.lookup_jid {JID}")
    # Why is told beside it, and kept with it.
    assert settled.reasons["m2"].startswith("It was asked for the job")
    assert house.store.jobs.settled == {JID: {id: explained(words, why) for id, why in settled.reasons.items()}}


async def test_who_returns_while_the_end_is_written_is_not_missing(house, autojump_clock):
    await house.new_job("m1", "m2")
    await trio.sleep(14.9)
    house.store.jobs.door = trio.Event()
    await trio.sleep(0.2)
    async with trio.open_nursery() as late:
        late.start_soon(give_back, house.bus, "m2")
        await wait_all_tasks_blocked()
        house.store.jobs.door.set()
    await wait_all_tasks_blocked()
    (settled,) = house.told(JobSettled)
    told = house.heard.index(settled) > house.heard.index(house.told(JobReturned)[0])
    assert ("m2" in settled.missing) != told
    assert "m1" in settled.missing


async def test_an_end_that_a_full_store_did_not_take_is_written_when_it_does(house, autojump_clock):
    await house.new_job("m1")
    house.store.jobs.full = True
    await trio.sleep(50)
    assert house.told(JobSettled)
    assert not house.store.jobs.settled
    house.store.jobs.full = False
    await trio.sleep(50)
    assert list(house.store.jobs.settled[JID]) == ["m1"]


async def test_a_minion_at_work_is_waited_for(house, autojump_clock):
    house.publisher.answers = {"m1": True}
    await house.new_job("m1")
    await trio.sleep(100)
    assert [when for when, _ in house.publisher.published] == [5.0 + 10.0 * n for n in range(10)]
    assert not house.told(JobSettled)
    await give_back(house.bus, "m1")
    await wait_all_tasks_blocked()
    assert house.told(JobSettled)[0].missing == {}


async def test_a_watch_of_days_stays_small(nursery, autojump_clock, monkeypatch):
    monkeypatch.setattr(watching, "REMEMBERED", 20)
    bus, store = Bus(), MemoryStore()
    publisher = Publisher(bus, answers={"m1": True})
    await nursery.start(publisher.run)
    watches = watching.Watches(bus, store.jobs, 5.0, 10.0, NOBODY, None, trio.current_time)
    await nursery.start(watches.run)
    made = keeper._Keeper(bus, store.jobs, watches, trio.current_time)
    with bus.answering({ReturnsRequest: made.keep}):
        await House(bus, store, publisher, [], nursery).new_job("m1")
        await trio.sleep(1000)
    assert len(publisher.published) == 100
    assert len(watches._polls) <= watching.POLLS_HEARD
    assert len(watches._unrecorded) <= watching.REMEMBERED


async def test_a_minion_that_says_it_runs_nothing_is_given_up(house, autojump_clock):
    house.publisher.answers = {"m1": False}
    await house.new_job("m1")
    await trio.sleep(15.1)
    assert list(house.told(JobSettled)[0].missing) == ["m1"]


async def test_find_job_answers_are_told_and_not_kept(house, autojump_clock):
    house.publisher.answers = {"m1": True}
    await house.new_job("m1")
    await trio.sleep(6)
    (answer,) = house.told(JobReturned)
    assert answer.fun == "saltutil.find_job"
    assert house.store.jobs.bodies == {}
    await give_back(house.bus, "m1", jid=answer.jid, fun="saltutil.find_job", result=answer.result)
    await wait_all_tasks_blocked()
    assert [event.first for event in house.told(JobReturned)] == [True, False]


async def test_an_answer_may_overtake_the_publisher(house, autojump_clock):
    await house.new_job("m1")
    await give_back(house.bus, "m1", jid=f"{1:020}", fun="saltutil.find_job", result={"pid": 1})
    await trio.sleep(15.1)
    assert len(house.publisher.published) == 2
    assert not house.told(JobSettled)


async def test_a_late_return_is_still_stored_and_told(house, autojump_clock):
    await house.new_job("m1")
    await trio.sleep(15.1)
    assert house.told(JobSettled)
    await give_back(house.bus, "m1")
    await wait_all_tasks_blocked()
    assert (JID, "m1") in house.store.jobs.bodies
    assert house.told(JobReturned)[-1].first


async def test_whoever_waits_may_say_for_how_long(house, autojump_clock):
    await house.new_job("m1", timeout=1.0, gather_job_timeout=2.0)
    await trio.sleep(3.1)
    assert [when for when, _ in house.publisher.published] == [1.0]
    assert house.told(JobSettled)


async def test_nobody_waits_nothing_is_asked(house, autojump_clock):
    await house.new_job("m1", watch=False)
    await trio.sleep(100)
    assert house.publisher.published == []
    assert not house.told(JobSettled)


async def test_a_question_that_reaches_nobody_ends_the_wait(house, autojump_clock):
    house.publisher.nobody = True
    await house.new_job("m1")
    await trio.sleep(5.1)
    assert list(house.told(JobSettled)[0].missing) == ["m1"]


async def test_a_return_before_the_watch_of_a_chosen_jid_began_counts(house, autojump_clock):
    house.store.jobs.bodies[JID, "m1"] = {}
    await house.new_job("m1", chosen=True)
    await wait_all_tasks_blocked()
    assert house.told(JobSettled)[0].missing == {}


async def test_later_waiters_share_the_watch_and_lengthen_it(house, autojump_clock):
    await house.new_job("m1")
    await trio.sleep(4)
    assert await house.bus.ask(WatchRequest(jid=JID, timeout=6.0)) == ["m1"]
    await trio.sleep(5.9)
    assert house.publisher.published == []
    await trio.sleep(0.2)
    assert len(house.publisher.published) == 1
    await trio.sleep(11)
    assert len(house.told(JobSettled)) == 1


async def test_who_begins_to_wait_while_the_end_is_being_told_hears_it(house):
    await house.new_job("m1")
    await wait_all_tasks_blocked()
    async with house.bus.subscribe(JobSettled, keep=True, depth=1) as slow:
        await house.bus.publish(JobSettled(jid="another", missing={}))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_back, house.bus, "m1")
            await wait_all_tasks_blocked()
            assert await house.bus.ask(WatchRequest(jid=JID)) == ["m1"]
            heard = [(await slow.receive()).jid for _ in range(3)]
    assert heard == ["another", JID, JID]


async def test_a_job_that_was_settled_can_be_watched_again(house, autojump_clock):
    await house.new_job("m1", "m2")
    await trio.sleep(16)
    await give_back(house.bus, "m1")
    assert await house.bus.ask(WatchRequest(jid=JID)) == ["m1", "m2"]
    await trio.sleep(16)
    assert [sorted(event.missing) for event in house.told(JobSettled)] == [["m1", "m2"], ["m2"]]
    assert house.publisher.published[-1][1].tgt == ["m2"]


async def test_a_job_nobody_knows_is_not_watched(house, autojump_clock):
    assert await house.bus.ask(WatchRequest(jid=JID)) is None
    await trio.sleep(100)
    assert not house.heard


async def test_a_watch_outlives_a_publisher_that_is_not_there(nursery, autojump_clock):
    bus, store = Bus(), MemoryStore()
    await nursery.start(keep_jobs, bus, store)
    async with bus.subscribe(JobSettled, keep=True) as settled:
        house = House(bus, store, None, [], nursery)
        await house.new_job("m1")
        event = await settled.receive()
        assert list(event.missing) == ["m1"]
        assert trio.current_time() == 15.0


class Attendance(Nobody):
    """Who is here, as the test says."""

    def __init__(self, *gone, **known):
        self.gone, self.known, self.keys, self.questions = set(gone), known, {}, []

    def find(self, id):
        return self.known.get(id, Presence(present=id not in self.gone))

    def key_state(self, id):
        return self.keys.get(id, "accepted")

    def asked(self, ids):
        self.questions.append(("asked", sorted(ids)))

    def not_asked(self, ids):
        self.questions.append(("not asked", sorted(ids)))


@asynccontextmanager
async def attended(nursery, attendance, **answers):
    """A house with presence in it, and what it tells of its jobs that are not over."""
    bus, store = Bus(), MemoryStore()
    publisher = Publisher(bus, answers=answers)
    await nursery.start(publisher.run)
    await nursery.start(partial(keep_jobs, bus, store, attendance=attendance, clock=trio.current_time))
    async with bus.subscribe((JobSettled, JobWaits), keep=True) as told:
        yield House(bus, store, publisher, [], nursery), told


async def test_minions_that_are_away_are_named_so_at_once_and_neither_asked_nor_waited_for(nursery, autojump_clock):
    away = Presence(present=False, since=-60.0, seen=-70.0, why="it was stopped")
    async with attended(nursery, Attendance("m2", m2=away)) as (house, told):
        await house.new_job("m1", "m2")
        await give_back(house.bus, "m1")
        event = await told.receive()
        why = (
            "Disconnected since 1969-12-31 23:59:00 UTC: it was stopped. It was heard last at 1969-12-31 23:58:50 UTC."
        )
        assert (event.missing, event.reasons) == ({"m2": NOT_CONNECTED}, {"m2": why})
        assert trio.current_time() == 0.5
        assert house.publisher.published == []
        assert house.store.jobs.settled == {JID: {"m2": f"{NOT_CONNECTED}\n{why}"}}


async def test_who_is_away_is_told_of_while_one_waits_for_others(nursery, autojump_clock):
    async with attended(nursery, Attendance("m2", "m3")) as (house, told):
        await house.new_job("m1", "m2", "m3")
        news = await told.receive()
        assert (type(news), list(news.reasons), trio.current_time()) == (JobWaits, ["m2", "m3"], 0.5)
        await give_back(house.bus, "m1")
        assert (await told.receive()).missing == {"m2": NOT_CONNECTED, "m3": NOT_CONNECTED}
        assert trio.current_time() == 0.5


async def test_whoever_is_thought_away_and_returns_within_a_moment_has_returned(nursery, autojump_clock):
    async with attended(nursery, Attendance("m1")) as (house, told):
        await house.new_job("m1")
        await trio.sleep(0.4)
        await give_back(house.bus, "m1")
        assert (await told.receive()).missing == {}


async def test_a_minion_that_goes_during_a_job_is_waited_for_no_longer(nursery, autojump_clock):
    attendance = Attendance()
    async with attended(nursery, attendance) as (house, told):
        await house.new_job("m1", "m2")
        await trio.sleep(2)
        attendance.gone.add("m2")
        await house.bus.publish(MinionAbsent(id="m2", since=2.0, why="it was stopped"))
        assert list((await told.receive()).reasons) == ["m2"]
        await trio.sleep(1)
        await give_back(house.bus, "m1")
        event = await told.receive()
        assert (event.missing, trio.current_time()) == ({"m2": NOT_CONNECTED}, 3.0)


async def test_a_minion_that_comes_back_during_a_job_is_asked_for_it(nursery, autojump_clock):
    async with attended(nursery, Attendance("m1"), m1=True) as (house, told):
        await house.new_job("m1", timeout=3.0)
        await trio.sleep(0.2)
        await house.bus.publish(MinionPresent(id="m1", since=0.2))
        await trio.sleep(4)
        assert [when for when, _ in house.publisher.published] == [3.0]
        await give_back(house.bus, "m1")
        assert (await told.receive_all())[-1].missing == {}


async def test_what_minions_say_when_they_are_asked_is_told_and_kept_as_the_reason(nursery, autojump_clock):
    async with attended(nursery, Attendance(), m1=True) as (house, told):
        await house.new_job("m1", "m2")
        news = await told.receive()
        assert (trio.current_time(), news.reasons) == (5.0, {"m1": "It runs the job, pid 4711."})
        await trio.sleep(90)
        await give_back(house.bus, "m1")
        house.publisher.answers.clear()
        await trio.sleep(30)
        event = [event for event in await told.receive_all() if isinstance(event, JobSettled)][-1]
        assert list(event.reasons) == ["m2"]


async def test_a_minion_that_says_that_it_never_received_the_job_is_waited_for_no_longer(nursery, autojump_clock):
    async with attended(nursery, Attendance()) as (house, told):
        await house.new_job("m1")
        await trio.sleep(5.1)
        asked = f"{1:020}"
        await give_back(house.bus, "m1", jid=asked, fun="saltutil.find_job", result={}, trisalt={"taken": False})
        event = await told.receive()
        assert trio.current_time() == 5.1
        assert event.missing == {"m1": NO_RESPONSE.format(jid=JID)}
        assert event.reasons["m1"] == "It is here, and never received the job."


async def test_an_error_in_the_place_of_an_answer_says_nothing_of_the_job(nursery, autojump_clock):
    async with attended(nursery, Attendance()) as (house, told):
        await house.new_job("m1")
        await trio.sleep(5.1)
        poll = f"{1:020}"
        await give_back(
            house.bus, "m1", jid=poll, fun="saltutil.find_job", result="Minion in blackout mode.", retcode=1
        )
        event = await told.receive()
        assert trio.current_time() == 15.0
        assert "does not run the job" not in event.reasons["m1"]


async def test_presence_is_told_of_questions_before_they_go_out_and_of_those_that_did_not(nursery, autojump_clock):
    attendance = Attendance()
    bus, store = Bus(), MemoryStore()
    await nursery.start(partial(keep_jobs, bus, store, attendance=attendance))
    await House(bus, store, None, [], nursery).new_job("m1", "m2")
    await trio.sleep(20)
    assert attendance.questions == [("asked", ["m1", "m2"]), ("not asked", ["m1", "m2"])]


@pytest.mark.parametrize(
    ("state", "why"),
    [("pending", "Its key is pending"), ("rejected", "Its key was rejected"), (None, "There is no key")],
)
async def test_who_was_named_and_may_not_come_in_is_told_of_by_its_key(state, why, nursery, autojump_clock):
    attendance = Attendance()
    attendance.keys["m9"] = state
    async with attended(nursery, attendance) as (house, told):
        await house.new_job("m1", missing=["m9"])
        await give_back(house.bus, "m1")
        event = await told.receive()
        assert event.missing == {"m9": NO_RESPONSE.format(jid=JID)}
        assert event.reasons["m9"].startswith(why)


# -- with the real store ---------------------------------------------------------------------------------------


async def test_with_the_real_store_every_acknowledged_return_is_there(nursery, tmp_path):
    bus = Bus()
    async with open_store(tmp_path / "trisalt.db") as store:
        await nursery.start(keep_jobs, bus, store)
        acknowledged = []

        async def minion(id):
            await give_back(bus, id, result={"id": id})
            acknowledged.append(id)

        with trio.fail_after(30):
            async with trio.open_nursery() as minions:
                for number in range(500):
                    minions.start_soon(minion, f"m{number}")
        assert len(acknowledged) == 500
        # Those that wait for the store share its transactions.
        assert store.statistics().transactions < 100
        returns = await store.jobs.returns(JID)
        assert {id: body["return"] for id, body in returns.items()} == {id: {"id": id} for id in acknowledged}
        nursery.cancel_scope.cancel()
