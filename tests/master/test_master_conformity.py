"""The fleet is asked every so often what a highstate would change."""

import attrs
import pytest
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.requests import BatchLookup, BatchRequest
from trisalt.errors import CommandError
from trisalt.master.conformity import BANK, KEY, LOOK_EVERY_S, ConformityRules, keep_asking

JID = "20261122124940743908"


class Banks:
    """One value."""

    def __init__(self):
        self.kept = None

    async def fetch(self, bank, key):
        assert (bank, key) == (BANK, KEY)
        await trio.lowlevel.checkpoint()
        return self.kept

    async def store(self, bank, key, value):
        await trio.lowlevel.checkpoint()
        self.kept = value


@attrs.define
class View:
    ended: bool


class House:
    def __init__(self):
        self.bus, self.banks = Bus(), Banks()
        self.rules = ConformityRules(compliance_interval=3600.0, compliance_batch=7)
        self.asked, self.at = [], []
        self.running = False
        self.answer = Published(jid=JID, minions=["web1"], missing=[])

    def now(self):
        return 1_700_000_000.0 + trio.current_time()

    async def ask(self, request):
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        self.at.append(round(trio.current_time()))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def look(self, request):
        await trio.lowlevel.checkpoint()
        return View(not self.running) if request.jid == JID else None

    async def live(self, seconds):
        """The service for so long."""
        with trio.move_on_after(seconds), self.bus.answering({BatchRequest: self.ask, BatchLookup: self.look}):
            await keep_asking(self.bus, self.banks, lambda: self.rules, clock=self.now)


@pytest.fixture
def house():
    return House()


async def test_all_minions_are_asked_a_few_at_a_time_what_they_would_change(house, autojump_clock):
    await house.live(10)
    (request,) = house.asked
    assert (request.tgt, request.fun, request.size, request.caller.trusted) == ("*", "state.highstate", "7", True)
    assert request.arg[0]["test"] is True


async def test_a_round_follows_the_other(house, autojump_clock):
    await house.live(3 * 3600 - 10)
    assert house.at == [0, 3600, 7200]


async def test_a_round_that_still_runs_is_waited_for(house, autojump_clock):
    await house.live(10)
    house.running = True
    await house.live(5000)
    assert len(house.asked) == 1
    house.running = False
    await house.live(100)
    assert len(house.asked) == 2


async def test_a_restart_makes_no_round_more(house, autojump_clock):
    await house.live(1000)
    await house.live(1000)
    assert house.at == [0]
    await house.live(2000)
    assert house.at == [0, 3600]


async def test_it_is_off_until_the_configuration_says_so(house, autojump_clock):
    house.rules = ConformityRules()
    await house.live(10_000)
    assert house.asked == []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.live, 100)
        await trio.sleep(1)
        house.rules = ConformityRules(compliance_interval=60.0)
    assert len(house.asked) >= 1
    assert house.at[0] <= 10_000 + LOOK_EVERY_S + 1


@pytest.mark.parametrize("answer", [Published(jid=None, minions=[], missing=[], error="nobody"), CommandError("no")])
async def test_a_round_that_reaches_nobody_is_made_again_when_it_is_due(house, answer, autojump_clock):
    house.answer = answer
    await house.live(3700)
    assert house.at == [0, 3600]


async def test_a_clock_that_was_set_back_makes_nobody_wait_for_ever(house, autojump_clock):
    house.banks.kept = {"at": house.now() + 1e6, "jid": ""}
    await house.live(3700)
    assert len(house.asked) == 1


async def test_what_was_kept_by_somebody_else_is_nothing(house, autojump_clock):
    house.banks.kept = ["odd"]
    await house.live(10)
    assert len(house.asked) == 1
