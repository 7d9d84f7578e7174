"""Streams of events: `/events` as stock's clients know it, `/api/v1/events` with its cursor, `/ws`; limits and ends."""

import json
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.support.asgi import Client
from tests.web.conftest import Answers, ScriptedDoor
from trisalt.client.door import DoorClosed
from trisalt.errors import Denied, Unauthenticated
from trisalt.web import events, streams
from trisalt.web.app import make_app, make_web
from trisalt.web.sessions import Sessions
from trisalt.web.streams import Identity, Reader, Told

LOG = "abc123"
TOKEN = "cd" * 32
JID = "20261122124607389153"
NEW = {
    "jid": JID,
    "tgt_type": "glob",
    "tgt": "h3-web1",
    "user": "root",
    "fun": "test.ping",
    "arg": [],
    "minions": ["h3-web1"],
    "missing": [],
    "_stamp": "2026-11-22T12:46:07.389572+00:00",
}


class LiveDoor(ScriptedDoor):
    """A door at which events can be followed. What is `kept` is told again to who asks for it."""

    def __init__(self):
        super().__init__()
        self.followers = set()
        self.kept = []
        self.number = 10
        self.refuses = None
        self.changed = trio.Event()

    @asynccontextmanager
    async def follow(self, question, *, credentials=None, place=""):
        if question["op"] != "events":
            async with super().follow(question, credentials=credentials, place=place) as answers:
                yield answers
            return
        self.asked.append((question, credentials, place))
        if self.refuses is not None:
            raise self.refuses
        after = question.get("after")
        if "upto" in question:
            found = [item for item in self.kept if after[0][1] < item[1] <= question["upto"]]
            yield Answers(
                [{"ready": {"log": LOG, "at": after[0][1]}}]
                + ([{"events": found, "at": found[-1][1]}] if found else [])
                + [{"end": question["upto"]}]
            )
            return
        send, receive = trio.open_memory_channel(10_000)
        send.send_nowait({"ready": {"log": LOG, "at": self.number}})
        self.followers.add(send)
        self.note()
        try:
            yield self._answers(receive)
        finally:
            self.followers.discard(send)
            self.note()

    async def _answers(self, receive):
        async for answer in receive:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    def note(self):
        self.changed.set()
        self.changed = trio.Event()

    async def until(self, condition):
        with trio.fail_after(100):
            while not condition():
                await self.changed.wait()

    def tell(self, tag, data=None, origin="master/"):
        self.number += 1
        item = [tag, self.number, origin, data or {}]
        self.kept.append(item)
        self.say({"events": [item], "at": self.number})

    def say(self, answer):
        for follower in self.followers:
            follower.send_nowait(answer)


class Stream:
    """One stream of a client: the head, and the text that came."""

    def __init__(self):
        self.start = None
        self.text = ""
        self.over = False
        self.changed = trio.Event()
        self.brake = None
        self.hung_up = trio.Event()

    async def send(self, message):
        if self.brake is not None:
            await self.brake.wait()
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.text += message["body"].decode()
            self.over = not message.get("more_body")
        self.changed.set()
        self.changed = trio.Event()
        await trio.lowlevel.checkpoint()

    async def until(self, condition):
        with trio.fail_after(100):
            while not condition(self):
                await self.changed.wait()

    @property
    def frames(self):
        return [frame for frame in self.text.split("\n\n") if frame]

    @property
    def tags(self):
        """Of the events, in the order in which they came."""
        lines = [line for frame in self.frames for line in frame.split("\n") if line.startswith("data: ")]
        return [json.loads(line[6:])["tag"] for line in lines]


class House:
    def __init__(self, door, sessions, app, nursery):
        self.door, self.sessions, self.app, self.nursery = door, sessions, app, nursery

    def sign_in(self, token=TOKEN, user="ann", expire=3e9, perms=(".*",)):
        return self.sessions.add(token, user=user, eauth="pam", start=1.0, expire=expire, perms=list(perms))

    @asynccontextmanager
    async def stream(self, path, token=TOKEN, **headers):
        stream = Stream()
        path, _, query = path.partition("?")
        sent = {"x-auth-token": token, **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
            "client": ("192.0.2.7", 40000),
            "server": ("salt.test", 80),
            "state": {},
        }
        first = True

        async def receive():
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": b"", "more_body": False}
            await stream.hung_up.wait()
            return {"type": "http.disconnect"}

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.app, scope, receive, stream.send)
            await stream.until(lambda stream: stream.start)
            yield stream
            nursery.cancel_scope.cancel()

    async def refused(self, path, token=TOKEN, **headers):
        with trio.fail_after(20):
            return await Client(self.app).get(path, x_auth_token=token, **headers)


@pytest.fixture
async def house(settings, tmp_path, nursery):
    door = LiveDoor()
    sessions = Sessions(tmp_path / "sessions")
    opened = House(door, sessions, None, nursery)
    opened.app = make_app(make_web(settings, door, sessions, nursery))
    opened.sign_in()
    yield opened
    nursery.cancel_scope.cancel()


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


# -- limits and ends -------------------------------------------------------------------------------------------------


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


# -- /ws -------------------------------------------------------------------------------------------------------------


class Socket:
    """A client's end of a websocket."""

    def __init__(self):
        self.sent = []
        self.changed = trio.Event()
        self.to, self._from = trio.open_memory_channel(100)
        self.to.send_nowait({"type": "websocket.connect"})

    def say(self, text):
        self.to.send_nowait({"type": "websocket.receive", "text": text})

    async def receive(self):
        return await self._from.receive()

    async def send(self, message):
        await trio.lowlevel.checkpoint()
        self.sent.append(message)
        self.changed.set()
        self.changed = trio.Event()

    async def until(self, condition):
        with trio.fail_after(100):
            while not condition(self):
                await self.changed.wait()

    @property
    def texts(self):
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]

    @property
    def accepted(self):
        return any(message["type"] == "websocket.accept" for message in self.sent)

    @property
    def closed(self):
        return next((message["code"] for message in self.sent if message["type"] == "websocket.close"), None)


@asynccontextmanager
async def websocket(house, path="/ws", query="", **headers):
    socket = Socket()
    sent = {"host": "salt.test", "x-auth-token": TOKEN} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
        "client": ("192.0.2.7", 40000),
        "server": ("salt.test", 80),
        "subprotocols": [],
        "state": {},
    }
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.app, scope, socket.receive, socket.send)
        await socket.until(lambda socket: socket.accepted or socket.closed)
        yield socket
        nursery.cancel_scope.cancel()


async def test_a_socket_tells_events_from_when_its_client_is_ready(house):
    async with websocket(house) as socket:
        house.door.tell("before")
        socket.say("hello")
        await socket.until(lambda socket: socket.texts == ["server received message"])
        socket.say("websocket client ready")
        await socket.until(lambda socket: len(socket.texts) == 3)
        house.door.tell("x", {"a": 1})
        await socket.until(lambda socket: len(socket.texts) == 4)
    assert socket.texts[1:] == [
        "server received message",
        'data: {"data":{},"tag":"before"}\n\n',
        'data: {"data":{"a":1},"tag":"x"}\n\n',
    ]


async def test_a_socket_that_wants_summaries_is_told_how_jobs_and_minions_stand(house):
    async with websocket(house, query="format_events") as socket:
        socket.say("websocket client ready")
        await socket.until(lambda socket: socket.texts)
        house.door.tell(f"salt/job/{JID}/new", NEW)
        house.door.tell(f"salt/job/{JID}/ret/h3-web1", {"return": True, "retcode": 0, "success": True})
        house.door.tell("trisalt/minion/web1/present", {})
        house.door.tell("other")
        await socket.until(lambda socket: len(socket.texts) == 4)
    began, ended, minions = [json.loads(text.removeprefix("data: ")) for text in socket.texts[1:]]
    assert began["jobs"][JID]["state"] == "running"
    assert (ended["jobs"][JID]["state"], ended["jobs"][JID]["success"]) == ("complete", True)
    assert minions == {"minions": [{"id": "web1", "alive": True}]}


@pytest.mark.parametrize(
    ("path", "headers", "settings_are", "open"),
    [
        ("/ws", {}, {}, True),
        ("/ws", {"origin": "http://salt.test"}, {}, True),
        ("/ws", {"origin": "https://evil.test"}, {}, False),
        ("/ws", {"origin": "https://ui.test"}, {"cors_origins": ("https://ui.test",)}, True),
        ("/ws", {"origin": "https://evil.test"}, {"cors_origins": ("*",)}, False),
        ("/ws", {"x_auth_token": ""}, {}, False),
        ("/ws", {"x_auth_token": "", "cookie": f"session_id={TOKEN}"}, {}, True),
        (f"/ws/{TOKEN}", {"x_auth_token": ""}, {}, False),
        (f"/ws/{TOKEN}", {"x_auth_token": ""}, {"ws_token_in_url": True}, True),
        ("/ws/nonsense", {"x_auth_token": ""}, {"ws_token_in_url": True}, False),
    ],
)
async def test_who_may_open_a_socket(house, settings, path, headers, settings_are, open):
    changed = attrs.evolve(settings, **settings_are)
    house.app = make_app(make_web(changed, house.door, house.sessions, house.nursery))
    async with websocket(house, path, **headers) as socket:
        assert (socket.accepted, socket.closed) == ((True, None) if open else (False, 1008))


async def test_a_socket_closes_with_its_session(house):
    async with websocket(house) as socket:
        house.sessions.drop(house.sessions.find(TOKEN))
        await socket.until(lambda socket: socket.closed == 1008)


async def test_a_client_of_a_socket_that_goes_leaves_nothing(house):
    async with websocket(house) as socket:
        socket.to.send_nowait({"type": "websocket.disconnect", "code": 1000})
        await house.door.until(lambda: not house.door.followers)
