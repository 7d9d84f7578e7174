"""`minion/age`: whether a publication is too old to be run."""

import math

import pytest

from trisalt.minion.age import OLDEST_JOB, SPAN, too_old
from trisalt.wire import jid as job_ids

NOW = 1_800_000_000.25


@pytest.mark.parametrize("now", [NOW, NOW - NOW % SPAN, NOW - NOW % SPAN + SPAN - 1e-3, NOW + 3 * SPAN])
@pytest.mark.parametrize("suffix", ["", "_4711"])
@pytest.mark.parametrize(
    ("age", "old"),
    [
        (-OLDEST_JOB, False),
        (0, False),
        (OLDEST_JOB - 2 * SPAN, False),
        (OLDEST_JOB - SPAN, False),
        (OLDEST_JOB - 0.001, False),
        (OLDEST_JOB + 0.001, True),
        (OLDEST_JOB + SPAN, True),
        (365 * 86400, True),
    ],
)
def test_a_publication_is_too_old_from_the_microsecond_on_in_which_it_is(now, suffix, age, old):
    assert too_old({"jid": job_ids.make(now - age) + suffix}, now) is old


@pytest.mark.parametrize("jid", ["", "x", "0", "99999999999999999999", "00000000000000000000", "\u0661" * 20, 7, None])
def test_what_tells_no_time_is_not_old(jid):
    assert not too_old({"jid": jid}, NOW)


@pytest.mark.parametrize(("sent", "old"), [(NOW - OLDEST_JOB - 1, True), (NOW, False), (True, False), ("x", False)])
def test_a_job_that_has_waited_for_us_counts_from_when_it_went_out(sent, old):
    assert too_old({"jid": job_ids.make(NOW), "sent": sent}, NOW) is old
    assert not too_old({"jid": job_ids.make(NOW - 2 * OLDEST_JOB), "sent": NOW}, NOW)


@pytest.mark.parametrize("now", [math.inf, 1e20, 1e300])
def test_beside_a_clock_that_shows_no_time_every_job_is_old(now):
    assert too_old({"jid": job_ids.make(NOW)}, now)
