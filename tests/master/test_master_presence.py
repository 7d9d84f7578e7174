"""`trisalt.master.presence`: who is told, who is asked, and what is kept."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.answers import Presence, Published
from trisalt.bus.bus import Bus
from trisalt.bus.events import KeyChanged, MinionAbsent, MinionPresent
from trisalt.bus.requests import HeartbeatRequest, PresenceRequest, PublishRequest
from trisalt.errors import CommandError, StoreError
from trisalt.master.presence import PresenceDesk, keep_presence
from trisalt.master.presence_events import announce_presence

NOW = 1795351200.0
ABSENT_AFTER = 36.0


class FakeBanks:
    """One bank; `error` is raised once."""

    def __init__(self):
        self.kept, self.writes, self.error = {}, 0, None

    async def fetch_all(self, bank):
        await trio.lowlevel.checkpoint()
        self._fail()
        return dict(self.kept.get(bank, {}))

    async def store_all(self, values):
        await trio.lowlevel.checkpoint()
        self._fail()
        self.writes += 1
        for bank, rows in values.items():
            self.kept.setdefault(bank, {}).update(rows)

    def _fail(self):
        if self.error is not None:
            error, self.error = self.error, None
            raise error


class House:
    """A bus with presence on it, and minions: those of `here` answer what they are asked."""

    def __init__(self):
        self.bus, self.banks = Bus(), FakeBanks()
        self.accepted, self.here, self.asked, self.error = ["m1", "m2"], set(), [], None

    async def start(self, nursery):
        self.began = trio.current_time()
        self.desk = PresenceDesk(clock=self.wall)
        nursery.start_soon(self._answer)
        await wait_all_tasks_blocked()
        await nursery.start(partial(keep_presence, self.bus, self.desk, self.banks, lambda: self.accepted))

    def wall(self):
        return NOW + trio.current_time() - self.began

    async def _answer(self):
        with self.bus.answering({PublishRequest: self._publish}):
            await trio.sleep_forever()

    async def _publish(self, request):
        self.asked.append((round(trio.current_time() - self.began), list(request.tgt), request.fun))
        await trio.sleep(0.2)
        if self.error is not None:
            raise self.error
        for id in self.here & set(request.tgt):
            self.hear(id)
        return Published(jid="20261122130453717216", minions=request.tgt, missing=[])

    def hear(self, id, peer="192.0.2.1", connection=7):
        self.desk.heard(id, peer, connection)

    async def beat(self, id, **kwargs):
        self.hear(id, connection=int(id[1:]))
        return await self.bus.ask(HeartbeatRequest(id=id, **{"every": 60.0, "version": "3008.3", **kwargs}))

    async def ask(self, **kwargs):
        return await self.bus.ask(PresenceRequest(**kwargs))


@pytest.fixture
async def house(nursery):
    made = House()
    await made.start(nursery)
    return made


def told(house):
    return house.bus.subscribe((MinionPresent, MinionAbsent), keep=True)


async def test_how_many_are_here_is_counted(nursery, autojump_clock):
    house = House()
    await house.start(nursery)
    assert house.desk.counts() == {"present": 0, "absent": 0, "unknown": 2}
    house.hear("m1")
    assert house.desk.counts() == {"present": 1, "absent": 0, "unknown": 1}
    await trio.sleep(ABSENT_AFTER * 10)
    assert house.desk.counts()["unknown"] == 0


async def test_a_sign_of_life_is_told_once_and_noted_each_time(house, autojump_clock):
    async with told(house) as events:
        house.hear("m1")
        event = await events.receive()
        assert (event.tag, event.since, event.address) == ("trisalt/minion/m1/present", NOW, "192.0.2.1")
        await trio.sleep(10)
        house.hear("m1", "192.0.2.9")
        assert await house.ask() == {
            "m1": Presence(present=True, since=NOW, seen=NOW + 10, address="192.0.2.9"),
            "m2": Presence(present=None),
        }
        await house.bus.publish(KeyChanged(result=True, act="delete", id="m1"))
        event = await events.receive()
        assert (event.tag, event.since, event.why) == ("trisalt/minion/m1/absent", NOW + 10, "its key was deleted")
    house.accepted = ["m2"]
    assert await house.ask(ids=["m1"]) == {"m1": Presence(present=None)}


async def test_a_key_that_goes_while_nobody_tells_is_missed_in_the_end(house, autojump_clock):
    house.hear("m1")
    house.hear("m2")
    await wait_all_tasks_blocked()
    house.accepted = ["m2", "m3"]
    async with told(house) as events:
        event = await events.receive()
        assert (event.id, event.why) == ("m1", "its key was deleted")
        assert trio.current_time() - house.began <= 10.0
    assert set(await house.ask()) == {"m2", "m3"}
    assert "m3" in house.desk.roster


async def test_a_heartbeat_says_more_than_a_sign_of_life_and_is_answered_with_what_is_wanted(house, autojump_clock):
    assert await house.beat("m1", latency=0.03) == {"every": 60.0}
    found = (await house.ask())["m1"]
    assert (found.every, found.version, found.latency) == (60.0, "3008.3", 0.03)


async def test_after_a_start_everybody_is_asked_once_and_who_is_silent_is_told_to_be_away(house, autojump_clock):
    house.here = {"m1"}
    async with told(house) as events:
        first = await events.receive()
        second = await events.receive()
    assert (first.id, type(first)) == ("m1", MinionPresent)
    assert (second.id, second.why) == ("m2", "it never came")
    assert house.asked == [(20, ["m1", "m2"], "saltutil.find_job")]
    assert house.desk.gone == {"m2"}


async def test_a_farewell_is_told_at_once(house, autojump_clock):
    await house.beat("m1")
    async with told(house) as events:
        await house.beat("m1", leaving=True)
        event = await events.receive()
    assert (event.why, trio.current_time() - house.began) == ("it was stopped", 0)


async def test_a_lost_connection_leads_to_a_question_and_its_silence_to_the_news(house, autojump_clock):
    await house.beat("m1")
    await house.beat("m2")
    await wait_all_tasks_blocked()
    house.here = {"m2"}
    async with told(house) as events:
        house.desk.hung_up(1)
        house.desk.hung_up(2)
        house.desk.hung_up(99)
        event = await events.receive()
        assert (event.id, event.why) == ("m1", "its connection was lost, and it does not answer")
        assert house.asked == [(1, ["m1", "m2"], "saltutil.find_job")]
    assert (await house.ask())["m2"].present


async def test_a_connection_beside_the_daemons_leads_to_no_question(house, autojump_clock):
    house.accepted = ["m1"]
    await house.beat("m1")
    await trio.sleep(30)
    asked = len(house.asked)
    # A command that speaks as this minion, twice at one descriptor, and then somebody else there.
    for _ in range(2):
        house.hear("m1", connection=8)
        house.desk.hung_up(8)
    house.hear("m1", connection=8)
    house.hear("m2", connection=8)
    await trio.sleep(20)
    assert len(house.asked) == asked
    house.desk.hung_up(1)
    await trio.sleep(20)
    assert len(house.asked) == asked + 1


async def test_a_subscriber_that_comes_or_goes_leads_to_a_question(house, autojump_clock):
    house.hear("m1", "192.0.2.1")
    house.hear("m2", "192.0.2.2")
    house.desk.subscribed("192.0.2.1", False)
    await trio.sleep(ABSENT_AFTER)
    assert house.desk.gone == {"m1"}
    house.here = {"m1"}
    house.desk.subscribed("192.0.2.1", True)
    await trio.sleep(10)
    assert (await house.ask(ids=["m1"]))["m1"].present


async def test_who_must_know_has_those_asked_of_whom_it_is_not_certain(house, autojump_clock):
    house.accepted = ["m1", "m2", "m3"]
    await house.beat("m1")
    house.hear("m3")
    await trio.sleep(15)
    house.here = {"m3"}
    began = trio.current_time()
    found = await house.ask(ask=True, patience=2.0)
    assert house.asked == [(15, ["m2"], "saltutil.find_job")]
    assert {id: one.present for id, one in found.items()} == {"m1": True, "m2": False, "m3": True}
    assert found["m2"].why == "it does not answer"
    assert trio.current_time() - began == 2.0
    # That was somebody's patience, and no verdict.
    assert house.desk.gone == set()
    await trio.sleep(16)
    house.asked.clear()
    began = trio.current_time()
    assert (await house.ask(ids=["m3"], ask=True))["m3"].present
    assert house.asked == [(33, ["m3"], "saltutil.find_job")]
    assert trio.current_time() - began == pytest.approx(0.2)


async def test_a_question_that_cannot_be_put_is_no_verdict_and_is_put_again(house, autojump_clock):
    house.error = CommandError("no")
    await trio.sleep(60)
    assert house.desk.gone == set()
    assert len(house.asked) > 1
    house.error = None
    await trio.sleep(120)
    assert house.desk.gone == {"m1", "m2"}


async def test_what_is_known_is_written_in_batches_and_outlives_the_master(house, nursery, autojump_clock):
    for _ in range(50):
        await house.beat("m1")
        await house.beat("m2")
        await trio.sleep(1)
    assert house.banks.writes == 1
    for _ in range(5):
        await house.beat("m1")
        await house.beat("m2")
        await trio.sleep(50)
    assert house.banks.writes == 1
    await trio.sleep(200)
    assert house.banks.writes == 2
    row = house.banks.kept["presence"]["m1"]
    assert (row["address"], row["version"], row["every"]) == ("192.0.2.1", "3008.3", 60.0)

    later = House()
    later.banks, later.accepted = house.banks, ["m1"]
    house.banks.kept["presence"] |= {"m2": {}, "m1": {**row, "seen": NOW - 5000.0, "since": NOW - 9000.0}}
    await later.start(nursery)
    found = (await later.ask())["m1"]
    assert (found.present, found.seen, found.address) == (None, NOW - 5000.0, "192.0.2.1")
    await trio.sleep(ABSENT_AFTER)
    assert ((await later.ask())["m1"].since, later.desk.gone) == (NOW - 5000.0, {"m1"})


async def test_who_came_or_went_is_kept_soon_and_together(house, autojump_clock):
    house.accepted = ["m1", "m2", "m3"]
    for id in ("m1", "m2", "m3"):
        await house.beat(id)
    await trio.sleep(2.1)
    assert (house.banks.writes, sorted(house.banks.kept["presence"])) == (1, ["m1", "m2", "m3"])
    await house.beat("m2", leaving=True)
    await trio.sleep(2.1)
    assert house.banks.writes == 2
    assert house.banks.kept["presence"]["m2"]["present"] is False


async def test_a_store_that_cannot_be_read_or_written_does_not_end_it(nursery, autojump_clock):
    house = House()
    house.banks.error = StoreError("gone")
    await house.start(nursery)
    await house.beat("m1")
    house.banks.error = StoreError("full")
    await trio.sleep(2.1)
    assert (house.banks.error, house.banks.writes) == (None, 0)
    await trio.sleep(61)
    assert house.banks.kept["presence"]["m1"]["present"]


async def test_stocks_events_tell_who_is_here_and_before_it_what_has_changed(house, nursery, autojump_clock):
    # Over a restart: m2 was here, and nobody knows yet whether it still is.
    house.desk.roster.recall("m2", now=trio.current_time(), seen=-60.0, since=-60.0, present=True)
    await nursery.start(partial(announce_presence, house.bus, house.desk, loop_interval=10.0))
    async with house.bus.subscribe("salt/presence/*", keep=True) as told:
        house.here = {"m1"}
        await house.beat("m1")
        events = [await told.receive() for _ in range(2)]
        assert [event.tag for event in events] == ["salt/presence/change", "salt/presence/present"]
        assert (events[0].new, events[0].lost, events[1].present) == (["m1"], [], ["m1", "m2"])
        assert (await told.receive()).present == ["m1", "m2"]
        assert trio.current_time() - house.began == 20.0
        await trio.sleep(19)
        events = await told.receive_all()
        assert [event.tag[14:] for event in events] == ["present"]
        events = [await told.receive(), await told.receive()]
        assert (events[0].lost, events[1].present) == (["m2"], ["m1"])
