"""The link asks its master, and what comes of it when no answer does."""

import time

import pytest
import trio

from tests.minion.link.steps import an_hour, events
from trisalt.bus.requests import MasterRequest
from trisalt.errors import RemoteProtocolError, RequestTimeout
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle, generate_key_string
from trisalt.wire.session import pillar_digest


async def test_asks_and_opens_the_answer(patient_clock, linked, master):
    master.answers["_mine"] = True
    async with linked() as (bus, _jobs, _logs):
        assert await bus.ask(MasterRequest(load={"cmd": "_mine", "data": {"a": 1}})) is True
    assert master.loads[0]["data"] == {"a": 1}
    assert master.loads[0]["id"] == "m1"


async def test_a_private_pillar_is_opened(patient_clock, linked, master):
    master.answers["_pillar"] = {"secret": "word"}
    async with linked() as (bus, _jobs, _logs):
        assert await bus.ask(MasterRequest(load={"cmd": "_pillar"})) == {"secret": "word"}


@pytest.mark.parametrize("knows", [True, False])
async def test_a_pillar_that_is_the_same_need_not_come_again(patient_clock, linked, master, knows):
    master.knows = knows
    asked = [{"saltenv": "base"}, {"saltenv": "dev"}, {"saltenv": "base"}, {"saltenv": "base"}, {"saltenv": "dev"}]
    asked += [{"saltenv": "base", "pillar_override": {"a": 1}}]
    pillars = [{"secret": b"\xff", "n": 1}] * 3 + [{"secret": "other"}] * 3
    found = []
    async with linked() as (bus, _jobs, _logs):
        for load, pillar in zip(asked, pillars, strict=True):
            master.answers["_pillar"] = pillar
            found.append(await bus.ask(MasterRequest(load={"cmd": "_pillar", **load})))
    assert found == pillars
    told = [load.get("known") for load in master.loads]
    first = pillar_digest(pillars[0])
    assert told == [None, None, first, first, first, None]


async def test_a_files_bytes_survive(patient_clock, linked, master):
    master.answers["_serve_file"] = {"data": b"\xff\x00text", "dest": "a/b"}
    async with linked() as (bus, _jobs, _logs):
        got = await bus.ask(MasterRequest(load={"cmd": "_serve_file"}))
    assert got == {"data": b"\xff\x00text", "dest": "a/b"}


async def test_many_refused_requests_cost_one_sign_in(patient_clock, linked, master):
    master.answers["_mine"] = True
    master.latency = 0.1
    async with linked() as (bus, _jobs, _logs):
        master.session = Crypticle(generate_key_string())
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(bus.ask, MasterRequest(load={"cmd": "_mine"}))
    assert master.auths == 2
    assert len(master.loads) == 20


async def test_a_request_that_is_refused_after_a_new_sign_in_too_fails(patient_clock, linked, master):
    master.answers["_mine"] = codec.pack("bad load")
    async with linked() as (bus, _jobs, _logs):
        with pytest.raises(RemoteProtocolError):
            await bus.ask(MasterRequest(load={"cmd": "_mine"}))
    assert master.auths == 2


async def test_no_answer_is_tried_again_with_the_same_nonce_and_then_given_up(patient_clock, linked, master):
    master.silent.add("_mine")
    async with linked() as (bus, _jobs, logs):
        began = trio.current_time()
        with pytest.raises(RequestTimeout):
            await bus.ask(MasterRequest(load={"cmd": "_mine"}, timeout=7, tries=3))
        assert trio.current_time() - began == 21
    assert len(master.loads) == 3
    assert len(set(master.nonces)) == 1
    assert events(logs).count("master.timeout") == 3


async def test_each_question_has_a_nonce_of_its_own(patient_clock, linked, master):
    master.answers["_mine"] = True
    async with linked() as (bus, _jobs, _logs):
        for _ in range(3):
            await bus.ask(MasterRequest(load={"cmd": "_mine"}))
    assert len(set(master.nonces)) == 3


async def test_a_request_waits_for_the_sign_in(patient_clock, open_link, master):
    master.mode = "pending"
    master.answers["_mine"] = True
    async with open_link() as (bus, _link):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bus.ask, MasterRequest(load={"cmd": "_mine"}, timeout=60))
            await trio.sleep(15)
            assert master.loads == []
            master.mode = "accept"


async def test_an_asker_that_gives_up_does_not_spoil_the_next(patient_clock, linked, master):
    master.silent.add("_slow")
    master.answers["_mine"] = True
    async with linked() as (bus, _jobs, _logs):
        with trio.move_on_after(1):
            await bus.ask(MasterRequest(load={"cmd": "_slow"}))
        assert await bus.ask(MasterRequest(load={"cmd": "_mine"})) is True


async def test_a_load_that_cannot_be_packed_fails_where_it_was_asked(patient_clock, linked, master):
    async with linked() as (bus, _jobs, _logs):
        with pytest.raises(Exception, match=r"pack|wire|place"):
            await bus.ask(MasterRequest(load={"cmd": "_mine", "data": object()}))


@pytest.mark.parametrize("off", [-20 * 365 * 86400, 86400])
async def test_a_clock_that_is_off_is_no_reason_not_to_be_answered(patient_clock, linked, master, off):
    master.clock = lambda: time.time() + off + trio.current_time()
    master.answers["_mine"] = True
    async with linked() as (bus, jobs, _logs):
        await an_hour(patient_clock)
        assert await bus.ask(MasterRequest(load={"cmd": "_mine"})) is True
        master.publish(master.job(sent=master.clock()))
        assert abs((await jobs.receive()).now - master.clock()) < 10
    assert master.auths == 1


async def test_a_masters_clock_that_is_set_costs_one_sign_in(patient_clock, linked, master):
    master.clock = time.time
    master.answers["_mine"] = True
    async with linked() as (bus, _jobs, _logs):
        master.clock = lambda: time.time() + 86400
        for _ in range(3):
            assert await bus.ask(MasterRequest(load={"cmd": "_mine"})) is True
    assert master.auths == 2
