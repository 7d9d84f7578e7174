"""Streams of events: stock's and ours, each event once, from where one stopped."""

import json

import pytest

from tests.web.events.house import JID, LOG, NEW, TOKEN
from trisalt.client.door import DoorClosed
from trisalt.errors import Denied, Unauthenticated
from trisalt.web import streams
from trisalt.web.streams import Identity, Reader, Told

# -- /events ---------------------------------------------------------------------------------------------------------


async def test_stocks_stream_is_as_its_clients_know_it(house):
    async with house.stream("/events") as stream:
        house.door.tell(f"salt/job/{JID}/new", NEW)
        await stream.until(lambda stream: len(stream.frames) == 2)
    assert stream.start["status"] == 200
    headers = dict(stream.start["headers"])
    assert headers[b"content-type"] == b"text/event-stream;charset=utf-8"
    assert headers[b"cache-control"] == b"no-cache"
    retry, tag, data, *end = stream.text.replace("\n\n", "\n").split("\n")
    assert (retry, tag, end) == ("retry: 400", f"tag: salt/job/{JID}/new", [""])
    assert json.loads(data.removeprefix("data: ")) == {"data": NEW, "tag": f"salt/job/{JID}/new"}


@pytest.mark.parametrize("query", ["token=" + TOKEN, "x", "tag=salt/*"])
async def test_nothing_may_be_asked_of_stocks_stream(house, query):
    assert (await house.refused(f"/events?{query}")).status == 400


async def test_a_token_of_the_master_that_is_no_session_may_follow(house):
    async with house.stream("/events", token="12" * 32) as stream:
        house.door.tell("x")
        await stream.until(lambda stream: stream.tags == ["x"])
    assert {"token": "12" * 32} in [credentials for _question, credentials, _place in house.door.asked]


@pytest.mark.parametrize("token", ["", "no hex", "ab"])
async def test_nobody_follows_who_is_nobody(house, token):
    assert (await house.refused("/events", token=token)).status == 401
    assert (await house.refused("/api/v1/events", token=token)).status == 401


@pytest.mark.parametrize(("path", "status"), [("/events", 401), ("/api/v1/events", 403)])
async def test_who_may_see_nothing_is_told_so_before_anything_is_sent(house, path, status):
    house.door.refuses = Denied("The user ann may not do this")
    answer = await house.refused(path)
    assert (answer.status, answer.ret) == (status, "The user ann may not do this")


async def test_a_tag_or_a_value_ends_no_line_of_the_stream(house):
    async with house.stream("/events") as stream:
        house.door.tell("a\n\ndata: forged\r\n", {"x": "\n\nid: 7\n\n<script>"})
        await stream.until(lambda stream: stream.tags)
    assert len(stream.frames) == 2
    assert stream.frames[1].startswith("tag: a  data: forged  \ndata: {")


# -- /api/v1/events --------------------------------------------------------------------------------------------------


async def test_an_event_has_its_place_in_the_log_its_origin_and_its_time(house):
    async with house.stream("/api/v1/events") as stream:
        house.door.tell("salt/minion/web1/start", NEW, origin="minion/web1")
        house.door.tell("other")
        await stream.until(lambda stream: len(stream.tags) == 2)
    first, data = stream.frames[1].split("\n")
    assert first == f"id: {LOG}:11"
    assert json.loads(data.removeprefix("data: ")) == {
        "tag": "salt/minion/web1/start",
        "data": NEW,
        "origin": "minion/web1",
        "at": pytest.approx(1795351567.389572),
    }
    assert json.loads(stream.frames[2].split("data: ")[1])["at"] is None


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        ("", ["salt/job/1/new", "salt/job/1/ret/web1", "salt/minion/db1/start", "other"]),
        ("tag=salt/job/*/ret/*", ["salt/job/1/ret/web1"]),
        ("tag=salt/minion/*,other", ["salt/minion/db1/start", "other"]),
        ("filter=WEB1", ["salt/job/1/ret/web1"]),
        ("filter=needle", ["other"]),
        ("tag=salt/*&filter=db1", ["salt/minion/db1/start"]),
    ],
)
async def test_of_some_events_one_is_told(house, query, tags):
    async with house.stream(f"/api/v1/events?{query}") as stream:
        for tag in ("salt/job/1/new", "salt/job/1/ret/web1", "salt/minion/db1/start"):
            house.door.tell(tag)
        house.door.tell("other", {"deep": ["A Needle"]})
        await stream.until(lambda stream: stream.tags == tags)


@pytest.mark.parametrize("query", ["what=1", "last=0", "last=x", "last=10001", f"filter={'x' * 5000}"])
async def test_a_stream_of_what_means_nothing_is_refused(house, query):
    assert (await house.refused(f"/api/v1/events?{query}")).status == 400


async def test_who_was_away_is_told_what_was_missed_and_goes_on_without_hole_or_double(house):
    for number in range(5):
        house.door.tell(f"old/{number}")
    async with house.stream("/api/v1/events", last_event_id=f"{LOG}:12") as stream:
        house.door.tell("new/1")
        await stream.until(lambda stream: stream.tags[-1:] == ["new/1"])
    assert stream.tags == ["old/2", "old/3", "old/4", "new/1"]


@pytest.mark.parametrize(
    ("query", "tags"), [("last=2", ["old/3", "old/4"]), ("last=9", [f"old/{number}" for number in range(5)])]
)
async def test_a_stream_begins_with_the_newest_events_where_that_is_asked(house, query, tags):
    for number in range(5):
        house.door.tell(f"old/{number}")
    async with house.stream(f"/api/v1/events?{query}") as stream:
        await stream.until(lambda stream: stream.tags)
        house.door.tell("new")
        await stream.until(lambda stream: stream.tags[-1:] == ["new"])
    assert stream.tags == [*tags, "new"]


async def test_what_comes_while_the_past_is_told_comes_after_it(house):
    house.door.tell("old")
    channel, reader = streams.Channel(house.door, {}), Reader()
    channel.log, channel.at = LOG, house.door.number
    channel.readers.add(reader)
    hub = streams.Hub(house.door, house.nursery)
    channel._hear({"events": [["seen", 11, "", {}]], "at": 11})
    pieces = []

    async def give(piece):
        pieces.append(piece)

    await hub.replay(channel, reader, {}, (LOG, 10), give)
    channel._hear({"events": [["new", 12, "", {}]], "at": 12})
    assert [told.tag for piece in pieces for told in piece] == ["old"]
    assert [told.tag for told in reader.take()] == ["new"]


@pytest.mark.parametrize(
    ("cursor", "count"), [("other:7", None), ("nonsense", None), (f"{LOG}:999", None), (f"{LOG}:10", 3)]
)
async def test_what_cannot_be_told_again_is_said(house, monkeypatch, cursor, count):
    monkeypatch.setattr(streams, "REPLAYED", 2)
    for number in range(5):
        house.door.tell(f"old/{number}")
    async with house.stream("/api/v1/events", last_event_id=cursor) as stream:
        await stream.until(lambda stream: stream.tags)
        house.door.tell("new")
        await stream.until(lambda stream: stream.tags[-1] == "new")
    lost = json.loads(stream.frames[1].split("data: ")[1])
    assert (lost["tag"], lost["data"]) == (streams.LOST, {"n": count})
    assert stream.tags[1:] == ([] if count is None else ["old/3", "old/4"]) + ["new"]


# -- one follower for all --------------------------------------------------------------------------------------------


async def test_all_streams_of_one_user_share_one_follower_and_one_writing(house):
    house.sign_in("ee" * 32)
    house.sign_in("ff" * 32, user="bob")
    async with (
        house.stream("/events") as one,
        house.stream("/api/v1/events", token="ee" * 32) as two,
        house.stream("/events", token="ff" * 32) as three,
    ):
        assert len(house.door.followers) == 2
        house.door.tell("x")
        for stream in (one, two, three):
            await stream.until(lambda stream: stream.tags == ["x"])
    await house.door.until(lambda: not house.door.followers)
    told = Told(LOG, "x", 1, "", {})
    assert told.stock is told.stock
    assert told.v1 is told.v1


async def test_two_tokens_of_one_name_with_other_permissions_are_two():
    assert Identity.of("ann", "pam", [".*"]) != Identity.of("ann", "pam", ["test.ping"])
    assert Identity.of("ann", "pam", [{"a": 1, "b": 2}]) == Identity.of("ann", "pam", [{"b": 2, "a": 1}])


async def test_a_master_that_was_away_is_followed_on_from_where_it_stopped(house, autojump_clock):
    async with house.stream("/events") as stream:
        house.door.tell("before")
        await stream.until(lambda stream: stream.tags)
        house.door.say(DoorClosed())
        await house.door.until(lambda: not house.door.followers)
        await house.door.until(lambda: house.door.followers)
        house.door.tell("after")
        await stream.until(lambda stream: len(stream.tags) == 2)
    assert house.door.questions("events")[-1] == {"op": "events", "after": [[LOG, 11]]}


async def test_what_the_log_does_not_keep_any_more_is_said(house):
    async with house.stream("/events") as stream:
        house.door.say({"lagged": 7})
        await stream.until(lambda stream: stream.tags == [streams.LOST])


async def test_streams_end_when_the_master_no_longer_knows_their_token(house, autojump_clock):
    async with house.stream("/events") as stream:
        house.door.refuses = Unauthenticated()
        house.door.say(DoorClosed())
        await stream.until(lambda stream: stream.over)
