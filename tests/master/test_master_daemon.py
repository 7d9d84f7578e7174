"""`trisalt.master.daemon`, with `premises`, `services` and `doors`: start, stop and reload of a whole master, over real sockets."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import time

import pytest
import structlog
import trio
import yaml
import zmq

from tests.support.lab import free_ports
from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.event import Origin
from trisalt.bus.events import KeyChanged, TaggedEvent
from trisalt.bus.requests import MinionEventRequest, RotateRequest
from trisalt.config.read import read_master
from trisalt.errors import ConfigError
from trisalt.master import daemon, services
from trisalt.master.daemon import run_master
from trisalt.master.premises import Live
from trisalt.transport.publish import open_subscriber
from trisalt.transport.request import open_request_client
from trisalt.transport.zmq import open_context, open_socket
from trisalt.wire import codec, envelope
from trisalt.wire.envelope import EXCEPTION
from trisalt.wire.handshake import Accepted, MinionHandshake, Pending
from trisalt.wire.keys import PrivateKey, PublicKey
from trisalt.wire.session import open_publication, open_reply, seal_request
from trisalt.worker.zygote import start_zygote

# The lines an operator knows, in their order. Source: stock Salt.
LINES = [
    "master.setup",
    "master.root_key.prepared",
    "master.user",
    "master.rlimit_nofile",
    "web.skipped",
    "publisher.bound",
    "publisher.puller_bound",
    "request_server.bound",
    "worker.bound",
    "master.ready",
]


class House:
    """A master that runs in this process, and a minion's key."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.key = PrivateKey.generate(1024)
        self.ports = free_ports(2)
        self.options = {
            "root_dir": str(folder),
            "interface": "127.0.0.1",
            "publish_port": self.ports[0],
            "ret_port": self.ports[1],
            "id": "house_master",
            "keysize": 1024,
            **options,
        }
        self.write()

    def write(self, **options):
        self.options |= options
        (self.folder / "master").write_text(yaml.safe_dump(self.options))
        return read_master(self.folder)

    @property
    def config(self):
        return read_master(self.folder)

    def run(self, task_status=trio.TASK_STATUS_IGNORED):
        return run_master(self.config, start_zygote(), reread=lambda: read_master(self.folder), task_status=task_status)

    async def ask(self, payload):
        with trio.fail_after(10):
            async with open_request_client(f"tcp://127.0.0.1:{self.ports[1]}") as client:
                return await client.request(payload)

    async def sign_in(self, id="m1"):
        shake = MinionHandshake(
            id=id,
            key=self.key,
            master_pub=None,
            enc_algo="OAEP-SHA1",
            sig_algo="PKCS1v15-SHA1",
            nonce=os.urandom(16).hex(),
        )
        return shake.accept(await self.ask(shake.request()))

    def seal(self, load, accepted, id="m1"):
        nonce = os.urandom(16).hex()
        payload = seal_request(
            load,
            id=id,
            session=accepted.session,
            key=self.key,
            nonce=nonce,
            now=time.time(),
            enc_algo="OAEP-SHA1",
            sig_algo="PKCS1v15-SHA1",
        )
        return payload, nonce

    async def publish(self, **load):
        key = (self.folder / "var/cache/salt/master/.root_key").read_text()
        job = {"cmd": "publish", "tgt": "*", "fun": "test.ping", "arg": [], "user": "root", "key": key, **load}
        return codec.unpack(await self.ask(envelope.pack_clear(job)))


@pytest.fixture
def house(tmp_path_factory):
    # Short: a socket's path has an end.
    return House(tmp_path_factory.mktemp("h"))


@pytest.fixture
async def running(house, nursery):
    await nursery.start(house.run)
    return house


async def test_a_master_starts_in_the_order_an_operator_knows_and_stops_without_a_trace(house, nursery):
    with structlog.testing.capture_logs() as log, trio.fail_after(30):
        async with trio.open_nursery() as nest:
            await nest.start(house.run)
            run = house.folder / "var/run/salt/master"
            assert {path.name for path in run.iterdir()} == {
                "master.sock",
                "master_event_pub.ipc",
                "master_event_pull.ipc",
                "publish_pull.ipc",
                "workers.ipc",
            }
            assert codec.unpack(await house.ask(envelope.pack_clear({"cmd": "ping"}))) == {"cmd": "ping"}
            os.kill(os.getpid(), signal.SIGTERM)
    events = [row["event"] for row in log]
    assert [event for event in events if event in LINES] == LINES
    assert events[-2:] == ["master.signal", "master.stopped"]
    assert list(run.iterdir()) == []
    assert (house.folder / "var/cache/salt/master/.root_key").stat().st_mode & 0o777 == 0o600
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", house.ports[1]))


async def test_a_minion_signs_in_hears_a_job_and_returns_it(running):
    assert isinstance(await running.sign_in(), Pending)
    os.rename(running.folder / "etc/salt/pki/master/minions_pre/m1", running.folder / "etc/salt/pki/master/minions/m1")
    accepted = await running.sign_in()
    assert isinstance(accepted, Accepted)
    with trio.fail_after(10):
        async with open_subscriber(f"tcp://127.0.0.1:{accepted.publish_port}") as jobs:
            await jobs.wait_connected()
            published, received = {}, None
            while received is None:
                # A subscription tells nobody when it has arrived.
                load = (await running.publish())["load"]
                published[load["jid"]] = load["minions"]
                with trio.move_on_after(1):
                    received = await jobs.receive()
            job = open_publication(
                received, crypticle=accepted.aes, master_pub=PublicKey.from_pem(accepted.master_pub_pem)
            )
    assert published[job["jid"]] == ["m1"]
    ret = {"cmd": "_return", "jid": job["jid"], "fun": "test.ping", "fun_args": [], "return": True, "success": True}
    payload, nonce = running.seal({**ret, "retcode": 0}, accepted)
    reply = await running.ask(payload)
    assert open_reply(reply, session=accepted.session, nonce=nonce) is None


@pytest.fixture
def slow_events(monkeypatch):
    """The claimant of `_minion_event` answers when it is let."""
    inside, let = trio.Event(), trio.Event()

    async def slow(bus, *, task_status, **_kwargs):
        async with bus.claim(MinionEventRequest) as requests:
            task_status.started()
            _request, reply = await requests.receive()
            inside.set()
            await let.wait()
            reply.send(None)
            await trio.sleep_forever()

    monkeypatch.setattr(services, "relay_minion_events", slow)
    return inside, let


@pytest.mark.parametrize("finishes", [True, False])
async def test_those_inside_may_finish_and_a_second_signal_skips_the_waiting(house, slow_events, finishes):
    inside, let = slow_events
    house.write(auto_accept=True)
    answers = []

    async def one(accepted):
        payload, nonce = house.seal({"cmd": "_minion_event", "tag": "t", "data": {}}, accepted)
        # As a stock peer asks: it waits for the answer, whatever becomes of the connection after it.
        async with open_context() as context:
            with open_socket(context, zmq.DEALER, {zmq.LINGER: 0}) as sock:
                sock.connect(f"tcp://127.0.0.1:{house.ports[1]}")
                await sock.send((b"", payload))
                reply = (await sock.receive())[-1]
        answers.append(
            codec.unpack(reply) if not finishes else open_reply(reply, session=accepted.session, nonce=nonce)
        )

    with trio.fail_after(30) as patience:
        async with trio.open_nursery() as clients:
            async with trio.open_nursery() as nest:
                await nest.start(house.run)
                clients.start_soon(one, await house.sign_in())
                await inside.wait()
                patience.deadline = trio.current_time() + 4  # less than the grace
                os.kill(os.getpid(), signal.SIGTERM)
                await trio.sleep(0.2)  # the port is closed by now
                assert answers == []
                if finishes:
                    let.set()
                else:
                    os.kill(os.getpid(), signal.SIGINT)
    assert answers == [None if finishes else EXCEPTION]


async def test_a_port_in_use_is_the_operators_to_know(house):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", house.ports[1]))
        sock.listen()
        with pytest.raises(ExceptionGroup) as caught, trio.fail_after(20):
            await house.run()
    assert caught.group_contains(ConfigError, match=str(house.ports[1]))


async def test_a_hangup_reads_the_configuration_again_and_says_what_took_effect(running):
    assert isinstance(await running.sign_in("m1"), Pending)
    running.write(auto_accept=True, worker_threads=9, nodegroups={"all": "*"}, publisher_acl={"daemon": ["test.*"]})
    with structlog.testing.capture_logs() as log, trio.fail_after(10):
        os.kill(os.getpid(), signal.SIGHUP)
        while not any(row["event"] == "config.reloaded" for row in log):  # noqa: ASYNC110 - a signal tells nobody
            await trio.sleep(0.01)
        assert isinstance(await running.sign_in("m1"), Accepted)
        assert (await running.publish(tgt="all", tgt_type="nodegroup"))["load"]["minions"] == ["m1"]
        (running.folder / "master").write_text("a: [")
        os.kill(os.getpid(), signal.SIGHUP)
        while not any(row["event"] == "config.not_reloaded" for row in log):  # noqa: ASYNC110 - as above
            await trio.sleep(0.01)
    row = next(row for row in log if row["event"] == "config.reloaded")
    assert row["taken"] == ["auto_accept", "nodegroups", "publisher_acl"]
    assert (running.folder / "var/cache/salt/master/.daemon_key").stat().st_uid == pwd.getpwnam("daemon").pw_uid
    assert row["at_restart"] == ["worker_threads"]
    assert codec.unpack(await running.ask(envelope.pack_clear({"cmd": "ping"}))) == {"cmd": "ping"}


async def test_a_hangup_that_cannot_write_somebodys_key_says_so_and_takes_the_rest(running):
    # Nothing can be renamed over a folder.
    (running.folder / "var/cache/salt/master/.daemon_key").mkdir()
    running.write(auto_accept=True, publisher_acl={"daemon": ["test.*"]})
    with structlog.testing.capture_logs() as log, trio.fail_after(10):
        os.kill(os.getpid(), signal.SIGHUP)
        while not any(row["event"] == "config.reloaded" for row in log):  # noqa: ASYNC110 - a signal tells nobody
            await trio.sleep(0.01)
        assert isinstance(await running.sign_in("m1"), Accepted)
    (row,) = (row for row in log if row["event"] == "config.keys_not_handed_out")
    assert ".daemon_key cannot be written: Is a directory" in row["reason"]


def test_what_is_taken_stays_in_one_object():
    opts = {"auto_accept": False, "worker_threads": 5, "gone": 1}
    live = Live(opts)
    assert live.reload({"auto_accept": True, "worker_threads": 6}) == (["auto_accept"], ["gone", "worker_threads"])
    assert not live.acl.judge_publish(Caller(name="bob"), "test.ping", [])
    live.reload({"publisher_acl": {"bob": ["test.*"]}})
    assert live.acl.judge_publish(Caller(name="bob"), "test.ping", [])
    live.reload({"auto_accept": True})
    assert not live.acl.judge_publish(Caller(name="bob"), "test.ping", [])
    assert (live.context.opts is opts, live.context.version) == (True, 3)
    assert (live.opts is opts, live.keys.auto_accept, opts["worker_threads"], live.version) == (True, True, 5, 3)


@pytest.mark.parametrize("rule", [True, False])
async def test_events_of_stocks_tools_are_told_and_a_key_that_went_makes_another_shared_key(rule):
    bus, rotated = Bus(), []

    async def rotate(request):
        rotated.append(request.ids)

    with bus.answering({RotateRequest: rotate}):
        async with bus.subscribe((TaggedEvent, KeyChanged), keep=False) as events:
            for tag, data in (
                ("my/tag", {"a": 1}),
                ("salt/key", {"act": "delete", "id": "m1", "result": True}),
                ("salt/key", {"act": "accepted", "id": "m2", "result": True}),
                ("salt/key", {"act": 5}),
            ):
                await daemon._fire(bus, Origin("user", "root"), lambda: rule, tag, data)
            first, second, third, fourth = await events.receive_all()
    assert (first.tag, first.data) == ("my/tag", {"a": 1})
    assert (type(second), second.act, second.id) == (KeyChanged, "delete", "m1")
    assert (type(third), third.act) == (KeyChanged, "accepted")
    assert (type(fourth), fourth.tag) == (TaggedEvent, "salt/key")
    assert rotated == ([["m1"]] if rule else [])


async def test_essential_services_end_the_master(house, monkeypatch):
    async def broken(_bus, *_args, task_status, **_kwargs):
        task_status.started()
        await trio.lowlevel.checkpoint()
        raise OSError("the disk is gone")

    monkeypatch.setattr(services, "keep_jobs", broken)
    with pytest.raises(ExceptionGroup) as caught, trio.fail_after(20):
        await house.run()
    assert caught.group_contains(OSError, match="the disk is gone")
