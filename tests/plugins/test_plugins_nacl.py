"""The module `nacl`: keys, boxes and files of the test's own, and boxes that stock Salt's module made."""

import base64
import importlib.util

import pytest

from tests.sls.test_sls_nacls import SEALED, SECRET, SK
from trisalt.errors import TrisaltError
from trisalt.loader.dunders import Plugins

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nacl") is None, reason="PyNaCl is not installed")


@pytest.fixture
def nacl(tmp_path):
    functions = Plugins({"id": "m1", "pki_dir": str(tmp_path / "pki"), "cachedir": str(tmp_path)}).loader("modules")
    return lambda function, *args, **kwargs: functions[f"nacl.{function}"](*args, **kwargs)


@pytest.fixture
def keys(nacl, tmp_path):
    nacl("keygen", sk_file=f"{tmp_path}/key")
    return {"sk_file": f"{tmp_path}/key", "pk_file": f"{tmp_path}/key.pub"}


def test_what_is_sealed_is_opened_by_the_secret_key_alone(nacl, keys):
    box = nacl("enc", "hällo", pk_file=keys["pk_file"])
    assert nacl("dec", box, sk_file=keys["sk_file"]) == "hällo"
    assert nacl("sealedbox_decrypt", nacl("sealedbox_encrypt", 5, **keys), **keys) == "5"
    assert nacl("secretbox_decrypt", nacl("secretbox_encrypt", "", **keys), **keys) == ""
    with pytest.raises(TrisaltError, match="damaged, or is not for this key"):
        nacl("dec", box, sk=nacl("keygen")["sk"])


def test_boxes_of_stock_are_opened(nacl):
    assert nacl("dec", SEALED, sk=SK) == "hällo"
    assert nacl("dec", SECRET, sk=SK, box_type="secretbox") == "secret"


def test_keys_are_kept_and_never_written_over(nacl, keys, tmp_path):
    secret = (tmp_path / "key").read_bytes()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(secret, validate=True)) == 32
    text = f"sk_file:{tmp_path}/key and pk_file:{tmp_path}/key.pub already exist."
    with pytest.raises(TrisaltError, match=text):
        nacl("keygen", sk_file=keys["sk_file"])
    again = nacl("keygen", sk_file=keys["sk_file"], pk_file=f"{tmp_path}/other.pub")
    assert again == f"saved pk_file: {tmp_path}/other.pub"
    assert (tmp_path / "other.pub").read_bytes() == (tmp_path / "key.pub").read_bytes()
    assert (tmp_path / "key").read_bytes() == secret
    with pytest.raises(TrisaltError, match="belongs to another key"):
        nacl("keygen", sk_file=f"{tmp_path}/new", pk_file=keys["pk_file"])


def test_files_go_into_boxes_and_out_of_them(nacl, keys, tmp_path):
    (tmp_path / "plain").write_bytes(b"\x00\xff")
    assert nacl("enc_file", f"{tmp_path}/plain", out=f"{tmp_path}/box", **keys) == f"Wrote: {tmp_path}/box"
    assert nacl("dec_file", f"{tmp_path}/box", out=f"{tmp_path}/again", **keys) == f"Wrote: {tmp_path}/again"
    assert (tmp_path / "again").read_bytes() == b"\x00\xff"
    assert (tmp_path / "again").stat().st_mode & 0o777 == 0o600
    assert nacl("dec_file", f"{tmp_path}/box", **keys) == b"\x00\xff"
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize(
    ("function", "args", "more", "text"),
    [
        ("enc", ["x"], {}, "no pubkey or pk_file found"),
        ("dec", ["AAAA"], {}, "no key or sk_file found"),
        ("enc", ["x"], {"pk": "short"}, "pk is no key of 32 bytes"),
        ("enc", ["x"], {"box_type": "odd"}, "box_type is one of"),
        ("dec_file", ["/dev/null/nosuch"], {"sk": SK}, "Unable to read"),
        ("keygen", ["/dev/null/key"], {}, "Unable to write keys"),
    ],
)
def test_what_cannot_be_is_told(nacl, function, args, more, text):
    with pytest.raises(TrisaltError, match=text):
        nacl(function, *args, **more)
