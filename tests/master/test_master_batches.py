"""Batches on the master: durable before sent, told as they go, taken up where another master left them."""

from __future__ import annotations

import copy

import attrs
import pytest
import trio
import trio.testing

from trisalt.bus.answers import Published, Resolved
from trisalt.bus.bus import Bus
from trisalt.bus.caller import MASTER, Caller
from trisalt.bus.events import (
    BatchComplete,
    BatchHalted,
    BatchNew,
    BatchProgress,
    BatchSent,
    JobReturned,
    JobSettled,
    TaggedEvent,
)
from trisalt.bus.requests import AimRequest, BatchLookup, BatchRequest, LineUpRequest, PublishRequest
from trisalt.errors import CommandError, Denied, StoreError
from trisalt.master.batch_run import JID_S, NOT_ALLOWED, NOT_RUN
from trisalt.master.batches import run_batches
from trisalt.wire import jid as jids

NOW = 1795779930.0


@attrs.define
class MemoryStore:
    """Banks and jobs in memory: what batches use of a store. `full` times it cannot write; `wrote` hears of writes."""

    banked: dict = attrs.field(factory=dict)
    loads: dict = attrs.field(factory=dict)
    came: dict = attrs.field(factory=dict)
    settled: dict = attrs.field(factory=dict)
    full: int = 0
    wrote: object = None

    @property
    def banks(self):
        return self

    @property
    def jobs(self):
        return self

    async def _write(self, change):
        await trio.lowlevel.checkpoint()
        if self.full:
            self.full -= 1
            raise StoreError("the disk is full")
        change()
        if self.wrote is not None:
            await self.wrote()

    async def store(self, bank, key, value):
        # As it is now: the caller may go on changing it.
        kept = copy.deepcopy(value)
        await self._write(lambda: self.banked.setdefault(bank, {}).update({key: kept}))

    async def fetch(self, bank, key):
        await trio.lowlevel.checkpoint()
        return self.banked.get(bank, {}).get(key)

    async def fetch_all(self, bank):
        await trio.lowlevel.checkpoint()
        return dict(self.banked.get(bank, {}))

    async def list(self, bank):
        await trio.lowlevel.checkpoint()
        return sorted(self.banked.get(bank, {}))

    async def flush(self, bank, key=None):
        assert key is None or bank == "batches"
        await self._write(lambda: self.banked.pop(bank, None) if key is None else self.banked[bank].pop(key))

    async def record_job(self, load, minions, *, events=()):
        await self._write(lambda: self.loads.setdefault(load["jid"], (load, minions)))

    async def mark_settled(self, jid, missing):
        await self._write(lambda: self.settled.update({jid: missing}))

    async def returns(self, jid):
        await trio.lowlevel.checkpoint()
        return dict(self.came.get(jid, {}))

    async def load(self, jid):
        await trio.lowlevel.checkpoint()
        return self.loads[jid][0]


@attrs.define
class Fleet:
    """A publisher and the minions behind it: each runs a job id once, as real ones do.

    `retcodes` are theirs; who is in `away` hears nothing, in `slow` never returns but says it is at work, in `deaf`
    takes the job and is never heard of again.
    """

    bus: Bus
    store: MemoryStore
    ids: list = attrs.field(factory=lambda: ["m1", "m2", "m3"])
    retcodes: dict = attrs.field(factory=dict)
    away: set = attrs.field(factory=set)
    slow: set = attrs.field(factory=set)
    deaf: set = attrs.field(factory=set)
    held: trio.Event | None = None
    heard: object = None
    """Told of every publication, before it goes out."""
    ran: list = attrs.field(factory=list)
    """`(id, jid)` of every run of the batch's function."""
    published: list = attrs.field(factory=list)
    judged: list = attrs.field(factory=list)
    forbidden: bool = False
    numbers: int = 0
    lined_up: list = attrs.field(factory=list)
    unkept: int = 0

    async def run(self, *, task_status):
        async with (
            self.bus.claim(PublishRequest, AimRequest, LineUpRequest) as requests,
            trio.open_nursery() as nursery,
        ):
            task_status.started()
            async for request, reply in requests:
                if isinstance(request, LineUpRequest):
                    self.lined_up.append(request)
                    self.unkept -= 1
                    waiting = {id: request.until for ids in request.places.values() for id in ids}
                    reply.fail(StoreError("full")) if self.unkept >= 0 else reply.send(waiting)
                    continue
                if isinstance(request, AimRequest):
                    self.judged.append(request)
                    reply.send(Resolved(minions=[] if request.tgt == "nosuch" else list(self.ids), missing=[]))
                    continue
                self.published.append(request)
                if self.heard is not None:
                    self.heard()
                if self.forbidden and request.fun == "cmd.run":
                    reply.fail(Denied("no"))
                    continue
                self.numbers += 1
                jid = request.jid or f"2026112213{self.numbers:010}"
                reply.send(Published(jid=jid, minions=[id for id in request.tgt if id in self.ids], missing=[]))
                nursery.start_soon(self.answer, request, jid)

    async def answer(self, request, jid):
        for id in request.tgt:
            if id in self.away:
                continue
            if request.fun == "saltutil.find_job":
                at_work = id in self.slow and (id, request.arg[0]) in self.ran
                await self.give_back(id, jid, request.fun, {"pid": 1} if at_work else {})
            elif request.fun == "test.ping":
                await self.give_back(id, jid, request.fun, True)
            elif (id, jid) not in self.ran:
                self.ran.append((id, jid))
                if self.held is not None:
                    await self.held.wait()
                if id not in self.slow | self.deaf:
                    await self.give_back(id, jid, request.fun, "done", self.retcodes.get(id, 0))
        if request.watch:
            missing = dict.fromkeys(self.away & set(request.tgt), "away")
            await self.bus.publish(JobSettled(jid=jid, missing=missing))

    async def give_back(self, id, jid, fun, result, retcode=0):
        body = {"return": result, "retcode": retcode, "success": not retcode}
        self.store.came.setdefault(jid, {})[id] = body
        await self.bus.publish(JobReturned(id=id, jid=jid, fun=fun, fun_args=[], result=result, retcode=retcode))


class House:
    """A master's bus with batches on it."""

    def __init__(self, nursery):
        self.bus = Bus()
        self.store = MemoryStore()
        self.fleet = Fleet(self.bus, self.store)
        self.heard = []
        self.more = trio.lowlevel.ParkingLot()
        self.begun = {}
        self._nursery = nursery
        self._scope = trio.CancelScope()

    async def start(self):
        self.started = trio.current_time()
        await self._nursery.start(self.fleet.run)
        await self._nursery.start(self._listen)
        await self.restart()
        return self

    async def restart(self):
        """Another master, on what is in the store."""
        self._scope = trio.CancelScope()
        await self._nursery.start(self._serve)

    async def _serve(self, *, task_status):
        with self._scope:
            await run_batches(
                self.bus,
                self.store,
                timeout=5,
                gather_job_timeout=10,
                keep_seconds=3600,
                read_begun=lambda jid: self.begun.get(jid),
                clock=lambda: NOW + trio.current_time() - self.started,
                task_status=task_status,
            )

    async def _listen(self, *, task_status):
        patterns = (BatchNew, BatchProgress, BatchSent, BatchComplete, BatchHalted, JobSettled)
        async with self.bus.subscribe(patterns, keep=True) as events:
            task_status.started()
            async for event in events:
                self.heard.append(event)
                self.more.unpark_all()

    def kill(self):
        """As SIGKILL leaves it: what was written is there, and nothing else. Without a checkpoint, nothing happens."""
        self._scope.cancel()

    async def begin(self, **more):
        fields = {"tgt": "*", "fun": "cmd.run", "arg": ["true"], "user": "root", "size": "1", **more}
        return await self.bus.ask(BatchRequest(**fields))

    async def end(self, jid, seconds=3600):
        """The event with which it ended."""
        with trio.fail_after(seconds):
            while not (found := [e for e in self.heard if isinstance(e, BatchComplete | BatchHalted) and e.jid == jid]):
                await self.more.park()
        return found[0]


@pytest.fixture
async def house(nursery):
    yield await House(nursery).start()
    nursery.cancel_scope.cancel()


async def test_all_run_it_one_after_the_other_under_one_job_id(autojump_clock, house):
    house.fleet.retcodes = {"m2": 3}
    published = await house.begin()
    assert published.minions == ["m1", "m2", "m3"]
    ended = await house.end(published.jid)
    assert (ended.completed, ended.failed, ended.total_minions) == (3, 1, 3)
    assert house.fleet.ran == [(id, published.jid) for id in ("m1", "m2", "m3")]
    assert [e.minions for e in house.heard if isinstance(e, BatchSent)] == [["m1"], ["m2"], ["m3"]]
    assert ended.state["done"]["m2"] == {"retcode": 3, "jid": published.jid}
    assert house.store.loads[published.jid] == (
        {
            **{"jid": published.jid, "fun": "cmd.run", "arg": ["true"], "tgt": "*", "tgt_type": "glob", "user": "root"},
            **{"ret": "", "minions": ["m1", "m2", "m3"], "missing": []},
        },
        ["m1", "m2", "m3"],
    )
    assert house.store.settled == {published.jid: {}}


async def test_events_say_what_spec_and_stock_say(autojump_clock, house):
    published = await house.begin(size="50%")
    await house.end(published.jid)
    new, *_ = [e for e in house.heard if isinstance(e, BatchNew)]
    about = {"jid": published.jid, "fun": "cmd.run", "tgt": "*", "tgt_type": "glob", "user": "root", "driver": "master"}
    assert new.tag == f"salt/batch/{published.jid}/new"
    data = new.to_data()
    assert about.items() <= data.items()
    assert (data["total_minions"], data["batch_size"]) == (3, 1)
    assert data["state"]["all_minions"] == data["state"]["pending"] == ["m1", "m2", "m3"]
    assert "down" not in data
    last = [e for e in house.heard if isinstance(e, BatchProgress)][-1].to_data()
    assert last.keys() == {*about, "total", "completed", "active", "pending", "failed", "last_progress", "_stamp"}
    assert (last["total"], last["completed"], last["active"], last["pending"]) == (3, 3, 0, 0)


async def test_it_is_in_the_store_before_anything_is_sent(autojump_clock, house):
    house.store.full = 1
    with pytest.raises(StoreError):
        await house.begin()
    assert house.fleet.published == []


async def test_no_batch_is_kept_before_its_job_is(autojump_clock, house):
    bare = []

    async def wrote():
        bare.append(house.store.banked.get("batches", {}).keys() - house.store.loads.keys())

    house.store.wrote = wrote
    await house.end((await house.begin()).jid)
    assert bare
    assert not any(bare)


async def test_a_store_that_is_full_for_a_while_only_delays_it(autojump_clock, house):
    house.fleet.held = trio.Event()
    published = await house.begin()
    await trio.sleep(0.1)
    house.store.full = 3
    house.fleet.held.set()
    ended = await house.end(published.jid)
    assert ended.completed == 3
    assert len(house.fleet.ran) == 3


async def test_whoever_does_not_answer_at_first_gets_no_job(autojump_clock, house):
    house.fleet.away = {"m2"}
    published = await house.begin()
    ended = await house.end(published.jid)
    assert ended.total_minions == 2
    assert [id for id, _jid in house.fleet.ran] == ["m1", "m3"]
    assert "m2" in house.store.settled[published.jid]
    view = await house.bus.ask(BatchLookup(jid=published.jid))
    assert (view.minions, view.down, view.ended) == (["m1", "m3"], ["m2"], True)


async def test_whoever_is_away_waits_and_whoever_is_lost_on_the_way_does_too(autojump_clock, house):
    house.fleet.away, house.fleet.deaf, house.fleet.unkept = {"m2"}, {"m1"}, 2
    published = await house.begin(size="50%", wait=1, failhard=True, wait_absent=600.0)
    ended = await house.end(published.jid)
    assert (ended.completed, ended.failed) == (1, 1)
    assert {request.durable for request in house.fleet.published if request.fun == "cmd.run"} == {True}
    held, after = house.fleet.lined_up[-2:]
    assert (held.held, held.places) == (True, {published.jid: {"m2": False}})
    assert (after.held, after.places) == (False, {published.jid: {"m2": False, "m1": True}})
    assert (after.batch, after.until, after.size, after.wait, after.failhard) == (
        published.jid,
        NOW + 600.0,
        1,
        1,
        True,
    )
    view = await house.bus.ask(BatchLookup(jid=published.jid))
    assert view.waiting == {"m1": NOW + 600.0, "m2": NOW + 600.0}
    assert "Queued" in house.store.settled[published.jid]["m1"]
    (settled,) = [e for e in house.heard if isinstance(e, JobSettled) and e.jid == published.jid]
    assert settled.waiting == view.waiting


async def test_who_is_away_gets_nothing_of_a_batch_that_ended_before_its_time(autojump_clock, house):
    house.fleet.away, house.fleet.retcodes = {"m3"}, {"m1": 1}
    published = await house.begin(failhard=True, wait_absent=600.0)
    await house.end(published.jid)
    assert house.fleet.lined_up[-1].halted
    assert (await house.bus.ask(BatchLookup(jid=published.jid))).waiting == {}


async def test_a_batch_waits_as_long_as_is_usual_where_no_time_is_said(autojump_clock, house):
    house.fleet.away = {"m3"}
    published = await house.begin(wait_absent=True)
    await house.end(published.jid)
    assert house.fleet.lined_up[-1].until == NOW + 86400.0


async def test_whoever_is_never_heard_of_again_makes_room_for_the_next(autojump_clock, house):
    house.fleet.deaf = {"m1"}
    published = await house.begin(timeout=2, gather_job_timeout=3)
    assert not any(request.durable for request in house.fleet.published)
    started = trio.current_time()
    ended = await house.end(published.jid)
    assert 5 <= trio.current_time() - started < 7
    assert (ended.completed, ended.failed) == (2, 1)
    assert "[No response]" in house.store.settled[published.jid]["m1"]


async def test_whoever_is_at_work_is_waited_for(autojump_clock, house):
    house.fleet.slow = {"m1"}
    published = await house.begin()
    with trio.move_on_after(600):
        await house.end(published.jid)
    assert [id for id, _jid in house.fleet.ran] == ["m1"]
    await house.fleet.give_back("m1", published.jid, "cmd.run", "at last")
    assert (await house.end(published.jid)).completed == 3


async def test_failhard_sends_to_nobody_after_the_first_that_fails(autojump_clock, house):
    house.fleet.retcodes = {"m2": 1}
    published = await house.begin(failhard=True)
    ended = await house.end(published.jid)
    assert (ended.tag, ended.reason) == (f"salt/batch/{published.jid}/halted", "failhard")
    assert ended.abandoned_pending == ["m3"]
    assert house.store.settled[published.jid] == {"m3": NOT_RUN}


@pytest.mark.parametrize("when", ["gathering", "running"])
async def test_a_stop_is_heard_at_any_time(autojump_clock, house, when):
    if when == "gathering":
        house.fleet.away = {"m1", "m2", "m3"}
        house.fleet.published.append(None)
    else:
        house.fleet.slow = {"m1"}
    published = await house.begin()
    await trio.sleep(0.5)
    await house.bus.publish(TaggedEvent(name=f"salt/batch/{published.jid}/stop", data={}))
    ended = await house.end(published.jid, 60)
    if when == "running":
        assert (ended.reason, ended.abandoned_active, ended.abandoned_pending) == ("stop", ["m1"], ["m2", "m3"])


async def test_a_stop_of_another_batch_is_not_heard(autojump_clock, house):
    published = await house.begin()
    await house.bus.publish(TaggedEvent(name="salt/batch/20200101000000000000/stop", data={}))
    assert isinstance(await house.end(published.jid), BatchComplete)


async def test_nobody_is_a_batch_that_is_not_begun(autojump_clock, house):
    published = await house.begin(tgt="nosuch")
    assert (published.jid, published.minions) == (None, [])
    assert house.store.banked == {}


@pytest.mark.parametrize("size", ["0", "x", "200%"])
async def test_a_size_that_is_none_is_refused(autojump_clock, house, size):
    with pytest.raises(CommandError, match="Invalid batch specification"):
        await house.begin(size=size)
    assert house.store.banked == {}


async def test_what_is_no_batch_is_not_found(autojump_clock, house):
    assert await house.bus.ask(BatchLookup(jid="20200101000000000000")) is None


async def test_the_gate_is_asked_once_for_the_whole(autojump_clock, house):
    bob = Caller(name="bob", eauth="pam")
    await house.end((await house.begin(user="bob", caller=bob)).jid)
    (judged,) = house.fleet.judged
    assert (judged.caller, judged.fun, judged.arg, judged.tgt) == (bob, "cmd.run", ["true"], "*")
    assert {(request.user, request.caller) for request in house.fleet.published} == {("bob", MASTER)}


async def test_the_jobs_own_keys_go_with_it_and_not_with_the_ping(autojump_clock, house):
    await house.end((await house.begin(ret="syslog", kwargs={"metadata": {"a": 1}, "delimiter": "|"})).jid)
    ping, *sent = house.fleet.published
    assert (ping.fun, ping.ret, ping.kwargs) == ("test.ping", "", {})
    assert {(request.ret, str(request.kwargs)) for request in sent} == {("syslog", "{'metadata': {'a': 1}}")}


async def test_a_batch_of_many_hours_takes_a_fresh_job_id(autojump_clock, house):
    published = await house.begin(wait=JID_S + 1)
    ended = await house.end(published.jid, 10 * JID_S)
    used = [jid for _id, jid in house.fleet.ran]
    assert used[0] == published.jid
    assert len(set(used)) == 3
    assert all(jids.is_jid(jid) for jid in used)
    assert ended.completed == 3
    assert set(house.store.settled) == set(used)


async def test_what_is_forbidden_meanwhile_is_given_up_and_not_asked_for_ever(autojump_clock, house):
    house.fleet.held = trio.Event()
    published = await house.begin()
    await trio.sleep(0.1)
    house.fleet.forbidden = True
    house.fleet.held.set()
    ended = await house.end(published.jid)
    assert (ended.completed, ended.failed) == (1, 2)
    assert house.store.settled[published.jid] == {"m2": NOT_ALLOWED, "m3": NOT_ALLOWED}


STOCK_JID = "20261127113000000000"


def begun_by_stock(**more):
    """What stock's `salt --async -b 1` keeps of a batch whose first minion it has sent the job to."""
    return {
        **{"jid": STOCK_JID, "all_minions": ["m1", "m2", "m3"], "pending": ["m2", "m3"], "active": {"m1": NOW}},
        **{"done": {}, "failed": {}, "wait": [], "batch_size": 1, "fun": "cmd.run", "arg": ["true"], "kwargs": {}},
        **{"tgt": "*", "tgt_type": "glob", "failhard": False, "batch_wait": 0, "timeout": 5, "gather_job_timeout": 10},
        **{"last_progress": NOW, "created": NOW, "halted": False, "halted_reason": None, "driver": "master", "ret": ""},
        **{"user": "root", **more},
    }


async def test_what_stocks_command_began_is_taken_over(house):
    house.begun[STOCK_JID] = begun_by_stock()
    house.fleet.ran.append(("m1", STOCK_JID))
    await house.fleet.give_back("m1", STOCK_JID, "cmd.run", "done")
    new = TaggedEvent(name=f"salt/batch/{STOCK_JID}/new", data={"jid": STOCK_JID, "driver": "master"})
    await house.bus.publish(new)
    await house.bus.publish(new)
    ended = await house.end(STOCK_JID, 60)
    assert (ended.completed, ended.failed, ended.fun) == (3, 0, "cmd.run")
    assert house.fleet.ran == [(id, STOCK_JID) for id in ("m1", "m2", "m3")]
    assert house.store.loads[STOCK_JID][1] == ["m1", "m2", "m3"]


@pytest.mark.parametrize(
    ("state", "data"),
    [
        (begun_by_stock(), {"jid": STOCK_JID, "driver": "cli"}),
        (begun_by_stock(), {"jid": "20261127113000000001", "driver": "master"}),
        (begun_by_stock(batch_size="many"), {"jid": STOCK_JID, "driver": "master"}),
        ({"jid": STOCK_JID}, {"jid": STOCK_JID, "driver": "master"}),
        (None, {"jid": STOCK_JID, "driver": "master"}),
    ],
    ids=["of a command", "another's", "of no size", "half a state", "no state"],
)
async def test_what_is_no_batch_of_stocks_command_is_left_alone(house, state, data):
    house.begun = {STOCK_JID: state}
    await house.bus.publish(TaggedEvent(name=f"salt/batch/{STOCK_JID}/new", data=data))
    assert (await house.end((await house.begin()).jid)).completed == 3
    assert STOCK_JID not in {request.jid for request in house.fleet.published}


@pytest.mark.parametrize("what", ["writes", "publications"])
@pytest.mark.parametrize("number", range(1, 16))
async def test_killed_at_any_step_the_rest_is_run_and_nothing_twice(autojump_clock, house, what, number):
    house.fleet.ids = ["m1", "m2", "m3", "m4"]
    count = 0

    def one_more():
        nonlocal count
        count += 1
        if count == number:
            house.kill()

    async def wrote():
        one_more()
        await trio.lowlevel.checkpoint()

    house.store.wrote, house.fleet.heard = (wrote, None) if what == "writes" else (None, one_more)
    with trio.move_on_after(60):
        published = await house.begin(size="2")
        await house.end(published.jid)
    house.kill()
    await trio.testing.wait_all_tasks_blocked()
    house.store.wrote = house.fleet.heard = None
    await house.restart()
    records = house.store.banked.get("batches", {})
    if not records:
        assert house.fleet.ran == []
        return
    ((jid, record),) = records.items()
    if record["ended"] is None:
        await house.end(jid)
    assert sorted(house.fleet.ran) == [(id, jid) for id in ("m1", "m2", "m3", "m4")]
    view = await house.bus.ask(BatchLookup(jid=jid))
    assert (view.ended, view.halted, view.lost) == (True, None, {})
    assert house.store.banked.keys() == {"batches"}


async def test_minions_have_time_to_come_back_after_a_restart(autojump_clock, house):
    house.fleet.slow = {"m1"}
    published = await house.begin()
    await trio.sleep(1)
    house.kill()
    await trio.sleep(1)
    house.fleet.away = {"m1", "m2", "m3"}
    await house.restart()
    await trio.sleep(12)
    house.fleet.away, house.fleet.slow = {"m3"}, set()
    await house.fleet.give_back("m1", published.jid, "cmd.run", "done")
    ended = await house.end(published.jid)
    assert [id for id, _jid in house.fleet.ran] == ["m1", "m2"]
    assert list(house.store.settled[published.jid]) == ["m3"]
    assert ended.completed == 2


async def test_batches_that_are_over_are_forgotten_when_their_time_is_over(autojump_clock, house):
    published = await house.begin()
    await house.end(published.jid)
    house.kill()
    await trio.sleep(1)
    await house.restart()
    assert (await house.bus.ask(BatchLookup(jid=published.jid))).ended
    house.kill()
    await trio.sleep(3700)
    await house.restart()
    assert await house.bus.ask(BatchLookup(jid=published.jid)) is None


async def test_a_record_that_cannot_be_read_stops_nobody(autojump_clock, house):
    house.kill()
    await trio.sleep(1)
    house.store.banked["batches"] = {"20200101000000000000": {"written": "by another"}}
    await house.restart()
    assert (await house.end((await house.begin()).jid)).completed == 3
