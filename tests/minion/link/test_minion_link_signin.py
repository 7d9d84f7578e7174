"""The link signs in: keys, patience, and who it does not trust. The master is in memory and speaks the real wire."""

import pytest
import structlog
import trio

from tests.minion.link.steps import events, until_accepted, until_accepted_later
from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, PillarRefresh
from trisalt.errors import Rejected
from trisalt.transport.publish import Notice


async def test_signs_in_pins_the_key_then_subscribes(patient_clock, open_link, master, identity):
    logs, _ = await until_accepted(open_link, master)
    assert identity.pinned().pem == master.key.public.pem
    assert master.dialled == ["tcp://192.0.2.1:4506", "tcp://192.0.2.1:4505"]
    assert {"event": "auth.successful", "master": "192.0.2.1", "log_level": "info"} in logs
    assert master.hellos[0].token is None


async def test_a_known_master_is_sent_a_token(patient_clock, open_link, master, identity):
    identity.pin(master.key.public.pem)
    await until_accepted(open_link, master)
    assert master.hellos[0].token is not None


async def test_waits_while_pending(patient_clock, open_link, master):
    master.mode = "pending"
    bus = Bus()
    with structlog.testing.capture_logs() as logs:
        async with bus.subscribe(Connected, keep=True) as connected, open_link(bus):
            began = trio.current_time()
            await trio.sleep(25)
            assert master.subscribers == []
            master.mode = "accept"
            await connected.receive()
            assert round(trio.current_time() - began) == 30
    assert [line["wait_s"] for line in logs if line["event"] == "auth.pending"] == [10, 10, 10]


@pytest.mark.parametrize(
    ("again", "configured", "least", "most"),
    [(2.0, 10, 1.5, 2.5), (0.01, 10, 0.7, 1.3), (2.0, 1, 1, 1), (60.0, 10, 10, 10)],
)
async def test_a_pending_minion_asks_sooner_where_the_master_has_time(
    patient_clock, open_link, master, again, configured, least, most
):
    master.mode, master.again = "pending", again
    with structlog.testing.capture_logs() as logs:
        async with open_link(sign_in={"acceptance_wait_time": configured}):
            await trio.sleep(25)
    told = [line for line in logs if line["event"] == "auth.pending"]
    waits = [line["wait_s"] for line in told]
    # The first request is stock's, and so is what comes of it.
    assert waits[0] == configured
    assert all(least <= wait <= most for wait in waits[1:])
    assert len(waits[1:]) >= 10 / most
    # Who looks at the log is told no oftener for that.
    assert sum(line["log_level"] == "error" for line in told) <= 1 + 25 / configured


async def test_the_wait_doubles_up_to_its_maximum(patient_clock, open_link, master):
    master.mode = "pending"
    with structlog.testing.capture_logs() as logs:
        async with open_link(sign_in={"acceptance_wait_time": 3, "acceptance_wait_time_max": 10}):
            await trio.sleep(40)
    assert [line["wait_s"] for line in logs if line["event"] == "auth.pending"] == [3, 6, 10, 10, 10, 10]


async def test_a_rejected_minion_stops(patient_clock, open_link, master):
    master.mode = "reject"
    with structlog.testing.capture_logs() as logs, pytest.RaisesGroup(Rejected, flatten_subgroups=True):
        async with open_link():
            await trio.sleep(100)
    assert [line["log_level"] for line in logs if line["event"] == "auth.rejected"] == ["critical"]
    assert master.auths == 1


async def test_a_rejected_minion_may_be_told_to_keep_trying(patient_clock, open_link, master):
    master.mode = "reject"
    with structlog.testing.capture_logs() as logs:
        async with open_link(sign_in={"rejected_retry": True}):
            await trio.sleep(25)
    assert master.auths == 3
    assert {line["event"] for line in logs if "reject" in line["event"]} == {"auth.rejected_for_now"}


async def test_a_link_that_is_rejected_beside_others_does_not_say_that_the_minion_ends(
    patient_clock, open_link, master
):
    master.mode = "reject"
    with structlog.testing.capture_logs() as logs, pytest.RaisesGroup(Rejected, flatten_subgroups=True):
        async with open_link() as (_bus, link):
            link.alone = lambda: False
            await trio.sleep(100)
    assert {line["event"] for line in logs if "reject" in line["event"]} == {"auth.rejected_by_one"}


@pytest.mark.parametrize("mode", ["forged", "garbage", "full"])
async def test_a_bad_answer_is_logged_pins_nothing_and_is_asked_again(patient_clock, open_link, master, identity, mode):
    master.mode = mode
    with structlog.testing.capture_logs() as logs:
        async with open_link():
            await trio.sleep(25)
    assert master.auths == 3
    assert identity.pinned() is None
    assert ("auth.full" if mode == "full" else "auth.failed") in events(logs)
    assert "auth.successful" not in events(logs)


async def test_another_master_key_is_critical_and_changes_nothing(patient_clock, open_link, master, identity, keys):
    identity.pin(keys[2].public.pem)
    with structlog.testing.capture_logs() as logs:
        async with open_link():
            await trio.sleep(25)
    assert identity.pinned().pem == keys[2].public.pem
    assert [line["log_level"] for line in logs if line["event"] == "auth.master_key_mismatch"] == ["critical"] * 3
    assert master.subscribers == []


async def test_a_master_key_that_was_removed_heals_without_a_restart(patient_clock, open_link, master, identity, keys):
    identity.pin(keys[2].public.pem)
    bus = Bus()
    async with bus.subscribe(Connected, keep=True) as connected, open_link(bus):
        await trio.sleep(5)
        identity.pinned_path.unlink()
        await connected.receive()
    assert identity.pinned().pem == master.key.public.pem


async def test_the_next_masters_pillar_is_asked_for(patient_clock, failover, master):
    async with failover(("a", "b")) as (bus, said), bus.subscribe(PillarRefresh, keep=True) as wishes:
        master.gone = {"a"}
        master.notice(Notice.DISCONNECTED)
        assert [await said(), await said()] == ["lost a", "b"]
        await wishes.receive()


async def test_after_so_many_tries_it_says_so_and_begins_anew(patient_clock, open_link, master):
    master.mode = "silent"
    options = {"sign_in": {"auth_tries": 1, "acceptance_wait_time": 50}, "master_tries": 2}
    logs, seconds = await until_accepted_later(open_link, master, 62, **options)
    assert events(logs).count("master.given_up") == 1
    assert seconds == 65


async def test_cancelled_while_pending_it_ends_at_once(patient_clock, open_link, master):
    master.mode = "pending"
    began = trio.current_time()
    async with open_link():
        await trio.sleep(5)
    assert trio.current_time() - began == 5
