"""How long events are kept, and how big the file gets: with a real file, and a clock that jumps."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from trisalt.bus.events import TaggedEvent
from trisalt.master import retention
from trisalt.master.retention import keep_size
from trisalt.store.sqlite import open_store

MB = 1024 * 1024


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as opened:
        yield opened


async def flood(store, count, size=1000):
    for number in range(count):
        store.log.append(TaggedEvent(name=f"n/{number}", data={"filling": "x" * size}))
        if number % 500 == 499:
            await store.log.flush()
    await store.log.flush()


async def until(condition):
    with trio.fail_after(20):
        while True:
            if await condition():
                return
            await trio.sleep(0.002)


async def test_events_are_forgotten_by_age(store, nursery, monkeypatch):
    monkeypatch.setattr(retention, "EVERY_S", 0.001)
    now = [1_000_000.0]
    store.log._clock = lambda: now[0]
    service = partial(keep_size, store, keep_events_seconds=60, store_max_bytes=0, ago=lambda seconds: now[0] - seconds)
    await nursery.start(service)
    for _ in range(30):
        await flood(store, 10, size=1)
        now[0] += 10

    async def only_the_last_minute():
        bounds = await store.log.bounds()
        return (bounds.first, bounds.last) == (241, 300)

    await until(only_the_last_minute)
    nursery.cancel_scope.cancel()


async def test_a_file_stays_under_its_cap_while_events_come(store, nursery, monkeypatch):
    monkeypatch.setattr(retention, "EVERY_S", 0.001)
    monkeypatch.setattr(retention, "OFTEN_S", 0.001)
    monkeypatch.setattr(retention, "BETWEEN_SLICES_S", 0.001)
    monkeypatch.setattr(retention, "TRIM_SLICE", 200)
    cap = 8 * MB
    await nursery.start(partial(keep_size, store, keep_events_seconds=0, store_max_bytes=cap))

    async def at_rest():
        return (await store.size()).used <= cap * retention.HEADROOM

    for _ in range(20):
        await flood(store, 500)
        await until(at_rest)
        # And what was not there yet when it was looked.
        assert (await store.size()).file <= cap + 2 * MB
    bounds = await store.log.bounds()
    assert bounds.last == 10_000
    # As many are kept as there is room for, and those are the newest.
    assert 4000 < bounds.last - bounds.first + 1 < 7000
    nursery.cancel_scope.cancel()


async def test_a_store_that_does_not_write_puts_it_off(store, nursery, autojump_clock):
    refusals = []

    class Refusing:
        log = store.log

        async def size(self):
            from trisalt.errors import StoreError

            refusals.append(trio.current_time())
            raise StoreError("the store cannot write")

    await nursery.start(
        lambda task_status: keep_size(Refusing(), keep_events_seconds=0, store_max_bytes=1, task_status=task_status)
    )
    await trio.sleep(retention.EVERY_S * 3.5)
    assert len(refusals) == 4
