"""Who is still to return: the rules of the wait, without a clock."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.master.gather import COURTESY_S, Ask, Done, Gather

IDS = st.frozensets(st.sampled_from([f"m{number}" for number in range(6)]), min_size=1)
SECONDS = st.floats(0.5, 60)


def begin(*minions, timeout=5.0, gather_job_timeout=10.0, away=frozenset()):
    return Gather.begin(minions, now=0.0, timeout=timeout, gather_job_timeout=gather_job_timeout, away=away)


def test_all_returned_is_done_at_once():
    gather = begin("m1", "m2")
    gather.returned("m1")
    assert gather.step(1.0) is None
    gather.returned("m2")
    assert gather.step(1.0) == Done(missing=frozenset())


def test_nobody_is_asked_before_the_timeout():
    gather = begin("m1", "m2")
    gather.returned("m2")
    assert gather.step(4.9) is None
    assert gather.wake == 5.0
    assert gather.step(5.0) == Ask(minions=frozenset({"m1"}))
    assert gather.step(5.0) is None


def test_a_dead_minion_costs_timeout_and_gather_job_timeout():
    gather = begin("m1")
    assert isinstance(gather.step(5.0), Ask)
    assert gather.step(14.9) is None
    assert gather.step(15.0) == Done(missing=frozenset({"m1"}))


def test_a_minion_at_work_is_asked_again_and_again():
    gather = begin("m1")
    for round_ in range(20):
        now = 5.0 + 10.0 * round_
        assert gather.step(now) == Ask(minions=frozenset({"m1"}))
        gather.answered("m1", running=True, now=now + 0.1)
        assert gather.step(now + 0.2) is None
        assert gather.wake == now + 10.0


def test_an_answer_that_nothing_runs_changes_nothing():
    gather = begin("m1")
    gather.step(5.0)
    before = attrs.evolve(gather)
    gather.answered("m1", running=False, now=5.1)
    assert gather == before


def test_one_at_work_keeps_all_waited_for_until_its_answer_is_old():
    gather = begin("m1", "m2", timeout=30.0)
    gather.step(30.0)
    gather.answered("m1", running=True, now=31.0)
    assert gather.step(40.0) == Ask(minions=frozenset({"m1", "m2"}))
    # Nobody answers this time, but what m1 said is still good.
    assert gather.step(50.0) is None
    assert gather.wake == 61.0
    assert gather.step(61.0) == Done(missing=frozenset({"m1", "m2"}))


def test_whoever_is_away_is_neither_asked_nor_waited_for():
    gather = begin("m1", "m2", away={"m1", "stranger"})
    assert gather.step(5.0) == Ask(minions=frozenset({"m2"}))
    gather.returned("m2")
    assert gather.step(5.1) == Done(missing=frozenset({"m1"}))


def test_when_only_those_that_are_away_are_missing_they_have_a_moment_still():
    gather = begin("m1", "m2", away={"m1"})
    gather.returned("m2")
    assert not gather.hopeful
    assert gather.wake == COURTESY_S
    assert gather.step(COURTESY_S - 0.01) is None
    assert gather.step(COURTESY_S) == Done(missing=frozenset({"m1"}))
    assert begin("m1", away={"m1"}, timeout=0.1).wake == 0.1
    gather = begin("m1", "m2", away={"m1"})
    gather.returned("m2")
    gather.returned("m1")
    assert gather.step(0.0) == Done(missing=frozenset())


def test_whoever_goes_while_it_is_waited_for_is_waited_for_no_longer_and_whoever_comes_is():
    gather = begin("m1", "m2")
    assert gather.step(5.0) == Ask(minions=frozenset({"m1", "m2"}))
    assert gather.moved("m1", away=True)
    assert not gather.moved("m1", away=True)
    assert not gather.moved("m3", away=True)
    assert gather.step(6.0) is None
    assert gather.moved("m2", away=True)
    assert gather.step(6.1) == Done(missing=frozenset({"m1", "m2"}))
    assert gather.moved("m2", away=False)
    assert gather.step(6.1) is None
    # What somebody says of itself counts for more than what was thought.
    gather.answered("m1", running=True, now=6.2)
    assert gather.away == set()


def test_whoever_was_stopped_with_the_job_has_time_to_be_back_and_is_asked_once_more():
    gather = begin("m1", "m2")
    gather.returned("m2")
    gather.step(5.0)
    assert gather.moved("m1", away=True, back_by=16.0)
    assert gather.step(15.9) is None
    assert gather.moved("m1", away=False)
    assert gather.step(15.9) == Ask(minions=frozenset({"m1"}))
    # One that is stopped again and again keeps nobody waiting.
    assert gather.moved("m1", away=True, back_by=17.0)
    assert gather.moved("m1", away=False)
    assert gather.step(25.9) == Done(missing=frozenset({"m1"}))
    gather = begin("m1")
    gather.moved("m1", away=True, back_by=13.0)
    assert gather.step(12.9) is None
    assert gather.step(13.0) == Done(missing=frozenset({"m1"}))


def test_whoever_never_received_the_job_is_not_waited_for():
    gather = begin("m1", "m2")
    gather.step(5.0)
    gather.answered("m1", running=False, now=5.1)
    gather.never_received("m1")
    assert gather.step(5.1) is None
    gather.returned("m2")
    gather.never_received("m2")
    assert gather.step(5.2) == Done(missing=frozenset({"m1"}))


def test_a_question_that_reached_nobody_is_not_waited_for():
    gather = begin("m1")
    gather.step(5.0)
    gather.unreachable(now=5.1)
    assert gather.step(5.1) == Done(missing=frozenset({"m1"}))


def test_somebody_nobody_expected_is_waited_for_when_it_is_at_work():
    gather = begin("m1")
    gather.step(5.0)
    gather.answered("m9", running=True, now=5.1)
    gather.returned("m1")
    assert gather.pending == {"m9"}


def test_a_later_waiter_gets_a_full_wait_of_its_own():
    gather = begin("m1")
    gather.step(5.0)
    gather.extend(now=14.0, timeout=7.0, gather_job_timeout=3.0)
    assert gather.step(20.9) is None
    assert isinstance(gather.step(21.0), Ask)
    # The first waiter asked for ten seconds.
    assert gather.step(30.9) is None
    assert isinstance(gather.step(31.0), Done)


@given(
    minions=IDS,
    timeout=SECONDS,
    gather_job_timeout=SECONDS,
    happenings=st.lists(
        st.tuples(st.sampled_from(["returned", "running", "idle", "goes", "comes", "pass"]), IDS, st.floats(0.0, 20.0)),
        max_size=30,
    ),
    away=IDS | st.just(frozenset()),
)
def test_whatever_happens_it_ends_and_says_who_is_missing(minions, timeout, gather_job_timeout, happenings, away):
    gather = Gather.begin(minions, now=0.0, timeout=timeout, gather_job_timeout=gather_job_timeout, away=away)
    now, returned, asks, done = 0.0, set(), [], None
    for what, ids, seconds in happenings:
        now += seconds
        for id in ids:
            if what == "returned":
                gather.returned(id)
                returned.add(id)
            elif what in ("running", "idle"):
                gather.answered(id, running=what == "running", now=now)
            elif what in ("goes", "comes"):
                gather.moved(id, away=what == "goes", back_by=now + 5.0)
        assert gather.away <= gather.pending <= gather.minions
        early = now < gather.wake
        verdict = gather.step(now)
        if isinstance(verdict, Ask):
            assert not early
            assert verdict.minions == gather.pending - gather.away
            assert gather.pending == gather.minions - returned
            # Between two questions lies the time that the answers have.
            assert not asks or now - asks[-1] >= gather_job_timeout - 1e-6
            asks.append(now)
        if isinstance(verdict, Done):
            assert early is False or not gather.pending
            done = verdict
            break
    for _ in range(4):
        if done is not None:
            break
        now = gather.wake
        verdict = gather.step(now)
        done = verdict if isinstance(verdict, Done) else None
    assert done is not None
    assert done.missing == gather.minions - returned
    assert minions - returned <= done.missing


@given(timeout=SECONDS, gather_job_timeout=SECONDS)
def test_nobody_gives_up_on_a_minion_whose_answer_is_younger_than_the_timeout(timeout, gather_job_timeout):
    gather = Gather.begin(["m1"], now=0.0, timeout=timeout, gather_job_timeout=gather_job_timeout)
    assert isinstance(gather.step(timeout), Ask)
    said = timeout + gather_job_timeout / 2
    gather.answered("m1", running=True, now=said)
    while True:
        now = gather.wake
        if isinstance(gather.step(now), Done):
            break
    assert now >= said + timeout - 1e-6


@pytest.mark.parametrize("minions", [(), ("m1",)])
def test_returning_twice_or_unexpectedly_is_harmless(minions):
    gather = begin(*minions)
    for _ in range(2):
        gather.returned("m1")
        gather.returned("stranger")
    assert gather.step(0.0) == Done(missing=frozenset())
