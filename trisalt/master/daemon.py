"""Opens all of the master, in order of start; read backwards it is the order of stop.

No new requests, those inside finish, services end, workers end, the event sockets are flushed, the store is closed.
`cli/salt_master` calls this, with the zygote that it started before Trio and before any thread.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import trio

from trisalt import log as logs
from trisalt.bus.bus import Bus
from trisalt.bus.event import Origin
from trisalt.bus.events import KeyChanged, TaggedEvent
from trisalt.bus.requests import RotateRequest, StatusRequest
from trisalt.config.master import MasterConfig
from trisalt.errors import ConfigError
from trisalt.hugepages import gather_memory
from trisalt.master.api import open_api
from trisalt.master.commands import answer_upcall
from trisalt.master.departures import GONE
from trisalt.master.doors import open_doors, open_publish_port
from trisalt.master.premises import Premises, prepare
from trisalt.master.services import start_services
from trisalt.master.status import Parts, serve_status
from trisalt.meters import LoopMeter
from trisalt.scheduler.entry import Source
from trisalt.scheduler.scheduler import run_schedule
from trisalt.service import keep_watchdog, supervise, tell_init
from trisalt.store.log import SqliteLog
from trisalt.store.sqlite import open_store
from trisalt.store.wal import ROOM
from trisalt.transport.ipc import open_event_sockets
from trisalt.transport.metrics import serve_metrics
from trisalt.transport.zmq import open_context
from trisalt.worker.lessons import LESSONS
from trisalt.worker.pool import Workers, open_workers
from trisalt.worker.zygote import Zygote

log = structlog.get_logger()

# One moves what Trio's thread can handle several times over. A second only makes both wake more often, for less each.
IO_THREADS = 1


async def run_master(
    config: MasterConfig,
    zygote: Zygote,
    *,
    reread: Callable[[], MasterConfig] | None = None,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the master until SIGTERM or SIGINT; `started()` with the request port when it is ready.

    `zygote` has been started before Trio and before any thread (`worker.zygote.start_zygote`). `reread` reads the
    configuration again, for SIGHUP. Raises ConfigError when a port is in use, or a folder cannot be made. An
    exception of an essential service ends the master.
    """
    log.info("master.setup")
    here = await trio.to_thread.run_sync(prepare, config)
    log.info("master.user", user=config.user)
    _raise_open_files(config.max_open_files)
    bus, live = here.bus, here.live
    async with (
        _stop_in_order() as stop,
        open_store(here.paths.database, room=ROOM) as store,
        log_events(bus, store.log, max_event_size=config.max_event_size),
        open_event_sockets(
            here.paths.event_pub,
            here.paths.event_pull,
            bus,
            partial(_fire, bus, Origin("user", config.user), lambda: live.keys.rotate_aes_key),
            max_event_size=config.max_event_size,
        ),
        open_workers(
            zygote,
            context=lambda: live.context,
            upcalls=partial(answer_upcall, bus, store.jobs, store.banks, here.runs),
            max_running=config.worker_threads,
            max_warm=config.worker_threads,
            lessons=LESSONS,
        ) as workers,
        open_context(io_threads=IO_THREADS) as sockets,
        open_publish_port(here, sockets) as publisher,
        trio.open_nursery() as services,
    ):
        parts = Parts(
            bus=bus,
            store=store,
            workers=workers,
            publisher=publisher,
            keyring=here.keyring,
            presence=here.presence,
            reactor=here.reactor,
            loop=LoopMeter(),
        )
        await services.start(serve_status, parts)
        parts.watched = await start_services(services, here, store, workers, publisher)
        if config.metrics_port:
            gather = partial(bus.ask, StatusRequest(metrics=True))
            await services.start(serve_metrics, config.metrics_address, config.metrics_port, gather)
        if reread is not None:
            await services.start(_reload_on_hangup, reread, here, workers)
        here.schedule.load(config.schedule, source=Source.CONFIG)
        async with open_doors(here, store, sockets, parts) as port, open_api(config, here.api):
            await services.start(partial(supervise, partial(run_schedule, bus, here.schedule), name="schedule"))
            services.start_soon(keep_watchdog, lambda: parts.loop.well)
            services.start_soon(partial(supervise, gather_memory, name="huge pages"))
            task_status.started(port)
            log.info("master.ready")
            tell_init("READY=1")
            await stop.wait()
            tell_init("STOPPING=1")
        services.cancel_scope.cancel()
    log.info("master.stopped")


@asynccontextmanager
async def log_events(bus: Bus, events: SqliteLog, *, max_event_size: int = 1024 * 1024) -> AsyncIterator[None]:
    """What the bus tells the outside is in the log first; what could not be written is tried again."""
    events.max_event_size = max_event_size
    events.tell = bus.tell
    bus.keep_in(events)
    async with trio.open_nursery() as nursery:
        await nursery.start(events.run)
        yield
        nursery.cancel_scope.cancel()


def _raise_open_files(wanted: int) -> None:
    """As many open files as the configuration asks for and the system allows: each minion holds two sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    log.info("master.rlimit_nofile", soft=soft, hard=hard)
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        return
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if limit < wanted:
        log.info("master.rlimit_nofile.capped", wanted=wanted, hard=hard)
    if limit > soft:
        log.info("master.rlimit_nofile.raising", wanted=limit)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        log.info("master.rlimit_nofile.raised", soft=limit, hard=hard)


# -- while it runs ---------------------------------------------------------------------------------------------------


async def _fire(bus: Bus, origin: Origin, rotate: Callable[[], bool], tag: str, data: dict[str, Any]) -> None:
    """An event from stock's pull socket: the master's account wrote it. `rotate` is the rule `rotate_aes_key`."""
    id, act = data.get("id"), data.get("act")
    if tag == KeyChanged.TAG and isinstance(id, str) and isinstance(act, str):
        # Stock's salt-key has moved a file, and tells.
        result = bool(data.get("result", True))
        await bus.publish(KeyChanged(result=result, act=act, id=id, pub=data.get("pub"), origin=origin))
        if act in GONE and rotate():
            # The file that stock's command leaves for this is looked for now and then; what goes out before is secret.
            await bus.ask(RotateRequest(ids=[id]))
        return
    await bus.publish(TaggedEvent(name=tag, data=data, origin=origin))


async def _reload_on_hangup(
    reread: Callable[[], MasterConfig],
    here: Premises,
    workers: Workers,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """SIGHUP: read the configuration again, say what took effect, open the log file anew."""
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        task_status.started()
        async for _signal in signals:
            tell_init("RELOADING=1")
            logs.reopen()
            here.api.hang_up()
            try:
                # In a thread: the files may lie on a disk that is slow, and a host's accounts in a directory that is.
                fresh = await trio.to_thread.run_sync(reread)
                # The id may be one that is generated on first use.
                taken, waiting = here.live.reload({**fresh.opts, "id": fresh.id})
                workers.refresh()
            except ConfigError as exc:
                log.error("config.not_reloaded", reason=str(exc))
            else:
                logs.relevel(
                    fresh.log_level,
                    log_level_logfile=fresh.log_level_logfile,
                    granular_levels=fresh.log_granular_levels,
                )
                if "schedule" in taken:
                    here.schedule.load(fresh.schedule, source=Source.CONFIG)
                # It may be the name of a file that says something else now.
                here.reactor.load(fresh.reactor)
                if "publisher_acl" in taken:
                    try:
                        await here.hand_out_keys(fresh.publisher_acl)
                    except ConfigError as exc:
                        log.error("config.keys_not_handed_out", reason=str(exc))
                for warning in fresh.warnings:
                    log.warning("config.warning", text=warning)
                log.info("config.reloaded", taken=taken, at_restart=waiting)
            tell_init("READY=1")


@asynccontextmanager
async def _stop_in_order() -> AsyncIterator[trio.Event]:
    """Yields what SIGTERM or SIGINT sets. A second signal skips the waiting."""
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_hear, stop, nursery.cancel_scope)
        yield stop
        nursery.cancel_scope.cancel()


async def _hear(stop: trio.Event, scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for signum in signals:
            log.warning("master.signal", signal=signal.Signals(signum).name)
            if stop.is_set():
                scope.cancel()
            stop.set()
