"""The clock by which things wait and expire, when the host's clock is set: on a clock that the test sets."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import StoreError
from trisalt.master.clock import LOOK_S, SteadyClock, boot_id, keep_clock, passing

DAY = 86400.0
NOON = 1_800_000_000.0


class Host:
    """A host: seconds pass, and its clock may be set."""

    def __init__(self, booted=100.0):
        self.booted = booted
        self.skew = 0.0

    def passing(self):
        return self.booted + trio.current_time()

    def wall(self):
        return NOON + trio.current_time() + self.skew

    def clock(self):
        return SteadyClock(self.wall, self.passing)


class Kept:
    def __init__(self):
        self.state = None
        self.followed = []
        self.full = 0

    async def read(self):
        await trio.lowlevel.checkpoint()
        return self.state

    async def follow(self, by, now, state):
        await trio.lowlevel.checkpoint()
        if self.full:
            self.full -= 1
            raise StoreError("full")
        self.followed.append((by, now))
        self.state = state


@pytest.fixture
def host():
    return Host()


def moment(seconds):
    return pytest.approx(seconds, rel=0, abs=0.01)


async def test_it_passes_as_seconds_do_and_follows_what_is_small_without_a_word(autojump_clock, host):
    clock = host.clock()
    await trio.sleep(60)
    assert clock.now() == moment(NOON + 60)
    host.skew = 1.5
    assert clock.look() == 0.0
    assert clock.now() == moment(host.wall())


@pytest.mark.parametrize("by", [DAY, -DAY, 3.0, -3.0])
async def test_a_clock_that_is_set_is_noticed_kept_told_and_followed(autojump_clock, host, nursery, by):
    clock, kept, shifted = host.clock(), Kept(), []
    await nursery.start(lambda task_status: keep_clock(clock, kept, shifted=shifted.append, task_status=task_status))
    await trio.sleep(61)
    host.skew = by
    # Nobody has said anything yet: it goes on.
    assert clock.now() == moment(NOON + 61)
    await trio.sleep(LOOK_S + 1)
    assert shifted == [moment(by)]
    # It was looked at when 65 seconds had passed.
    assert kept.followed[-1] == (moment(by), moment(NOON + 65 + by))
    assert clock.now() == moment(host.wall())
    nursery.cancel_scope.cancel()


async def test_a_store_that_is_full_leaves_everything_as_it_is_until_it_is_not(autojump_clock, host, nursery):
    clock, kept, shifted = host.clock(), Kept(), []
    await nursery.start(lambda task_status: keep_clock(clock, kept, shifted=shifted.append, task_status=task_status))
    host.skew, kept.full = DAY, 2
    await trio.sleep(2 * LOOK_S + 1)
    assert (shifted, clock.now()) == ([], moment(NOON + 2 * LOOK_S + 1))
    await trio.sleep(LOOK_S)
    assert shifted == [moment(DAY)]
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("same", "expected"), [(True, [DAY]), (False, [])], ids=["the same start", "a new start"])
async def test_what_happened_while_no_master_ran_is_known_until_the_host_starts_anew(
    autojump_clock, host, same, expected
):
    kept, boots = Kept(), iter(["first", "first" if same else "second"])
    shifted = []
    for turn in range(2):
        with trio.move_on_after(1):
            await keep_clock(host.clock(), kept, shifted=shifted.append, boot=lambda: next(boots))
        if not turn:
            await trio.sleep(600)
            host.skew = DAY
            host.booted += 0.0 if same else 5000.0
    assert shifted == [moment(by) for by in expected]


async def test_a_clock_a_day_ahead_makes_nothing_older(autojump_clock, host):
    clock = host.clock()
    await trio.sleep(3600)
    noted = host.wall()
    host.skew = DAY
    clock.follow(clock.look())
    assert clock.ago(2 * 3600.0) < noted
    await trio.sleep(3600)
    # An hour is an hour, whichever clock noted it.
    assert clock.ago(3600.0 - 1) > noted
    assert clock.ago(3600.0 + 60) == moment(noted - 60)
    await trio.sleep(DAY)
    assert clock.ago(3600.0) == moment(host.wall() - 3600.0)


@given(
    happens=st.lists(st.tuples(st.floats(1.0, 40_000.0), st.sampled_from([0.0, DAY, 3600.0, 500.0])), max_size=12),
    keep=st.sampled_from([600.0, 3600.0, DAY]),
)
def test_nothing_that_was_noted_within_the_time_is_ever_too_old(happens, keep):
    """However often the clock is set ahead; what is longer ago than that, and than any step, is."""
    passed, skew = 0.0, 0.0
    clock = SteadyClock(lambda: NOON + passed + skew, lambda: passed)
    noted = []
    for seconds, by in happens:
        noted.append((passed, clock.now()))
        passed += seconds
        skew += by
        if by:
            clock.follow(clock.look())
        noted.append((passed, clock.now()))
        limit = clock.ago(keep)
        assert all(stamp >= limit - 0.01 for at, stamp in noted if passed - at < keep)
    passed += 10 * DAY
    assert all(stamp < clock.ago(keep) for _at, stamp in noted)


async def test_the_hosts_own_clocks_are_read():
    assert passing() > 0
    assert len(boot_id()) in (0, 36)
