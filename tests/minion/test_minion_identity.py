"""The minion's key files: made once, with their modes, and never trusted when they are something else."""

import stat

import pytest

from trisalt.errors import ConfigError
from trisalt.minion.identity import open_identity


def mode(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


async def test_the_pair_is_made_once(tmp_path):
    pki = tmp_path / "a" / "pki"
    first = await open_identity("m1", pki, keysize=1024)
    again = await open_identity("m1", pki, keysize=1024)
    assert first.key.public.pem == again.key.public.pem
    assert (mode(pki), mode(pki / "minion.pem"), mode(pki / "minion.pub")) == ("0o700", "0o400", "0o400")
    assert sorted(path.name for path in pki.iterdir()) == ["minion.pem", "minion.pub"]
    assert first.token != again.token


async def test_a_lost_public_half_is_written_again(tmp_path):
    first = await open_identity("m1", tmp_path, keysize=1024)
    (tmp_path / "minion.pub").unlink()
    await open_identity("m1", tmp_path, keysize=1024)
    assert (tmp_path / "minion.pub").read_text().strip() == first.key.public.pem.strip()


async def test_pinning(tmp_path, keys):
    identity = await open_identity("m1", tmp_path, keysize=1024)
    assert identity.pinned() is None
    identity.pin(keys[1].public.pem + "\r\n")
    assert identity.pinned().pem == keys[1].public.pem
    assert mode(identity.pinned_path) == "0o644"
    assert not identity.pinned_path.read_text().endswith("\n")


@pytest.mark.parametrize("name", ["minion.pem", "minion_master.pub"])
async def test_a_file_that_is_no_key_is_named(tmp_path, name):
    (tmp_path / name).write_text("no key")
    with pytest.raises(ConfigError, match=f"{name}.* parse"):
        (await open_identity("m1", tmp_path, keysize=1024)).pinned()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        await open_identity("m1", tmp_path / "file" / "pki", keysize=1024)
