"""The publish port over real sockets: topics, slow subscribers, restarts, dropped paths."""

import os
import subprocess
import sys
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import trio
import zmq
from trio.testing import wait_all_tasks_blocked

from tests.support.debian import need
from trisalt.errors import ConfigError
from trisalt.transport.publish import NOTICES, Notice, open_publisher, open_subscriber
from trisalt.transport.zmq import Heartbeat, open_context, open_socket

PATIENCE = 30
ANY = "tcp://127.0.0.1:0"


@pytest.fixture
async def context():
    async with open_context() as context:
        yield context


@asynccontextmanager
async def open_pub(context, address=ANY, **options):
    with trio.fail_after(PATIENCE):
        async with open_publisher(address, context=context, **options) as publisher:
            yield publisher


@asynccontextmanager
async def open_sub(context, publisher, **options):
    address = f"tcp://127.0.0.1:{publisher.port}"
    async with open_subscriber(address, context=context, reconnect=20, reconnect_max=50, **options) as subscriber:
        await listening(publisher, subscriber, *options.get("topics", ())[-1:])
        yield subscriber


async def listening(publisher, subscriber, *topic):
    """Wait until the publisher knows the subscription: until what it sends arrives."""
    await subscriber.wait_connected()
    while True:
        publisher.send(b"hello?", topic)
        with trio.move_on_after(0.05):
            await subscriber.receive_all()
            break
    with trio.move_on_after(0.05):
        while True:
            await subscriber.receive_all()


async def test_publications_arrive_in_order(context):
    async with open_pub(context) as publisher, open_sub(context, publisher) as subscriber:
        for n in range(500):
            publisher.send(b"%d" % n)
        got = []
        async for payload in subscriber:
            got.append(int(payload))
            if got[-1] == 499:
                break
        assert got == list(range(500))


async def test_what_receive_leaves_receive_all_gets(context):
    async with open_pub(context) as publisher, open_sub(context, publisher) as subscriber:
        for n in range(50):
            publisher.send(b"%d" % n)
        got = [await subscriber.receive()]
        while len(got) < 50:
            got += await subscriber.receive_all()
        assert got == [b"%d" % n for n in range(50)]


async def test_topics_choose_who_gets_a_copy(context):
    async with open_pub(context) as publisher:
        async with (
            open_sub(context, publisher, topics=(b"broadcast", b"hash-one")) as one,
            open_sub(context, publisher, topics=(b"broadcast", b"hash-two")) as two,
        ):
            publisher.send(b"for one", [b"hash-one"])
            publisher.send(b"for both", [b"hash-one", b"hash-two"])
            publisher.send(b"for all", [b"broadcast"])
            assert [await one.receive() for _ in range(3)] == [b"for one", b"for both", b"for all"]
            assert [await two.receive() for _ in range(2)] == [b"for both", b"for all"]


async def test_a_plain_subscriber_of_a_filtering_publisher_gets_the_payload_alone(context):
    async with open_pub(context) as publisher, open_sub(context, publisher) as subscriber:
        publisher.send(b"payload", [b"broadcast"])
        assert await subscriber.receive() == b"payload"


async def test_a_publication_of_too_many_frames_is_dropped(context):
    with trio.fail_after(PATIENCE), open_socket(context, zmq.XPUB) as xpub:
        port = xpub.bind(ANY)
        async with open_subscriber(f"tcp://127.0.0.1:{port}", context=context) as subscriber:
            assert await xpub.receive() == [b"\1"]
            await xpub.send([b"one", b"two", b"three"])
            await xpub.send([b"good"])
            assert await subscriber.receive() == b"good"


async def test_a_slow_subscriber_loses_and_the_publisher_never_waits(context):
    async with open_pub(context, hwm=10) as publisher, open_sub(context, publisher, hwm=10) as subscriber:
        payload = b"x" * 100_000
        for n in range(2000):
            publisher.send(b"%d " % n + payload)
        first = await subscriber.receive()
        assert first.startswith(b"0 ")
        got = 1
        with trio.move_on_after(0.5):
            while True:
                await subscriber.receive()
                got += 1
        assert got < 2000


async def test_a_cancelled_receive_loses_nothing(context):
    async with open_pub(context) as publisher, open_sub(context, publisher) as subscriber:
        got = []
        for n in range(200):
            publisher.send(b"%d" % n)
            with trio.move_on_after(0.0003):
                got.append(int(await subscriber.receive()))
        while len(got) < 200:
            got += map(int, await subscriber.receive_all())
        assert got == list(range(200))


async def test_a_restart_of_the_publisher_is_noticed_and_survived(context):
    async with trio.open_nursery() as nursery:
        async with open_pub(context) as publisher:
            port = publisher.port
            subscriber = await nursery.start(_subscribe, context, publisher)
            assert subscriber.connected
            assert await subscriber.notices.receive() is Notice.CONNECTED
        with trio.fail_after(PATIENCE):
            assert await subscriber.notices.receive() is Notice.DISCONNECTED
            assert not subscriber.connected
            async with open_pub_again(context, f"tcp://127.0.0.1:{port}") as publisher:
                assert await subscriber.notices.receive() is Notice.CONNECTED
                await listening(publisher, subscriber)
                publisher.send(b"again")
                assert await subscriber.receive() == b"again"
        nursery.cancel_scope.cancel()


async def _subscribe(context, publisher, *, task_status):
    async with open_sub(context, publisher) as subscriber:
        task_status.started(subscriber)
        await trio.sleep_forever()


@asynccontextmanager
async def open_pub_again(context, address):
    while True:
        try:
            async with open_pub(context, address) as publisher:
                yield publisher
                return
        except ConfigError:
            await trio.sleep(0.005)


async def test_unread_notices_are_shed_and_the_state_stays_true(context):
    async with open_pub(context) as publisher:
        address = f"tcp://127.0.0.1:{publisher.port}"
    with trio.fail_after(PATIENCE):
        async with open_subscriber(address, context=context, reconnect=1, reconnect_max=1) as subscriber:
            for _ in range(NOTICES):
                async with open_pub_again(context, address):
                    await subscriber.wait_connected()
                while subscriber.connected:  # noqa: ASYNC110 (the sockets' doing)
                    await trio.sleep(0.001)
            async with open_pub_again(context, address):
                await subscriber.wait_connected()
                notices = []
                with trio.move_on_after(0.05):
                    async for notice in subscriber.notices:
                        notices.append(notice)
            assert len(notices) <= NOTICES
            assert notices[-1] is Notice.CONNECTED
            assert all(a is not b for a, b in pairwise(notices))


async def test_a_silently_dropped_path_is_noticed_within_the_heartbeat(context):
    """A relay that stops relaying but keeps its connections open: nothing but heartbeats can tell."""
    async with open_pub(context) as publisher, trio.open_nursery() as nursery:
        dropped = trio.Event()
        listeners = await nursery.start(trio.serve_tcp, _relay(publisher.port, dropped), 0)
        port = listeners[0].socket.getsockname()[1]
        async with open_subscriber(
            f"tcp://127.0.0.1:{port}",
            context=context,
            reconnect=20,
            heartbeat=Heartbeat(interval=100, timeout=200),
        ) as subscriber:
            assert await subscriber.notices.receive() is Notice.CONNECTED
            began = trio.current_time()
            dropped.set()
            assert await subscriber.notices.receive() is Notice.DISCONNECTED
            assert trio.current_time() - began < 5
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("meanwhile", ["nothing", "published"])
def test_a_subscriber_whose_network_fell_silent_is_let_go_by_the_kernel_s_probes(meanwhile):
    if os.geteuid() != 0:
        pytest.skip("a network of its own needs root")
    need("iproute2", "util-linux")
    script = Path(__file__).with_name("lost_subscriber.py")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, str(script), meanwhile],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 1 < float(done.stdout) < 10


def _relay(port, dropped):
    async def serve(client):
        async def pump(source, sink):
            async for data in source:
                if dropped.is_set():
                    await trio.sleep_forever()
                await sink.send_all(data)

        server = await trio.open_tcp_stream("127.0.0.1", port)
        async with client, server, trio.open_nursery() as nursery:
            nursery.start_soon(pump, client, server)
            nursery.start_soon(pump, server, client)

    return serve


@pytest.mark.parametrize("published", [(), (b"one", b"two")], ids=["nothing", "meanwhile"])
async def test_subscribers_that_come_and_go_are_let_go_whatever_is_published(context, published):
    """The publisher's socket does its inner work by itself: what connections leave behind is taken away."""
    async with open_pub(context) as publisher:
        for _ in range(20):
            async with open_subscriber(f"tcp://127.0.0.1:{publisher.port}", context=context) as subscriber:
                await subscriber.wait_connected()
                for payload in published:
                    publisher.send(payload)
        # Commands that nobody processed would keep the FD readable; the task at the FD has taken them.
        await wait_all_tasks_blocked(0.1)
        poller = zmq.Poller()
        poller.register(publisher._socket._fd, zmq.POLLIN)
        assert not poller.poll(0)


async def test_it_is_told_where_subscribers_come_from_and_that_they_go(context):
    send, told = trio.open_memory_channel(10)
    async with open_pub(context, subscribed=lambda address, here: send.send_nowait((address, here))) as publisher:
        async with open_sub(context, publisher), open_sub(context, publisher):
            assert [await told.receive() for _ in range(2)] == [("127.0.0.1", True)] * 2
        assert [await told.receive() for _ in range(2)] == [("127.0.0.1", False)] * 2


async def test_a_port_in_use_is_a_config_error(context):
    async with open_pub(context) as publisher:
        with pytest.raises(ConfigError, match="Address already in use"):
            async with open_pub(context, f"tcp://127.0.0.1:{publisher.port}"):
                pass
