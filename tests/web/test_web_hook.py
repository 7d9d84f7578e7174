"""Webhooks: what is posted is an event, without what proves who posted it."""

import pytest

from tests.web.conftest import PASSWORD, TOKEN
from trisalt.errors import Denied


@pytest.fixture(autouse=True)
def _fires(door):
    door.says["fire"] = [{"ok": True}]


def fired(door):
    (question,) = door.questions("fire")
    return question


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("/hook/a/b", "salt/netapi/hook/a/b"),
        ("/hook", "salt/netapi/hook"),
        ("/hook/a/", "salt/netapi/hook/a"),
        ("/hook/../salt/auth", "salt/netapi/hook/../salt/auth"),
    ],
)
async def test_what_is_posted_is_an_event_under_its_path(ann, door, path, tag):
    answer = await ann.post(path, {"a": 1})
    assert (answer.status, answer.json) == (200, {"success": True})
    assert fired(door)["tag"] == tag


@pytest.mark.parametrize(
    ("body", "kind", "post"),
    [
        ('{"a": [1]}', "application/json", {"a": [1]}),
        ("a=1&b=x", "application/x-www-form-urlencoded", {"a": "1", "b": "x"}),
        ("a: 1", "application/x-yaml", {"a": 1}),
        ("{broken", "application/json", {}),
        ("<x/>", "text/xml", {}),
    ],
)
async def test_the_body_is_told_as_text_and_as_what_can_be_read_of_it(ann, door, body, kind, post):
    answer = await ann.post("/hook/x", body, content_type=kind)
    assert answer.status == 200
    assert (fired(door)["data"]["body"], fired(door)["data"]["post"]) == (body, post)


async def test_what_proves_who_somebody_is_is_told_to_nobody(ann, door):
    secret = {"cookie": "session_id=abc", "authorization": "Bearer abc", "proxy_authorization": "Basic abc"}
    await ann.post("/hook/x", "{}", x_github_event="push", **secret)
    headers = fired(door)["data"]["headers"]
    assert headers["X-Github-Event"] == "push"
    assert not {name.lower() for name in headers} & {"x-auth-token", *(name.replace("_", "-") for name in secret)}
    assert ann.headers["x-auth-token"] not in str(fired(door))


async def test_who_may_not_fire_is_told_so_and_who_is_nobody_too(ann, client, door):
    door.says["fire"] = [Denied("The user ann may not do this")]
    assert (await ann.post("/hook/x", {})).status == 401
    ann.headers.clear()
    assert (await client.post("/hook/x", {})).status == 401
    assert len(door.questions("fire")) == 1


async def test_anybody_may_where_the_operator_wants_it_so_and_in_nobodys_name(open_client, door):
    client = open_client({"webhook_disable_auth": True, "webhook_url": "/in"})
    answer = await client.post("/in/x", {}, x_auth_token=TOKEN)
    assert answer.status == 200
    assert [credentials for question, credentials, _place in door.asked if question["op"] == "fire"] == [None]
    assert (await client.post("/hook/x", {})).status == 404


@pytest.mark.parametrize("path", ["/hook/" + "x" * 300, "/hook/a\x00b"])
async def test_a_path_that_is_no_tag_is_refused(ann, door, path):
    assert (await ann.post(path, {})).status == 400
    assert not door.questions("fire")


async def test_a_hook_is_posted_to_and_not_read(ann):
    answer = await ann.get("/hook/x")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


# -- /stats ----------------------------------------------------------------------------------------------------------


async def test_figures_are_for_who_is_granted_them(ann, client, door):
    who = {"name": "ann", "eauth": "pam", "groups": [], "admin": False, "rows": [".*"]}
    door.says["whoami"] = [{"whoami": who}]
    assert (await ann.get("/stats")).status == 401
    door.says["whoami"] = [{"whoami": {**who, "rooms": ["stats"]}}]
    found = (await ann.get("/stats")).json
    told = found["CherryPy Applications"]
    assert (told["Current Requests"], told["Total Requests"]) == (1, 3)
    assert told["Total Bytes Read"] > 0
    assert told["Total Bytes Written"] > 0
    assert found["trisalt"]["sessions"] == 1
    ann.headers.clear()
    assert (await client.get("/stats")).status == 401


async def test_figures_are_for_anybody_where_the_operator_wants_it_so(open_client, door):
    assert (await open_client({"stats_disable_auth": True}).get("/stats")).status == 200
    assert door.asked == []


async def test_a_request_that_fails_is_counted_and_over(open_client, door):
    client = open_client({"stats_disable_auth": True})
    signed_in = await client.post("/login", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    door.says["overview"] = [RuntimeError("a bug")]
    assert (await client.get("/api/v1/overview", x_auth_token=signed_in.ret[0]["token"])).status == 500
    found = (await client.get("/stats")).json
    assert (found["CherryPy Applications"]["Current Requests"], found["trisalt"]["errors"]) == (1, 1)
