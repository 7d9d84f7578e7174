"""`trisalt.master.unchanged`: what was read of a folder's files is believed while the folder is the same."""

from __future__ import annotations

import os

import pytest

from tests.support.clock import Clock
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.master.unchanged import AGAIN_S, SETTLED_S, Unchanged
from trisalt.wire.keys import PrivateKey
from trisalt.wire.seal import Seal

NOW = 1_000_000_000.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m1").write_text("1")
    return tmp_path


@pytest.fixture
def settled(folder, clock):
    """A folder that has been the same for a while."""
    unchanged = Unchanged(folder, clock)
    unchanged.look()
    clock.now += SETTLED_S
    unchanged.look()
    unchanged.note("m1", "1")
    assert unchanged.found == {"m1": "1"}
    return unchanged


def test_what_is_noted_is_believed_while_the_folder_is_the_same(settled, clock):
    clock.now += AGAIN_S - 1
    settled.look()
    assert settled.found == {"m1": "1"}


def test_each_file_is_looked_at_again_after_a_minute(settled, clock):
    clock.now += AGAIN_S
    settled.look()
    assert settled.found == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "m2").write_text("2"),
        lambda folder: (folder / "m1").unlink(),
        lambda folder: (folder / "m1").rename(folder / "m3"),
        lambda folder: (folder.parent / "other").write_text("3") and os.replace(folder.parent / "other", folder / "m1"),
        lambda folder: folder.rename(folder.with_name("away")),
    ],
    ids=["made", "removed", "renamed", "replaced", "the folder itself has gone"],
)
def test_nothing_is_believed_after_a_change_of_the_folder(tmp_path, clock, change):
    inner = tmp_path / "keys"
    inner.mkdir()
    (inner / "m1").write_text("1")
    os.utime(inner, ns=(1, 1))
    unchanged = Unchanged(inner, clock)
    unchanged.look()
    clock.now += SETTLED_S
    unchanged.look()
    unchanged.note("m1", "1")
    change(inner)
    unchanged.look()
    assert unchanged.found == {}


def test_two_changes_within_one_tick_of_the_folder_s_clock_are_both_seen(settled, folder, clock):
    (folder / "m2").write_text("2")
    settled.look()
    # Whoever reads a file now may read it before the second change, which the folder's time would not tell.
    settled.note("m1", "1")
    clock.now += SETTLED_S / 2
    settled.look()
    settled.note("m1", "1")
    assert settled.found == {}


def test_a_folder_that_is_not_there_keeps_nothing(tmp_path, clock):
    unchanged = Unchanged(tmp_path / "none", clock)
    for _ in range(3):
        unchanged.look()
        unchanged.note("m1", "1")
        clock.now += AGAIN_S
    assert unchanged.found == {}


def settle(files, folder):
    """Have `files` see that their folder has not changed for a while."""
    os.utime(folder, ns=(1, 1))
    files.look()
    files._unchanged._until = 0
    files.look()


def test_a_key_that_was_removed_is_out_at_the_next_look(tmp_path):
    key = PrivateKey.generate(1024).public
    (tmp_path / "m1").write_text(key.pem)
    accepted = AcceptedKeys(tmp_path)
    settle(accepted, tmp_path)
    assert accepted.recent("m1") is accepted.recent("m1") is accepted.find("m1")
    (tmp_path / "m1").unlink()
    accepted.look()
    assert accepted.recent("m1") is None


def test_a_key_that_was_written_over_is_another_once_somebody_has_looked(tmp_path):
    keys = [PrivateKey.generate(1024).public for _ in range(2)]
    (tmp_path / "m1").write_text(keys[0].pem)
    accepted = AcceptedKeys(tmp_path)
    settle(accepted, tmp_path)
    assert accepted.recent("m1").pem == keys[0].pem
    (tmp_path / "m1").write_text(keys[1].pem)
    os.utime(tmp_path / "m1", ns=(2, 2))
    assert accepted.find("m1").pem == keys[1].pem
    accepted.look()
    assert accepted.recent("m1").pem == keys[1].pem


def test_a_session_ends_with_its_lifetime_though_nothing_changed(tmp_path):
    sessions = Sessions(tmp_path / "sessions", Seal(b"the master's"), lifetime=100)
    session = sessions.open("m1", now=NOW)
    os.utime(tmp_path / "sessions/m1", (NOW, NOW))
    settle(sessions, tmp_path / "sessions")
    assert sessions.recent("m1", now=NOW).key_string == session.key_string
    assert sessions.recent("m1", now=NOW + 100).key_string == session.key_string
    assert sessions.recent("m1", now=NOW + 101) is None


def test_a_session_that_was_forgotten_or_replaced_is_not_believed(tmp_path):
    sessions = Sessions(tmp_path / "sessions", Seal(b"the master's"), lifetime=100)
    first = sessions.open("m1", now=NOW)
    os.utime(tmp_path / "sessions/m1", (NOW, NOW))
    settle(sessions, tmp_path / "sessions")
    assert sessions.recent("m1", now=NOW) is not None
    sessions.forget("m1")
    assert sessions.recent("m1", now=NOW) is None
    second = sessions.open("m1", now=NOW)
    os.utime(tmp_path / "sessions/m1", (NOW, NOW))
    sessions.look()
    assert sessions.recent("m1", now=NOW).key_string == second.key_string != first.key_string
