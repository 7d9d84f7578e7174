"""Local time, named times, and what changes of the clock do to them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.scheduler.calendar import change_between, instant, local, next_named, read

BERLIN, NEW_YORK, LORD_HOWE = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))
APIA, UTC = ZoneInfo("Pacific/Apia"), ZoneInfo("UTC")


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("naive", "zone", "wanted"),
    [
        ("2026-07-01T12:00", BERLIN, "2026-07-01T10:00+00:00"),
        # It comes twice: the first.
        ("2026-10-25T02:30", BERLIN, "2026-10-25T00:30+00:00"),
        ("2026-11-01T01:59:59", NEW_YORK, "2026-11-01T05:59:59+00:00"),
        ("2026-04-05T01:45", LORD_HOWE, "2026-04-04T14:45+00:00"),
        # It never comes: the change.
        ("2026-03-29T02:00", BERLIN, "2026-03-29T01:00+00:00"),
        ("2026-03-29T02:59:59", BERLIN, "2026-03-29T01:00+00:00"),
        ("2026-03-08T02:30", NEW_YORK, "2026-03-08T07:00+00:00"),
        ("2026-10-04T02:15", LORD_HOWE, "2026-10-03T15:30+00:00"),
        # A whole day that never was.
        ("2011-12-30T12:00", APIA, "2011-12-30T10:00+00:00"),
    ],
)
def test_a_local_time_is_one_moment(naive, zone, wanted):
    assert instant(datetime.fromisoformat(naive), zone) == datetime.fromisoformat(wanted).timestamp()


def test_a_time_with_a_zone_of_its_own_keeps_it():
    assert instant(datetime.fromisoformat("2026-07-01T12:00+00:00"), BERLIN) == at("2026-07-01T12:00", UTC)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)), st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, UTC]))
def test_what_the_clock_shows_is_what_was_meant_or_the_change(naive, zone):
    naive = naive.replace(microsecond=0)
    moment = instant(naive, zone)
    shown = local(moment, zone).replace(tzinfo=None, fold=0)
    assert shown == naive or change_between(moment - 1, moment, zone) == moment


def test_changes_are_found_and_only_there():
    assert change_between(at("2026-01-01"), at("2026-12-31"), BERLIN) == at("2026-03-29T01:00", UTC)
    assert change_between(at("2026-03-30"), at("2026-12-31"), BERLIN) == at("2026-10-25T01:00", UTC)
    assert change_between(at("2026-04-01"), at("2026-10-01"), BERLIN) is None
    assert change_between(at("2026-01-01", UTC), at("2036-01-01", UTC), UTC) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5:00pm", ["2026-11-27T17:00", "2026-11-28T17:00", "2026-11-29T17:00"]),
        ("Friday 9am", ["2026-12-04T09:00", "2026-12-11T09:00"]),
        ("Friday 5pm", ["2026-11-27T17:00", "2026-12-04T17:00"]),
        ("Nov 1 5pm", ["2027-11-01T17:00", "2028-11-01T17:00"]),
        ("Feb 29 01:00", ["2028-02-29T01:00", "2032-02-29T01:00"]),
        ("12/31/2026 11:59pm", ["2026-12-31T23:59", None]),
        ("2026-12-24T18:00:00", ["2026-12-24T18:00", None]),
        ("2020-01-01", [None]),
    ],
)
def test_a_named_time_comes_as_often_as_it_leaves_open(text, wanted):
    moment = at("2026-11-27T12:00")
    for one in wanted:
        moment = next_named(text, after=moment, zone=BERLIN)
        assert moment == (None if one is None else at(one))


def test_a_time_of_day_comes_once_each_day_over_both_changes():
    moment, days = at("2026-01-01T12:00"), []
    for _ in range(365):
        moment = next_named("2:30am", after=moment, zone=BERLIN)
        days.append(local(moment, BERLIN).date().toordinal())
    assert days == list(range(days[0], days[0] + 365))


@pytest.mark.parametrize(
    "text", ["", "gurka", "25:00", "2026-13-01", "99999999999999999999", "5pm XYZ", "5pm +25:00", "1e999"]
)
def test_what_is_no_time_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"no time|String"):
        read(text, today=date(2026, 1, 1))
