from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.wire import jid

MOMENT = datetime(2026, 11, 22, 12, 47, 14, 45046, tzinfo=UTC)
JID = "20261122124714045046"

moments = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9998, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def test_a_jid_is_twenty_digits_of_utc():
    assert jid.make(MOMENT) == JID
    assert jid.make(MOMENT.astimezone(timezone(timedelta(hours=-7)))) == JID
    assert jid.make(MOMENT.timestamp()) == JID


def test_a_unique_jid_names_its_process():
    assert jid.make(MOMENT, unique=4711) == JID + "_4711"
    assert jid.is_jid(JID + "_4711")


@given(moments)
def test_a_jid_tells_its_moment(moment):
    made = jid.make(moment)
    assert jid.is_jid(made)
    assert jid.to_datetime(made) == moment


@given(st.lists(moments, min_size=2, max_size=8))
def test_each_jid_sorts_after_the_last_whatever_the_clock_does(clock):
    last = jid.make(clock[0])
    for now in clock[1:]:
        following = jid.make(now, last=last)
        assert following > last
        last = following


def test_the_last_jid_may_be_a_unique_one():
    assert jid.make(MOMENT, last=JID + "_1", unique=1) == "20261122124714045047_1"


@pytest.mark.parametrize(
    "value", ["", "req", JID[:-1], JID + "1", JID + "_", JID + "-1", "x" * 20, "٣" * 20, 20261122124714045046, None, []]
)
def test_what_is_no_jid(value):
    assert not jid.is_jid(value)
    assert jid.start_time(value) == ""


@pytest.mark.parametrize("value", ["nope", "20269922124714045046"])
def test_what_is_no_moment_raises(value):
    with pytest.raises(ValueError, match="no job id"):
        jid.to_datetime(value)


def test_a_start_time_reads_as_stocks():
    assert jid.start_time(JID) == "2026, Nov 22 12:47:14.045046"
    assert jid.start_time(JID + "_12") == "2026, Nov 22 12:47:14.045046"
    assert jid.start_time("20260022124714045046") == ""
