from __future__ import annotations

import base64
import hmac
import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle, WrongKey, generate_key_string

KEY = Crypticle(generate_key_string())
NONCE = "d73ab34cd5fbc89828f9cd9557c19ebe"


def test_recorded_requests_and_replies_open(vectors):
    session = Crypticle(vectors["session_key"])
    for name in ("mine", "return"):
        recorded = vectors[name]
        outer = codec.unpack(bytes.fromhex(recorded["request"]))
        assert session.decrypt(outer["load"]).hex() == recorded["request_plain"]
        reply = codec.unpack_raw(bytes.fromhex(recorded["reply"]))
        assert session.loads(reply, recorded["nonce"]) in (True, None)
    plain = session.decrypt(codec.unpack_raw(bytes.fromhex(vectors["mine"]["reply"])))
    assert plain.hex() == vectors["mine"]["reply_plain"]


@given(st.binary(max_size=100))
def test_what_is_encrypted_comes_back(data):
    sealed = KEY.encrypt(data)
    assert len(sealed) % 16 == 0
    assert KEY.decrypt(sealed) == data
    assert KEY.encrypt(data) != sealed


@given(st.lists(st.binary(max_size=50), min_size=2, max_size=8))
def test_each_ciphertext_stands_for_itself_whatever_came_before_it(texts):
    aes = algorithms.AES(base64.b64decode(KEY.key_string)[:24])
    sealed = [KEY.encrypt(text) for text in texts]
    assert len({data[:16] for data in sealed}) == len(texts)
    for text, data in reversed(list(zip(texts, sealed, strict=True))):
        decryptor = Cipher(aes, modes.CBC(data[:16])).decryptor()
        plain = decryptor.update(data[16:-32]) + decryptor.finalize()
        assert plain[: -plain[-1]] == text
        assert KEY.decrypt(data) == text


@given(st.dictionaries(st.text(), st.integers(0, 9)), st.sampled_from(["", NONCE]))
def test_what_is_sealed_comes_back(load, nonce):
    assert KEY.loads(KEY.dumps(load, nonce), nonce) == load


def test_the_nonce_must_be_ours():
    for nonce in (NONCE[:-1] + "f", "0" * 32):
        with pytest.raises(RemoteProtocolError, match="nonce"):
            KEY.loads(KEY.dumps({}, NONCE), nonce)
    with pytest.raises(RemoteProtocolError, match="nonce"):
        KEY.loads(KEY.dumps({}), NONCE)
    with pytest.raises(RemoteProtocolError):
        KEY.loads(KEY.dumps({}, NONCE))


@given(st.integers(0, 95), st.integers(1, 255))
def test_one_changed_byte_is_another_key(where, change):
    sealed = bytearray(KEY.encrypt(b"x" * 40))
    sealed[where % len(sealed)] ^= change
    with pytest.raises(WrongKey):
        KEY.decrypt(bytes(sealed))


@given(st.binary(max_size=200))
def test_garbage_is_another_key(data):
    with pytest.raises(WrongKey):
        KEY.loads(data)


def _mac(body: bytes) -> bytes:
    return body + hmac.digest(base64.b64decode(KEY.key_string)[24:], body, "sha256")


@pytest.mark.parametrize("size", [0, 16, 33, 47])
def test_a_good_mac_over_a_wrong_size_is_refused(size):
    with pytest.raises(RemoteProtocolError, match="size"):
        KEY.decrypt(_mac(os.urandom(size)))


def test_padding_is_checked_to_the_last_byte():
    aes = algorithms.AES(base64.b64decode(KEY.key_string)[:24])
    for plain in (b"x" * 15 + b"\x00", b"x" * 15 + b"\x11", b"x" * 13 + b"\x01\x03\x03"):
        encryptor = Cipher(aes, modes.CBC(bytes(16))).encryptor()
        with pytest.raises(RemoteProtocolError, match="padding"):
            KEY.decrypt(_mac(bytes(16) + encryptor.update(plain) + encryptor.finalize()))


def test_the_prefix_must_be_there():
    with pytest.raises(RemoteProtocolError, match="no load"):
        KEY.loads(KEY.encrypt(b"\x80"))


def test_raw_leaves_bytes():
    assert KEY.loads(KEY.dumps({"data": "text"}), raw=True) == {b"data": b"text"}


def test_a_key_string_is_76_letters_and_new_each_time():
    made = generate_key_string()
    assert len(made) == 76
    assert made != generate_key_string()
    assert Crypticle(made + "\n").key_string == made
    assert Crypticle(made.encode()).key_string == made


@pytest.mark.parametrize(
    "text",
    ["", "x", "ü" * 76, b"\xff" * 76, base64.b64encode(bytes(48)).decode(), base64.b64encode(bytes(64)), "!" * 76],
)
def test_what_is_no_key_string_is_refused(text):
    with pytest.raises(RemoteProtocolError):
        Crypticle(text)


def test_a_key_does_not_show_itself():
    assert KEY.key_string not in repr(KEY)
