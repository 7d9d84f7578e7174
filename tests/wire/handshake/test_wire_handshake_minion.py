"""What a minion refuses to believe."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.handshake.ends import NONCE, SESSION, SHA1, TOKEN, Master, inner_of, signed_by
from trisalt.errors import KeyChanged, RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.crypticle import generate_key_string
from trisalt.wire.envelope import pack_signed
from trisalt.wire.handshake import (
    Accepted,
    Hello,
    KeyState,
    MinionHandshake,
    Policy,
    aes_digest_signature,
    decide,
    public_key_signature,
)
from trisalt.wire.keys import PrivateKey


def test_another_masters_key_is_not_believed(known, minion_key, other_key):
    impostor = Master(other_key)
    impostor.state, impostor.stored = KeyState.ACCEPTED, minion_key.public.pem
    with pytest.raises(KeyChanged, match=other_key.public.fingerprint()):
        known.accept(impostor.answer(known.request()))
    impostor.state = KeyState.UNKNOWN
    with pytest.raises(RemoteProtocolError, match="signature did not validate"):
        known.accept(impostor.answer(known.request()))


def test_a_pinned_fingerprint_decides_on_first_contact(master, first, master_key, other_key):
    pinned = attrs.evolve(first, master_finger=master_key.public.fingerprint().upper())
    assert isinstance(pinned.accept(master.answer(first.request())), Accepted)
    pinned = attrs.evolve(first, master_finger=master_key.public.fingerprint("md5"), hash_type="md5")
    assert isinstance(pinned.accept(master.answer(first.request())), Accepted)
    with pytest.raises(KeyChanged, match="master_finger"):
        attrs.evolve(first, master_finger=other_key.public.fingerprint()).accept(master.answer(first.request()))


def test_a_signed_public_key_may_change(master, known, first, minion_key, other_key):
    signed = Master(other_key)
    signed.state, signed.stored = KeyState.ACCEPTED, minion_key.public.pem
    sign_key = PrivateKey.generate(1024)
    signed.pub_sig = public_key_signature(sign_key, other_key.public.pem, SHA1[1])
    for handshake in (first, known):
        trusting = attrs.evolve(handshake, sign_pub=sign_key.public, token=None)
        accepted = trusting.accept(signed.answer(trusting.request()))
        assert isinstance(accepted, Accepted)
        assert accepted.new_key
        assert accepted.master_pub_pem == other_key.public.pem
        with pytest.raises(RemoteProtocolError, match="did not validate"):
            attrs.evolve(trusting, sign_pub=master.key.public).accept(signed.answer(trusting.request()))
        with pytest.raises(RemoteProtocolError, match="not told to verify"):
            handshake.accept(signed.answer(handshake.request()))
        with pytest.raises(RemoteProtocolError, match="does not sign its public key"):
            trusting.accept(master.answer(trusting.request()))
        signed_badly = Master(other_key)
        signed_badly.state, signed_badly.stored, signed_badly.pub_sig = KeyState.ACCEPTED, minion_key.public.pem, "x"
        with pytest.raises(RemoteProtocolError):
            trusting.accept(signed_badly.answer(trusting.request()))


@pytest.mark.parametrize("byte", [-1, 40, 200])
def test_a_changed_answer_is_not_believed(master, known, first, byte):
    for handshake in (known, first):
        answer = bytearray(master.answer(handshake.request()))
        answer[byte] ^= 1
        with pytest.raises((RemoteProtocolError, KeyChanged)):
            handshake.accept(bytes(answer))


def test_an_answer_to_another_attempt_is_not_believed(master, known):
    answer = master.answer(known.request())
    with pytest.raises(RemoteProtocolError, match="nonce"):
        attrs.evolve(known, nonce="0" * 32).accept(answer)


def test_a_token_that_the_master_cannot_open_is_not_echoed_and_not_believed(master, known, other_key):
    load = codec.unpack(known.request())["load"]
    load["token"] = other_key.public.encrypt(TOKEN.encode(), SHA1[0])
    answer = master.answer(codec.pack({"enc": "clear", "load": load, "version": 3}))
    assert "token" not in inner_of(answer)
    with pytest.raises(RemoteProtocolError, match="token"):
        known.accept(answer)


def test_each_field_of_an_acceptance_is_checked(master, known, master_key, minion_key, other_key):
    good = inner_of(master.answer(known.request()))
    assert isinstance(known.accept(signed_by(master_key, good)), Accepted)
    sealed = minion_key.public.encrypt(b"no key string", SHA1[0])
    for change in (
        {"aes": other_key.public.encrypt(b"x", SHA1[0])},
        {"aes": minion_key.public.encrypt(generate_key_string().encode(), SHA1[0])},
        {"session": sealed},
        {"session": b"\xff"},
        {"sig": other_key.x931_sign(b"x")},
        {"sig": None},
        {"token": sealed},
        {"publish_port": 0},
        {"publish_port": 70000},
        {"publish_port": "4505"},
        {"publish_port": True},
        {"nonce": None},
        {"nonce": ["x"]},
        {"pub_key": "junk"},
        {"pub_key": 5},
        {"pub_sig": "x"},
    ):
        with pytest.raises((RemoteProtocolError, KeyChanged)):
            known.accept(signed_by(master_key, {**good, **change}))
    for name in set(good) - {"enc"}:
        with pytest.raises(RemoteProtocolError):
            known.accept(signed_by(master_key, {k: v for k, v in good.items() if k != name}))


def test_a_token_inside_the_shared_key_is_an_answer_too(master, known, master_key, minion_key):
    """Stock's `auth_mode: 2`."""
    good = inner_of(master.answer(known.request()))
    del good["token"]
    for token, believed in ((TOKEN, True), ("y" * 76, False)):
        aes = f"{master.aes}_|-{token}"
        # A recorded key is too small to hold both, so the minion's is a bigger one here.
        roomy = PrivateKey.generate(2048)
        handshake = attrs.evolve(known, key=roomy)
        inner = {
            **good,
            "aes": roomy.public.encrypt(aes.encode(), SHA1[0]),
            "session": roomy.public.encrypt(SESSION.encode(), SHA1[0]),
            "sig": aes_digest_signature(master_key, aes),
        }
        if believed:
            accepted = handshake.accept(signed_by(master_key, inner))
            assert isinstance(accepted, Accepted)
            assert accepted.aes.key_string == master.aes
        else:
            with pytest.raises(RemoteProtocolError, match="token"):
                handshake.accept(signed_by(master_key, inner))


@pytest.mark.parametrize(
    "answer",
    [
        "bad load",
        "Some exception handling minion payload",
        {"enc": "clear", "load": {"ret": "bad sig algo"}},
        {"enc": "clear", "load": {"ret": True}},
        {"enc": "clear", "load": {}},
        {"enc": "clear", "load": b"\x80"},
        {"enc": "clear", "load": b"\x80", "sig": None},
        {"error": "Routing error"},
        None,
        [],
        5,
        {},
    ],
)
def test_an_unsigned_answer_is_never_believed(known, first, answer):
    for handshake in (known, first):
        with pytest.raises(RemoteProtocolError):
            handshake.accept(codec.pack(answer))


@pytest.mark.parametrize("inner", [{"ret": "bad"}, {"ret": None}, {"ret": 1.5}, {}, [], "x", 5])
def test_a_signed_answer_that_says_nothing_is_refused(known, first, master_key, inner):
    if isinstance(inner, dict):
        inner = {**inner, "nonce": NONCE}
    for handshake in (known, first):
        with pytest.raises(RemoteProtocolError):
            handshake.accept(signed_by(master_key, inner))


def test_an_answer_too_large_is_refused(known, master_key):
    with pytest.raises(RemoteProtocolError, match="allowed"):
        known.accept(pack_signed({"ret": True, "nonce": NONCE, "x": "x" * 100_000}, master_key, SHA1[1]))


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_but_a_remote_error(master_key, minion_key, data):
    handshake = MinionHandshake(
        id="m", key=minion_key, master_pub=master_key.public, enc_algo=SHA1[0], sig_algo=SHA1[1], nonce=NONCE
    )
    with pytest.raises(RemoteProtocolError):
        handshake.accept(data)
    with pytest.raises(RemoteProtocolError):
        handshake.accept(codec.pack({"enc": "clear", "load": data, "sig": data}))


anything = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5) | st.just([]) | st.just({})
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "pub", "nonce", "token", "enc_algo", "sig_algo", "autosign_grains"]), anything
    ),
    st.integers(0, 3),
)
def test_a_hello_of_anything_raises_nothing_but_a_remote_error(load, version):
    try:
        hello = Hello.from_load(load, version)
    except RemoteProtocolError as error:
        codec.pack(error.refusal)
    else:
        assert decide(hello, KeyState.UNKNOWN, None, Policy(open_mode=True)).ret is False


def test_no_secret_shows_itself(master, known):
    accepted = known.accept(master.answer(known.request()))
    for secret in (TOKEN, SESSION, master.aes):
        assert secret not in repr(known)
        assert secret not in repr(accepted)
