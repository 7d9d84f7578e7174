"""Housekeeping: what is old goes, in slices; what is kept of minions without a key goes too."""

from __future__ import annotations

import attrs
import trio

from trisalt.bus.bus import Bus
from trisalt.errors import StoreError
from trisalt.master.housekeeping import RETURNS_STAY_S, keep_house
from trisalt.store.sqlite import open_store


@attrs.define
class Jobs:
    rows: int = 0
    asked: list = attrs.field(factory=list)
    full: bool = False
    returns: int = 0
    forgotten: list = attrs.field(factory=list)
    noted: int = 0

    async def settle_returned(self, *, limit):
        await trio.lowlevel.checkpoint()
        if self.full:
            raise StoreError("disk full")
        self.noted += 1
        return 0

    async def forget_returns(self, before, *, limit):
        await trio.lowlevel.checkpoint()
        gone = min(self.returns, limit)
        self.returns -= gone
        self.forgotten.append((before, gone))
        return gone

    async def expire(self, before, *, limit):
        await trio.lowlevel.checkpoint()
        if self.full:
            raise StoreError("disk full")
        gone = min(self.rows, limit)
        self.rows -= gone
        self.asked.append((before, gone))
        return gone


@attrs.define
class Store:
    jobs: Jobs
    banks: object = None


async def run_for(seconds, store, **options):
    with trio.move_on_after(seconds):
        await keep_house(Bus(), store, ago=lambda seconds: 100_000.0 + trio.current_time() - seconds, **options)


async def test_old_jobs_go_at_once_and_again_every_round(autojump_clock):
    store = Store(Jobs(rows=1200))
    await run_for(100, store, keep_jobs_seconds=1000, loop_interval=60)
    assert [gone for _, gone in store.jobs.asked] == [500, 500, 200, 0, 0]
    assert store.jobs.asked[0][0] == 99_000.0
    assert store.jobs.asked[-1][0] > 99_060.0


async def test_zero_keeps_jobs_for_ever(autojump_clock):
    store = Store(Jobs(rows=1200))
    await run_for(1000, store, keep_jobs_seconds=0, loop_interval=60)
    assert store.jobs.asked == []


async def test_returns_that_are_not_to_be_kept_go_each_round(autojump_clock):
    store = Store(Jobs(returns=1200))
    await run_for(100, store, keep_jobs_seconds=0, loop_interval=60, keep_returns=False)
    assert [gone for _, gone in store.jobs.forgotten] == [500, 500, 200, 0]
    assert store.jobs.forgotten[0][0] == 100_000.0 - RETURNS_STAY_S
    kept = Store(Jobs(returns=5))
    await run_for(100, kept, keep_jobs_seconds=0, loop_interval=60)
    assert kept.jobs.forgotten == []


async def test_a_store_that_cannot_write_is_asked_again(autojump_clock):
    store = Store(Jobs(rows=5, full=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run_for(200, store, keep_jobs_seconds=1000, loop_interval=60))
        await trio.sleep(90)
        assert store.jobs.asked == []
        store.jobs.full = False
    assert store.jobs.rows == 0


async def test_the_jobs_that_an_earlier_master_left_are_noted_once_though_the_store_cannot_write_at_first(
    autojump_clock,
):
    store = Store(Jobs(full=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run_for(500, store, keep_jobs_seconds=0, loop_interval=60))
        await trio.sleep(90)
        assert store.jobs.noted == 0
        store.jobs.full = False
    assert store.jobs.noted == 1


async def test_what_is_kept_of_minions_without_a_key_goes(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        for bank in ("grains", "pillar", "mine", "tokens"):
            for id in ("m1", "gone"):
                await store.banks.store(bank, id, {"x": 1})
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: keep_house(Bus(), store, known=lambda: ["m1"]))
                while "gone" in await store.banks.list("mine"):
                    pass
                nursery.cancel_scope.cancel()
        assert [await store.banks.list(bank) for bank in ("grains", "pillar", "mine")] == [["m1"]] * 3
        assert await store.banks.list("tokens") == ["gone", "m1"]
