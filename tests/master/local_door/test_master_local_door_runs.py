"""The local door: batches and runs are told from their start to their result."""

import os

import trio
import trio.testing

from tests.master.local_door.house import JID, published, returned
from trisalt.bus.answers import BatchView
from trisalt.bus.events import (
    BatchLost,
    BatchSent,
    TaggedEvent,
)
from trisalt.bus.requests import BatchRequest, RunnerRequest, WheelRequest
from trisalt.errors import CommandError
from trisalt.master.local_door import PIECE_BYTES, caller_name
from trisalt.wire.codec import pack_bin
from trisalt.worker.protocol import Outcome, Packed

# -- batches ----------------------------------------------------------------------------------------------------------


def view(**more):
    fields = {"minions": ["m1", "m2"], "down": ["m3"], "jids": [JID], "lost": {}, "ended": False, "halted": None}
    return BatchView(jid=JID, **{**fields, **more})


BATCH = {"op": "batch", "tgt": "*", "fun": "test.ping", "arg": [], "size": "1"}


async def test_a_batch_is_told_as_it_goes_and_to_its_end(master):
    asked = await master.claim(BatchRequest, lambda request: published(["m1", "m2", "m3"]))
    async with master.caller() as caller:
        began = await caller.ask(**BATCH, wait=1.5, failhard=True, timeout=2, follow=True)
        assert began == {"published": {"jid": JID, "minions": ["m1", "m2", "m3"], "missing": []}}
        await master.bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
        assert await caller.next() == {"sent": ["m1"]}
        await master.bus.publish(returned("m1"))
        assert (await caller.next())["return"]["id"] == "m1"
        await master.bus.publish(BatchLost(batch=JID, lost={"m2": "asleep"}))
        assert await caller.next() == {"lost": {"m2": "asleep"}}
    (request,) = asked
    assert (request.size, request.wait, request.failhard, request.timeout) == ("1", 1.5, True, 2)
    assert request.user == caller_name(os.getuid())


async def test_a_batch_under_way_is_followed_from_its_first_return(master):
    master.batches[JID] = view(lost={"m2": "asleep"}, ended=True)
    master.jobs.kept = {"m1": {"return": True, "retcode": 0, "success": True}}
    async with master.caller() as caller:
        assert await caller.ask(op="follow_job", jid=JID) == {"batch": {"minions": ["m1", "m2"], "down": ["m3"]}}
        told = await caller.rest()
    assert [next(iter(frame)) for frame in told] == ["return", "lost", "settled"]
    assert told[-1] == {"settled": {"jid": JID, "missing": {"m2": "asleep"}, "halted": None}}


async def test_a_batch_of_a_size_that_is_none_is_refused(master):
    def refuse(request):
        raise CommandError("no size")

    await master.claim(BatchRequest, refuse)
    async with master.caller() as caller:
        assert (await caller.ask(**BATCH, follow=True))["error"]["message"] == "no size"
        assert await caller.next() is None


# -- runners and wheels -------------------------------------------------------------------------------------------


async def test_a_run_is_told_from_its_start_over_its_progress_to_its_result(master):
    async def answer(request):
        for percent in (1, 2):
            await master.bus.publish(TaggedEvent(name=f"salt/run/{request.jid}/progress", data={"percent": percent}))
        await master.bus.publish(TaggedEvent(name="salt/run/20260101000000000000/progress", data={"percent": 3}))
        return Outcome(result={"m1": 1}, out="highstate")

    asked = await master.claim(RunnerRequest, answer)
    async with master.caller() as caller:
        started = (await caller.ask(op="runner", fun="jobs.active", arg=[1], kwarg={"a": 2}))["started"]
        assert started["tag"] == f"salt/run/{started['jid']}"
        told = await caller.rest()
    assert [row["progress"]["percent"] for row in told[:-1]] == [1, 2]
    assert all(row["progress"]["_stamp"] for row in told[:-1])
    assert told[-1] == {"result": {"return": {"m1": 1}, "retcode": 0, "success": True, "out": "highstate"}}
    (request,) = asked
    assert (request.fun, request.arg, request.kwarg, request.jid) == ("jobs.active", [1], {"a": 2}, started["jid"])


async def test_a_large_result_comes_in_pieces_for_who_takes_them(master):
    data = pack_bin({str(number): "x" * 1000 for number in range(5000)})
    asked = await master.claim(RunnerRequest, lambda request: Outcome(result=Packed(data), out="nested"))
    async with master.caller() as caller:
        await caller.ask(op="runner", fun="jobs.list_jobs", pieces=True)
        *pieces, end = await caller.rest()
    assert len(pieces) == len(data) // PIECE_BYTES + 1
    assert b"".join(frame["piece"] for frame in pieces) == data
    assert end == {"result": {"return": None, "retcode": 0, "success": True, "out": "nested", "pieces": True}}
    for fields, packed in (({"pieces": True}, True), ({}, False), ({"pieces": True, "follow": False}, False)):
        async with master.caller() as caller:
            await caller.ask(op="runner", fun="jobs.active", **fields)
            await caller.rest()
        assert asked[-1].packed is packed


async def test_progress_comes_while_the_run_still_runs(master):
    go_on = trio.Event()

    async def answer(request):
        await master.bus.publish(TaggedEvent(name=f"salt/wheel/{request.jid}/progress", data={"percent": 1}))
        await go_on.wait()
        return Outcome(result=None)

    await master.claim(WheelRequest, answer)
    async with master.caller() as caller:
        assert (await caller.ask(op="wheel", fun="key.list_all"))["started"]["tag"].startswith("salt/wheel/")
        assert (await caller.next())["progress"]["percent"] == 1
        go_on.set()
        assert "result" in await caller.next()


async def test_a_run_that_nobody_follows_runs_on(master):
    done = trio.Event()
    go_on = trio.Event()

    async def answer(request):
        await go_on.wait()
        done.set()
        return Outcome(result=None)

    await master.claim(RunnerRequest, answer)
    async with master.caller() as caller:
        await caller.ask(op="runner", fun="jobs.active", follow=False)
        assert await caller.rest() == []
    go_on.set()
    with trio.fail_after(5):
        await done.wait()


async def test_runs_get_job_ids_of_their_own(master):
    asked = await master.claim(RunnerRequest, lambda request: Outcome(result=None))
    for _ in range(5):
        async with master.caller() as caller:
            await caller.ask(op="runner", fun="test.arg")
            await caller.rest()
    assert len({request.jid for request in asked}) == 5
