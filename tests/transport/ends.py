"""The two ends of the request port, as their tests open them: over real sockets on loopback."""

from contextlib import asynccontextmanager

import trio

from trisalt.errors import ConfigError
from trisalt.transport.request import open_request_client, open_request_server

FALLBACK = b"\xda\x00(Some exception handling minion payload"
PATIENCE = 30
ANY = "tcp://127.0.0.1:0"


async def echo(payload, peer):
    await trio.lowlevel.checkpoint()
    return b"re: " + payload


def at(server):
    return f"tcp://127.0.0.1:{server.port}"


def one_by_one(handle):
    """A handler of requests that came together, each answered with what `handle(payload, peer)` returns."""

    async def answer(asked):
        reply = await handle(asked.payload, asked.peer)
        if reply is not None:
            asked.answer(reply)

    async def all_of(together):
        if len(together) == 1:
            await answer(together[0])
            return
        async with trio.open_nursery() as nursery:
            for asked in together:
                nursery.start_soon(answer, asked)

    return all_of


@asynccontextmanager
async def open_server(handle, *, address=ANY, grace=0, **options):
    with trio.fail_after(PATIENCE):
        async with open_request_server(
            address, one_by_one(handle), fallback=FALLBACK, grace=grace, **options
        ) as server:
            yield server


@asynccontextmanager
async def open_server_again(address, context):
    """A server at the address of one that has been closed: its I/O thread gives the port up a little later."""
    while True:
        try:
            async with open_server(echo, address=address, context=context) as server:
                yield server
                return
        except ConfigError:
            await trio.sleep(0.005)


async def until(condition):
    while not condition():  # noqa: ASYNC110 (the sockets' doing)
        await trio.sleep(0.005)


@asynccontextmanager
async def open_pair(context, handle=echo, **options):
    async with open_server(handle, context=context, **options) as server:
        async with open_request_client(at(server), context=context) as client:
            yield server, client
