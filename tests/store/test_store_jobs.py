"""Jobs in the embedded store: loads, returns, lists, reasons, expiry."""

from __future__ import annotations

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trisalt.store.jobs import CHUNKS, JobReader
from trisalt.store.listed import Wanted
from trisalt.store.sqlite import open_store
from trisalt.store.store import NewReturn, Recorded

JID = "20261122124940743908"


def load(jid=JID, **fields):
    return {
        "jid": jid,
        "fun": "test.ping",
        "arg": [],
        "tgt": "*",
        "tgt_type": "glob",
        "user": "root",
        "ret": "",
    } | fields


def ping(value=True):
    return {"return": value, "retcode": 0, "success": True}


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as opened:
        yield opened


async def test_a_job_comes_back_as_it_was_recorded(store):
    recorded = load(arg=[1, b"\xff\x00", {"a": None}, 1.5], metadata={"k": "v"})
    assert await store.jobs.record_job(recorded, ["m1", "m2"])
    entry = await store.jobs.entry(JID)
    assert entry.load == recorded
    assert entry.minions == ["m1", "m2"]
    assert entry.settled is None
    assert await store.jobs.load("20000101000000000000") is None


async def test_find_job_is_not_in_the_job_list(store):
    assert not await store.jobs.record_job(load(fun="saltutil.find_job"), ["m1"])
    assert (await store.jobs.page(Wanted())).total == 0


async def test_a_job_recorded_twice_waits_for_all_its_minions(store):
    await store.jobs.record_job(load(), ["m1", "m2"])
    await store.jobs.record_job(load(fun="other"), ["m2", "m3"])
    entry = await store.jobs.entry(JID)
    assert entry.minions == ["m1", "m2", "m3"]
    assert entry.load["fun"] == "test.ping"


async def test_the_first_return_is_kept(store):
    await store.jobs.record_job(load(), ["m1"])
    assert await store.jobs.record_return(JID, "m1", ping()) is Recorded.NEW
    assert await store.jobs.record_return(JID, "m1", ping()) is Recorded.REPEAT
    assert await store.jobs.record_return(JID, "m1", dict(reversed(ping().items()))) is Recorded.REPEAT
    assert await store.jobs.record_return(JID, "m1", ping(False)) is Recorded.DIFFERENT
    assert await store.jobs.returns(JID) == {"m1": ping()}


async def test_a_return_of_an_unknown_job_brings_its_load(store):
    await store.jobs.record_returns([NewReturn(jid=JID, id="m1", body=ping(), load=load(fun="status.uptime"))])
    await store.jobs.record_returns([NewReturn(jid=JID, id="m2", body=ping(), load=load(fun="other"))])
    entry = await store.jobs.entry(JID)
    assert entry.load["fun"] == "status.uptime"
    assert await store.jobs.returned(JID) == {"m1", "m2"}


async def test_a_last_return_settles_its_job(store):
    await store.jobs.record_job(load(), ["m1"])
    assert (await store.jobs.entry(JID)).settled is None
    for expected in (Recorded.NEW, Recorded.REPEAT):
        (recorded,) = await store.jobs.record_returns([NewReturn(jid=JID, id="m1", body=ping())], settled=[JID])
        assert recorded is expected
    entry = await store.jobs.entry(JID)
    assert entry.settled is not None
    assert entry.missing == {}


async def test_jobs_that_a_crash_left_open_are_settled_later_if_all_have_returned(tmp_path):
    """As when the last two returns were stored together, and the master died before it could say so."""
    jids = [f"2026112212494074390{number}" for number in range(5)]
    async with open_store(tmp_path / "trisalt.db") as store:
        for jid in jids:
            await store.jobs.record_job(load(jid), ["m1", "m2"])
        for jid in jids[:3]:
            await store.jobs.record_returns([NewReturn(jid=jid, id=id, body=ping()) for id in ("m1", "m2")])
        await store.jobs.record_returns([NewReturn(jid=jids[3], id="m1", body=ping())])
        await store.jobs.mark_settled(jids[4], {"m1": "gone", "m2": "gone"})
    async with open_store(tmp_path / "trisalt.db") as store:
        ended = [(await store.jobs.row(jid)).ended for jid in jids]
        assert await store.jobs.settle_returned(limit=2) == 3
        assert await store.jobs.settle_returned(limit=2) == 0
    with JobReader(tmp_path / "trisalt.db") as reader:
        entries = [reader.entry(jid) for jid in jids]
    assert [entry.settled for entry in entries] == ended
    assert ended[3] is None
    assert [set(entry.missing) for entry in entries] == [set(), set(), set(), set(), {"m1", "m2"}]


async def test_any_text_is_only_a_key(store, tmp_path):
    for jid in ("../../evil", "a\nb", "", "'; DROP TABLE jobs; --"):
        await store.jobs.record_returns([NewReturn(jid=jid, id="../m1", body=ping(), load=load(jid))])
        assert await store.jobs.returns(jid) == {"../m1": ping()}
    assert all(path.name.startswith("trisalt.db") for path in tmp_path.iterdir())


@given(sizes=st.lists(st.integers(1, max(CHUNKS) * 2 + 5), min_size=1, max_size=3), repeats=st.integers(0, 5))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_says_of_each_return_what_became_of_it(tmp_path_factory, sizes, repeats):
    async def run():
        async with open_store(tmp_path_factory.mktemp("db") / "trisalt.db") as store:
            number = 0
            for size in sizes:
                ids = [f"m{number + i}" for i in range(size)]
                number += size
                batch = [NewReturn(jid=JID, id=id, body=ping()) for id in ids + ids[:repeats]]
                expected = [Recorded.NEW] * size + [Recorded.REPEAT] * len(ids[:repeats])
                assert await store.jobs.record_returns(batch) == expected
            assert await store.jobs.returned(JID) == {f"m{i}" for i in range(number)}

    trio.run(run)


async def test_reasons_stand_until_the_minion_returns_after_all_and_then_it_is_late(store, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(store.jobs, "_clock", lambda: now)
    await store.jobs.record_job(load(), ["m1", "m2", "m3"])
    await store.jobs.record_return(JID, "m3", ping())
    await store.jobs.mark_settled(JID, {"m1": "gone", "m2": "gone too"})
    assert (await store.jobs.entry(JID)).late == {}
    now = 1012.0
    await store.jobs.record_return(JID, "m2", ping())
    entry = await store.jobs.entry(JID)
    assert entry.missing == {"m1": "gone"}
    assert entry.settled == 1000.0
    assert entry.late == {"m2": 12.0}


async def test_expiry_goes_in_slices_and_takes_the_returns_along(store, monkeypatch):
    times = {"now": 100.0}
    monkeypatch.setattr(store.jobs, "_clock", lambda: times["now"])
    for number in range(3):
        jid = f"2026010100000000000{number}"
        await store.jobs.record_job(load(jid), ["m1"])
        await store.jobs.record_returns([NewReturn(jid=jid, id=f"m{i}", body=ping()) for i in range(10)])
    times["now"] = 200.0
    await store.jobs.record_job(load(JID), ["m1"])
    slices = []
    while gone := await store.jobs.expire(150.0, limit=7):
        slices.append(gone)
    assert max(slices) <= 7
    assert sum(slices) == 3 * 11
    assert [row.jid for row in (await store.jobs.page(Wanted())).rows] == [JID]
    assert await store.jobs.returned("20260101000000000000") == set()


async def test_another_process_reads_what_is_committed(store, tmp_path):
    await store.jobs.record_job(load(), ["m1"])
    await store.jobs.record_return(JID, "m1", ping())
    with JobReader(tmp_path / "trisalt.db") as reader:
        assert reader.load(JID) == load()
        assert reader.returns(JID) == {"m1": ping()}
        assert reader.returned(JID) == {"m1"}
        assert [jid for jid, *_told in reader.told()] == [JID]
        assert reader.counts() == {"jobs": 1, "returns": 1}
