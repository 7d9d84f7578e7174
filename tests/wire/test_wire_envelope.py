from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.knocks import parse_request
from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.envelope import MAX_CLEAR_ITEMS, MAX_KNOCK, Knock, pack_aes, pack_clear, pack_signed, receive_request

UNREADABLE = {"error": "Routing error"}


def refusal(payload: object, **options) -> object:
    packed = payload if isinstance(payload, bytes) else codec.pack(payload)
    with pytest.raises(RemoteProtocolError) as raised:
        parse_request(packed, **options)
    codec.pack(raised.value.refusal)
    return raised.value.refusal


def test_recorded_requests_are_read(vectors):
    request = parse_request(bytes.fromhex(vectors["mine"]["request"]))
    assert (request.enc, request.id, request.version) == ("aes", "vec1", 3)
    assert (request.enc_algo, request.sig_algo) == ("OAEP-SHA1", "PKCS1v15-SHA1")
    assert isinstance(request.load, bytes)
    request = parse_request(bytes.fromhex(vectors["auth_first"]["request"]))
    assert (request.enc, request.id, request.version) == ("clear", "", 3)
    assert request.load["cmd"] == "_auth"


def test_a_sign_in_is_read_whole_when_its_turn_comes(vectors):
    packed = bytes.fromhex(vectors["auth_token"]["request"])
    knock = receive_request(packed)
    assert isinstance(knock, Knock)
    assert knock.read() == parse_request(packed)
    load = knock.read().load
    assert (knock.id.decode(), knock.pub.decode()) == (load["id"], load["pub"])
    odd = receive_request(pack_clear({"cmd": "_auth", "id": ["m1"], "pub": None}))
    assert (odd.id, odd.pub) == (b"", b"")
    with pytest.raises(RemoteProtocolError, match="an id that is no text"):
        odd.read()


def test_our_requests_are_stocks_byte_for_byte(vectors):
    for name in ("auth_first", "auth_token"):
        recorded = bytes.fromhex(vectors[name]["request"])
        assert pack_clear(codec.unpack(recorded)["load"]) == recorded
    recorded = bytes.fromhex(vectors["mine"]["request"])
    outer = codec.unpack(recorded)
    made = pack_aes(outer["load"], id="vec1", enc_algo="OAEP-SHA1", sig_algo="PKCS1v15-SHA1")
    assert made == recorded


def test_a_signed_reply_is_stocks_byte_for_byte(vectors, master_key):
    recorded = bytes.fromhex(vectors["auth_pending"]["reply"])
    inner = codec.unpack(codec.to_bytes(codec.unpack(recorded)["load"]))
    assert pack_signed(inner, master_key, "PKCS1v15-SHA1") == recorded


def test_a_clear_load_may_hold_anything():
    load = {"cmd": "publish", "arg": [{1: "x"}, b"\xff"], "id": "web1"}
    assert parse_request(pack_clear(load)).load == load


def test_unknown_keys_are_ignored():
    packed = codec.pack({"enc": "clear", "load": {"cmd": "ping"}, "version": 3, "traceparent": "x", "trisalt": {1: 2}})
    assert parse_request(packed).load == {"cmd": "ping"}


def test_algorithms_that_are_not_named_are_the_usual_ones():
    packed = codec.pack({"enc": "aes", "load": b"\xff", "version": 3, "id": "web1", "enc_algo": 5})
    request = parse_request(packed)
    assert (request.enc_algo, request.sig_algo) == ("OAEP-SHA1", "PKCS1v15-SHA1")


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"garbage", bytes(range(200, 256)), b"\x81\xa1a", b"\x91" * 2000])
def test_what_does_not_decode_is_a_routing_error(payload):
    assert refusal(payload) in (UNREADABLE, "bad load")


@pytest.mark.parametrize(
    "payload",
    [
        [1, 2],
        "x",
        None,
        {"enc": "aes"},
        {"load": {}},
        {"enc": 5, "load": {"cmd": "ping"}, "version": 3},
        {"enc": ["clear"], "load": {"cmd": "ping"}, "version": 3},
        {"enc": "pub", "load": {}, "version": 3},
        {"enc": "aes", "load": {"cmd": "x"}, "version": 3, "id": "web1"},
        {"enc": "aes", "load": b"\xff", "version": 3},
        {"enc": "aes", "load": b"\xff", "version": 3, "id": "../../evil"},
        {"enc": "aes", "load": b"\xff", "version": 3, "id": 7},
        {"enc": "aes", "load": b"\xff", "version": 3, "id": b"\xff"},
        {"enc": "aes", "load": b"\xff", "version": 3, "id": ""},
        {"enc": "aes", "load": b"\xff", "version": 3, "id": "a\0b"},
    ],
)
def test_what_is_no_envelope_is_a_bad_load(payload):
    assert refusal(payload) == "bad load"


@pytest.mark.parametrize("version", [0, 1, 2, -1, "0", "2", "three", "", b"\xff", "9" * 5000, [], {}, None, 2.5, True])
def test_a_version_below_the_minimum_or_none_at_all_is_a_bad_load(version):
    for load in ({"enc": "clear", "load": {"cmd": "ping"}}, {"enc": "aes", "load": b"\xff", "id": "web1"}):
        assert refusal({**load, "version": version}) == "bad load"


def test_no_version_is_version_0():
    payload = {"enc": "clear", "load": {"cmd": "ping"}}
    assert refusal(payload) == "bad load"
    assert parse_request(codec.pack(payload), minimum_version=0).version == 0


@pytest.mark.parametrize(("version", "read"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), ("3", 3), ("three", 0)])
def test_versions_when_all_are_allowed(version, read):
    packed = codec.pack({"enc": "clear", "load": {"cmd": "ping"}, "version": version})
    assert parse_request(packed, minimum_version=0).version == read


@pytest.mark.parametrize("version", [[], {}, None, -1, 2.5])
def test_a_version_that_is_no_number_is_refused_even_when_all_are_allowed(version):
    payload = {"enc": "clear", "load": {"cmd": "ping"}, "version": version}
    assert refusal(payload, minimum_version=0) == "bad load"


def test_an_old_encrypted_request_names_nobody_outside():
    packed = codec.pack({"enc": "aes", "load": b"\xff", "version": 2, "id": "web1"})
    request = parse_request(packed, minimum_version=2)
    assert (request.version, request.id) == (2, "")


@pytest.mark.parametrize("load", [5, "x", [], None, b"\xff"])
def test_a_clear_load_must_be_a_map(load):
    payload = {"enc": "clear", "load": load, "version": 3}
    assert refusal(payload) == "payload and load must be a dict"


def test_ids_are_refused_in_stocks_words():
    clear = {"enc": "clear", "version": 3}
    assert refusal({**clear, "load": {"id": "a\0b"}}) == "bad load: id contains a null byte"
    assert refusal({**clear, "load": {"id": 7}}) == "bad load: id 7 is not a string"
    assert refusal({**clear, "load": {"id": None}}) == "bad load: id None is not a string"
    assert len(str(refusal({**clear, "load": {"id": ["x" * 1000]}}))) < 200


def test_a_load_whose_key_is_bin_is_no_load():
    packed = b"\x83\xa3enc\xa5clear\xc4\x04load\x80\xa7version\x03"
    assert refusal(packed) == "payload and load must be a dict"


def test_strangers_say_fewer_things_than_they_may_send_bytes():
    assert parse_request(pack_clear({"cmd": "publish", "arg": ["x"] * (MAX_CLEAR_ITEMS - 20)}))
    assert refusal(pack_clear({"cmd": "publish", "arg": [{}] * (MAX_CLEAR_ITEMS + 1)})) == UNREADABLE
    assert refusal(pack_clear({"cmd": "publish", "arg": [{}] * 2000}), max_clear=1000) == UNREADABLE


def test_a_sign_in_is_as_large_as_sign_ins_are():
    load = {"cmd": "_auth", "id": "web1", "nonce": "0" * 32, "pub": "k" * 20_000}
    assert parse_request(pack_clear(load))
    assert refusal(pack_clear({**load, "id": "i" * MAX_KNOCK})) == "bad load"
    assert refusal(pack_clear({**load, "autosign_grains": {"uuid": "g" * MAX_KNOCK}})) == "bad load"


def test_strangers_may_send_less_than_those_with_a_session():
    clear = pack_clear({"cmd": "ping", "x": "a" * 1000})
    assert parse_request(clear, max_clear=len(clear))
    assert refusal(clear, max_clear=len(clear) - 1) == "bad load"
    sealed = pack_aes(os.urandom(1000), id="web1", enc_algo="", sig_algo="")
    assert parse_request(sealed, max_clear=100)
    assert refusal(sealed, max_size=len(sealed) - 1) == "bad load"


def test_a_request_of_16_mib_in_clear_is_refused():
    assert refusal(pack_clear({"cmd": "ping", "x": "a" * (16 << 20)})) == "bad load"


@given(st.binary(max_size=150))
def test_garbage_raises_nothing_but_a_remote_error(data):
    try:
        parse_request(data, minimum_version=0)
    except RemoteProtocolError as error:
        codec.pack(error.refusal)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"enc": st.sampled_from(["clear", "aes", "pub", b"\xff", 1]), "load": anything, "version": anything},
        optional={"id": anything, "enc_algo": anything, "sig_algo": anything},
    )
)
def test_an_envelope_of_anything_raises_nothing_but_a_remote_error(outer):
    for packed in (codec.pack(outer), codec.pack_bin(outer)):
        try:
            parse_request(packed, minimum_version=0)
        except RemoteProtocolError as error:
            codec.pack(error.refusal)
