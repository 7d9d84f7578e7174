"""`trisalt.master.lanes`: each kind waits behind its own; who asks again keeps the place, and not twice."""

from __future__ import annotations

import time

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.master.dispatch import _TABLE
from trisalt.master.lanes import Crowded, Lane, Overtaken, open_lanes


class Visit:
    """Requests in one lane, each at work until it is let go."""

    def __init__(self, lane, nursery):
        self.lane, self.nursery = lane, nursery
        self.inside, self.refused, self.gates = [], [], {}

    async def come(self, name, key=None):
        self.nursery.start_soon(self._pass, name, key)
        await wait_all_tasks_blocked()

    async def _pass(self, name, key):
        try:
            await self.lane.enter(key)
        except (Crowded, Overtaken) as exc:
            self.refused.append((name, type(exc)))
            return
        try:
            self.inside.append(name)
            self.gates[name] = trio.CancelScope()
            with self.gates[name]:
                await trio.sleep_forever()
        finally:
            self.lane.leave(time.perf_counter())

    async def go(self, name):
        self.gates[name].cancel()
        await wait_all_tasks_blocked()


@pytest.fixture
async def visit(nursery):
    return Visit(Lane("x", width=2, depth=3), nursery)


async def test_so_many_at_work_and_the_others_in_the_order_in_which_they_came(visit):
    for name in "abcde":
        await visit.come(name)
    assert visit.inside == ["a", "b"]
    for name in "ba":
        await visit.go(name)
    assert visit.inside == ["a", "b", "c", "d"]
    await visit.come("f")
    for name in "cde":
        await visit.go(name)
    assert visit.inside == list("abcdef")
    await visit.go("f")
    said = visit.lane.statistics()
    assert (said.running, said.waiting, said.done) == (0, 0, 6)
    assert visit.lane.took.recent().count == 6


async def test_who_comes_when_as_many_wait_as_may_is_refused(visit):
    for name in "abcdef":
        await visit.come(name)
    assert visit.refused == [("f", Crowded)]
    assert visit.lane.statistics().refused == 1


async def test_who_asks_again_has_its_old_place_and_the_first_question_is_given_up(visit):
    for name in "ab":
        await visit.come(name)
    for name, key in (("first", 1), ("second", 2), ("third", 3), ("first again", 1)):
        await visit.come(name, key)
    assert visit.refused == [("first", Overtaken)]
    assert visit.lane.statistics().oldest > 0
    await visit.go("a")
    await visit.go("b")
    assert visit.inside[2:] == ["first again", "second"]
    assert visit.lane.statistics().overtaken == 1
    # What is at work is not overtaken: it is answered soon.
    await visit.come("first once more", 1)
    assert visit.lane.statistics().overtaken == 1


async def test_one_that_is_cancelled_leaves_no_hole(visit):
    for name in "ab":
        await visit.come(name)
    async with trio.open_nursery() as waiting:
        waiting.start_soon(visit.lane.enter)
        await wait_all_tasks_blocked()
        assert visit.lane.statistics().waiting == 1
        waiting.cancel_scope.cancel()
    assert visit.lane.statistics().waiting == 0
    await visit.go("a")
    await visit.come("c")
    assert visit.inside == ["a", "b", "c"]


def test_every_kind_has_a_lane_of_its_own():
    names = {row.lane for row in _TABLE.values()} | {"sign-ins", "strangers", "publications", "commands"}
    lanes = open_lanes()
    assert set(lanes) == names
    assert {name: lane.name for name, lane in lanes.items()} == {name: name for name in names}
