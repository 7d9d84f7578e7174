"""The console without scripts."""

import re

import pytest

from tests.web.conftest import PASSWORD
from trisalt.errors import Denied

FORM = "application/x-www-form-urlencoded"
MINION = {"id": "<img src=x onerror=alert(1)>", "status": "up", "address": "10.0.0.1", "os": "Debian", "version": None}
JOB = {
    "start": 0.0,
    "jid": "20261122124204617323",
    "fun": "test.ping",
    "tgt": ["a", "b&"],
    "user": "ann",
    "state": "done",
}


@pytest.fixture
async def signed(client):
    """A client whose cookie is that of a session, as a browser without scripts has it."""
    body = f"username=ann&password={PASSWORD}&eauth=pam"
    answer = await client.post("/app/plain", body, content_type=FORM)
    assert (answer.status, answer.headers["location"]) == (303, "/app/plain/minions")
    client.headers["cookie"] = answer.cookie.partition(";")[0]
    return client


async def test_the_page_with_scripts_leads_there_who_has_none(client):
    page = (await client.get("/app")).body.decode()
    assert re.search(r'<noscript><meta http-equiv="refresh" content="0; url=/app/plain">', page)


async def test_signing_in_is_a_form_that_needs_no_script(client):
    page = await client.get("/app/plain")
    assert page.status == 200
    assert b'<form class="stack" method="post" action="/app/plain">' in page.body
    assert b"<script" not in page.body
    assert "form-action 'self'" in page.headers["content-security-policy"]


async def test_a_wrong_password_is_told_in_the_form(client):
    answer = await client.post("/app/plain", "username=ann&password=wrong&eauth=pam", content_type=FORM)
    assert answer.status == 401
    assert b"User name or password is wrong" in answer.body
    assert not answer.cookie


async def test_minions_are_a_table_and_what_they_say_is_text(signed, door):
    door.says["minions"] = [{"minions": {"items": [MINION], "next": "a b", "total": 2}}]
    page = (await signed.get("/app/plain/minions")).body.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert 'href="/app/plain/minions?cursor=a%20b"' in page


async def test_jobs_are_a_table(signed, door):
    door.says["jobs"] = [{"jobs": {"items": [JOB], "next": None, "total": 1}}]
    page = (await signed.get("/app/plain/jobs")).body.decode()
    assert "1970-01-01 00:00:00 UTC" in page
    assert "a, b&amp;" in page
    assert "Next page" not in page


async def test_what_may_not_be_seen_is_said(signed, door):
    door.says["jobs"] = [Denied("nothing is granted to you")]
    page = await signed.get("/app/plain/jobs")
    assert page.status == 401
    assert b"nothing is granted to you" in page.body


async def test_nobody_sees_a_list_without_signing_in(client):
    for name in ("minions", "jobs"):
        answer = await client.get(f"/app/plain/{name}")
        assert (answer.status, answer.headers["location"]) == (303, "/app/plain")


async def test_signing_out_ends_the_session(signed):
    answer = await signed.post("/app/plain/out")
    assert (answer.status, answer.headers["location"]) == (303, "/app/plain")
    assert (await signed.get("/app/plain/minions")).headers["location"] == "/app/plain"
