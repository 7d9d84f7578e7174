"""A door that tells events, the server before it, and who listens to its streams."""

import json
from contextlib import asynccontextmanager

import trio

from tests.support.asgi import Client
from tests.web.conftest import Answers, ScriptedDoor

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
