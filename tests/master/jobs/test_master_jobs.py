"""Returns are stored, then told, then acknowledged."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.master.jobs.house import JID, give_back
from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    JobReturned,
    TaggedEvent,
)
from trisalt.bus.requests import (
    SyndicReturnRequest,
)
from trisalt.master.jobs import keep_jobs
from trisalt.store.sqlite import open_store


async def test_a_return_is_stored_then_told_then_acknowledged(house):
    house.store.jobs.door = trio.Event()
    acknowledged = []

    async def minion(id):
        assert await give_back(house.bus, id)
        acknowledged.append(id)

    async with house.bus.subscribe(JobReturned, keep=True, depth=1) as returns:
        house.nursery.start_soon(minion, "m1")
        await wait_all_tasks_blocked()
        assert not returns.is_full
        house.store.jobs.door.set()
        await wait_all_tasks_blocked()
        assert returns.is_full
        assert acknowledged == ["m1"]
        # A ledger that has no room holds the next one back, after it was stored.
        house.nursery.start_soon(minion, "m2")
        await wait_all_tasks_blocked()
        assert house.store.jobs.bodies.keys() == {(JID, "m1"), (JID, "m2")}
        assert acknowledged == ["m1"]
        await returns.receive()
        await wait_all_tasks_blocked()
        assert acknowledged == ["m1", "m2"]
    assert house.store.jobs.bodies[JID, "m1"] == {"return": True, "retcode": 0, "success": True}


async def test_a_return_of_several_functions_is_kept(house):
    funs = ["test.ping", "state.apply"]
    assert await give_back(house.bus, "m1", fun=funs, result={"test.ping": True, "state.apply": {}})
    assert house.store.jobs.bodies[JID, "m1"]["return"] == {"test.ping": True, "state.apply": {}}


async def test_what_could_not_be_stored_is_neither_told_nor_acknowledged(house):
    house.store.jobs.full = True
    assert not await give_back(house.bus, "m1")
    await wait_all_tasks_blocked()
    assert house.heard == []
    house.store.jobs.full = False
    await give_back(house.bus, "m1")
    await wait_all_tasks_blocked()
    assert len(house.told(JobReturned)) == 1


async def test_a_repeat_is_told_as_one_and_the_first_is_kept(house):
    await give_back(house.bus, "m1", result=1)
    await give_back(house.bus, "m1", result=1)
    await give_back(house.bus, "m1", result=2)
    await wait_all_tasks_blocked()
    assert [(event.result, event.first) for event in house.told(JobReturned)] == [(1, True), (1, False), (2, False)]
    assert house.store.jobs.bodies[JID, "m1"]["return"] == 1


async def test_a_job_of_the_minions_own_gets_a_jid(house):
    await give_back(house.bus, "m1", jid="req", fun="status.uptime", schedule="hourly", user="root", pid=5)
    await give_back(house.bus, "m1", jid="req", fun="status.uptime")
    await wait_all_tasks_blocked()
    first, second = house.told(JobReturned)
    assert len(first.jid) == 20
    assert first.jid < second.jid
    assert first.schedule == "hourly"
    assert first.pid == 5
    load, minions = house.store.jobs.jobs[first.jid]
    assert load["fun"] == "status.uptime"
    assert load["tgt"] == "m1"
    assert load["schedule"] == "hourly"
    assert minions == ["m1"]


@pytest.mark.parametrize(
    "jid", ["../../evil", "", "2026", JID + "/ret/m2", JID + "_../x", JID + "\n", JID + "_", JID + "_" + "9" * 99]
)
async def test_a_return_with_an_invalid_jid_is_answered_and_dropped(house, jid):
    assert await give_back(house.bus, "m1", jid=jid)
    await wait_all_tasks_blocked()
    assert house.heard == []
    assert house.store.jobs.bodies == {}


async def test_a_return_for_another_id_is_dropped(house):
    await give_back(house.bus, "m1", resource_id="m2")
    await house.bus.ask(SyndicReturnRequest(id="m1", load=[{"id": "m2", "jid": JID, "return": True}]))
    await wait_all_tasks_blocked()
    assert house.heard == []


async def test_a_job_that_wants_no_cache_is_only_told(house):
    await give_back(house.bus, "m1", jid="nocache")
    await wait_all_tasks_blocked()
    assert len(house.told(JobReturned)) == 1
    assert house.store.jobs.bodies == {}


async def test_fields_of_the_wrong_type_are_not_told(house):
    await give_back(house.bus, "m1", user=["root"], out={"x": 1}, metadata="no", pid="x", unknown=1, tgt=["m1"])
    await wait_all_tasks_blocked()
    (event,) = house.told(JobReturned)
    data = event.to_data()
    assert data["tgt"] == ["m1"]
    assert not {"user", "out", "metadata", "pid", "unknown"} & data.keys()


async def test_failed_states_are_told_one_by_one(house):
    result = {
        "test_|-a_|-a_|-nop": {"result": True, "comment": "", "changes": {}},
        "test_|-b_|-b_|-fail": {"result": False, "comment": "no", "changes": {}},
        "salt/run/1_|-b_|-b_|-ret": {"result": False, "comment": "forged"},
    }
    await give_back(house.bus, "m1", fun="state.sls", result=result, retcode=2)
    await give_back(house.bus, "m1", fun="state.sls", result=result, retcode=2)
    await wait_all_tasks_blocked()
    tags = [event.tag for event in house.told(TaggedEvent)]
    sub = f"salt/job/{JID}/sub/m1/error/state.sls"
    assert tags == ["test.fail", sub, sub]
    data = house.told(TaggedEvent)[1].data
    assert data["return"] == "Error: test.fail"
    assert data["retcode"] == 2
    assert data["success"] is False


# -- with the real store ---------------------------------------------------------------------------------------


async def test_with_the_real_store_every_acknowledged_return_is_there(nursery, tmp_path):
    bus = Bus()
    async with open_store(tmp_path / "trisalt.db") as store:
        await nursery.start(keep_jobs, bus, store)
        acknowledged = []

        async def minion(id):
            await give_back(bus, id, result={"id": id})
            acknowledged.append(id)

        with trio.fail_after(30):
            async with trio.open_nursery() as minions:
                for number in range(500):
                    minions.start_soon(minion, f"m{number}")
        assert len(acknowledged) == 500
        # Those that wait for the store share its transactions.
        assert store.statistics().transactions < 100
        returns = await store.jobs.returns(JID)
        assert {id: body["return"] for id, body in returns.items()} == {id: {"id": id} for id in acknowledged}
        nursery.cancel_scope.cancel()
