"""`trisalt.master.departures`: what is kept about a minion goes with its key."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import KeyChanged
from trisalt.errors import StoreError
from trisalt.master.departures import follow_departures


class FakeBanks:
    def __init__(self):
        self.flushed = []
        self.error = None

    async def flush(self, bank, key):
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.flushed.append((bank, key))


class FakeSessions:
    def __init__(self):
        self.forgotten = []

    def forget(self, id):
        self.forgotten.append(id)


@pytest.fixture
def setup():
    return Bus(), FakeBanks(), FakeSessions()


async def change(bus, act, id="m1"):
    await bus.publish(KeyChanged(result=True, act=act, id=id))
    await trio.testing.wait_all_tasks_blocked()


async def test_a_deleted_minion_is_forgotten_and_a_rejected_one_signs_in_anew(setup, nursery):
    bus, banks, sessions = setup
    await nursery.start(partial(follow_departures, bus, banks, sessions))
    for act in ("accepted", "pending", "denied"):
        await change(bus, act)
    assert (banks.flushed, sessions.forgotten) == ([], [])
    await change(bus, "rejected", "m2")
    assert (banks.flushed, sessions.forgotten) == ([], ["m2"])
    await change(bus, "delete")
    assert banks.flushed == [("grains", "m1"), ("pillar", "m1"), ("mine", "m1"), ("presence", "m1")]
    assert sessions.forgotten == ["m2", "m1"]


async def test_what_is_kept_may_be_preserved(setup, nursery):
    bus, banks, sessions = setup
    await nursery.start(partial(follow_departures, bus, banks, sessions, preserve=True))
    await change(bus, "delete")
    assert (banks.flushed, sessions.forgotten) == ([], ["m1"])


async def test_a_store_that_cannot_write_does_not_end_it(setup, nursery):
    bus, banks, sessions = setup
    await nursery.start(partial(follow_departures, bus, banks, sessions))
    banks.error = StoreError("full")
    await change(bus, "delete", "m1")
    await change(bus, "delete", "m2")
    assert sessions.forgotten == ["m1", "m2"]
    assert ("mine", "m2") in banks.flushed
