"""Cron expressions over changes of the clock, leap days and month ends, against what counting minutes finds."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.scheduler.calendar import instant, local
from trisalt.scheduler.cron import check, next_cron

ZONES = {
    name: ZoneInfo(name)
    for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "UTC")
}
BERLIN = ZONES["Europe/Berlin"]
# Around changes of these zones, and one where nothing happens. Those of São Paulo were at midnight.
DAYS = [
    *("2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-10-04"),
    *("2018-02-18", "2018-11-04", "2024-02-28", "2026-06-30"),
]


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def runs(expression, start, end, zone=BERLIN):
    moment, found = start, []
    while (moment := next_cron(expression, after=moment, zone=zone)) is not None and moment <= end:
        found.append(moment)
    return found


def shown(moments, zone=BERLIN):
    return [local(moment, zone).strftime("%m-%d %H:%M%z") for moment in moments]


@pytest.mark.parametrize(
    ("expression", "start", "wanted"),
    [
        ("30 2 * * *", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:30+0200"]),
        ("30 2 * * *", "2026-10-24T12:00", ["10-25 02:30+0200", "10-26 02:30+0100"]),
        ("0 2,3 * * *", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("*/30 * * * *", "2026-03-29T01:10", ["03-29 01:30+0100", "03-29 03:00+0200", "03-29 03:30+0200"]),
        (
            "*/30 * * * *",
            "2026-10-25T02:10",
            ["10-25 02:30+0200", "10-25 02:00+0100", "10-25 02:30+0100", "10-25 03:00+0100"],
        ),
        ("15 * * * *", "2026-10-25T01:30", ["10-25 02:15+0200", "10-25 02:15+0100", "10-25 03:15+0100"]),
        ("0 0 29 2 *", "2026-01-01", ["02-29 00:00+0100"] * 3),
        ("0 12 31 * *", "2026-01-31T13:00", ["03-31 12:00+0200", "05-31 12:00+0200", "07-31 12:00+0200"]),
        ("0 6 l * *", "2027-02-01", ["02-28 06:00+0100", "03-31 06:00+0200"]),
        ("0 9 * * mon-fri", "2026-11-27T10:00", ["11-30 09:00+0100", "12-01 09:00+0100"]),
        ("@daily", "2026-10-24T12:00", ["10-25 00:00+0200", "10-26 00:00+0100"]),
    ],
)
def test_moments(expression, start, wanted):
    moment, found = at(start), []
    for _ in wanted:
        moment = next_cron(expression, after=moment, zone=BERLIN)
        found.append(moment)
    assert shown(found) == wanted


def test_in_the_second_of_two_equal_hours_times_of_day_have_been():
    second = at("2026-10-25T01:10", ZoneInfo("UTC"))
    assert local(second, BERLIN).fold == 1
    assert shown([next_cron("30 2 * * *", after=second, zone=BERLIN)]) == ["10-26 02:30+0100"]
    assert shown([next_cron("0 3 * * *", after=second, zone=BERLIN)]) == ["10-25 03:00+0100"]


@pytest.mark.parametrize("zone", ZONES)
def test_a_time_of_day_runs_once_on_each_day_of_three_years(zone):
    zone = ZONES[zone]
    found = runs("30 2 * * *", at("2017-06-01T03:00", zone), at("2020-06-01T03:00", zone), zone)
    days = [local(moment, zone).date() for moment in found]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert days[-1] == datetime(2020, 6, 1).date()


@pytest.mark.parametrize("zone", ZONES)
def test_every_quarter_hour_is_every_quarter_hour_whatever_the_clock_shows(zone):
    zone = ZONES[zone]
    for day in DAYS:
        start = at(day, zone) - 3600
        found = runs("*/15 * * * *", start, start + 30 * 3600, zone)
        assert {b - a for a, b in pairwise(found)} == {900}


MINUTES = st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True)
HOURS = st.lists(st.integers(0, 23), min_size=1, max_size=3, unique=True)


def listed(numbers):
    return ",".join(str(number) for number in sorted(numbers))


@settings(max_examples=40, deadline=None)
@given(MINUTES, st.sampled_from(sorted(ZONES)), st.sampled_from(DAYS), st.integers(0, 30 * 60))
def test_what_goes_by_the_hour_comes_whenever_the_clock_shows_it(minutes, zone, day, offset):
    zone = ZONES[zone]
    start = at(day, zone) - 7200 + 60 * offset
    moment = start - start % 60 + 60
    while local(moment, zone).minute not in minutes:
        moment += 60
    assert next_cron(f"{listed(minutes)} * * * *", after=start, zone=zone) == moment


@settings(max_examples=40, deadline=None)
@given(MINUTES, HOURS, st.sampled_from(sorted(ZONES)), st.sampled_from(DAYS))
def test_times_of_day_come_once_each_and_none_is_lost(minutes, hours, zone, day):
    zone = ZONES[zone]
    first = datetime.fromisoformat(day) - timedelta(days=1)
    start, end = instant(first, zone) - 1, instant(first + timedelta(days=3), zone) - 1
    times = [
        first + timedelta(days=number, hours=hour, minutes=minute)
        for number in range(3)
        for hour in hours
        for minute in minutes
    ]
    wanted = sorted({instant(time, zone) for time in times})
    assert runs(f"{listed(minutes)} {listed(hours)} * * *", start, end, zone) == wanted


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * *", "5, 6 or 7"),
        ("61 * * * *", "out of range"),
        ("0 0 30 2 *", "failed to find"),
        ("H * * * *", "hash_id"),
        ("", "."),
        ("x y z a b", "."),
    ],
)
def test_what_is_no_expression_or_never_comes_is_said(expression, said):
    with pytest.raises(ValueError, match=said):
        check(expression)
