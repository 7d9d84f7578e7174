"""Ways that fall silent, seen by those who serve: no socket is kept for a peer that is not there, and no request is lost."""

from contextlib import asynccontextmanager

import psutil
import pytest
import trio
import zmq

from tests.support.proxy import open_way
from trisalt.transport.publish import open_publisher
from trisalt.transport.request import answer_all, open_request_client, open_request_server
from trisalt.transport.zmq import Heartbeat, open_context, open_socket

ANY = "tcp://127.0.0.1:0"
BEAT = Heartbeat(interval=100, timeout=150)
PATIENCE = 30


@asynccontextmanager
async def served(handle, *, beat=BEAT):
    """A request server and a publisher, each with a way to it: the context, and the two pairs of way and port."""
    with trio.fail_after(PATIENCE):
        async with (
            open_context() as context,
            open_request_server(ANY, handle, fallback=b"", grace=0, context=context, heartbeat=beat) as door,
            open_publisher(ANY, context=context, heartbeat=beat) as publisher,
            open_way(door.port) as asks,
            open_way(publisher.port) as jobs,
        ):
            yield context, (asks, door.port), (jobs, publisher.port)


async def echo(together):
    await trio.lowlevel.checkpoint()
    answer_all([(asked, b"re: " + asked.payload) for asked in together])


def sockets(port):
    """How many connections those who listen at a port have."""
    return sum(row.laddr and row.laddr.port == port and row.status == psutil.CONN_ESTABLISHED
               for row in psutil.Process().net_connections("tcp"))  # fmt: skip


async def until(condition):
    while not condition():  # noqa: ASYNC110 - the kernel tells nobody
        await trio.sleep(0.01)


@pytest.mark.parametrize("kind", [zmq.DEALER, zmq.SUB])
async def test_no_socket_is_kept_for_a_peer_whose_way_fell_silent(kind):
    async with served(echo) as (_context, *ends):
        way, port = ends[kind == zmq.SUB]
        async with open_context() as far:
            with open_socket(far, kind) as peer:
                if kind == zmq.SUB:
                    peer.subscribe(b"")
                peer.connect(f"tcp://127.0.0.1:{way.port}")
                await until(lambda: sockets(port) == 1)
                way.blackhole()
                await until(lambda: sockets(port) == 0)


async def test_no_socket_is_kept_for_who_hangs_up_without_a_word():
    async with served(echo) as (_context, (way, port), _jobs):
        stream = await trio.open_tcp_stream("127.0.0.1", way.port)
        await until(lambda: sockets(port) == 1)
        await stream.aclose()
        await until(lambda: sockets(port) == 0)


async def test_a_request_whose_way_broke_before_it_came_is_answered_all_the_same():
    came = []

    async def note(together):
        came.extend(asked.payload for asked in together)
        await echo(together)

    async with served(note) as (context, (way, _port), _jobs):
        address = f"tcp://127.0.0.1:{way.port}"
        async with open_request_client(address, context=context, heartbeat=BEAT) as client:
            assert await client.request(b"one") == b"re: one"
            way.blackhole()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.request, b"two")
                await trio.sleep(0.05)
                way.reset()
                way.restore()
    assert came == [b"one", b"two"]


async def test_after_a_request_without_an_answer_the_next_goes_another_way():
    async with served(echo) as (context, (way, _port), _jobs):
        address = f"tcp://127.0.0.1:{way.port}"
        slow = Heartbeat(interval=60_000, timeout=60_000)
        async with open_request_client(address, context=context, heartbeat=slow) as client:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(client.request, b"warm")
            way.forget()
            with trio.move_on_after(0.1) as silent:
                await client.request(b"lost")
            assert silent.cancelled_caught
            assert await client.request(b"found") == b"re: found"
