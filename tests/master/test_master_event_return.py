"""Events to returners: which, how many at a time, and that a returner that fails or is slow harms nobody."""

from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import TaggedEvent
from trisalt.errors import WorkerDied
from trisalt.master.event_return import DEPTH, EventReturnRules, return_events
from trisalt.worker.protocol import Failure, Outcome


class FakeWorkers:
    """Notes the calls; the one that `gate` holds ends when the test lets it."""

    def __init__(self):
        self.calls = []
        self.answers = {}
        self.gate = None

    async def run_job(self, call, *, warm, outlives):
        await trio.lowlevel.checkpoint()
        assert warm
        assert not outlives
        self.calls.append(call)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.get(call.fun, Outcome(result=None))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def tags(self):
        return [[event["tag"] for event in call.arg[0]] for call in self.calls]


@asynccontextmanager
async def running(**rules):
    bus, workers = Bus(), FakeWorkers()
    async with trio.open_nursery() as nursery:
        await nursery.start(return_events, bus, workers, EventReturnRules(returners=("one",), **rules))
        yield bus, workers
        nursery.cancel_scope.cancel()


async def fire(bus, *tags):
    for tag in tags:
        await bus.publish(TaggedEvent(name=tag, data={"of": tag}))
    await wait_all_tasks_blocked()


async def test_each_event_is_given_with_its_tag_and_data():
    async with running() as (bus, workers):
        await fire(bus, "a/b")
    (call,) = workers.calls
    assert (call.fun, call.kind) == ("one.event_return", "returners")
    (event,) = call.arg[0]
    assert event["tag"] == "a/b"
    assert event["data"]["of"] == "a/b"
    assert "_stamp" in event["data"]


async def test_what_happens_while_a_returner_works_is_given_together():
    async with running() as (bus, workers):
        workers.gate = trio.Event()
        await fire(bus, "first")
        await fire(bus, "second", "third")
        workers.gate.set()
        await wait_all_tasks_blocked()
        assert workers.tags() == [["first"], ["second", "third"]]


async def test_a_queue_is_given_when_it_is_full_or_its_time_is_over(autojump_clock):
    async with running(queue=3, queue_max_seconds=10) as (bus, workers):
        await fire(bus, "a", "b")
        assert workers.tags() == []
        await fire(bus, "c")
        assert workers.tags() == [["a", "b", "c"]]
        await fire(bus, "d")
        await trio.sleep(9)
        assert len(workers.tags()) == 1
        await trio.sleep(2)
        assert workers.tags()[1:] == [["d"]]


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
async def test_a_returner_that_fails_is_a_log_line(answer, reason):
    with structlog.testing.capture_logs() as logs:
        async with running() as (bus, workers):
            workers.answers["one.event_return"] = answer
            await fire(bus, "a")
            await fire(bus, "b")
    assert workers.tags() == [["a"], ["b"]]
    told = [entry for entry in logs if entry["event"] == "event_return.failed"]
    assert [(entry["returner"], entry["reason"]) for entry in told] == [("one", reason)] * 2


async def test_a_slow_returner_loses_events_and_makes_nobody_wait():
    with structlog.testing.capture_logs() as logs:
        async with running() as (bus, workers):
            workers.gate = trio.Event()
            await fire(bus, "first")
            with trio.fail_after(20):
                for number in range(DEPTH + 10):
                    await bus.publish(TaggedEvent(name=f"n/{number}", data={}))
            workers.gate.set()
            await wait_all_tasks_blocked()
    assert any(entry["event"] == "event_return.lagged" for entry in logs)


async def test_an_event_that_cannot_travel_is_left_out():
    async with running(queue=2) as (bus, workers):
        await bus.publish(TaggedEvent(name="odd", data={"x": object()}))
        await fire(bus, "a", "b")
        assert workers.tags() == [["a", "b"]]
