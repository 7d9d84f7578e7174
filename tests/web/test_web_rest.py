"""Logins and commands of the REST API: what clients of stock Salt send, and what they are told."""

import json

import pytest
import trio

from tests.web.conftest import PASSWORD
from trisalt.client.door import UNREACHABLE, MasterUnreachable
from trisalt.errors import Denied, Unauthenticated

LOGIN = {"username": "ann", "password": PASSWORD, "eauth": "pam"}


def returns(**said):
    """The door's answers to a job that these returned to."""
    yield {"published": {"jid": "20261122124204617323", "minions": list(said), "missing": []}}
    for id, value in said.items():
        yield {"return": {"id": id, "jid": "20261122124204617323", "return": value, "retcode": 0}}
    yield {"settled": {"jid": "20261122124204617323", "missing": {}}}


async def test_the_root_says_what_there_is_to_anybody(client):
    answer = await client.get("/")
    assert answer.json["return"] == "Welcome"
    assert {"local", "runner", "wheel", "ssh"} <= set(answer.json["clients"])
    assert "destroy" not in answer.json["clients"]


@pytest.mark.parametrize("body", [LOGIN, [LOGIN], "username=ann&password=sesame&eauth=pam"])
async def test_a_login_gives_a_token_in_body_header_and_cookie(client, body):
    headers = {"content_type": "application/x-www-form-urlencoded"} if isinstance(body, str) else {}
    answer = await client.post("/login", body, **headers)
    (told,) = answer.ret
    assert told == {
        "token": answer.headers["x-auth-token"],
        "start": 1000.0,
        "expire": 44200.0,
        "user": "ann",
        "eauth": "pam",
        "perms": [".*"],
    }
    assert answer.cookie.startswith(f"session_id={told['token']};")


@pytest.mark.parametrize(
    "body",
    [
        {**LOGIN, "password": "guessed"},
        {**LOGIN, "eauth": "none"},
        {**LOGIN, "eauth": None},
        {**LOGIN, "password": ["a", "list"]},
        {"username": "ann"},
        {},
        [LOGIN, LOGIN],
    ],
)
async def test_whoever_is_wrong_is_told_no_more_than_that(client, body):
    answer = await client.post("/login", body)
    assert (answer.status, answer.json["status"]) == (401, 401)
    assert answer.ret == "Could not authenticate using provided credentials"
    assert not answer.cookie


async def test_nobody_signs_in_who_may_do_nothing(client, door):
    door.rows = []
    answer = await client.post("/login", LOGIN)
    assert answer.status == 401
    assert not door.valid


async def test_where_that_is_wanted_they_do_and_have_no_list_of_permissions(open_client, door):
    door.rows = []
    answer = await open_client({"login_without_rules": True}).post("/login", LOGIN)
    assert answer.ret[0]["perms"] == {}


async def test_plain_permissions_come_first(client, door):
    door.rows = [{"@runner": ["manage.up"]}, "test.ping", "@jobs"]
    assert (await client.post("/login", LOGIN)).ret[0]["perms"] == ["@jobs", "test.ping", {"@runner": ["manage.up"]}]


async def test_the_master_is_told_where_a_login_comes_from(client, door):
    await client.post("/login", LOGIN)
    assert next(place for _question, _credentials, place in door.asked) == "192.0.2.7"


async def test_a_logout_ends_session_and_token(ann, door):
    assert (await ann.post("/logout", {})).ret == "Your token has been cleared"
    assert not door.valid
    assert (await ann.post("/", {"client": "runner", "fun": "manage.up"})).status == 401
    assert (await ann.post("/logout", {})).status == 401


async def test_a_command_is_asked_with_the_token_of_the_session(ann, door):
    door.says["publish"] = lambda _question: returns(web1=True)
    answer = await ann.post("/", [{"client": "local", "tgt": "*", "fun": "test.ping"}])
    assert answer.ret == [{"web1": True}]
    question, credentials, place = door.asked[-1]
    assert (question["tgt"], question["fun"], place) == ("*", "test.ping", "192.0.2.7")
    assert credentials == {"token": ann.headers["x-auth-token"]}


async def test_the_returns_of_a_whole_fleet_are_written(ann, door):
    fleet = {f"web{number}": {"os": "Debian"} for number in range(1000)}
    door.says["publish"] = lambda _question: returns(**fleet)
    chunk = {"client": "local", "tgt": "*", "fun": "grains.items"}
    assert (await ann.post("/", chunk)).ret == [fleet]
    assert (await ann.post("/", chunk, accept="image/png")).status == 406


@pytest.mark.parametrize("token", ["", "ab" * 32, "no hex", "é" * 64])
async def test_nobody_runs_commands_without_a_session(client, token):
    answer = await client.post("/", {"client": "runner", "fun": "manage.up"}, x_auth_token=token)
    assert answer.status == 401


@pytest.mark.parametrize(
    ("error", "status"),
    [(Denied("Authorization error occurred."), 401), (MasterUnreachable(UNREACHABLE), 503)],
)
async def test_what_the_door_says_becomes_a_status(ann, door, error, status):
    door.says["publish"] = [error]
    answer = await ann.post("/", {"client": "local", "tgt": "*", "fun": "test.ping"})
    assert (answer.status, answer.json) == (status, {"status": status, "return": str(error)})


async def test_whom_the_master_does_not_know_any_more_has_no_session(ann, door):
    door.says["publish"] = [Unauthenticated()]
    chunk = {"client": "local", "tgt": "*", "fun": "test.ping"}
    assert (await ann.post("/", chunk)).status == 401
    door.says["publish"] = lambda _question: returns(web1=True)
    assert (await ann.post("/", chunk)).ret == "No valid session: please log in"


async def test_a_token_in_a_body_that_is_none_ends_no_session(ann, door):
    door.says["whoami"] = [Unauthenticated()]
    chunk = {"client": "local", "tgt": "*", "fun": "test.ping", "token": "cd" * 32}
    assert (await ann.post("/run", chunk)).status == 401
    door.says["publish"] = lambda _question: returns(web1=True)
    assert (await ann.post("/", chunk)).status == 200


async def test_commands_are_done_in_their_order(ann, door):
    door.says["publish"] = lambda question: returns(web1=question["fun"])
    door.says["runner"] = [
        {"started": {"jid": "20261122124204617324", "tag": "salt/run/20261122124204617324"}},
        {"progress": {}},
        {"result": {"return": ["web1"], "retcode": 0, "success": True}},
    ]
    chunks = [
        {"client": "local", "tgt": "*", "fun": "test.ping"},
        {"client": "runner", "fun": "manage.up"},
        {"client": "local", "tgt": "*", "fun": "test.version"},
    ]
    answer = await ann.post("/", chunks)
    assert answer.ret == [{"web1": "test.ping"}, ["web1"], {"web1": "test.version"}]


# -- commands that say who asks -----------------------------------------------------------------------------------------


async def test_run_asks_with_a_token_of_its_own_that_is_gone_afterwards(client, door):
    door.says["publish"] = lambda _question: returns(web1=True)
    answer = await client.post("/run", {"client": "local", "tgt": "*", "fun": "test.ping", **LOGIN})
    assert answer.ret == [{"web1": True}]
    assert not answer.cookie
    ((_question, credentials, _place),) = [row for row in door.asked if row[0]["op"] == "publish"]
    assert credentials.keys() == {"token"}
    assert not door.valid


async def test_several_commands_of_one_person_are_one_login(client, door):
    door.says["publish"] = lambda _question: returns(web1=True)
    chunk = {"client": "local", "tgt": "*", "fun": "test.ping", **LOGIN}
    assert (await client.post("/run", [chunk, chunk, chunk])).ret == [{"web1": True}] * 3
    assert len(door.questions("mk_token")) == 1


async def test_run_takes_a_token_and_looks_at_no_session(ann, door):
    door.says["publish"] = lambda _question: returns(web1=True)
    chunk = {"client": "local", "tgt": "*", "fun": "test.ping"}
    assert (await ann.post("/run", chunk)).status == 401
    assert (await ann.post("/run", {**chunk, "token": "cd" * 32})).ret == [{"web1": True}]
    assert door.asked[-1][1] == {"token": "cd" * 32}


@pytest.mark.parametrize("chunk", [{}, {"token": "no hex"}, {"username": "ann"}, {**LOGIN, "password": "guessed"}])
async def test_run_is_401_for_whoever_is_nobody(client, door, chunk):
    answer = await client.post("/run", {"client": "local", "tgt": "*", "fun": "test.ping", **chunk})
    assert answer.status == 401
    assert not door.questions("publish")


async def test_a_token_is_made_by_a_runner_that_must_be_granted(client, door):
    made = {"start": 1.0, "expire": 2.0, "name": "ann", "eauth": "pam", "token": "cd" * 32, "groups": ["ops"]}
    door.says["runner"] = [
        {"started": {"jid": "1", "tag": "salt/run/1"}},
        {"result": {"return": made, "retcode": 0, "success": True}},
    ]
    answer = await client.post("/token", LOGIN)
    assert answer.json == [{name: made[name] for name in ("start", "expire", "name", "eauth", "token")}]
    assert door.questions("runner")[0]["fun"] == "auth.mk_token"
    door.says["runner"] = [Denied("Authorization error occurred.")]
    assert (await client.post("/token", LOGIN)).status == 401


@pytest.mark.parametrize("body", [{"username": "ann", "eauth": "pam"}, [], {}, {"token": "cd" * 32}])
async def test_a_token_wants_name_password_and_backend(client, body):
    assert (await client.post("/token", body)).status == 400


# -- who guesses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/run", "/token", "/keys"])
async def test_whoever_guesses_has_to_wait_and_is_told_how_long(client, path, autojump_clock):
    wrong = {"client": "runner", "fun": "manage.up", "mid": "m1", **LOGIN, "password": "guessed"}
    assert [(await client.post(path, wrong)).status for _ in range(5)] == [401] * 5
    answer = await client.post(path, {**wrong, "password": PASSWORD})
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")
    assert "wait 10 s" in answer.ret


async def test_others_are_served_while_a_backend_takes_its_time(client, door, nursery, autojump_clock):
    async def slowly():
        await trio.sleep(20)
        return Unauthenticated()

    door.says["mk_token"] = [slowly]
    answers = []

    async def guess():
        answers.append((await client.post("/login", LOGIN)).status)

    for _ in range(3):
        nursery.start_soon(guess)
    await trio.testing.wait_all_tasks_blocked()
    assert (await client.get("/")).status == 200
    assert not answers
    await trio.sleep(21)
    assert answers == [401] * 3


async def test_a_master_that_is_away_makes_nobody_wait(client, door):
    door.says["mk_token"] = [MasterUnreachable(UNREACHABLE)] * 10
    assert [(await client.post("/login", LOGIN)).status for _ in range(8)] == [503] * 8


@pytest.mark.parametrize(
    ("acl", "address", "status"),
    [
        ({"ann": ("192.0.2.0/24",)}, "192.0.2.7", 200),
        ({"ann": ("192.0.2.0/24",)}, "198.51.100.1", 401),
        ({"ann": ("*",)}, "198.51.100.1", 200),
        ({"bob": ("*",)}, "192.0.2.7", 401),
        ({"*": ("192.0.2.7/32",)}, "192.0.2.7", 200),
        ({"*": ("*",), "ann": ("10.0.0.0/8",)}, "192.0.2.7", 401),
        ({}, "192.0.2.7", 200),
    ],
)
async def test_api_acl_says_from_where_a_name_may_sign_in(open_client, door, acl, address, status):
    answer = await open_client({"api_acl": acl}, address=address).post("/login", LOGIN)
    assert answer.status == status
    assert bool(door.questions("mk_token")) is (status == 200)


@pytest.mark.parametrize(("allowed", "status"), [(False, 401), (True, 200)])
async def test_root_signs_in_by_its_password_only_where_that_is_wanted(open_client, door, allowed, status):
    client = open_client({"allow_root_login": allowed})
    assert (await client.post("/login", {**LOGIN, "username": "root"})).status == status
    assert bool(door.questions("mk_token")) is allowed


# -- the audit ------------------------------------------------------------------------------------------------------------


def audited(tmp_path):
    rows = [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("at", "session")} for row in rows]


async def test_logins_commands_and_refusals_are_audited_without_their_secrets(ann, door, tmp_path):
    door.says["publish"] = lambda _question: returns(web1=True)
    door.says["wheel"] = [Denied("Authorization error occurred.")]
    await ann.post("/", {"client": "local", "tgt": "web*", "fun": "cmd.run", "arg": ["echo hush"]})
    await ann.post("/", {"client": "wheel", "fun": "key.accept", "match": "m1"})
    await ann.post("/login", {**LOGIN, "password": "guessed"})
    await ann.post("/logout", {})
    who = {"user": "ann", "eauth": "pam", "address": "192.0.2.7"}
    rows = audited(tmp_path)
    for row in rows:
        row.pop("args_sha256", None)
    assert rows == [
        {"kind": "login", **who, "result": "ok"},
        {"kind": "command", **who, "client": "local", "fun": "cmd.run", "tgt": "web*", "tgt_type": "glob"},
        {"kind": "key", **who, "client": "wheel", "fun": "wheel.key.accept"},
        {"kind": "refused", **who, "client": "wheel", "fun": "wheel.key.accept"},
        {"kind": "login", **who, "result": "failed"},
        {"kind": "logout", **who},
    ]
    text = (tmp_path / "audit").read_text()
    for secret in ("hush", PASSWORD, "guessed", ann.headers["x-auth-token"]):
        assert secret not in text
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o600


async def test_an_audit_that_cannot_be_written_keeps_nobody_from_work(open_client, tmp_path):
    (tmp_path / "audit").mkdir()
    assert (await open_client().post("/login", LOGIN)).status == 200
