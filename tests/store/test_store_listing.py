"""Lists of jobs: the columns they are made of, and which jobs are wanted."""

from __future__ import annotations

import sqlite3
from fnmatch import fnmatchcase

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.store.test_store_jobs import load
from trisalt.store import jobs, listing, schema
from trisalt.store.jobs import JobReader
from trisalt.store.sqlite import open_store
from trisalt.store.store import JobFilter, JobRow, NewReturn
from trisalt.wire.codec import pack_bin


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as opened:
        yield opened


async def test_a_list_is_filtered_by_function_target_metadata_and_time(store, monkeypatch):
    clock = iter(range(1000, 2000)).__next__
    monkeypatch.setattr(store.jobs, "_clock", clock)
    several = [
        load("20260101000000000001", fun="test.ping", tgt="web*"),
        load("20260101000000000002", fun="state.apply", tgt=["m1", "m2"], metadata={"a": 1, "b": [2]}),
        load("20260101000000000003_77", fun=["test.ping", "pkg.install"], tgt="*"),
        load("req", fun="test.ping", arg=[1, {"__kwarg__": True, "metadata": {"a": 2, "c": None}}]),
    ]
    for job in several:
        await store.jobs.record_job(job, ["m1"])

    async def found(**wanted):
        return [row.jid[19:20] or row.jid for row in await store.jobs.list_jobs(JobFilter(**wanted))]

    assert await found() == ["1", "2", "3", "req"]
    assert await found(limit=2) == ["3", "req"]
    assert await found(functions=["pkg.*"]) == ["3"]
    assert await found(functions=["test.*", "state.apply"], targets=["m2", "webs"]) == ["2"]
    assert await found(metadata={"b": [2]}) == ["2"]
    assert await found(metadata={"b": [3], "a": 2}) == ["req"]
    assert await found(metadata={"a": 3, "d": None}) == []
    assert await found(after=1001) == ["2", "3", "req"]
    assert await found(before=1001) == ["1", "2"]
    assert await found(first="20260101000000000002") == ["2", "3"]
    assert await found(last="20260101000000000003") == ["1", "2", "3"]
    assert await found(first="20260101000000000002", last="20260101000000000002") == ["2"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {}),
        ({"fun": None, "tgt": None, "tgt_type": None, "user": None, "arg": None}, listing.UNTOLD),
        ({"fun": ["a.b", "c.d"], "tgt": ["m1"], "arg": [["x"], []]}, {}),
        ({"fun": "a\udcff.b", "tgt": "a\0b", "user": 17}, {}),
        ({"arg": [b"\xff", {"__kwarg__": True, "metadata": {"a": 1}}]}, {"metadata": {"a": 1}}),
        ({"metadata": {}}, {"metadata": {}}),
        ({"metadata": "text"}, {"metadata": None}),
    ],
    ids=str,
)
async def test_a_row_tells_what_the_load_says(store, tmp_path, changed, expected):
    job = load(**changed)
    await store.jobs.record_job(job, ["m1"])
    (row,) = await store.jobs.list_jobs()
    kept = await store.jobs.load(job["jid"])
    told = {name: kept[name] for name in ("jid", "fun", "tgt", "tgt_type", "user")}
    told |= {"arg": kept["arg"] or [], "metadata": None, "recorded": row.recorded, "settled": None}
    assert row._asdict() == told | expected
    with JobReader(tmp_path / "trisalt.db") as reader:
        assert reader.list_jobs() == [row]
        assert JobRow(*listing.opened((*reader.rows()[0], row.recorded, row.settled))) == row


async def test_a_job_that_a_return_brings_is_listed_like_any_other(store):
    job = load(fun="status.uptime", tgt="m1", tgt_type="list")
    await store.jobs.record_returns([NewReturn(jid=job["jid"], id="m1", body={"return": 1}, load=job)])
    (row,) = await store.jobs.list_jobs(JobFilter(functions=["status.*"], targets=["m1"]))
    assert (row.fun, row.tgt, row.tgt_type) == ("status.uptime", "m1", "list")


FUNCTIONS = [
    "state.apply",
    "test.ping",
    ["test.ping", "state.apply"],
    "[s",
    "pkg.ünï",
    "a\nb",
    "a\0b",
    "^a",
    "a-b",
    "]",
]


@given(glob=st.one_of(st.sampled_from(["*", "state.*", "*.apply", "st?te.ap*"]), st.text("a-b^]![*?s.t\0", max_size=6)))
@example("[st]tate.apply")
@example("state[.]apply")
@example("[!x]tate.apply")
@example("[]s]tate*")
@example("[s")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_glob_means_what_fnmatch_says(glob):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    for number, fun in enumerate(FUNCTIONS):
        columns = (str(number), 0, b"\x80", b"\x90", *listing.columns_of({"fun": fun}))
        connection.execute(jobs.INSERT_JOB, columns)
    wanted = [
        str(number)
        for number, fun in enumerate(FUNCTIONS)
        if any(fnmatchcase(one, glob) for one in ([fun] if isinstance(fun, str) else fun))
    ]
    assert [row[0] for row in listing.read_rows(connection, JobFilter(functions=[glob]))] == wanted
    connection.close()


async def test_jobs_of_before_are_listed_as_well(tmp_path, monkeypatch):
    path = tmp_path / "trisalt.db"
    before = next(number for number, steps in enumerate(schema.MIGRATIONS) if listing.fill in steps)
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:before])
        schema.migrate(connection)
    earlier_job = load(fun=["a.b", "c.d"], arg=[["x"], []], metadata={"k": "v"})
    rows = [
        (str(20260101000000000000 + n), n, pack_bin(earlier_job), b"\x90") for n in range(listing._MIGRATED * 2 + 1)
    ]
    connection.executemany("INSERT INTO jobs (jid, recorded, load, minions) VALUES (?,?,?,?)", rows)
    connection.execute("INSERT INTO jobs (jid, recorded, load, minions) VALUES ('garbage', 1, x'c1', x'90')")
    connection.close()
    async with open_store(path) as store:
        listed = await store.jobs.list_jobs(JobFilter(functions=["c.*"], metadata={"k": "v"}))
        assert len(listed) == len(rows)
        assert (listed[-1].fun, listed[-1].arg) == (["a.b", "c.d"], [["x"], []])
        assert (await store.jobs.list_jobs())[-1].fun == "unknown-function"
