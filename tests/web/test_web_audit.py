"""The audit's file: its lines, and its pages from the newest on."""

import pytest
import structlog
import trio
import trio.testing

from tests.web.conftest import PASSWORD
from trisalt.client.door import MasterUnreachable
from trisalt.errors import Denied
from trisalt.web import audit as auditing
from trisalt.web.audit import Audit


@pytest.fixture
def audit(tmp_path):
    return Audit(str(tmp_path), clock=lambda: 1000.0)


def pages(audit, limit):
    """All rows, page by page."""
    found, before = [], None
    while True:
        rows, before = audit.page(limit, before)
        found.append([row["n"] for row in rows])
        if before is None:
            return found


@pytest.mark.parametrize("window", [120, 256 * 1024])
def test_pages_go_from_the_newest_to_the_oldest_without_a_gap(audit, monkeypatch, window):
    monkeypatch.setattr(auditing, "WINDOW", window)
    for n in range(1, 8):
        audit.tell("command", n=n)
    assert [n for page in pages(audit, 3) for n in page] == [7, 6, 5, 4, 3, 2, 1]


def test_an_audit_of_nothing_is_an_empty_page(audit):
    assert audit.page(10) == ([], None)


def test_a_line_that_is_none_is_passed_over(audit):
    audit.tell("command", n=1)
    with audit.path.open("a") as file:
        file.write("garbage\n")
    audit.tell("command", n=2)
    assert pages(audit, 10) == [[2, 1]]


def test_a_long_value_is_cut(audit):
    audit.tell("command", fun="x" * 9999, tgt=["m"] * 99)
    ((row,), _before) = audit.page(10)
    assert len(row["fun"]) < 600
    assert row["tgt"][-1] == "… 79 more"


# -- events --------------------------------------------------------------------------------------------------------------


async def fired(web, door, count, *, says=lambda _question: [{"ok": True}]):
    """Tags and data of so many events that the master was given."""
    done = trio.Event()
    asked = []

    def fire(question):
        asked.append((question["tag"], question["data"]))
        if len(asked) == count:
            done.set()
        return says(question)

    door.says["fire"] = fire
    async with trio.open_nursery() as nursery:
        nursery.start_soon(web.audit.tell_bus, door)
        with trio.fail_after(20):
            await done.wait()
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return asked


async def test_who_comes_and_goes_and_what_keys_do_is_told_on_the_bus_without_a_secret(client, door):
    web = client.web
    await client.post("/login", {"username": "ann", "password": "guessed", "eauth": "pam"})
    signed_in = await client.post("/login", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    token = signed_in.ret[0]["token"]
    door.says["wheel"] = lambda _question: [
        {"started": {"jid": "1", "tag": "t"}},
        {"result": {"return": {}, "success": True}},
    ]
    door.says["publish"] = lambda _question: [Denied("no")]
    for chunk in (
        {"client": "wheel", "fun": "key.accept", "match": "web1"},
        {"client": "local_async", "fun": "cmd.run", "tgt": "*", "arg": ["echo hidden"]},
    ):
        await client.post("/", [chunk], x_auth_token=token)
    await client.post("/logout", {}, x_auth_token=token)
    events = await fired(web, door, 5)
    assert [(tag, data.get("result"), data.get("fun")) for tag, data in events] == [
        ("trisalt/audit/login", "failed", None),
        ("trisalt/audit/login", "ok", None),
        ("trisalt/audit/key", None, "wheel.key.accept"),
        ("trisalt/audit/refused", None, "cmd.run"),
        ("trisalt/audit/logout", None, None),
    ]
    assert {data["user"] for _tag, data in events} == {"ann"}
    assert not any(secret in str(events) for secret in ("guessed", PASSWORD, token, "hidden"))
    # As the account that this runs under, and not as whoever it is about.
    assert {str(shown) for question, shown, _place in door.asked if question["op"] == "fire"} == {"None"}


async def test_a_master_that_is_away_or_refuses_is_told_of_the_next_one(client, door):
    errors = [Denied("no"), Denied("no"), MasterUnreachable("gone")]
    for name in ("a", "b", "c", "d"):
        client.web.audit.tell("login", user=name)
    with structlog.testing.capture_logs() as logs:
        events = await fired(client.web, door, 4, says=lambda _question: [errors.pop(0)] if errors else [{"ok": True}])
    assert [data["user"] for _tag, data in events] == ["a", "b", "c", "d"]
    assert [(entry["log_level"], entry["event"]) for entry in logs if entry["event"].startswith("audit")] == [
        ("warning", "audit.not_told"),
        ("debug", "audit.not_told"),
    ]


def test_a_flood_of_events_waits_within_bounds_and_stands_in_the_file(audit):
    for n in range(auditing.WAITING + 5):
        audit.tell("login", n=n)
    assert sum(len(page) for page in pages(audit, 100)) == auditing.WAITING + 5
