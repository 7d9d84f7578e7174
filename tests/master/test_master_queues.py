"""Jobs that wait for minions: sent to who comes, noted before they go out, ended by whoever may end them, and told."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from trisalt.bus.answers import Presence, Published
from trisalt.bus.bus import Bus
from trisalt.bus.events import JobDropped, JobNew, JobReturned, KeyChanged, MinionAbsent, MinionEvent, MinionPresent
from trisalt.bus.requests import (
    CancelRequest,
    LineUpRequest,
    PresenceRequest,
    PublishRequest,
    ReturnsRequest,
    SendRequest,
)
from trisalt.errors import StoreError
from trisalt.master.queue import Queue
from trisalt.master.queues import FIND_CACHED_JOB, run_queue
from trisalt.store.queue import QueueReader
from trisalt.store.sqlite import open_store
from trisalt.store.store import Waits

JID, OTHER = "20261127100000000000", "20261127100000000001"
LOAD = {"fun": "cmd.run", "arg": ["id"], "tgt": "*", "tgt_type": "glob", "user": "alice", "ret": ""}


class House:
    """A bus, a store, and minions that answer what they are asked as the test says."""

    def __init__(self, store):
        self.store = store
        self.bus = Bus()
        self.queue = Queue(answer_within=0.05)
        self.now = 1000.0
        self.present = set()
        self.sent = []
        self.asked = []
        self.running = {}
        self.cached = {}
        self.dropped = []
        self.refuse = 0

    @asynccontextmanager
    async def open(self):
        answers = {
            PresenceRequest: self._presence,
            PublishRequest: self._publish,
            SendRequest: self._send,
            ReturnsRequest: self._returns,
        }
        async with trio.open_nursery() as nursery:
            with self.bus.answering(answers), self.bus.listen(JobDropped, self.dropped.append):
                run = partial(run_queue, self.bus, self.store, self.queue, timeout=0.05, clock=lambda: self.now)
                await nursery.start(run)
                yield self
            nursery.cancel_scope.cancel()

    async def _presence(self, _request):
        await trio.lowlevel.checkpoint()
        return {id: Presence(present=True) for id in self.present}

    async def _publish(self, request):
        jid, answers = f"2026112711{len(self.asked):010}", {}
        self.asked.append((request.fun, request.arg[0], request.tgt))
        for id in request.tgt:
            if request.fun == FIND_CACHED_JOB:
                answers[id] = self.cached.get(id, "Local jobs cache directory not found")
            elif (runs := self.running.get(id)) is not None:
                answers[id] = {"jid": request.arg[0]} if runs else {}
        for id, answer in answers.items():
            await self.bus.publish(JobReturned(id=id, jid=jid, fun=request.fun, fun_args=[], result=answer))
        return Published(jid=jid, minions=list(request.tgt), missing=[])

    async def _send(self, request):
        await trio.lowlevel.checkpoint()
        if self.refuse:
            self.refuse -= 1
            raise StoreError("the disk is full")
        noted = {row.id for row in await self.store.queue.waiting() if row.sent is not None}
        assert set(request.minions) <= noted, "it is noted before it goes out"
        self.sent.append((request.load["jid"], request.minions))

    async def _returns(self, request):
        for one in request.returns:
            await self.returned(one.jid, one.id, one.result)
        return [True] * len(request.returns)

    async def returned(self, jid, id, result="x"):
        await self.store.jobs.record_return(jid, id, {"return": result, "retcode": 0, "success": True})
        await self.bus.publish(JobReturned(id=id, jid=jid, fun="cmd.run", fun_args=[], result=result))

    async def publish(self, jid=JID, *, absent=("m1", "m2"), until=2000.0):
        minions = ["m1", "m2"]
        await self.store.jobs.record_job(
            {**LOAD, "jid": jid}, minions, waits=Waits(until=until, absent=frozenset(absent))
        )
        told = {key: LOAD[key] for key in ("fun", "arg", "tgt", "tgt_type", "user")}
        new = JobNew(**told, jid=jid, minions=minions, missing=[], until=until, absent=frozenset(absent))
        await self.bus.publish(new)

    async def here(self, *ids):
        await self.bus.publish_all([MinionPresent(id=id, since=0.0) for id in ids])

    async def until(self, condition):
        with trio.fail_after(5):
            while not condition():  # noqa: ASYNC110 - the store's thread does what it does when it does
                await trio.sleep(0.005)

    def how(self, path, jid=JID):
        with QueueReader(path) as reader:
            return {id: row.how for id, row in reader.of_job(jid).items()}


@pytest.fixture
async def house(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        yield House(store)


async def test_who_comes_is_sent_what_waits_for_it_and_a_return_ends_that(house, tmp_path):
    async with house.open():
        await house.publish()
        assert house.queue.waiting(JID) == {"m1": 2000.0, "m2": 2000.0}
        await house.here("m1")
        await house.until(lambda: house.sent)
        assert house.sent == [(JID, ["m1"])]
        await house.returned(JID, "m1")
        assert house.queue.waiting(JID) == {"m2": 2000.0}
        await house.until(lambda: house.how(tmp_path / "trisalt.db") == {"m2": None})
    assert [row.id for row in await house.store.queue.waiting()] == ["m2"]


async def test_who_is_here_already_is_not_waited_for(house):
    house.present = {"m1"}
    async with house.open():
        await house.publish(absent=["m1"])
        await house.until(lambda: house.sent)
    assert house.sent == [(JID, ["m1"])]


async def test_a_minion_that_starts_is_asked_and_sent_it_anew(house):
    async with house.open():
        await house.publish()
        await house.here("m1")
        await house.until(lambda: house.sent)
        house.running["m1"] = False
        await house.store.banks.store("grains", "m1", {"trisaltversion": "1"})
        await house.bus.publish(MinionEvent(name="salt/minion/m1/start", id="m1", data="x"))
        await house.until(lambda: len(house.sent) == 2)
    assert house.asked[0] == ("saltutil.find_job", JID, ["m1"])


async def test_the_next_master_sends_what_was_not_sent_and_asks_for_what_was(house):
    await house.store.jobs.record_job({**LOAD, "jid": JID}, ["m1", "m2"], waits=Waits(until=2000.0, absent={"m1"}))
    house.present = {"m1", "m2"}
    house.running["m2"] = True
    async with house.open():
        await house.until(lambda: house.sent and house.asked)
        await house.until(lambda: house.queue.waiting(JID))
    assert house.sent == [(JID, ["m1"])]
    # Whoever is late finds that m1, which does not return, has been asked by now as well.
    assert house.asked[0] == ("saltutil.find_job", JID, ["m2"])


async def test_who_may_have_run_it_and_forgets_is_asked_for_what_it_keeps(house, tmp_path):
    await house.store.jobs.record_job({**LOAD, "jid": JID}, ["m1", "m2"], waits=Waits(until=2000.0))
    house.present, house.running = {"m1", "m2"}, {"m1": False, "m2": False}
    house.cached["m1"] = {"jid": JID, "fun": "cmd.run", "return": "kept", "retcode": 0, "success": True}
    async with house.open():
        await house.until(lambda: house.dropped)
    assert house.sent == []
    assert (await house.store.jobs.returns(JID))["m1"]["return"] == "kept"
    assert [(event.minions, event.why) for event in house.dropped] == [(["m2"], "unknown")]
    assert house.how(tmp_path / "trisalt.db") == {"m2": "unknown"}
    assert "[Unknown]" in (await house.store.jobs.entry(JID)).missing["m2"]


@pytest.mark.parametrize(
    ("fun", "arg", "minions", "left"),
    [
        ("saltutil.kill_job", [JID], ["m1"], {"m2"}),
        ("saltutil.term_job", [{"__kwarg__": True, "jid": JID}], ["m1", "m2"], set()),
        ("saltutil.kill_job", [int(JID)], ["m2"], {"m1"}),
        ("saltutil.kill_job", [OTHER], ["m1"], {"m1", "m2"}),
        ("saltutil.kill_job", [], ["m1"], {"m1", "m2"}),
        ("saltutil.signal_job", [JID, 0], ["m1"], {"m1", "m2"}),
        (["saltutil.kill_job"], [[JID]], ["m1"], {"m1", "m2"}),
    ],
)
async def test_whoever_ends_a_job_ends_its_waiting_there(house, fun, arg, minions, left):
    async with house.open():
        await house.publish()
        about = {"tgt": minions, "tgt_type": "list", "user": "bob", "fun": fun, "arg": arg}
        await house.bus.publish(JobNew(**about, jid=OTHER, minions=minions, missing=[]))
        assert set(house.queue.waiting(JID)) == left
        if len(left) < 2:
            await house.until(lambda: house.dropped)
            assert [(set(event.minions), event.why, event.user) for event in house.dropped] == [
                ({"m1", "m2"} - left, "cancelled", "bob")
            ]
    assert {row.id for row in await house.store.queue.waiting()} == left


async def test_what_is_cancelled_is_so_before_whoever_wanted_it_hears_of_it(house, tmp_path):
    async with house.open():
        await house.publish()
        await house.here("m2")
        await house.until(lambda: house.sent)
        answer = await house.bus.ask(CancelRequest(jid=JID, user="bob"))
        assert answer == {"m1": False, "m2": True}
        assert house.how(tmp_path / "trisalt.db") == {"m1": "cancelled", "m2": "cancelled"}
        assert await house.bus.ask(CancelRequest(jid=JID, user="bob")) == {}
        assert await house.bus.ask(CancelRequest(jid=JID, user="bob", minions=["m1"])) == {}


async def test_a_key_that_goes_ends_all_that_waits_for_its_minion(house):
    async with house.open():
        await house.publish()
        await house.publish(OTHER)
        await house.bus.publish(KeyChanged(result=True, act="accepted", id="m1"))
        assert "m1" in house.queue.waiting(JID)
        await house.bus.publish(KeyChanged(result=True, act="delete", id="m1"))
        await house.until(lambda: len(house.dropped) == 2)
    assert {(event.jid, *event.minions, event.why) for event in house.dropped} == {
        (JID, "m1", "key gone"),
        (OTHER, "m1", "key gone"),
    }


async def test_what_nobody_came_for_expires(house, tmp_path):
    async with house.open():
        await house.publish(until=1000.05)
        await house.publish(OTHER)
        house.now = 1000.1
        await house.until(lambda: house.dropped)
    assert house.how(tmp_path / "trisalt.db") == {"m1": "expired", "m2": "expired"}
    assert house.how(tmp_path / "trisalt.db", OTHER) == {"m1": None, "m2": None}
    reason = (await house.store.jobs.entry(JID)).missing["m1"]
    assert "[Expired]" in reason
    assert "1970-01-01 00:16:40 UTC" in reason


async def test_who_goes_is_sent_nothing_more(house):
    async with house.open():
        await house.here("m1")
        await house.bus.publish(MinionAbsent(id="m1", since=0.0, why="it was stopped"))
        await house.publish()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert house.sent == []


async def test_what_cannot_be_sent_waits_on_and_is_asked_for_first(house):
    house.refuse, house.running = 1, {"m1": False}
    await house.store.banks.store("grains", "m1", {"trisaltversion": "1"})
    async with house.open():
        await house.publish()
        await house.here("m1")
        await house.until(lambda: not house.refuse)
        assert "m1" in house.queue.waiting(JID)
        await house.here("m1")
        await house.until(lambda: house.sent)
        # More than once, where an answer takes longer than it may.
        assert {str(question) for question in house.asked} == {str(("saltutil.find_job", JID, ["m1"]))}
    assert house.sent == [(JID, ["m1"])]


async def test_a_batch_waits_held_and_then_goes_on_at_its_pace_over_a_restart(house):
    await house.store.jobs.record_job({**LOAD, "jid": JID}, ["m1", "m2", "m3"])
    house.present = {"m1", "m2"}
    places = {JID: {"m1": False, "m2": False, "m3": False}}
    line_up = partial(LineUpRequest, batch=JID, places=places, until=9000.0, size=1, failhard=True)
    async with house.open():
        assert await house.bus.ask(line_up(held=True)) == dict.fromkeys(("m1", "m2", "m3"), 9000.0)
        await trio.testing.wait_all_tasks_blocked()
        assert house.sent == []
    house.queue = Queue(answer_within=0.05)
    async with house.open():
        await trio.sleep(0.05)
        assert house.sent == []
        await house.bus.ask(line_up())
        await house.until(lambda: house.sent)
        assert house.sent == [(JID, ["m1"])]
        await house.store.jobs.record_return(JID, "m1", {"return": "no", "retcode": 1, "success": False})
    # The next master reads that it failed, though nobody heard it.
    house.queue = Queue(answer_within=0.05)
    async with house.open():
        await house.until(lambda: house.dropped)
    assert [(event.minions, event.why) for event in house.dropped] == [(["m2", "m3"], "halted")]
    assert house.sent == [(JID, ["m1"])]
    assert "[Not run]" in (await house.store.jobs.entry(JID)).missing["m2"]
