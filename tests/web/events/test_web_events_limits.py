"""Streams of events end with their sessions and clients, and there are only so many."""

import trio

from tests.web.events.house import LOG, TOKEN
from trisalt.web import events, streams
from trisalt.web.streams import Reader, Told


def test_a_queue_that_is_full_sheds_the_oldest_and_says_how_many(monkeypatch):
    monkeypatch.setattr(streams, "QUEUE", 3)
    reader = Reader()
    for number in range(1, 6):
        reader.put(Told(LOG, f"e/{number}", number, "", {}))
    lost, *rest = reader.take()
    assert (lost.tag, lost.data) == (streams.LOST, {"n": 2})
    assert [told.number for told in rest] == [3, 4, 5]
    assert reader.take() == []


async def test_there_are_only_so_many_streams_of_one_session(house, monkeypatch):
    monkeypatch.setattr(streams, "OF_ONE", 1)
    house.sign_in("ee" * 32)
    async with house.stream("/events"):
        refused = await house.refused("/api/v1/events")
        assert (refused.status, refused.headers["retry-after"]) == (429, "10")
        async with house.stream("/events", token="ee" * 32):
            pass
    async with house.stream("/events"):
        pass


async def test_there_are_only_so_many_streams(house, monkeypatch):
    monkeypatch.setattr(streams, "STREAMS", 1)
    house.sign_in("ee" * 32)
    async with house.stream("/events"):
        assert (await house.refused("/events", token="ee" * 32)).status == 429


async def test_a_stream_says_that_it_lives_when_there_is_nothing_to_say(house, autojump_clock):
    async with house.stream("/events") as stream:
        await stream.until(lambda stream: stream.frames.count(": ping") == 2)


async def test_a_stream_ends_with_its_session_and_only_with_its_own(house):
    session = house.sessions.find(TOKEN)
    house.sign_in("ee" * 32)
    async with house.stream("/events") as mine, house.stream("/events", token="ee" * 32) as other:
        house.sessions.drop(session)
        await mine.until(lambda stream: stream.over)
        house.door.tell("x")
        await other.until(lambda stream: stream.tags == ["x"])
    assert (await house.refused("/api/v1/events")).status == 401


async def test_a_stream_ends_when_its_session_expires(house, autojump_clock, monkeypatch):
    session = house.sessions.find(TOKEN)
    session.expire = 1000.0
    monkeypatch.setattr(events.time, "time", lambda: 990.0)
    house.sessions._clock = lambda: 990.0
    async with house.stream("/events") as stream:
        await stream.until(lambda stream: stream.over)
    assert trio.current_time() < 15


async def test_a_reader_that_takes_nothing_for_a_minute_is_left(house, autojump_clock):
    async with house.stream("/events") as stream:
        await stream.until(lambda stream: stream.frames)
        stream.brake = trio.Event()
        house.door.tell("x")
        await house.door.until(lambda: not house.door.followers)
    assert 55 < trio.current_time() < 80


async def test_whoever_hangs_up_takes_only_their_stream_along(house):
    async with house.stream("/events") as stream:
        stream.hung_up.set()
        await house.door.until(lambda: not house.door.followers)
