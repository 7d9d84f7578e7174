"""The local door: who asks, by the kernel's word or by credentials, and what they may."""

import os
import sys

import pytest
import trio
import trio.testing

from tests.master.local_door.house import published
from trisalt.bus.caller import Caller
from trisalt.bus.events import (
    CommandRefused,
)
from trisalt.bus.requests import (
    DropTokenRequest,
    FactorRequest,
    LoginRequest,
    PublishRequest,
    TokenRequest,
    VouchRequest,
)
from trisalt.errors import Denied, Unauthenticated
from trisalt.master.acl import Acl
from trisalt.master.local_door import caller_name

ANN = Caller(name="ann", eauth="pam", groups=("ops",))


LOGIN = {"eauth": "pam", "username": "ann", "password": "right"}


def vouch(request):
    shown = request.token or request.password
    if shown.reveal() not in ("right", "a" * 64):
        raise Unauthenticated()
    return ANN


@pytest.mark.parametrize("shown", [LOGIN, {"token": "a" * 64}])
async def test_who_shows_credentials_is_who_these_say_even_where_the_kernel_knows_better(master, shown):
    asked = await master.claim(LoginRequest, vouch)
    published_ = await master.claim(PublishRequest, lambda request: published())
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=False, credentials=shown, user_hint="root")
    assert [(request.user, request.caller) for request in published_] == [("ann", ANN)]
    assert asked[0].peer == f"uid {os.getuid()}"
    async with master.caller() as caller:
        answer = await caller.ask(op="runner", fun="test.arg", credentials=shown)
        assert answer["error"] == {"name": "AuthorizationError", "message": "Authorization error occurred."}
    for op in ("events", "status", "match"):
        async with master.caller() as caller:
            assert (await caller.ask(op=op, tgt="*", credentials=shown))["error"]["name"] == "AuthorizationError"


async def test_who_asks_is_told_who_they_are_and_what_they_may(door):
    acl = Acl(external_auth={"pam": {"ann": ["test.ping"], "ops%": [{"web*": ["state.apply"]}]}})
    master = await door(acl)
    await master.claim(LoginRequest, vouch)
    async with master.caller() as caller:
        assert (await caller.ask(op="whoami", credentials=LOGIN))["whoami"] == {
            "name": "ann",
            "eauth": "pam",
            "groups": ["ops"],
            "admin": False,
            "everything": False,
            "rooms": [],
            "master": "",
            "rows": ["test.ping", {"web*": ["state.apply"]}],
        }
    async with master.caller() as caller:
        told = (await caller.ask(op="whoami"))["whoami"]
        assert (told["name"], told["admin"], told["rows"]) == (caller_name(os.getuid()), True, [])


async def test_who_shows_wrong_credentials_is_nobody(master):
    await master.claim(LoginRequest, vouch)
    for shown in ({**LOGIN, "password": "wrong"}, {"token": "b" * 64}):
        async with master.caller() as caller:
            answer = await caller.ask(op="publish", tgt="*", fun="test.ping", credentials=shown)
            assert answer["error"] == {"name": "AuthenticationError", "message": "Authentication error occurred."}


async def test_a_token_is_made_at_the_door(master):
    asked = await master.claim(TokenRequest, lambda request: {"token": "a" * 64, "name": "ann"})
    async with master.caller() as caller:
        answer = await caller.ask(op="mk_token", credentials=LOGIN, token_expire=60)
        assert answer == {"token": {"token": "a" * 64, "name": "ann"}}
    assert (asked[0].username, asked[0].token_expire, asked[0].password.reveal()) == ("ann", 60, "right")


async def test_whoever_has_a_token_may_end_it(master):
    asked = await master.claim(DropTokenRequest, lambda request: True)
    async with master.caller() as caller:
        assert await caller.ask(op="del_token", credentials={"token": "a" * 64}) == {"dropped": True}
    assert [request.token.reveal() for request in asked] == ["a" * 64]
    async with master.caller() as caller:
        assert (await caller.ask(op="del_token", credentials=LOGIN))["error"]["name"] == "ProtocolError"


@pytest.mark.parametrize(
    ("said", "peer"),
    [("192.0.2.7", "192.0.2.7"), ("", None), ("x" * 65, None), ("a\nb", None), (["192.0.2.7"], None), (7, None)],
)
async def test_whoever_asks_for_others_may_say_where_these_are(master, said, peer):
    tokens = await master.claim(TokenRequest, lambda request: {"token": "a" * 64})
    logins = await master.claim(LoginRequest, vouch)
    for question in ({"op": "mk_token"}, {"op": "whoami"}):
        async with master.caller() as caller:
            await caller.ask(**question, credentials=LOGIN, place=said)
    assert [request.peer for request in tokens + logins] == [peer or f"uid {os.getuid()}"] * 2


async def test_who_may_everything_has_tokens_made_for_others_and_nobody_else_has(master):
    await master.claim(LoginRequest, vouch)
    asked = await master.claim(VouchRequest, lambda request: {"token": "a" * 64})
    question = {"op": "vouch", "eauth": "oidc", "username": "bob", "groups": ["ops"], "place": "192.0.2.7"}
    async with master.caller() as caller:
        assert await caller.ask(**question) == {"token": {"token": "a" * 64}}
    assert [(each.eauth, each.username, each.groups, each.peer) for each in asked] == [
        ("oidc", "bob", ("ops",), "192.0.2.7")
    ]
    for refused in ({"credentials": LOGIN}, {"credentials": {"token": "a" * 64}}):
        async with master.caller() as caller:
            assert (await caller.ask(**question, **refused))["error"]["name"] == "AuthorizationError"
    async with master.caller() as caller:
        assert (await caller.ask(**{**question, "groups": [7]}))["error"]["name"] == "ProtocolError"
    assert len(asked) == 1


FACTOR = {"op": "factor", "act": "status", "eauth": "file", "username": "bob", "password": "p", "code": "1"}


async def test_a_second_factor_is_ones_own_but_for_administrators(master):
    await master.claim(LoginRequest, vouch)
    asked = await master.claim(FactorRequest, lambda request: {"enrolled": False})
    for shown in ({"credentials": {"token": "a" * 64}}, {}):
        async with master.caller() as caller:
            assert await caller.ask(**FACTOR, **shown) == {"factor": {"enrolled": False}}
    assert [(each.eauth, each.username, each.trusted) for each in asked] == [
        ("pam", "ann", False),
        ("file", "bob", True),
    ]
    assert (asked[0].password.reveal(), asked[0].code.reveal(), asked[0].peer) == ("p", "1", "pam/ann")


async def test_what_somebody_shows_besides_their_token_may_be_wrong(master):
    def wrong(request):
        raise Unauthenticated

    await master.claim(LoginRequest, vouch)
    await master.claim(FactorRequest, wrong)
    async with master.caller() as caller:
        answer = await caller.ask(**FACTOR, credentials={"token": "a" * 64})
    assert answer["error"] == {"name": "AuthorizationError", "message": "The password, or the code, is wrong"}


# -- who may come in ----------------------------------------------------------------------------------------------


def test_callers_are_named_by_the_kernels_word(monkeypatch):
    assert caller_name(0) == "root"
    assert caller_name(0, "ann") == "sudo_ann"
    assert caller_name(0, "root") == "root"
    assert caller_name(0, b"ann") == "root"
    assert caller_name(0, "a\nb") == "root"
    assert caller_name(4_000_000) == "uid_4000000"


def test_an_account_cannot_be_named_like_an_administrator(monkeypatch):
    class Account:
        pw_name = "sudo_ann"

    monkeypatch.setattr("pwd.getpwuid", lambda uid: Account)
    assert caller_name(1000) == "uid_1000"
    Account.pw_name = "root"
    assert caller_name(1000) == "uid_1000"
    Account.pw_name = "ann"
    assert caller_name(1000, "root") == "ann"


ASK_AS_NOBODY = """
import os, socket, sys
from trisalt.store.sqlite import open_store
from trisalt.wire.frames import FrameDecoder, pack_frame
os.setgid(65534); os.setuid(65534)
for question in (
    {"op": "publish", "tgt": "*", "fun": "cmd.run", "arg": ["id"], "follow": True, "user_hint": "root"},
    {"op": "runner", "fun": "jobs.active"}, {"op": "wheel", "fun": "key.list_all"}, {"op": "events"},
    {"op": "fire", "tag": "x", "data": {}}, {"op": "key_changed", "act": "delete", "ids": ["m1"]},
    {"op": "status"}, {"op": "follow_job", "jid": "20261122124940743908"}, {"op": "match", "tgt": "*"},
):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(sys.argv[1])
        sock.sendall(pack_frame(question))
        (answer,) = FrameDecoder().feed(sock.recv(65536))
        print(question["op"], answer["error"]["name"])
"""


def refuse():
    raise Denied("Authorization error occurred.")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_somebody_else_is_refused_everything(master):
    refused = await master.hear(CommandRefused)
    published = await master.claim(PublishRequest, lambda request: refuse())
    with trio.fail_after(30):
        done = await trio.run_process([sys.executable, "-c", ASK_AS_NOBODY, master.path], capture_stdout=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 9
    assert {line.split()[1] for line in lines} == {"AuthorizationError"}
    await trio.testing.wait_all_tasks_blocked()
    assert [event.fun for event in refused] == ["runner.jobs.active", "wheel.key.list_all"]
    assert [request.asker.name for request in published] == [refused[0].user] != ["root"]


SAY_A_PLACE_AS_NOBODY = """
import os, socket, sys
from trisalt.wire.frames import pack_frame
os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect(sys.argv[1])
    login = {"eauth": "pam", "username": "ann", "password": "right"}
    sock.sendall(pack_frame({"op": "mk_token", "credentials": login, "place": "192.0.2.7"}))
    sock.recv(65536)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_somebody_else_is_where_the_kernel_says(master):
    asked = await master.claim(TokenRequest, lambda request: {"token": "a" * 64})
    with trio.fail_after(30):
        await trio.run_process([sys.executable, "-c", SAY_A_PLACE_AS_NOBODY, master.path])
    assert [request.peer for request in asked] == ["uid 65534"]


CROWD = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
socks = [socket.socket(socket.AF_UNIX) for _ in range(20)]
for sock in socks:
    sock.connect(sys.argv[1])
    sock.settimeout(10)
# Those that have no place are sent away at once; the others may speak.
print(sum(1 for sock in socks[16:] if sock.recv(1) == b""), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_a_guest_cannot_take_everybodys_place(master):
    with trio.fail_after(30):
        command = [sys.executable, "-c", CROWD, master.path]
        process = await trio.lowlevel.open_process(command, stdin=-1, stdout=-1)
        async with process.stdin, process.stdout:
            assert (await process.stdout.receive_some()).strip() == b"4"
            async with master.caller() as caller:
                assert "whoami" in await caller.ask(op="whoami")
            await process.stdin.aclose()
            await process.wait()
