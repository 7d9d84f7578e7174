"""The link finds its master: by name, at a new address, or the next of several."""

import pytest
import structlog
import trio

from tests.minion.link.steps import an_hour, events, until_accepted
from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, FailBack, MasterDoubted
from trisalt.errors import MasterNotFound
from trisalt.transport.publish import Notice


async def test_a_silent_master_is_tried_again_for_ever(patient_clock, open_link, master):
    master.mode = "silent"
    bus = Bus()
    with structlog.testing.capture_logs() as logs:
        async with bus.subscribe(Connected, keep=True) as connected, open_link(bus):
            await trio.sleep(100)
            master.mode = "accept"
            await connected.receive()
    assert events(logs).count("master.unreachable") == 2
    assert events(logs).count("master.timeout") == 20


async def test_a_name_that_does_not_resolve_is_looked_up_again(patient_clock, open_link, master):
    master.unknown_hosts.extend("ab")
    logs, seconds = await until_accepted(open_link, master)
    assert seconds == 60
    assert [line["wait_s"] for line in logs if line["event"] == "master.unresolved"] == [30, 30]


async def test_names_that_nobody_answers_for_an_hour_are_answered_within_half_a_minute(
    patient_clock, open_link, master
):
    bus = Bus()
    async with bus.subscribe(Connected, keep=True) as connected:
        master.unknown_hosts.extend(range(1000))
        async with open_link(bus):
            await an_hour(patient_clock)
            master.unknown_hosts.clear()
            with trio.fail_after(31):
                await connected.receive()


async def test_a_master_that_moved_while_it_was_silent_is_found_by_its_name(patient_clock, linked, master):
    async with linked() as (_bus, jobs, logs):
        master.notice(Notice.DISCONNECTED)
        await trio.sleep(100)
        master.addresses["salt"] = ["192.0.2.77"]
        began = trio.current_time()
        master.greeting = master.job()
        await jobs.receive()
        assert trio.current_time() - began <= 15
        assert master.dialled[-2:] == ["tcp://192.0.2.77:4506", "tcp://192.0.2.77:4505"]
    assert events(logs).count("master.moved") == 1


async def test_a_name_server_that_fails_does_not_hang_up(patient_clock, linked, master):
    async with linked() as (_bus, jobs, _logs):
        master.notice(Notice.DISCONNECTED)
        master.unknown_hosts.extend(range(1000))
        await an_hour(patient_clock)
        master.notice(Notice.CONNECTED)
        master.publish()
        await jobs.receive()
    assert len(master.subscribers) == 1


async def test_a_name_with_other_addresses_is_no_reason_to_move_while_the_master_speaks(patient_clock, linked, master):
    async with linked():
        master.addresses["salt"] = ["192.0.2.77"]
        await an_hour(patient_clock)
    assert len(master.subscribers) == 1


async def test_of_several_addresses_the_next_is_tried_when_one_does_not_answer(patient_clock, open_link, master):
    master.addresses["salt"] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    master.mode = "silent"
    async with open_link():
        await trio.sleep(100)
        master.mode = "accept"
        await trio.sleep(10)
    assert master.dialled == [
        f"tcp://192.0.2.{last}:{port}" for last, port in ((1, 4506), (2, 4506), (3, 4506), (3, 4505))
    ]


# -- several masters, one at a time --------------------------------------------------------------------------------


async def test_a_failover_link_asks_each_master_once_and_rests_when_all_were_asked(patient_clock, open_link, master):
    master.mode = "silent"
    with structlog.testing.capture_logs() as logs:
        async with open_link(hosts=("a", "b"), sign_in={"acceptance_wait_time": 30}):
            await trio.sleep(44)
    assert master.dials() == ["a", "b", "a"]
    assert master.auths == 3
    assert events(logs).count("master.none") == 1


async def test_a_name_that_nobody_answers_is_no_reason_to_wait_for_the_next_master(patient_clock, open_link, master):
    master.unknown_hosts.append("a")
    _logs, seconds = await until_accepted(open_link, master, hosts=("a", "b"))
    assert seconds == 0
    assert master.dials() == ["b"]


@pytest.mark.parametrize("mode", ["full", "garbage", "forged"])
async def test_a_failover_link_goes_on_from_a_master_that_does_not_take_it(patient_clock, open_link, master, mode):
    master.mode = mode
    async with open_link(hosts=("a", "b")):
        await trio.sleep(1)
        master.mode = "accept"
        await trio.sleep(12)
    assert master.dials()[:2] == ["a", "b"]


async def test_a_new_minion_waits_where_its_key_is_pending(patient_clock, open_link, master):
    master.mode = "pending"
    async with open_link(hosts=("a", "b")):
        await trio.sleep(100)
    assert master.dials() == ["a"]


async def test_a_minion_that_one_master_knows_does_not_wait_where_its_key_is_pending(patient_clock, failover, master):
    async with failover(("a", "b", "c")) as (_bus, said):
        master.pending = {"b"}
        master.gone = {"a"}
        master.notice(Notice.DISCONNECTED)
        assert await said() == "lost a"
        assert await said() == "c"


async def test_a_minion_that_one_master_knows_goes_on_from_one_that_rejects_it(patient_clock, failover, master):
    async with failover(("a", "b", "c")) as (_bus, said):
        master.rejecting = {"b"}
        master.gone = {"a"}
        master.notice(Notice.DISCONNECTED)
        assert [await said(), await said()] == ["lost a", "c"]


async def test_a_master_that_fell_silent_is_left_within_seconds(patient_clock, failover, master):
    async with failover(("a", "b")) as (_bus, said):
        began = trio.current_time()
        master.gone = {"a"}
        master.notice(Notice.DISCONNECTED)
        assert [await said(), await said()] == ["lost a", "b"]
        assert trio.current_time() - began < 6


async def test_a_master_that_only_blinked_is_kept(patient_clock, failover, master):
    async with failover(("a", "b")) as (_bus, said):
        master.notice(Notice.DISCONNECTED)
        assert await said() == "lost a"
        await trio.sleep(15)
        master.notice(Notice.CONNECTED)
        assert await said() == "a"
    assert master.dials() == ["a"]


async def test_a_master_that_answered_once_more_and_went_then_is_left(patient_clock, failover, master):
    async with failover(("a", "b")) as (_bus, said):
        master.notice(Notice.DISCONNECTED)
        assert await said() == "lost a"
        await trio.sleep(5)
        master.gone = {"a"}
        began = trio.current_time()
        assert await said() == "b"
        assert trio.current_time() - began < 16


async def test_a_master_that_lets_us_in_and_is_not_heard_is_left(patient_clock, failover, master):
    async with failover(("a", "b")) as (_bus, said):
        master.notice(Notice.DISCONNECTED)
        assert await said() == "lost a"
        began = trio.current_time()
        assert await said() == "b"
        assert trio.current_time() - began < 35


async def test_a_master_that_somebody_doubts_is_asked_and_left_when_it_is_gone(patient_clock, failover, master):
    async with failover(("a", "b")) as (bus, said):
        await bus.publish(MasterDoubted(master="a"))
        await trio.sleep(20)
        assert master.dials(4505) == ["a"]
        master.gone = {"a"}
        await bus.publish(MasterDoubted(master="b"))
        await trio.sleep(20)
        assert master.dials(4505) == ["a"]
        await bus.publish(MasterDoubted(master="a"))
        assert [await said(), await said()] == ["lost a", "b"]


async def test_it_goes_back_to_the_first_master_when_that_takes_it(patient_clock, failover, master):
    async with failover(("a", "b")) as (bus, said):
        master.gone = {"a"}
        master.notice(Notice.DISCONNECTED)
        assert [await said(), await said()] == ["lost a", "b"]
        for word in ("a", "b", "c"):
            await bus.publish(FailBack(master=word))
        await trio.sleep(30)
        assert master.dials(4505) == ["a", "b"], "it is not left for a master that does not answer"
        master.gone = set()
        await bus.publish(FailBack(master="b"))
        await trio.sleep(30)
        assert master.dials(4505) == ["a", "b"], "it is the first that is gone back to"
        await bus.publish(FailBack(master="a:4506"))
        assert [await said(), await said()] == ["lost b", "a"]


async def test_a_name_is_looked_up_so_often_and_no_more(patient_clock, open_link, master):
    master.unknown_hosts.extend(range(100))
    began = trio.current_time()
    with pytest.RaisesGroup(MasterNotFound, flatten_subgroups=True):
        async with open_link(retry_dns_count=3, retry_dns=10):
            await trio.sleep(1000)
    assert trio.current_time() - began == 20
    assert len(master.unknown_hosts) == 97
