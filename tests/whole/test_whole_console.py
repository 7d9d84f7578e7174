"""What a console is told, through a real salt-api by a real master: by whom it asks, and as it happens."""

from __future__ import annotations

import contextlib
import json
import subprocess

import jsonschema
import pytest
import requests

from tests.support.debian import need
from tests.support.lab import free_ports, open_lab
from trisalt.web.endpoints import ENDPOINTS
from trisalt.web.openapi import document

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

RULES = {
    "ann": [".*", "@runner", "@wheel", "@jobs"],
    "web": [{"web*": ["test.*"]}],
}


@pytest.fixture(scope="module")
def lab():
    need("curl")
    with open_lab() as lab:
        (lab.api,) = free_ports(1)
        web = {"external_auth": {"auto": RULES}, "rest_trisalt": {"port": lab.api}, "totp": True}
        lab.start_master(**web, nodegroups={"webs": "web*"})
        for id in ("web1", "db1"):
            lab.start_minion(id)
        lab.accept("web1", "db1")
        lab.wait_up("web1", "db1")
        lab.wait(lambda: lab._answers(lab.api), "salt-api")
        lab.url = f"http://127.0.0.1:{lab.api}"
        yield lab


@pytest.fixture
def who(lab):
    def signed_in(name):
        client = requests.Session()
        login = {"username": name, "password": "x", "eauth": "auto"}
        answer = client.post(f"{lab.url}/login", json=login, timeout=30)
        client.headers["X-Auth-Token"] = answer.json()["return"][0]["token"]
        client.cookies.clear()
        return client

    return signed_in


def run(client, lab, tgt, fun="test.ping", **more):
    answer = client.post(lab.url, json={"client": "local", "tgt": tgt, "fun": fun, **more}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["return"][0]


@pytest.mark.parametrize("name", ["ann", "web"])
def test_every_answer_is_of_the_shape_that_the_document_says(lab, who, name):
    client = who(name)
    ann = who("ann")
    run(ann, lab, "*")
    run(ann, lab, "*", "state.apply", kwarg={"test": True})
    (newest, *_rest) = ann.get(f"{lab.url}/api/v1/jobs?fun=test.*", timeout=30).json()["items"]
    values = {"{id}": "web1", "{jid}": newest["jid"], "{fun}": "test.ping"}
    shapes = {"components": document()["components"]}
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET" or endpoint.stream:
            continue
        path = endpoint.path
        for field, value in values.items():
            path = path.replace(field, value)
        answer = client.get(f"{lab.url}/api/v1{path}", timeout=30)
        forbidden = name == "web" and endpoint.name in ("audit", "keys", "job", "returns", "job_events", "reactors")
        assert answer.status_code in ((403, 404) if forbidden else (200,)), (path, answer.text)
        if not forbidden:
            jsonschema.validate(answer.json(), {**endpoint.answer, **shapes})


def test_a_user_is_shown_the_minions_and_jobs_that_they_may_address(lab, who):
    ann, web = who("ann"), who("web")
    run(ann, lab, "*")
    mine = run(web, lab, "web1")
    assert mine == {"web1": True}
    assert [item["id"] for item in web.get(f"{lab.url}/api/v1/minions", timeout=30).json()["items"]] == ["web1"]
    jobs = web.get(f"{lab.url}/api/v1/jobs", timeout=30).json()["items"]
    assert {(item["user"], item["tgt"]) for item in jobs} == {("web", "web1")}
    overview = web.get(f"{lab.url}/api/v1/overview", timeout=30).json()
    assert (overview["minions"]["up"], overview["keys"]) == (1, None)
    preview = {"tgt": "N@webs or db*", "tgt_type": "compound", "fun": "test.ping"}
    found = web.post(f"{lab.url}/api/v1/target/preview", json=preview, timeout=30).json()
    assert (found["ids"], found["total"], found["allowed"]) == (["web1"], 2, False)


@contextlib.contextmanager
def listening(lab, client, path):
    """The lines of a stream, by curl."""
    token = f"X-Auth-Token: {client.headers['X-Auth-Token']}"
    argv = ["curl", "-sN", "--max-time", "60", "-H", token, f"{lab.url}{path}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as stream:
        assert stream.stdout.readline() == "retry: 400\n"
        yield stream.stdout
        stream.terminate()


def until(lines, tag):
    """The tags of a stream's events up to one that ends so, and the last id."""
    tags, last = [], ""
    for line in lines:
        if line.startswith("id: "):
            last = line.removeprefix("id: ").strip()
        if line.startswith("data: "):
            tags.append(json.loads(line.removeprefix("data: "))["tag"])
            if tags[-1].endswith(tag):
                return tags, last
    raise AssertionError(f"the stream ended before {tag}: {tags}")


def test_events_are_told_as_they_happen_to_who_may_see_them(lab, who):
    ann, web = who("ann"), who("web")
    with listening(lab, web, "/events") as few, listening(lab, ann, "/api/v1/events?tag=salt/job/*/ret/*") as all_:
        run(ann, lab, "db1")
        run(ann, lab, "web1")
        seen, _last = until(few, "/ret/web1")
        assert [tag.rsplit("/", 1)[1] for tag in seen if tag.startswith("salt/job")] == ["new", "publish", "web1"]
        told, last = until(all_, "/ret/web1")
        assert [tag.rsplit("/", 1)[1] for tag in told] == ["db1", "web1"]
    run(ann, lab, "db1", "test.version")
    ann.headers["Last-Event-ID"] = last
    with requests.get(f"{lab.url}/api/v1/events", headers=dict(ann.headers), stream=True, timeout=30) as answer:
        again, _last = until((line.decode() for line in answer.iter_lines()), "/ret/db1")
    assert sum(tag.endswith("/ret/db1") for tag in again) == 1
    assert not [tag for tag in again if tag.endswith("/ret/web1")]


def test_a_stream_ends_when_its_user_signs_out(lab, who):
    ann = who("ann")
    with listening(lab, ann, "/events") as lines:
        assert ann.post(f"{lab.url}/logout", json={}, timeout=30).status_code == 200
        assert "data:" not in lines.read()
    assert ann.get(f"{lab.url}/api/v1/session", timeout=30).status_code == 401


def test_a_hook_is_an_event_without_the_token_of_who_posts(lab, who):
    ann, web = who("ann"), who("web")
    with listening(lab, ann, "/api/v1/events?tag=salt/netapi/*") as lines:
        assert web.post(f"{lab.url}/hook/x", json={"a": 1}, timeout=30).status_code == 401
        assert ann.post(f"{lab.url}/hook/x", json={"a": 1}, timeout=30).json() == {"success": True}
        line = next(line for line in lines if line.startswith("data: "))
    assert ann.headers["X-Auth-Token"] not in line
    assert json.loads(line.removeprefix("data: "))["data"]["post"] == {"a": 1}
