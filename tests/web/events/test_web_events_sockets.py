"""Sockets of events: `/ws`, its summaries, and who may open one."""

import json
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.web.events.house import JID, NEW, TOKEN
from trisalt.web.app import make_app
from trisalt.web.context import make_web


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
