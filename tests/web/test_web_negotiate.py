"""What bodies are read as, what answers are written as, and the shape of errors."""

import datetime
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.web.conftest import PASSWORD
from trisalt.web.negotiate import JSON, YAML, accepted, dump, read_form

LOGIN = {"username": "ann", "password": PASSWORD, "eauth": "pam"}
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, json.dumps(LOGIN)),
        ("application/json; charset=utf-8", json.dumps(LOGIN)),
        ("text/plain;charset=UTF-8", json.dumps(LOGIN)),
        (YAML, yaml.safe_dump(LOGIN)),
        ("text/yaml", yaml.safe_dump([LOGIN])),
        (FORM, "username=ann&password=sesame&eauth=pam"),
        ("APPLICATION/JSON", json.dumps(LOGIN)),
    ],
)
async def test_a_body_is_read_by_its_type(client, kind, body):
    assert (await client.post("/login", body, content_type=kind)).status == 200


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/xml", "<a/>", 406),
        ("multipart/form-data; boundary=x", "--x--", 406),
        (JSON, "{broken", 400),
        (JSON, b"\xff\xfe", 400),
        (JSON, "[" * 100_000, 400),
        (JSON, "", 400),
        ("text/plain", "just text", 400),
        (YAML, "a: [", 400),
        (YAML, "!!python/object/apply:os.system ['true']", 400),
        (YAML, "&a [*a]", 400),
        (YAML, "&a [*a, *a]", 400),
        # Each line twice the one before; merged maps are so already while they are read.
        (YAML, "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)), 400),
        (
            YAML,
            "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
            400,
        ),
        (FORM, "&".join(f"k{n}=v" for n in range(2000)), 400),
        (FORM, "kwarg=[1]", 400),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(client, kind, body, status):
    assert (await client.post("/login", body, content_type=kind)).status == status


async def test_a_large_body_is_read_as_well(client):
    body = {**LOGIN, "further": ["x"] * 20_000}
    assert (await client.post("/login", body)).status == 200


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/x-yaml", YAML),
        ("text/yaml", YAML),
        ("application/x-yaml, application/json", YAML),
        ("application/x-yaml;q=0.5, application/json", JSON),
        ("text/html, application/x-yaml;q=0.1", YAML),
        ("application/json;q=0", None),
        ("application/json;q=x", None),
        ("image/png", None),
        ("text/html", None),
    ],
)
def test_the_client_says_what_it_is_answered_in(header, kind):
    assert accepted(header) == kind


async def test_an_answer_and_an_error_come_in_the_clients_type(client):
    told = await client.get("/", accept=YAML)
    assert told.headers["content-type"].startswith(YAML)
    assert yaml.safe_load(told.body)["return"] == "Welcome"
    error = await client.post("/", {"client": "runner", "fun": "manage.up"}, accept="text/yaml")
    assert yaml.safe_load(error.body) == {"status": 401, "return": "No valid session: please log in"}
    odd = await client.get("/", accept="image/png")
    assert (odd.status, odd.json["status"]) == (406, 406)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/", {"GET", "HEAD", "POST"}),
        ("GET", "/logout", {"POST"}),
        ("DELETE", "/login", {"GET", "HEAD", "POST"}),
        ("POST", "/jobs", {"GET", "HEAD"}),
        ("GET", "/run", {"POST"}),
        ("GET", "/token", {"POST"}),
    ],
)
async def test_a_method_that_is_not_there_is_405_and_says_which_are(client, method, path, allow):
    answer = await client.call(method, path)
    assert (answer.status, answer.json["status"]) == (405, 405)
    assert set(answer.headers["allow"].split(", ")) == allow


async def test_head_works_where_get_does(client):
    assert (await client.call("HEAD", "/")).status == 200
    assert (await client.call("HEAD", "/login")).status == 200


@pytest.mark.parametrize("path", ["/nosuch", "/keys/a/b", "/destroy"])
async def test_an_address_that_is_not_there_is_404(client, path):
    answer = await client.get(path)
    assert (answer.status, answer.json) == (404, {"status": 404, "return": "Not Found"})


# -- forms. Recorded from stock Salt 3008.3 ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("client=local&tgt=m1", {"client": "local", "tgt": "m1"}),
        ("arg=2", {"arg": [2]}),
        ("arg=2&arg=k=3&arg=x", {"arg": [2, "k=3", "x"]}),
        ("arg={a: 1}&arg=[1,2]&arg=true&arg=", {"arg": [{"a": 1}, [1, 2], True, ""]}),
        ("foo=2&foo=3", {"foo": ["2", "3"]}),
        ("foo=1&foo=2&foo=3", {"foo": ["1", "2", "3"]}),
        ("kwarg={a: 2}", {"kwarg": {"a": 2}}),
        ("kwarg=a=2&kwarg=b=x", {"kwarg": {"a": 2, "b": "x"}}),
        ("tgt=web%2A&fun=test.ping", {"tgt": "web*", "fun": "test.ping"}),
        ("tgt=a+b", {"tgt": "a b"}),
    ],
)
def test_a_form_is_read_as_a_command_line_is(text, fields):
    assert read_form(text) == fields


@given(st.dictionaries(st.sampled_from(["tgt", "fun", "foo"]), st.text(min_size=1), max_size=3))
def test_any_field_goes_through_a_form_unchanged(fields):
    from urllib.parse import urlencode

    assert read_form(urlencode(fields)) == fields


@given(st.binary(max_size=200))
def test_no_form_is_anything_but_read_or_refused(raw):
    try:
        assert isinstance(read_form(raw.decode("utf-8", "replace")), dict)
    except ValueError:
        pass


# -- what minions return may be anything that msgpack has ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": 1}, {"a": 1}),
        ({1: {2: 3}}, {"1": {"2": 3}}),
        ({None: 1, True: 2}, {"null": 1, "true": 2}),
        (b"bytes \xff", "bytes \ufffd"),
        (float("nan"), "nan"),
        ([float("inf"), 1.5], ["inf", 1.5]),
        ({"a": {1}}, {"a": [1]}),
        (datetime.datetime(2026, 11, 22), "2026-11-22T00:00:00"),
        ("\ud800", "\ud800"),
        (1 << 70, 1 << 70),
    ],
)
@pytest.mark.parametrize("kind", [JSON, YAML])
def test_every_value_can_be_written(value, shown, kind):
    packed = dump(value, kind)
    if kind == JSON:
        assert json.loads(packed) == shown
    else:
        assert yaml.safe_load(packed) is not None


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.binary(), inner),
    max_leaves=20,
)


@given(nested, st.sampled_from([JSON, YAML]))
def test_whatever_is_written_can_be_read_again(value, kind):
    packed = dump(value, kind)
    (json.loads if kind == JSON else yaml.safe_load)(packed)
