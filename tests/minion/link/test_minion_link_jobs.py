"""The link hears publications: what becomes a job, what is refused, and keys that change meanwhile."""

import time

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.minion.link.steps import events, refused, rotated
from trisalt.bus.events import Connected, Disconnected
from trisalt.transport.publish import Notice
from trisalt.wire import codec


async def test_a_publication_becomes_a_job(patient_clock, linked, master):
    async with linked() as (_bus, jobs, _logs):
        master.publish(master.job("test.ping", jid="20261122124000000007"))
        event = await jobs.receive()
    assert event.load["jid"] == "20261122124000000007"
    assert event.load["fun"] == "test.ping"
    assert "serial" not in event.load
    assert event.master == "salt"


async def test_an_unsigned_publication_is_refused(patient_clock, linked, master):
    async with linked() as (_bus, jobs, logs):
        master.publish(key=None)
        assert await refused(jobs, logs) == ["the publication is not signed"]


async def test_an_unsigned_publication_is_taken_when_configured(patient_clock, linked, master):
    async with linked(require_signature=False) as (_bus, jobs, _logs):
        master.publish(key=None)
        await jobs.receive()


async def test_a_publication_that_another_key_signed_is_refused(patient_clock, linked, master, keys):
    async with linked(require_signature=False) as (_bus, jobs, logs):
        master.publish(key=keys[2])
        assert await refused(jobs, logs) == ["the publication's signature did not validate"]
        assert master.auths == 1


async def test_a_replayed_publication_is_refused(patient_clock, linked, master):
    async with linked() as (_bus, jobs, logs):
        payload = master.publish()
        await jobs.receive()
        master.subscribers[-1].send.send_nowait(payload)
        assert "serial" in (await refused(jobs, logs))[0]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x80",
        codec.pack([1]),
        codec.pack({"enc": "aes"}),
        codec.pack({"enc": "aes", "load": 7, "sig": 3}),
    ],
)
async def test_garbage_is_refused_and_it_goes_on(patient_clock, linked, master, payload):
    async with linked() as (_bus, jobs, logs):
        master.subscribers[-1].send.send_nowait(payload)
        master.publish()
        await jobs.receive()
    assert "publication.refused" in events(logs)
    assert master.auths == 1


async def test_a_rotated_key_is_asked_for_once_and_the_same_bytes_are_read_again(patient_clock, linked, master):
    async with linked() as (_bus, jobs, _logs):
        master.publish()
        await jobs.receive()
        master.rotate()
        began = trio.current_time()
        for number in range(5):
            master.publish(master.job(jid=f"2026112212410000000{number}"))
        got = [(await jobs.receive()).load["jid"][-1] for _ in range(5)]
        assert trio.current_time() - began <= 1.0
    assert got == list("01234")
    assert master.auths == 2


async def test_a_job_is_no_recording_because_the_masters_clock_was_set_back(patient_clock, linked, master):
    master.clock = lambda: time.time() + 86400
    async with linked() as (_bus, jobs, _logs):
        master.clock = time.time
        for _ in range(3):
            master.publish(master.job(sent=master.clock()))
            assert abs((await jobs.receive()).now - master.clock()) < 10
        assert master.auths == 2


async def test_a_recording_of_yesterday_costs_one_sign_in_and_then_more_and_more_patience(
    patient_clock, linked, master
):
    master.clock = time.time
    async with linked() as (_bus, jobs, _logs):
        for _ in range(20):
            master.publish(master.job(sent=time.time() - 86400))
        assert abs((await jobs.receive()).now - time.time()) < 10
        assert master.auths == 2
        await trio.sleep(60)
        assert master.auths < 10


async def test_a_recording_from_an_older_key_costs_one_sign_in_and_then_more_and_more_patience(
    patient_clock, linked, master
):
    async with linked() as (_bus, jobs, logs):
        old = master.publish()
        await jobs.receive()
        master.rotate()
        master.publish()
        await jobs.receive()
        assert master.auths == 2
        for _ in range(20):
            master.subscribers[-1].send.send_nowait(old)
        await trio.sleep(60)
        assert master.auths < 10
        master.publish()
        await jobs.receive()
    assert "publication.refused" in events(logs)


async def test_a_new_publish_port_is_followed(patient_clock, linked, master):
    async with linked() as (_bus, jobs, _logs):
        master.rotate()
        master.port = 14505
        master.publish()
        await trio.sleep(2)
        assert master.dialled[-1] == "tcp://192.0.2.1:14505"
        master.publish()
        await jobs.receive()


async def test_a_lost_master_is_told_and_nobody_signs_in_again_only_because_it_is_back(patient_clock, linked, master):
    async with linked() as (bus, jobs, logs):
        async with bus.subscribe(Disconnected, keep=True) as lost, bus.subscribe(Connected, keep=True) as back:
            master.notice(Notice.DISCONNECTED)
            assert (await lost.receive()).master == "salt"
            await trio.sleep(100)
            master.notice(Notice.CONNECTED)
            await back.receive()
            master.publish()
            await jobs.receive()
            await trio.sleep(100)
            assert master.auths == 1
    assert [line for line in events(logs) if line in ("master.lost", "master.connected")] == [
        "master.lost",
        "master.connected",
    ]


async def test_a_job_right_after_the_masters_restart_does_not_wait_for_the_spread(patient_clock, linked, master):
    async with linked(random_reauth_delay=1000) as (_bus, jobs, _logs):
        master.notice(Notice.DISCONNECTED)
        master.notice(Notice.CONNECTED)
        await wait_all_tasks_blocked()
        master.rotate()
        began = trio.current_time()
        master.publish()
        await jobs.receive()
        assert trio.current_time() - began <= 100
        assert master.auths == 2


async def test_what_went_out_before_the_rotation_is_read_when_it_comes_after_it(patient_clock, linked, master):
    async with linked() as (_bus, jobs, _logs):
        old = await rotated(master, jobs)
        for serial in (2, 3):
            master.publish(master.job(jid=f"2026112212410000000{serial}"), crypticle=old, serial=serial)
            assert (await jobs.receive()).load["jid"][-1] == str(serial)
        assert master.auths == 2


@pytest.mark.parametrize(
    ("seconds", "how"),
    [(0, {"serial": 1}), (0, {"key": None}), (61, {"serial": 9})],
    ids=["a recording", "unsigned", "too late"],
)
async def test_under_the_old_key_nothing_else_is_read(patient_clock, linked, master, seconds, how):
    async with linked(require_signature=False) as (_bus, jobs, logs):
        old = await rotated(master, jobs)
        await trio.sleep(seconds)
        master.publish(crypticle=old, **how)
        await trio.sleep(5)
        assert jobs.statistics().waiting == 0
    assert "publication.refused" in events(logs)
