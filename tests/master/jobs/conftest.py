"""A house that keeps jobs."""

from __future__ import annotations

import pytest

from tests.master.jobs.house import House, MemoryStore, Publisher
from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.master.jobs import keep_jobs


@pytest.fixture
async def house(nursery):
    bus, store, heard = Bus(), MemoryStore(), []
    publisher = Publisher(bus)

    async def listen(*, task_status):
        async with bus.subscribe(Event, keep=True) as events:
            task_status.started()
            async for event in events:
                heard.append(event)

    await nursery.start(listen)
    await nursery.start(publisher.run)
    await nursery.start(keep_jobs, bus, store)
    return House(bus, store, publisher, heard, nursery)
