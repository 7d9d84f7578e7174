"""`salt-key` that makes keys, and signs the master's."""

import base64
import os

import pytest

from trisalt.wire.keys import PrivateKey


def test_a_pair_is_made_and_stays(run, tmp_path):
    folder = tmp_path / "new"
    words = ("--gen-keys", "m9", "--gen-keys-dir", str(folder))
    status, out, err = run(*words)
    pem = (folder / "m9.pem").read_bytes()
    public = PrivateKey.from_pem(pem).public
    assert (status, out, err) == (0, f"m9.pub:  {public.fingerprint()}\n", "")
    assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    assert (folder / "m9.pem").stat().st_mode & 0o777 == 0o400
    assert (folder / "m9.pub").read_text() == public.pem
    assert run(*words)[:2] == (0, out)
    assert (folder / "m9.pem").read_bytes() == pem
    (folder / "m9.pub").unlink()
    assert run(*words)[0] == 1
    assert not (folder / "m9.pub").exists()


@pytest.mark.parametrize("name", ["../m9", "", "a/b"])
def test_a_pair_stays_in_its_folder(run, tmp_path, name):
    status, out, err = run("--gen-keys", name, "--gen-keys-dir", str(tmp_path / "new"))
    assert (status, out) == (1, "")
    assert err.startswith("ERROR: --gen-keys: ")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_pair_for_somebody_who_is_not_there_is_not_made(run, tmp_path):
    status, _, err = run("--gen-keys", "m9", "--gen-keys-dir", str(tmp_path / "new"), "-u", "nosuchuser")
    assert (status, err) == (1, "ERROR: user: this host has no account 'nosuchuser'\n")
    assert os.listdir(tmp_path / "new") == []


def test_the_masters_key_is_signed(run, master, pems):
    (master.pki / "master.pub").write_text(pems["m1"])
    path = master.pki / "here_master_pubkey_signature"
    assert run("--gen-signature")[0] == 1
    assert run("--gen-signature", "--auto-create") == (0, f"{path}\n", "")
    signer = PrivateKey.from_pem((master.pki / "master_sign.pem").read_bytes()).public
    assert signer.verify(pems["m1"].encode(), base64.b64decode(path.read_text()), "PKCS1v15-SHA1")
    assert run("--gen-signature")[0] == 1
    words = ("--priv", str(master.pki / "master_sign.pem"), "--pub", str(master.pki / "minions" / "a1"))
    assert run("--gen-signature", *words, "--signature-path", str(master.root / "sig"))[0] == 0
    signature = base64.b64decode((master.root / "sig" / path.name).read_text())
    assert signer.verify(pems["a1"].encode(), signature, "PKCS1v15-SHA1")
