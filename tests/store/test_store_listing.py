"""Whole lists of jobs: what they tell, and which jobs are wanted."""

from __future__ import annotations

import sqlite3
from fnmatch import fnmatchcase

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.store.test_store_jobs import load
from trisalt.store import listed, listing, schema
from trisalt.store.jobs import JobReader
from trisalt.store.listed import Wanted, described
from trisalt.store.sqlite import open_store
from trisalt.store.store import NewReturn
from trisalt.wire.codec import pack_bin


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as opened:
        yield opened


@pytest.fixture
def reader(store, tmp_path):
    with JobReader(tmp_path / "trisalt.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["1", "2", "3", "req"]),
        ({"functions": ["pkg.*"]}, ["3"]),
        ({"functions": ["test.*", "state.apply"], "targets": ["m2", "webs"]}, ["2"]),
        ({"targets": ["web[*]"]}, ["1"]),
        ({"metadata": {"b": [2]}}, ["2"]),
        ({"metadata": {"b": [3], "a": 2}}, ["req"]),
        ({"metadata": {"a": 3, "d": None}}, []),
        ({"since": 1001}, ["2", "3", "req"]),
        ({"until": 1001}, ["1", "2"]),
        ({"first": "20260101000000000002"}, ["2", "3"]),
        ({"last": "20260101000000000003"}, ["1", "2", "3"]),
        ({"first": "20260101000000000002", "last": "20260101000000000002"}, ["2"]),
    ],
    ids=str,
)
async def test_a_list_is_filtered_by_function_target_metadata_and_time(store, reader, monkeypatch, wanted, found):
    monkeypatch.setattr(store.jobs, "_clock", iter(range(1000, 2000)).__next__)
    for job in (
        load("20260101000000000001", fun="test.ping", tgt="web*"),
        load("20260101000000000002", fun="state.apply", tgt=["m1", "m2"], metadata={"a": 1, "b": [2]}),
        load("20260101000000000003_77", fun=["test.ping", "pkg.install"], tgt="*"),
        load("req", fun="test.ping", arg=[1, {"__kwarg__": True, "metadata": {"a": 2, "c": None}}]),
    ):
        await store.jobs.record_job(job, ["m1"])
    assert [jid[19:20] or jid for jid, *_told in reader.told(Wanted(**wanted))] == found
    page = await store.jobs.page(Wanted(**wanted))
    assert [row.jid[19:20] or row.jid for row in page.rows[::-1]] == found
    assert [jid[19:20] or jid for jid, *_told in reader.told(Wanted(**wanted), limit=2)] == found[-2:]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {}),
        (
            {"fun": None, "tgt": None, "tgt_type": None, "user": None, "arg": None},
            {"Function": "unknown-function", "Target": "unknown-target", "Target-type": "list", "User": "root"},
        ),
        ({"fun": ["a.b", "c.d"], "tgt": ["m1"], "arg": [["x"], []]}, {"Arguments": [["x"], []]}),
        ({"fun": "a\udcff.b", "tgt": "a\0b", "user": "\udcff"}, {"Function": "a?.b", "User": "?"}),
        (
            {"arg": [b"\xff", {"__kwarg__": True, "metadata": {"a": 1}}]},
            {"Arguments": [b"\xff", {"__kwarg__": True, "metadata": {"a": 1}}], "Metadata": {"a": 1}},
        ),
        ({"metadata": {}}, {"Metadata": {}}),
        ({"metadata": "text"}, {}),
    ],
    ids=str,
)
async def test_a_list_tells_what_the_load_says(store, reader, changed, expected):
    job = load(**changed)
    await store.jobs.record_job(job, ["m1"])
    (row,) = reader.told()
    told = {"Function": job["fun"], "Target": job["tgt"], "Target-type": job["tgt_type"], "User": job["user"]}
    told |= {"Arguments": [], "StartTime": "2026, Nov 22 12:49:40.743908"}
    assert described(*row) == told | expected


async def test_a_job_that_a_return_brings_is_listed_like_any_other(store, reader):
    job = load(fun="status.uptime", tgt="m1", tgt_type="list")
    await store.jobs.record_returns([NewReturn(jid=job["jid"], id="m1", body={"return": 1}, load=job)])
    (row,) = reader.told(Wanted(functions=["status.*"], targets=["m1"]))
    assert described(*row)["Target-type"] == "list"


FUNCTIONS = [
    "state.apply",
    "test.ping",
    ["test.ping", "state.apply"],
    "[s",
    "pkg.\u00fcn\u00ef",
    "a\nb",
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
        connection.execute(listed.BOOKED, listed.book({"jid": str(number), "fun": fun}, ["m1"], number))
    wanted = [
        str(number)
        for number, fun in enumerate(FUNCTIONS)
        if any(fnmatchcase(one, glob) for one in ([fun] if isinstance(fun, str) else [*fun, ",".join(fun)]))
    ]
    others = [str(number) for number in range(len(FUNCTIONS)) if str(number) not in wanted]
    assert [row[0] for row in listing.read_told(connection, Wanted(functions=[glob]))] == wanted
    assert [row[0] for row in listing.read_told(connection, Wanted(other_functions=[glob]))] == others
    connection.close()


async def test_jobs_of_before_are_listed_as_well(tmp_path, monkeypatch):
    path = tmp_path / "trisalt.db"
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as earlier:
        # Before there was any list.
        earlier.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:3])
        schema.migrate(connection)
    monkeypatch.setattr(listed, "_MIGRATED", 20)
    earlier_job = load(fun=["a.b", "c.d"], arg=[["x"], []], metadata={"k": "v"})
    rows = [(str(20260101000000000000 + n), n, pack_bin(earlier_job), b"\x90") for n in range(41)]
    connection.executemany("INSERT INTO jobs (jid, recorded, load, minions) VALUES (?,?,?,?)", rows)
    connection.close()
    async with open_store(path):
        with JobReader(path) as reader:
            told = [described(*row) for row in reader.told(Wanted(functions=["c.*"], metadata={"k": "v"}))]
    assert len(told) == len(rows)
    assert (told[-1]["Function"], told[-1]["Arguments"]) == (["a.b", "c.d"], [["x"], []])
