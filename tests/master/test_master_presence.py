"""`trisalt.master.presence`: who is here, and who is told."""

from __future__ import annotations

from functools import partial

import pytest

from trisalt.bus.bus import Bus
from trisalt.bus.events import KeyChanged, MinionAbsent, MinionPresent
from trisalt.bus.requests import Presence, PresenceRequest
from trisalt.master.presence import PresenceDesk, keep_presence

NOW = 1795351200.0


class House:
    """A bus with presence on it; `now` is wall time."""

    def __init__(self):
        self.bus, self.now = Bus(), NOW
        self.desk = PresenceDesk(clock=lambda: self.now)

    async def start(self, nursery):
        await nursery.start(partial(keep_presence, self.bus, self.desk, lambda: ["m1", "m2"]))


@pytest.fixture
async def house(nursery):
    made = House()
    await made.start(nursery)
    return made


async def test_a_sign_of_life_is_told_once_and_noted_each_time(house):
    async with house.bus.subscribe((MinionPresent, MinionAbsent), keep=True) as told:
        house.desk.heard("m1", "192.0.2.1")
        event = await told.receive()
        assert (event.tag, event.since, event.address) == ("trisalt/minion/m1/present", NOW, "192.0.2.1")
        house.now += 60
        house.desk.heard("m1", "192.0.2.9")
        assert await house.bus.ask(PresenceRequest()) == {
            "m1": Presence(present=True, since=NOW, seen=NOW + 60, address="192.0.2.9"),
            "m2": Presence(present=None),
        }
        await house.bus.publish(KeyChanged(result=True, act="delete", id="m1"))
        event = await told.receive()
        assert (event.tag, event.since, event.why) == ("trisalt/minion/m1/absent", NOW + 60, "its key was deleted")
    assert await house.bus.ask(PresenceRequest(ids=["m1"])) == {"m1": Presence(present=None)}
