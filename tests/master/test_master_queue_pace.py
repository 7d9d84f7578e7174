"""Jobs of batches in the queue: who is away runs them when it is back, and never too many of them at a time."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.master.queue import Ask, Drop, Queue, Send, Why
from trisalt.store.store import Pace

J1, J2 = "20261127100000000001", "20261127100000000002"
FOREVER = 1e12
PACE = Pace(batch=J1, size=2)


def batch(count=4, *, jid=J1, queue=None, pace=PACE, here=True):
    queue = queue or Queue(answer_within=5.0)
    for number in range(1, count + 1):
        queue.add(jid, f"m{number}", until=FOREVER, now=0.0, sent=False)
        if here:
            queue.here(f"m{number}", now=0.0)
    queue.pace(jid, pace)
    return queue


def sent(steps):
    return [id for step in steps if isinstance(step, Send) for id in step.minions]


def test_only_so_many_run_it_at_a_time():
    queue = batch()
    assert queue.step(0.0, 0.0) == [Send(jid=J1, minions=("m1", "m2"))]
    assert queue.step(1.0, 1.0) == []
    queue.returned(J1, "m2", now=2.0)
    assert sent(queue.step(2.0, 2.0)) == ["m3"]
    queue.returned(J1, "m1", now=3.0)
    queue.returned(J1, "m3", now=3.0)
    assert sent(queue.step(3.0, 3.0)) == ["m4"]
    queue.returned(J1, "m4", now=3.0)
    assert not queue


def test_whoever_goes_makes_room_and_is_asked_when_it_is_back():
    queue = batch(3, pace=attrs.evolve(PACE, size=1))
    assert sent(queue.step(0.0, 0.0)) == ["m1"]
    queue.away("m1")
    assert sent(queue.step(1.0, 1.0)) == ["m2"]
    queue.here("m1", now=2.0)
    assert queue.step(2.0, 2.0) == [Ask(jid=J1, minions=("m1",))]
    queue.answered(J1, "m1", runs=False, again=True, taken=False, now=2.1)
    queue.returned(J1, "m2", now=3.0)
    assert sent(queue.step(3.0, 3.0)) == ["m1"]
    queue.returned(J1, "m1", now=4.0)
    assert sent(queue.step(4.0, 4.0)) == ["m3"]


def test_while_it_is_held_nobody_gets_it_and_other_jobs_go_before_it():
    queue = batch(2, pace=attrs.evolve(PACE, held=True))
    queue.add(J2, "m1", until=FOREVER, now=0.0, sent=False)
    assert queue.step(0.0, 0.0) == [Send(jid=J2, minions=("m1",))]
    queue.pace(J1, PACE)
    assert sent(queue.step(1.0, 1.0)) == ["m2"]
    queue.returned(J2, "m1", now=2.0)
    assert sent(queue.step(2.0, 2.0)) == ["m1"]


def test_a_place_stays_empty_for_as_long_as_was_asked():
    queue = batch(2, pace=attrs.evolve(PACE, size=1, wait=30.0))
    assert sent(queue.step(0.0, 0.0)) == ["m1"]
    queue.returned(J1, "m1", now=2.0)
    assert queue.step(2.0, 2.0) == queue.step(31.9, 31.9) == []
    assert queue.wake(31.9, 31.9) == 32.0
    assert sent(queue.step(32.0, 32.0)) == ["m2"]


@pytest.mark.parametrize("failhard", [True, False])
def test_the_first_that_fails_ends_the_waiting_of_those_that_have_not_got_it(failhard):
    queue = batch(3, pace=attrs.evolve(PACE, size=2, failhard=failhard))
    queue.step(0.0, 0.0)
    queue.returned(J1, "m1", now=1.0, failed=True)
    wanted = Drop(jid=J1, minions=("m3",), why=Why.HALTED) if failhard else Send(jid=J1, minions=("m3",))
    assert queue.step(1.0, 1.0) == [wanted]
    assert ("m3" in queue.waiting(J1)) is not failhard
    assert queue.returned(J1, "m2", now=2.0)


def test_a_batch_under_several_job_ids_is_one():
    queue = batch(1, pace=attrs.evolve(PACE, size=1))
    queue.add(J2, "m9", until=FOREVER, now=0.0, sent=False)
    queue.here("m9", now=0.0)
    queue.pace(J2, attrs.evolve(PACE, size=1))
    assert sent(queue.step(0.0, 0.0)) == ["m1"]
    queue.returned(J1, "m1", now=1.0)
    assert queue.step(1.0, 1.0) == [Send(jid=J2, minions=("m9",))]


@given(
    size=st.integers(1, 4),
    wait=st.sampled_from([0.0, 3.0]),
    happens=st.lists(
        st.tuples(st.sampled_from(["here", "away", "returns", "runs", "idle", "cancel"]), st.integers(1, 6)),
        max_size=60,
    ),
)
@settings(max_examples=300, deadline=None)
def test_never_too_many_and_in_the_end_all_have_had_it(size, wait, happens):
    """Minions that come, go, return and forget; whoever was sent it twice had said that it does not run it."""
    queue = batch(6, pace=Pace(batch=J1, size=size, wait=wait), here=False)
    has, said_no, over, now = set(), set(), set(), 0.0
    # In the end everybody is there, and returns.
    calm = [(what, number) for _ in range(8) for what in ("here", "returns") for number in range(1, 7)]
    present = set()
    for what, number in [*happens, *calm]:
        id, now = f"m{number}", now + 5.1
        if what == "here" and id not in present:
            present.add(id)
            queue.here(id, now=now)
        elif what == "away":
            present.discard(id)
            queue.away(id)
        elif what == "returns" and id in has and id in present:
            over |= {id} if queue.returned(J1, id, now=now) else set()
            has.discard(id)
        elif what == "cancel" and id not in has:
            over |= set(queue.cancel(J1, [id]))
        for step in queue.step(now, now):
            if isinstance(step, Drop):
                # It was sent so often to one that says it does not run it.
                assert step.why is Why.UNTAKEN
                over |= set(step.minions)
            if isinstance(step, Ask):
                for asked in step.minions:
                    runs = asked in has and what != "idle"
                    said_no |= set() if runs else {asked}
                    has -= set() if runs else {asked}
                    queue.answered(J1, asked, runs=runs, again=True, taken=runs, now=now)
            if isinstance(step, Send):
                assert not set(step.minions) & (has - said_no)
                has |= set(step.minions)
                said_no -= set(step.minions)
                assert len(has & present) <= size
    assert over == {f"m{number}" for number in range(1, 7)}
    assert not queue
