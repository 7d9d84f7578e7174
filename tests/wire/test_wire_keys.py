from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import ConfigError, LocalProtocolError, RemoteProtocolError
from trisalt.wire.keys import ENCRYPTION, SIGNING, PrivateKey, PublicKey, normalise


def test_the_tok_is_the_recorded_one(vectors, minion_key):
    assert minion_key.tok == bytes.fromhex(vectors["tok"])
    assert minion_key.public.x931_recover(minion_key.tok) == b"salt"


def test_keys_are_stored_and_sent_as_stock_has_them(vectors, minion_key):
    assert minion_key.pem.decode().strip() == vectors["minion_private_pem"].strip()
    assert minion_key.pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    assert minion_key.public.pem == vectors["minion_public_pem"].strip()
    assert PrivateKey.from_pem(minion_key.pem).public.pem == minion_key.public.pem


@pytest.mark.parametrize("change", ["\r\n", "\n\n  ", "bytes"])
def test_the_same_key_written_differently_is_the_same_text(minion_key, change):
    pem = minion_key.public.pem
    written = pem.encode() if change == "bytes" else pem.replace("\n", "\r\n") + change
    assert normalise(written) == pem
    assert PublicKey.from_pem(written).pem == pem


def test_a_fingerprint_is_what_salt_key_shows(master_key):
    # Source: stock Salt 3008.3, of the recorded master key's file.
    assert master_key.public.fingerprint() == (
        "45:b0:6f:ab:e0:54:52:7d:c7:3b:ca:7a:e2:b4:35:d3:e2:87:89:9d:b4:53:3a:23:1c:a1:0b:b5:37:95:85:00"
    )
    assert master_key.public.fingerprint("md5") == "4a:c0:f4:7f:83:d8:85:ba:b0:62:f3:11:5e:dd:0b:31"
    with pytest.raises(ConfigError, match="hash_type"):
        master_key.public.fingerprint("crc32")


@pytest.mark.parametrize("algo", sorted(SIGNING))
def test_a_signature_holds_for_its_data_its_key_and_its_algorithm(minion_key, other_key, algo):
    signature = minion_key.sign(b"data", algo)
    assert minion_key.public.verify(b"data", signature, algo)
    assert not minion_key.public.verify(b"Data", signature, algo)
    assert not other_key.public.verify(b"data", signature, algo)
    assert not minion_key.public.verify(b"data", signature[:-1], algo)
    assert not minion_key.public.verify(b"data", b"", algo)
    (other,) = SIGNING - {algo}
    assert not minion_key.public.verify(b"data", signature, other)


@pytest.mark.parametrize("algo", sorted(ENCRYPTION))
def test_what_is_encrypted_opens_with_its_key_only(big_keys, other_key, algo):
    mine, _ = big_keys
    sealed = mine.public.encrypt(b"secret", algo)
    assert mine.decrypt(sealed, algo) == b"secret"
    for data in (sealed[:-1], b"", b"\xff" * len(sealed)):
        with pytest.raises(RemoteProtocolError):
            mine.decrypt(data, algo)
    with pytest.raises(RemoteProtocolError):
        other_key.decrypt(sealed, algo)


@pytest.mark.parametrize("algo", ["PKCS1v15-MD5", "", None, [], "OAEP-MD5"])
def test_an_unknown_algorithm_is_the_peers_fault(minion_key, algo):
    for use in (
        lambda: minion_key.sign(b"x", algo),
        lambda: minion_key.public.verify(b"x", b"x", algo),
        lambda: minion_key.public.encrypt(b"x", algo),
        lambda: minion_key.decrypt(b"x", algo),
    ):
        with pytest.raises(RemoteProtocolError, match="unknown"):
            use()


def test_a_key_too_small_for_the_algorithm_is_the_peers_fault(minion_key):
    with pytest.raises(RemoteProtocolError, match="too small"):
        minion_key.public.encrypt(b"x" * 76, "OAEP-SHA224")


@given(st.binary(max_size=125))
def test_x931_gives_back_what_was_signed(minion_key, data):
    signature = minion_key.x931_sign(data)
    assert minion_key.public.x931_recover(signature) == data
    # The other root opens to the same: stock accepts both.
    numbers = minion_key.public._key.public_numbers()
    mirrored = (numbers.n - int.from_bytes(signature)).to_bytes(128)
    assert minion_key.public.x931_recover(mirrored) == data


def test_x931_fills_the_block_to_the_brim(minion_key):
    assert minion_key.public.x931_recover(minion_key.x931_sign(b"x" * 126)) == b"x" * 126
    with pytest.raises(LocalProtocolError):
        minion_key.x931_sign(b"x" * 127)


@given(st.binary(min_size=120, max_size=130) | st.binary(max_size=4))
def test_an_x931_signature_of_nobody_opens_to_nothing(minion_key, signature):
    with pytest.raises(RemoteProtocolError):
        minion_key.public.x931_recover(signature)


def test_a_tok_is_checked_the_first_time_and_known_the_second(minion_key, other_key):
    public = PublicKey.from_pem(minion_key.public.pem)
    assert public.good_tok is None
    assert not public.check_tok(other_key.tok)
    assert public.good_tok is None
    assert public.check_tok(minion_key.tok)
    assert public.good_tok == minion_key.tok
    assert public.check_tok(minion_key.tok)
    assert not public.check_tok(other_key.tok)
    assert not public.check_tok(minion_key.x931_sign(b"pepper"))


@pytest.mark.parametrize("tok", [None, 5, "salt", [], {}, b"", b"x", b"\xff" * 128, b"\x00" * 128])
def test_a_tok_of_another_shape_is_no_tok(minion_key, tok):
    assert not PublicKey.from_pem(minion_key.public.pem).check_tok(tok)


def _elliptic() -> bytes:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


@pytest.mark.parametrize(
    "pem", ["", "not a key", b"\xff\xfe", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", _elliptic()]
)
def test_what_is_no_rsa_key_is_refused(pem):
    with pytest.raises(RemoteProtocolError):
        PublicKey.from_pem(pem)


@given(st.text(max_size=200))
def test_garbage_for_a_key_raises_nothing_but_a_remote_error(text):
    with pytest.raises(RemoteProtocolError):
        PublicKey.from_pem(text)


@pytest.mark.parametrize("pem", [b"", b"junk", "ünïcode"])
def test_a_private_key_that_does_not_parse_is_the_operators(pem):
    with pytest.raises(ConfigError):
        PrivateKey.from_pem(pem)


def test_no_key_shows_itself(minion_key):
    assert repr(minion_key) == f"PrivateKey({minion_key.public.fingerprint()})"
