"""A web without a server and without a master: its door answers by a script."""

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.support.asgi import Client
from trisalt.client.door import to_error
from trisalt.errors import Unauthenticated
from trisalt.web.app import make_app
from trisalt.web.context import make_web
from trisalt.web.lowstate import SERVED
from trisalt.web.sessions import Sessions
from trisalt.web.settings import Listener, Settings

TOKEN = "ab" * 32
PASSWORD = "sesame"


class Answers:
    """What a door gives to iterate."""

    def __init__(self, answers):
        self._answers = list(answers)

    def __aiter__(self):
        return self

    async def next(self):
        return await anext(self)

    async def first(self, key):
        return (await self.next())[key]

    async def __anext__(self):
        await trio.lowlevel.checkpoint()
        if not self._answers:
            raise StopAsyncIteration
        answer = self._answers.pop(0)
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        if "error" in answer:
            raise to_error(answer["error"])
        return answer


class ScriptedDoor:
    """Has the methods of `web.door.Door`. `says[op]` is a list of answers, or a function of the question that gives
    them; an answer may be an error to raise, or an async function that gives it. Logins are answered for `ann` with `PASSWORD`, by `rows`. `asked` holds (question, credentials, place)."""

    def __init__(self):
        self.asked = []
        self.says = {}
        self.rows = [".*"]
        self.made = 0
        self.valid = set()

    def questions(self, op):
        return [question for question, _credentials, _place in self.asked if question["op"] == op]

    async def ask(self, question, *, credentials=None, place="", patience=30.0):
        async with self.follow(question, credentials=credentials, place=place) as answers:
            async for answer in answers:
                return answer
        raise AssertionError(f"no answer to {question}")

    @asynccontextmanager
    async def follow(self, question, *, credentials=None, place=""):
        self.asked.append((question, credentials, place))
        yield Answers(self._answer(question, credentials or {}))

    def _answer(self, question, credentials):
        op = question["op"]
        if op in self.says:
            says = self.says[op]
            return says(question) if callable(says) else says
        if op == "mk_token":
            if credentials.get("password") != PASSWORD or credentials.get("eauth") != "pam":
                return [Unauthenticated()]
            self.made += 1
            token = f"{self.made:064x}"
            self.valid.add(token)
            return [
                {
                    "token": {
                        "token": token,
                        "start": 1000.0,
                        "expire": 44200.0,
                        "name": credentials["username"],
                        "eauth": "pam",
                    }
                }
            ]
        if op == "whoami":
            return [{"whoami": {"name": "ann", "eauth": "pam", "groups": [], "admin": False, "rows": self.rows}}]
        if op == "del_token":
            self.valid.discard(credentials["token"])
            return [{"dropped": True}]
        raise AssertionError(f"the script has no {op}")


@pytest.fixture
def door():
    return ScriptedDoor()


@pytest.fixture
def settings(tmp_path):
    return Settings(
        listeners=(Listener(block="rest_trisalt", host="127.0.0.1", port=8000),),
        door="/nowhere",
        cachedir=str(tmp_path),
        log_dir=str(tmp_path),
        eauths=("pam",),
        clients=frozenset(SERVED),
    )


@pytest.fixture
async def open_client(door, settings, tmp_path, nursery):
    """Gives clients of webs: `open_client(rest settings, **what a client is given)`."""

    # Of one service, whatever its settings are at a time.
    sessions = Sessions(tmp_path / "sessions", clock=lambda: 2000.0)

    def opened(changes=None, **client):
        web = make_web(attrs.evolve(settings, **(changes or {})), door, sessions, nursery)
        made = Client(make_app(web), **client)
        made.web = web
        return made

    return opened


@pytest.fixture
async def client(open_client):
    return open_client()


@pytest.fixture
async def ann(client):
    """A client who has signed in, and shows it in the header."""
    answer = await client.post("/login", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    assert answer.status == 200, answer.body
    client.headers["x-auth-token"] = answer.ret[0]["token"]
    return client
