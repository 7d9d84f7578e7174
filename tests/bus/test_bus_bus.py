"""Publish, subscribe, ask, claim: who gets what, in which order, and what happens when one is slow or cancelled."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.events import AuthDecided, JobReceived, TaggedEvent
from trisalt.bus.requests import MineFlushRequest, MineGetRequest
from trisalt.bus.subscription import Lagged
from trisalt.errors import LocalProtocolError


def note(name="my/tag", n=0):
    return TaggedEvent(name=name, data={"n": n})


async def test_every_matching_subscription_gets_the_event():
    bus = Bus()
    async with (
        bus.subscribe(Event, keep=True) as everything,
        bus.subscribe(AuthDecided, keep=True) as auths,
        bus.subscribe((AuthDecided, TaggedEvent), keep=True) as both,
        bus.subscribe("my/*", keep=True) as mine,
        bus.subscribe("other/*", keep=True) as other,
    ):
        event = note()
        await bus.publish(event)
        assert await everything.receive() is event
        assert await both.receive() is event
        assert await mine.receive() is event
        assert auths.statistics().waiting == 0
        assert other.statistics().waiting == 0


async def test_a_pattern_never_sees_what_stays_inside():
    bus = Bus()
    async with bus.subscribe("*", keep=True) as everything, bus.subscribe(Event, keep=True) as inside:
        await bus.publish(JobReceived(load={}, master="m"))
        assert everything.statistics().waiting == 0
        assert inside.statistics().waiting == 1


async def test_a_full_keeper_makes_the_publisher_wait(autojump_clock):
    bus = Bus()
    async with bus.subscribe(Event, keep=True, depth=1) as ledger, trio.open_nursery() as nursery:
        await bus.publish(note(n=1))
        nursery.start_soon(bus.publish, note(n=2))
        await wait_all_tasks_blocked()
        assert ledger.statistics().waiting == 1
        assert [(await ledger.receive()).data["n"] for _ in range(2)] == [1, 2]


async def test_a_publisher_cancelled_while_it_waits_has_told_nobody():
    bus = Bus()
    async with bus.subscribe(Event, keep=True, depth=8) as early, bus.subscribe(Event, keep=True, depth=1) as full:
        await bus.publish(note(n=1))
        await early.receive()
        with trio.move_on_after(0):
            await bus.publish(note(n=2))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bus.publish, note(n=3))
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert early.statistics().waiting == 0
        assert full.statistics().waiting == 1


async def test_a_publisher_that_waits_elsewhere_leaves_the_room_to_the_next(autojump_clock):
    bus = Bus()
    decided = AuthDecided(result=True, act="accept", id="m1", pub="")
    async with bus.subscribe(Event, keep=True, depth=1) as all_, bus.subscribe(AuthDecided, keep=True, depth=1):
        await bus.publish(decided)
        async with trio.open_nursery() as publishers:
            for event in (decided, note()):
                publishers.start_soon(bus.publish, event)
                await wait_all_tasks_blocked()
            assert await all_.receive() is decided
            with trio.fail_after(1):
                # The other one has to wait for whoever hears of decisions only.
                assert await all_.receive() == note()
            publishers.cancel_scope.cancel()


async def test_a_slow_watcher_sheds_and_is_told_where_the_hole_is():
    bus = Bus()
    async with bus.subscribe(Event, keep=False, depth=2) as watcher:
        for n in range(5):
            await bus.publish(note(n=n))
        seen = [await watcher.receive() for _ in range(3)]
        assert [event.data["n"] for event in seen[:2]] == [0, 1]
        assert seen[2] == Lagged(missed=3)
        await bus.publish(note(n=9))
        assert (await watcher.receive()).data["n"] == 9


async def test_a_burst_is_read_in_one_go_and_frees_all_publishers():
    bus = Bus()
    async with bus.subscribe(Event, keep=True, depth=10) as ledger, trio.open_nursery() as nursery:
        for n in range(30):
            nursery.start_soon(bus.publish, note(n=n))
        seen = []
        while len(seen) < 30:
            seen += [event.data["n"] for event in await ledger.receive_all()]
        assert sorted(seen) == list(range(30))


async def test_one_task_reads_and_another_is_told_so():
    bus = Bus()
    with trio.fail_after(5):
        async with bus.subscribe(TaggedEvent, keep=False) as events, trio.open_nursery() as nursery:
            nursery.start_soon(events.receive)
            await wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await events.receive()
            nursery.cancel_scope.cancel()
        # Whoever was cancelled is no reader any more.
        async with bus.subscribe(TaggedEvent, keep=False) as events:
            with trio.move_on_after(0):
                await events.receive()
            await bus.publish(note(n=1))
            assert (await events.receive()).data["n"] == 1


async def test_a_keeper_that_leaves_frees_its_publishers():
    bus = Bus()
    async with trio.open_nursery() as nursery:
        async with bus.subscribe(Event, keep=True, depth=1):
            await bus.publish(note())
            nursery.start_soon(bus.publish, note())
            await wait_all_tasks_blocked()


async def test_a_cancelled_reader_loses_nothing():
    bus = Bus()
    async with bus.subscribe(Event, keep=True) as ledger:
        with trio.move_on_after(0):
            await ledger.receive()
        await bus.publish(note(n=1))
        with trio.CancelScope() as scope:
            scope.cancel()
            await ledger.receive()
        assert (await ledger.receive()).data["n"] == 1


async def test_publish_nowait_refuses_rather_than_wait():
    bus = Bus()
    async with bus.subscribe(Event, keep=True, depth=1) as ledger:
        bus.publish_nowait(note())
        with pytest.raises(trio.WouldBlock):
            bus.publish_nowait(note())
        assert ledger.statistics().waiting == 1


async def test_publish_nowait_takes_all_events_or_none():
    bus = Bus()
    async with bus.subscribe(Event, keep=True, depth=3) as ledger, bus.subscribe(Event, keep=False, depth=1) as watcher:
        bus.publish_nowait(note(n=1), note(n=2))
        with pytest.raises(trio.WouldBlock):
            bus.publish_nowait(note(n=3), note(n=4))
        bus.publish_nowait(note(n=5))
        assert [event.data["n"] for event in await ledger.receive_all()] == [1, 2, 5]
        assert watcher.statistics().missed == 2


async def test_a_listener_hears_at_once_in_its_turn():
    bus = Bus()
    heard = []
    async with bus.subscribe(Event, keep=True, depth=1) as ledger:
        with bus.listen("my/*", heard.append):
            bus.publish_nowait(first := note(n=1))
            assert heard == [first]
            # It hears what is told, and nothing is told while a keeper has no room.
            with pytest.raises(trio.WouldBlock):
                bus.publish_nowait(note(n=2))
            assert heard == [first]
            await ledger.receive()
            await bus.publish(JobReceived(load={}, master="m"))
            assert heard == [first]
            assert [row.pattern for row in bus.statistics().subscriptions] == ["Event", "my/*"]
        await ledger.receive()
        await bus.publish(note(n=3))
        assert heard == [first]


async def test_the_claimant_answers_the_asker():
    bus = Bus()
    async with bus.claim(MineFlushRequest, MineGetRequest) as requests, trio.open_nursery() as nursery:

        async def serve():
            async for request, reply in requests:
                reply.send((type(request).__name__, request.id))

        nursery.start_soon(serve)
        assert await bus.ask(MineFlushRequest(id="m1")) == ("MineFlushRequest", "m1")
        assert await bus.ask(MineGetRequest(id="m2", tgt="*", fun="x")) == ("MineGetRequest", "m2")
        nursery.cancel_scope.cancel()


async def test_the_claimants_error_is_raised_where_it_was_asked():
    bus = Bus()
    async with bus.claim(MineFlushRequest) as requests, trio.open_nursery() as nursery:

        async def serve():
            _request, reply = await requests.receive()
            reply.fail(KeyError("no"))

        nursery.start_soon(serve)
        with pytest.raises(KeyError):
            await bus.ask(MineFlushRequest(id="m1"))


async def test_an_unclaimed_request_is_a_programming_error_and_so_is_a_second_claim():
    bus = Bus()
    with pytest.raises(LocalProtocolError):
        await bus.ask(MineFlushRequest(id="m1"))
    async with bus.claim(MineFlushRequest):
        assert bus.claimed(MineFlushRequest)
        with pytest.raises(LocalProtocolError):
            async with bus.claim(MineFlushRequest):
                pass
    assert not bus.claimed(MineFlushRequest)


async def test_a_function_answers_in_the_task_of_the_asker():
    bus = Bus()

    async def answer(request):
        await trio.lowlevel.checkpoint()
        if request.id == "bad":
            raise KeyError("no")
        return request.id, trio.lowlevel.current_task()

    with bus.answering({MineFlushRequest: answer}):
        assert bus.claimed(MineFlushRequest)
        assert await bus.ask(MineFlushRequest(id="m1")) == ("m1", trio.lowlevel.current_task())
        with pytest.raises(KeyError):
            await bus.ask(MineFlushRequest(id="bad"))
        with pytest.raises(LocalProtocolError), bus.answering({MineFlushRequest: answer}):
            pass
        with pytest.raises(LocalProtocolError):
            async with bus.claim(MineFlushRequest):
                pass
    assert not bus.claimed(MineFlushRequest)
    with pytest.raises(LocalProtocolError):
        await bus.ask(MineFlushRequest(id="m1"))


async def test_an_asker_that_gives_up_does_not_disturb_the_claimant(autojump_clock):
    bus = Bus()
    async with bus.claim(MineFlushRequest) as requests, trio.open_nursery() as nursery:
        nursery.start_soon(bus.ask, MineFlushRequest(id="later"))
        with trio.move_on_after(1):
            await bus.ask(MineFlushRequest(id="gives-up"))
        request, reply = await requests.receive()
        assert request.id == "later"
        reply.send(None)

        async def ask_and_leave():
            with trio.move_on_after(1):
                await bus.ask(MineFlushRequest(id="leaves"))

        nursery.start_soon(ask_and_leave)
        _request, reply = await requests.receive()
        await trio.sleep(2)
        reply.send(None)


async def test_requests_that_wait_when_the_claim_ends_fail_where_they_were_asked():
    bus = Bus()
    async with trio.open_nursery() as nursery:
        async with bus.claim(MineFlushRequest):

            async def ask():
                with pytest.raises(LocalProtocolError):
                    await bus.ask(MineFlushRequest(id="m1"))

            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            assert bus.statistics().requests == {"MineFlushRequest": 1}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [(Event, "Event"), ((Event, JobReceived), "Event | JobReceived"), ("salt/job/*", "salt/job/*")],
)
async def test_a_subscription_says_what_it_hears_as_an_operator_reads_it(pattern, name):
    async with Bus().subscribe(pattern, keep=False) as heard:
        assert heard.statistics().pattern == name


# -- what is told outside ------------------------------------------------------------------------------------------


class Ledger:
    """Keeps what it is given until it is told to write."""

    def __init__(self, bus):
        self.bus, self.waiting, self.is_full, self.followed = bus, [], False, False
        self.room = trio.Event()

    async def wait_room(self):
        await self.room.wait()

    def append(self, event):
        self.waiting.append(event)

    async def flush(self):
        await trio.lowlevel.checkpoint()
        self.write()

    def write(self):
        waiting, self.waiting = self.waiting, []
        for event in waiting:
            self.bus.tell(event)


async def test_the_outside_hears_of_an_event_when_the_ledger_has_it_and_the_inside_at_once():
    bus = Bus()
    ledger = Ledger(bus)
    bus.keep_in(ledger)
    async with (
        bus.subscribe(Event, keep=False) as inside,
        bus.subscribe(Event, keep=False, outside=True) as outside,
        bus.subscribe("my/*", keep=False, outside=True) as some,
    ):
        first, second, hidden = note(n=1), note("other", n=2), JobReceived(load={}, master="m")
        await bus.publish_all([first, hidden])
        bus.publish_nowait(second)
        assert await inside.receive_all() == [first, hidden, second]
        assert outside.statistics().waiting == 0
        assert ledger.waiting == [first, second]
        await bus.flush()
        assert await outside.receive_all() == [first, second]
        assert await some.receive_all() == [first]


async def test_what_the_ledger_has_already_is_not_given_to_it_again():
    bus = Bus()
    ledger = Ledger(bus)
    bus.keep_in(ledger)
    async with bus.subscribe(Event, keep=False) as inside:
        await bus.publish(note(n=1), kept=True)
        bus.publish_nowait(note(n=2), kept=True)
        assert len(await inside.receive_all()) == 2
    assert not ledger.waiting


async def test_publishers_wait_while_the_ledger_is_full_except_with_what_it_has_or_what_stays_inside():
    bus = Bus()
    ledger = Ledger(bus)
    bus.keep_in(ledger)
    ledger.is_full = True
    async with bus.subscribe(Event, keep=False) as inside, trio.open_nursery() as nursery:
        nursery.start_soon(bus.publish, note())
        await wait_all_tasks_blocked()
        assert inside.statistics().waiting == 0
        with pytest.raises(trio.WouldBlock):
            bus.publish_nowait(note())
        await bus.publish(note(), kept=True)
        await bus.publish(JobReceived(load={}, master="m"))
        assert len(await inside.receive_all()) == 2
        ledger.is_full = False
        ledger.room.set()
        await inside.receive()
    assert len(ledger.waiting) == 1


async def test_without_a_ledger_the_outside_hears_at_once():
    bus = Bus()
    async with bus.subscribe(Event, keep=False, outside=True) as outside:
        await bus.publish(note())
        assert outside.statistics().waiting == 1
        await bus.flush()


async def test_nobody_waits_for_who_tells_the_outside():
    with pytest.raises(LocalProtocolError):
        async with Bus().subscribe(Event, keep=True, outside=True):
            pass


async def test_what_leaves_is_wanted_while_the_ledger_is_followed():
    bus = Bus()
    ledger = Ledger(bus)
    bus.keep_in(ledger)
    assert not bus.wanted(TaggedEvent)
    ledger.followed = True
    assert bus.wanted(TaggedEvent)
    assert not bus.wanted(JobReceived)
