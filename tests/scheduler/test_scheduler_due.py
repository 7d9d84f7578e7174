"""When an entry is due: plain numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.scheduler.due import Due, first_due, in_bounds, next_beat, next_due, splay_seconds
from trisalt.scheduler.entry import Entry


def entry(**mapping):
    return Entry.from_config("one", {"function": "test.ping", "seconds": 10, **mapping})


def test_an_interval_entry_runs_at_once():
    assert first_due(entry(), now=100, wall=5000, draw=0) == Due(100, 100)


def test_without_run_on_start_it_waits_one_interval():
    assert first_due(entry(run_on_start=False), now=100, wall=5000, draw=0) == Due(110, 110)


def test_the_beat_is_kept_when_a_run_was_late():
    assert next_due(entry(), last=100, now=103, wall=5000, draw=0) == Due(110, 110)


def test_missed_runs_are_one():
    assert next_due(entry(), last=100, now=157, wall=5000, draw=0) == Due(160, 160)


def test_exactly_on_the_beat_is_the_next_beat():
    assert next_due(entry(), last=100, now=110, wall=5000, draw=0) == Due(120, 120)


def test_splay_puts_a_run_off_but_not_the_beat():
    one = entry(splay={"start": 2, "end": 6})
    assert first_due(one, now=100, wall=5000, draw=0.5) == Due(100, 104)
    assert next_due(one, last=100, now=104, wall=5000, draw=0.0) == Due(110, 112)


def test_after_is_the_first_run():
    one = entry(after="2026-11-22T13:00:00+00:00")
    wall = one.after - 500
    assert first_due(one, now=100, wall=wall, draw=0) == Due(600, 600)


def test_until_ends_it():
    one = entry(until="2026-11-22T13:00:00+00:00")
    assert first_due(one, now=100, wall=one.until - 1, draw=0) == Due(100, 100)
    assert next_due(one, last=100, now=100, wall=one.until - 1, draw=0) is None
    assert not in_bounds(one, wall=one.until)
    assert in_bounds(one, wall=one.until - 1)


@given(st.floats(0.5, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_next_beat_lies_ahead_and_not_too_far(interval, last, ahead):
    one = Entry.from_config("one", {"function": "test.ping", "seconds": interval})
    now = last + ahead
    beat = next_beat(one, last=last, now=now)
    assert now < beat <= now + one.interval * 1.0001


@given(st.floats(0, 1, exclude_max=True))
def test_splay_stays_in_its_range(draw):
    assert 1 <= splay_seconds(entry(splay=30), draw) <= 30


def test_rounding_never_gives_the_same_moment_again():
    one = entry(seconds=0.1)
    now = 0.0
    for _ in range(1000):
        beat = next_beat(one, last=now, now=now)
        assert beat > now
        now = beat


@pytest.mark.parametrize("splay", [None, 0])
def test_no_splay_is_none(splay):
    assert splay_seconds(entry(splay=splay), 0.9) == 0
