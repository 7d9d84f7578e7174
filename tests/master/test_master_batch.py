"""Who is next in a batch: the rules, without a clock."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.master.batch import FAILHARD, STOPPED, Ask, Batch, End, Lose, Send, size_of

TIMEOUT, GATHER = 5.0, 10.0


def begin(count=3, size="1", **more):
    minions = [f"m{number}" for number in range(1, count + 1)]
    return Batch.begin(minions, size=size, timeout=TIMEOUT, gather_job_timeout=GATHER, **more)


@pytest.mark.parametrize(
    ("text", "total", "size"),
    [
        ("1", 3, 1),
        ("10", 3, 10),
        (" 2 ", 3, 2),
        (2, 3, 2),
        ("50%", 3, 1),
        ("34%", 3, 1),
        ("1%", 3, 1),
        ("67%", 3, 2),
        ("100%", 3, 3),
        ("12.5%", 80, 10),
        ("25%", 0, 1),
        ("3.0", 9, 3),
    ],
)
def test_a_size_is_a_number_or_a_share_rounded_down_but_not_to_none(text, total, size):
    assert size_of(text, total) == size


@pytest.mark.parametrize("text", ["0", "0%", "-1", "x", "", "%", "200%", "1.5", "10%%", "1e3", None, "٣x", "١٠%x"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="Invalid batch specification"):
        size_of(text, 10)


def test_the_window_is_kept_full():
    batch = begin(5, "2")
    assert batch.step(0.0) == [Send(minions=("m1", "m2"))]
    batch.began(("m1", "m2"), now=0.0)
    assert batch.step(0.1) == []
    batch.returned("m2", 0, now=1.0)
    assert batch.step(1.0) == [Send(minions=("m3",))]
    batch.began(("m3",), now=1.0)
    batch.returned("m1", 0, now=1.1)
    batch.returned("m3", 0, now=1.1)
    assert batch.step(1.2) == [Send(minions=("m4", "m5"))]
    batch.began(("m4", "m5"), now=1.2)
    batch.returned("m4", 0, now=1.3)
    assert batch.step(1.3) == []
    batch.returned("m5", 7, now=1.4)
    assert batch.step(1.4) == [End()]
    assert batch.retcode == 7


def test_a_place_stays_empty_for_as_long_as_it_was_asked():
    batch = begin(2, wait=30.0)
    batch.began(("m1",), now=0.0)
    batch.returned("m1", 0, now=2.0)
    assert batch.step(31.9) == []
    assert batch.wake == 32.0
    assert batch.step(32.0) == [Send(minions=("m2",))]


def test_the_last_one_is_not_rested_from():
    batch = begin(1, wait=30.0)
    batch.began(("m1",), now=0.0)
    batch.returned("m1", 0, now=2.0)
    assert batch.step(2.0) == [End()]


def test_whoever_is_late_is_asked_and_then_given_up_for_the_next():
    batch = begin(2)
    batch.began(("m1",), now=0.0)
    assert batch.wake == TIMEOUT
    assert batch.step(TIMEOUT) == [Ask(minions=("m1",))]
    assert batch.step(TIMEOUT + GATHER - 0.1) == []
    assert batch.step(TIMEOUT + GATHER) == [Lose(minions=("m1",))]
    batch.lose(["m1"])
    assert batch.step(TIMEOUT + GATHER) == [Send(minions=("m2",))]
    assert batch.retcode == 1


def test_whoever_says_it_is_at_work_is_asked_again_and_holds_up_nobody_else():
    batch = begin(3, "2")
    batch.began(("m1", "m2"), now=0.0)
    batch.step(5.0)
    batch.answered("m1", running=True, now=5.1)
    batch.answered("m2", running=False, now=5.1)
    assert batch.step(15.0) == [Lose(minions=("m2",))]
    batch.lose(["m2"])
    assert batch.step(15.1) == [Ask(minions=("m1",)), Send(minions=("m3",))]
    batch.began(("m3",), now=15.1)
    batch.returned("m3", 0, now=16.0)
    for round_ in range(10):
        batch.answered("m1", running=True, now=15.2 + 10 * round_)
        assert batch.step(25.2 + 10 * round_) == [Ask(minions=("m1",))]


def test_a_return_that_comes_after_all_counts():
    batch = begin(1)
    batch.began(("m1",), now=0.0)
    batch.lose(["m1"])
    assert batch.returned("m1", 0, now=99.0)
    assert (batch.lost, batch.retcode) == (set(), 0)


@pytest.mark.parametrize("how", ["returned", "lost"])
def test_failhard_ends_it_after_the_first_that_fails(how):
    batch = begin(3, failhard=True)
    batch.began(("m1",), now=0.0)
    batch.returned("m1", 0, now=1.0)
    batch.began(("m2",), now=1.0)
    batch.returned("m2", 3, now=2.0) if how == "returned" else batch.lose(["m2"])
    assert batch.step(2.0) == [End(halted=FAILHARD)]
    assert batch.pending == ["m3"]


def test_a_stop_ends_it_whoever_is_at_work():
    batch = begin(3)
    batch.began(("m1",), now=0.0)
    batch.stop()
    assert batch.step(0.1) == [End(halted=STOPPED)]
    assert list(batch.active) == ["m1"]


def test_what_could_not_be_sent_is_the_next_again():
    batch = begin(3, "2")
    batch.began(("m1", "m2"), now=0.0)
    batch.unsent(["m1", "m2"])
    assert batch.step(0.1) == [Send(minions=("m1", "m2"))]


def test_what_another_master_had_sent_is_asked_for_and_sent_again_only_to_whom_has_not_got_it():
    batch = begin(5, "3")
    batch.resume(["m1", "m2", "m3", "m4"], {"m1": 0}, ["m4"], now=100.0)
    assert batch.step(100.0) == [Ask(minions=("m2", "m3")), Send(minions=("m5",))]
    batch.began(("m5",), now=100.0)
    batch.answered("m2", running=True, now=100.1)
    batch.answered("m3", running=False, now=100.1)
    assert batch.step(100.2) == [Send(minions=("m3",), again=True)]
    batch.began(("m3",), now=100.2)
    # It is not sent a third time.
    assert batch.step(105.3) == [Ask(minions=("m3", "m5"))]
    batch.answered("m3", running=False, now=105.4)
    assert batch.step(105.5) == []


def test_a_batch_that_had_failed_hard_is_over_when_it_is_taken_up():
    batch = begin(3, failhard=True)
    batch.resume(["m1"], {"m1": 2}, [], now=0.0)
    assert batch.step(0.0) == [End(halted=FAILHARD)]


def test_a_batch_of_nobody_is_over():
    assert begin(0).step(0.0) == [End()]
    assert begin(0).wake == math.inf


def test_strangers_and_repeats_are_not_counted():
    batch = begin(2)
    batch.began(("m1",), now=0.0)
    assert not batch.returned("stranger", 1, now=1.0)
    assert not batch.returned("m2", 1, now=1.0)
    assert batch.returned("m1", 0, now=1.0)
    assert not batch.returned("m1", 5, now=1.0)
    batch.answered("stranger", running=True, now=1.0)
    assert (batch.done, list(batch.active)) == ({"m1": 0}, [])


@given(
    count=st.integers(0, 12),
    size=st.integers(1, 5),
    wait=st.sampled_from([0.0, 3.0]),
    fate=st.lists(st.sampled_from(["quick", "slow", "dead", "fails"]), min_size=12, max_size=12),
    killed=st.integers(0, 40),
)
def test_everybody_gets_it_once_never_too_many_at_a_time_and_it_ends(count, size, wait, fate, killed):
    """A batch against minions of all kinds, taken up by another master after `killed` steps."""
    batch = begin(count, str(size), wait=wait)
    fates = dict(zip(batch.pending, fate, strict=False))
    everybody, sent, got, now = list(batch.pending), [], set(), 0.0
    for turn in range(500):
        if turn == killed:
            fresh = begin(count, str(size), wait=wait)
            fresh.resume([id for id, _time in sent], batch.done, batch.lost, now=now)
            batch = fresh
        steps = batch.step(now)
        for step in steps:
            match step:
                case Send(minions=minions, again=again):
                    assert again or not set(minions) & {id for id, _time in sent}
                    sent += [] if again else [(id, now) for id in minions]
                    got |= set(minions)
                    batch.began(minions, now=now)
                    assert len(batch.active) <= max(size, len(batch.active) if turn >= killed else 0)
                case Ask(minions=minions):
                    for id in minions:
                        if fates[id] == "slow":
                            batch.answered(id, running=True, now=now)
                case Lose(minions=minions):
                    assert {fates[id] for id in minions} <= {"dead"}
                    batch.lose(minions)
                case End(halted=halted):
                    assert halted is None
                    assert {*batch.done, *batch.lost} == set(everybody)
                    assert [id for id, _time in sent] == everybody
                    return
        if not steps:
            assert batch.wake > now
            now = min(batch.wake, now + 1.0)
        for id in list(batch.active):
            began = next(time for there, time in sent if there == id)
            if fates[id] in ("quick", "fails") or (fates[id] == "slow" and now - began > 25):
                batch.returned(id, int(fates[id] == "fails"), now=now)
    raise AssertionError("it does not end")
