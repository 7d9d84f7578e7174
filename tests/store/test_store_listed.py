"""The job list: what is counted with the returns, how a job stands, pages and filters."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.store import listing, schema
from trisalt.store.jobs import SqliteJobs
from trisalt.store.listed import State, Wanted, columns_of, described, packed
from trisalt.store.sqlite import open_store
from trisalt.store.store import NewReturn
from trisalt.wire.codec import pack_bin


def jid(number):
    return f"202611221249407{number:05}"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
async def jobs(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        yield SqliteJobs(store, store.log, clock=Clock())


async def run(jobs, number, minions, fun="test.ping", **more):
    await jobs.record_job({"jid": jid(number), "fun": fun, "arg": [], "user": "ann", **more}, minions)


def came(number, id, value=True, *, retcode=0, success=True, **more):
    return NewReturn(jid=jid(number), id=id, body={"return": value, "retcode": retcode, "success": success}, **more)


def chunk(result, changes=()):
    return {"result": result, "changes": dict(changes), "comment": ""}


CHANGED = {"file_|-a_|-a_|-managed": chunk(True, {"diff": "+"}), "pkg_|-b_|-b_|-installed": chunk(True)}
WOULD = {"file_|-a_|-a_|-managed": chunk(None)}
BROKEN = {"file_|-a_|-a_|-managed": chunk(False), "pkg_|-b_|-b_|-installed": chunk(True, {"b": 1})}


@pytest.mark.parametrize(
    ("returns", "counts", "state"),
    [
        ([], (0, 0, 0), State.RUNNING),
        ([("m1", True, 0)], (1, 0, 0), State.RUNNING),
        ([("m1", True, 0), ("m2", False, 0)], (2, 0, 0), State.DONE),
        ([("m1", CHANGED, 0), ("m2", True, 0)], (1, 1, 0), State.DONE),
        ([("m1", True, 0), ("m2", "no such", 254)], (1, 0, 1), State.FAILED),
        ([("m1", BROKEN, 0), ("m2", WOULD, 0)], (0, 1, 1), State.FAILED),
        ([("m1", "no such", 254)], (0, 0, 1), State.RUNNING),
    ],
)
async def test_returns_are_counted_by_what_became_of_them(jobs, returns, counts, state):
    await run(jobs, 1, ["m1", "m2"])
    for id, value, retcode in returns:
        await jobs.record_returns([came(1, id, value, retcode=retcode)])
    row = await jobs.row(jid(1))
    assert ((row.ok, row.changed, row.failed), row.state) == (counts, state)
    assert row.missing == 2 - len(returns)


async def test_a_return_that_comes_again_is_not_counted_again(jobs):
    await run(jobs, 1, ["m1", "m2"])
    await jobs.record_returns([came(1, "m1"), came(1, "m1", "other")])
    await jobs.record_returns([came(1, "m1")])
    assert (await jobs.row(jid(1))).returned == 1


async def test_a_job_of_several_functions_failed_when_one_of_them_did(jobs):
    await run(jobs, 1, ["m1"], fun=["test.ping", "test.false"])
    await jobs.record_returns([came(1, "m1", {}, retcode={"test.ping": 0, "test.false": 1})])
    row = await jobs.row(jid(1))
    assert (row.fun, row.failed) == ("test.ping,test.false", 1)


async def test_a_job_that_settles_without_all_is_partial_or_missing(jobs):
    for number in (1, 2):
        await run(jobs, number, ["m1", "m2"])
    await jobs.record_returns([came(1, "m1")])
    for number in (1, 2):
        await jobs.mark_settled(jid(number), {"m2": "away"})
    assert [(await jobs.row(jid(number))).state for number in (1, 2)] == [State.PARTIAL, State.MISSING]
    ended = (await jobs.row(jid(1))).ended
    await jobs.record_returns([came(1, "m2")])
    late = await jobs.row(jid(1))
    assert (late.state, late.ended) == (State.DONE, ended)


@pytest.mark.parametrize(
    ("returns", "state", "missing"),
    [
        ([("m1", 0)], State.PARTIAL, 2),
        ([("m1", 1)], State.FAILED, 2),
        ([], State.RUNNING, 3),
        # It was accepted in the moment in which the job went out.
        ([("m1", 0), ("x1", 0), ("x2", 0)], State.DONE, 0),
    ],
)
async def test_a_job_that_names_who_has_no_key_is_not_done_without_them(jobs, returns, state, missing):
    await run(jobs, 1, ["m1"], tgt=["m1", "x1", "x2"], tgt_type="list", missing=["x1", "x2"])
    for id, retcode in returns:
        await jobs.record_returns([came(1, id, retcode=retcode, success=not retcode)])
    row = await jobs.row(jid(1))
    assert (row.state, row.asked, row.missing, row.ended is None) == (state, 3, missing, not returns)
    assert [row.jid for row in (await jobs.page(Wanted(states=[state]))).rows] == [jid(1)]
    entry = await jobs.entry(jid(1))
    assert sorted(entry.missing) == [id for id in ("x1", "x2") if id not in dict(returns)]


async def test_a_job_runs_again_when_it_is_for_further_minions(jobs):
    await run(jobs, 1, ["m1"])
    await jobs.record_returns([came(1, "m1")])
    await run(jobs, 1, ["m2"])
    row = await jobs.row(jid(1))
    assert (row.size, row.ended, row.state) == (2, None, State.RUNNING)


async def test_what_a_return_says_of_its_job_is_listed_too(jobs):
    load = {"jid": jid(1), "fun": "state.apply", "arg": [], "user": "root"}
    await jobs.record_returns([came(1, "m1", load=load)])
    row = await jobs.row(jid(1))
    assert (row.fun, row.user, row.size, row.ok, row.state) == ("state.apply", "root", 1, 1, State.DONE)


async def test_a_job_that_expires_is_listed_no_more(jobs):
    await run(jobs, 1, ["m1"])
    await jobs.record_returns([came(1, "m1")])
    await jobs.expire(float("inf"))
    assert await jobs.row(jid(1)) is None
    assert (await jobs.page(Wanted())).total == 0


async def everything(jobs, wanted, limit):
    pages, before = [], None
    while True:
        page = await jobs.page(wanted, before=before, limit=limit)
        pages.append([int(row.jid[-5:]) for row in page.rows])
        before = page.next
        if before is None:
            return pages


async def test_pages_go_from_the_newest_to_the_oldest_and_miss_none(jobs):
    for number in range(5):
        await run(jobs, number, ["m1"])
    assert await everything(jobs, Wanted(), 2) == [[4, 3], [2, 1], [0]]
    page = await jobs.page(Wanted(), limit=2)
    await run(jobs, 9, ["m1"])
    assert [int(row.jid[-5:]) for row in (await jobs.page(Wanted(), before=page.next, limit=2)).rows] == [2, 1]
    assert page.total == 5


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(functions=["test.*"]), [4, 1, 0]),
        (Wanted(functions=["test.version", "state.*"]), [4, 3]),
        (Wanted(functions=["test.[!p]*"]), [4]),
        (Wanted(other_functions=["test.*"]), [3, 2]),
        (Wanted(users=["bob"]), [2]),
        (Wanted(states=[State.RUNNING]), [2]),
        (Wanted(states=[State.FAILED, State.DONE]), [4, 1, 0]),
        (Wanted(states=[State.PARTIAL]), []),
        (Wanted(states=[State.MISSING]), [3]),
        (Wanted(minion="m2"), [4, 2, 1]),
        (Wanted(minion="m"), []),
        (Wanted(looks=lambda row: "m2" in row.minions and row.load["arg"] == []), [4, 2, 1]),
        (Wanted(functions=["test.*"], minion="m2", states=[State.FAILED]), [1]),
    ],
)
async def test_which_jobs_a_filter_finds(jobs, wanted, found):
    await run(jobs, 0, ["m1"])
    await run(jobs, 1, ["m1", "m2"])
    await run(jobs, 2, ["m2", "m22"], fun="cmd.run", user="bob")
    await run(jobs, 3, ["m22"], fun="state.apply")
    await run(jobs, 4, ["m2"], fun=["test.ping", "test.version"])
    await jobs.record_returns([came(0, "m1"), came(1, "m1"), came(1, "m2", retcode=1), came(2, "m2"), came(4, "m2")])
    await jobs.mark_settled(jid(3), {"m22": "away"})
    pages = await everything(jobs, wanted, 2)
    assert [number for page in pages for number in page] == found
    if wanted.looks is None and not wanted.minion:
        assert (await jobs.page(wanted)).total == len(found)


async def test_how_many_there_are_is_counted_where_that_takes_no_longer_than_a_moment(jobs, monkeypatch):
    for number in range(5):
        await run(jobs, number, ["m1" if number % 2 else "m2"])
    wanted = Wanted(looks=lambda row: "m1" in row.minions)
    assert (await jobs.page(wanted, limit=1)).total is None
    first = await jobs.page(wanted, limit=1, counted=True)
    assert ([row.jid for row in first.rows], first.total) == ([jid(3)], 2)
    assert [row.jid for row in (await jobs.page(wanted, limit=1, before=first.next)).rows] == [jid(1)]
    monkeypatch.setattr(listing, "COUNT_S", 0.0)
    assert (await jobs.page(wanted, limit=1, counted=True)).total is None


async def test_a_page_that_has_to_look_into_jobs_for_too_long_ends_and_says_where(jobs, monkeypatch):
    monkeypatch.setattr(listing, "SCAN_S", 0.0)
    for number in range(3):
        await run(jobs, number, ["m1"])
    assert await everything(jobs, Wanted(looks=lambda row: row.jid == jid(0)), 2) == [[], [], [0]]


def test_the_jobs_of_an_older_database_are_listed_with_their_returns(tmp_path):
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path, isolation_level=None)
    for statements in schema.MIGRATIONS[:3]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("PRAGMA user_version = 3")
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    load = pack_bin({"jid": jid(1), "fun": ["a.b", "c.d"], "user": "ann", "missing": ["x1", "m1"]})
    minions = pack_bin(["m1", "m2", "m3"])
    connection.execute("INSERT INTO jobs VALUES (?, 5.0, NULL, ?, ?, NULL)", (jid(1), load, minions))
    for number, body in enumerate([came(1, "m1").body, came(1, "m2", CHANGED).body, came(1, "m3", retcode=2).body]):
        values = (jid(1), f"m{number + 1}", 6.0 + number, pack_bin(dict(body)))
        connection.execute("INSERT INTO returns (jid, id, came, body) VALUES (?,?,?,?)", values)
    schema.migrate(connection)
    (row,) = listing.read_page(connection, Wanted()).rows
    assert row.unknown == 1
    assert (row.fun, row.user, row.size, row.ok, row.changed, row.failed, row.ended) == (
        "a.b,c.d",
        "ann",
        3,
        1,
        1,
        1,
        8.0,
    )
    connection.close()


# -- told, packed -------------------------------------------------------------------------------------------------

JIDS = st.sampled_from(
    ["20261122124940743908", "20261122124940743909_17", "20261322124940743908", "req", "", "2026112212494074390\u0661"]
) | st.integers(0, 10**6).map(lambda n: f"{20261122120000000000 + n * 7_000_000}")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=40) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(0, 9), inner, max_size=3),
    max_leaves=6,
)
LOADS = st.fixed_dictionaries(
    {},
    optional={
        "fun": TEXT | st.lists(TEXT, max_size=3) | st.just("x" * 70_000),
        "user": TEXT,
        "tgt": VALUES,
        "tgt_type": st.sampled_from(["glob", "list", None]) | VALUES,
        "arg": st.lists(VALUES, max_size=3),
        "metadata": st.dictionaries(TEXT, VALUES, max_size=2),
    },
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(JIDS, LOADS, max_size=12))
def test_a_packed_list_is_that_of_the_jobs_described(jobs):
    rows = [(jid, *columns_of(load)) for jid, load in jobs.items()]
    assert packed(rows) == pack_bin({row[0]: described(*row) for row in rows})


def test_a_packed_list_is_as_long_as_its_rows():
    rows = [(f"{20261122120000000000 + n}", *columns_of({"fun": "a.b", "arg": [n]})) for n in range(20_001)]
    assert packed(iter(rows)) == pack_bin({row[0]: described(*row) for row in rows})
