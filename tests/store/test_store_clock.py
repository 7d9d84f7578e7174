"""The store when the clock of its host was set."""

from __future__ import annotations

from tests.store.test_store_jobs import load
from trisalt.store.listed import Wanted
from trisalt.store.sqlite import open_store
from trisalt.store.store import Waits


async def test_what_waits_does_so_as_long_and_what_is_of_tomorrow_is_of_today(tmp_path, monkeypatch):
    async with open_store(tmp_path / "trisalt.db") as store:
        monkeypatch.setattr(store.jobs, "_clock", lambda: 5000.0)
        assert await store.clock.read() is None
        await store.jobs.record_job(load(), ["m1", "m2"], waits=Waits(until=9000.0, absent={"m1"}))
        await store.queue.end({load()["jid"]: {"m2": "cancelled"}}, reasons={})
        await store.clock.follow(-4000.0, 1000.0, {"boot": "b", "offset": 1.5, "steps": [(5000.0, 1000.0)]})
        (row,) = await store.queue.waiting()
        assert (row.until, row.queued, row.sent) == (5000.0, 1000.0, None)
        assert (await store.jobs.entry(load()["jid"])).recorded == 1000.0
        assert (await store.jobs.page(Wanted())).rows[0].recorded == 1000.0
        assert (await store.clock.read())["steps"] == [[5000.0, 1000.0]]
        await store.clock.follow(4000.0, 5000.0, {})
        (row,) = await store.queue.waiting()
        assert (row.until, row.queued) == (9000.0, 5000.0)
        assert (await store.jobs.entry(load()["jid"])).recorded == 1000.0
