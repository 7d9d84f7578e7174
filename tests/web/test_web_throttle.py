"""Who guesses passwords has to wait: how long, and who does not."""

import pytest

from trisalt.web.throttle import BURST, UNDER_WAY, WAITS, Throttle, Throttled

HERE, THERE = "192.0.2.7", "192.0.2.8"


def fail(throttle, address, name, now):
    throttle.end(throttle.begin(address, name, now), now, good=False)


def wait(throttle, address, name, now):
    """Seconds that an attempt would have to wait; 0 when it is let in (and nothing comes of it)."""
    try:
        throttle.end(throttle.begin(address, name, now), now, good=None)
    except Throttled as exc:
        return exc.seconds
    return 0


def test_each_failure_after_the_first_ones_costs_a_longer_wait():
    throttle, now = Throttle(), 1000.0
    for _ in range(BURST - 1):
        fail(throttle, HERE, "ann", now)
        assert wait(throttle, HERE, "ann", now) == 0
    for expected in (*WAITS, WAITS[-1]):
        fail(throttle, HERE, "ann", now)
        assert wait(throttle, HERE, "ann", now) == expected
        assert wait(throttle, HERE, "ann", now + expected - 0.5) == 1
        now += expected
        assert wait(throttle, HERE, "ann", now) == 0


@pytest.mark.parametrize(("address", "name"), [(HERE, "bob"), (THERE, "ann")])
def test_address_and_name_are_each_held_to_it(address, name):
    throttle = Throttle()
    for _ in range(BURST):
        fail(throttle, HERE, "ann", 0.0)
    assert wait(throttle, address, name, 0.0) > 0
    assert wait(throttle, THERE, "bob", 0.0) == 0


def test_whoever_signed_in_from_there_is_not_kept_out_by_others():
    throttle = Throttle()
    throttle.end(throttle.begin(HERE, "ann", 0.0), 0.0, good=True)
    for number in range(BURST * 3):
        try:
            fail(throttle, f"198.51.100.{number}", "ann", 1.0)
        except Throttled:
            break
    else:
        pytest.fail("nobody stopped them")
    assert wait(throttle, HERE, "ann", 1.0) == 0
    assert wait(throttle, THERE, "ann", 1.0) > 0


def test_a_right_password_forgives_the_name_there_and_not_the_address():
    throttle = Throttle()
    throttle.end(throttle.begin(HERE, "eve", 0.0), 0.0, good=True)
    for _ in range(BURST - 1):
        fail(throttle, HERE, "ann", 0.0)
    throttle.end(throttle.begin(HERE, "eve", 0.0), 0.0, good=True)
    fail(throttle, HERE, "ann", 0.0)
    assert wait(throttle, HERE, "eve", 0.0) > 0


def test_attempts_under_way_are_only_so_many():
    throttle = Throttle()
    attempts = [throttle.begin(HERE, f"user{number}", 0.0) for number in range(UNDER_WAY)]
    assert wait(throttle, HERE, "ann", 0.0) == 1
    throttle.end(attempts.pop(), 0.0, good=None)
    assert wait(throttle, HERE, "ann", 0.0) == 0


def test_what_was_long_ago_is_forgotten():
    throttle = Throttle()
    for _ in range(BURST):
        fail(throttle, HERE, "ann", 0.0)
    fail(throttle, HERE, "ann", WAITS[0])
    assert wait(throttle, HERE, "ann", WAITS[0]) == WAITS[1]
    fail(throttle, HERE, "ann", WAITS[0] + 901.0)
    assert wait(throttle, HERE, "ann", WAITS[0] + 901.0) == 0


def test_it_remembers_no_more_than_so_many():
    throttle = Throttle(most=10)
    for number in range(100):
        fail(throttle, f"198.51.100.{number}", f"user{number}", 0.0)
    assert len(throttle._buckets) == 10
