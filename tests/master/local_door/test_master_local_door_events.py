"""The local door: events are followed and fired."""

import os

import trio
import trio.testing

from tests.master.local_door.house import JID
from trisalt.bus.event import Origin
from trisalt.bus.events import BatchSent, RequestAnswered, TaggedEvent
from trisalt.master import feed
from trisalt.master.local_door import caller_name

# -- events -------------------------------------------------------------------------------------------------------


async def collect(caller, count):
    """Events until there are `count`, as `(tag, data)`."""
    events = []
    while len(events) < count:
        events += (await caller.next()).get("events", [])
    return [(tag, data) for tag, _number, _origin, data in events]


async def test_followers_get_every_event_from_ready_on_in_order(master):
    async with master.caller() as all, master.caller() as some:
        assert await all.ask(op="events", match=None) == {"ready": {"log": master.log.id, "at": 0}}
        assert "ready" in await some.ask(op="events", match=["my/*", "other"])
        for number in range(100):
            name = "other" if number == 50 else f"{'my' if number % 2 else 'your'}/{number}"
            await master.bus.publish(TaggedEvent(name=name, data={"number": number}))
        with trio.fail_after(5):
            events = await collect(all, 100)
            assert [data["number"] for _tag, data in events] == list(range(100))
            assert all_stamped(events)
            events = await collect(some, 51)
        assert [data["number"] for _tag, data in events] == sorted([*range(1, 100, 2), 50])


def all_stamped(events):
    return {len(data["_stamp"]) for _tag, data in events} == {32}


async def test_events_that_stay_inside_and_secrets_are_not_told(master):
    async with master.caller() as caller:
        await caller.ask(op="events")
        await master.bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
        await master.bus.publish(TaggedEvent(name="broken", data={"value": object()}))
        await master.bus.publish(TaggedEvent(name="whole", data={}))
        with trio.fail_after(5):
            events = await collect(caller, 2)
    assert [tag for tag, _data in events] == ["broken", "whole"]
    assert events[0][1] == {}


async def test_a_follower_that_does_not_read_loses_nothing_and_nobody_waits_for_it(master, monkeypatch):
    monkeypatch.setattr(feed, "BACKLOG_BYTES", 64 * 1024)
    monkeypatch.setattr(feed, "GATHER", 0)
    total, data = 3000, {"filling": "x" * 1000}
    async with master.caller() as slow, master.caller() as quick:
        await slow.ask(op="events")
        await quick.ask(op="events")
        with trio.fail_after(20):
            for number in range(total):
                await master.bus.publish(TaggedEvent(name=str(number), data=data))
            for caller in (quick, slow):
                assert [tag for tag, _data in await collect(caller, total)] == [str(n) for n in range(total)]


async def test_followers_do_not_listen_on_the_bus(master):
    before = len(master.bus.statistics().subscriptions)
    async with master.caller() as caller:
        await caller.ask(op="events")
        assert len(master.bus.statistics().subscriptions) == before
        assert master.bus.wanted(RequestAnswered)
    await trio.testing.wait_all_tasks_blocked()
    assert not master.bus.wanted(RequestAnswered)


async def test_a_caller_may_fire_an_event(master):
    heard = await master.hear(TaggedEvent)
    async with master.caller() as caller:
        assert await caller.ask(op="fire", tag="my/tag", data={"a": 1}) == {"ok": True}
    await trio.testing.wait_all_tasks_blocked()
    assert (heard[0].tag, heard[0].data) == ("my/tag", {"a": 1})
    # As the kernel knows them.
    assert heard[0].origin == Origin("user", caller_name(os.getuid()))


async def test_what_was_fired_is_in_the_log_when_it_is_acknowledged(master):
    async with master.caller() as caller:
        await caller.ask(op="fire", tag="my/tag", data={"origin": "minion/m1"})
        (row,) = (await master.log.read(0, master.log.last)).rows
    assert (row.tag, row.origin) == ("my/tag", f"user/{caller_name(os.getuid())}")
