"""The client of the request port over real sockets: an answer is its own request's, whatever is lost or cancelled."""

import random

import pytest
import structlog
import trio
import zmq
from trio.testing import wait_all_tasks_blocked

from tests.transport.ends import ANY, PATIENCE, at, echo, open_pair, open_server, open_server_again, until
from trisalt.errors import ConfigError, RemoteProtocolError
from trisalt.transport.request import open_request_client
from trisalt.transport.zmq import open_context, open_socket


@pytest.fixture
async def context():
    async with open_context() as context:
        yield context


async def test_a_cancelled_request_does_not_spoil_the_next(context):
    release = trio.Event()

    async def handle(payload, peer):
        if payload == b"slow":
            await release.wait()
        return payload

    async with open_pair(context, handle) as (server, client):
        assert await client.request(b"warm") == b"warm"
        for _ in range(3):
            with trio.move_on_after(0.1):
                await client.request(b"slow")
        release.set()
        await until(lambda: not server.running)
        # The late answers have been sent by now, to nobody.
        for n in range(20):
            assert await client.request(b"%d" % n) == b"%d" % n


async def test_randomly_cancelled_requests_never_get_anothers_answer(context):
    dice = random.Random(3)

    async def handle(payload, peer):
        await trio.sleep(dice.random() * 0.01)
        return payload

    async with open_pair(context, handle) as (_server, client), trio.open_nursery() as nursery:

        async def ask(name):
            for n in range(40):
                payload = b"%d/%d" % (name, n)
                with trio.move_on_after(dice.random() * 0.02):
                    assert await client.request(payload) == payload

        for name in range(10):
            nursery.start_soon(ask, name)


async def test_connections_are_used_again_and_only_a_few_are_kept(context):
    async with open_server(echo, context=context) as server:
        async with open_request_client(at(server), context=context, max_idle=2) as client:
            first = None
            for n in range(5):
                await client.request(b"%d" % n)
                (kept,) = client._idle
                first = first or kept
                assert kept is first
            async with trio.open_nursery() as nursery:
                for n in range(6):
                    nursery.start_soon(client.request, b"%d" % n)
            assert len(client._idle) == 2
        assert not client._idle


async def test_an_answer_of_wrong_frames_is_the_peers_fault_and_its_connection_is_closed(context):
    with trio.fail_after(PATIENCE), open_socket(context, zmq.ROUTER) as router:
        port = router.bind(ANY)
        async with open_request_client(f"tcp://127.0.0.1:{port}", context=context) as client:
            for wrong in ([b"only"], [b"", b"two", b"many"], [b"full", b"delimiter"]):
                async with trio.open_nursery() as nursery:

                    @nursery.start_soon
                    async def answer(wrong=wrong):
                        routing_id, *_ = await router.receive()
                        await router.send([routing_id, *wrong])

                    with pytest.raises(RemoteProtocolError, match="frames"):
                        await client.request(b"1")
            assert not client._idle


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(context):
    with trio.fail_after(PATIENCE), open_socket(context, zmq.ROUTER) as router:
        port = router.bind(ANY)
        async with (
            open_request_client(f"tcp://127.0.0.1:{port}", context=context) as client,
            trio.open_nursery() as nursery,
        ):

            @nursery.start_soon
            async def answer():
                while True:
                    routing_id, _, payload = await router.receive()
                    await router.send([routing_id, b"", b"re: " + payload])
                    await router.send([routing_id, b"", b"unasked"])

            assert await client.request(b"1") == b"re: 1"
            await until(lambda: client._idle[0].socket.readable)
            assert await client.request(b"2") == b"re: 2"
            nursery.cancel_scope.cancel()


async def test_a_request_waits_for_a_master_that_comes_later(context):
    async with open_server(echo, context=context) as server:
        address = at(server)
    async with open_request_client(address, context=context) as client, trio.open_nursery() as nursery:
        answers = []

        @nursery.start_soon
        async def ask():
            answers.append(await client.request(b"1"))

        await wait_all_tasks_blocked(0.1)
        async with open_server_again(address, context):
            await until(lambda: answers)
        assert answers == [b"re: 1"]


async def test_a_request_whose_connection_is_lost_is_sent_again(context):
    """A master is killed with the request inside, and comes back."""
    with trio.fail_after(PATIENCE), open_socket(context, zmq.ROUTER) as dying:
        address = f"tcp://127.0.0.1:{dying.bind(ANY)}"
        async with open_request_client(address, context=context) as client, trio.open_nursery() as nursery:
            answers = []

            @nursery.start_soon
            async def ask():
                made = iter((b"1", b"1 anew"))
                answers.append(await client.request(lambda: next(made)))

            assert (await dying.receive())[-1] == b"1"
            dying.close()
            async with open_server_again(address, context):
                await until(lambda: answers)
            assert answers == [b"re: 1 anew"]


async def test_a_request_whose_connections_are_lost_one_after_the_other_is_sent_until_it_is_answered(
    context, autojump_clock
):
    answers = [None] * 6 + [[b"", b"at last"]]

    class Lost:
        fresh = True

        async def ask(self, payload, *, deadline):
            await trio.lowlevel.checkpoint()
            return answers.pop(0)

        def close(self):
            pass

    async with open_request_client("tcp://127.0.0.1:4506", context=context) as client:
        client._take = Lost
        assert await client.request(b"1") == b"at last"
    assert trio.current_time() == pytest.approx(0 + 1 + 2 + 5 + 5 + 0, abs=6)


async def test_a_request_that_the_peer_hangs_up_on_is_sent_less_and_less(context):
    async with open_pair(context, max_size=1000) as (server, client):
        with structlog.testing.capture_logs() as logs, trio.move_on_after(0.5) as scope:
            await client.request(b"x" * 5000)
        assert scope.cancelled_caught
        assert [line["event"] for line in logs] == ["request.lost"] * 2
        assert server.answered == 0


async def test_a_kept_connection_that_was_cut_is_not_used(context):
    with trio.fail_after(PATIENCE), open_socket(context, zmq.ROUTER) as dying:
        address = f"tcp://127.0.0.1:{dying.bind(ANY)}"
        async with open_request_client(address, context=context) as client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.request, b"1")
                routing_id, _, payload = await dying.receive()
                await dying.send([routing_id, b"", payload])
            (kept,) = client._idle
            dying.close()
            await until(lambda: not kept.fresh)
            async with open_server_again(address, context):
                assert await client.request(b"2") == b"re: 2"
            with pytest.raises(trio.ClosedResourceError):
                kept.socket.receive_nowait()


async def test_an_address_that_cannot_be_is_a_config_error(context):
    async with open_request_client("tcp://no port", context=context) as client:
        with pytest.raises(ConfigError, match="cannot connect to tcp://no port"):
            await client.request(b"1")
