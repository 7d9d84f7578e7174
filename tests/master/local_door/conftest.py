"""The local door over a real unix socket, with claimants that answer as the rest of the master would."""

from functools import partial

import pytest

from tests.master.local_door.house import Jobs, Master, open_log
from trisalt.bus.bus import Bus
from trisalt.bus.requests import (
    BatchLookup,
)
from trisalt.master.acl import Acl
from trisalt.master.local_door import serve_local_door


@pytest.fixture
async def door(open_folder, nursery):
    """Open the door, with a bus that is kept in a log; a `Master` to ask by it."""
    bus, jobs, path = Bus(), Jobs(), str(open_folder / "master.sock")
    async with open_log(open_folder, bus) as log:

        async def start(acl=None, **options):
            service = partial(serve_local_door, bus, jobs, log, acl or Acl(), path=path, **options)
            await nursery.start(service)
            return Master(bus, jobs, path, nursery, log)

        yield start
        nursery.cancel_scope.cancel()


@pytest.fixture
async def master(door):
    house = await door()
    # No job is a batch, unless a test says so.
    await house.claim(BatchLookup, lambda request: house.batches.get(request.jid))
    return house
