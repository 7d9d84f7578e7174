"""`trisalt.master.queue`: what waits for whom, and in which order it goes out; killed anywhere, nothing runs twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.master import queue as lines
from trisalt.master.queue import Ask, Drop, Queue, Send, Why

J1, J2, J3 = "20261127100000000001", "20261127100000000002", "20261127100000000003"
FOREVER = 1e12


def steps(queue, now=0.0, wall=None):
    return queue.step(now, now if wall is None else wall)


def waiting(*jids, id="m1", until=FOREVER):
    queue = Queue(answer_within=5.0)
    for jid in jids:
        queue.add(jid, id, until=until, now=0.0, sent=False)
    return queue


def test_nothing_is_sent_to_who_is_away_and_the_job_goes_out_when_it_comes():
    queue = waiting(J1)
    assert steps(queue) == []
    queue.here("m1", now=1.0)
    assert steps(queue, 1.0) == [Send(jid=J1, minions=("m1",))]
    assert steps(queue, 1.0) == []
    assert queue.waiting(J1) == {"m1": FOREVER}
    assert queue.returned(J1, "m1", now=0.0)
    assert not queue
    assert not queue.returned(J1, "m1", now=0.0)


def test_a_minions_jobs_go_out_one_at_a_time_the_oldest_first():
    queue = waiting(J1, J2)
    queue.here("m1", now=0.0)
    assert steps(queue) == [Send(jid=J1, minions=("m1",))]
    assert steps(queue, 1.0) == []
    queue.returned(J1, "m1", now=0.0)
    assert steps(queue, 1.0) == [Send(jid=J2, minions=("m1",))]


def test_a_long_job_lets_the_next_one_pass():
    queue = waiting(J1, J2)
    queue.here("m1", now=0.0)
    steps(queue)
    assert steps(queue, 5.0) == [Ask(jid=J1, minions=("m1",))]
    queue.answered(J1, "m1", runs=True, again=True, now=5.0)
    assert steps(queue, 6.0) == []
    assert queue.wake(6.0, 6.0) == 5.0 + lines.RUNS_AGAIN_S[0]
    assert Send(jid=J2, minions=("m1",)) in steps(queue, lines.NEXT_AFTER_S)


def test_many_that_come_together_are_sent_one_publication_and_not_all_at_once():
    queue = Queue(answer_within=5.0)
    ids = [f"m{number:04}" for number in range(lines.AT_ONCE + 50)]
    for id in ids:
        queue.add(J1, id, until=FOREVER, now=0.0, sent=False)
        queue.here(id, now=0.0)
    assert steps(queue) == [Send(jid=J1, minions=tuple(ids[: lines.AT_ONCE]))]
    assert steps(queue) == []
    for id in ids[:20]:
        queue.returned(J1, id, now=0.0)
    assert steps(queue) == [Send(jid=J1, minions=tuple(ids[lines.AT_ONCE : lines.AT_ONCE + 20]))]


def test_of_very_many_some_are_looked_at_at_a_time_and_all_are_sent_it():
    queue = Queue(answer_within=5.0)
    ids = [f"m{number:05}" for number in range(3 * lines.AT_A_TIME)]
    for id in ids:
        queue.add(J1, id, until=FOREVER, now=0.0, sent=False)
        queue.here(id, now=0.0)
    sent = []
    while queue:
        for action in steps(queue):
            assert isinstance(action, Send)
            sent += action.minions
            for id in action.minions:
                queue.returned(J1, id, now=0.0)
        # One that is ready may be gone, or have nothing left, before it is looked at again.
        queue.cancel(J1, {ids[-1]})
        queue.away(ids[-2])
        if queue.waiting(J1).keys() == {ids[-2]}:
            queue.here(ids[-2], now=0.0)
    assert sorted(sent) == ids[:-1]


def test_what_was_sent_is_asked_for_before_it_is_sent_again():
    queue = waiting(J1)
    queue.here("m1", now=0.0)
    steps(queue)
    queue.away("m1")
    assert steps(queue, 60.0) == []
    queue.here("m1", now=60.0)
    assert steps(queue, 60.0) == [Ask(jid=J1, minions=("m1",))]
    queue.answered(J1, "m1", runs=False, again=True, now=60.0)
    assert steps(queue, 60.0) == [Send(jid=J1, minions=("m1",))]


def test_who_forgets_what_it_ran_is_not_sent_again_what_it_had_before_it_went():
    queue = waiting(J1)
    queue.here("m1", now=0.0)
    steps(queue)
    # Still the same daemon: it drops what it has seen.
    steps(queue, 5.0)
    queue.answered(J1, "m1", runs=False, again=False, now=5.0)
    assert steps(queue, 5.0) == [Send(jid=J1, minions=("m1",))]
    queue.here("m1", now=60.0)
    steps(queue, 60.0)
    queue.answered(J1, "m1", runs=False, again=False, now=60.0)
    assert steps(queue, 60.0) == [Drop(jid=J1, minions=("m1",), why=Why.UNKNOWN)]
    assert not queue


def test_who_says_that_it_has_had_it_is_not_sent_it_again_and_who_has_not_is():
    queue = waiting(J1, until=1000.0)
    queue.here("m1", now=0.0)
    steps(queue)
    queue.here("m1", now=60.0)
    steps(queue, 60.0)
    # Its return is on the way.
    queue.answered(J1, "m1", runs=False, taken=True, again=False, now=60.0)
    assert steps(queue, 60.0) == []
    assert steps(queue, 90.0) == [Ask(jid=J1, minions=("m1",))]
    queue.answered(J1, "m1", runs=False, taken=False, again=False, now=90.0)
    assert steps(queue, 90.0) == [Send(jid=J1, minions=("m1",))]


def test_a_return_that_does_not_come_is_not_waited_for_for_ever():
    queue = waiting(J1, until=1000.0)
    queue.here("m1", now=0.0)
    steps(queue)
    steps(queue, 5.0)
    queue.answered(J1, "m1", runs=False, taken=True, again=False, now=5.0)
    assert steps(queue, 6.0, 999.0) == []
    assert steps(queue, 7.0, 1000.0) == [Drop(jid=J1, minions=("m1",), why=Why.UNKNOWN)]


def test_what_an_earlier_master_sent_may_have_run():
    queue = Queue(answer_within=5.0)
    queue.here("m1", now=0.0)
    queue.add(J1, "m1", until=FOREVER, now=0.0, sent=True, before=True)
    assert steps(queue) == [Ask(jid=J1, minions=("m1",))]
    queue.answered(J1, "m1", runs=False, again=False, now=0.0)
    assert steps(queue) == [Drop(jid=J1, minions=("m1",), why=Why.UNKNOWN)]


def test_who_does_not_take_it_is_not_sent_it_for_ever():
    queue, now, sent = waiting(J1), 0.0, 0
    queue.here("m1", now=now)
    while not isinstance(action := steps(queue, now)[0], Drop):
        sent += isinstance(action, Send)
        if isinstance(action, Ask):
            queue.answered(J1, "m1", runs=False, again=True, now=now)
        else:
            now = queue.wake(now, now)
    assert action.why is Why.UNTAKEN
    assert sent == lines.MOST_SENT


def test_what_could_not_be_sent_does_not_count_as_sent():
    queue, now = waiting(J1), 0.0
    queue.here("m1", now=now)
    for _ in range(2 * lines.MOST_SENT):
        assert steps(queue, now) == [Send(jid=J1, minions=("m1",))]
        queue.put_back(J1, ["m1"], now=now)
        while not (asked := steps(queue, now)):
            now = queue.wake(now, now)
        assert asked == [Ask(jid=J1, minions=("m1",))]
        queue.answered(J1, "m1", runs=False, again=True, now=now)
    assert steps(queue, now) == [Send(jid=J1, minions=("m1",))]


def test_who_does_not_answer_is_not_there():
    queue, now = waiting(J1), 0.0
    queue.here("m1", now=now)
    steps(queue)
    for _ in range(lines.MOST_SILENT):
        assert steps(queue, now) == []
        now = queue.wake(now, now)
        assert steps(queue, now) == [Ask(jid=J1, minions=("m1",))]
        queue.answered(J1, "m1", runs=None, again=False, now=now)
    assert steps(queue, now) == []
    assert queue.wake(now, now) == FOREVER
    queue.here("m1", now=now)
    assert steps(queue, now) == [Ask(jid=J1, minions=("m1",))]


def test_who_comes_while_it_is_asked_is_asked_again_at_once():
    queue = waiting(J1)
    queue.here("m1", now=0.0)
    steps(queue)
    steps(queue, 5.0)
    # The question may have gone out before it listened.
    queue.here("m1", now=6.0)
    assert steps(queue, 6.0) == []
    queue.answered(J1, "m1", runs=None, again=False, now=10.0)
    assert steps(queue, 10.0) == [Ask(jid=J1, minions=("m1",))]
    queue.answered(J1, "m1", runs=None, again=False, now=15.0)
    assert steps(queue, 15.0) == []


def test_what_waited_too_long_expires_and_what_runs_does_not():
    queue = Queue(answer_within=5.0)
    for id in ("m1", "m2"):
        queue.add(J1, id, until=100.0, now=0.0, sent=False)
    queue.here("m2", now=0.0)
    steps(queue)
    assert steps(queue, 50.0, 99.0) == [Ask(jid=J1, minions=("m2",))]
    assert queue.wake(50.0, 99.0) == 51.0
    queue.answered(J1, "m2", runs=True, again=True, now=50.0)
    assert steps(queue, 51.0, 100.0) == [Drop(jid=J1, minions=("m1",), why=Why.EXPIRED)]
    assert queue.waiting(J1) == {"m2": 100.0}


@pytest.mark.parametrize(("ids", "left"), [(None, set()), ({"m1"}, {"m2"}), ({"other"}, {"m1", "m2"})])
def test_a_cancelled_job_is_sent_to_nobody_any_more(ids, left):
    queue = Queue(answer_within=5.0)
    for id in ("m1", "m2"):
        queue.add(J1, id, until=FOREVER, now=0.0, sent=False)
    queue.here("m1", now=0.0)
    steps(queue)
    assert queue.cancel(J1, ids) == {id: id == "m1" for id in ("m1", "m2") if id not in left}
    assert set(queue.waiting(J1)) == left


def test_a_key_that_goes_takes_all_that_waits_for_its_minion():
    queue = waiting(J1, J2)
    queue.add(J1, "m2", until=FOREVER, now=0.0, sent=False)
    assert queue.forget("m1") == [J1, J2]
    assert queue.jids() == [J1]


# -- killed anywhere ----------------------------------------------------------------------------------------------


class World:
    """A master with its store, and minions, that are killed between any two things they do.

    `remembers`: the minions know over restarts what they have taken, and keep their returns until they are home.
    """

    def __init__(self, remembers):
        self.remembers = remembers
        self.now = 0.0
        self.rows = {}  # (jid, id): whether it was sent, as the store has it
        self.home = set()  # returns in the store
        self.dropped = {}
        self.ran = []
        self.up = {"m1": False, "m2": False}
        self.taken = {id: set() for id in self.up}
        self.running = {id: set() for id in self.up}
        self.spool = {id: set() for id in self.up}
        self.todo = []
        self.boot()

    def boot(self):
        self.queue = Queue(answer_within=5.0)
        self.todo = []
        for (jid, id), sent in sorted(self.rows.items()):
            if (jid, id) not in self.home and (jid, id) not in self.dropped:
                self.queue.add(jid, id, until=FOREVER, now=self.now, sent=sent, before=True)
        for id, up in self.up.items():
            if up:
                self.queue.here(id, now=self.now)

    def publish(self, jid, arrives):
        absent = [id for id, up in self.up.items() if not up]
        for id in self.up:
            self.rows[jid, id] = id not in absent
            self.queue.add(jid, id, until=FOREVER, now=self.now, sent=id not in absent)
        if arrives:
            for id in self.up:
                self.arrive(jid, id)

    def arrive(self, jid, id):
        if self.up[id] and jid not in self.taken[id]:
            self.taken[id].add(jid)
            self.running[id].add(jid)
            self.ran.append((jid, id))

    def kill_minion(self, id):
        self.up[id] = False
        if not self.remembers:
            self.taken[id], self.spool[id], self.running[id] = set(), set(), set()

    def start_minion(self, id):
        if not self.up[id]:
            self.up[id] = True
            self.queue.here(id, now=self.now)

    def finish(self, id):
        # A job outlives its daemon.
        self.spool[id] |= self.running[id]
        self.running[id] = set()

    def bring_home(self, id):
        if self.up[id]:
            for jid in self.spool[id]:
                self.home.add((jid, id))
                self.queue.returned(jid, id, now=0.0)
            self.spool[id] = set()

    def look(self):
        self.todo += self.queue.step(self.now, self.now)

    def work(self, *, noted=True, arrives=True, answers=True):
        """Do one thing that the queue wanted, as far as it gets."""
        if not self.todo:
            return
        action = self.todo.pop(0)
        for id in action.minions:
            key = action.jid, id
            match action:
                case Send():
                    self.rows[key] = self.rows[key] or noted
                    if noted and arrives:
                        self.arrive(*key)
                case Ask():
                    known = self.running[id] | (self.spool[id] if self.remembers else set())
                    runs = action.jid in known if self.up[id] and answers else None
                    self.queue.answered(*key, runs=runs, again=self.remembers, now=self.now)
                case Drop(why=why):
                    self.dropped[key] = why

    def pass_time(self):
        self.now = max(self.now + 1.0, min(self.queue.wake(self.now, self.now), self.now + 700.0))


ids = st.sampled_from(["m1", "m2"])
things = st.one_of(
    st.tuples(st.just("publish"), st.booleans()),
    st.tuples(st.just("kill_minion"), ids),
    st.tuples(st.just("start_minion"), ids),
    st.tuples(st.just("finish"), ids),
    st.tuples(st.just("bring_home"), ids),
    st.tuples(st.just("boot")),
    st.tuples(st.just("look")),
    st.tuples(st.just("work"), st.booleans(), st.booleans(), st.booleans()),
    st.tuples(st.just("pass_time")),
)


@pytest.mark.parametrize("remembers", [True, False])
@settings(max_examples=100, deadline=None)
@given(st.lists(things, min_size=25, max_size=60))
def test_killed_anywhere_nothing_runs_twice_and_nothing_is_forgotten(remembers, story):
    world = World(remembers)
    jids = iter([J1, J2, J3])
    for what, *how in story:
        match what:
            case "publish":
                if jid := next(jids, None):
                    world.publish(jid, *how)
            case "work":
                noted, arrives, answers = how
                world.work(noted=noted, arrives=arrives, answers=answers)
                if not noted:
                    world.boot()
            case _:
                getattr(world, what)(*how)
        assert len(world.ran) == len(set(world.ran))
    # From here on nobody is killed, and all is over some time.
    for _ in range(100):
        for id in world.up:
            world.start_minion(id)
            world.finish(id)
            world.bring_home(id)
        world.look()
        while world.todo:
            world.work()
        world.pass_time()
        if not world.queue:
            break
    assert not world.queue
    assert len(world.ran) == len(set(world.ran))
    for key in world.rows:
        assert key in world.home or key in world.dropped
    if remembers:
        assert world.home == set(world.rows)
