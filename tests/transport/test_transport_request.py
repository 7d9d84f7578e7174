"""The request port over real sockets: every well-framed request is answered once, whoever fails, stops or cancels."""

import math
import random

import pytest
import structlog
import trio
import zmq
from trio.testing import wait_all_tasks_blocked

from tests.transport.ends import (
    ANY,
    FALLBACK,
    PATIENCE,
    at,
    echo,
    open_pair,
    open_server,
    until,
)
from trisalt.errors import ConfigError, LocalProtocolError
from trisalt.transport.request import answer_all, open_request_client, open_request_server
from trisalt.transport.zmq import Heartbeat, open_context, open_socket


@pytest.fixture
async def context():
    async with open_context() as context:
        yield context


# -- requests and answers --------------------------------------------------------------------------------------------


async def test_a_request_is_answered_and_the_peer_is_known(context):
    peers = []

    async def handle(payload, peer):
        peers.append(peer)
        return await echo(payload, peer)

    async with open_pair(context, handle) as (_server, client):
        assert await client.request(b"one") == b"re: one"
    assert peers == ["127.0.0.1"]


async def test_the_loss_of_a_connection_is_told_by_the_number_its_requests_had(context):
    send, lost = trio.open_memory_channel(10)
    numbers = []

    async def handle(together):
        for asked in together:
            numbers.append(asked.connection)
            asked.answer(b"")

    async with open_request_server(
        ANY, handle, fallback=FALLBACK, grace=0, context=context, hung_up=send.send_nowait
    ) as server:
        with trio.fail_after(PATIENCE):
            async with open_request_client(at(server), context=context) as client:
                await client.request(b"1")
                await client.request(b"2")
            assert numbers[0] == numbers[1] == await lost.receive()


async def test_a_stock_peers_req_socket_is_answered(context):
    async with open_server(echo, context=context) as server:
        with open_socket(context, zmq.REQ) as req:
            req.connect(at(server))
            for n in range(3):
                await req.send([b"%d" % n])
                assert await req.receive() == [b"re: %d" % n]


async def test_a_client_is_served_by_a_rep_socket(context):
    """What a stock master's workers see of us: REP wants the empty frame, and nothing else."""
    with trio.fail_after(PATIENCE), open_socket(context, zmq.REP) as rep:
        port = rep.bind(ANY)
        async with (
            open_request_client(f"tcp://127.0.0.1:{port}", context=context) as client,
            trio.open_nursery() as nursery,
        ):

            @nursery.start_soon
            async def serve():
                for _ in range(3):
                    (payload,) = await rep.receive()
                    await rep.send([b"re: " + payload])

            for n in range(3):
                assert await client.request(b"%d" % n) == b"re: %d" % n


async def test_a_thousand_requests_ten_at_a_time(context):
    async def handle(payload, peer):
        await trio.sleep(random.random() * 0.001)
        return payload

    async with open_pair(context, handle) as (server, client):
        async with trio.open_nursery() as nursery:

            async def ask(start):
                for n in range(start, 1000, 10):
                    assert await client.request(b"%d" % n) == b"%d" % n

            for start in range(10):
                nursery.start_soon(ask, start)
        assert server.answered == 1000
        assert server.running == 0


async def test_hundreds_of_requests_at_once_take_turns(context):
    most = now = 0

    async def handle(payload, peer):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await trio.sleep(0.001)
        now -= 1
        return payload

    async with open_server(handle, context=context, max_running=1000) as server:
        async with open_request_client(at(server), context=context, max_running=20) as client:
            async with trio.open_nursery() as nursery:
                for n in range(500):
                    nursery.start_soon(client.request, b"%d" % n)
            assert server.answered == 500
            assert most <= 20


async def test_large_payloads_go_both_ways(context):
    payload = random.Random(1).randbytes(8 * 1024 * 1024)
    async with open_pair(context) as (_server, client):
        assert await client.request(payload) == b"re: " + payload


async def test_a_server_and_a_client_with_contexts_of_their_own():
    async with open_server(echo) as server, open_request_client(at(server)) as client:
        assert await client.request(b"1") == b"re: 1"


# -- failing handlers, bad frames -------------------------------------------------------------------------------------


async def test_a_failing_handler_is_logged_and_the_fallback_is_sent(context):
    async def handle(payload, peer):
        if payload == b"bad":
            raise ValueError("of the handler")
        return None if payload == b"none" else payload

    with structlog.testing.capture_logs() as logs:
        async with open_pair(context, handle) as (_server, client):
            assert await client.request(b"bad") == FALLBACK
            assert await client.request(b"none") == FALLBACK
            assert await client.request(b"good") == b"good"
    (failed,) = [line for line in logs if line["event"] == "request.failed"]
    assert failed["peer"] == "127.0.0.1"
    assert str(failed["exc_info"]) == "of the handler"


async def test_those_that_a_failing_handler_left_get_the_fallback_and_the_others_their_answers(context):
    gate = trio.Event()

    async def handle(together):
        await gate.wait()
        for asked in together:
            if asked.payload == b"bad":
                raise ValueError("of the handler")
            asked.answer(asked.payload)

    with trio.fail_after(PATIENCE):
        async with (
            open_request_server(ANY, handle, fallback=FALLBACK, grace=0, context=context) as server,
            open_request_client(at(server), context=context) as client,
            trio.open_nursery() as nursery,
        ):
            answers = {}

            async def ask(payload):
                answers[payload] = await client.request(payload)

            for payload in (b"1", b"2", b"bad", b"3"):
                nursery.start_soon(ask, payload)
            await until(lambda: server.running == 4)
            gate.set()
    # Whatever came together with the bad one, nobody waits for ever, and no answer goes to another.
    assert answers.pop(b"bad") == FALLBACK
    assert all(answer in (payload, FALLBACK) for payload, answer in answers.items())
    assert (len(answers), server.running, server.answered) == (3, 0, 4)


async def test_what_was_kept_is_answered_by_another_or_with_the_fallback_at_the_end(context):
    kept = []

    async def handle(together):
        for asked in together:
            if asked.payload == b"go":
                answer_all([(one, one.payload) for one in (kept.pop(), asked)])
            else:
                asked.keep()
                kept.append(asked)

    with open_socket(context, zmq.DEALER) as dealer, trio.fail_after(PATIENCE):
        async with open_request_server(ANY, handle, fallback=FALLBACK, grace=0, context=context) as server:
            dealer.connect(at(server))
            for payload in (b"1", b"2", b"go"):
                await dealer.send([b"", payload])
            assert [(await dealer.receive())[1] for _ in range(2)] == [b"2", b"go"]
            assert (server.running, len(server.kept)) == (1, 1)
        assert await dealer.receive() == [b"", FALLBACK]
        assert (server.running, server.held, len(server.kept)) == (0, 0, 0)


async def test_a_request_is_answered_once(context):
    async def handle(together):
        (asked,) = together
        answer_all([(asked, b"first")])
        with pytest.raises(LocalProtocolError):
            asked.answer(b"second")

    async with open_request_server(ANY, handle, fallback=FALLBACK, grace=0, context=context) as server:
        async with open_request_client(at(server), context=context) as client:
            with trio.fail_after(PATIENCE):
                assert await client.request(b"1") == b"first"


async def test_badly_framed_messages_are_dropped_and_wedge_nothing(context):
    async with open_server(echo, context=context) as server, trio.open_nursery() as nursery:
        with open_socket(context, zmq.DEALER) as dealer:
            dealer.connect(at(server))
            for frames in (
                [b"bare"],
                [b""],
                [b"no", b"delimiter"],
                [b"", b"two", b"payloads"],
                [b"", b"a", b"b", b"c"],
            ):
                await dealer.send(frames)
            await dealer.send([b"", b"good"])
            assert await dealer.receive() == [b"", b"re: good"]
        assert server.dropped == 5
        nursery.cancel_scope.cancel()


async def test_random_frames_never_stop_the_server(context):
    dice = random.Random(7)
    async with open_server(echo, context=context) as server:
        with open_socket(context, zmq.DEALER) as dealer:
            dealer.connect(at(server))
            for _ in range(300):
                await dealer.send([dice.randbytes(dice.choice([0, 0, 1, 9])) for _ in range(dice.randint(1, 5))])
        async with open_request_client(at(server), context=context) as client:
            assert await client.request(b"still there") == b"re: still there"


async def test_a_message_above_the_limit_ends_its_connection_only(context):
    async with open_pair(context, max_size=1000) as (server, client):
        with trio.move_on_after(0.3) as scope:
            await client.request(b"x" * 5000)
        assert scope.cancelled_caught
        assert await client.request(b"small") == b"re: small"
        assert server.answered == 1


async def test_who_has_no_more_patience_is_told_and_a_late_answer_goes_nowhere(context):
    go_on = trio.Event()

    async def handle(payload, peer):
        if payload == b"slow":
            await go_on.wait()
        return await echo(payload, peer)

    async with open_pair(context, handle) as (_server, client):
        with trio.fail_after(PATIENCE):
            assert await client.request(b"before", deadline=trio.current_time() + PATIENCE) == b"re: before"
            for wait in (0.02, 0):
                with pytest.raises(trio.TooSlowError):
                    await client.request(b"slow", deadline=trio.current_time() + wait)
            go_on.set()
            assert await client.request(b"after", deadline=trio.current_time() + PATIENCE) == b"re: after"


async def test_a_deadline_ends_with_its_request(context):
    async with open_pair(context) as (_server, client):
        with trio.fail_after(PATIENCE):
            deadline = trio.current_time() + 0.1
            assert await client.request(b"1", deadline=deadline) == b"re: 1"
            await trio.sleep_until(deadline + 0.01)
            assert await client.request(b"2", deadline=math.inf) == b"re: 2"
        assert len(client._idle) == 1


@pytest.mark.parametrize("answered", [True, False])
async def test_who_asks_after_an_answer_has_the_patience_of_their_own(context, answered):
    go_on = trio.Event()

    async def handle(payload, peer):
        if payload == b"slow":
            await go_on.wait()
        return await echo(payload, peer)

    async with open_pair(context, handle) as (_server, client), trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE):
            sooner = trio.current_time() + 0.5
            assert await client.request(b"quick", deadline=sooner) == b"re: quick"
            (connection,) = client._idle
            later = sooner + (PATIENCE if answered else 0.05)

            async def ask():
                if answered:
                    assert await client.request(b"slow", deadline=later) == b"re: slow"
                    assert list(client._idle) == [connection]
                    return
                with pytest.raises(trio.TooSlowError):
                    await client.request(b"slow", deadline=later)
                assert later <= trio.current_time()

            nursery.start_soon(ask)
            await trio.sleep_until(sooner + 0.01)
            if answered:
                go_on.set()


async def test_a_deadline_counts_where_no_connection_stands_and_where_none_is_free(context):
    with open_socket(context, zmq.ROUTER) as silent:
        address = f"tcp://127.0.0.1:{silent.bind(ANY)}"
        async with (
            open_request_client(address, context=context, max_running=1) as client,
            trio.open_nursery() as nursery,
        ):
            with trio.fail_after(PATIENCE):
                nursery.start_soon(client.request, b"holds the only turn")
                await wait_all_tasks_blocked()
                with pytest.raises(trio.TooSlowError):
                    await client.request(b"1", deadline=trio.current_time() + 0.02)
                nursery.cancel_scope.cancel()
        async with open_request_client("tcp://127.0.0.1:1", context=context) as client:
            with trio.fail_after(PATIENCE), pytest.raises(trio.TooSlowError):
                await client.request(b"1", deadline=trio.current_time() + 0.02)


async def test_a_newcomer_with_the_same_routing_id_takes_over(context):
    async with open_server(echo, context=context) as server:
        with (
            open_socket(context, zmq.DEALER, {zmq.IDENTITY: b"same"}) as old,
            open_socket(context, zmq.DEALER, {zmq.IDENTITY: b"same"}) as new,
        ):
            for dealer in (old, new):
                dealer.connect(at(server))
                await dealer.send([b"", b"1"])
                assert await dealer.receive() == [b"", b"re: 1"]


# -- limits and stopping ----------------------------------------------------------------------------------------------


async def test_no_more_handlers_than_allowed_and_all_are_answered(context):
    most = now = 0
    gate = trio.Event()

    async def handle(payload, peer):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await gate.wait()
        now -= 1
        return payload

    async with open_pair(context, handle, max_running=3) as (server, client), trio.open_nursery() as nursery:
        answers = []

        async def ask(n):
            answers.append(await client.request(b"%d" % n))

        for n in range(12):
            nursery.start_soon(ask, n)
        await until(lambda: server.running >= 3)
        await wait_all_tasks_blocked(0.1)
        assert server.running == most == 3
        gate.set()
        await until(lambda: len(answers) == 12)
        assert most <= 3


async def test_those_inside_may_finish_and_nobody_new_comes_in(context):
    inside, gate = trio.Event(), trio.Event()

    async def handle(payload, peer):
        inside.set()
        await gate.wait()
        return b"finished"

    with trio.fail_after(PATIENCE):
        await _stop_with_one_inside(context, handle, inside, gate)


async def _stop_with_one_inside(context, handle, inside, gate):
    async with trio.open_nursery() as nursery:
        stop, stopped = trio.Event(), trio.Event()
        ports = []

        @nursery.start_soon
        async def serve():
            async with open_server(handle, context=context, grace=10) as server:
                ports.append(at(server))
                await stop.wait()
            stopped.set()

        await wait_all_tasks_blocked()
        async with open_request_client(ports[0], context=context) as client:
            answers = []

            @nursery.start_soon
            async def ask():
                answers.append(await client.request(b"1"))

            await inside.wait()
            stop.set()
            await wait_all_tasks_blocked(0.05)
            assert not stopped.is_set()
            with trio.move_on_after(0.2) as scope:
                async with open_request_client(ports[0], context=context) as newcomer:
                    await newcomer.request(b"too late")
            assert scope.cancelled_caught
            gate.set()
            await stopped.wait()
            await until(lambda: answers)
            assert answers == [b"finished"]


async def test_who_is_cut_off_when_grace_ends_is_told(context):
    inside = trio.Event()

    async def handle(payload, peer):
        inside.set()
        await trio.sleep_forever()

    with open_socket(context, zmq.DEALER) as dealer:
        async with open_server(handle, context=context, grace=0.1) as server:
            dealer.connect(at(server))
            await dealer.send([b"", b"1"])
            await inside.wait()
        assert await dealer.receive() == [b"", FALLBACK]


async def test_a_port_in_use_is_a_config_error(context):
    async with open_server(echo, context=context) as server:
        with pytest.raises(ConfigError, match="Address already in use"):
            async with open_server(echo, address=at(server), context=context):
                pass


async def test_a_silent_peer_is_let_go_by_heartbeats(context):
    """A peer that opens a connection and says the greeting only: nothing of the server waits for it."""
    async with open_pair(context, heartbeat=Heartbeat(interval=50, timeout=100)) as (server, client):
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            assert await client.request(b"1") == b"re: 1"
