"""The event log in the embedded store: numbered in the order of telling, told when it is there, read from anywhere."""

from __future__ import annotations

import subprocess
import sys

import attrs
import pytest
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event, Origin
from trisalt.bus.events import BatchSent, JobNew, JobReturned, JobSettled, TaggedEvent
from trisalt.store import log as logs
from trisalt.store.sqlite import open_store
from trisalt.store.store import NewReturn
from trisalt.wire.codec import unpack_bin

JID = "20261122124940743908"
PING = {"return": True, "retcode": 0, "success": True}


ROOT = Origin("user", "root")


def fired(name, origin=ROOT, **data):
    return TaggedEvent(name=name, data=data, origin=origin)


def returned(id, **more):
    return JobReturned(id=id, jid=JID, fun="test.ping", fun_args=[], result=True, origin=Origin("minion", id), **more)


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as opened:
        yield opened


@pytest.fixture
async def bus(store):
    bus = Bus()
    store.log.tell = bus.tell
    bus.keep_in(store.log)
    return bus


async def test_returns_that_are_not_to_be_kept_go_with_their_events(store, bus, monkeypatch):
    now = 100.0
    monkeypatch.setattr(store.jobs, "_clock", lambda: now)
    other = "20261122124940743909"
    load = {"jid": JID, "fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""}
    for jid, minions in ((JID, ["m1", "m2"]), (other, ["m1", "m2"])):
        await store.jobs.record_job(load | {"jid": jid}, minions)
    for jid, ids in ((JID, ["m1", "m2"]), (other, ["m1"])):
        rows = [NewReturn(jid=jid, id=id, body=PING, events=[attrs.evolve(returned(id), jid=jid)]) for id in ids]
        await store.jobs.record_returns(rows)
    for what in ("m1/error/state.apply", "m10/error/x"):
        await bus.publish(fired(f"salt/job/{JID}/sub/{what}"))
    await store.log.flush()
    assert await store.jobs.forget_returns(100.0) == 0, "they came just now"
    assert await store.jobs.forget_returns(101.0, limit=1) == 1
    assert await store.jobs.forget_returns(101.0) == 1
    assert await store.jobs.forget_returns(101.0) == 0, "of the other one somebody has still to return"
    assert await store.jobs.returns(JID) == {}
    assert await store.jobs.returned(other) == {"m1"}
    assert await store.jobs.load(JID) is not None
    row = await store.jobs.row(JID)
    assert row.ok == 2, "what it came to stays"
    kept = [tag for tag in await tags(store) if JID in tag or other in tag]
    assert kept == [f"salt/job/{other}/ret/m1", f"salt/job/{JID}/sub/m10/error/x"]
    assert await store.jobs.forget_returns(100.0 + 3602) == 1, "nobody waits that long"


async def everything(store, after=0, **how):
    bounds = await store.log.bounds()
    rows = []
    while after < bounds.last:
        found = await store.log.read(after, bounds.last, **how)
        rows += found.rows
        after = found.upto
    return rows


async def tags(store, **how):
    return [row.tag for row in await everything(store, **how)]


async def test_an_event_is_in_the_log_as_it_is_told_with_whose_it_is(store, bus):
    event = fired("my/tag", Origin("minion", "web1"), n=1)
    await bus.publish(event)
    await bus.flush()
    (row,) = await everything(store)
    assert (row.number, row.tag, row.origin) == (1, "my/tag", "minion/web1")
    assert unpack_bin(row.data) == event.to_data()


async def test_what_is_too_big_is_trimmed_and_the_rest_of_it_kept(store, bus):
    store.log.max_event_size = 2000
    await bus.publish(fired("big", small="y", big="x" * 3000, deep={"a": "z" * 5000, "b": 1}))
    await bus.flush()
    (row,) = await everything(store)
    data = unpack_bin(row.data)
    assert len(row.data) <= 2000
    assert (data["small"], data["big"], data["deep"]) == ("y", "VALUE_TRIMMED", {"a": "VALUE_TRIMMED", "b": 1})


async def test_what_stays_inside_is_not_in_the_log(store, bus):
    await bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
    await bus.publish(fired("x"))
    await bus.flush()
    assert await tags(store) == ["x"]


async def test_the_outside_hears_nothing_that_is_not_in_the_log_and_in_its_order(store, bus):
    heard = []

    async def watch(*, task_status):
        async with bus.subscribe(Event, keep=False, depth=10_000, outside=True) as events:
            task_status.started()
            async for event in events:
                heard.append(event.tag)
                if len(heard) % 50 == 1:
                    assert event.tag in await tags(store)

    async def fire(name):
        for number in range(100):
            if number % 3:
                await bus.publish(fired(f"{name}/{number}"))
            else:
                # In a transaction of its publisher's.
                one = fired(f"{name}/{number}")
                await store.jobs.record_job({"jid": f"{name}{number}", "fun": "test.ping"}, [], events=[one])
                await bus.publish(one, kept=True)

    async with trio.open_nursery() as nursery:
        await nursery.start(watch)
        async with trio.open_nursery() as publishers:
            for name in "abcd":
                publishers.start_soon(fire, name)
        await bus.flush()
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(20):
            while len(heard) < 400:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert heard == await tags(store)
    for name in "abcd":
        assert [tag for tag in heard if tag.startswith(name)] == [f"{name}/{number}" for number in range(100)]


async def test_what_is_published_before_a_transaction_stands_before_it(store, bus):
    await bus.publish(fired("before"))
    await store.jobs.record_job({"jid": JID, "fun": "test.ping"}, ["m1"], events=[fired("within")])
    await bus.publish(fired("after"))
    await bus.flush()
    assert await tags(store) == ["before", "within", "after"]


async def test_events_of_returns_share_their_transaction_and_those_for_new_ones_only_go_with_new_ones(store):
    def one(id, value=True):
        body = {**PING, "return": value}
        load = {"jid": JID, "fun": "test.ping"}
        return NewReturn(jid=JID, id=id, body=body, load=load, events=[returned(id)], if_new=[fired(f"new/{id}")])

    before = store.statistics().transactions
    await store.jobs.record_returns([one("m1"), one("m2")], events=[JobSettled(jid=JID, missing={})])
    assert store.statistics().transactions == before + 1
    ret, new = f"salt/job/{JID}/ret", "new"
    first = [f"{ret}/m1", f"{new}/m1", f"{ret}/m2", f"{new}/m2", f"trisalt/job/{JID}/settled"]
    assert await tags(store) == first
    # One of them is there already: all are looked at one by one, and none of the first try is left.
    await store.jobs.record_returns([one("m3"), one("m2"), one("m1", False)])
    assert await tags(store) == [*first, f"{ret}/m3", f"{new}/m3", f"{ret}/m2", f"{ret}/m1"]
    assert [row.number for row in await everything(store)] == list(range(1, 10))


async def test_a_burst_takes_few_transactions_and_keeps_its_order(store, bus):
    before = store.statistics().transactions
    for start in range(0, 5000, 500):
        await bus.publish_all([fired(str(number)) for number in range(start, start + 500)])
    await bus.flush()
    assert await tags(store) == [str(number) for number in range(5000)]
    assert store.statistics().transactions - before < 50


async def test_publishers_wait_when_the_disk_does_not_keep_up(store, bus, monkeypatch):
    monkeypatch.setattr(logs, "WAITING", 100)
    with trio.fail_after(20):
        await bus.publish_all([fired(str(number)) for number in range(1000)])
        for number in range(100):
            store.log.append(fired(f"more/{number}"))
        with pytest.raises(trio.WouldBlock):
            bus.publish_nowait(fired("refused"))
        await bus.flush()
    assert len(await tags(store)) == 1100


async def test_numbers_go_on_where_they_stopped(tmp_path):
    path = tmp_path / "trisalt.db"
    names = set()
    for begun in range(3):
        async with open_store(path) as store:
            names.add(store.log.id)
            assert store.log.last == begun * 2
            store.log.append(fired("a"))
            store.log.append(fired("b"))
            await store.log.flush()
    assert len(names) == 1
    async with open_store(path) as store:
        assert [row.number for row in await everything(store)] == [1, 2, 3, 4, 5, 6]


async def test_what_is_appended_is_written_before_the_store_is_closed(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        for number in range(300):
            store.log.append(fired(str(number)))
    async with open_store(tmp_path / "trisalt.db") as store:
        assert len(await tags(store)) == 300


@pytest.mark.parametrize(
    ("name", "data"),
    [("odd/\udcff", {}), ("nul/\0", {"a": "\0"}), ("ünï/💥", {"k": b"\xff"}), ("secret", {"value": object()})],
    ids=["no text", "a null", "letters", "an object"],
)
async def test_what_is_odd_costs_nobody_else_their_event(store, bus, name, data):
    await bus.publish_all([fired("before"), TaggedEvent(name=name, data=data), fired("after")])
    await bus.flush()
    before, odd, after = await tags(store)
    assert (before, after) == ("before", "after")
    assert odd == name.encode(errors="backslashreplace").decode()


# -- reading -------------------------------------------------------------------------------------------------------


async def test_a_moment_is_found_whatever_the_clock_does(tmp_path):
    now = [100.0]
    async with open_store(tmp_path / "trisalt.db") as store:
        store.log._clock = lambda: now[0]
        # Set back after the third: time stands still in the log until it has caught up.
        for at in (100.0, 110.0, 120.0, 50.0, 115.0, 130.0):
            now[0] = at
            store.log.append(fired(str(at)))
            await store.log.flush()
        found = [await store.log.first_since(moment) for moment in (0, 100, 100.5, 120, 120.5, 130, 131)]
    assert found == [1, 1, 2, 3, 6, 6, 7]


async def test_nothing_is_since_any_moment_in_an_empty_log(store):
    assert await store.log.first_since(0.0) == 1
    assert (await store.log.bounds()).last == 0


async def test_a_job_begins_with_its_first_event(store, bus):
    await bus.publish(fired("long/ago"))
    new = JobNew(jid=JID, tgt_type="glob", tgt="*", user="root", fun="test.ping", arg=[], minions=["m1"], missing=[])
    await bus.publish_all([new, fired("between"), returned("m1")])
    await bus.flush()
    assert await store.log.first_since(JID) == 2
    assert await tags(store, jid=JID) == [f"salt/job/{JID}/new", f"salt/job/{JID}/ret/m1"]
    # A job without an event: since it was made, long before all of these.
    assert await store.log.first_since("20200101000000000000") == 1


@pytest.mark.parametrize(
    ("tag", "jid"),
    [
        (f"salt/job/{JID}/new", JID),
        (f"salt/job/{JID}/prog/m1/3", JID),
        (f"salt/run/{JID}/ret", JID),
        (f"trisalt/job/{JID}/settled", JID),
        (f"salt/batch/{JID}/complete", JID),
        (f"salt/job/{JID}_1/new", f"{JID}_1"),
        (f"salt/job/{JID}", JID),
        (f"salt/job/{JID}_/new", None),
        (f"salt/job/{JID}0/new", None),
        (f"xsalt/job/{JID}/new", None),
        ("salt/job/error", None),
        (f"salt/minion/{JID}/start", None),
        (f"my/job/{JID}/x", None),
        (JID, None),
        ("", None),
    ],
)
def test_a_tag_says_which_job_it_is_about(tag, jid):
    assert logs.job_of(tag) == jid


async def test_a_read_is_bounded_and_says_how_far_it_got(store, bus, monkeypatch):
    monkeypatch.setattr(logs, "SCAN", 10)
    await bus.publish_all([fired(f"{'even' if number % 2 == 0 else 'odd'}/{number}") for number in range(25)])
    await bus.flush()
    found = await store.log.read(0, 25, wanted=lambda tag: tag.startswith("even"))
    assert ([row.number for row in found.rows], found.upto) == ([1, 3, 5, 7, 9], 10)
    found = await store.log.read(20, 25, wanted=lambda tag: False)
    assert (found.rows, found.upto) == ([], 25)
    monkeypatch.setattr(logs, "SLICE_BYTES", 1)
    found = await store.log.read(4, 25)
    assert ([row.number for row in found.rows], found.upto) == ([5], 5)


# -- a store that does not write -----------------------------------------------------------------------------------


FULL_DISK = """
import resource, sys, trio
from trisalt.bus.bus import Bus
from trisalt.bus.events import Event, EventsLost, TaggedEvent
from trisalt.store import log as logs
from trisalt.store.sqlite import open_store

logs.HELD = 200
logs.TRY_AGAIN_S = 0.02

async def main(path):
    async with open_store(path) as store, trio.open_nursery() as nursery:
        bus = Bus()
        store.log.tell = bus.tell
        bus.keep_in(store.log)
        await nursery.start(store.log.run)
        heard = []

        async def watch(*, task_status):
            async with bus.subscribe(Event, keep=False, depth=100_000, outside=True) as events:
                task_status.started()
                async for event in events:
                    heard.append(event)

        await nursery.start(watch)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        for number in range(1000):
            await bus.publish(TaggedEvent(name=str(number), data={"filling": "x" * 1000}))
            if not number % 10:
                await bus.flush()
        told = len(heard)
        assert 0 < told < 1000, told
        # It is tried again meanwhile, in vain.
        await trio.sleep(0.2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        with trio.fail_after(20):
            while not heard or not isinstance(heard[-1], EventsLost):
                await trio.sleep(0.01)
        kept = [int(event.name) for event in heard[:-1]]
        assert kept == list(range(len(kept))), kept
        assert len(kept) >= told + 200
        assert heard[-1].count == 1000 - len(kept)
        bounds = await store.log.bounds()
        assert bounds.last == len(heard), bounds
        nursery.cancel_scope.cancel()
    print("done")

trio.run(main, sys.argv[1])
"""


def test_a_full_disk_holds_events_tells_none_of_them_and_says_how_many_it_lost(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "trisalt.db")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1:] == ["done"], done.stdout + done.stderr
    assert done.stdout.count("events.held") == 1
    assert done.stdout.count("events.lost") == 1


async def test_numbers_of_a_transaction_that_was_rolled_back_are_given_again(store, bus):
    bus.publish_nowait(fired("one"))
    await store.log.flush()

    def fail(connection, _careful):
        store.log.insert(connection, store.log.entries([fired("never")]))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.write(fail)
    bus.publish_nowait(fired("two"))
    await store.log.flush()
    assert [(row.tag, row.number) for row in await everything(store)] == [("one", 1), ("two", 2)]
