"""The doors of the master, opened last: the publish port, the request port and the local door.

Beside them stand two socket files that stock's tools look for. `daemon` opens these onto a staffed house (`services`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from trisalt.config.master import MasterConfig
from trisalt.errors import ConfigError
from trisalt.master.clear import ClearDesk
from trisalt.master.local_door import serve_local_door
from trisalt.master.minions import Minions
from trisalt.master.premises import Premises
from trisalt.master.request_server import FALLBACK, NetworkDoor
from trisalt.master.status import Parts
from trisalt.master.views.desk import Desk
from trisalt.store.store import Store
from trisalt.transport.publish import PROBED, Publisher, open_publisher
from trisalt.transport.request import SERVER_KEEPALIVE, open_request_server
from trisalt.transport.zmq import HEARTBEAT, NO_HEARTBEAT, Context, Heartbeat, KeepAlive, tcp_address

log = structlog.get_logger()

# Those inside may finish: so long, after SIGTERM.
GRACE_S = 5.0


@asynccontextmanager
async def open_publish_port(here: Premises, sockets: Context) -> AsyncIterator[Publisher]:
    """The publish port, and the socket file beside it that stock's tools look for."""
    config, opts = here.config, here.config.opts
    if not opts.get("halite"):
        log.info("web.skipped")
    address = tcp_address(config.interface, config.publish_port)
    log.info("publisher.bound", address=address)
    async with open_publisher(
        address,
        context=sockets,
        hwm=config.pub_hwm,
        backlog=config.zmq_backlog,
        **_peers_are_seen_by(config, _configured(config)),
        ipv6=bool(config.ipv6),
        subscribed=here.presence.subscribed,
    ) as publisher:
        with _stock_socket(config.sock_dir, "publish_pull.ipc", "publisher.puller_bound"):
            yield publisher


@asynccontextmanager
async def open_doors(here: Premises, store: Store, sockets: Context, parts: Parts) -> AsyncIterator[int]:
    """The local door and the network door; yields the network door's port. Those inside may finish."""
    config, live, bus = here.config, here.live, here.bus
    async with trio.open_nursery() as background:
        door = partial(
            serve_local_door,
            bus,
            store.jobs,
            store.log,
            live.acl,
            path=here.paths.local_door,
            rotate_aes_key=config.rotate_aes_key,
            desk=Desk(
                bus=bus,
                store=store,
                acl=live.acl,
                minions=Minions(here.keyring, store.banks, pki_dir=here.pki_dir, nodegroups=here.nodegroups),
                keyring=here.keyring,
                presence=here.presence,
                workers=parts.workers,
                opts=live.opts,
                reactor=here.reactor,
                runs=here.runs,
                files=here.files,
            ),
        )
        await background.start(door)
        network = network_door(here, background)
        parts.lanes = network.statistics
        address = tcp_address(config.interface, config.ret_port)
        log.info("request_server.bound", address=address)
        async with open_request_server(
            address,
            network.handle,
            context=sockets,
            fallback=FALLBACK,
            grace=GRACE_S,
            backlog=config.zmq_backlog,
            max_size=live.requests.request_max_size,
            **_peers_are_seen_by(config, SERVER_KEEPALIVE),
            ipv6=bool(config.ipv6),
            hung_up=here.presence.hung_up,
            proven=here.presence.knows,
        ) as server:
            with _stock_socket(config.sock_dir, "workers.ipc", "worker.bound"):
                yield server.port
        background.cancel_scope.cancel()


def network_door(here: Premises, background: trio.Nursery) -> NetworkDoor:
    """Who answers the request port. What stock's tools ask for in clear may run on in `background`."""
    clear = ClearDesk(
        here.bus,
        here.live.acl,
        here.user_keys,
        master_user=here.config.user,
        background=background,
    )
    return NetworkDoor(
        here.bus,
        here.identity,
        here.accepted,
        here.sessions,
        clear,
        rules=lambda: here.live.requests,
        presence=here.presence,
    )


@contextmanager
def _stock_socket(folder: str, name: str, event: str) -> Iterator[None]:
    """A socket file that stock's tools look for before they ask: bound, so that it is there, and never read."""
    path = os.path.join(folder, name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            if os.path.lexists(path):
                os.unlink(path)
            sock.bind(path)
            os.chmod(path, 0o600)
        except OSError as exc:
            raise ConfigError(f"{path}: {exc.strerror}") from exc
        log.info(event, path=path)
        try:
            yield
        finally:
            os.unlink(path)


def _configured(config: MasterConfig) -> KeepAlive:
    return KeepAlive(
        on=int(config.tcp_keepalive),
        idle=int(config.tcp_keepalive_idle),
        count=int(config.tcp_keepalive_cnt),
        interval=int(config.tcp_keepalive_intvl),
    )


def _peers_are_seen_by(config: MasterConfig, asked: KeepAlive) -> dict[str, Any]:
    """How a lost peer is noticed: by the kernel's probes, no later than `asked`; by heartbeats where those are wanted,
    or probes are not."""
    if not config.tcp_keepalive or config.zmq_heartbeat_ivl is not None:
        return {"keepalive": asked, "heartbeat": _heartbeat(config.opts)}
    idle, interval = (
        least if given < 0 else min(given, least)
        for given, least in ((asked.idle, PROBED.idle), (asked.interval, PROBED.interval))
    )
    probes = attrs.evolve(asked, idle=idle, interval=interval, give_up=PROBED.give_up)
    return {"keepalive": probes, "heartbeat": NO_HEARTBEAT}


def _heartbeat(opts: Mapping[str, Any]) -> Heartbeat:
    interval, timeout = opts.get("zmq_heartbeat_ivl"), opts.get("zmq_heartbeat_timeout")
    return Heartbeat(
        interval=HEARTBEAT.interval if interval is None else int(interval),
        timeout=HEARTBEAT.timeout if timeout is None else int(timeout),
    )
