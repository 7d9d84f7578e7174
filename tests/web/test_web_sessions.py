"""Sessions: what is kept of them, for how long, and that they end for everybody at once."""

import json
import stat

import pytest
import trio

from tests.support.clock import Clock
from trisalt.web import sessions as keeping
from trisalt.web.sessions import Sessions

TOKEN = "ab" * 32


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "api" / "sessions"


def add(sessions, token=TOKEN, expire=2000.0):
    return sessions.add(token, user="ann", eauth="pam", start=1000.0, expire=expire, perms=[".*"], peer="192.0.2.7")


async def test_a_session_is_found_by_its_id_alone(path, clock):
    sessions = Sessions(path, clock=clock)
    session = add(sessions)
    found = sessions.find(TOKEN)
    assert found is session
    assert (found.user, found.perms, found.credentials) == ("ann", [".*"], {"token": TOKEN})
    for other in (session.id_digest, TOKEN.upper(), TOKEN[:-1], "", "cd" * 32):
        assert sessions.find(other) is None


async def test_sessions_outlive_their_service_and_their_ids_are_nowhere(path, clock):
    sessions = Sessions(path, clock=clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        add(sessions)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    text = path.read_text()
    assert TOKEN not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    again = Sessions(path, clock=clock).find(TOKEN)
    assert (again.user, again.eauth, again.peer, again.credentials) == ("ann", "pam", "192.0.2.7", {"token": TOKEN})


async def test_what_has_changed_is_written_at_the_end_too(path, clock):
    sessions = Sessions(path, clock=clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        add(sessions)
        nursery.cancel_scope.cancel()
    assert len(Sessions(path, clock=clock)) == 1


async def test_a_session_that_is_dropped_is_over_at_once_for_all_who_watch(path, clock):
    sessions = Sessions(path, clock=clock)
    session = add(sessions)
    sessions.drop(session)
    assert session.ended.is_set()
    assert sessions.find(TOKEN) is None
    sessions.drop(session)


async def test_a_session_ends_when_its_time_has_come(path, clock, nursery, autojump_clock):
    sessions = Sessions(path, clock=clock)
    await nursery.start(sessions.run)
    session = add(sessions, expire=1500.0)
    clock.now = 1500.0
    assert sessions.find(TOKEN) is None
    with trio.fail_after(keeping.LOOK_EVERY_S + 1):
        await session.ended.wait()
    assert len(sessions) == 0


async def test_of_too_many_the_oldest_goes(path, clock, monkeypatch):
    monkeypatch.setattr(keeping, "MOST", 2)
    sessions = Sessions(path, clock=clock)
    first, *_rest = [add(sessions, f"{number:064x}") for number in range(3)]
    assert first.ended.is_set()
    assert len(sessions) == 2


@pytest.mark.parametrize(
    "text", ["", "garbage", "{}", "[1]", "[{}]", json.dumps([{"id_digest": "x", "user": "ann", "nosuch": 1}])]
)
async def test_a_file_that_cannot_be_read_is_no_session_and_no_failure(path, clock, text):
    path.parent.mkdir()
    path.write_text(text)
    assert len(Sessions(path, clock=clock)) == 0


async def test_what_had_expired_meanwhile_is_not_taken_up(path, clock):
    sessions = Sessions(path, clock=clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        add(sessions, expire=1500.0)
        nursery.cancel_scope.cancel()
    clock.now = 1501.0
    assert len(Sessions(path, clock=clock)) == 0


async def test_a_file_that_cannot_be_written_keeps_nobody_out(tmp_path, clock, nursery, autojump_clock):
    (tmp_path / "api").write_text("a file where a folder should be")
    sessions = Sessions(tmp_path / "api" / "sessions", clock=clock)
    await nursery.start(sessions.run)
    add(sessions)
    await trio.sleep(1)
    assert sessions.find(TOKEN) is not None
