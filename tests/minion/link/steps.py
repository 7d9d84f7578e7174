"""What the tests of the link wait for."""

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected


def events(logs):
    return [line["event"] for line in logs]


async def first(bus, cls):
    async with bus.subscribe(cls, keep=True) as found:
        return await found.receive()


async def until_accepted(open_link, master, **options):
    """The log lines up to the link that stands, and the seconds it took."""
    bus = Bus()
    began = trio.current_time()
    with structlog.testing.capture_logs() as logs:
        async with bus.subscribe(Connected, keep=True) as connected, open_link(bus, **options):
            await connected.receive()
    return logs, round(trio.current_time() - began)


async def until_accepted_later(open_link, master, seconds, **options):
    """As `until_accepted`, of a master that answers after so many seconds."""
    async with trio.open_nursery() as nursery:

        async def answers():
            await trio.sleep(seconds)
            master.mode = "accept"

        nursery.start_soon(answers)
        return await until_accepted(open_link, master, **options)


async def an_hour(clock):
    """In which nothing happens in threads, so that it need not last."""
    clock.autojump_threshold, patience = 0, clock.autojump_threshold
    await trio.sleep(3600)
    clock.autojump_threshold = patience


async def refused(jobs, logs):
    """Nothing came, and the log says why."""
    with trio.move_on_after(120) as scope:
        await jobs.receive()
    assert scope.cancelled_caught, "it was taken"
    return [line["reason"] for line in logs if line["event"] == "publication.refused"]


async def rotated(master, jobs):
    """A publication under the old key that was heard, after which there is a new key, and it was heard too."""
    master.publish()
    await jobs.receive()
    old = master.aes
    master.rotate()
    master.publish()
    await jobs.receive()
    return old
