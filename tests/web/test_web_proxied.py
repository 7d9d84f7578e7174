"""Signing in by what a trusted proxy says: for its own connections, of one name, and through the same gate."""

import pytest

from trisalt.errors import Denied, Unauthenticated

PROXY = {"trusted_proxies": ("10.0.0.0/8",), "proxy_user_header": "X-Forwarded-User", "proxy_groups_header": "X-Groups"}
LOGIN = {"eauth": "proxy"}


@pytest.fixture(autouse=True)
def _vouches(door):
    def vouch(question):
        if question["username"] == "eve":
            return [Unauthenticated()]
        token = "ef" * 32
        return [
            {"token": {"token": token, "start": 1.0, "expire": 5e9, "name": question["username"], "eauth": "proxy"}}
        ]

    door.says["vouch"] = vouch


async def test_who_a_trusted_proxy_names_is_signed_in_with_their_groups(open_client, door):
    client = open_client(PROXY, address="10.1.2.3")
    headers = {"x_forwarded_user": "ann", "x_groups": "ops, web,,", "x_forwarded_for": "192.0.2.9"}
    assert (await client.get("/api/v1/session", **headers)).json["proxy"] is True
    answer = await client.post("/login", LOGIN, **headers)
    assert (answer.status, answer.ret[0]["user"], "session_id" in answer.cookie) == (200, "ann", True)
    ((question, credentials, place),) = [each for each in door.asked if each[0]["op"] == "vouch"]
    assert question == {"op": "vouch", "eauth": "proxy", "username": "ann", "groups": ["ops", "web"]}
    assert (credentials, place) == (None, "192.0.2.9")
    assert (await client.get("/api/v1/session", x_auth_token=answer.ret[0]["token"])).status == 200


@pytest.mark.parametrize(
    ("changes", "address", "headers"),
    [
        (PROXY, "192.0.2.7", {"x_forwarded_user": "ann"}),
        # A stranger who says that they were forwarded by a proxy.
        (PROXY, "192.0.2.7", {"x_forwarded_user": "ann", "x_forwarded_for": "10.1.2.3"}),
        (PROXY, "10.1.2.3", {}),
        (PROXY, "10.1.2.3", {"x_forwarded_user": "  "}),
        (PROXY, "10.1.2.3", {"x_remote_user": "ann"}),
        (PROXY, "10.1.2.3", {"x_forwarded_user": "eve"}),
        ({**PROXY, "proxy_user_header": ""}, "10.1.2.3", {"x_forwarded_user": "ann"}),
        ({**PROXY, "trusted_proxies": ()}, "10.1.2.3", {"x_forwarded_user": "ann"}),
        ({**PROXY, "api_acl": {"ann": ("192.0.2.0/24",)}}, "10.1.2.3", {"x_forwarded_user": "ann"}),
    ],
)
async def test_nobody_else_says_who_they_are(open_client, door, changes, address, headers):
    client = open_client(changes, address=address)
    answer = await client.post("/login", LOGIN, **headers)
    assert (answer.status, answer.cookie) == (401, "")


async def test_two_names_are_none(open_client, door):
    client = open_client(PROXY, address="10.1.2.3")
    client.headers |= {"x-forwarded-user": "ann", "X-Forwarded-User": "root"}
    assert (await client.post("/login", LOGIN)).status == 401
    assert door.questions("vouch") == []


async def test_a_page_of_another_site_signs_nobody_in(open_client):
    client = open_client(PROXY, address="10.1.2.3")
    answer = await client.post("/login", LOGIN, x_forwarded_user="ann", origin="https://evil.example")
    assert answer.status == 403


async def test_who_is_granted_nothing_is_not_let_in(open_client, door):
    door.rows = []
    client = open_client(PROXY, address="10.1.2.3")
    assert (await client.post("/login", LOGIN, x_forwarded_user="ann")).status == 401
    door.says["vouch"] = lambda _question: [Denied("no")]
    assert (await client.post("/login", LOGIN, x_forwarded_user="ann")).status == 401
