"""The two daemons, opened as `master/daemon` and `minion/daemon` open them, with simulated edges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from tests.simulation import platform
from tests.simulation.disk import Disk, open_simulated_store
from tests.simulation.door import End, heed
from tests.simulation.faults import MASTER, SECOND
from tests.simulation.hosts import Daemon
from tests.simulation.keys import pair
from tests.simulation.network import Network
from tests.simulation.workers import ScriptedWorkers
from trisalt import meters
from trisalt.config.read import read_master, read_minion
from trisalt.master import auth, retention
from trisalt.master.daemon import log_events
from trisalt.master.doors import network_door
from trisalt.master.local_door import serve_local_door
from trisalt.master.premises import prepare
from trisalt.master.request_server import FALLBACK
from trisalt.master.services import start_services
from trisalt.minion import jobs, proc
from trisalt.minion.daemon import Minion, Outside
from trisalt.transport.hands import open_hands
from trisalt.transport.local import FrameStream, LocalPeer

ADDRESSES = {MASTER: "10.0.0.1", SECOND: "10.0.0.2"}
GRACE = 5.0


async def run_master(network: Network, masters: str, daemon: Daemon) -> None:
    """A master's whole life: what `master.daemon.run_master` opens, until it is told to stop. `masters` as in a plan."""
    folder = daemon.root
    requests, publications = (f"tcp://{ADDRESSES[daemon.id]}:{port}" for port in (4506, 4505))
    if masters != "one":
        # Masters of one house have one pair.
        _put_key(daemon.host.disk, folder / "pki" / "master.pem")
    config = read_master(folder, {"id": "master", "auto_accept": True, **_folders(folder)}, root_dir=str(folder))
    here = prepare(config)
    gone = partial(getattr, daemon, "gone")
    workers: Any = ScriptedWorkers(daemon, {"compile_in_worker": _pillar, "master_tops_in_worker": _tops})
    async with (
        open_simulated_store(daemon.host.disk, daemon.host.draw, gone, daemon.moment, daemon.host.world.clock) as store,
        log_events(here.bus, store.log),
        network.publisher(daemon, publications, subscribed=here.presence.subscribed) as publisher,
        trio.open_nursery() as services,
    ):
        await start_services(services, here, store, workers, publisher)
        async with trio.open_nursery() as background:
            door = partial(serve_local_door, here.bus, store.jobs, store.log, here.live.acl)
            await background.start(partial(door, path="", listen=_listen))
            answers = network_door(here, background)
            daemon.bus, daemon.base = here.bus, here.bus.statistics()
            async with network.listen(
                daemon,
                requests,
                answers.handle,
                fallback=FALLBACK,
                grace=GRACE,
                hung_up=here.presence.hung_up,
            ):
                await daemon.stop.wait()
            background.cancel_scope.cancel()
        services.cancel_scope.cancel()


@asynccontextmanager
async def _listen(_path: str, handle: Callable[..., Awaitable[None]], **_options: Any) -> AsyncIterator[None]:
    """What `transport.local.open_local_listener` is."""
    daemon = platform.current.get()
    assert isinstance(daemon, Daemon)
    daemon.callers, callers = trio.open_memory_channel[End](0)

    async def serve(sock: Any) -> None:
        with sock:
            try:
                await handle(LocalPeer(uid=0, gid=0, pid=1), FrameStream(sock, heed=partial(heed, hands.scope())))
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                daemon.host.world.trace.note(str(daemon), "hung up")

    async def take() -> None:
        async for sock in callers:
            hands.start_soon(serve, sock)

    async with trio.open_nursery() as handlers:
        with open_hands(handlers) as hands:
            handlers.start_soon(take)
            try:
                yield
            finally:
                callers.close()
                handlers.cancel_scope.cancel()


async def run_minion(network: Network, masters: str, daemon: Daemon) -> None:
    """A minion's whole life. `masters` as in a plan."""
    folder = daemon.root
    options = {"id": daemon.id, "master": ADDRESSES[MASTER], "mine_interval": 0, **_folders(folder)}
    if masters != "one":
        options |= {"master": list(ADDRESSES.values()), "master_type": "failover" if masters == "failover" else "str"}
    config = read_minion(folder, options, root_dir=str(folder))
    workers = ScriptedWorkers(daemon, {"gather": lambda _opts, _kept: {"os": "Simulated", "trisaltversion": "0"}})

    @asynccontextmanager
    async def open_workers(*_args: Any, **_kwargs: Any) -> AsyncIterator[Any]:
        yield workers

    outside = Outside(
        workers=open_workers,
        dial=lambda _config: network.dial(daemon),
        event_sockets=lambda *_args, **_kwargs: _nothing(),
        status_socket=lambda *_args, **_kwargs: _nothing(),
    )
    minion = Minion(config, None, lambda _state: None, outside)
    daemon.bus = bus = minion._bus

    class Ready:
        """What is told that the minion is ready."""

        def started(self, value: None = None) -> None:
            daemon.base = bus.statistics()

    await minion.run(Ready())


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def _pillar(_request: dict[str, Any]) -> dict[str, Any]:
    return {"pillar": {"role": "simulated"}, "problems": [], "alone": False}


def _tops(_request: dict[str, Any]) -> dict[str, Any]:
    return {"tops": {}, "problems": []}


def _folders(folder: Path) -> dict[str, Any]:
    return {"pki_dir": str(folder / "pki"), "cachedir": str(folder / "cache"), "sock_dir": str(folder / "run")}


def _put_key(disk: Disk, path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with platform.outside():
            # It has been there since before all this.
            path.write_bytes(pair(MASTER, 0))
            if disk.synced is not None:
                disk.synced.settle()


# It is of a host here, and not of a process.
proc.boot_id = jobs.boot_id = proc.boot_id.__wrapped__  # type: ignore[attr-defined]
# Looks that find nothing in a run, or seldom: two in five steps of all tasks, at their real pace.
meters.LOOK_EVERY_S = 30.0
auth.DROP_FILE_EVERY_S = 10.0
retention.EVERY_S = retention.OFTEN_S = 60.0
