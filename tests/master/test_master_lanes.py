"""`trisalt.master.lanes`: each kind waits behind its own; who asks again keeps the place, and not twice."""

from __future__ import annotations

import time

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.master.dispatch import _TABLE
from trisalt.master.lanes import Crowded, Lane, SharedLane, open_lanes


class Visit:
    """Requests in one lane, each at work until it is let go."""

    def __init__(self, lane, nursery):
        self.lane, self.nursery = lane, nursery
        self.inside, self.refused, self.gates = [], [], {}

    async def come(self, name):
        self.nursery.start_soon(self._pass, name)
        await wait_all_tasks_blocked()

    async def _pass(self, name):
        try:
            await self.lane.enter()
        except Crowded:
            self.refused.append(name)
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
    assert visit.refused == ["f"]
    assert visit.lane.statistics().oldest > 0
    assert visit.lane.statistics().refused == 1


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


def test_those_who_wait_share_turns_in_the_order_in_which_they_came():
    lane = SharedLane("x", turns=2, together=3)
    assert not lane.begin()
    for name in "abcdefgh":
        assert lane.wait(name, name, 0.0) is None
    # A turn begins as soon as it can; the second takes what is left by then.
    assert (lane.begin(), lane.begin(), lane.begin()) == (True, True, False)
    assert (lane.board(), lane.board()) == (list("abc"), list("def"))
    assert (lane.statistics().running, lane.statistics().waiting) == (6, 2)
    assert lane.statistics().oldest > 0
    for _ in "abc":
        lane.leave(time.perf_counter())
    assert lane.board() == ["g", "h"]
    assert lane.board() == []
    # One turn has ended with that, and may begin anew.
    assert not lane.begin()
    assert lane.wait("i", "i", 0.0) is None
    assert lane.begin()
    assert lane.board() == ["i"]
    said = lane.statistics()
    assert (said.running, said.waiting, said.done, lane.took.recent().count) == (6, 0, 3, 3)


def test_who_asks_again_has_its_old_place_and_the_first_question_is_given_up():
    lane = SharedLane("x", turns=1, together=1, depth=3)
    for key, who in ((1, "first"), (2, "second"), (3, "third")):
        assert lane.wait(key, who, 0.0) is None
    assert lane.wait(1, "first again", 1.0) == "first"
    with pytest.raises(Crowded):
        lane.wait(4, "fourth", 1.0)
    assert lane.begin()
    assert [lane.board(), lane.board()] == [["first again"], ["second"]]
    # What is at work is not overtaken: it is answered soon.
    assert lane.wait(1, "first once more", 1.0) is None
    said = lane.statistics()
    assert (said.overtaken, said.refused) == (1, 1)


def test_every_kind_has_a_lane_of_its_own():
    names = {row.lane for row in _TABLE.values()} | {"sign-ins", "strangers", "publications", "commands"}
    lanes = open_lanes()
    assert {lane.name for lane in lanes.statistics()} == names
    assert all(lanes[name].name == name for name in names - {"sign-ins", "strangers"})
