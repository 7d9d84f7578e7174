"""A bank by column: what is looked up is what was kept, whatever came and went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.store.columns import Columns, Full
from trisalt.wire.codec import pack_bin, unpack_bin

MAPS = st.dictionaries(
    st.sampled_from(["os", "ipv4", "roles", "deep"]) | st.integers(0, 3) | st.booleans(),
    st.none()
    | st.sampled_from(["Debian", 12, 1.5, b"\xff", "\udcff", ["a", 1], {"a": {"b": [1]}}])
    | st.text(max_size=3),
    max_size=4,
)
CHANGES = st.lists(st.tuples(st.sampled_from(["m1", "m2", "m3"]), st.none() | MAPS), max_size=12)


@given(st.dictionaries(st.sampled_from(["m1", "m2", "m4"]), MAPS), CHANGES)
def test_what_is_looked_up_is_what_was_kept(first, changes):
    columns, kept = Columns(1 << 30), {}
    columns.fill((key, pack_bin(value)) for key, value in first.items())
    kept |= {key: unpack_bin(pack_bin(value)) for key, value in first.items()}
    for key, value in changes:
        if value is None:
            columns.drop(key)
            kept.pop(key, None)
        else:
            columns.put(key, pack_bin(value))
            kept[key] = unpack_bin(pack_bin(value))
    table = columns.look()
    assert len(columns) == len(kept)
    for key in ("m1", "m2", "m3", "m4"):
        row = table.get(key)
        if key not in kept:
            assert row is None
            continue
        assert dict(row) == kept[key]
        assert len(row) == len(kept[key])
        assert all((name in row) is (name in kept[key]) for name in ("os", "nosuch", 1))


@given(st.dictionaries(st.sampled_from(["m1", "m2", "m3"]), MAPS))
def test_filling_is_putting_each(rows):
    filled, put = Columns(1 << 30), Columns(1 << 30)
    filled.fill((key, pack_bin(value)) for key, value in rows.items())
    for key, value in rows.items():
        put.put(key, pack_bin(value))
    assert filled.size == put.size
    for name, column in put._columns.items():
        other = filled._columns[name]
        assert (column.codes, column.uses, column.packed) == (other.codes, other.uses, other.packed)


@given(CHANGES)
def test_what_went_takes_no_room(changes):
    columns = Columns(1 << 30)
    for key, value in changes:
        if value is not None:
            columns.put(key, pack_bin(value))
    for key in ("m1", "m2", "m3"):
        columns.drop(key)
    for key, _value in changes[:1]:
        columns.put(key, pack_bin({}))
    # Columns and their length stay, values do not.
    assert columns.size <= 12 * (400 + 4 * 3)


def test_a_map_of_very_many_keys_stays_whole_and_makes_no_columns():
    columns = Columns(1 << 30)
    odd = {f"key{number}": number for number in range(1000)}
    columns.put("m1", pack_bin({"os": "Debian"}))
    before = columns.size
    columns.put("m2", pack_bin(odd))
    assert columns.look().get("m2") == odd
    assert columns.look().columns.keys() == {"os"}
    columns.put("m2", pack_bin({"os": "Debian"}))
    assert dict(columns.look().get("m2")) == {"os": "Debian"}
    columns.put("m2", pack_bin(odd))
    assert (columns.look().get("m2"), len(columns)) == (odd, 2)
    columns.drop("m2")
    assert columns.look().get("m2") is None
    assert columns.size <= before + 8


def test_a_value_that_many_have_is_kept_once():
    columns = Columns(1 << 30)
    for number in range(1000):
        columns.put(f"m{number}", pack_bin({"long": "x" * 10_000}))
    assert columns.size < 20_000


@pytest.mark.parametrize(
    "packed", [pack_bin([1]), pack_bin("text"), b"\x81", b"", b"\xc1", pack_bin({"a": 1})[:-1], b"\x81\x90\x01"]
)
def test_what_is_no_map_has_nothing(packed):
    columns = Columns(1 << 30)
    columns.put("m1", packed)
    assert dict(columns.look().get("m1")) == {}


def test_more_than_is_allowed_is_said_at_once():
    columns = Columns(100_000)

    def fill():
        for number in range(1000):
            columns.put(f"m{number}", pack_bin({f"key{number}": "x" * 100}))

    with pytest.raises(Full):
        fill()
