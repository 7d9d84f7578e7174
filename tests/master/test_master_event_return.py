"""Events to returners: which, how many together, and what a returner that fails, or a master that ends, does to it."""

from contextlib import asynccontextmanager

import pytest
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import TaggedEvent
from trisalt.errors import WorkerDied
from trisalt.master.event_return import EventReturnRules, return_events
from trisalt.store.sqlite import open_store
from trisalt.worker.protocol import Failure, Outcome


class FakeWorkers:
    """Notes what was taken, by returner; `refuse` says which calls are not."""

    def __init__(self):
        self.taken = {}
        self.tried = 0
        self.refuse = lambda _name, _tags: None
        self.gate = None

    async def run_job(self, call, *, warm, outlives):
        await trio.lowlevel.checkpoint()
        assert (call.kind, warm, outlives) == ("returners", True, False)
        name, _, function = call.fun.partition(".")
        assert function == "event_return"
        tags = [event["tag"] for event in call.arg[0]]
        self.tried += 1
        if self.gate is not None:
            await self.gate.wait()
        answer = self.refuse(name, tags)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            self.taken.setdefault(name, []).append(call.arg[0])
        return answer or Outcome(result=None)

    def tags(self, name="one"):
        return [[event["tag"] for event in batch] for batch in self.taken.get(name, [])]

    def flat(self, name="one"):
        return [tag for batch in self.tags(name) for tag in batch]


class House:
    """A store and what a master's life leaves in it: `life` is one master after another."""

    def __init__(self, store):
        self.store, self.workers = store, FakeWorkers()
        self.bus = Bus()
        store.log.tell = self.bus.tell
        self.bus.keep_in(store.log)

    @asynccontextmanager
    async def life(self, *returners, **rules):
        rules = EventReturnRules(returners=returners or ("one",), **rules)
        async with trio.open_nursery() as nursery:

            async def run(task_status):
                await return_events(
                    self.bus, self.store, self.workers, rules, first_wait_s=0.001, task_status=task_status
                )

            await nursery.start(run)
            yield self.workers
            nursery.cancel_scope.cancel()

    async def fire(self, *tags):
        for tag in tags:
            await self.bus.publish(TaggedEvent(name=tag, data={"of": tag}))
        await self.bus.flush()

    async def until(self, condition):
        with trio.fail_after(10):
            while not condition():  # noqa: ASYNC110 - nothing tells of it
                await trio.sleep(0.002)

    async def until_noted(self, name="one"):
        """Wait until the store has it that a returner was given the whole log."""
        with trio.fail_after(10):
            while (await self.store.banks.fetch("event_return", name) or {}).get("number") != self.store.log.last:
                pass


@pytest.fixture
async def house(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        yield House(store)


async def test_each_event_is_given_with_its_tag_and_data(house):
    async with house.life() as workers:
        await house.fire("a/b")
        await house.until(workers.tags)
    (((event,),),) = workers.taken.values()
    assert event["tag"] == "a/b"
    assert event["data"]["of"] == "a/b"
    assert "_stamp" in event["data"]


async def test_what_happens_while_a_returner_works_is_given_together_and_nobody_waits_for_it(house):
    async with house.life() as workers:
        workers.gate = trio.Event()
        await house.fire("first")
        await house.until(lambda: workers.tried)
        await house.fire(*(f"n/{number}" for number in range(300)))
        workers.gate.set()
        await house.until(lambda: len(workers.flat()) == 301)
    assert workers.tags() == [["first"], [f"n/{number}" for number in range(300)]]


async def test_what_no_master_gave_the_next_one_does(house):
    async with house.life() as workers:
        await house.fire("a")
        await house.until(workers.tags)
        workers.gate = trio.Event()
        await house.fire("b")
        await house.until(lambda: workers.tried == 2)
    workers.gate = None
    await house.fire("c", "d")
    async with house.life():
        await house.until(lambda: len(workers.flat()) >= 4)
        await house.fire("e")
        await house.until(lambda: len(workers.flat()) >= 5)
    assert workers.tags() == [["a"], ["b", "c", "d"], ["e"]]


async def test_a_new_returner_is_given_what_happens_from_then_on_and_each_has_its_own_place(house):
    async with house.life("one") as workers:
        await house.fire("a")
        # A master that ends before gives it again.
        await house.until_noted()
    async with house.life("one", "two"):
        workers.refuse = lambda name, _tags: Outcome(result="no", failure=Failure.EXCEPTION) if name == "one" else None
        await house.fire("b")
        await house.until(lambda: workers.tags("two"))
        workers.refuse = lambda _name, _tags: None
        await house.until(lambda: len(workers.flat("one")) == 2)
    assert (workers.flat("one"), workers.flat("two")) == (["a", "b"], ["b"])


async def test_in_another_log_all_is_new(house, tmp_path):
    async with house.life() as workers:
        await house.fire("a")
        await house.until(workers.tags)
    await house.store.banks.store("event_return", "one", {"log": "0123456789ab", "number": 99})
    async with house.life():
        await house.until(lambda: len(workers.flat()) == 2)
    assert workers.flat() == ["a", "a"]


async def test_a_queue_is_given_when_it_is_full_or_its_time_is_over(house):
    async with house.life(queue=3) as workers:
        await house.fire("a", "other", "b")
        await house.until(workers.tags)
        await house.fire("c")
    assert workers.tags() == [["a", "other", "b"]]
    async with house.life(queue=3, queue_max_seconds=0.01):
        await house.until(lambda: len(workers.tags()) == 2)
    assert workers.tags() == [["a", "other", "b"], ["c"]]


@pytest.mark.parametrize(
    ("rules", "given"),
    [
        ({}, ["salt/auth", "salt/job/1/ret/m1", "own"]),
        ({"whitelist": ("salt/*",)}, ["salt/auth", "salt/job/1/ret/m1"]),
        ({"whitelist": (r"salt/job/\d+/.*",)}, ["salt/job/1/ret/m1"]),
        ({"blacklist": ("salt/job/*", "[")}, ["salt/auth", "own"]),
        ({"whitelist": ("salt/*",), "blacklist": ("salt/auth",)}, ["salt/job/1/ret/m1"]),
    ],
)
def test_the_lists_say_which(rules, given):
    rules = EventReturnRules(returners=("x",), **rules)
    assert [tag for tag in ("salt/auth", "salt/job/1/ret/m1", "own") if rules.wants(tag)] == given


async def test_what_is_not_wanted_is_not_given(house):
    async with house.life(queue=2, blacklist=("salt/*",)) as workers:
        await house.fire("salt/1", "a", "salt/2", "salt/3", "b")
        await house.until(workers.tags)
    assert workers.tags() == [["a", "b"]]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (WorkerDied("killed", status=-9), "killed"),
        (
            Outcome(result="'one.event_return' is not available.", failure=Failure.MISSING),
            "'one.event_return' is not available.",
        ),
        (Outcome(result="Traceback\nOSError: full", failure=Failure.EXCEPTION), "OSError: full"),
    ],
)
async def test_a_returner_that_fails_is_a_log_line_and_is_given_the_same_again(house, answer, reason):
    with structlog.testing.capture_logs() as logs:
        async with house.life() as workers:
            workers.refuse = lambda _name, _tags: answer
            await house.fire("a", "b")
            await house.until(lambda: workers.tried >= 5)
            workers.refuse = lambda _name, _tags: None
            await house.until(lambda: len(workers.flat()) >= 2)
    assert workers.flat() == ["a", "b"]
    told = [entry for entry in logs if entry["event"] == "event_return.failed"]
    assert {(entry["returner"], entry["reason"]) for entry in told} == {("one", reason)}


async def test_an_event_that_is_refused_alone_keeps_no_other_back(house):
    bad = Outcome(result="too big", failure=Failure.EXCEPTION)
    with structlog.testing.capture_logs() as logs:
        async with house.life(queue=4) as workers:
            workers.refuse = lambda _name, tags: bad if "bad" in tags else None
            await house.fire("a", "bad", "b", "c")
            await house.until(lambda: len(workers.flat()) >= 3)
    assert workers.flat() == ["a", "b", "c"]
    told = [(entry["tag"], entry["reason"]) for entry in logs if entry["event"] == "event_return.refused"]
    assert told == [("bad", "too big")]


async def test_a_returner_that_fails_half_way_through_single_events_loses_none(house):
    down = Outcome(result="gone", failure=Failure.EXCEPTION)
    with structlog.testing.capture_logs() as logs:
        async with house.life(queue=5) as workers:
            # It takes no two, and one only: then it is away.
            workers.refuse = lambda _name, tags: down if len(tags) > 1 or workers.taken else None
            await house.fire("a", "b", "c", "d", "e")
            await house.until(lambda: any(entry["event"] == "event_return.failed" for entry in logs))
            workers.refuse = lambda _name, _tags: None
            await house.fire("f")
            await house.until(lambda: len(workers.flat()) >= 6)
    assert workers.flat() == ["a", "b", "c", "d", "e", "f"]
    assert not [entry for entry in logs if entry["event"] == "event_return.refused"]


async def test_what_is_no_longer_kept_is_told_as_missed(house):
    async with house.life() as workers:
        pass
    await house.fire("a", "b", "c")
    await house.store.log.expire(float("inf"), limit=2)
    with structlog.testing.capture_logs() as logs:
        async with house.life():
            await house.until(workers.tags)
    assert workers.flat() == ["c"]
    assert [entry["missed"] for entry in logs if entry["event"] == "event_return.lagged"] == [2]
