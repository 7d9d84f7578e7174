"""Logins and commands of the REST API: what clients of stock Salt send, and what they are told."""

import pytest

from tests.web.conftest import PASSWORD
from trisalt.client.door import UNREACHABLE, MasterUnreachable
from trisalt.errors import Denied

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
