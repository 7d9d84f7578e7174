"""Banks in the embedded store."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.store.banks import BankReader
from trisalt.store.sqlite import open_store

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture
async def banks(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        yield store.banks


@given(values=st.dictionaries(st.text(), VALUES.filter(lambda value: value is not None), max_size=5))
@settings(max_examples=25, deadline=None)
def test_what_is_stored_is_fetched(tmp_path_factory, values):
    async def run():
        async with open_store(tmp_path_factory.mktemp("db") / "trisalt.db") as store:
            for key, value in values.items():
                await store.banks.store("grains", key, value)
            for key, value in values.items():
                assert await store.banks.fetch("grains", key) == value
            assert await store.banks.list("grains") == sorted(values)
            assert await store.banks.fetch_all("grains") == values

    trio.run(run)


async def test_banks_do_not_mix(banks):
    await banks.store("grains", "m1", {"os": "Debian"})
    await banks.store("pillar", "m1", {"role": "web"})
    assert await banks.fetch("grains", "m1") == {"os": "Debian"}
    await banks.flush("grains", "m1")
    assert await banks.fetch("grains", "m1") is None
    assert await banks.fetch("pillar", "m1") == {"role": "web"}
    await banks.store("pillar", "m2", {})
    await banks.flush("pillar")
    assert await banks.list("pillar") == []


async def test_fetch_all_takes_only_the_keys_that_are_there(banks):
    await banks.store("grains", "m1", 1)
    await banks.store("grains", "m2", 2)
    assert await banks.fetch_all("grains", ["m2", "m3"]) == {"m2": 2}


async def test_several_are_stored_at_once(banks):
    await banks.store_all({"grains": {"m1": 1, "m2": 2}, "pillar": {"m1": 3}})
    assert await banks.fetch_all("grains") == {"m1": 1, "m2": 2}
    assert await banks.fetch("pillar", "m1") == 3


async def test_updates_at_the_same_time_lose_nothing(banks):
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(banks.update, "mine", "m1", lambda value, n=number: {**(value or {}), f"f{n}": n})
    assert await banks.fetch("mine", "m1") == {f"f{n}": n for n in range(50)}


async def test_an_update_to_none_drops_the_key(banks):
    await banks.store("mine", "m1", {"a": 1})
    assert await banks.update("mine", "m1", lambda value: None) is None
    assert await banks.list("mine") == []


async def test_a_change_that_raises_spares_the_other_writes(banks):
    async def fails():
        with pytest.raises(ZeroDivisionError):
            await banks.update("mine", "m1", lambda value: 1 / 0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fails)
        for number in range(5):
            nursery.start_soon(banks.store, "mine", f"k{number}", number)
    assert await banks.list("mine") == [f"k{number}" for number in range(5)]


async def test_another_process_reads_banks(banks, tmp_path):
    await banks.store("grains", "m1", {"os": "Debian"})
    assert await banks.updated("grains", "m1") is not None
    with BankReader(tmp_path / "trisalt.db") as reader:
        assert reader.fetch("grains", "m1") == {"os": "Debian"}
        assert reader.fetch("grains", "m2") is None
        assert reader.fetch_all("grains") == {"m1": {"os": "Debian"}}
        assert reader.list("grains") == ["m1"]
        assert reader.updated("grains", "m1") is not None


# -- looking into many ---------------------------------------------------------------------------------------------------


def whole(*tables):
    """All that stands in the tables, for the keys that these tests use."""
    return [
        {key: dict(found) for key in ("m1", "m2", "m3") if (found := table.get(key)) is not None} for table in tables
    ]


async def test_who_looks_sees_what_is_committed(banks):
    assert await banks.look(["grains"], whole) == [{}]
    await banks.store("grains", "m1", {"os": "Debian"})
    await banks.store_all({"grains": {"m2": {"os": "Arch"}}, "pillar": {"m1": {"role": "web"}}})
    assert await banks.look(["grains", "pillar"], whole) == [
        {"m1": {"os": "Debian"}, "m2": {"os": "Arch"}},
        {"m1": {"role": "web"}},
    ]
    await banks.update("grains", "m1", lambda there: {**there, "os": "Ubuntu"})
    await banks.update("grains", "m2", lambda there: None)
    assert await banks.look(["grains"], whole) == [{"m1": {"os": "Ubuntu"}}]
    await banks.store("grains", "m3", {"os": "BSD"})
    await banks.flush("grains", "m1")
    assert await banks.look(["grains"], whole) == [{"m3": {"os": "BSD"}}]
    await banks.flush("grains")
    await banks.store("grains", "m1", {})
    assert await banks.look(["grains"], whole) == [{"m1": {}}]
    assert await banks.look(["pillar", "pillar"], whole) == [{"m1": {"role": "web"}}] * 2


async def test_a_write_that_nobody_waited_for_is_seen_too(banks):
    await banks.look(["grains"], whole)
    for number in range(20):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(banks.store, "grains", "m1", {"n": number})
                await trio.lowlevel.checkpoint()
                scope.cancel()
    # Whether it happened or not: what is looked at is what is there.
    await banks.store("grains", "m2", {})
    kept = await banks.fetch_all("grains")
    assert await banks.look(["grains"], whole) == [kept]


async def test_a_bank_that_is_too_big_is_read_from_the_database(banks, monkeypatch):
    monkeypatch.setattr("trisalt.store.banks.COLUMNS_BYTES", 3000)
    await banks.store("grains", "m1", {"a": 1})
    assert await banks.look(["grains"], whole) == [{"m1": {"a": 1}}]
    await banks.store("grains", "m2", {f"key{number}": "x" * 100 for number in range(50)})
    for _ in range(2):
        found = await banks.look(["grains"], whole)
        assert (sorted(found[0]), len(found[0]["m2"])) == (["m1", "m2"], 50)
    await banks.store("grains", "m1", {"a": 2})
    assert (await banks.look(["grains"], whole))[0]["m1"] == {"a": 2}


async def test_who_raises_while_looking_leaves_nothing_locked(banks):
    def fail(_table):
        raise ZeroDivisionError

    for _ in range(2):
        with trio.fail_after(5), pytest.raises(ZeroDivisionError):
            await banks.look(["grains"], fail)
