"""Who is away is named so at once, and why the others are missing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from tests.master.jobs.house import JID, House, MemoryStore, Publisher, give_back
from trisalt.bus.answers import Presence
from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    JobSettled,
    JobWaits,
    MinionAbsent,
    MinionPresent,
)
from trisalt.master.attendance import Nobody
from trisalt.master.jobs import keep_jobs
from trisalt.master.reasons import NO_RESPONSE, NOT_CONNECTED


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
        await house.bus.publish(MinionAbsent(id="m2", since=2.0, why="it does not answer"))
        assert list((await told.receive()).reasons) == ["m2"]
        await trio.sleep(1)
        await give_back(house.bus, "m1")
        event = await told.receive()
        assert (event.missing, trio.current_time()) == ({"m2": NOT_CONNECTED}, 3.0)


async def test_a_minion_that_is_restarted_during_a_job_is_waited_for_and_asked(nursery, autojump_clock):
    attendance = Attendance()
    async with attended(nursery, attendance, m1=True) as (house, told):
        await house.new_job("m1")
        await trio.sleep(6)
        attendance.gone.add("m1")
        await house.bus.publish(MinionAbsent(id="m1", since=6.0, why="it was stopped"))
        await trio.sleep(3)
        attendance.gone.clear()
        await house.bus.publish(MinionPresent(id="m1", since=9.0))
        await trio.sleep(20)
        await give_back(house.bus, "m1")
        assert (await told.receive_all())[-1].missing == {}


async def test_a_minion_that_is_stopped_during_a_job_and_stays_away_is_waited_for_as_a_question_is(
    nursery, autojump_clock
):
    async with attended(nursery, Attendance()) as (house, told):
        await house.new_job("m1")
        await trio.sleep(2)
        await house.bus.publish(MinionAbsent(id="m1", since=2.0, why="it was stopped"))
        with trio.fail_after(60):
            while not isinstance(await told.receive(), JobSettled):
                pass
        assert trio.current_time() == 12.0


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
