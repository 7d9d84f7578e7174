"""Following the log from a moment, from a cursor, to a moment, and one job: with a real log, and frames as they go out."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.answers import BatchView
from trisalt.bus.bus import Bus
from trisalt.bus.events import JobNew, JobReturned, JobSettled, TaggedEvent
from trisalt.bus.requests import BatchLookup, WatchRequest
from trisalt.errors import TargetError
from trisalt.master import feed as feeds
from trisalt.master import following_events
from trisalt.master.feed import Feed, Wanted
from trisalt.master.following_events import Span, tell_events, tell_job
from trisalt.store.sqlite import open_store
from trisalt.wire.frames import FrameDecoder, pack_frame

JID = "20261122124940743908"


class Wire:
    """A caller's end of the door: what was sent, and a brake."""

    def __init__(self):
        self.frames = []
        self.brake = None
        self._decoder = FrameDecoder()

    async def send(self, message):
        await self.send_bytes(pack_frame(message))

    async def send_bytes(self, data):
        await trio.lowlevel.checkpoint()
        if self.brake is not None:
            await self.brake.wait()
        self.frames += self._decoder.feed(data)

    @property
    def tags(self):
        return [item[0] for frame in self.frames for item in frame.get("events", ())]

    @property
    def numbers(self):
        return [item[1] for frame in self.frames for item in frame.get("events", ())]


class House:
    def __init__(self, store, bus, feed, nursery):
        self.store, self.bus, self.feed, self.nursery = store, bus, feed, nursery

    async def fire(self, *names, data=None):
        await self.bus.publish_all([TaggedEvent(name=name, data=data or {}) for name in names])
        await self.bus.flush()

    @asynccontextmanager
    async def following(self, span=Span()):  # noqa: B008
        wire = Wire()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell_events, self.feed, wire, span)
            await until(lambda: wire.frames)
            yield wire
            nursery.cancel_scope.cancel()


async def until(condition):
    with trio.fail_after(20):
        while True:
            if condition():
                return
            await trio.sleep(0.001)


@pytest.fixture
async def house(tmp_path, nursery, monkeypatch):
    monkeypatch.setattr(feeds, "GATHER", 0)
    async with open_store(tmp_path / "trisalt.db") as store:
        bus = Bus()
        store.log.tell = bus.tell
        bus.keep_in(store.log)
        feed = Feed(store.log)
        await nursery.start(feed.run)
        yield House(store, bus, feed, nursery)
        nursery.cancel_scope.cancel()


async def test_from_now_on_means_nothing_from_before(house):
    await house.fire("before")
    async with house.following() as wire:
        assert wire.frames == [{"ready": {"log": house.store.log.id, "at": 1}}]
        await house.fire("after")
        await until(lambda: wire.tags)
    assert wire.tags == ["after"]


async def test_the_past_and_what_comes_are_one_stream_without_hole_or_double(house, monkeypatch):
    monkeypatch.setattr("trisalt.store.log.SCAN", 7)
    await house.fire(*(f"old/{number}" for number in range(50)))
    async with house.following(Span(since=0.0)) as wire:
        for number in range(200):
            await house.fire(f"new/{number}")
        await until(lambda: len(wire.numbers) >= 250)
    assert wire.numbers == list(range(1, 251))
    assert wire.frames[-1]["at"] == 250


async def test_a_follower_that_is_held_up_catches_up_from_the_log_and_others_do_not_wait(house, monkeypatch):
    monkeypatch.setattr(feeds, "BACKLOG_BYTES", 5000)
    monkeypatch.setattr(feeds, "PENDING", 300)
    async with house.following() as slow, house.following(Span(wanted=Wanted(("b/*",)))) as quick:
        slow.brake = trio.Event()
        for number in range(300):
            await house.fire(f"a/{number}", f"b/{number}", data={"filling": "x" * 100})
        await until(lambda: len(quick.tags) == 300)
        assert not slow.tags
        slow.brake.set()
        await until(lambda: len(slow.tags) == 600)
        await house.fire("live")
        await until(lambda: len(slow.tags) == 601)
    assert slow.numbers == list(range(1, 602))
    assert quick.tags == [f"b/{number}" for number in range(300)]


async def test_a_cursor_goes_on_after_its_number_and_one_of_another_log_at_the_beginning(house):
    await house.fire(*"abcdef")
    log = house.store.log.id
    for after, first in [({log: 4}, 5), ({log: 0}, 1), ({"other": 4}, 1), ({"other": 9, log: 2}, 3), ({}, 1)]:
        async with house.following(Span(after=after, until=time.time() + 0.05)) as wire:
            await until(lambda: "end" in wire.frames[-1])
        assert wire.numbers == list(range(first, 7))
        assert wire.frames[-1] == {"end": 6}
    # A copy of this log was further: what comes next is told.
    async with house.following(Span(after={log: 99})) as wire:
        await house.fire("next")
        await until(lambda: wire.tags)
    assert wire.numbers == [7]


async def test_until_a_moment_of_the_past_ends_there_and_until_one_to_come_then(house):
    clock = iter(range(1000, 2000, 10))
    house.store.log._clock = lambda: next(clock)
    for name in "abcd":
        await house.fire(name)
    async with house.following(Span(since=1005.0, until=1025.0)) as wire:
        await until(lambda: "end" in wire.frames[-1])
    assert (wire.tags, wire.frames[-1]) == (["b", "c"], {"end": 3})
    house.store.log._clock = time.time
    async with house.following(Span(until=time.time() + 0.2)) as wire:
        await house.fire("then")
        await until(lambda: "end" in wire.frames[-1])
        await house.fire("later")
    assert (wire.tags, wire.frames[-1]) == (["then"], {"end": 5})


async def test_who_is_sent_nothing_is_told_how_far_it_has_got(house, monkeypatch):
    monkeypatch.setattr(following_events, "POSITION_EVERY_S", 0.01)
    async with house.following(Span(wanted=Wanted(("wanted",)))) as wire:
        await house.fire("a", "b")
        await until(lambda: {"at": 2} in wire.frames)
        await trio.sleep(0.05)
        assert wire.frames.count({"at": 2}) == 1


async def test_how_far_it_has_got_while_it_is_told_is_told_next(house, monkeypatch):
    monkeypatch.setattr(following_events, "POSITION_EVERY_S", 0.01)
    async with house.following(Span(wanted=Wanted(("wanted",)))) as wire, house.following() as other:
        wire.brake = trio.Event()
        await house.fire("a")
        await until(lambda: wire.brake.statistics().tasks_waiting)
        await house.fire("b")
        await until(lambda: other.tags == ["a", "b"])
        wire.brake.set()
        await until(lambda: {"at": 2} in wire.frames)


async def test_who_reads_on_where_events_were_forgotten_is_told_how_many(house):
    await house.fire(*"abcdef")
    await house.store.log.expire(time.time() + 1, limit=4)
    async with house.following(Span(after={house.store.log.id: 1})) as wire:
        await until(lambda: wire.tags)
    assert wire.frames[1] == {"lagged": 3}
    assert wire.numbers == [5, 6]


# -- one job -----------------------------------------------------------------------------------------------------------


def new(jid=JID):
    return JobNew(jid=jid, tgt_type="glob", tgt="*", user="root", fun="test.ping", arg=[], minions=["m1"], missing=[])


def returned(id):
    return JobReturned(id=id, jid=JID, fun="test.ping", fun_args=[], result=True)


@asynccontextmanager
async def tailing(house, batch=None):
    wire, watched = Wire(), []

    async def lookup(_request):
        await trio.lowlevel.checkpoint()
        return batch

    async def watch(request):
        await trio.lowlevel.checkpoint()
        watched.append(request.jid)
        return ["m1"]

    with house.bus.answering({BatchLookup: lookup, WatchRequest: watch}):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell_job, house.bus, house.store.jobs, house.feed, wire, JID)
            await until(lambda: wire.frames)
            yield wire, watched
            nursery.cancel_scope.cancel()


async def test_a_job_is_followed_from_its_first_event_and_watched_so_that_it_settles(house):
    await house.fire("noise")
    await house.store.jobs.record_job({"jid": JID, "fun": "test.ping"}, ["m1"], events=[new()])
    async with tailing(house) as (wire, watched):
        await until(lambda: watched == [JID])
        await house.bus.publish_all([returned("m1"), TaggedEvent(name="x", data={}), JobSettled(jid=JID, missing={})])
        await until(lambda: len(wire.tags) == 3)
    assert wire.tags == [f"salt/job/{JID}/new", f"salt/job/{JID}/ret/m1", f"trisalt/job/{JID}/settled"]


async def test_a_job_that_is_settled_is_told_to_its_end_and_not_watched_again(house):
    await house.store.jobs.record_job({"jid": JID, "fun": "test.ping"}, ["m1"], events=[new()])
    end = JobSettled(jid=JID, missing={"m1": "no"})
    await house.store.jobs.mark_settled(JID, {"m1": "no"}, events=[end])
    await house.bus.publish(returned("m1"))
    await house.bus.flush()
    async with tailing(house) as (wire, watched):
        await until(lambda: "end" in wire.frames[-1])
    assert wire.tags == [f"salt/job/{JID}/new", f"trisalt/job/{JID}/settled", f"salt/job/{JID}/ret/m1"]
    assert not watched


async def test_a_batch_is_not_watched_for_it_says_itself_when_it_ends(house):
    view = BatchView(jid=JID, minions=["m1"], down=[], jids=[], lost={}, ended=False, halted=None)
    await house.store.jobs.record_job({"jid": JID, "fun": "test.ping"}, ["m1"], events=[new()])
    async with tailing(house, view) as (wire, watched):
        await until(lambda: wire.tags)
        await wait_all_tasks_blocked()
    assert not watched


async def test_a_job_that_nobody_knows_is_refused(house):
    async def lookup(_request):
        await trio.lowlevel.checkpoint()

    with house.bus.answering({BatchLookup: lookup}), pytest.raises(TargetError, match=JID):
        await tell_job(house.bus, house.store.jobs, house.feed, Wire(), JID)


@pytest.mark.parametrize(
    ("span", "begins", "told"),
    [
        (Span(since=0.0), 4, True),
        (Span(since=JID), 4, True),
        (Span(since=4e9), 6, False),
        (Span(), 6, False),
        # The first time all there is is new, and nothing is missed of it.
        (Span(after={}), 4, False),
        (Span(after={"another": 2}), 4, False),
    ],
)
async def test_who_reaches_back_further_than_the_log_is_told_from_when_on_it_is(house, span, begins, told):
    await house.fire(*(f"e/{number}" for number in range(1, 7)))
    assert await house.store.log.expire(float("inf"), limit=4) == 4
    async with house.following(span) as wire:
        await until(lambda: len(wire.frames) > 1 or begins == 6)
    ready = wire.frames[0]["ready"]
    assert ready["at"] == begins
    assert ready.get("keeps_from") == (pytest.approx(time.time(), abs=60) if told else None)
    assert not [frame for frame in wire.frames if "lagged" in frame]


async def test_a_job_whose_first_events_are_forgotten_is_told_so(house):
    await house.fire("a", "b")
    await house.store.jobs.record_job({"jid": JID, "fun": "test.ping"}, ["m1"])
    await house.store.log.expire(float("inf"), limit=1)
    async with tailing(house) as (wire, _watched):
        assert wire.frames[0]["ready"]["keeps_from"] == pytest.approx(time.time(), abs=60)
