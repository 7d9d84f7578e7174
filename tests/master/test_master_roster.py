"""`trisalt.master.roster`: who is here, by signs of life and by answers that did not come; never by a hint alone."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.master.roster import Cause, Patience, Roster

P = Patience()


def begun(*ids, now=0.0):
    roster = Roster(P)
    roster.begin(now)
    for id in ids:
        roster.know(id, now=now)
    return roster


def run(roster, until, answer=None, now=None):
    """Step as the shell does, until then: whom it asked and when. `answer(id)` says whether it answers, at once."""
    asked = []
    now = roster.wake if now is None else now
    while now <= until:
        step = roster.step(now)
        for id in step.ask:
            asked.append((round(now, 3), id))
            if answer is not None and answer(id):
                roster.heard(id, now=now + 0.1)
        assert roster.wake > now
        now = roster.wake
    return asked


def present(roster, id):
    return roster.get(id).present


def test_whoever_is_heard_is_here_and_that_is_news_once():
    roster = begun("m1")
    roster.heard("m1", now=1.0, address="192.0.2.1")
    roster.heard("m1", now=9.0, address="192.0.2.2")
    entry = roster.get("m1")
    assert (entry.present, entry.since, entry.seen, entry.address) == (True, 1.0, 9.0, "192.0.2.2")
    assert [one.id for one in roster.changed()] == ["m1"]
    assert not roster.news


def test_after_a_start_nobody_is_judged_before_they_had_time_to_come_and_to_answer():
    roster = begun("m1", "m2")
    asked = run(roster, P.grace + P.answer - 0.01)
    assert asked == [(P.grace, "m1"), (P.grace, "m2")]
    assert (present(roster, "m1"), roster.gone) == (None, set())
    run(roster, P.grace + P.answer, now=P.grace + P.answer)
    assert roster.gone == {"m1", "m2"}
    assert roster.get("m1").since == -math.inf


def test_a_minion_that_speaks_only_when_asked_stays_without_being_asked_again():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    assert run(roster, 86400.0) == []
    assert present(roster, "m1")


def test_a_heart_that_stops_beating_leads_to_a_question_and_silence_then_to_a_verdict():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    roster.beat("m1", now=0.0, every=60.0, version="3008.3", latency=0.01)
    due = P.missed * 60 + P.slack
    assert run(roster, due + P.answer - 0.01) == [(due, "m1")]
    assert present(roster, "m1")
    run(roster, due + P.answer, now=due + P.answer)
    entry = roster.get("m1")
    assert (entry.present, entry.cause, entry.since) == (False, Cause.OVERDUE, 0.0)
    # It says so itself when it comes back: it is not asked again.
    assert run(roster, 86400.0) == []


def test_a_minion_whose_heart_does_not_beat_any_more_but_who_answers_is_of_the_other_kind():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    roster.beat("m1", now=0.0, every=60.0)
    assert len(run(roster, 86400.0, answer=lambda id: True)) == 1
    assert (roster.get("m1").every, present(roster, "m1")) == (0.0, True)


def test_a_farewell_counts_at_once_and_so_does_a_return():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    roster.left("m1", now=5.0)
    entry = roster.get("m1")
    assert (entry.present, entry.cause, entry.since, roster.gone) == (False, Cause.LEFT, 5.0, {"m1"})
    roster.heard("m1", now=6.0)
    assert (entry.present, entry.cause, entry.since, roster.gone) == (True, None, 6.0, set())


def test_a_lost_connection_is_a_question_and_not_a_verdict():
    roster = begun("m1", "m2")
    for id in ("m1", "m2"):
        roster.heard(id, now=0.0)
        roster.beat(id, now=0.0, every=60.0)
    roster.hung_up("m1", now=10.0)
    roster.hung_up("m2", now=10.0)
    asked = run(roster, 60.0, answer=lambda id: id == "m2", now=10.0)
    assert asked == [(10.0 + P.settle, "m1"), (10.0 + P.settle, "m2")]
    assert (present(roster, "m1"), present(roster, "m2"), roster.gone) == (False, True, {"m1"})
    assert (roster.get("m1").cause, roster.get("m1").since) == (Cause.HUNG_UP, 10.0)


def test_a_lost_connection_says_nothing_of_who_opens_one_for_each_request():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    roster.hung_up("m1", now=1.0)
    assert run(roster, 1000.0, now=1.0) == []


def test_a_subscriber_that_goes_puts_those_of_its_address_in_doubt_who_would_not_say_so():
    roster = begun()
    for id, address in (("m1", "192.0.2.1"), ("m2", "192.0.2.2"), ("m3", "192.0.2.1")):
        roster.heard(id, now=0.0, address=address)
    roster.beat("m3", now=0.0, every=60.0)
    roster.went({"192.0.2.1"}, now=10.0)
    assert run(roster, 40.0, now=10.0) == [(10.0 + P.settle, "m1")]
    assert roster.gone == {"m1"}


def absent(roster, **addresses):
    for id, address in addresses.items():
        roster.heard(id, now=roster.wake, address=address)
        roster.asked([id], now=roster.wake)
    run(roster, roster.wake + P.answer + 1, now=roster.wake)
    assert roster.gone >= set(addresses)


@pytest.mark.parametrize(
    ("address", "waited_for"), [("192.0.2.1", {"m1"}), ("192.0.2.2", {"m2"}), ("192.0.2.99", {"m1", "m2"})]
)
def test_whom_a_subscriber_that_comes_may_be_is_waited_for_until_it_has_not_answered(address, waited_for):
    roster = begun()
    absent(roster, m1="192.0.2.1", m2="192.0.2.2")
    now = roster.wake - 100
    roster.came({address}, now=now)
    assert roster.gone == {"m1", "m2"} - waited_for
    asked = run(roster, now + 60, now=now)
    assert {id for _at, id in asked} == waited_for
    assert roster.gone == {"m1", "m2"}
    assert [entry.id for entry in roster.changed() if entry.present] == []


def test_whoever_knocks_is_waited_for_until_it_has_proven_itself_or_not():
    roster = begun("m1")
    absent(roster, m1="192.0.2.1")
    now = roster.wake - 100
    roster.knocked("m1", now=now)
    assert roster.gone == set()
    roster.knocked("stranger", now=now)
    assert "stranger" not in roster
    run(roster, now + P.settle + P.answer, now=now)
    assert roster.gone == {"m1"}


def test_who_would_not_say_that_it_came_is_asked_again_and_ever_more_seldom():
    roster = begun("m1")
    at = [when for when, _id in run(roster, 20000.0)]
    gaps = [round(b - a) for a, b in pairwise(at)]
    assert gaps[0] == P.answer + P.again
    assert gaps == sorted(gaps)
    assert gaps[-1] <= P.answer + P.again_at_most
    assert roster.gone == {"m1"}


def test_when_we_were_held_up_silence_says_nothing():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    roster.beat("m1", now=0.0, every=60.0)
    roster.asked(["m1"], now=1.0)
    # Nobody looked for ten minutes: what came meanwhile is not read yet.
    roster.step(600.0)
    assert present(roster, "m1")
    run(roster, 600.0 + P.answer - 0.1, now=roster.wake)
    assert present(roster, "m1")


def test_a_question_that_did_not_go_out_has_no_answer():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    roster.asked(["m1"], now=1.0)
    roster.not_asked(["m1"], now=2.0)
    assert run(roster, 100.0, answer=lambda id: True)[0][0] == 2.0 + P.spacing
    assert present(roster, "m1")


def test_questions_come_in_rounds():
    roster = begun(*(f"m{n}" for n in range(50)))
    for n in range(50):
        roster.heard(f"m{n}", now=0.0)
        roster.beat(f"m{n}", now=0.0, every=60.0)
    for n in range(50):
        roster.hung_up(f"m{n}", now=1.0 + n / 10)
    rounds = {at for at, _id in run(roster, 30.0, answer=lambda id: True, now=1.0)}
    assert len(rounds) <= 3


def test_what_was_known_before_comes_back_and_says_nothing_of_now():
    roster = begun("m1")
    roster.recall("m1", now=0.0, seen=-500.0, since=-9000.0, address="192.0.2.1", version="3008.3", every=60.0)
    entry = roster.get("m1")
    assert (entry.present, entry.seen, entry.every, roster.gone) == (None, -500.0, 60.0, set())
    run(roster, 60.0)
    assert (entry.present, entry.since) == (False, -500.0)


def test_a_minion_without_a_key_is_nobody():
    roster = begun("m1")
    roster.heard("m1", now=0.0)
    assert roster.forget("m1").id == "m1"
    assert (roster.forget("m1"), "m1" in roster, roster.news, roster.gone) == (None, False, False, set())
    for tell in (roster.left, roster.hung_up, roster.knocked):
        tell("m1", now=1.0)
    roster.beat("m1", now=1.0, every=60.0)
    assert len(roster) == 0


HAPPENED = st.tuples(
    st.floats(0.0, 30.0),
    st.sampled_from(["heard", "beat", "hung_up", "went", "came", "knocked", "asked", "excuse", "nothing"]),
    st.sampled_from(["alive", "dead"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(HAPPENED, max_size=60))
def test_whoever_answers_is_never_gone_and_whoever_is_dead_is_in_the_end(history):
    """Hints about both come in any order; one answers each question within its time, the other has died."""
    roster = begun("alive", "dead")
    roster.heard("alive", now=0.0, address="192.0.2.1")
    roster.heard("dead", now=0.0, address="192.0.2.1")
    now, answers = 0.0, []

    def advance(to):
        nonlocal now
        while True:
            at = min([roster.wake, *(when for when, _ in answers)])
            if at > to:
                break
            now = max(now, at)
            for one in [one for one in answers if one[0] <= now]:
                answers.remove(one)
                roster.heard(one[1], now=now)
            for id in roster.step(now).ask:
                if id == "alive":
                    answers.append((now + 9.0, id))
            check()
        now = to

    def check():
        assert "alive" not in roster.gone
        for entry in roster.entries():
            assert (entry.id in roster.gone) == entry.gone
            assert not (entry.gone and entry.present is not False)

    for wait, what, id in history:
        if what == "excuse":
            # Held up: nobody steps for a while.
            now += wait
        else:
            advance(now + wait)
        match what:
            case "heard" if id == "alive":
                roster.heard(id, now=now)
            case "beat" if id == "alive":
                roster.heard(id, now=now)
                roster.beat(id, now=now, every=60.0)
            case "asked":
                roster.asked([id], now=now)
                if id == "alive":
                    answers.append((now + 9.0, id))
            case "went":
                roster.went({"192.0.2.1"}, now=now)
            case "came":
                roster.came({"192.0.2.1"}, now=now)
            case "hung_up" | "knocked":
                getattr(roster, what)(id, now=now)
        check()
    roster.went({"192.0.2.1"}, now=now)
    # Rounds of questions keep a distance, and we may have been held up just now.
    advance(now + 200.0)
    assert roster.gone == {"dead"}
