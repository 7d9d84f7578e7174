"""One watch for each job: who has not returned is asked, and given up in the end."""

from __future__ import annotations

import trio
from trio.testing import wait_all_tasks_blocked

from tests.master.jobs.house import JID, House, MemoryStore, Publisher, give_back
from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    JobReturned,
    JobSettled,
)
from trisalt.bus.requests import (
    ReturnsRequest,
    WatchRequest,
)
from trisalt.master import jobs as keeper
from trisalt.master import watches as watching
from trisalt.master.attendance import NOBODY
from trisalt.master.jobs import keep_jobs
from trisalt.master.reasons import NO_RESPONSE, explained


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


async def test_whoever_waits_later_is_told_of_those_without_a_key_too_but_of_none_that_returned(house, autojump_clock):
    house.store.jobs.bodies[JID, "m1"] = house.store.jobs.bodies[JID, "was-new"] = {}
    house.store.jobs.jobs[JID] = {"jid": JID, "fun": "x", "missing": ["nokey", "was-new"]}, ["m1"]
    assert await house.bus.ask(WatchRequest(jid=JID)) == ["m1"]
    await wait_all_tasks_blocked()
    (settled,) = house.told(JobSettled)
    assert list(settled.missing) == ["nokey"]


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
