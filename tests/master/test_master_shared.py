"""`trisalt.master.shared`: the shared key survives a restart, and never one that it must not survive."""

from __future__ import annotations

import os
import time

import pytest

from trisalt.master import shared
from trisalt.master.identity import Identity
from trisalt.master.shared import RESERVED, KeptKey
from trisalt.wire.keys import PrivateKey
from trisalt.wire.seal import Seal


@pytest.fixture(scope="module")
def keys():
    return [PrivateKey.generate(1024) for _ in range(2)]


def start(key, path, *, fresh=False, lifetime=1000):
    """A master's identity, as a start of the daemon makes it."""
    me = Identity(key, id="master")
    me.keep_shared_key(KeptKey(path, me.seal, lifetime=lifetime), fresh=fresh)
    return me


def test_the_key_survives_and_its_serials_go_on(keys, tmp_path):
    path = tmp_path / "shared_key"
    first = start(keys[0], path)
    given = [first.shared.next_serial() for _ in range(3)]
    again = start(keys[0], path)
    assert again.shared.crypticle.key_string == first.shared.crypticle.key_string
    assert again.shared.digest_sig == first.shared.digest_sig
    assert again.shared.next_serial() > max(given)
    third = start(keys[0], path)
    assert third.shared.next_serial() > again.shared.serial
    assert path.stat().st_mode & 0o777 == 0o600
    assert first.shared.crypticle.key_string.encode() not in path.read_bytes()


def test_nobody_knows_who_holds_a_key_of_an_earlier_run(keys, tmp_path):
    first = start(keys[0], tmp_path / "shared_key")
    assert "m1" not in first.shared.holders
    assert start(keys[0], tmp_path / "shared_key").shared.holders is None


def test_serials_are_on_the_disk_before_they_are_given_out(keys, tmp_path):
    first = start(keys[0], tmp_path / "shared_key")
    first.shared.serial = RESERVED
    assert first.shared.next_serial() == RESERVED + 1
    assert start(keys[0], tmp_path / "shared_key").shared.next_serial() == 2 * RESERVED + 1


def test_a_rotation_survives_too(keys, tmp_path):
    first = start(keys[0], tmp_path / "shared_key")
    old = first.shared.crypticle.key_string
    first.rotate()
    again = start(keys[0], tmp_path / "shared_key")
    assert again.shared.crypticle.key_string == first.shared.crypticle.key_string != old


def spoil(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda path: None, {"fresh": True}),
        (lambda path: os.utime(path, (time.time() - 1001,) * 2), {}),
        (lambda path: path.unlink(), {}),
        (spoil, {}),
        (lambda path: path.write_bytes(b""), {}),
        (lambda path: (path.unlink(), path.mkdir()), {}),
    ],
    ids=["somebody left", "lay too long", "gone", "changed", "empty", "no file"],
)
def test_a_key_that_may_not_be_used_is_replaced(keys, tmp_path, change, again):
    path = tmp_path / "shared_key"
    old = start(keys[0], path).shared.crypticle.key_string
    change(path)
    assert start(keys[0], path, **again).shared.crypticle.key_string != old


def test_another_master_does_not_take_it_up(keys, tmp_path):
    old = start(keys[0], tmp_path / "shared_key").shared.crypticle.key_string
    assert start(keys[1], tmp_path / "shared_key").shared.crypticle.key_string != old


def test_a_key_in_use_does_not_age(keys, tmp_path):
    path = tmp_path / "shared_key"
    first = start(keys[0], path)
    os.utime(path, (time.time() - 1001,) * 2)
    first.kept.touch()
    assert start(keys[0], path).shared.crypticle.key_string == first.shared.crypticle.key_string


def test_what_cannot_be_written_down_leaves_no_older_key_behind(keys, tmp_path, monkeypatch):
    path = tmp_path / "shared_key"
    first = start(keys[0], path)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shared, "write_private", full)
        first.rotate()
    assert not path.exists()
    assert start(keys[0], path).shared.crypticle.key_string != first.shared.crypticle.key_string


def test_a_file_of_something_else_is_not_taken_up(keys, tmp_path):
    path = tmp_path / "shared_key"
    kept = KeptKey(path, Seal(keys[0].pem), lifetime=1000)
    path.write_bytes(Seal(keys[0].pem).seal(b"\x80", name=shared.NAME))
    assert kept.take_up(keys[0]) is None
