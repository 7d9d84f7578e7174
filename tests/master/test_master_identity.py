"""`trisalt.master.identity`: stock's key files, made once and kept."""

from __future__ import annotations

import hashlib
import os
import pwd
from base64 import b64decode

import pytest

from trisalt.errors import ConfigError
from trisalt.master import identity
from trisalt.wire.keys import DEFAULT_SIGNING, SIGNING, PrivateKey, PublicKey

BITS = 1024


def modes(folder):
    return {path.name: path.lstat().st_mode & 0o777 for path in folder.iterdir() if not path.is_symlink()}


def test_a_first_start_makes_the_pair_as_stock_lays_it_out(tmp_path):
    me = identity.open_identity(tmp_path, id="host_master", keysize=BITS)
    assert modes(tmp_path) == {"host.pem": 0o400, "host.pub": 0o400}
    assert {name: os.readlink(tmp_path / name) for name in ("master.pem", "master.pub")} == {
        "master.pem": "host.pem",
        "master.pub": "host.pub",
    }
    assert (tmp_path / "master.pub").read_text() == me.key.public.pem
    again = identity.open_identity(tmp_path, id="host_master", keysize=BITS)
    assert again.key.public.pem == me.key.public.pem
    assert again.shared.crypticle.key_string != me.shared.crypticle.key_string


def test_the_older_layout_is_used_as_it_lies(tmp_path):
    key = PrivateKey.generate(BITS)
    (tmp_path / "master.pem").write_bytes(key.pem)
    assert identity.open_identity(tmp_path, id="host_master", keysize=BITS).key.public.pem == key.public.pem
    assert sorted(path.name for path in tmp_path.iterdir()) == ["master.pem", "master.pub"]
    assert not (tmp_path / "master.pem").is_symlink()


def test_a_public_half_that_is_not_ours_is_written_anew(tmp_path):
    me = identity.open_identity(tmp_path, id="m", keysize=BITS)
    (tmp_path / "m.pub").unlink()
    (tmp_path / "m.pub").write_text(PrivateKey.generate(BITS).public.pem)
    identity.open_identity(tmp_path, id="m", keysize=BITS)
    assert (tmp_path / "m.pub").read_text() == me.key.public.pem


def test_a_key_that_is_none_is_named(tmp_path):
    (tmp_path / "m.pem").write_text("garbage")
    with pytest.raises(ConfigError):
        identity.open_identity(tmp_path, id="m", keysize=BITS)


@pytest.mark.parametrize("make", [identity.open_identity, identity.open_user_keys])
def test_a_key_that_cannot_be_written_is_named(tmp_path, make):
    names = {"user": "root"} if make is identity.open_user_keys else {"id": "m", "keysize": BITS}
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        make(tmp_path / "gone", **names)


def test_the_shared_key_is_vouched_for_and_counts_from_one(tmp_path):
    me = identity.open_identity(tmp_path, id="m", keysize=BITS)
    digest = hashlib.sha256(me.shared.crypticle.key_string.encode()).hexdigest().encode()
    assert PublicKey.from_pem(me.key.public.pem).x931_recover(me.shared.digest_sig) == digest
    assert [me.shared.next_serial() for _ in range(3)] == [1, 2, 3]
    me.rotate()
    assert me.shared.next_serial() == 1


def test_a_signing_key_vouches_for_the_public_key_by_each_algorithm(tmp_path):
    me = identity.open_identity(tmp_path, id="m", keysize=BITS, sign_key_name="master_sign")
    vouching = PublicKey.from_pem((tmp_path / "master_sign.pub").read_text())
    assert me.pub_sigs.keys() == set(SIGNING)
    for algo, signature in me.pub_sigs.items():
        assert signature.endswith("\n")
        assert [vouching.verify(me.key.public.pem.encode(), b64decode(signature), by) for by in SIGNING] == [
            by == algo for by in SIGNING
        ]
    (tmp_path / "made_elsewhere").write_text(me.pub_sigs[DEFAULT_SIGNING])
    again = identity.open_identity(tmp_path, id="m", keysize=BITS, signature_name="made_elsewhere")
    assert again.pub_sigs == dict.fromkeys(SIGNING, me.pub_sigs[DEFAULT_SIGNING].strip())
    with pytest.raises(ConfigError, match="nowhere"):
        identity.open_identity(tmp_path, id="m", keysize=BITS, signature_name="nowhere")


def test_private_keys_are_kept_under_a_passphrase_and_opened_by_it(tmp_path):
    how = {"id": "m", "keysize": BITS, "sign_key_name": "master_sign"}
    me = identity.open_identity(tmp_path, **how, key_pass="a", signing_key_pass="b")
    assert all("ENCRYPTED" in (tmp_path / name).read_text() for name in ("m.pem", "master_sign.pem"))
    again = identity.open_identity(tmp_path, **how, key_pass="a", signing_key_pass="b")
    assert (again.key.pem, again.pub_sigs) == (me.key.pem, me.pub_sigs)
    with pytest.raises(ConfigError, match=r"/m\.pem: the private key wants a passphrase$"):
        identity.open_identity(tmp_path, **how)
    with pytest.raises(ConfigError, match=r"/master_sign\.pem: the private key wants another passphrase$"):
        identity.open_identity(tmp_path, **how, key_pass="a", signing_key_pass="a")
    (tmp_path / "m.pem").unlink()
    (tmp_path / "m.pem").write_bytes(me.key.pem)
    assert identity.open_identity(tmp_path, **how, key_pass="a", signing_key_pass="b").key.pem == me.key.pem


def test_the_root_key_is_kept_over_restarts(tmp_path):
    key = identity.open_user_keys(tmp_path, user="root")["root"]
    assert modes(tmp_path) == {".root_key": 0o600}
    assert identity.open_user_keys(tmp_path, user="root") == {"root": key}


@pytest.mark.parametrize("spoil", [lambda path: path.chmod(0o644), lambda path: path.write_text("short")])
def test_a_root_key_that_others_may_know_is_replaced(tmp_path, spoil):
    key = identity.open_user_keys(tmp_path, user="root")["root"]
    spoil(tmp_path / ".root_key")
    assert identity.open_user_keys(tmp_path, user="root")["root"] != key
    assert modes(tmp_path) == {".root_key": 0o600}


def test_users_of_the_acl_who_exist_get_keys_of_their_own(tmp_path):
    other = next(entry for entry in pwd.getpwall() if entry.pw_name != "root")
    keys = identity.open_user_keys(tmp_path, user="root", acl_users=[other.pw_name, "no-such-user-[", "nobody-at-all"])
    assert set(keys) == {"root", other.pw_name}
    assert keys["root"] != keys[other.pw_name]
    if os.geteuid() == 0:
        assert (tmp_path / f".{other.pw_name}_key").stat().st_uid == other.pw_uid


def test_accounts_that_are_not_gone_through_are_taken_by_their_names(tmp_path, monkeypatch):
    other = next(entry for entry in pwd.getpwall() if entry.pw_name != "root")
    monkeypatch.setattr(pwd, "getpwall", lambda: pytest.fail("a directory may have very many"))
    names = [other.pw_name, "nobody-at-all", "../evil", "root"]
    keys = identity.open_user_keys(tmp_path, user="root", acl_users=names, verify=False)
    assert set(keys) == {"root", other.pw_name, "nobody-at-all"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f".{name}_key" for name in keys)
    if os.geteuid() == 0:
        assert (tmp_path / f".{other.pw_name}_key").stat().st_uid == other.pw_uid
        assert (tmp_path / ".nobody-at-all_key").stat().st_uid == 0
