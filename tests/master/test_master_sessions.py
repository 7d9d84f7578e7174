"""`trisalt.master.sessions`: what is believed is what lies in the files now."""

from __future__ import annotations

import os

import pytest

from trisalt.master.sessions import AcceptedKeys, Sessions, write_private
from trisalt.wire.crypticle import generate_key_string
from trisalt.wire.keys import PrivateKey
from trisalt.wire.seal import Seal

NOW = 1_000_000_000.0
SEAL = Seal(b"the master's")


@pytest.fixture(scope="module")
def keys():
    return [PrivateKey.generate(1024) for _ in range(2)]


@pytest.fixture
def sessions(tmp_path):
    return Sessions(tmp_path / "sessions", SEAL, lifetime=100)


def aged(path, seconds):
    os.utime(path, (NOW - seconds, NOW - seconds))


def test_a_session_is_found_only_once_it_was_opened(sessions, tmp_path):
    assert sessions.find("m1", now=NOW) is None
    assert not (tmp_path / "sessions/m1").exists()
    made = sessions.open("m1", now=NOW)
    path = tmp_path / "sessions/m1"
    assert made.key_string.encode() not in path.read_bytes()
    assert SEAL.open(path.read_bytes(), name="m1").decode() == made.key_string
    assert path.stat().st_mode & 0o777 == 0o600
    aged(path, 0)
    assert sessions.find("m1", now=NOW).key_string == made.key_string
    assert sessions.open("m1", now=NOW).key_string == made.key_string
    assert sessions.open("m2", now=NOW).key_string != made.key_string


def test_a_new_session_is_known_as_its_file_says_and_leaves_nothing_beside_it(sessions, tmp_path):
    made = sessions.open("m" * 255, now=NOW)
    (path,) = (tmp_path / "sessions").iterdir()
    assert sessions.find("m" * 255, now=path.stat().st_mtime) is made
    path.write_bytes(SEAL.seal(generate_key_string().encode(), name="m" * 255))
    os.utime(path, (NOW, NOW))
    assert sessions.find("m" * 255, now=NOW).key_string != made.key_string


def test_a_session_that_cannot_be_written_is_none(sessions, tmp_path):
    (tmp_path / "sessions/m1").mkdir()
    (tmp_path / "sessions/m1/file").touch()
    with pytest.raises(OSError, match="sessions/m1"):
        sessions.open("m1", now=NOW + 1e10)
    assert [path.name for path in (tmp_path / "sessions").iterdir()] == ["m1"]
    assert sessions.find("m1", now=NOW + 1e10) is None


def test_a_session_ends_with_its_lifetime_and_a_new_one_is_made_on_sign_in(sessions, tmp_path):
    old = sessions.open("m1", now=NOW).key_string
    aged(tmp_path / "sessions/m1", 101)
    assert sessions.find("m1", now=NOW) is None
    assert sessions.open("m1", now=NOW).key_string != old


def test_a_session_near_its_end_is_replaced_at_sign_in_and_good_until_then(sessions, tmp_path):
    old = sessions.open("m1", now=NOW).key_string
    aged(tmp_path / "sessions/m1", 95)
    assert sessions.find("m1", now=NOW).key_string == old
    assert sessions.open("m1", now=NOW).key_string != old


def test_a_session_outlives_the_daemon_and_opens_under_the_same_seal_and_id_only(sessions, tmp_path):
    made = sessions.open("m1", now=NOW)
    aged(tmp_path / "sessions/m1", 1)
    assert Sessions(tmp_path / "sessions", SEAL, lifetime=100).find("m1", now=NOW).key_string == made.key_string
    assert Sessions(tmp_path / "sessions", Seal(b"another's"), lifetime=100).find("m1", now=NOW) is None
    (tmp_path / "sessions/m1").rename(tmp_path / "sessions/m2")
    assert sessions.find("m2", now=NOW) is None


def test_the_bare_sessions_of_stock_are_sealed_with_their_age_unless_ours_are_younger(sessions, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    keys = {id: generate_key_string() for id in ("m1", "m2", "m3")}
    for id, key in keys.items():
        (bare / id).write_text(key)
        aged(bare / id, 50)
    (bare / "m4").write_text("no key")
    (bare / ".hidden").write_text(keys["m1"])
    ours = {id: sessions.open(id, now=NOW).key_string for id in ("m2", "m3")}
    aged(tmp_path / "sessions/m2", 10)
    aged(tmp_path / "sessions/m3", 60)
    sessions.take_over(bare)
    found = {id: sessions.find(id, now=NOW).key_string for id in keys}
    assert found == {"m1": keys["m1"], "m2": ours["m2"], "m3": keys["m3"]}
    assert sessions.find("m1", now=NOW + 51) is None
    assert sorted(path.name for path in bare.iterdir()) == [".hidden", "m4"]
    sessions.take_over(tmp_path / "nowhere")


def test_whose_key_went_or_is_another_since_has_no_session_any_more(sessions, tmp_path):
    accepted = tmp_path / "minions"
    accepted.mkdir()
    for id in ("m1", "m2", "m3"):
        sessions.open(id, now=NOW)
        aged(tmp_path / f"sessions/{id}", 10)
    for id, seconds in (("m1", 10), ("m3", 9)):
        (accepted / id).touch()
        aged(accepted / id, seconds)
    assert sessions.forget_departed(accepted) == ["m2", "m3"]
    assert [id for id in ("m1", "m2", "m3") if sessions.find(id, now=NOW)] == ["m1"]


def test_a_session_that_another_master_wrote_is_taken_over(sessions, tmp_path):
    other = Sessions(tmp_path / "sessions", SEAL, lifetime=100)
    mine = sessions.open("m1", now=NOW)
    other.forget("m1")
    assert sessions.find("m1", now=NOW) is None
    theirs = other.open("m1", now=NOW)
    aged(tmp_path / "sessions/m1", 1)
    assert sessions.find("m1", now=NOW).key_string == theirs.key_string != mine.key_string


def test_a_file_that_is_no_key_is_no_session(sessions, tmp_path):
    (tmp_path / "sessions/m1").write_text("not a key")
    aged(tmp_path / "sessions/m1", 0)
    assert sessions.find("m1", now=NOW) is None
    assert sessions.open("m1", now=NOW).key_string


@pytest.mark.parametrize("id", ["../x", "a/b", "", ".hidden", "a\0b"])
def test_no_session_is_made_for_what_is_no_id(sessions, tmp_path, id):
    with pytest.raises(ValueError, match="not a minion id"):
        sessions.open(id, now=NOW)
    sessions.forget(id)
    assert list(tmp_path.rglob("*")) == [tmp_path / "sessions"]


def test_an_accepted_key_counts_as_long_as_its_file_is_there(tmp_path, keys):
    accepted = AcceptedKeys(tmp_path)
    assert accepted.find("m1") is None
    (tmp_path / "m1").write_text(keys[0].public.pem)
    assert accepted.find("m1").pem == keys[0].public.pem
    assert accepted.find("m1") is accepted.find("m1")
    pub = keys[0].public.pem
    assert accepted.offered("m1", f"{pub}\n") is accepted.find("m1")
    wrong = ("m1", keys[1].public.pem), ("m1", "garbage"), ("m1", None)
    for id, offered in (*wrong, *((id, pub) for id in ("m2", "../m1", "", None, ["m1"], "a\0b"))):
        assert accepted.offered(id, offered) is None
    offers = [("m1", f"{pub}\n"), ("m1", "garbage"), ("m2", pub), ("../m1", pub), ("", pub), ("a\0b", pub)]
    assert [accepted.may_be(id, offered.encode()) for id, offered in offers] == [True] + [False] * 5
    # Nothing was read yet, so anything may be it.
    assert AcceptedKeys(tmp_path).may_be("m1", b"garbage")
    write_private(tmp_path / "m1", keys[1].public.pem.encode())
    assert accepted.find("m1").pem == keys[1].public.pem
    (tmp_path / "m1").unlink()
    assert accepted.find("m1") is None


def test_a_file_that_is_no_public_key_lets_nobody_in(tmp_path):
    (tmp_path / "m1").write_text("garbage")
    assert AcceptedKeys(tmp_path).find("m1") is None


def test_a_private_file_is_whole_or_not_there(tmp_path):
    write_private(tmp_path / "x", b"1", mode=0o400, durable=True)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o400
    with pytest.raises(TypeError):
        write_private(tmp_path / "x", None)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"1"
