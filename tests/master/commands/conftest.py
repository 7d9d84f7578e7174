"""A master that runs commands."""

from functools import partial

import pytest

from tests.master.commands.house import GRANTED, Banks, Jobs, Master, Workers
from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.master.acl import Acl
from trisalt.master.commands import Runs, serve_commands


@pytest.fixture
async def master(nursery):
    bus, workers, jobs, banks, runs, heard = Bus(), Workers(), Jobs(), Banks(), Runs(), []

    async def listen(*, task_status):
        async with bus.subscribe(Event, keep=False, depth=1000) as events:
            task_status.started()
            async for event in events:
                heard.append(event)

    await nursery.start(listen)
    await nursery.start(
        partial(
            serve_commands, bus, workers, runs, Acl(publisher_acl=GRANTED),
            jobs=jobs, banks=banks, master_id="box_master",
        )
    )  # fmt: skip
    yield Master(bus, workers, jobs, runs, heard, banks)
    nursery.cancel_scope.cancel()
