"""What the master decides of a sign-in, what it refuses to read, and older versions."""

from __future__ import annotations

from itertools import product

import attrs
import pytest

from tests.wire.handshake.ends import NONCE, SHA1, inner_of
from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.handshake import (
    Accepted,
    Hello,
    KeyState,
    MinionHandshake,
    Policy,
    Refused,
    Verdict,
    decide,
    refused_answer,
)

# -- decisions -----------------------------------------------------------------------------------------------------

ACCEPT_NEW = Verdict(act="accept", ret=None, store=KeyState.ACCEPTED)


ACCEPT = Verdict(act="accept", ret=None)


REJECT_NEW = Verdict(act="reject", ret=False, store=KeyState.REJECTED)


REJECT = Verdict(act="reject", ret=False)


PEND = Verdict(act="pend", ret=True)


DENY = Verdict(act="denied", ret=False, store=KeyState.DENIED)


U, P, A, R, D = KeyState.UNKNOWN, KeyState.PENDING, KeyState.ACCEPTED, KeyState.REJECTED, KeyState.DENIED


@pytest.mark.parametrize(
    ("state", "same", "policy", "verdict"),
    [
        (U, None, {}, Verdict(act="pend", ret=True, store=P)),
        (U, None, {"auto_accept": True}, ACCEPT_NEW),
        (U, None, {"autosign": True}, ACCEPT_NEW),
        (U, None, {"autoreject": True, "auto_accept": True}, REJECT_NEW),
        (D, None, {}, Verdict(act="pend", ret=True, store=P)),
        (P, True, {}, PEND),
        (P, False, {}, DENY),
        (P, True, {"autosign": True}, ACCEPT_NEW),
        (P, False, {"autosign": True}, DENY),
        (P, True, {"autoreject": True}, REJECT_NEW),
        (P, False, {"autoreject": True, "autosign": True}, REJECT_NEW),
        (A, True, {}, ACCEPT),
        (A, False, {}, DENY),
        (A, False, {"auto_accept": True}, DENY),
        (A, True, {"autoreject": True}, ACCEPT),
        (R, True, {}, REJECT),
        (R, True, {"auto_accept": True}, REJECT),
        (A, False, {"open_mode": True}, ACCEPT_NEW),
        (A, True, {"open_mode": True}, ACCEPT),
        (R, True, {"open_mode": True}, ACCEPT_NEW),
        (A, True, {"max_minions_reached": True, "open_mode": True}, Verdict(act="full", ret="full")),
    ],
)
def test_each_row_of_the_decision(minion_key, other_key, first, state, same, policy, verdict):
    stored = {True: minion_key.public.pem, False: other_key.public.pem, None: None}[same]
    hello = Hello.from_load(codec.unpack(first.request())["load"], 3)
    assert decide(hello, state, stored, Policy(**policy)) == verdict


@pytest.mark.parametrize("id", ["../x", "a/b", "a\\b", "..", "", ".hidden"])
def test_an_invalid_id_is_refused_signed_whatever_the_policy(master, known, id):
    master.policy = Policy(open_mode=True)
    bad = attrs.evolve(known, id=id)
    assert bad.accept(master.answer(bad.request())) == Refused(verified=True)
    assert master.verdict.store is None


@pytest.mark.parametrize("pub", ["", "not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_a_key_that_does_not_parse_is_refused_signed_and_never_stored(master, known, pub):
    for state, policy in product(KeyState, [Policy(), Policy(open_mode=True), Policy(auto_accept=True)]):
        load = {**codec.unpack(known.request())["load"], "pub": pub}
        hello = Hello.from_load(load, 3)
        verdict = decide(hello, state, pub, policy)
        assert (verdict.ret, verdict.store) == (False, None)
        assert known.accept(refused_answer(hello, False, master.key)) == Refused(verified=True)


# -- what the master refuses to read -------------------------------------------------------------------------------


def refusal(load: dict, version: int = 3) -> object:
    with pytest.raises(RemoteProtocolError) as raised:
        Hello.from_load(load, version)
    return raised.value.refusal


def test_missing_fields_are_refused_in_stocks_words(known):
    load = codec.unpack(known.request())["load"]
    for name in ("id", "pub", "nonce"):
        for value in (None, 7, b"\xff", ["x"], {}):
            assert refusal({**load, name: value}) == "Some exception handling minion payload"
        assert refusal({k: v for k, v in load.items() if k != name}) == "Some exception handling minion payload"
    assert refusal({**load, "nonce": "n" * 1000}) == "Some exception handling minion payload"


def test_unknown_algorithms_are_refused_in_stocks_words(known):
    load = codec.unpack(known.request())["load"]
    for algo in ("PKCS1v15-MD5", "", None, [], 5):
        assert refusal({**load, "sig_algo": algo}) == {"enc": "clear", "load": {"ret": "bad sig algo"}}
    for algo in ("OAEP-MD5", "", None, [], 5):
        assert refusal({**load, "enc_algo": algo}) == {"enc": "clear", "load": {"ret": "bad enc algo"}}
        bare = {k: v for k, v in load.items() if k != "token"}
        assert refusal({**bare, "enc_algo": algo}) == "Some exception handling minion payload"


def test_unknown_keys_and_odd_extras_are_ignored(known):
    load = codec.unpack(known.request())["load"]
    hello = Hello.from_load({**load, "trisalt": {"x": 1}, "autosign_grains": ["x"]}, 3)
    assert hello.autosign_grains is None


def test_autosign_grains_arrive(known):
    request = attrs.evolve(known, autosign_grains={"uuid": "1", "site": None}).request()
    assert Hello.from_load(codec.unpack(request)["load"], 3).autosign_grains == {"uuid": "1", "site": None}


# -- older versions ------------------------------------------------------------------------------------------------


def at_version(handshake: MinionHandshake, version: int | None) -> bytes:
    outer = codec.unpack(handshake.request())
    outer["version"] = version
    if version is None:
        del outer["version"]
    return codec.pack(outer)


@pytest.mark.parametrize("version", [None, 0, 1, 2])
def test_versions_below_the_minimum_are_a_bad_load(master, known, version):
    assert codec.unpack(master.answer(at_version(known, version), minimum_version=3)) == "bad load"


@pytest.mark.parametrize("version", [2, 3, 4])
def test_versions_from_2_are_answered_signed_with_a_nonce(master, known, version):
    answer = master.answer(at_version(known, version))
    assert isinstance(known.accept(answer), Accepted)
    assert inner_of(answer)["nonce"] == NONCE
    master.state = KeyState.REJECTED
    assert known.accept(master.answer(at_version(known, version))) == Refused(verified=True)


@pytest.mark.parametrize("version", [None, 0, 1, "three"])
def test_versions_0_and_1_are_answered_unsigned_without_a_nonce(master, known, version):
    answer = codec.unpack(master.answer(at_version(known, version)))
    assert set(answer) == {"enc", "pub_key", "publish_port", "token", "aes", "session", "sig"}
    assert known.key.decrypt(codec.to_bytes(answer["aes"]), SHA1[0]).decode() == master.aes
    master.state = KeyState.REJECTED
    answer = codec.unpack(master.answer(at_version(known, version)))
    assert answer == {"enc": "clear", "load": {"ret": False}}


def test_versions_0_and_1_need_no_nonce(known):
    load = codec.unpack(known.request())["load"]
    del load["nonce"]
    assert Hello.from_load(load, 1).nonce == ""
