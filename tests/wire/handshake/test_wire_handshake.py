"""Both ends of `_auth` talk here without a socket: stock's bytes, and each outcome."""

from __future__ import annotations

from itertools import product

import attrs
import pytest

from tests.support.knocks import parse_request
from tests.wire.handshake.ends import NONCE, SESSION, TOKEN, Master, inner_of, signed_by
from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.handshake import (
    Accepted,
    Hello,
    KeyState,
    MinionHandshake,
    Pending,
    Policy,
    Refused,
    TooMany,
    Verdict,
    aes_digest_signature,
    decide,
    refused_answer,
)

# -- bytes recorded from stock -------------------------------------------------------------------------------------


def test_our_first_request_is_stocks_byte_for_byte(vectors, first):
    recorded = bytes.fromhex(vectors["auth_first"]["request"])
    nonce = codec.unpack(recorded)["load"]["nonce"]
    assert attrs.evolve(first, nonce=nonce).request() == recorded


def recorded_handshake(vectors, name, handshake):
    nonce = codec.unpack(bytes.fromhex(vectors[name]["request"]))["load"]["nonce"]
    return attrs.evolve(handshake, nonce=nonce, token=vectors["token_plain"])


def test_a_recorded_acceptance_is_understood(vectors, first, master_key):
    accepted = recorded_handshake(vectors, "auth_first", first).accept(bytes.fromhex(vectors["auth_first"]["reply"]))
    assert isinstance(accepted, Accepted)
    assert accepted.aes.key_string == vectors["aes_key"]
    assert accepted.session.key_string == vectors["session_key"]
    assert accepted.master_pub_pem == master_key.public.pem
    assert accepted.new_key


def test_a_recorded_acceptance_with_a_token_is_understood(vectors, known):
    accepted = recorded_handshake(vectors, "auth_token", known).accept(bytes.fromhex(vectors["auth_token"]["reply"]))
    assert isinstance(accepted, Accepted)
    assert not accepted.new_key
    with pytest.raises(RemoteProtocolError, match="token"):
        attrs.evolve(recorded_handshake(vectors, "auth_token", known), token="y" * 8).accept(
            bytes.fromhex(vectors["auth_token"]["reply"])
        )


def test_a_recorded_pending_is_understood_and_made(vectors, known, first, master_key):
    recorded = bytes.fromhex(vectors["auth_pending"]["reply"])
    assert recorded_handshake(vectors, "auth_pending", known).accept(recorded) == Pending(verified=True)
    assert recorded_handshake(vectors, "auth_pending", first).accept(recorded) == Pending(verified=False)
    request = parse_request(bytes.fromhex(vectors["auth_pending"]["request"]))
    assert refused_answer(Hello.from_load(request.load, request.version), True, master_key) == recorded


def test_the_digest_of_the_shared_key_is_signed_as_recorded(vectors, master_key):
    recorded = inner_of(bytes.fromhex(vectors["auth_first"]["reply"]))
    assert aes_digest_signature(master_key, vectors["aes_key"]) == recorded["sig"]


def test_an_accepted_answer_has_stocks_keys_in_stocks_order(vectors, known, master):
    recorded = inner_of(bytes.fromhex(vectors["auth_token"]["reply"]))
    ours = inner_of(master.answer(known.request()))
    assert list(ours) == list(recorded)
    assert {key: type(value) for key, value in ours.items()} == {key: type(value) for key, value in recorded.items()}


# -- each outcome --------------------------------------------------------------------------------------------------


def test_accepted_on_first_contact(master, first, master_key):
    accepted = first.accept(master.answer(first.request(), 3))
    assert isinstance(accepted, Accepted)
    assert (accepted.aes.key_string, accepted.session.key_string) == (master.aes, SESSION)
    assert (accepted.publish_port, accepted.master_pub_pem) == (4505, master_key.public.pem)
    assert accepted.new_key
    assert "token" not in codec.unpack(first.request())["load"]


def test_how_often_a_sign_of_life_is_wanted_is_said_to_who_knows_what_is_meant(master, first):
    assert "heartbeat" not in inner_of(master.answer(first.request(), 3))
    assert first.accept(master.answer(first.request(), 3)).heartbeat == 0
    master.heartbeat = 45
    assert first.accept(master.answer(first.request(), 3)).heartbeat == 45
    master.heartbeat = float("nan")
    assert first.accept(master.answer(first.request(), 3)).heartbeat == 0


@pytest.mark.parametrize(
    ("said", "taken"), [(None, None), (1.5e9, 1.5e9), (0, None), (-5.0, None), (float("nan"), None), (1e300, None)]
)
def test_the_masters_clock_is_taken_when_it_may_be_one(master, first, said, taken):
    master.clock = said
    assert first.accept(master.answer(first.request(), 3)).clock == taken


def test_accepted_again_with_a_token(master, known):
    assert codec.unpack(known.request())["load"]["token"]
    accepted = known.accept(master.answer(known.request(), 3))
    assert isinstance(accepted, Accepted)
    assert not accepted.new_key


@pytest.mark.parametrize(
    ("enc_algo", "sig_algo"), list(product(["OAEP-SHA1", "OAEP-SHA224"], ["PKCS1v15-SHA1", "PKCS1v15-SHA224"]))
)
def test_the_algorithms_are_the_minions_choice(big_keys, enc_algo, sig_algo):
    master_key, minion_key = big_keys
    master = Master(master_key)
    master.state, master.stored = KeyState.ACCEPTED, minion_key.public.pem
    hello = MinionHandshake(
        id="m",
        key=minion_key,
        master_pub=master_key.public,
        enc_algo=enc_algo,
        sig_algo=sig_algo,
        nonce=NONCE,
        token=TOKEN,
    )
    answer = master.answer(hello.request())
    assert isinstance(hello.accept(answer), Accepted)
    other = {"PKCS1v15-SHA1": "PKCS1v15-SHA224", "PKCS1v15-SHA224": "PKCS1v15-SHA1"}[sig_algo]
    with pytest.raises(RemoteProtocolError, match="signature"):
        attrs.evolve(hello, sig_algo=other).accept(answer)


@pytest.mark.parametrize(("takes", "told"), [(True, 2.0), (False, 0)])
def test_when_to_ask_again_is_told_to_who_takes_it_and_to_nobody_else(master_key, known, takes, told):
    hello = Hello.from_load(codec.unpack(attrs.evolve(known, takes_again=takes).request())["load"], 3)
    assert hello.takes_again is takes
    answer = refused_answer(hello, True, master_key, again=2.0)
    assert known.accept(answer) == Pending(verified=True, again=told)
    assert (b"again" in answer) is takes


@pytest.mark.parametrize(("ret", "outcome"), [(True, Pending), (False, Refused), ("full", TooMany)])
def test_refusals_are_verified_when_the_masters_key_is_known(master_key, first, known, ret, outcome):
    hello = Hello.from_load(codec.unpack(first.request())["load"], 3)
    answer = refused_answer(hello, ret, master_key)
    assert known.accept(answer) == outcome(verified=True)
    assert first.accept(answer) == outcome(verified=False)


def test_a_key_that_comes_with_a_refusal_proves_nothing(master_key, first):
    answer = signed_by(master_key, {"ret": False, "nonce": NONCE, "pub_key": master_key.public.pem})
    assert first.accept(answer) == Refused(verified=False)


def test_pending_then_accepted(master, known):
    master.state, master.stored = KeyState.UNKNOWN, None
    assert known.accept(master.answer(known.request())) == Pending(verified=True)
    assert master.verdict.store is KeyState.PENDING
    master.state, master.stored = KeyState.PENDING, known.key.public.pem
    assert known.accept(master.answer(known.request())) == Pending(verified=True)
    assert master.verdict.store is None
    master.state = KeyState.ACCEPTED
    assert isinstance(known.accept(master.answer(known.request())), Accepted)


def test_another_key_for_a_known_id_is_denied(master, known, other_key):
    liar = attrs.evolve(known, key=other_key)
    for state in (KeyState.ACCEPTED, KeyState.PENDING):
        master.state = state
        assert liar.accept(master.answer(liar.request())) == Refused(verified=True)
        assert master.verdict == Verdict(act="denied", ret=False, store=KeyState.DENIED)


def test_a_rejected_key_is_refused(master, known):
    master.state = KeyState.REJECTED
    assert known.accept(master.answer(known.request())) == Refused(verified=True)
    assert master.verdict == Verdict(act="reject", ret=False)


def test_full(master, known):
    master.policy = Policy(max_minions_reached=True)
    assert known.accept(master.answer(known.request())) == TooMany(verified=True)


def test_the_same_key_with_other_line_ends_is_the_same_key(master, known):
    load = codec.unpack(known.request())["load"]
    load["pub"] = load["pub"].replace("\n", "\r\n") + "\r\n\r\n"
    hello = Hello.from_load(load, 3)
    assert decide(hello, master.state, master.stored, Policy()).accepted
    assert decide(hello, master.state, master.stored + "\n", Policy()).accepted
