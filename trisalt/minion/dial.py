"""How a link opens connections to its master, and finds it: over ZeroMQ, by name. `link` decides when.

A link is given a `Dial`, so that it can be tried without sockets. `daemon` opens one for all its links.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any

import attrs
import trio

from trisalt.config.minion import MinionConfig
from trisalt.minion.source import host_addresses, sourced
from trisalt.transport.publish import open_subscriber
from trisalt.transport.request import open_request_client
from trisalt.transport.zmq import QUICK, Heartbeat, KeepAlive, open_context

# A connection to find out which of several addresses answers may take so long (seconds).
TRIED_WITHIN = 5.0


@attrs.frozen(kw_only=True)
class Dial:
    """How to open the two connections, and the addresses of a host, that first which is to be tried first.

    The transports come with the context and the socket options filled in. `resolve` raises OSError.
    """

    client: Callable[[str], AbstractAsyncContextManager[Any]]
    subscriber: Callable[[str], AbstractAsyncContextManager[Any]]
    resolve: Callable[[str, int], Awaitable[Sequence[str]]]


@asynccontextmanager
async def open_dial(config: MinionConfig) -> AsyncIterator[Dial]:
    """How this minion opens connections to its masters: over ZeroMQ, with what the configuration says of sockets."""
    keepalive = KeepAlive(
        on=int(config.tcp_keepalive),
        idle=int(config.tcp_keepalive_idle),
        count=int(config.tcp_keepalive_cnt),
        interval=int(config.tcp_keepalive_intvl),
    )
    interval, timeout = config.zmq_heartbeat_ivl, config.zmq_heartbeat_timeout
    heartbeat = Heartbeat(
        interval=QUICK.interval if interval is None else interval,
        timeout=QUICK.timeout if timeout is None else timeout,
    )
    reconnect = config.recon_default
    if config.recon_randomize:
        reconnect += random.uniform(0, config.recon_max)  # noqa: S311 - a spread, no secret
    ipv6 = bool(config.ipv6)
    asks_from = await trio.to_thread.run_sync(
        partial(sourced, config, config.source_ret_port, addresses=host_addresses)
    )
    hears_from = await trio.to_thread.run_sync(
        partial(sourced, config, config.source_publish_port, addresses=host_addresses)
    )
    async with open_context() as context:
        client = partial(open_request_client, context=context, keepalive=keepalive, heartbeat=heartbeat, ipv6=ipv6)
        subscriber = partial(
            open_subscriber,
            context=context,
            identity=config.id.encode(),
            reconnect=int(reconnect),
            reconnect_max=int(config.recon_max),
            keepalive=keepalive,
            heartbeat=heartbeat,
            ipv6=ipv6,
        )
        yield Dial(
            client=lambda address: client(asks_from(address)),
            subscriber=lambda address: subscriber(hears_from(address)),
            resolve=partial(resolve, ipv6=ipv6),
        )


async def resolve(host: str, port: int, *, ipv6: bool = False) -> list[str]:
    """The addresses of a host name, that first which answers at `port`. Raises OSError.

    Of several, those of the wanted kind go first while none answers: IPv4, unless `ipv6`.
    """
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    addresses.sort(key=lambda address: (":" in address) is not ipv6)
    if len(addresses) > 1:
        with trio.move_on_after(TRIED_WITHIN), suppress(OSError):
            async with await trio.open_tcp_stream(host, port) as stream:
                answers = str(stream.socket.getpeername()[0])
                addresses.sort(key=lambda address: address != answers)
    return addresses
