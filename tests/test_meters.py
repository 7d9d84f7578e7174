"""`trisalt.meters`: what took how long, lately, and whether the loop turns."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.meters import BOUNDS, LOOK_EVERY_S, RECENT_S, UNWELL_S, Histogram, LoopMeter


@pytest.mark.parametrize(
    ("seconds", "p50", "p99", "longest"),
    [
        ([], 0, 0, 0),
        ([0.003], 0.003, 0.003, 0.003),
        ([0.003] * 99 + [2], 0.005, 0.005, 2),
        ([0.003] * 90 + [2] * 10, 0.005, 2, 2),
        ([100.0], 100, 100, 100),
        ([0.0], 0, 0, 0),
    ],
)
def test_a_histogram_tells_the_bucket_and_never_more_than_the_longest(seconds, p50, p99, longest):
    histogram = Histogram()
    for value in seconds:
        histogram.record(value)
    took = histogram.recent()
    assert (took.count, took.p50, took.p99, took.longest) == (len(seconds), p50, p99, longest)
    assert took.total == pytest.approx(sum(seconds))


def test_what_is_recent_ends_and_the_sum_of_all_stays():
    histogram = Histogram()
    histogram.record(1)
    histogram.turn()
    histogram.record(2)
    assert (histogram.recent().count, histogram.recent().longest) == (2, 2)
    histogram.turn()
    assert (histogram.recent().count, histogram.recent().longest, histogram.recent().total) == (1, 2, 2)
    histogram.turn()
    assert histogram.recent().count == 0
    assert (sum(histogram.counts), histogram.total) == (2, 3)


def test_buckets_are_sorted_and_a_bound_belongs_to_its_bucket():
    assert list(BOUNDS) == sorted(set(BOUNDS))
    histogram = Histogram()
    histogram.record(BOUNDS[3])
    assert histogram.counts.index(1) == 3


async def test_a_loop_that_stands_still_is_seen_when_it_turns_again_and_recovers(nursery, mock_clock):
    meter = LoopMeter()
    await nursery.start(meter.run, lambda: [])
    mock_clock.jump(LOOK_EVERY_S)
    await wait_all_tasks_blocked()
    assert meter.well
    mock_clock.jump(UNWELL_S + LOOK_EVERY_S)
    assert not meter.well
    await wait_all_tasks_blocked()
    assert not meter.well
    assert meter.late.recent().longest >= UNWELL_S
    mock_clock.jump(LOOK_EVERY_S)
    await wait_all_tasks_blocked()
    assert meter.well


async def test_the_recent_time_of_all_goes_on(nursery, autojump_clock):
    meter, histogram = LoopMeter(), Histogram()
    await nursery.start(meter.run, lambda: [histogram])
    histogram.record(1)
    await trio.sleep(RECENT_S * 2.5)
    assert histogram.recent().count == 0
    await wait_all_tasks_blocked()
    assert meter.late.recent().count > 0
