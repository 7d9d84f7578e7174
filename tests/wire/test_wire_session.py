"""Both ends of a session talk here without a socket."""

from __future__ import annotations

from datetime import date, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire import session as session_file
from trisalt.wire.crypticle import Crypticle, generate_key_string
from trisalt.wire.envelope import pack_aes, receive_request
from trisalt.wire.keys import PublicKey
from trisalt.wire.session import (
    Opened,
    ReplayWindow,
    SessionRefused,
    is_known,
    named_sender,
    open_private_reply,
    open_reply,
    open_request,
    pillar_digest,
    says_known,
    seal_private_reply,
    seal_reply,
    seal_request,
    verify_load,
)

ALGOS = {"enc_algo": "OAEP-SHA1", "sig_algo": "PKCS1v15-SHA1"}
NONCE = "d73ab34cd5fbc89828f9cd9557c19ebe"
NOW = 1_800_000_000
SESSION, AES, OTHER = (Crypticle(generate_key_string()) for _ in range(3))
LOAD = {"cmd": "_return", "jid": "20261122124714045046", "return": {"ü": [1, None]}, "retcode": 0}


def seal(load=LOAD, *, key, session=SESSION, id="vec1", nonce=NONCE, now=NOW, **kwargs) -> bytes:
    return seal_request(load, id=id, session=session, key=key, nonce=nonce, now=now, **ALGOS, **kwargs)


def seal_raw(inner: object, *, id="vec1", session=SESSION, version=3) -> bytes:
    """A request whose load is exactly `inner`."""
    return pack_aes(session.dumps(inner), id=id, version=version, **ALGOS)


def open_(payload: bytes, public: PublicKey, *, session=SESSION, now=NOW, ttl=0, minimum_version=3) -> Opened:
    request = receive_request(payload, minimum_version=minimum_version)
    if not request.id:
        request = named_sender(request, shared=session)
    return open_request(request, session=session, public_key=public, now=now, ttl=ttl)


def refusal(payload: bytes, public: PublicKey, **kwargs) -> object:
    with pytest.raises(RemoteProtocolError) as raised:
        open_(payload, public, **kwargs)
    return raised.value.refusal


# -- requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mine", "return", "pillar"])
def test_recorded_requests_open(vectors, minion_key, name):
    opened = open_(
        bytes.fromhex(vectors[name]["request"]), minion_key.public, session=Crypticle(vectors["session_key"])
    )
    assert opened.nonce == vectors[name]["nonce"]
    assert opened.cmd == "_" + name
    assert opened.load["id"] == "vec1"
    assert not {"tok", "nonce"} & set(opened.load)


def test_our_requests_hold_what_stocks_do_in_the_same_order(vectors, minion_key):
    plain = bytes.fromhex(vectors["mine"]["request_plain"]).removeprefix(b"pickle::")
    recorded = codec.unpack(plain)
    load = {key: value for key, value in recorded.items() if key in ("cmd", "data", "clear")}
    session = Crypticle(vectors["session_key"])
    payload = seal(load, key=minion_key, session=session, nonce=recorded["nonce"], now=recorded["ts"])
    assert session.open(codec.unpack(payload)["load"]) == plain


def test_a_request_comes_through_without_its_proofs(minion_key):
    opened = open_(seal(key=minion_key), minion_key.public)
    assert opened == Opened(load={**LOAD, "ts": NOW, "id": "vec1"}, nonce=NONCE, cmd="_return")


def test_it_comes_through_alike_the_second_time_when_the_tok_is_known(minion_key):
    public = PublicKey.from_pem(minion_key.public.pem)
    load = {**LOAD, "return": {"text": "ü", "bytes": b"\xff\xfe", 7: 8}}
    first = open_(seal(load, key=minion_key), public)
    assert public.good_tok is not None
    assert open_(seal(load, key=minion_key), public) == first
    assert first.load["return"] == load["return"]


def test_fields_of_the_protocol_in_a_load_do_not_get_in_its_way(minion_key):
    load = {**LOAD, "tok": b"x", "nonce": "x", "ts": 5, "id": "somebody", "sig": "x"}
    opened = open_(seal(load, key=minion_key), minion_key.public)
    assert opened == open_(seal(key=minion_key), minion_key.public)


def test_a_request_says_only_so_many_things(minion_key, monkeypatch):
    monkeypatch.setattr(session_file, "MAX_REQUEST_ITEMS", 3000)
    opened = open_(seal({"cmd": "_return", "return": ["x"] * 2900}, key=minion_key), minion_key.public)
    assert len(opened.load["return"]) == 2900
    assert refusal(seal({"cmd": "_return", "return": ["x"] * 3000}, key=minion_key), minion_key.public) == "bad load"


def test_a_request_without_a_nonce_is_opened_without_one(minion_key):
    opened = open_(seal_raw({"cmd": "ping", "id": "vec1", "tok": minion_key.tok}), minion_key.public)
    assert opened.nonce == ""


@pytest.mark.parametrize("cmd", [None, 5, b"\xff", ["x"]])
def test_a_cmd_that_is_no_text_is_none(minion_key, cmd):
    assert open_(seal_raw({"cmd": cmd, "id": "vec1", "tok": minion_key.tok}), minion_key.public).cmd == ""


@pytest.mark.parametrize("known", [False, True], ids=["tok seen first", "tok known"])
@pytest.mark.parametrize("tok", [None, 5, "salt", [], {}, b"", b"x", b"\xff" * 128, b"-" * 128, "forged"])
def test_a_tok_that_is_not_the_minions_is_a_bad_load(minion_key, other_key, known, tok):
    public = PublicKey.from_pem(minion_key.public.pem)
    if known:
        assert public.check_tok(minion_key.tok)
    if tok == "forged":
        tok = other_key.tok
    assert refusal(seal_raw({"cmd": "x", "id": "vec1", "nonce": NONCE, "tok": tok}), public) == "bad load"
    assert refusal(seal_raw({"cmd": "x", "id": "vec1", "nonce": NONCE}), public) == "bad load"


def test_the_tok_counts_in_its_place_only(minion_key, other_key):
    public = PublicKey.from_pem(minion_key.public.pem)
    assert public.check_tok(minion_key.tok)
    for tok in ({"tok": other_key.tok}, {"tok": b"x"}, {}):
        payload = seal_raw({"cmd": "x", "id": "vec1", "data": minion_key.tok, **tok})
        assert refusal(payload, public) == "bad load"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ({"id": "vec2"}, "bad load"),
        ({}, "bad load: id None is not a string"),
        ({"id": 7}, "bad load: id 7 is not a string"),
        ({"id": "vec1\0"}, "bad load: id contains a null byte"),
        ({"id": "vec1", "nonce": 5}, "bad load"),
        ({"id": "vec1", "nonce": "n" * 1000}, "bad load"),
    ],
)
def test_what_a_load_claims_is_refused_in_stocks_words(minion_key, inner, expected):
    assert refusal(seal_raw({"cmd": "x", "tok": minion_key.tok, **inner}), minion_key.public) == expected


@pytest.mark.parametrize("inner", [[], "x", 5, None, b"\xff"])
def test_a_sealed_load_must_be_a_map(minion_key, inner):
    assert refusal(seal_raw(inner), minion_key.public) == "payload and load must be a dict"


def test_another_session_key_is_a_bad_load(minion_key):
    for session in (OTHER, AES):
        assert refusal(seal(key=minion_key, session=session), minion_key.public) == "bad load"


@pytest.mark.parametrize("where", [20, -1])
def test_a_changed_byte_is_a_bad_load(minion_key, where):
    outer = codec.unpack(seal(key=minion_key))
    changed = bytearray(outer["load"])
    changed[where] ^= 1
    assert refusal(codec.pack({**outer, "load": bytes(changed)}), minion_key.public) == "bad load"


def test_another_id_outside_is_a_bad_load(minion_key):
    outer = codec.unpack(seal(key=minion_key))
    assert refusal(codec.pack({**outer, "id": "vec2"}), minion_key.public) == "bad load"


@pytest.mark.parametrize(
    ("ts", "good"), [(NOW, True), (NOW - 300, True), (NOW + 300, True), (NOW - 301, False), (NOW + 301, False)]
)
def test_a_ts_may_be_as_far_away_as_the_ttl(minion_key, ts, good):
    payload = seal(key=minion_key, now=ts)
    assert open_(payload, minion_key.public)
    if good:
        assert open_(payload, minion_key.public, ttl=300)
    else:
        assert refusal(payload, minion_key.public, ttl=300) == "bad load"


@pytest.mark.parametrize("ts", [None, "now", [], {}, b"\xff", 1.5e300])
def test_with_a_ttl_there_must_be_a_ts(minion_key, ts):
    inner = {"cmd": "x", "id": "vec1", "tok": minion_key.tok, "nonce": NONCE}
    assert refusal(seal_raw({**inner, "ts": ts}), minion_key.public, ttl=300) == "bad load"
    assert refusal(seal_raw(inner), minion_key.public, ttl=300) == "bad load"
    assert open_(seal_raw({**inner, "ts": ts}), minion_key.public)


def test_version_2_is_sealed_with_the_shared_key_and_names_its_sender_inside(minion_key):
    inner = {**LOAD, "id": "vec1", "nonce": NONCE}
    payload = seal_raw(inner, session=AES, version=2)
    opened = open_(payload, minion_key.public, session=AES, minimum_version=0, ttl=300)
    assert (opened.load, opened.nonce) == ({**LOAD, "id": "vec1"}, NONCE)
    assert open_(
        seal_raw({**inner, "tok": minion_key.tok}, session=AES, version=2),
        minion_key.public,
        session=AES,
        minimum_version=0,
    )
    payload = seal_raw({**inner, "tok": b"x"}, session=AES, version=2)
    assert refusal(payload, minion_key.public, session=AES, minimum_version=0) == "bad load"
    assert refusal(payload, minion_key.public, session=AES) == "bad load"


@pytest.mark.parametrize("inner", [{}, {"id": "../x"}, {"id": 5}, [], "x"])
def test_version_2_must_name_a_sender(minion_key, inner):
    payload = seal_raw(inner, session=AES, version=2)
    assert refusal(payload, minion_key.public, session=AES, minimum_version=0) == "bad load"


def test_version_0_has_no_nonce(minion_key):
    payload = seal_raw({"cmd": "x", "id": "vec1", "nonce": NONCE}, session=AES, version=0)
    opened = open_(payload, minion_key.public, session=AES, minimum_version=0)
    assert (opened.nonce, opened.load["nonce"]) == ("", NONCE)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from(["cmd", "id", "nonce", "ts", "tok", "sig"]), anything | st.just("vec1")),
    st.booleans(),
    st.integers(0, 3),
)
def test_a_load_of_anything_raises_nothing_but_a_remote_error(minion_key, inner, proven, version):
    if proven:
        inner["tok"], inner["id"] = minion_key.tok, "vec1"
    try:
        open_(seal_raw(inner, version=version), minion_key.public, ttl=300, minimum_version=0)
    except RemoteProtocolError as error:
        codec.pack(error.refusal)


def test_an_opened_request_is_frozen(minion_key):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        open_(seal(key=minion_key), minion_key.public).nonce = ""  # type: ignore[misc]


# -- the minion's own signature ------------------------------------------------------------------------------------


def test_a_signed_load_holds_as_it_came(minion_key, other_key):
    opened = open_(seal(key=minion_key, sign=True), minion_key.public)
    assert verify_load(opened.load, public_key=minion_key.public, sig_algo=ALGOS["sig_algo"]) is True
    assert verify_load(opened.load, public_key=other_key.public, sig_algo=ALGOS["sig_algo"]) is False
    changed = {**opened.load, "retcode": 1}
    assert verify_load(changed, public_key=minion_key.public, sig_algo=ALGOS["sig_algo"]) is False
    assert verify_load(opened.load, public_key=minion_key.public, sig_algo="nope") is False
    assert verify_load({**opened.load, "sig": 5}, public_key=minion_key.public, sig_algo=ALGOS["sig_algo"]) is False


def test_a_load_is_not_signed_unless_told_to(minion_key):
    opened = open_(seal(key=minion_key), minion_key.public)
    assert verify_load(opened.load, public_key=minion_key.public, sig_algo=ALGOS["sig_algo"]) is None


# -- replays -------------------------------------------------------------------------------------------------------


def test_a_request_is_admitted_once():
    window = ReplayWindow(600)
    window.admit("a", "n1", cmd="_return", now=0)
    window.admit("a", "n2", cmd="_return", now=0)
    window.admit("b", "n1", cmd="_return", now=0)
    for now in (0, 1, 599, 600):
        with pytest.raises(RemoteProtocolError, match="before") as raised:
            window.admit("a", "n1", cmd="_return", now=now)
        assert raised.value.refusal == "bad load"


@pytest.mark.parametrize("cmd", ["_pillar", "_file_list", "_file_hash", "_serve_file", "_master_opts"])
def test_what_stock_minions_send_again_is_admitted_again(cmd):
    window = ReplayWindow(600)
    for _ in range(3):
        window.admit("a", "n1", cmd=cmd, now=0)
    window.admit("a", "", cmd=cmd, now=0)


def test_without_a_nonce_nothing_else_is_admitted():
    with pytest.raises(RemoteProtocolError, match="without a nonce"):
        ReplayWindow(600).admit("a", "", cmd="_return", now=0)


def test_an_id_and_a_nonce_do_not_run_together():
    window = ReplayWindow(600)
    window.admit("ab", "c", cmd="_return", now=0)
    window.admit("a", "bc", cmd="_return", now=0)


def test_the_window_forgets_in_time():
    window = ReplayWindow(600)
    for second in range(0, 6000, 10):
        window.admit("a", str(second), cmd="_return", now=second)
        assert len(window) <= 76
    window.admit("a", "0", cmd="_return", now=6000)
    window.admit("a", "later", cmd="_return", now=100_000)
    assert len(window) == 1


@given(st.lists(st.tuples(st.floats(0, 500), st.integers(0, 5)), max_size=60))
def test_whatever_the_times_nothing_is_admitted_twice_within_the_window(requests):
    window, admitted, now = ReplayWindow(600), {}, 0.0
    for wait, nonce in requests:
        now += wait
        try:
            window.admit("a", str(nonce), cmd="_return", now=now)
        except RemoteProtocolError:
            assert nonce in admitted
        else:
            assert now - admitted.get(nonce, -600.0) >= 600
            admitted[nonce] = now


# -- replies -------------------------------------------------------------------------------------------------------


def test_recorded_replies_are_understood(vectors):
    session = Crypticle(vectors["session_key"])
    for name, value in (("mine", True), ("return", None)):
        recorded = vectors[name]
        assert open_reply(bytes.fromhex(recorded["reply"]), session=session, nonce=recorded["nonce"]) is value


@given(anything)
def test_a_reply_comes_back(value):
    payload = seal_reply(value, session=SESSION, nonce=NONCE)
    assert codec.pack(open_reply(payload, session=SESSION, nonce=NONCE)) == codec.pack(value)


def test_a_reply_to_a_request_without_a_nonce_has_none():
    assert SESSION.loads(codec.unpack_raw(seal_reply({}, session=SESSION, nonce=""))) == {}


def test_file_contents_stay_bytes():
    payload = seal_reply({"data": "text", "dest": "a"}, session=SESSION, nonce=NONCE)
    assert open_reply(payload, session=SESSION, nonce=NONCE, raw=True) == {b"data": b"text", b"dest": b"a"}


@pytest.mark.parametrize(
    "answer", ["bad load", "Some exception handling minion payload", {}, {"msg": "bad load"}, None, 5]
)
def test_a_clear_answer_means_to_sign_in_again(answer):
    with pytest.raises(SessionRefused):
        open_reply(codec.pack(answer), session=SESSION, nonce=NONCE)


def test_a_refusal_is_quoted():
    with pytest.raises(SessionRefused, match="bad load"):
        open_reply(codec.pack("bad load"), session=SESSION, nonce=NONCE)


def test_a_reply_under_another_key_means_to_sign_in_again():
    with pytest.raises(SessionRefused, match="session key"):
        open_reply(seal_reply(1, session=OTHER, nonce=NONCE), session=SESSION, nonce=NONCE)


def test_a_reply_to_another_request_is_no_reason_to_sign_in_again():
    with pytest.raises(RemoteProtocolError, match="nonce") as raised:
        open_reply(seal_reply(1, session=SESSION, nonce="0" * 32), session=SESSION, nonce=NONCE)
    assert not isinstance(raised.value, SessionRefused)


@given(st.binary(max_size=150))
def test_garbage_for_a_reply_raises_nothing_but_a_remote_error(minion_key, master_key, data):
    for payload in (data, codec.pack(data), codec.pack({"key": data, "pillar": data})):
        with pytest.raises(RemoteProtocolError):
            open_reply(payload, session=SESSION, nonce=NONCE)
        with pytest.raises(RemoteProtocolError):
            open_private_reply(payload, key=minion_key, master_pub=master_key.public, nonce=NONCE, **ALGOS)


# -- private replies -----------------------------------------------------------------------------------------------


def test_a_recorded_pillar_is_understood(vectors, minion_key, master_key):
    recorded = vectors["pillar"]
    pillar = open_private_reply(
        bytes.fromhex(recorded["reply"]), key=minion_key, master_pub=master_key.public, nonce=recorded["nonce"], **ALGOS
    )
    assert isinstance(pillar, dict)


def private(value, *, minion_key, master_key, nonce=NONCE, **algos) -> bytes:
    return seal_private_reply(
        value, public_key=minion_key.public, master_key=master_key, nonce=nonce, **(algos or ALGOS)
    )


def test_a_pillar_comes_back_to_its_minion_only(minion_key, master_key, other_key):
    payload = private({"a": ["ü", b"\xff"]}, minion_key=minion_key, master_key=master_key)
    assert set(codec.unpack(payload)) == {"key", "pillar"}

    def read(key=minion_key, public=master_key.public, nonce=NONCE):
        return open_private_reply(payload, key=key, master_pub=public, nonce=nonce, **ALGOS)

    assert read() == {"a": ["ü", b"\xff"]}
    with pytest.raises(RemoteProtocolError, match="not encrypted for this key"):
        read(key=other_key)
    with pytest.raises(RemoteProtocolError, match="signature"):
        read(public=other_key.public)
    with pytest.raises(RemoteProtocolError, match="nonce"):
        read(nonce="0" * 32)


def test_a_pillar_is_sealed_by_the_minions_algorithms(big_keys):
    master_key, minion_key = big_keys
    algos = {"enc_algo": "OAEP-SHA224", "sig_algo": "PKCS1v15-SHA224"}
    payload = private({}, minion_key=minion_key, master_key=master_key, **algos)
    assert open_private_reply(payload, key=minion_key, master_pub=master_key.public, nonce=NONCE, **algos) == {}
    with pytest.raises(RemoteProtocolError):
        open_private_reply(payload, key=minion_key, master_pub=master_key.public, nonce=NONCE, **ALGOS)


def test_a_pillar_is_not_sealed_without_a_nonce_or_for_unknown_algorithms(minion_key, master_key):
    with pytest.raises(RemoteProtocolError) as raised:
        private({}, minion_key=minion_key, master_key=master_key, nonce="")
    assert raised.value.refusal == {"error": "Nonce not included in request"}
    with pytest.raises(RemoteProtocolError) as raised:
        private({}, minion_key=minion_key, master_key=master_key, enc_algo="x", sig_algo="y")
    assert raised.value.refusal == "bad load"


def test_a_pillar_under_another_key_than_it_says_is_not_believed(minion_key, master_key):
    once = generate_key_string()
    key = minion_key.public.encrypt(once.encode(), ALGOS["enc_algo"])

    def payload(**change):
        data = codec.pack({"key": key, "pillar": {}, "nonce": NONCE, **change})
        body = {"data": data, "sig": master_key.sign(data, ALGOS["sig_algo"])}
        return codec.pack({"key": key, "pillar": Crypticle(once).dumps(body)})

    def read(data):
        return open_private_reply(data, key=minion_key, master_pub=master_key.public, nonce=NONCE, **ALGOS)

    assert read(payload()) == {}
    for change in ({"key": b"x"}, {"nonce": None}, {"nonce": 5}):
        with pytest.raises(RemoteProtocolError):
            read(payload(**change))


@pytest.mark.parametrize("answer", ["bad load", {"error": "Nonce not included in request"}, {}, None])
def test_a_refused_pillar_means_to_sign_in_again(minion_key, master_key, answer):
    with pytest.raises(SessionRefused):
        open_private_reply(codec.pack(answer), key=minion_key, master_pub=master_key.public, nonce=NONCE, **ALGOS)


@pytest.mark.parametrize(
    "pillar",
    [
        {},
        {"a": ["ü", b"\xff", None, 1.5, {"n": -1, "big": 1 << 70}]},
        {"day": date(2026, 11, 27), "at": datetime(2026, 11, 27, 1, 2, 3, 4), "set": {1}},
        {"bytes that are text": b"text", 5: {"deep": [[[]]]}},
    ],
)
def test_a_pillar_has_one_digest_on_both_sides(pillar, minion_key, master_key):
    payload = private(pillar, minion_key=minion_key, master_key=master_key)
    there = open_private_reply(payload, key=minion_key, master_pub=master_key.public, nonce=NONCE, **ALGOS)
    known = pillar_digest(there)
    assert is_known({"known": known}, pillar) == {"known": known}
    payload = seal_reply(is_known({"known": known}, pillar), session=SESSION, nonce=NONCE)
    assert says_known(payload, session=SESSION, nonce=NONCE, known=known)


@pytest.mark.parametrize(
    "load", [{}, {"known": ""}, {"known": None}, {"known": ["x"]}, {"known": "ü"}, {"known": "0" * 64}]
)
def test_another_pillar_than_a_minion_has_is_sent(load):
    assert is_known(load, {"a": 1}) is None


def test_only_a_reply_to_this_request_says_that_a_pillar_is_known(minion_key, master_key):
    sealed = seal_reply({"known": "x"}, session=SESSION, nonce=NONCE)
    assert not says_known(sealed, session=SESSION, nonce=NONCE, known="y")
    with pytest.raises(RemoteProtocolError):
        says_known(sealed, session=SESSION, nonce="0" * 32, known="x")
    with pytest.raises(RemoteProtocolError):
        says_known(sealed, session=Crypticle(generate_key_string()), nonce=NONCE, known="x")
    for clear in (private({"known": "x"}, minion_key=minion_key, master_key=master_key), codec.pack({"known": "x"})):
        assert not says_known(clear, session=SESSION, nonce=NONCE, known="x")
