"""`/api/v1`: what each endpoint asks the master, what it answers, and that the OpenAPI document tells the truth."""

import json
import re
from functools import partial
from urllib.parse import quote, urlencode

import jsonschema
import pytest
import schemathesis
import trio
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds

from tests.support.asgi import Client
from tests.web.conftest import PASSWORD
from trisalt.errors import Denied, NotFound, TargetError, Unauthenticated
from trisalt.web.app import make_app
from trisalt.web.context import make_web
from trisalt.web.endpoints import ENDPOINTS
from trisalt.web.openapi import document
from trisalt.web.sessions import Sessions

JOB = {
    "jid": "20261122124204617323",
    "fun": "test.ping",
    "arg": [],
    "tgt": "*",
    "tgt_type": "glob",
    "user": "ann",
    "start": 1.5,
    "end": None,
    "state": "running",
    "minions": 2,
    "ok": 1,
    "changed": 0,
    "failed": 0,
    "missing": 1,
    "duration": None,
}


@pytest.mark.parametrize(
    ("path", "question"),
    [
        ("minions", {"op": "minions"}),
        ("minions?q=os:Debian%20up&sort=-os&limit=7&fields=os,a.b&cursor=x",
         {"op": "minions", "q": "os:Debian up", "sort": "-os", "limit": 7, "fields": ["os", "a.b"], "cursor": "x"}),
        ("minions/web1", {"op": "minion", "id": "web1"}),
        ("jobs?user=ann&fun=test.*&state=failed&since=1.5&housekeeping=0",
         {"op": "jobs", "user": "ann", "fun": "test.*", "state": "failed", "since": 1.5, "housekeeping": 0}),
        ("jobs/20261122124204617323", {"op": "job", "jid": "20261122124204617323"}),
        ("jobs/7/returns?failed=1&id=web1", {"op": "returns", "jid": "7", "failed": 1, "id": "web1"}),
        ("keys?status=pending&q=web", {"op": "keys", "status": "pending", "q": "web"}),
        ("docs?q=ping", {"op": "docs", "q": "ping"}),
        ("docs/runner.jobs.list_jobs", {"op": "docs", "fun": "runner.jobs.list_jobs"}),
        ("overview", {"op": "overview"}),
        ("issues", {"op": "issues"}),
        ("compliance?state=failed", {"op": "compliance", "state": "failed"}),
        ("compliance/web1", {"op": "differences", "id": "web1"}),
        ("me/prefs", {"op": "prefs"}),
        ("me/factor", {"op": "factor", "act": "status"}),
        ("minions/web1/events?tag=salt/*&since=1&limit=9", {"op": "minion_events", "id": "web1", "tag": "salt/*", "since": 1.0, "limit": 9}),
        ("events/kept?filter=x&minion=web1&since=2", {"op": "kept_events", "filter": "x", "minion": "web1", "since": 2.0}),
        ("jobs/7/events?until=2.5&cursor=x", {"op": "job_events", "jid": "7", "until": 2.5, "cursor": "x"}),
        ("approvals?state=waiting&limit=5", {"op": "approvals", "state": "waiting", "limit": 5}),
        ("reactors?tag=salt/auth", {"op": "reactors", "tag": "salt/auth"}),
    ],
)  # fmt: skip
async def test_an_endpoint_asks_the_master_one_question_in_the_users_name(ann, door, path, question):
    door.says[question["op"]] = [{question["op"]: {"items": ["x"]}}]
    door.asked.clear()
    answer = await ann.get(f"/api/v1/{path}")
    assert (answer.status, answer.json) == (200, {"items": ["x"]})
    assert door.asked == [(question, {"token": ann.headers["x-auth-token"]}, "192.0.2.7")]


@pytest.mark.parametrize(
    ("method", "path", "body", "question"),
    [
        ("POST", "target/preview", {"tgt": "web*", "fun": "test.ping"},
         {"op": "preview", "tgt": "web*", "fun": "test.ping"}),
        ("PUT", "me/prefs", {"theme": "dark"}, {"op": "prefs", "put": {"theme": "dark"}}),
        ("POST", "permissions/explain", {"user": "bob", "fun": "cmd.run", "arg": ["id"], "tgt": None},
         {"op": "explain", "user": "bob", "fun": "cmd.run", "arg": ["id"]}),
        ("POST", "approvals", {"fun": "pkg.install", "tgt": "web*", "why": "x"},
         {"op": "ask_approval", "fun": "pkg.install", "tgt": "web*", "why": "x"}),
        ("POST", "approvals/ab12", {"approve": True, "note": "y"},
         {"op": "decide", "id": "ab12", "approve": True, "note": "y"}),
        ("POST", "reactors/try", {"tag": "a/b", "data": {"x": 1}},
         {"op": "try_reactors", "tag": "a/b", "data": {"x": 1}}),
        ("POST", "me/factor", {"password": "x"}, {"op": "factor", "act": "begin", "password": "x"}),
        ("PUT", "me/factor", {"code": "123456"}, {"op": "factor", "act": "confirm", "code": "123456"}),
        ("POST", "me/factor/remove", {"password": "x", "code": "1"},
         {"op": "factor", "act": "remove", "password": "x", "code": "1"}),
    ],
)  # fmt: skip
async def test_a_body_is_a_part_of_the_question(ann, door, method, path, body, question):
    door.says[question["op"]] = [{question["op"]: {}}]
    answer = await ann.call(method, f"/api/v1/{path}", body)
    assert answer.status == 200, answer.body
    assert door.questions(question["op"]) == [question]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "minions?limit=0", None),
        ("GET", "minions?limit=1001", None),
        ("GET", "minions?limit=many", None),
        ("GET", "minions?what=1", None),
        ("GET", f"minions?q={'x' * 5000}", None),
        ("GET", "jobs?since=nan", None),
        ("GET", "jobs?since=1e999", None),
        ("GET", "jobs/7/returns?failed=2", None),
        ("GET", "me/prefs?x=1", None),
        ("POST", "target/preview", ["web*"]),
        ("POST", "target/preview", {"tgt": "*", "op": "publish"}),
        ("POST", "target/preview", {"tgt": "*", "credentials": {"token": "x"}}),
        ("PUT", "me/prefs", "text"),
    ],
)
async def test_a_question_that_means_nothing_is_not_asked(ann, door, method, path, body):
    door.asked.clear()
    answer = await ann.call(method, f"/api/v1/{path}", body)
    assert (answer.status, answer.json["status"]) == (400, 400)
    assert door.asked == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Denied("The user ann may not do this"), 403),
        (Unauthenticated(), 401),
        (NotFound("There is no minion 'x'"), 404),
        (TargetError("os: is without a value"), 400),
    ],
)
async def test_what_the_master_says_no_to_has_its_status(ann, door, error, status):
    door.says["minions"] = [error]
    answer = await ann.get("/api/v1/minions")
    assert (answer.status, answer.json) == (status, {"status": status, "return": str(error)})


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if not each.public], ids=lambda each: each.name)
async def test_nobody_is_told_anything_who_has_not_signed_in(client, door, endpoint):
    path = re.sub(r"\{\w+\}", "x", f"/api/v1{endpoint.path}")
    answer = await client.call(endpoint.method, path, {"tgt": "*"} if endpoint.body else None)
    assert (answer.status, door.asked) == (401, [])


async def test_a_method_that_there_is_not_is_refused(ann):
    answer = await ann.post("/api/v1/minions", {})
    assert (answer.status, sorted(answer.headers["allow"].split(", "))) == (405, ["GET", "HEAD"])


async def test_who_has_an_answer_already_is_told_so(ann, door):
    door.says["overview"] = [{"overview": {"minions": 1}}]
    first = await ann.get("/api/v1/overview")
    again = await ann.get("/api/v1/overview", if_none_match=f'"other", {first.headers["etag"]}')
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    door.says["overview"] = [{"overview": {"minions": 2}}]
    other = await ann.get("/api/v1/overview", if_none_match=first.headers["etag"])
    assert (other.status, other.json) == (200, {"minions": 2})


async def test_what_was_returned_is_data_and_nothing_else(ann, door):
    value = {"<img onerror=alert(1)>": b"\xff\x00", "nan": float("nan"), "deep": {1: ("a", None)}}
    door.says["returns"] = [{"returns": {"items": [{"id": "web1", "return": value}], "next": None, "total": 1}}]
    answer = await ann.get("/api/v1/jobs/7/returns")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json["items"][0]["return"]["deep"] == {"1": ["a", None]}


async def test_one_signs_in_and_out_here_too(client):
    signed_in = await client.post("/api/v1/session", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    token = signed_in.ret[0]["token"]
    assert (await client.get("/api/v1/session", x_auth_token=token)).status == 200
    assert (await client.call("DELETE", "/api/v1/session", x_auth_token=token)).status == 200
    assert (await client.get("/api/v1/session", x_auth_token=token)).status == 401


# -- what is answered here -------------------------------------------------------------------------------------------


async def test_the_session_tells_who_one_is_and_what_there_is(open_client, door, settings):
    door.says["whoami"] = lambda _question: [
        {"whoami": {"name": "ann", "admin": False, "rows": [".*"], "rooms": ["events"], "master": "m1"}}
    ]
    opts = {"nodegroups": {"webs": "web*"}, "console_motd": "hello", "console_confirm_above": 7}
    client = open_client({"opts": opts})
    answer = await client.get("/api/v1/session")
    assert answer.status == 401
    assert (answer.json["eauths"], answer.json["motd"]) == (["pam"], "hello")
    signed_in = await client.post("/login", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    client.headers["x-auth-token"] = signed_in.ret[0]["token"]
    session = (await client.get("/api/v1/session")).json
    jsonschema.validate(session, resolved("session"))
    assert (session["user"], session["eauth"], session["perms"], session["admin"]) == ("ann", "pam", [".*"], False)
    assert (session["master"], session["confirm_above"], session["features"]["nodegroups"]) == ("m1", 7, ["webs"])
    assert "local_async" in session["features"]["clients"]
    assert client.headers["x-auth-token"] not in answer.body.decode() + json.dumps(session)


async def test_templates_of_both_names_are_told_as_commands(open_client):
    opts = {
        "saltgui_templates": {
            "ping": {"target": "web*", "command": "test.ping", "category": "simple", "key": "p"},
            "jobs": {"command": "runners.jobs.active", "description": "What runs"},
            "broken": {"command": "test.echo 'open"},
            "none": {},
            "text": "x",
        },
        "console_templates": {
            "ping": {"target": "os:Debian", "targettype": "grain", "command": "test.echo hello number=7"},
            "keys": {"command": "wheel.key.list_all", "categories": ["keys", "all"]},
        },
    }
    client = open_client({"opts": opts})
    signed_in = await client.post("/login", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    told = (await client.get("/api/v1/templates", x_auth_token=signed_in.ret[0]["token"])).json
    items = told["items"]
    assert told["broken"] == [
        {"name": "broken", "error": "Its command cannot be read: No closing quotation."},
        {"name": "none", "error": "It has no command."},
        {"name": "text", "error": "A template is a map with a command."},
    ]
    assert [(item["name"], item["client"], item["fun"]) for item in items] == [
        ("jobs", "runner_async", "jobs.active"),
        ("keys", "wheel_async", "key.list_all"),
        ("ping", "local_async", "test.echo"),
    ]
    assert items[0]["description"] == "What runs"
    assert items[1]["categories"] == ["keys", "all"]
    assert (items[2]["arg"], items[2]["kwarg"]) == (["hello"], {"number": 7})
    assert (items[2]["tgt"], items[2]["tgt_type"]) == ("os:Debian", "grain")


async def test_a_template_is_filled_by_values_that_fit_its_parameters(open_client):
    row = {"target": "{m}", "command": "test.echo {t}", "parameters": [{"name": "m", "type": "minion"}, {"name": "t"}]}
    client = open_client({"opts": {"console_templates": {"say": row}}})
    signed_in = await client.post("/login", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    who = {"x_auth_token": signed_in.ret[0]["token"]}
    filled = await client.post("/api/v1/templates/say", {"values": {"m": "web1", "t": "a=b"}}, **who)
    assert filled.json == {
        **{"client": "local_async", "fun": "test.echo", "tgt": "web1", "tgt_type": "glob"},
        **{"arg": ["a=b"], "kwarg": {}},
    }
    refused = await client.post("/api/v1/templates/say", {"values": {"m": "web1", "x": 1}}, **who)
    assert (refused.status, refused.ret) == (400, "There is no parameter x: m, t")
    assert (await client.post("/api/v1/templates/say", {"values": [1]}, **who)).status == 400
    assert (await client.post("/api/v1/templates/nosuch", {}, **who)).status == 404
    assert (await client.post("/api/v1/templates/say", {})).status == 401


async def test_who_did_what_is_told_to_who_is_granted_that_newest_first(ann, door):
    who = {"name": "ann", "eauth": "pam", "groups": [], "admin": False, "rows": [".*"]}
    assert (await ann.get("/api/v1/audit")).status == 403
    door.says["whoami"] = lambda _question: [{"whoami": {**who, "rooms": ["audit"]}}]
    for number in range(3):
        await ann.post("/login", {"username": f"u{number}", "password": "guessed", "eauth": "pam"})
    page = (await ann.get("/api/v1/audit?limit=2")).json
    jsonschema.validate(page, resolved("audit"))
    assert len(page["items"]) == 2
    assert page["items"][0]["at"] >= page["items"][1]["at"]
    assert "guessed" not in str(page)
    rest = (await ann.get(f"/api/v1/audit?cursor={page['next']}")).json
    assert rest["next"] is None
    assert (await ann.get("/api/v1/audit?cursor=x")).status == 400


async def test_what_one_does_about_a_second_factor_is_audited_without_what_is_secret(ann, door):
    door.says["factor"] = lambda _question: [{"factor": {"backup": ["aaaaa-bbbbb"]}}]
    await ann.call("PUT", "/api/v1/me/factor", {"code": "314159"})
    (row,) = ann.web.audit.page(1)[0]
    assert (row["kind"], row["act"], row["user"]) == ("factor", "confirm_factor", "ann")
    assert not any(secret in str(row) for secret in ("314159", "aaaaa"))
    door.says["factor"] = lambda _question: [Denied("The password, or the code, is wrong")]
    refused = await ann.post("/api/v1/me/factor", {"password": "guessed"})
    assert (refused.status, (await ann.get("/api/v1/session")).status) == (403, 200)


# -- the document ----------------------------------------------------------------------------------------------------


def resolved(name):
    """A shape with all that it refers to."""
    shapes = document()["components"]["schemas"]
    return {**shapes[name], "components": {"schemas": shapes}}


async def test_the_document_is_told_to_anybody_and_names_every_endpoint(open_client):
    client = open_client({"root_prefix": "/salt"})
    answer = await client.get("/salt/api/v1/openapi.json")
    assert answer.json["servers"] == [{"url": "/salt"}]
    assert {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, found in answer.json["paths"].items()
        for method in found
    } == {(each.method, each.path) for each in ENDPOINTS}


def test_the_document_is_one():
    schemathesis.openapi.from_dict(document()).validate()


OPERATIONS = [each for each in ENDPOINTS if each.op or each.name in ("templates", "fill_template", "openapi")]


@pytest.mark.parametrize("endpoint", OPERATIONS, ids=lambda each: each.name)
def test_what_the_document_allows_is_answered_as_it_says(endpoint, settings, door, tmp_path):
    """Questions made by the document's rules, and some that break them; no answer is of a shape that it does not name."""
    schema = schemathesis.openapi.from_dict(document())
    sessions = Sessions(tmp_path / "sessions", clock=lambda: 2000.0)
    sessions.add("cd" * 32, user="ann", eauth="pam", start=1.0, expire=3000.0)
    # Nothing that is asked here outlives its request.
    client = Client(make_app(make_web(settings, door, sessions, None)), x_auth_token="cd" * 32)
    operation = schema[f"/api/v1{endpoint.path}"][endpoint.method]
    door.says[endpoint.op] = [{endpoint.op: {"items": [], "next": None, "total": 0}}]

    @given(case=operation.as_strategy())
    @bounds(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def held(case):
        answer = trio.run(partial(client.call, *_request(case), content_type="application/json"))
        statuses = document()["paths"][f"/api/v1{endpoint.path}"][endpoint.method.lower()]["responses"]
        assert str(answer.status) in statuses, answer.body
        if answer.status != 200:
            jsonschema.validate(answer.json, resolved("error"))

    held()


def _request(case):
    """Method, path and body of a question that was made."""
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    query = urlencode({name: str(value) for name, value in (case.query or {}).items()}, errors="replace")
    body = case.body if isinstance(case.body, dict | list | str | int | float | bool) else None
    return case.method.upper(), f"{path}?{query}" if query else path, None if body is None else json.dumps(body)


async def test_answers_of_the_master_fit_the_document():
    """The shapes that views give are held against the document where they are made: here, the one of a job."""
    jsonschema.validate(JOB, resolved("job"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**JOB, "state": "odd"}, resolved("job"))
