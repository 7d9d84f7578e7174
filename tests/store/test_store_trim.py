"""What is old goes in slices, the oldest first, and the file gets smaller."""

from __future__ import annotations

import sqlite3

import pytest
import trio

from trisalt.bus.events import TaggedEvent
from trisalt.store.listed import Wanted
from trisalt.store.schema import MIGRATIONS, migrate
from trisalt.store.sqlite import open_store

PING = {"return": True, "retcode": 0, "success": True}


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as opened:
        opened.at = 0.0
        opened.log._clock = opened.jobs._clock = lambda: opened.at
        yield opened


async def event(store, at, size=10):
    store.at = at
    store.log.append(TaggedEvent(name=f"at/{at:g}", data={"filling": "x" * size}))
    await store.log.flush()


async def job(store, at, returns=1):
    store.at = at
    jid = f"{20261122000000000000 + int(at)}"
    await store.jobs.record_job({"jid": jid, "fun": "test.ping"}, ["m1"])
    for number in range(returns):
        await store.jobs.record_return(jid, f"m{number}", PING)


async def kept(store):
    bounds = await store.log.bounds()
    events = [row.tag for row in (await store.log.read(0, bounds.last)).rows]
    page = await store.jobs.page(Wanted(), limit=10_000)
    return events, [row.recorded for row in page.rows[::-1]]


async def test_old_events_go_and_the_newest_stays(store):
    for at in range(10):
        await event(store, at)
    assert await store.log.expire(5, limit=3) == 3
    assert await store.log.expire(5, limit=3) == 2
    assert await store.log.expire(5, limit=3) == 0
    assert (await kept(store))[0] == [f"at/{at}" for at in range(5, 10)]
    assert await store.log.expire(100, limit=50) == 4
    assert await store.log.expire(100, limit=50) == 0
    assert (await kept(store))[0] == ["at/9"]
    # Numbers are not given again.
    await event(store, 11)
    assert (await store.log.bounds()).last == 11


async def test_whoever_stood_where_events_went_is_told_how_many(store):
    for at in range(10):
        await event(store, at)
    await store.log.expire(5, limit=100)
    found = await store.log.read(2, 10)
    assert (found.gone, [row.number for row in found.rows]) == (3, [6, 7, 8, 9, 10])
    assert (await store.log.read(5, 10)).gone == 0
    assert (await store.log.read(7, 10)).gone == 0


async def test_what_is_oldest_goes_first_events_and_jobs_alike_but_no_job_that_is_spared(store):
    for at in (0, 1000, 2000):
        await job(store, at)
        await event(store, at + 500)
    left = []
    while await store.trim(spare=1500, limit=2):
        left.append(await kept(store))
    assert left[0] == (["at/500", "at/1500", "at/2500"], [1000, 2000])
    assert left[-1] == (["at/2500"], [2000])


async def test_pages_are_given_back_in_slices(store, tmp_path):
    for at in range(200):
        await event(store, at, size=20_000)
    full = (await store.size()).file
    await store.log.expire(190, limit=1000)
    size = await store.size()
    assert size.free > full * 0.8
    assert await store.give_back(10) == 10 * 4096
    assert (await store.size()).file == full - 10 * 4096
    while await store.give_back(500):
        pass
    assert (await store.size()).free == 0
    assert (await store.size()).file < full * 0.2
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (await trio.Path(tmp_path / "trisalt.db").stat()).st_size < full * 0.2


async def test_a_file_from_before_is_made_anew_once_so_that_pages_can_be_given_back(tmp_path):
    path = tmp_path / "trisalt.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection)
    connection.execute("INSERT INTO jobs (jid, recorded, load, minions) VALUES ('1', 1, x'80', x'90')")
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    connection.close()
    for _ in range(2):
        async with open_store(path) as store:
            assert store._connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
            assert await store.jobs.entry("1") is not None
            assert store._connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
