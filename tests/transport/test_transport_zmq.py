"""The ZeroMQ adapter: nothing lost, nothing twice, nobody left waiting; cancelled, crowded and closed."""

import random
from contextlib import asynccontextmanager

import pytest
import trio
import zmq
from trio.testing import wait_all_tasks_blocked

from trisalt.errors import ConfigError
from trisalt.transport.zmq import (
    Heartbeat,
    KeepAlive,
    Socket,
    from_source,
    ip_options,
    open_context,
    open_socket,
    tcp_address,
)

PATIENCE = 20


@pytest.fixture
async def context():
    async with open_context() as context:
        yield context


@asynccontextmanager
async def pair(context, left=zmq.PUSH, right=zmq.PULL, **options):
    """Two sockets on loopback TCP: the first connects, the second is bound."""
    settings = {getattr(zmq, name): value for name, value in options.items()}
    with trio.fail_after(PATIENCE):
        with open_socket(context, right, settings) as bound, open_socket(context, left, settings) as connected:
            connected.connect(f"tcp://127.0.0.1:{bound.bind('tcp://127.0.0.1:0')}")
            yield connected, bound


# -- one message, many messages ----------------------------------------------------------------------------------


async def test_a_message_arrives_whole(context):
    async with pair(context, zmq.DEALER, zmq.ROUTER) as (dealer, router):
        await dealer.send([b"", b"payload", b"x" * 100_000])
        routing_id, *frames = await router.receive()
        assert frames == [b"", b"payload", b"x" * 100_000]
        await router.send([routing_id, b"", b"answer"])
        assert await dealer.receive() == [b"", b"answer"]


async def test_many_messages_come_in_order_and_in_batches(context):
    async with pair(context) as (push, pull):
        got = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(push.send_all, [[b"%d" % n] for n in range(5000)])
            while len(got) < 5000:
                batch = await pull.receive_all(100)
                assert 1 <= len(batch) <= 100
                got += batch
        assert got == [[b"%d" % n] for n in range(5000)]


async def test_nowait_says_would_block(context):
    async with pair(context) as (push, pull):
        with pytest.raises(trio.WouldBlock):
            pull.receive_nowait()
        push.send_nowait([b"1"])
        assert await pull.receive() == [b"1"]
    with open_socket(context, zmq.PUSH) as alone, pytest.raises(trio.WouldBlock):
        alone.send_nowait([b"1"])


async def test_a_sender_waits_until_somebody_takes(context):
    async with pair(context, SNDHWM=1, RCVHWM=1, SNDBUF=4096, RCVBUF=4096) as (push, pull):
        payload = b"x" * 100_000
        sent = 0

        async def fill():
            nonlocal sent
            for _ in range(200):
                await push.send([payload])
                sent += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill)
            await wait_all_tasks_blocked(0.2)
            assert sent < 200
            for _ in range(200):
                assert await pull.receive() == [payload]
        assert sent == 200


# -- the edge ------------------------------------------------------------------------------------------------------


async def test_another_tasks_call_does_not_swallow_the_waiters_edge(context):
    """The signal for an incoming message is taken by a send on the same socket; the receiver must be woken all the
    same. The message is there, unsignalled, before the receiver can see the FD."""
    async with pair(context, zmq.DEALER, zmq.DEALER) as (a, b):
        await a.send([b"hello"])
        await b.receive()
        got = []

        async def receive():
            got.append(await b.receive())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            # The message and its signal arrive while this task does not let the event loop look at the FD …
            a.send_nowait([b"one"])
            poller = zmq.Poller()
            poller.register(b._fd, zmq.POLLIN)
            assert poller.poll(5000)
            # … and these calls take the signal away.
            for _ in range(3):
                b.send_nowait([b"two"])
                b._peek()
            assert not poller.poll(0)
        assert got == [[b"one"]]


@asynccontextmanager
async def full_pair(context):
    """Two sockets in this process, the second of which can send no more. No I/O thread moves anything by itself."""
    limits = {zmq.SNDHWM: 2, zmq.RCVHWM: 2}
    with (
        trio.fail_after(PATIENCE),
        open_socket(context, zmq.DEALER, limits) as a,
        open_socket(context, zmq.DEALER, limits) as b,
    ):
        a.bind("inproc://full")
        b.connect("inproc://full")
        fill(b)
        yield a, b


def fill(socket):
    try:
        while True:
            socket.send_nowait([b"filling"])
    except trio.WouldBlock:
        pass


async def arrived(socket):
    while not socket.readable:  # noqa: ASYNC110 (another thread's doing)
        await trio.sleep(0.001)


def signalled(socket):
    poller = zmq.Poller()
    poller.register(socket._fd, zmq.POLLIN)
    return bool(poller.poll(0))


@pytest.mark.parametrize("patient", [False, True])
async def test_a_refused_send_does_not_swallow_the_receivers_edge(context, patient):
    async with full_pair(context) as (a, b), trio.open_nursery() as nursery:
        got = []

        async def receive():
            got.append(await b.receive())

        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        a.send_nowait([b"one"])
        assert signalled(b)
        if patient:
            with trio.move_on_after(0.2):
                await b.send([b"refused"])
        else:
            with pytest.raises(trio.WouldBlock):
                b.send_nowait([b"refused"])
            await wait_all_tasks_blocked()
        assert got == [[b"one"]]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("patient", [False, True])
async def test_an_empty_receive_does_not_swallow_the_senders_edge(context, patient):
    async with full_pair(context) as (a, b), trio.open_nursery() as nursery:
        sent = []

        async def send():
            await b.send([b"waiting"])
            sent.append(True)

        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        while a.readable:
            a.receive_nowait()
        assert signalled(b)
        if patient:
            with trio.move_on_after(0.2):
                await b.receive()
        else:
            with pytest.raises(trio.WouldBlock):
                b.receive_nowait()
            await wait_all_tasks_blocked()
        assert sent == [True]
        nursery.cancel_scope.cancel()


async def test_sender_and_receiver_wait_on_one_socket_at_once(context):
    async with pair(context, zmq.DEALER, zmq.DEALER, SNDHWM=1, RCVHWM=1, SNDBUF=4096, RCVBUF=4096) as (a, b):
        payload = b"x" * 50_000

        async def pump(socket):
            for _ in range(150):
                await socket.send([payload])

        async def drain(socket):
            for _ in range(150):
                assert await socket.receive() == [payload]

        async with trio.open_nursery() as nursery:
            for socket in (a, b):
                nursery.start_soon(pump, socket)
                nursery.start_soon(drain, socket)


async def test_a_cancelled_task_at_the_fd_leaves_it_to_the_next(context):
    async with pair(context) as (push, pull):
        got = []

        async def receive(scope):
            with scope:
                got.append(await pull.receive())

        scopes = [trio.CancelScope() for _ in range(5)]
        async with trio.open_nursery() as nursery:
            for scope in scopes:
                nursery.start_soon(receive, scope)
                await wait_all_tasks_blocked()
            for scope in scopes[:4]:
                scope.cancel()
                await wait_all_tasks_blocked()
            await push.send([b"for the last"])
        assert got == [[b"for the last"]]


async def test_each_of_many_receivers_gets_one(context):
    async with pair(context) as (push, pull):
        got = []

        async def receive():
            got.append((await pull.receive())[0])

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            await push.send_all([[b"%d" % n] for n in range(50)])
        assert sorted(got, key=int) == [b"%d" % n for n in range(50)]


# -- cancellation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
async def test_random_cancels_lose_nothing_and_repeat_nothing(context, seed):
    dice = random.Random(seed)
    total = 3000
    async with pair(context, SNDHWM=50, RCVHWM=50) as (push, pull):
        got = []
        sent = []

        async def send_range(start, stop):
            for n in range(start, stop):
                done = False
                while not done:
                    with trio.CancelScope() as scope:
                        scope.deadline = trio.current_time() + dice.random() * 0.002
                        if dice.random() < 0.2:
                            scope.cancel()
                        await push.send([b"%d" % n])
                        done = True
                sent.append(n)

        async def receive():
            while True:
                with trio.CancelScope() as scope:
                    scope.deadline = trio.current_time() + dice.random() * 0.002
                    if dice.random() < 0.2:
                        scope.cancel()
                    # What comes back is there, whatever happened to the scope meanwhile.
                    batch = await pull.receive_all(dice.randint(1, 8))
                    got.extend(int(frames[0]) for frames in batch)
                    if len(got) >= total:
                        nursery.cancel_scope.cancel()
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for start in range(0, total, total // 3):
                nursery.start_soon(send_range, start, start + total // 3)
            for _ in range(3):
                nursery.start_soon(receive)
        assert len(sent) == total
        assert sorted(got) == list(range(total))


async def test_a_receive_in_a_cancelled_scope_takes_nothing(context):
    async with pair(context) as (push, pull):
        await push.send([b"1"])
        await arrived(pull)
        with trio.CancelScope() as scope:
            scope.cancel()
            await pull.receive()
        assert scope.cancelled_caught
        assert await pull.receive() == [b"1"]


async def test_a_send_in_a_cancelled_scope_sends_nothing(context):
    async with pair(context) as (push, pull):
        with trio.CancelScope() as scope:
            scope.cancel()
            await push.send([b"never"])
        await push.send([b"then"])
        assert await pull.receive() == [b"then"]


async def test_every_operation_reaches_a_checkpoint(context):
    async with pair(context) as (push, pull):
        with trio.testing.assert_checkpoints():
            await push.send([b"1"])
        with trio.testing.assert_checkpoints():
            await push.send_all([[b"2"]])
        with trio.testing.assert_checkpoints():
            await pull.receive()
        await arrived(pull)
        with trio.testing.assert_checkpoints():
            await pull.receive_all()


# -- closing and addresses -------------------------------------------------------------------------------------------


async def test_closing_wakes_all_who_wait(context):
    with trio.fail_after(PATIENCE):
        socket = Socket(context, zmq.PULL)
        socket.bind("tcp://127.0.0.1:0")
        woken = 0

        async def receive():
            nonlocal woken
            with pytest.raises(trio.ClosedResourceError):
                await socket.receive()
            woken += 1

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            socket.close()
            socket.close()
        assert woken == 3
        for call in (socket.receive, lambda: socket.send([b""])):
            with pytest.raises(trio.ClosedResourceError):
                await call()


async def test_an_address_in_use_is_the_operators_to_know(context):
    with open_socket(context, zmq.PULL) as first, open_socket(context, zmq.PULL) as second:
        port = first.bind("tcp://127.0.0.1:0")
        with pytest.raises(ConfigError, match=rf"cannot listen at tcp://127.0.0.1:{port}: Address already in use"):
            second.bind(f"tcp://127.0.0.1:{port}")
        with pytest.raises(ConfigError, match="cannot connect to nonsense"):
            second.connect("nonsense")


async def test_options_that_zeromq_refuses_leave_no_socket(context):
    with pytest.raises(zmq.ZMQError):
        Socket(context, zmq.PULL, {zmq.BACKLOG: 10, zmq.IPV6: 7})


async def test_a_forgotten_socket_does_not_hold_the_context_for_ever():
    with trio.fail_after(PATIENCE):
        async with open_context() as context:
            forgotten = Socket(context, zmq.PULL)
    forgotten.close()


async def test_ipv6_by_colon(context):
    address = tcp_address("::1", 0)
    try:
        with open_socket(context, zmq.PULL, ip_options(address, False)) as bound:
            port = bound.bind(address)
            with open_socket(context, zmq.PUSH, ip_options(address, False)) as push:
                push.connect(tcp_address("::1", port))
                with trio.fail_after(PATIENCE):
                    await push.send([b"six"])
                    assert await bound.receive() == [b"six"]
    except ConfigError as exc:
        pytest.skip(f"no IPv6 here: {exc}")


async def test_connect_from_a_chosen_source(context):
    with trio.fail_after(PATIENCE), open_socket(context, zmq.PULL) as bound, open_socket(context, zmq.PUSH) as push:
        port = bound.bind("tcp://127.0.0.1:0")
        push.connect(from_source(tcp_address("127.0.0.1", port), "127.0.0.1", 0))
        await push.send([b"1"])
        assert await bound.receive() == [b"1"]


def test_addresses_and_options():
    assert tcp_address("host", 4506) == "tcp://host:4506"
    assert tcp_address("::1", 4506) == "tcp://[::1]:4506"
    assert tcp_address("[::1]", 4506) == "tcp://[::1]:4506"
    assert from_source("tcp://host:4506", "10.0.0.1", 0) == "tcp://10.0.0.1:0;host:4506"
    assert from_source("tcp://host:4506", "", 99) == "tcp://*:99;host:4506"
    assert ip_options("tcp://host:1", False) == {}
    assert ip_options("tcp://host:1", True) == {zmq.IPV6: 1}
    assert Heartbeat(interval=0).options() == {}
    beats = {zmq.HEARTBEAT_IVL: 5, zmq.HEARTBEAT_TIMEOUT: 10, zmq.HANDSHAKE_IVL: 10}
    assert Heartbeat(interval=5, timeout=10).options() == beats
    assert Heartbeat(interval=5, timeout=0).options() == {zmq.HEARTBEAT_IVL: 5}
    assert KeepAlive(idle=60).options()[zmq.TCP_KEEPALIVE_IDLE] == 60
