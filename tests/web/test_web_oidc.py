"""Signing in by OpenID Connect, at a provider on loopback: there, back, and what is not believed."""

import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import trio

from tests.support.provider import CLIENT, SECRET, open_provider
from trisalt.errors import ConfigError, Unauthenticated
from trisalt.web.oidc import KEYS_AGAIN_S, OidcSettings, read_oidc
from trisalt.web.signon import COOKIE

TOKEN = "ef" * 32


@pytest.fixture
def provider():
    with open_provider() as opened:
        yield opened


@pytest.fixture
def opened(open_client, door, provider):
    door.says["vouch"] = lambda question: [
        {"token": {"token": TOKEN, "start": 1.0, "expire": 5e9, "name": question["username"], "eauth": "oidc"}}
    ]

    def opening(changes=None, **more):
        oidc = OidcSettings(
            issuer=provider.issuer,
            client_id=CLIENT,
            client_secret=SECRET,
            public_url="http://salt.test",
            name="Example",
            **more,
        )
        return open_client({"oidc": oidc, **(changes or {})})

    return opening


@pytest.fixture
def client(opened):
    return opened()


def cookies(answer):
    """By name, of several in one answer."""
    rows = [value for name, value in answer.headers.items() if name == "set-cookie"]
    return {row.partition("=")[0]: row.partition("=")[2] for row in rows}


async def begin(client, path="/oidc/login"):
    """Where the provider sends the browser back to, and the cookie that it has meanwhile."""
    answer = await client.get(path)
    assert answer.status == 303
    there = answer.headers["location"]
    sent = await trio.to_thread.run_sync(lambda: requests.get(there, allow_redirects=False, timeout=30))
    return sent.headers["location"].removeprefix("http://salt.test"), cookies(answer)[COOKIE].partition(";")[0]


async def sign_in(client, path="/oidc/login"):
    back, cookie = await begin(client, path)
    return await client.get(back, cookie=f"{COOKIE}={cookie}")


async def test_who_the_provider_knows_is_signed_in_with_their_groups(client, door):
    answer = await sign_in(client, "/oidc/login?next=/app/minions?q=up")
    assert (answer.status, answer.headers["location"]) == (303, "/app/minions?q=up")
    ((question, credentials, place),) = [each for each in door.asked if each[0]["op"] == "vouch"]
    assert question == {"op": "vouch", "eauth": "oidc", "username": "ann", "groups": ["ops", "web"]}
    assert (credentials, place) == (None, "192.0.2.7")
    given = cookies(answer)
    assert given["session_id"].startswith(TOKEN)
    assert "HttpOnly" in given["session_id"]
    assert "SameSite=strict" in given["session_id"]
    # The one of the login under way is no more; and the token stands in nothing that a script reads, nor in an address.
    assert given[COOKIE].startswith('""')
    assert "x-auth-token" not in answer.headers
    assert TOKEN not in answer.headers["location"]
    assert (await client.get("/api/v1/session", cookie=f"session_id={TOKEN}")).json["eauth"] == "oidc"


async def test_the_session_tells_where_to_sign_in(client):
    told = (await client.get("/api/v1/session")).json
    assert told["oidc"] == {"name": "Example", "url": "/oidc/login"}


async def test_a_browser_is_sent_with_a_challenge_and_a_cookie_for_this_way_only(client, provider):
    answer = await client.get("/oidc/login")
    address = urlsplit(answer.headers["location"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/authorize"
    assert query["redirect_uri"] == "http://salt.test/oidc/callback"
    assert (query["scope"], query["code_challenge_method"]) == ("openid profile email", "S256")
    cookie = cookies(answer)[COOKIE]
    assert {"HttpOnly", "Path=/oidc", "SameSite=lax", "Max-Age=600"} <= {each.strip() for each in cookie.split(";")}
    assert SECRET not in answer.headers["location"]
    # What is sealed there is nobody's to read.
    assert not any(query[name] in cookie for name in ("state", "nonce"))


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/app/jobs", "/app/jobs"),
        ("/app", "/app"),
        ("", "/app"),
        ("/application", "/app"),
        ("/stats", "/app"),
        ("https://evil.example/app/", "/app"),
        ("//evil.example/app/", "/app"),
        ("/app/\\evil.example", "/app"),
        ("/app/../stats", "/app"),
        ("/app/\r\nX: y", "/app"),
        ("/app/" + "x" * 3000, "/app"),
    ],
)
async def test_one_comes_back_to_the_console_and_nowhere_else(client, wanted, place):
    answer = await sign_in(client, f"/oidc/login?{urlencode({'next': wanted})}")
    assert answer.headers["location"] == place


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "not for us"),
        ({"aud": "other"}, "not for us"),
        ({"aud": [CLIENT, "other"]}, "another client"),
        ({"azp": "other"}, "another client"),
        ({"exp": NOW - 3600}, "not for now"),
        ({"exp": None}, "not for now"),
        ({"iat": None}, "not for now"),
        ({"sub": None}, "not for now"),
        ({"nonce": "guessed"}, "another login"),
        ({"nonce": None}, "another login"),
        ({"preferred_username": None}, "no claim preferred_username"),
        ({"preferred_username": ["ann"]}, "no claim preferred_username"),
    ],
)
async def test_a_token_that_is_not_for_us_is_not_believed(client, door, provider, claims, reason):
    provider.claims = claims
    await refused(client, door, reason)


async def refused(client, door, reason):
    answer = await sign_in(client)
    assert (answer.status, answer.headers["location"]) == (303, "/app?sso=failed")
    assert "session_id" not in cookies(answer)
    assert door.questions("vouch") == []
    (row,) = client.web.audit.page(1)[0]
    assert (row["kind"], row["result"]) == ("login", "failed")
    assert reason in row["reason"]
    assert SECRET not in str(row)


@pytest.mark.parametrize("sign", ["sign_unknown", "sign_with_secret", "sign_public", "sign_none"])
async def test_a_token_that_the_provider_did_not_sign_is_not_believed(client, door, provider, sign):
    provider.sign = getattr(provider, sign)
    await refused(client, door, "not signed by the provider")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"issuer": "https://evil.example"}, "another name"),
        ({"token_endpoint": "http://evil.example/token"}, "token_endpoint is no address"),
        ({"jwks_uri": None}, "jwks_uri is no address"),
    ],
)
async def test_a_provider_that_is_another_one_is_asked_nothing(client, door, provider, said, reason):
    provider.said = said
    answer = await client.get("/oidc/login")
    assert answer.headers["location"] == "/app?sso=failed"
    assert reason in client.web.audit.page(1)[0][0]["reason"]


async def test_a_provider_that_does_not_answer_as_one_is_told_so(open_client, client, provider):
    gone = OidcSettings(issuer="http://127.0.0.1:1", client_id=CLIENT, public_url="http://salt.test")
    for asked in (open_client({"oidc": gone}), client):
        provider.discovery = lambda: ["no", "provider"]
        assert (await asked.get("/oidc/login")).headers["location"] == "/app?sso=failed"
    assert "with no object" in client.web.audit.page(1)[0][0]["reason"]
    assert "cannot be asked" in client.web.audit.page(2)[0][1]["reason"]


async def test_a_login_belongs_to_the_browser_that_began_it_and_is_done_once(client, door):
    back, cookie = await begin(client)
    other, other_cookie = await begin(client)
    for shown in ({}, {"cookie": f"{COOKIE}={other_cookie}"}, {"cookie": f"{COOKIE}=made-up"}):
        answer = await client.get(back, **shown)
        assert answer.headers["location"] == "/app?sso=failed"
    assert door.questions("vouch") == []
    assert (await client.get(back, cookie=f"{COOKIE}={cookie}")).headers["location"] == "/app"
    # The provider takes no code twice.
    assert (await client.get(back, cookie=f"{COOKIE}={cookie}")).headers["location"] == "/app?sso=failed"
    assert other


@pytest.mark.parametrize("query", ["", "error=access_denied", "code=", "code=" + "x" * 3000])
async def test_who_comes_back_without_a_code_is_nobody(client, door, query):
    back, cookie = await begin(client)
    state = parse_qs(urlsplit(back).query)["state"][0]
    answer = await client.get(f"/oidc/callback?{query}&state={state}", cookie=f"{COOKIE}={cookie}")
    assert (answer.headers["location"], door.questions("vouch")) == ("/app?sso=failed", [])


async def test_keys_that_the_provider_has_changed_are_fetched_again_in_time(opened, provider, monkeypatch):
    monkeypatch.setattr("trisalt.web.oidc.KEYS_AGAIN_S", -1.0)
    client = opened()
    assert (await sign_in(client)).headers["location"] == "/app"
    provider.rotate()
    assert (await sign_in(client)).headers["location"] == "/app"
    assert provider.asked.count("/keys") >= 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    assert KEYS_AGAIN_S > 0


async def test_claims_may_have_other_names_and_an_address_is_to_be_verified(opened, door, provider):
    client = opened(username_claim="email", groups_claim="roles")
    provider.claims = {"email": "ann@example.org", "email_verified": False, "roles": "ops"}
    assert (await sign_in(client)).headers["location"] == "/app?sso=failed"
    provider.claims["email_verified"] = True
    await sign_in(client)
    (question,) = door.questions("vouch")
    assert (question["username"], question["groups"]) == ("ann@example.org", ["ops"])


async def test_whom_the_master_does_not_take_is_told_that_they_were_refused(client, door):
    door.says["vouch"] = lambda _question: [Unauthenticated()]
    answer = await sign_in(client)
    assert (answer.headers["location"], "session_id" in cookies(answer)) == ("/app?sso=refused", False)


async def test_a_secret_goes_into_the_form_where_the_provider_wants_it_so(client, provider):
    provider.said = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await sign_in(client)).headers["location"] == "/app"


async def test_there_is_no_such_way_where_no_provider_is_configured(open_client):
    assert (await open_client().get("/oidc/login")).status == 404
    assert "oidc" not in (await open_client().get("/api/v1/session")).json


GOOD = {"issuer": "https://id.example/realm", "client_id": "x", "public_url": "https://salt.example/"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "http://id.example"}, "issuer: an address of https"),
        ({"issuer": "https://u:p@id.example"}, "issuer: an address of https"),
        ({"public_url": "https://salt.example/app"}, "without a path"),
        ({"public_url": ""}, "public_url"),
        ({"client_id": ""}, "client_id is wanted"),
        ({"scopes": "openid"}, "scopes: a list"),
        ({"client_secret_file": "/nonexistent/secret"}, "No such file"),
        ({"clientid": "x"}, "clientid"),
    ],
)
def test_what_is_no_provider_is_told_at_the_start(changes, said):
    with pytest.raises(ConfigError, match="rest_trisalt: oidc") as caught:
        read_oidc("rest_trisalt", {**GOOD, **changes})
    assert said in str(caught.value)


def test_settings_are_read_with_the_secret_from_its_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    found = read_oidc("rest_trisalt", {**GOOD, "client_secret_file": str(path), "scopes": ["groups"]})
    assert (found.client_secret, found.scopes, found.public_url) == (
        SECRET,
        ("openid", "groups"),
        "https://salt.example",
    )
    assert SECRET not in repr(found)
    assert read_oidc("rest_trisalt", None) is None
