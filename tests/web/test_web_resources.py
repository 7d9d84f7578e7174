"""The convenience URLs: which command each of them is, and what its answer looks like."""

import io
import tarfile

import pytest

from tests.web.conftest import PASSWORD
from trisalt.errors import Denied

LOGIN = {"username": "ann", "password": PASSWORD, "eauth": "pam"}
JID = "20261122124352937094"


def returned(value, *, success=True):
    return [{"started": {"jid": JID, "tag": f"salt/run/{JID}"}}, {"result": {"return": value, "success": success}}]


def last(door, *keys):
    return {key: door.asked[-1][0][key] for key in keys}


@pytest.mark.parametrize(("path", "tgt"), [("/minions", "*"), ("/minions/web1", "web1")])
async def test_minions_are_their_grains(ann, door, path, tgt):
    door.says["publish"] = [
        {"published": {"jid": JID, "minions": ["web1"]}},
        {"return": {"id": "web1", "return": {"os": "Debian"}}},
        {"settled": {"missing": {}}},
    ]
    assert (await ann.get(path)).ret == [{"web1": {"os": "Debian"}}]
    assert last(door, "tgt", "fun") == {"tgt": tgt, "fun": "grains.items"}


async def test_a_minion_that_is_none_is_an_empty_map(ann, door):
    door.says["publish"] = [{"published": {"jid": None, "minions": []}}]
    answer = await ann.get("/minions/nosuch")
    assert (answer.status, answer.ret) == (200, [{}])


async def test_jobs_that_are_begun_are_202_and_say_where_they_are(ann, door):
    door.says["publish"] = [{"published": {"jid": JID, "minions": ["web1"]}}]
    # Whatever client it says: nobody waits here.
    answer = await ann.post("/minions", {"client": "runner", "tgt": "*", "fun": "test.ping"})
    assert answer.status == 202
    assert answer.json == {
        "return": [{"jid": JID, "minions": ["web1"]}],
        "_links": {"jobs": [{"href": f"/jobs/{JID}"}]},
    }
    assert last(door, "op", "follow") == {"op": "publish", "follow": False}


async def test_a_job_for_nobody_has_no_link(ann, door):
    door.says["publish"] = [{"published": {"jid": None, "minions": []}}]
    answer = await ann.post("/minions", {"tgt": "nosuch", "fun": "test.ping"})
    assert (answer.status, answer.json) == (202, {"return": [{}], "_links": {"jobs": []}})


async def test_jobs_are_listed_by_their_runner(ann, door):
    door.says["runner"] = returned({JID: {"Function": "test.ping"}})
    assert (await ann.get("/jobs")).ret == [{JID: {"Function": "test.ping"}}]
    assert last(door, "fun", "kwarg") == {"fun": "jobs.list_jobs", "kwarg": {}}


async def test_a_job_is_what_is_known_of_it_and_what_came_back(ann, door):
    told = {"jid": JID, "Function": "test.ping", "Result": {"web1": {"return": True, "retcode": 0}}}
    door.says["runner"] = returned(told)
    assert (await ann.get(f"/jobs/{JID}")).json == {"info": [told], "return": [{"web1": True}]}
    assert last(door, "fun", "kwarg") == {"fun": "jobs.list_job", "kwarg": {"jid": JID}}


async def test_a_job_that_is_none_is_200_and_says_so(ann, door):
    told = {"jid": "x", "Error": "Cannot contact returner or no job with this jid", "StartTime": "", "Result": {}}
    door.says["runner"] = returned(told)
    assert (await ann.get("/jobs/x")).json == {"info": [told], "return": [{}]}


async def test_keys_are_listed_and_fingerprinted(ann, door):
    door.says["wheel"] = returned({"minions": ["web1"]})
    assert (await ann.get("/keys")).ret == {"minions": ["web1"]}
    assert last(door, "fun") == {"fun": "key.list_all"}
    assert (await ann.get("/keys/web1")).ret == {"minions": ["web1"]}
    assert last(door, "fun", "kwarg") == {"fun": "key.finger", "kwarg": {"match": "web1"}}


async def test_a_new_pair_comes_as_an_archive(client, door):
    door.says["wheel"] = returned({"pub": "PUBLIC", "priv": "PRIVATE"})
    answer = await client.post("/keys", {"mid": "web9", "keysize": 2048, **LOGIN})
    assert answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["content-disposition"] == 'attachment; filename="saltkeys-web9.tar"'
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        held = {member.name: (tar.extractfile(member).read(), member.mode) for member in tar}
    assert held == {"minion.pub": (b"PUBLIC", 0o644), "minion.pem": (b"PRIVATE", 0o600)}
    ((question, _credentials, _place),) = [row for row in door.asked if row[0]["op"] == "wheel"]
    assert question["fun"] == "key.gen_accept"
    assert question["kwarg"] == {"id_": "web9", "keysize": 2048}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"mid": "web9"}, 401),
        ({"mid": "web9", **LOGIN, "password": "guessed"}, 401),
        ({**LOGIN}, 400),
        ({"mid": 'a"\r\nx: y', **LOGIN}, 400),
        ({"mid": "../../etc/passwd", **LOGIN}, 400),
        ("text", 400),
    ],
)
async def test_a_pair_is_made_for_an_id_and_for_whoever_shows_who_they_are(client, door, body, status):
    assert (await client.post("/keys", body)).status == status
    assert not door.questions("wheel")


@pytest.mark.parametrize("value", [{}, "a text of what went wrong"])
async def test_where_no_pair_was_made_it_is_said(client, door, value):
    door.says["wheel"] = returned(value, success=False)
    answer = await client.post("/keys", {"mid": "web9", **LOGIN})
    assert answer.status == 400
    assert "No pair was made for web9" in answer.ret


PATHS = [("/minions", "publish"), ("/jobs", "runner"), ("/jobs/x", "runner"), ("/keys", "wheel"), ("/keys/a", "wheel")]


@pytest.mark.parametrize(("path", "op"), PATHS)
async def test_an_address_is_for_whoever_may_run_what_it_stands_for(ann, client, door, path, op):
    door.says[op] = [Denied("Authorization error occurred.")]
    assert (await ann.get(path)).status == 401


@pytest.mark.parametrize(("path", "op"), PATHS)
async def test_nobody_reads_without_a_session(client, door, path, op):
    assert (await client.get(path)).status == 401
    assert not door.questions(op)


async def test_without_sessions_there_are_no_addresses_for_them(open_client):
    client = open_client({"enable_sessions": False})
    for path in ("/login", "/logout", "/minions", "/jobs"):
        assert (await client.post(path, {})).status == 404, path
    assert (await client.get("/")).status == 200


async def test_without_sessions_one_from_before_is_worth_nothing(open_client, door):
    token = (await open_client().post("/login", LOGIN)).ret[0]["token"]
    answer = await open_client({"enable_sessions": False}).post("/", {}, x_auth_token=token)
    assert answer.status == 401


async def test_a_client_that_is_not_enabled_serves_no_address(open_client, door):
    client = open_client({"clients": frozenset({"local"})})
    answer = await client.post("/login", LOGIN)
    client.headers["x-auth-token"] = answer.ret[0]["token"]
    assert (await client.get("/keys")).status == 400
    assert (await client.get("/jobs")).status == 400
