"""`trisalt.minion.heartbeat`: signs of life for the masters that want them, against a master in memory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio

from trisalt import SALT_VERSION
from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected
from trisalt.errors import RequestTimeout
from trisalt.minion.heartbeat import Hearts


class FakeLink:
    """A link: `answers` is what the master says to a heartbeat, None for nothing."""

    def __init__(self, heartbeat, answer=None):
        self.master, self.connected, self.heartbeat = "salt", True, heartbeat
        self.answer, self.loads = answer, []

    async def ask(self, load, *, timeout, tries):
        self.loads.append((trio.current_time(), load))
        await trio.sleep(0.25)
        if self.answer is None:
            await trio.sleep(timeout)
            raise RequestTimeout("no answer")
        return self.answer


@asynccontextmanager
async def beating(*links, **more):
    bus, hearts = Bus(), Hearts("m1", links, ask=FakeLink.ask, **more)
    async with trio.open_nursery() as nursery:
        await nursery.start(hearts.run, bus)
        began = trio.current_time()
        await bus.publish(Connected(master="salt"))
        yield bus, hearts
        for link in links:
            link.loads = [(round(at - began), load) for at, load in link.loads]
        nursery.cancel_scope.cancel()


async def test_it_beats_at_once_and_then_as_often_as_is_wanted(autojump_clock):
    link = FakeLink(60.0, {"every": 60.0})
    async with beating(link):
        await trio.sleep(185)
    assert link.loads[0] == (0, {"cmd": "_heartbeat", "id": "m1", "every": 60.0, "version": SALT_VERSION})
    assert link.loads[1][1]["latency"] == 0.25
    gaps = [b - a for (a, _), (b, _) in pairwise(link.loads)]
    assert len(gaps) == 3
    assert all(54 <= gap <= 61 for gap in gaps)


async def test_it_says_what_is_switched_off_once_it_knows(autojump_clock):
    link, said = FakeLink(60.0, {"every": 60.0}), [None]
    async with beating(link, off=lambda: said[0]):
        await trio.sleep(1)
        said[0] = {"beacons": [], "schedule": ["", "a"]}
        await trio.sleep(60)
        said[0] = {"beacons": [], "schedule": []}
        await trio.sleep(60)
    assert [load.get("off") for _at, load in link.loads] == [None, {"schedule": ["", "a"]}, {}]


async def test_a_master_that_does_not_ask_for_it_hears_nothing(autojump_clock):
    link = FakeLink(0)
    async with beating(link) as (_bus, hearts):
        await trio.sleep(3600)
        await hearts.leave()
    assert link.loads == []


async def test_the_master_changes_how_often_with_its_answer(autojump_clock):
    link = FakeLink(60.0, {"every": 10})
    async with beating(link):
        await trio.sleep(25)
        link.answer = {"every": 0}
        await trio.sleep(600)
    assert [load["every"] for _at, load in link.loads] == [60.0, 10.0, 10.0, 10.0]


@pytest.mark.parametrize("answer", [None, {}, {"every": "often"}, 5])
async def test_without_a_sensible_answer_it_tries_again_or_lets_it_be(answer, autojump_clock):
    link = FakeLink(60.0, answer)
    async with beating(link):
        await trio.sleep(60)
    assert len(link.loads) == (3 if answer is None else 1)


async def test_a_link_that_stands_anew_is_told_at_once(autojump_clock):
    link = FakeLink(60.0, {"every": 60.0})
    async with beating(link) as (bus, _hearts):
        await trio.sleep(5)
        link.connected = False
        await trio.sleep(300)
        link.connected = True
        await bus.publish(Connected(master="another"))
        await trio.sleep(5)
        await bus.publish(Connected(master="salt"))
        await trio.sleep(5)
    assert [at for at, _load in link.loads] == [0, 310]


async def test_who_leaves_says_so_and_does_not_wait_for_long(autojump_clock):
    fast, slow, lost = FakeLink(60.0, {"every": 60.0}), FakeLink(60.0), FakeLink(60.0, {"every": 60.0})
    async with beating(fast, slow, lost) as (_bus, hearts):
        await trio.sleep(1)
        lost.connected = False
        began = trio.current_time()
        await hearts.leave()
        assert trio.current_time() - began == 1.0
    assert [link.loads[-1][1].get("leaving") for link in (fast, slow, lost)] == [True, True, None]
