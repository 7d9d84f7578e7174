"""The link: sign in, listen, ask; again when needed. The master is in memory and speaks the real wire."""

import time
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected, FailBack, JobReceived, MasterDoubted, PillarRefresh
from trisalt.bus.requests import MasterRequest
from trisalt.errors import MasterNotFound, Rejected, RemoteProtocolError, RequestTimeout
from trisalt.transport.publish import Notice
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle, generate_key_string


def events(logs):
    return [line["event"] for line in logs]


async def first(bus, cls):
    async with bus.subscribe(cls, keep=True) as found:
        return await found.receive()


async def until_accepted(open_link, master, **options):
    """The log lines up to the link that stands, and the seconds it took."""
    bus = Bus()
    began = trio.current_time()
    with structlog.testing.capture_logs() as logs:
        async with bus.subscribe(Connected, keep=True) as connected, open_link(bus, **options):
            await connected.receive()
    return logs, round(trio.current_time() - began)


@pytest.fixture
def linked(open_link, master):
    """A link that stands, its jobs, and what it logged: `async with linked() as (bus, jobs, logs)`."""

    @asynccontextmanager
    async def opened(**options):
        bus = Bus()
        with structlog.testing.capture_logs() as logs:
            async with (
                bus.subscribe(Connected, keep=True) as connected,
                bus.subscribe(JobReceived, keep=True) as jobs,
                open_link(bus, **options),
            ):
                await connected.receive()
                yield bus, jobs, logs

    return opened


async def until_accepted_later(open_link, master, seconds, **options):
    """As `until_accepted`, of a master that answers after so many seconds."""
    async with trio.open_nursery() as nursery:

        async def answers():
            await trio.sleep(seconds)
            master.mode = "accept"

        nursery.start_soon(answers)
        return await until_accepted(open_link, master, **options)


# -- signing in ----------------------------------------------------------------------------------------------------


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
    waits = [line["wait_s"] for line in logs if line["event"] == "auth.pending"]
    # The first request is stock's, and so is what comes of it.
    assert waits[0] == configured
    assert all(least <= wait <= most for wait in waits[1:])
    assert len(waits[1:]) >= 10 / most


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


async def an_hour(clock):
    """In which nothing happens in threads, so that it need not last."""
    clock.autojump_threshold, patience = 0, clock.autojump_threshold
    await trio.sleep(3600)
    clock.autojump_threshold = patience


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


@pytest.fixture
def failover(open_link, master):
    """A link that goes from master to master, the first of which stands: `async with failover(("a", "b")) as (bus, said)`.

    `await said()` is the name of the master that stands now, or `lost` and the name of the one that is gone.
    """

    @asynccontextmanager
    async def opened(hosts, **options):
        bus = Bus()

        async def said():
            event = await words.receive()
            return event.master if isinstance(event, Connected) else f"lost {event.master}"

        async with bus.subscribe((Connected, Disconnected), keep=True) as words, open_link(bus, hosts=hosts, **options):
            assert await said() == hosts[0]
            yield bus, said

    return opened


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


async def test_a_name_is_looked_up_so_often_and_no_more(patient_clock, open_link, master):
    master.unknown_hosts.extend(range(100))
    began = trio.current_time()
    with pytest.RaisesGroup(MasterNotFound, flatten_subgroups=True):
        async with open_link(retry_dns_count=3, retry_dns=10):
            await trio.sleep(1000)
    assert trio.current_time() - began == 20
    assert len(master.unknown_hosts) == 97


async def test_cancelled_while_pending_it_ends_at_once(patient_clock, open_link, master):
    master.mode = "pending"
    began = trio.current_time()
    async with open_link():
        await trio.sleep(5)
    assert trio.current_time() - began == 5


# -- publications --------------------------------------------------------------------------------------------------


async def refused(jobs, logs):
    """Nothing came, and the log says why."""
    with trio.move_on_after(120) as scope:
        await jobs.receive()
    assert scope.cancelled_caught, "it was taken"
    return [line["reason"] for line in logs if line["event"] == "publication.refused"]


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


async def rotated(master, jobs):
    """A publication under the old key that was heard, after which there is a new key, and it was heard too."""
    master.publish()
    await jobs.receive()
    old = master.aes
    master.rotate()
    master.publish()
    await jobs.receive()
    return old


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


# -- requests ------------------------------------------------------------------------------------------------------


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
        master.publish()
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
