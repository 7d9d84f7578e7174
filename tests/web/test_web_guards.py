"""What stands before every handler: one test or table for each thing that is asked of the security of the web."""

import re

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.web.conftest import PASSWORD
from trisalt.web import guards
from trisalt.web.guards import BODY_S, CSP, LONGEST_HEAD, own_origin, within

LOGIN = {"username": "ann", "password": PASSWORD, "eauth": "pam"}
COMMAND = {"client": "runner", "fun": "manage.up"}
OWN, FOREIGN = "http://salt.test", "https://evil.example"


@pytest.fixture
def runs(door):
    door.says["runner"] = lambda _question: [
        {"started": {"jid": "1", "tag": "salt/run/1"}},
        {"result": {"return": ["web1"], "retcode": 0, "success": True}},
    ]


async def sign_in(client):
    answer = await client.post("/login", LOGIN)
    assert answer.status == 200, answer.body
    return answer.ret[0]["token"]


# -- the cookie ---------------------------------------------------------------------------------------------------------


def attributes(cookie):
    _value, *rest = [part.strip() for part in cookie.split(";")]
    return {part.partition("=")[0].lower(): part.partition("=")[2] for part in rest}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_cookie_is_for_this_site_and_for_no_script(open_client, scheme):
    answer = await open_client(scheme=scheme).post("/login", LOGIN)
    assert re.match(r"session_id=[0-9a-f]{64};", answer.cookie)
    found = attributes(answer.cookie)
    assert ("secure" in found) is (scheme == "https")
    found.pop("secure", None)
    assert found == {"httponly": "", "samesite": "strict", "path": "/", "max-age": "43200"}


async def test_the_cookie_is_for_the_path_that_we_have(open_client):
    client = open_client({"root_prefix": "/salt"})
    answer = await client.post("/salt/login", LOGIN)
    assert attributes(answer.cookie)["path"] == "/salt"
    assert (await client.get("/")).status == 404


async def test_each_login_is_a_new_session_whatever_the_client_shows(client):
    first = await sign_in(client)
    client.headers["cookie"] = f"session_id={first}"
    second = await sign_in(client)
    client.headers["cookie"] = f"session_id={'cd' * 32}"
    assert len({first, second, await sign_in(client), "cd" * 32}) == 4


async def test_nobody_else_is_given_a_cookie(client):
    for answer in (
        await client.get("/"),
        await client.post("/", COMMAND),
        await client.post("/login", {**LOGIN, "password": "guessed"}),
        await client.get("/nosuch"),
    ):
        assert not answer.cookie


async def test_the_header_goes_before_the_cookie(client, runs):
    token = await sign_in(client)
    assert (await client.post("/", COMMAND, cookie=f"session_id={token}")).status == 200
    assert (await client.post("/", COMMAND, cookie=f"session_id={token}", x_auth_token="cd" * 32)).status == 401


# -- forged requests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": OWN}, 200),
        ({"sec_fetch_site": "same-origin", "origin": OWN}, 200),
        ({"sec_fetch_site": "none"}, 200),
        ({"origin": FOREIGN}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://salt.test.evil.example"}, 403),
        ({"origin": "https://salt.test"}, 403),
        ({"origin": "http://salt.test:8080"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site", "origin": OWN}, 403),
        ({"sec_fetch_site": "cross-site", "origin": "https://ui.example"}, 200),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_what_another_site_sends_with_our_cookie_is_refused(open_client, runs, headers, status, kind):
    client = open_client({"cors_origins": ("https://ui.example",)})
    token = await sign_in(client)
    answer = await client.post("/", COMMAND, cookie=f"session_id={token}", content_type=kind, **headers)
    assert answer.status == status


@pytest.mark.parametrize(("origins", "status"), [((), 403), (("*",), 200), ((FOREIGN,), 200)])
async def test_no_other_site_signs_somebody_in(open_client, origins, status):
    answer = await open_client({"cors_origins": origins}).post("/login", LOGIN, origin=FOREIGN)
    assert answer.status == status


async def test_all_origins_are_none_for_a_cookie(open_client, runs):
    client = open_client({"cors_origins": ("*",)})
    token = await sign_in(client)
    assert (await client.post("/", COMMAND, cookie=f"session_id={token}", origin=FOREIGN)).status == 403
    assert (await client.post("/", COMMAND, x_auth_token=token, origin=FOREIGN)).status == 200


async def test_reading_is_never_forged(client):
    token = await sign_in(client)
    assert (await client.get("/", cookie=f"session_id={token}", origin=FOREIGN)).status == 200


# -- other origins ------------------------------------------------------------------------------------------------------


def allowed(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize(
    ("origins", "origin", "granted"),
    [
        ((), FOREIGN, {}),
        (("https://ui.example",), FOREIGN, {}),
        (("https://ui.example",), "https://ui.example.evil.example", {}),
        (("https://ui.example",), "https://ui.example", {"origin": "https://ui.example", "credentials": "true"}),
        (("*",), FOREIGN, {"origin": "*"}),
        (("*", "https://ui.example"), "https://ui.example", {"origin": "https://ui.example", "credentials": "true"}),
        (("*",), "*", {"origin": "*"}),
    ],
)
async def test_other_origins_are_those_that_are_named(open_client, origins, origin, granted):
    client = open_client({"cors_origins": origins})
    answer = await client.get("/", origin=origin)
    told = {
        name: answer.headers[f"access-control-allow-{name}"]
        for name in ("origin", "credentials")
        if f"access-control-allow-{name}" in answer.headers
    }
    assert told == granted
    assert ("origin" in answer.headers.get("vary", "").lower()) is bool(origins)


async def test_a_preflight_is_204_and_says_what_may_be_sent(open_client):
    client = open_client({"cors_origins": ("https://ui.example",)})
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "x-auth-token"}
    answer = await client.call("OPTIONS", "/", origin="https://ui.example", **asks)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-headers"] == "Content-Type, X-Auth-Token, X-Requested-With"
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert not allowed(await client.call("OPTIONS", "/", origin=FOREIGN, **asks))


# -- headers of every answer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("path", ["/", "/nosuch", "/jobs"])
async def test_every_answer_has_the_headers_of_security(open_client, scheme, path):
    answer = await open_client(scheme=scheme).get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["permissions-policy"] == ""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert ("strict-transport-security" in answer.headers) is (scheme == "https")
    assert "x-salt-version" not in answer.headers


def test_pages_of_ours_run_no_inline_script_and_take_no_text_for_markup():
    assert "unsafe" not in CSP
    for part in ("default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in CSP
    assert "require-trusted-types-for 'script'" in CSP


# -- who may knock ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "forwarded", "trusted", "status"),
    [
        ("192.0.2.7", "", (), 200),
        ("198.51.100.1", "", (), 403),
        ("198.51.100.1", "192.0.2.7", (), 403),
        ("10.0.0.1", "192.0.2.7", ("10.0.0.0/8",), 200),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), 403),
        ("10.0.0.1", "192.0.2.7, 198.51.100.1", ("10.0.0.0/8",), 403),
        ("10.0.0.1", "198.51.100.1, 192.0.2.7, 10.0.0.2", ("10.0.0.0/8",), 200),
        ("10.0.0.1", "192.0.2.7, rubbish", ("10.0.0.0/8",), 403),
        ("198.51.100.1", "192.0.2.7", ("10.0.0.0/8",), 403),
        ("::ffff:192.0.2.7", "", (), 200),
        ("", "", (), 403),
    ],
)
async def test_authorized_ips_are_those_of_the_peer_or_of_what_a_trusted_proxy_says(
    open_client, address, forwarded, trusted, status
):
    client = open_client({"authorized_ips": ("192.0.2.0/24",), "trusted_proxies": trusted}, address=address)
    headers = {"x_forwarded_for": forwarded} if forwarded else {}
    assert (await client.get("/", **headers)).status == status


@pytest.mark.parametrize(("trusted", "secure"), [((), False), (("192.0.2.7/32",), True)])
async def test_only_a_trusted_proxy_says_that_it_is_tls(open_client, trusted, secure):
    answer = await open_client({"trusted_proxies": trusted}).post("/login", LOGIN, x_forwarded_proto="https")
    assert ("secure" in attributes(answer.cookie)) is secure


def test_an_address_that_is_none_is_nowhere():
    assert not within("", ())
    assert not within("unix:", ())


def test_a_browser_calls_us_by_scheme_and_host():
    headers = [(b"host", b"salt.test:8000")]
    assert own_origin({"type": "http", "scheme": "https", "headers": headers}) == "https://salt.test:8000"
    assert own_origin({"type": "websocket", "scheme": "wss", "headers": headers}) == "https://salt.test:8000"


# -- limits -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_above_the_limit_is_413(open_client, told):
    client = open_client({"max_request_body_size": 1000})
    raw = b"x" * 1001
    headers = {"host": "salt.test", "content-type": "application/json"} | ({"content-length": "1001"} if told else {})
    answer = await client.send("POST", "/login", raw, headers)
    assert (answer.status, answer.json["status"]) == (413, 413)


@pytest.mark.parametrize(("path", "headers"), [("/", {"x_long": "a" * LONGEST_HEAD}), ("/?" + "a" * LONGEST_HEAD, {})])
async def test_a_head_above_the_limit_is_431(client, path, headers):
    answer = await client.get(path, **headers)
    assert (answer.status, answer.json["status"]) == (431, 431)


async def test_bodies_of_strangers_wait_in_bounded_memory(monkeypatch, open_client, nursery):
    monkeypatch.setattr(guards, "MOST_OF_STRANGERS", 2500)
    client = open_client({"max_request_body_size": 1000})
    rest, said = trio.Event(), dict[int, int]()

    async def come(number):
        pieces = 0

        async def receive():
            nonlocal pieces
            pieces += 1
            if pieces == 1:
                return {"type": "http.request", "body": b"[" + b" " * 899, "more_body": True}
            await rest.wait()
            return {"type": "http.request", "body": b"]", "more_body": False}

        headers = {"host": "salt.test", "content-type": "application/json"}
        said[number] = (await client.send("POST", "/login", b"", headers, receive=receive)).status

    for number in range(2):
        nursery.start_soon(come, number)
    await wait_all_tasks_blocked()
    await come(2)
    assert said == {2: 503}

    rest.set()
    with trio.fail_after(30):
        while len(said) < 3:
            await wait_all_tasks_blocked(0.01)
    await come(3)
    assert 503 not in (said[0], said[1], said[3])


async def test_a_body_that_does_not_come_is_408(open_client, autojump_clock):
    told = []

    async def receive():
        if not told:
            told.append("a first piece")
            return {"type": "http.request", "body": b"{", "more_body": True}
        await trio.sleep_forever()

    answer = await open_client().send("POST", "/login", b"", {"host": "salt.test"}, receive=receive)
    assert (answer.status, answer.json["status"]) == (408, 408)
    assert trio.current_time() == pytest.approx(BODY_S)


async def test_more_than_a_hundred_commands_are_400(client, runs):
    client.headers["x-auth-token"] = await sign_in(client)
    assert (await client.post("/", [COMMAND] * 101)).status == 400
    assert (await client.post("/", [COMMAND] * 100)).status == 200


# -- tokens, and what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/?token={}", "/?session_id={}", "/{}"])
async def test_a_token_in_an_address_is_worth_nothing(client, runs, path):
    token = await sign_in(client)
    assert (await client.post(path.format(token), COMMAND)).status in (401, 404)


async def test_neither_tokens_nor_queries_are_logged(open_client, tmp_path, capsys):
    client = open_client({"log_access_file": str(tmp_path / "access")})
    client.headers["x-auth-token"] = await sign_in(client)
    await client.get("/?secret=hush")
    await client.get(f"/ws/{client.headers['x-auth-token']}")
    await client.post("/logout", {})
    text = (tmp_path / "access").read_text()
    assert [line.split('"')[1] for line in text.splitlines()] == [
        "POST /login HTTP/1.1",
        "GET / HTTP/1.1",
        "GET /ws/******** HTTP/1.1",
        "POST /logout HTTP/1.1",
    ]
    assert text.splitlines()[1].startswith("192.0.2.7 - ann [")
    printed = capsys.readouterr()
    for secret in (client.headers["x-auth-token"], "hush", PASSWORD):
        assert secret not in text + printed.out + printed.err


async def test_a_line_of_the_log_is_one_line_whatever_is_asked_for(open_client, tmp_path):
    client = open_client({"log_access_file": str(tmp_path / "access")})
    await client.get('/a\n127.0.0.1 - root "GET /"')
    assert len((tmp_path / "access").read_text().splitlines()) == 1


async def test_a_bug_of_ours_is_500_and_says_nothing(client, door):
    door.says["runner"] = [{"started": {}}]
    client.headers["x-auth-token"] = await sign_in(client)
    answer = await client.post("/", COMMAND)
    assert (answer.status, answer.json["status"]) == (500, 500)
    assert "KeyError" not in answer.body.decode()


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/minions/", "/minions"),
        ("/jobs/?limit=2", "/jobs?limit=2"),
        # Two slashes would begin another host's name.
        ("//minions/", None),
    ],
)
@pytest.mark.parametrize("claims", [{}, {"x_forwarded_proto": "https", "x_forwarded_host": "evil.test"}], ids=str)
async def test_a_slash_too_many_leads_on_by_the_path_alone_whatever_headers_say(client, path, there, claims):
    answer = await client.get(path, accept="application/json", **claims)
    assert answer.headers.get("location") == there
    assert (answer.status in (307, 308)) is (there is not None)
