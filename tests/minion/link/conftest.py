"""Links that stand, to one master and to several."""

from contextlib import asynccontextmanager

import pytest
import structlog

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected, JobReceived


@pytest.fixture
def linked(open_link, master):
    """A link that stands, its jobs, and what it logged: `async with linked() as (bus, jobs, logs)`."""

    @asynccontextmanager
    async def opened(**options):
        bus = Bus()
        with structlog.testing.capture_logs() as logs:
            async with (
                bus.subscribe(Connected, keep=True) as connected,
                bus.subscribe(JobReceived, keep=True) as jobs,
                open_link(bus, **options),
            ):
                await connected.receive()
                yield bus, jobs, logs

    return opened


@pytest.fixture
def failover(open_link, master):
    """A link that goes from master to master, the first of which stands: `async with failover(("a", "b")) as (bus, said)`.

    `await said()` is the name of the master that stands now, or `lost` and the name of the one that is gone.
    """

    @asynccontextmanager
    async def opened(hosts, **options):
        bus = Bus()

        async def said():
            event = await words.receive()
            return event.master if isinstance(event, Connected) else f"lost {event.master}"

        async with bus.subscribe((Connected, Disconnected), keep=True) as words, open_link(bus, hosts=hosts, **options):
            assert await said() == hosts[0]
            yield bus, said

    return opened
