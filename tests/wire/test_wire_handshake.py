"""Both ends of `_auth` talk here without a socket."""

from __future__ import annotations

from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import KeyChanged, RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.crypticle import generate_key_string
from trisalt.wire.envelope import pack_signed, parse_request
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
    accepted_answer,
    aes_digest_signature,
    decide,
    public_key_signature,
    refused_answer,
)
from trisalt.wire.keys import PrivateKey

SHA1 = ("OAEP-SHA1", "PKCS1v15-SHA1")
NONCE = "8baf8abded522dabdb016a0a76aabc47"
SESSION, TOKEN = generate_key_string(), "x" * 76


class Master:
    """The master's half, as `master/auth` will drive it."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.aes = generate_key_string()
        self.digest = aes_digest_signature(key, self.aes)
        self.state = KeyState.UNKNOWN
        self.stored: str | None = None
        self.policy = Policy()
        self.pub_sig: str | None = None
        self.heartbeat: float = 0
        self.clock: float | None = None

    def answer(self, payload: bytes, minimum_version: int = 0) -> bytes:
        try:
            request = parse_request(payload, minimum_version=minimum_version)
            hello = Hello.from_load(request.load, request.version)
        except RemoteProtocolError as error:
            return codec.pack(error.refusal)
        verdict = decide(hello, self.state, self.stored, self.policy)
        self.verdict = verdict
        if not verdict.accepted:
            return refused_answer(hello, verdict.ret, self.key)
        return accepted_answer(
            hello,
            master_key=self.key,
            aes_key_string=self.aes,
            aes_digest_sig=self.digest,
            session_key_string=SESSION,
            publish_port=4505,
            pub_sig=self.pub_sig,
            heartbeat=self.heartbeat,
            clock=self.clock,
        )


@pytest.fixture
def master(master_key, minion_key):
    master = Master(master_key)
    master.state, master.stored = KeyState.ACCEPTED, minion_key.public.pem
    return master


@pytest.fixture
def first(minion_key):
    """A first contact: no key of the master is known."""
    return MinionHandshake(
        id="vec1", key=minion_key, master_pub=None, enc_algo=SHA1[0], sig_algo=SHA1[1], nonce=NONCE, token=TOKEN
    )


@pytest.fixture
def known(first, master_key):
    """The master's key is pinned."""
    return attrs.evolve(first, master_pub=master_key.public)


def inner_of(answer: bytes) -> dict:
    return codec.unpack(codec.to_bytes(codec.unpack(answer)["load"]))


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


# -- what the minion refuses to believe ----------------------------------------------------------------------------


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


def signed_by(key: PrivateKey, inner: object) -> bytes:
    packed = codec.pack(inner)
    return codec.pack({"enc": "clear", "load": packed, "sig": key.sign(packed, SHA1[1])})


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
