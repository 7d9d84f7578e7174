"""`trisalt.master.clear`: who asks, and answers that stock's own commands understand."""

from __future__ import annotations

import os

import pytest
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.event import Secret
from trisalt.bus.events import CommandRefused, JobRefused
from trisalt.bus.requests import (
    LoginRequest,
    PublishRequest,
    RunnerRequest,
    ShowTokenRequest,
    TokenRequest,
    WheelRequest,
)
from trisalt.errors import Denied, StoreError, Unauthenticated
from trisalt.master.acl import Acl
from trisalt.master.clear import REFUSALS_BURST, ClearDesk
from trisalt.master.jobcache import JobCache, sweep_job_cache
from trisalt.wire import codec
from trisalt.wire.crypticle import generate_key_string
from trisalt.worker.protocol import Outcome

ROOT, BOB = generate_key_string(), generate_key_string()
JID = "20261122130453717216"
TOKEN = "a" * 64
ANN = Caller(name="ann", eauth="pam")
JOB = {
    "cmd": "publish",
    "tgt": "*",
    "fun": "test.ping",
    "arg": [],
    "tgt_type": "glob",
    "ret": "",
    "jid": "",
    "user": "root",
}


class Setup:
    def __init__(self, folder, nursery, acl=None):
        self.bus = Bus()
        self.nursery = nursery
        self.folder = folder
        self.desk = ClearDesk(
            self.bus,
            acl
            or Acl(
                publisher_acl={"bob": ["test.*"]}, external_auth={"pam": {"ann": ["@runner", {"@wheel": ["key.list"]}]}}
            ),
            {"root": ROOT, "bob": BOB},
            master_user="root",
            background=nursery,
        )
        self.asked = []
        self.logins = []
        self.answer = None

    async def claim(self, task_status):
        async with self.bus.claim(PublishRequest, RunnerRequest, WheelRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                self.asked.append(request)
                if isinstance(self.answer, Exception):
                    reply.fail(self.answer)
                else:
                    reply.send(self.answer)

    async def vouch(self, task_status):
        """Knows one password, and one token; keeps what it is asked."""
        async with self.bus.claim(LoginRequest, TokenRequest, ShowTokenRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                self.logins.append(request)
                match request:
                    case ShowTokenRequest(token=Secret() as token):
                        reply.send({"name": "ann"} if token.reveal() == TOKEN else {})
                    case LoginRequest(token=Secret() as token) if token.reveal() == TOKEN:
                        reply.send(ANN)
                    case LoginRequest(token=None, password=Secret() as word) if word.reveal() == "right":
                        reply.send(ANN)
                    case TokenRequest(password=Secret() as word) if word.reveal() == "right":
                        reply.send({"token": TOKEN, "name": "ann"})
                    case _:
                        reply.fail(Unauthenticated())

    async def ask(self, cmd, load, peer="192.0.2.1"):
        with trio.fail_after(5):
            value = await self.desk.answer(cmd, load, peer)
        await trio.testing.wait_all_tasks_blocked()
        codec.pack(value)
        return value


@pytest.fixture
async def setup(tmp_path, nursery):
    setup = Setup(tmp_path, nursery)
    await nursery.start(setup.claim)
    await nursery.start(setup.vouch)
    return setup


@pytest.mark.parametrize(
    ("load", "caller"),
    [
        ({"key": ROOT, "user": "root"}, "root"),
        ({"key": ROOT}, "root"),
        ({"key": ROOT, "user": "sudo_alice"}, "sudo_alice"),
        ({"key": ROOT, "user": "bob"}, "bob"),
        ({"key": BOB, "user": "bob"}, "bob"),
        ({"key": BOB}, "bob"),
        ({"key": BOB, "user": "root"}, None),
        ({"key": BOB, "user": "sudo_bob"}, None),
        ({"key": "wrong", "user": "root"}, None),
        ({"key": ROOT[:-1], "user": "root"}, None),
        ({"key": "", "user": "root"}, None),
        ({"key": None}, None),
        ({"key": 5}, None),
        ({"key": [ROOT]}, None),
        ({"key": ROOT, "user": ["root"]}, None),
        ({"user": "root"}, None),
    ],
)
async def test_a_key_says_who_asks(setup, load, caller):
    assert setup.desk.owner(load) == caller


async def test_a_publication_is_answered_in_stocks_shape_and_to_be_laid_where_stock_looks(setup):
    setup.answer = Published(jid=JID, minions=["m1"], missing=["m2"])
    got = await setup.ask("publish", {**JOB, "key": ROOT, "to": 5, "kwargs": {"metadata": {"a": 1}}})
    assert got == {"enc": "clear", "load": {"jid": JID, "minions": ["m1"], "missing": ["m2"]}}
    assert setup.asked == [
        PublishRequest(
            tgt="*",
            fun="test.ping",
            arg=[],
            user="root",
            kwargs={"metadata": {"a": 1}, "to": 5},
            laid_down=True,
            caller=Caller(name="root"),
        )
    ]


async def test_nobody_matched_is_no_job(setup):
    setup.answer = Published(jid=None, minions=[], missing=[], error="Master could not resolve minions for target x")
    got = await setup.ask("publish", {**JOB, "key": ROOT})
    assert got["load"] == {"jid": None, "minions": [], "error": "Master could not resolve minions for target x"}


async def test_a_refused_publication_says_which_refusal(setup):
    setup.answer = Denied("no")
    assert (await setup.ask("publish", {**JOB, "key": BOB, "user": "bob"}))["error"]["name"] == "AuthorizationError"
    assert (await setup.ask("publish", {**JOB, "key": "x"}))["error"]["name"] == "AuthenticationError"
    for kwargs in ({"token": "t"}, {"eauth": "pam"}, [1]):
        got = await setup.ask("publish", {**JOB, "key": ROOT, "kwargs": kwargs})
        assert got["error"]["name"] == "AuthenticationError"
    setup.answer = StoreError("full")
    assert "full" in (await setup.ask("publish", {**JOB, "key": ROOT}))["error"]["message"]


async def test_refusals_are_told_without_what_was_asked_and_not_without_end(setup):
    async with setup.bus.subscribe(JobRefused, keep=False, depth=500) as told:
        for _ in range(REFUSALS_BURST + 30):
            await setup.ask("publish", {**JOB, "arg": ["secret"], "key": "guess"})
        events = await told.receive_all()
    assert REFUSALS_BURST <= len(events) < REFUSALS_BURST + 30
    assert "secret" not in str([event.to_data() for event in events])
    assert "guess" not in str([event.to_data() for event in events])


@pytest.mark.parametrize("wrong", [{"fun": 5}, {"fun": [5]}, {"arg": "x"}, {"tgt": None}, {"tgt_type": 5}, {"jid": 5}])
async def test_a_job_that_is_none_is_not_asked(setup, wrong):
    assert isinstance(await setup.ask("publish", {**JOB, "key": ROOT, **wrong}), str)
    assert setup.asked == []


async def test_a_runner_is_begun_and_told_how_to_follow(setup):
    got = await setup.ask("runner", {"fun": "jobs.active", "kwarg": {"a": 1}, "arg": [2], "key": ROOT, "user": "root"})
    assert got == {"tag": f"salt/run/{got['jid']}", "jid": got["jid"]}
    (asked,) = setup.asked
    assert (asked.fun, asked.jid, asked.arg, asked.kwarg) == ("jobs.active", got["jid"], [2], {"a": 1})
    assert (asked.user, asked.caller) == ("root", Caller(name="root"))


async def test_a_runner_that_fails_does_not_fail_the_door(setup):
    setup.answer = StoreError("full")
    assert (await setup.ask("runner", {"fun": "jobs.active", "key": ROOT}))["jid"]


async def test_a_wheel_is_run_and_its_result_given(setup):
    setup.answer = Outcome(result={"minions": []})
    got = await setup.ask(
        "wheel", {"fun": "key.list", "match": "accepted", "key": ROOT, "cmd": "wheel", "__user__": "x"}
    )
    assert setup.asked[0].kwarg == {"match": "accepted"}
    data = got["data"]
    assert got["tag"] == data["tag"] == f"salt/wheel/{data['jid']}"
    assert (data["fun"], data["user"], data["return"], data["success"]) == (
        "wheel.key.list",
        "root",
        {"minions": []},
        True,
    )
    assert data["_stamp"].endswith("+00:00")
    setup.answer = StoreError("full")
    failed = (await setup.ask("wheel", {"fun": "key.list", "kwarg": {}, "key": ROOT}))["data"]
    assert (failed["success"], "full" in failed["return"]) == (False, True)


@pytest.mark.parametrize(
    ("load", "name"),
    [
        ({}, "UserAuthenticationError"),
        ({"key": "x", "user": "root"}, "UserAuthenticationError"),
        ({"key": BOB, "user": "bob"}, "UserAuthenticationError"),
        ({"key": ROOT, "fun": 5}, "UserAuthenticationError"),
        ({"token": "x"}, "TokenAuthenticationError"),
        ({"token": 5, "key": ROOT}, "TokenAuthenticationError"),
        ({"token": ROOT, "key": ROOT}, "TokenAuthenticationError"),
        ({"eauth": "pam", "username": "a", "password": "b"}, "EauthAuthenticationError"),
        ({"eauth": "pam", "username": "a", "key": ROOT}, "EauthAuthenticationError"),
    ],
)
@pytest.mark.parametrize("cmd", ["runner", "wheel"])
async def test_runners_and_wheels_are_for_administrators(setup, cmd, load, name):
    got = await setup.ask(cmd, {"fun": "key.list", **load})
    assert got["error"]["name"] == name
    assert setup.asked == []


RIGHT = {"eauth": "pam", "username": "ann", "password": "right"}


@pytest.mark.parametrize("shown", [RIGHT, {"token": TOKEN}])
async def test_whom_a_login_vouches_for_is_whoever_it_says(setup, shown):
    setup.answer = Published(jid=JID, minions=["m1"], missing=[])
    got = await setup.ask("publish", {**JOB, "user": "root", "kwargs": {**shown, "metadata": {"a": 1}}})
    assert got["load"]["jid"] == JID
    got = await setup.ask("runner", {"fun": "jobs.active", "user": "root", "kwarg": {}, **shown})
    assert got["jid"]
    setup.answer = Outcome(result=1)
    got = await setup.ask("wheel", {"fun": "key.list", "match": "acc", **shown})
    assert (got["data"]["user"], got["data"]["return"]) == ("ann", 1)
    assert [(request.user, request.caller) for request in setup.asked] == [("ann", ANN)] * 3
    assert {request.peer for request in setup.logins} == {"192.0.2.1"}
    # What was shown goes no further.
    assert setup.asked[0].kwargs == {"metadata": {"a": 1}}
    assert "right" not in repr(setup.asked) + repr(setup.logins)
    assert TOKEN not in repr(setup.asked) + repr(setup.logins)


async def test_who_is_known_and_may_not_is_refused_by_name(setup):
    async with setup.bus.subscribe(CommandRefused, keep=False) as told:
        got = await setup.ask("wheel", {"fun": "key.accept", "match": "s3cret", **RIGHT})
        (refused,) = await told.receive_all()
    assert got["error"] == {
        "name": "EauthAuthenticationError",
        "message": 'Authentication failure of type "eauth" occurred for user ann.',
    }
    assert (refused.user, refused.eauth, refused.fun) == ("ann", "pam", "wheel.key.accept")
    assert "s3cret" not in str(refused.to_data())


async def test_a_token_is_made_for_who_logs_in_and_told_of_who_has_it(setup):
    assert await setup.ask("mk_token", {**RIGHT, "token_expire": 60}) == {"token": TOKEN, "name": "ann"}
    assert setup.logins[-1].token_expire == 60
    for load in ({**RIGHT, "password": "wrong"}, {**RIGHT, "password": 5}, {"token": TOKEN}, {}):
        assert await setup.ask("mk_token", load) == ""
    assert await setup.ask("get_token", {"token": TOKEN}) == {"name": "ann"}
    assert await setup.ask("get_token", {"token": "../.root_key"}) == {}
    assert await setup.ask("get_token", {}) is False
    assert await setup.ask("nope", {}) == {}


async def test_old_jobs_are_swept_and_young_ones_stay(tmp_path, nursery):
    cache = JobCache(tmp_path)
    for jid in (JID, JID[:-1] + "7"):
        cache.write({"jid": jid, "fun": "test.ping"}, ["m1"])
    os.utime(cache.folder_of(JID), (1, 1))
    await nursery.start(lambda task_status: sweep_job_cache(cache, keep_s=3600, task_status=task_status))
    with trio.fail_after(5):
        while cache.folder_of(JID).exists():  # noqa: ASYNC110 - a thread removes it, and tells nobody
            await trio.sleep(0.01)
    assert cache.folder_of(JID[:-1] + "7").exists()
