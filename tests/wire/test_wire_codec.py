from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime
from types import MappingProxyType

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.bus.event import Secret
from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.wire import codec

BINARY = b"\xff\x00\xfe"

keys = st.text(max_size=8) | st.integers(-(2**63), 2**64 - 1) | st.booleans()
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20)
)
loads = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5), max_leaves=30
)
never_text = st.binary(min_size=1, max_size=20).filter(lambda data: not _is_text(data))


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(loads | st.just(["not Unicode: \udcff"]) | st.just({"a": date(2026, 11, 22), 1: (b"", 2**80)}))
def test_what_was_packed_is_packed_again_as_what_it_says(load):
    data = codec.pack_bin(load)
    assert codec.repacked(data) == codec.pack_bin(codec.unpack_bin(data))


@given(loads)
def test_what_is_packed_comes_back(load):
    assert codec.unpack(codec.pack(load)) == load
    assert codec.unpack_bin(codec.pack_bin(load)) == load


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | never_text | loads, max_size=6))
def test_strings_are_text_where_they_are_utf8_and_bytes_elsewhere(load):
    assert codec.unpack(codec.pack(load)) == load


@given(st.dictionaries(st.text(), st.binary()))
def test_the_local_encoding_tells_text_from_bytes(load):
    assert codec.unpack_bin(codec.pack_bin(load)) == load


def test_the_network_encoding_uses_the_old_raw_family_only():
    assert codec.pack("x" * 40) == b"\xda\x00\x28" + b"x" * 40
    assert codec.pack(b"x" * 40) == b"\xda\x00\x28" + b"x" * 40


@pytest.mark.parametrize("header", [b"\xd9\x03", b"\xda\x00\x03", b"\xdb\x00\x00\x00\x03", b"\xa3"])
def test_every_string_family_is_read(header):
    assert codec.unpack(header + b"abc") == "abc"
    assert codec.unpack_raw(header + b"abc") == b"abc"


@pytest.mark.parametrize("header", [b"\xc4\x03", b"\xc5\x00\x03", b"\xc6\x00\x00\x00\x03"])
def test_bin_is_bytes(header):
    assert codec.unpack(header + b"abc") == b"abc"


def test_raw_leaves_keys_and_values_as_bytes():
    assert codec.unpack_raw(codec.pack({"a": ["b", BINARY], 1: None})) == {b"a": [b"b", BINARY], 1: None}


def test_a_binary_field_beside_text_keeps_the_text():
    load = {"cmd": "_return", "größe": "ü", "tok": BINARY, "n": [{"x": BINARY, 7: "y"}], BINARY: 1}
    assert codec.unpack(codec.pack(load)) == load


def test_file_names_that_are_no_unicode_travel_as_the_bytes_they_are():
    assert codec.unpack(codec.pack({"name": b"caf\xe9".decode("utf-8", "surrogateescape")})) == {"name": b"caf\xe9"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2), [1, 2]),
        ({1}, [1]),
        (frozenset({1}), [1]),
        (2**64, "18446744073709551616"),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (datetime(2026, 11, 22, 12, 47, 14, 45046), datetime(2026, 11, 22, 12, 47, 14, 45046)),
        (date(2026, 11, 22), datetime(2026, 11, 22)),
    ],
)
def test_what_msgpack_does_not_know_is_sent_as_stock_sends_it(value, expected):
    assert codec.unpack(codec.pack([value])) == [expected]


def test_a_date_is_stocks_extension():
    assert codec.pack(date(2026, 11, 22)) == msgpack.packb(msgpack.ExtType(78, b"20261122T00:00:00.000000"))


def test_a_constant_is_its_value_and_an_unknown_extension_its_bytes():
    constant = msgpack.ExtType(79, msgpack.packb(["NOTSET", "value"], use_bin_type=True))
    assert codec.unpack(msgpack.packb([constant, msgpack.ExtType(5, b"abc")])) == ["value", b"abc"]


@pytest.mark.parametrize("value", [Secret("x"), object(), {"a": [Secret("x")]}, print, {"\ud800"}])
def test_what_has_no_place_on_the_wire_is_refused(value):
    with pytest.raises(LocalProtocolError):
        codec.pack(value)
    with pytest.raises(LocalProtocolError):
        codec.pack_bin(value)


def test_a_load_that_holds_itself_is_refused():
    load: list = []
    load.append(load)
    with pytest.raises(LocalProtocolError):
        codec.pack(load)


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_but_a_remote_error(data):
    for unpack in (codec.unpack, codec.unpack_raw, codec.unpack_bin):
        try:
            unpack(data)
        except RemoteProtocolError:
            pass


@given(loads, st.data())
def test_a_damaged_load_raises_nothing_but_a_remote_error(load, data):
    packed = bytearray(codec.pack({"load": load, "pad": "x" * 1200}))
    for _ in range(3):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    for unpack in (codec.unpack, codec.unpack_raw):
        try:
            unpack(bytes(packed))
        except RemoteProtocolError:
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x81\xa1a",
        codec.pack(1) + b"\x00",
        codec.pack("x" * 2000) + b"\x00",
        b"\x81\x90\x01",
        b"\xc7\x03\x4eabc",
        b"\xc7\x03\x4f\x01\x02\x03",
        b"\xd6\xff\xff\xff\xff",
    ],
    ids=[
        "empty",
        "never used",
        "cut",
        "trailing",
        "trailing, long",
        "list as key",
        "bad date",
        "bad constant",
        "short",
    ],
)
def test_what_is_not_one_whole_object_is_refused(data):
    with pytest.raises(RemoteProtocolError):
        codec.unpack(data)


def test_size_is_limited_before_decoding():
    packed = codec.pack("x" * 100)
    assert codec.unpack(packed, max_size=len(packed))
    with pytest.raises(RemoteProtocolError, match="are allowed"):
        codec.unpack(packed, max_size=len(packed) - 1)


def test_a_header_that_claims_more_than_there_is_sets_no_memory_aside():
    with pytest.raises(RemoteProtocolError):
        codec.unpack((b"\xdd\x00\x10\x00\x00") * 1000)


@pytest.mark.parametrize("deep", [lambda n: b"\x91" * n + b"\xc0", lambda n: b"\x81\xa1a" * n + b"\xc0"])
def test_depth_is_limited(deep):
    assert codec.unpack(deep(128))
    assert codec.unpack_raw(deep(128))
    for n in (129, 500, 5000):
        with pytest.raises(RemoteProtocolError):
            codec.unpack(deep(n))
        with pytest.raises(RemoteProtocolError):
            codec.unpack_raw(deep(n))


@pytest.mark.parametrize("unpack", [codec.unpack, codec.unpack_raw])
@pytest.mark.parametrize(
    "obj",
    [[{}] * 3000, [[0] * 50] * 60, {n: 0 for n in range(3000)}, {"a": [{"b": ["xy"] * 30}] * 100}, [[[]] * 1000] * 3],
)
def test_values_are_counted_before_they_are_made(unpack, obj, monkeypatch):
    packed = codec.pack(obj)
    assert unpack(packed, max_items=6200)

    made = []
    monkeypatch.setattr(codec, "_decode_ext", lambda *_args: made.append("a value"))
    with pytest.raises(RemoteProtocolError, match="more than 2900 values"):
        unpack(codec.pack([date(2026, 1, 1), obj]), max_items=2900)
    assert made == []


def test_a_large_text_is_one_value():
    assert len(codec.unpack(codec.pack(["x" * 100_000, b"\x80" * 100_000]), max_items=10)) == 2


def test_a_constant_is_no_way_around_what_is_counted():
    with pytest.raises(RemoteProtocolError):
        codec.unpack(msgpack.packb(msgpack.ExtType(79, msgpack.packb(["x", [[]] * 5000]))))


def test_depth_is_the_callers_to_choose():
    assert codec.unpack(b"\x91" * 4 + b"\xc0", max_depth=4) == [[[[None]]]]
    with pytest.raises(RemoteProtocolError, match="nested deeper than 3"):
        codec.unpack(b"\x91" * 4 + b"\xc0", max_depth=3)


def test_keys_need_not_be_text():
    load = {1: "a", None: "b", 2.5: "c", False: "d", b"\xff": "e", "f": "g"}
    assert codec.unpack(codec.pack(load)) == load


@pytest.mark.parametrize(("value", "expected"), [(b"x", b"x"), ("ü", "ü".encode()), ("\udcff", b"\xff")])
def test_binary_fields_are_bytes_again(value, expected):
    assert codec.to_bytes(value) == expected


@pytest.mark.parametrize("value", [None, 5, ["x"], {}])
def test_a_binary_field_is_nothing_else(value):
    with pytest.raises(RemoteProtocolError):
        codec.to_bytes(value)
