"""What waits for minions in the embedded store: written with its job, kept until it has ended, told to readers."""

from __future__ import annotations

import pytest

from trisalt.store.queue import RETURNED, QueueReader
from trisalt.store.sqlite import open_store
from trisalt.store.store import Pace, Waits

JID, OTHER = "20261127100000000000", "20261127100000000001"
LOAD = {"jid": JID, "fun": "cmd.run", "arg": ["id"], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""}
BODY = {"return": "x", "retcode": 0, "success": True}


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        yield store


@pytest.fixture
def reader(tmp_path, store):
    with QueueReader(tmp_path / "trisalt.db") as reader:
        yield reader


def told(rows):
    return [(row.jid, row.id, row.sent is not None) for row in rows]


async def test_a_job_waits_from_when_it_is_recorded_oldest_first(store, reader):
    await store.jobs.record_job(LOAD, ["m2", "m1"], waits=Waits(until=9e9, absent={"m1"}))
    await store.jobs.record_job(LOAD | {"jid": OTHER}, ["m1"], waits=Waits(until=8e9, absent={"m1"}))
    await store.jobs.record_job(LOAD | {"jid": "20261127100000000002"}, ["m1"])
    expected = [(JID, "m2", True), (JID, "m1", False), (OTHER, "m1", False)]
    assert told(await store.queue.waiting()) == told(reader.waiting()) == expected
    assert [row.until for row in reader.waiting()] == [9e9, 9e9, 8e9]


async def test_that_it_was_sent_is_noted_once(store, reader):
    await store.jobs.record_job(LOAD, ["m1", "m2"], waits=Waits(until=9e9, absent={"m1", "m2"}))
    await store.queue.sent(JID, ["m1"])
    first = reader.of_job(JID)["m1"].sent
    await store.queue.sent(JID, ["m1"])
    assert reader.of_job(JID)["m1"].sent == first
    assert reader.of_job(JID)["m2"].sent is None


async def test_what_has_returned_waits_no_more_though_nobody_noted_it(store, reader):
    await store.jobs.record_job(LOAD, ["m1", "m2"], waits=Waits(until=9e9))
    await store.jobs.record_return(JID, "m1", BODY)
    assert told(await store.queue.waiting()) == told(reader.waiting()) == [(JID, "m2", True)]
    assert list(reader.of_job(JID)) == ["m2"]


async def test_how_it_ended_is_kept_with_the_reason_until_a_return_comes_all_the_same(store, reader):
    await store.jobs.record_job(LOAD, ["m1", "m2"], waits=Waits(until=9e9))
    await store.jobs.mark_settled(JID, {"m1": "waits", "m2": "waits"})
    await store.queue.end({JID: {"m1": "expired"}}, reasons={JID: {"m1": "it was not back"}})
    assert told(await store.queue.waiting()) == [(JID, "m2", True)]
    assert reader.of_job(JID)["m1"].how == "expired"
    assert (await store.jobs.entry(JID)).missing == {"m1": "it was not back", "m2": "waits"}
    await store.jobs.record_return(JID, "m1", BODY)
    assert (await store.jobs.entry(JID)).missing == {"m2": "waits"}


async def test_whoever_follows_the_job_later_does_not_lose_the_reason(store):
    await store.jobs.record_job(LOAD, ["m1", "m2", "m3"], waits=Waits(until=9e9))
    await store.queue.end({JID: {"m1": "expired"}}, reasons={JID: {"m1": "it was not back"}})
    await store.queue.end({JID: {"m3": RETURNED}}, reasons={})
    await store.jobs.mark_settled(JID, {"m1": "no response", "m2": "no response", "m3": "no response"})
    missing = (await store.jobs.entry(JID)).missing
    assert missing == {"m1": "it was not back", "m2": "no response", "m3": "no response"}


async def test_a_job_is_kept_while_it_waits_and_as_long_as_others_from_then_on(store):
    await store.jobs.record_job(LOAD, ["m1"], waits=Waits(until=9e9))
    assert await store.jobs.expire(5e9) == 0
    await store.queue.end({JID: {"m1": RETURNED}}, reasons={})
    assert await store.jobs.expire(1.0) == 0
    assert await store.jobs.load(JID) == LOAD
    while await store.jobs.expire(5e9, limit=1):
        pass
    assert await store.jobs.load(JID) is None


async def test_a_batch_lines_up_further_minions_and_says_who_waits(store, reader):
    await store.jobs.record_job(LOAD, ["m1", "m2", "m3"])
    held, free = Pace(batch=JID, size=2, wait=1.0, failhard=True, held=True), Pace(batch=JID, size=2)
    waiting = await store.queue.put({JID: {"m1": False, "m2": False}}, until=9e9, pace=held)
    assert [(row.id, row.sent, row.pace) for row in waiting] == [("m1", None, held), ("m2", None, held)]
    await store.queue.end({JID: {"m2": "cancelled"}}, reasons={})
    waiting = await store.queue.put({JID: {"m1": True, "m2": False, "m3": True}}, until=8e9, pace=free)
    assert [(row.id, row.sent is not None, row.until, row.pace) for row in waiting] == [
        ("m1", False, 9e9, free),
        ("m3", True, 8e9, free),
    ]
    assert reader.of_job(JID)["m2"].how == "cancelled"
    await store.jobs.record_return(JID, "m1", BODY)
    assert [row.id for row in await store.queue.put({JID: {}}, until=8e9, pace=free)] == ["m3"]
