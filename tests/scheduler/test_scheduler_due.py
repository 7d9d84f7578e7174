"""When an entry is due: plain numbers."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.scheduler.due import (
    BACK_AT_MOST,
    LATE_AT_MOST,
    Due,
    Now,
    first_due,
    in_bounds,
    in_window,
    next_beat,
    next_due,
    splay_seconds,
    still_worth,
    window_over,
)
from trisalt.scheduler.entry import Entry, Window

BERLIN = ZoneInfo("Europe/Berlin")


def entry(**mapping):
    return Entry.from_config("one", {"function": "test.ping", "seconds": 10, **mapping})


def calendar(**mapping):
    return Entry.from_config("one", {"function": "test.ping", **mapping})


def now(trio=100, wall=5000, zone=UTC):
    return Now(trio, wall, zone)


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def test_an_interval_entry_runs_at_once():
    assert first_due(entry(), now=now(), draw=0) == Due(100, 100)


def test_without_run_on_start_it_waits_one_interval():
    assert first_due(entry(run_on_start=False), now=now(), draw=0) == Due(110, 110)


def test_the_beat_is_kept_when_a_run_was_late():
    assert next_due(entry(), last=100, now=now(103), draw=0) == Due(110, 110)


def test_missed_runs_are_one():
    assert next_due(entry(), last=100, now=now(157), draw=0) == Due(160, 160)


def test_exactly_on_the_beat_is_the_next_beat():
    assert next_due(entry(), last=100, now=now(110), draw=0) == Due(120, 120)


def test_splay_puts_a_run_off_but_not_the_beat():
    one = entry(splay={"start": 2, "end": 6})
    assert first_due(one, now=now(), draw=0.5) == Due(100, 104)
    assert next_due(one, last=100, now=now(104), draw=0.0) == Due(110, 112)


def test_after_is_the_first_run():
    one = entry(after="2026-11-22T13:00:00+00:00")
    wall = one.after.timestamp() - 500
    assert first_due(one, now=now(wall=wall), draw=0) == Due(600, 600)


def test_until_ends_it():
    one = entry(until="2026-11-22T13:00:00+00:00")
    end = one.until.timestamp()
    assert first_due(one, now=now(wall=end - 1), draw=0) == Due(100, 100)
    assert next_due(one, last=100, now=now(wall=end - 1), draw=0) is None
    assert not in_bounds(one, wall=end, zone=UTC)
    assert in_bounds(one, wall=end - 1, zone=UTC)


@pytest.mark.parametrize(
    ("mapping", "wanted"),
    [
        ({"cron": "0 13 * * *"}, "2026-11-27T13:00"),
        ({"when": ["Monday 9am", "5:00pm"]}, "2026-11-27T17:00"),
        ({"once": "2026-12-24T18:00:00"}, "2026-12-24T18:00"),
        ({"once": "24.12.2026 18:00", "once_fmt": "%d.%m.%Y %H:%M"}, "2026-12-24T18:00"),
        ({"once": "2026-11-01T18:00:00"}, None),
        ({"cron": "0 13 * * *", "run_on_start": True}, "2026-11-27T12:00"),
        ({"cron": "0 13 * * *", "after": "2026-11-28T13:00:00"}, "2026-11-28T13:00"),
        ({"cron": "0 13 * * *", "until": "2026-11-27T13:00:00"}, None),
    ],
)
def test_what_goes_by_the_calendar_waits_for_its_moment(mapping, wanted):
    here = now(wall=at("2026-11-27T12:00"), zone=BERLIN)
    wanted = None if wanted is None else Due(at(wanted), at(wanted), wall=True)
    assert first_due(calendar(**mapping), now=here, draw=0) == wanted


def test_a_clock_set_back_a_little_repeats_nothing_and_one_set_back_far_starts_anew():
    hourly, last = calendar(cron="0 * * * *"), at("2026-11-27T12:00")
    for back, wanted in ((60, "2026-11-27T13:00"), (BACK_AT_MOST, "2026-11-27T13:00"), (86400, "2026-11-26T13:00")):
        here = now(wall=last - back, zone=BERLIN)
        assert next_due(hourly, last=last, now=here, draw=0).beat == at(wanted)


@pytest.mark.parametrize(
    ("cron", "late", "worth"),
    [
        ("0 12 * * *", 0, True),
        ("0 12 * * *", LATE_AT_MOST, True),
        ("0 12 * * *", LATE_AT_MOST + 1, False),
        # Of the many that were missed one is recent.
        ("* * * * *", 7200, True),
    ],
)
def test_a_moment_that_is_long_past_is_let_go(cron, late, worth):
    noon = at("2026-11-27T12:00")
    due = Due(noon, noon, wall=True)
    assert still_worth(calendar(cron=cron), due, now=now(wall=noon + late, zone=BERLIN)) is worth


def test_an_interval_is_never_too_late():
    assert still_worth(entry(), Due(0, 0), now=now(trio=1e6))


@pytest.mark.parametrize(
    ("invert", "clock", "inside", "over"),
    [
        (False, "07:59:59", False, None),
        (False, "08:00:00", True, "2026-10-24T17:00"),
        (False, "16:59:59", True, "2026-10-24T17:00"),
        (False, "17:00:00", False, None),
        (True, "07:59:59", True, "2026-10-24T08:00"),
        (True, "12:00:00", False, None),
        (True, "17:00:00", True, "2026-10-25T08:00"),
    ],
)
def test_a_range_is_read_anew_each_day_and_its_end_is_outside(invert, clock, inside, over):
    window, wall = Window("8:00am", "5:00pm", invert), at(f"2026-10-24T{clock}")
    assert in_window(window, wall=wall, zone=BERLIN) is inside
    if inside:
        assert window_over(window, wall=wall, zone=BERLIN) == at(over)


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
