"""The minion: opens everything below in order, owns the nursery, and stops it in order.

Called by `cli/salt_minion`, which reads the configuration, sets up the log and starts the zygote before Trio.
The order here is the order of start, and of the lines an operator knows; read backwards it is the order of stop.
"""

from __future__ import annotations

import random
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt import log as logs
from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    Connected,
    EnvironSet,
    FireMaster,
    GrainsRefresh,
    ModuleRefresh,
    ModuleRefreshed,
    PillarRefreshed,
    ScheduleDue,
    TaggedEvent,
)
from trisalt.bus.requests import StatusRequest
from trisalt.config.minion import MinionConfig
from trisalt.config.paths import MinionPaths, minion_paths
from trisalt.errors import CommandError, ConfigError, MasterNotFound, Rejected, RemoteProtocolError, TrisaltError
from trisalt.loader.passed import passed_to_pillars
from trisalt.loader.returner import returner_names
from trisalt.meters import LoopMeter
from trisalt.minion.asking import answer_requests, standing
from trisalt.minion.beacons import FILE_NAME, Beacons
from trisalt.minion.dial import Dial, open_dial
from trisalt.minion.facts import Facts
from trisalt.minion.fixed import AT_START_ONLY
from trisalt.minion.grains import Grains, keep_grains
from trisalt.minion.heartbeat import Hearts
from trisalt.minion.identity import Identity, open_identity
from trisalt.minion.jobs import JobOptions, run_jobs
from trisalt.minion.link import Link, LinkOptions
from trisalt.minion.local_events import announce, relay_events, to_event
from trisalt.minion.masters import Rota, masters_of, named, rotas, watch_jobs
from trisalt.minion.mine import keep_mine
from trisalt.minion.pillar import Pillar, PillarOptions, keep_pillar
from trisalt.minion.proc import Proc, SeenJids
from trisalt.minion.returns import Returns, keep_returns
from trisalt.minion.signin import SignInOptions
from trisalt.minion.spool import Spool
from trisalt.minion.status import Parts, disk_complaint, serve_status
from trisalt.minion.upcalls import Upcalls
from trisalt.minion.watchlist import completion as beacons_completion
from trisalt.scheduler.desk import completion, listing, manage
from trisalt.scheduler.entry import Entry, Source
from trisalt.scheduler.scheduler import Schedule, run_schedule
from trisalt.service import keep_watchdog, supervise
from trisalt.transport.ipc import open_event_sockets
from trisalt.transport.local import open_local_listener
from trisalt.transport.metrics import serve_metrics
from trisalt.worker.lessons import LESSONS
from trisalt.worker.pool import Workers, open_workers
from trisalt.worker.zygote import Zygote

log = structlog.get_logger()

MINE_JOB = "__mine_interval"

# A rejected minion waits this long (seconds, drawn) before it ends, so that an init that restarts it does not storm.
REJECTED_WAIT = (10.0, 20.0)

Reread = Callable[[], MinionConfig]


@attrs.frozen(kw_only=True)
class Outside:
    """What a minion reaches the world by: worker processes, connections to masters, the sockets of its host."""

    workers: Callable[..., AbstractAsyncContextManager[Workers]] = open_workers
    dial: Callable[[MinionConfig], AbstractAsyncContextManager[Dial]] = open_dial
    event_sockets: Callable[..., AbstractAsyncContextManager[object]] = open_event_sockets
    status_socket: Callable[..., AbstractAsyncContextManager[object]] = open_local_listener


async def run_minion(
    config: MinionConfig,
    zygote: Zygote,
    *,
    notify: Callable[[str], object] = lambda _state: None,
    reread: Reread | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run one minion until it is told to stop.

    `notify` gets systemd's state lines (`READY=1` as soon as the daemon works, which may be long before a master
    answers). `reread` is called on SIGHUP and gives the configuration anew, or raises ConfigError. SIGTERM, SIGINT and
    SIGHUP are taken here; running jobs outlive the daemon. `task_status` is started when the minion is ready to
    receive requests. Raises `Rejected` when the master rejected our key (the command exits 77 then), and other errors
    of our tree bare when there is but one.
    """
    if config.id_by_function:
        log.info("minion.id_given", fun=config.id_by_function, id=config.id)
    log.info("minion.setup", id=config.id)
    try:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with trio.open_nursery() as nursery:
                minion = Minion(config, zygote, notify)
                nursery.start_soon(_obey, signals, nursery.cancel_scope, minion, notify, reread)
                try:
                    await minion.run(task_status)
                except BaseExceptionGroup as group:
                    error = _sole(group)
                    if isinstance(error, Rejected):
                        # Here, where a signal still ends it.
                        wait = random.uniform(*REJECTED_WAIT)  # noqa: S311 - a spread, no secret
                        log.info("minion.rejected", wait_s=round(wait))
                        await trio.sleep(wait)
                    raise
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        error = _sole(group)
        if error is None:
            raise
        raise error from None
    log.info("minion.stopped")


async def _obey(
    signals: AsyncIterator[int],
    scope: trio.CancelScope,
    minion: Minion,
    notify: Callable[[str], object],
    reread: Reread | None,
) -> None:
    async for signum in signals:
        name = signal.Signals(signum).name
        if signum == signal.SIGHUP:
            notify("RELOADING=1")
            await minion.reload(reread)
            notify("READY=1")
            continue
        log.warning("minion.signal", signal=name)
        notify("STOPPING=1")
        await minion.leave()
        scope.cancel()
        return


class Minion:
    """What a running minion is made of, for the start and the reload. `outside` is what it reaches the world by."""

    def __init__(
        self,
        config: MinionConfig,
        zygote: Zygote | None,
        notify: Callable[[str], object],
        outside: Outside = Outside(),
    ) -> None:
        self._config = config
        self._zygote = zygote
        self._notify = notify
        self._outside = outside
        self._paths: MinionPaths = minion_paths(config)
        # The command made it before it gave up root; without a command it is made here.
        Path(config.sock_dir).mkdir(mode=0o755, parents=True, exist_ok=True)
        self._bus = Bus()
        self._hearts: Hearts | None = None
        self._facts = Facts(id=config.id, opts=config.opts, grains={**config.grains, "id": config.id})
        self._rotas: list[Rota] = []
        self._schedule = Schedule(path=Path(self._paths.schedule), state=Path(self._paths.schedule_state))
        self._beacons: Beacons | None = None

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Open everything, and run until cancelled."""
        config, bus, facts = self._config, self._bus, self._facts
        upcalls = Upcalls(bus, facts, self._schedule)
        staffed = upcalls.staffed = trio.Event()
        identity = await open_identity(config.id, Path(config.pki_dir), keysize=config.keysize)
        spool = Spool(Path(self._paths.spool))
        proc = Proc(Path(self._paths.proc))
        depth = _number(config.opts.get("minion_jid_queue_hwm"), 100)
        # Beside the running jobs, where nobody clears a cache.
        seen = SeenJids(Path(self._paths.proc, ".jids"), depth=depth)
        ready = trio.Event()
        async with (
            self._outside.dial(config) as dial,
            self._outside.workers(
                self._zygote,
                context=facts.context,
                upcalls=upcalls,
                door=Path(self._paths.workers),
                lessons=LESSONS,
            ) as workers,
            trio.open_nursery() as services,
        ):
            links: list[Link] = []
            parts = Parts(
                bus=bus,
                loop=LoopMeter(),
                workers=workers,
                links=lambda: [(link.master, link.connected) for link in links],
                spooled=lambda: len(spool.names()),
                disk=lambda: disk_complaint([Path(self._paths.spool), Path(self._paths.proc)], spool.held),
            )
            await services.start(partial(serve_status, parts, self._paths.status, listen=self._outside.status_socket))
            services.start_soon(keep_watchdog, lambda: parts.loop.well)
            if config.metrics_port:
                gather = partial(bus.ask, StatusRequest(metrics=True))
                await services.start(serve_metrics, config.metrics_address, config.metrics_port, gather)
            self._notify("READY=1")
            grains = upcalls.grains = Grains(workers, facts)
            await services.start(partial(keep_grains, bus, grains, every=config.grains_refresh_every * 60.0))
            links += await self._links(identity, dial, workers)
            masters = [link.master for link in links]
            returns = Returns(spool, masters if len(links) > 1 else (), pub_ret=config.pub_ret)
            if len(links) > 1 or any(rota.several for rota in self._rotas):
                upcalls.standing = partial(standing, links)
                facts.masters = frozenset(master.name for rota in self._rotas for master in rota.order)
            await services.start(answer_requests, bus, links)
            self._hearts = Hearts(config.id, links, off=self._switched_off)
            await services.start(self._hearts.run, bus)
            await services.start(
                partial(
                    keep_returns,
                    bus,
                    returns,
                    tries=config.return_retry_tries,
                    timer=config.return_retry_timer,
                    timer_max=config.return_retry_timer_max,
                )
            )
            upcalls.jobs = await services.start(
                partial(
                    run_jobs,
                    bus,
                    workers,
                    proc,
                    seen,
                    returns,
                    facts,
                    self._job_options(),
                    ready=ready,
                    before=grains.anew if config.grains_refresh_pre_exec else None,
                )
            )
            await services.start(keep_mine, bus, config.id, masters)
            await services.start(relay_events, bus, config.id, masters)
            await services.start(
                partial(
                    announce,
                    bus,
                    facts,
                    ready=ready,
                    legacy=config.enable_legacy_startup_events,
                    grains=tuple(config.start_event_grains),
                )
            )
            await services.start(_reload_modules, bus, facts, workers)
            await services.start(_keep_environ, bus, facts)
            # Jobs of an earlier daemon may ask from its first moment on; from here on all who answer them are there.
            staffed.set()
            beacons = self._beacons = upcalls.beacons = Beacons(
                workers,
                path=Path(self._paths.schedule).with_name(FILE_NAME),
                every=max(config.loop_interval, 0.1),
            )
            beacons.take(own=config.beacons)
            watch = partial(beacons.run, bus, config.id, partial(_state_runs, proc))
            early = config.beacons_before_connect or not links
            if early:
                await services.start(partial(supervise, watch, name="beacons"))
            if config.scheduler_before_connect or not links:
                self._take_schedule()
                await services.start(run_schedule, bus, self._schedule)
            if links:
                await self._connect(services, links)
                pillar = upcalls.pillar = Pillar(bus, facts, self._pillar_options(), upcalls.standing, grains.current)
                await services.start(keep_pillar, bus, pillar)
            if not config.scheduler_before_connect and links:
                self._take_schedule()
            self._take_pillar()
            await services.start(self._follow_pillar)
            if not early:
                await services.start(partial(supervise, watch, name="beacons"))
            if any(rota.several for rota in self._rotas):
                await services.start(self._follow_masters)
            log.info("minion.user", user=config.user)
            async with self._outside.event_sockets(
                self._paths.event_pub,
                self._paths.event_pull,
                bus,
                self._fired_here,
                pub_mode=0o600,
                max_event_size=config.max_event_size,
            ):
                log.info("minion.bus_bound", socket="pub", path=self._paths.event_pub)
                log.info("minion.bus_bound", socket="pull", path=self._paths.event_pull)
                log.info("minion.ready")
                ready.set()
                if not config.scheduler_before_connect and links:
                    await services.start(run_schedule, bus, self._schedule)
                if config.ping_interval > 0:
                    services.start_soon(_ping, bus, config.ping_interval * 60.0)
                await self._start_states()
                task_status.started()
                self._notify("STATUS=Ready to receive requests")
                await trio.sleep_forever()

    def _switched_off(self) -> dict[str, list[str]] | None:
        """The beacons and the jobs of the schedule that are off; an empty name for all. None before there are any."""
        if self._beacons is None:
            return None
        jobs = [entry.name for entry in self._schedule.entries if not entry.enabled]
        return {"beacons": self._beacons.off, "schedule": jobs if self._schedule.enabled else ["", *jobs]}

    # -- the masters ------------------------------------------------------------------------------------------

    async def _links(self, identity: Identity, dial: Dial, workers: Workers) -> list[Link]:
        options = self._link_options()
        self._rotas = await self._choose(workers)
        return [Link(self._bus, rota, identity, self._facts, options, dial=dial) for rota in self._rotas]

    async def _choose(self, workers: Workers) -> list[Rota]:
        config = self._config
        if config.file_client == "local" and not config.use_master_when_local:
            log.warning("master.not_used", file_client="local")
            return []
        addresses = config.masters
        if config.master_type == "func":
            addresses = await masters_of(workers, config, wait=max(config.retry_dns, 1))
        if config.master_type == "disable":
            log.warning("master.disabled")
        if config.master_type == "failover":
            log.info("master.listed", masters=config.master)
        return rotas(
            named(addresses),
            master_type=config.master_type,
            id=config.id,
            shuffle=config.random_master,
            keep_first=config.master_failback,
        )

    async def _connect(self, services: trio.Nursery, links: list[Link]) -> None:
        """Start the links, and wait until one stands."""
        config = self._config
        async with self._bus.subscribe(Connected, keep=True) as connections:
            if config.random_startup_delay > 0:
                await trio.sleep(random.uniform(0, config.random_startup_delay))  # noqa: S311 - a spread, no secret
            kept = set(links)
            for link in links:
                services.start_soon(_keep, link, kept)
            await connections.receive()

    async def _follow_masters(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The jobs that look after a master are named by it: another master, other jobs."""
        async with self._bus.subscribe(Connected, keep=False, depth=1) as connections:
            task_status.started()
            while True:
                await connections.receive_all()
                self._schedule.load(self._internal_jobs(), source=Source.INTERNAL)

    def _link_options(self) -> LinkOptions:
        config = self._config
        return LinkOptions(
            sign_in=SignInOptions(
                auth_timeout=config.auth_timeout,
                auth_tries=config.auth_tries,
                acceptance_wait_time=config.acceptance_wait_time,
                acceptance_wait_time_max=config.acceptance_wait_time_max,
                rejected_retry=config.rejected_retry,
                encryption_algorithm=config.encryption_algorithm,
                signing_algorithm=config.signing_algorithm,
                hash_type=config.hash_type,
                master_finger=config.master_finger or None,
                verify_master_pubkey_sign=config.verify_master_pubkey_sign,
                autosign_grains=tuple(config.autosign_grains),
            ),
            # The master says where it publishes; a port of one's own is for a way to it that maps ports.
            publish_port=config.publish_port
            if config.publish_port != type(config).OPTIONS["publish_port"].default
            else None,
            require_signature=config.opts.get("require_signed_publications") is not False,
            minion_sign_messages=bool(config.opts.get("minion_sign_messages")),
            random_reauth_delay=config.random_reauth_delay,
            retry_dns=config.retry_dns,
            retry_dns_count=config.retry_dns_count,
            master_tries=config.master_tries,
        )

    def _pillar_options(self) -> PillarOptions:
        config = self._config
        return PillarOptions(
            saltenv=config.saltenv,
            pillarenv=config.pillarenv,
            extra_minion_data=passed_to_pillars(config.opts),
            request_channel_timeout=config.request_channel_timeout,
            request_channel_tries=config.request_channel_tries,
        )

    def _job_options(self) -> JobOptions:
        config = self._config
        executors = config.opts.get("module_executors")
        names = tuple(executors) if isinstance(executors, list | tuple) else ()
        if config.sudo_user and "sudo" not in names:
            names = ("sudo", *(name for name in names if name != "direct_call"))
        return JobOptions(
            process_count_max=config.process_count_max,
            multifunc_ordered=config.multifunc_ordered,
            module_executors=names if names != ("direct_call",) else (),
            user=config.user,
            returners=returner_names(config.return_),
            cache_jobs=config.cachedir if config.cache_jobs else "",
        )

    # -- the schedule -----------------------------------------------------------------------------------------

    def _take_schedule(self) -> None:
        config = self._config
        if config.mine_enabled and config.mine_interval > 0:
            log.info("scheduler.internal_job_added", fun="mine.update")
        self._schedule.load(self._internal_jobs(), source=Source.INTERNAL)
        self._schedule.take_kept()
        self._schedule.load(config.schedule, source=Source.CONFIG)

    def _internal_jobs(self) -> dict[str, Any]:
        config = self._config
        jobs = watch_jobs(
            self._rotas,
            alive_interval=config.master_alive_interval,
            failback_interval=config.master_failback_interval if config.master_failback else 0,
        )
        if not config.mine_enabled or config.mine_interval <= 0:
            return jobs
        return jobs | {
            MINE_JOB: {
                "function": "mine.update",
                "minutes": config.mine_interval,
                "jid_include": True,
                "maxrunning": 2,
                "run_on_start": True,
                "return_job": config.mine_return_job,
            }
        }

    async def _start_states(self) -> None:
        """What `startup_states` says is to run once, now."""
        config = self._config
        which: dict[str, tuple[str, list[Any]]] = {
            "highstate": ("state.highstate", []),
            "sls": ("state.sls", [config.opts.get("sls_list") or []]),
            "top": ("state.top", [config.opts.get("top_file") or ""]),
        }
        if not config.startup_states:
            return
        if config.startup_states not in which:
            log.error("startup_states.unknown", value=config.startup_states)
            return
        function, args = which[config.startup_states]
        mapping = {"function": function, "args": args, "seconds": 1}
        entry = Entry.from_config("__startup_states", mapping, source=Source.INTERNAL)
        await self._bus.publish(ScheduleDue(name=entry.name, entry=entry))

    def _take_pillar(self) -> None:
        """What the pillar says of the schedule and of beacons."""
        if self._beacons is not None:
            self._beacons.take(pillar=self._facts.pillar.get("beacons") or {})
        grains, pillar = self._facts.grains.get("whens"), self._facts.pillar.get("whens")
        whens = {name: text for whens in (grains, pillar) if isinstance(whens, Mapping) for name, text in whens.items()}
        self._schedule.name_times(whens)
        self._schedule.load(self._facts.pillar.get("schedule"), source=Source.PILLAR)

    async def _follow_pillar(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with self._bus.subscribe(PillarRefreshed, keep=False, depth=1) as refreshed:
            task_status.started()
            while True:
                await refreshed.receive_all()
                self._take_pillar()

    # -- what happens on this host ----------------------------------------------------------------------------

    async def _fired_here(self, tag: str, data: Mapping[str, Any]) -> None:
        if tag == "manage_schedule":
            await self._manage_schedule(data)
            return
        if tag == "manage_beacons":
            await self._manage_beacons(data)
            return
        try:
            await self._bus.publish(to_event(tag, data))
        except RemoteProtocolError as exc:
            log.warning("event.refused", tag=tag, reason=str(exc))

    async def _manage_schedule(self, data: Mapping[str, Any]) -> None:
        """What `salt-call` and stock's tools ask of the schedule: answered by the event they wait for."""
        op = str(data.get("func"))
        try:
            answer = await manage(self._schedule, op, data)
        except CommandError as exc:
            log.warning("scheduler.refused", op=op, name=data.get("name"), reason=str(exc))
            answer = {"complete": False, "error": str(exc), "schedule": listing(self._schedule, data.get("where"))}
        await self._bus.publish(TaggedEvent(name=completion(op), data=answer))

    async def _manage_beacons(self, data: Mapping[str, Any]) -> None:
        """What `salt-call` and stock's tools ask of the beacons: answered by the event they wait for."""
        op = str(data.get("func"))
        if self._beacons is None:
            return
        try:
            answer = await self._beacons.manage(op, data)
        except TrisaltError as exc:
            log.warning("beacons.refused", op=op, name=data.get("name"), reason=str(exc))
            answer = {"complete": False, "comment": str(exc)}
        await self._bus.publish(TaggedEvent(name=beacons_completion(op), data=answer))

    async def leave(self) -> None:
        """Say to the masters that this minion stops."""
        if self._hearts is not None:
            await self._hearts.leave()

    async def reload(self, reread: Reread | None) -> None:
        """Take the configuration anew, as far as a running minion can, and say which keys took effect."""
        if reread is None:
            log.warning("config.not_reloaded", reason="nobody gave a way to read it again")
            return
        logs.reopen()
        try:
            new = await trio.to_thread.run_sync(reread)
        except ConfigError as exc:
            log.error("config.not_reloaded", reason=str(exc))
            return
        old = self._facts.opts
        changed = sorted(key for key in {*old, *new.opts} if old.get(key) != new.opts.get(key))
        waiting = [key for key in changed if key in AT_START_ONLY]
        taken = [key for key in changed if key not in AT_START_ONLY]
        self._config = new
        self._facts.opts = {**new.opts, **{key: old[key] for key in waiting if key in old}}
        self._take_schedule()
        if self._beacons is not None and "beacons" in taken:
            self._beacons.take(own=new.beacons)
        if "grains" in taken:
            await self._bus.publish(GrainsRefresh())
        logs.relevel(new.log_level, log_level_logfile=new.log_level_logfile, granular_levels=new.log_granular_levels)
        for warning in new.warnings:
            log.warning("config.warning", text=warning)
        log.info("config.reloaded", taken=taken, at_restart=waiting)


def _state_runs(proc: Proc) -> bool:
    """Whether states are applied right now."""
    functions = [one.get("fun") for one in proc.running()]
    return any(
        str(fun).startswith("state.") for each in functions for fun in (each if isinstance(each, list) else [each])
    )


async def _keep(link: Link, kept: set[Link]) -> None:
    """Keep one link standing. It may end as long as there are others: then `kept` holds one less."""
    link.alone = lambda: kept <= {link}
    try:
        await link.run()
    except (MasterNotFound, Rejected, BaseExceptionGroup) as exc:
        error = _sole(exc) if isinstance(exc, BaseExceptionGroup) else exc
        kept.discard(link)
        if isinstance(error, MasterNotFound):
            log.error("master.not_found", master=link.master)
        if not kept or not isinstance(error, MasterNotFound | Rejected):
            raise
        log.error("master.left", master=link.master, others=len(kept))


async def _reload_modules(
    bus: Bus, facts: Facts, workers: Workers, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Plugins on disk have changed: workers load them anew, and whoever waits is told."""
    async with bus.subscribe(ModuleRefresh, keep=False, depth=1) as wishes:
        task_status.started()
        while True:
            await wishes.receive_all()
            facts.version += 1
            workers.refresh()
            await bus.publish(ModuleRefreshed())


async def _keep_environ(
    bus: Bus, facts: Facts, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Later jobs start with what an earlier one has set for them."""
    async with bus.subscribe(EnvironSet, keep=True) as wishes:
        task_status.started()
        async for wish in wishes:
            if isinstance(wish, EnvironSet):
                facts.environ = {**facts.environ, **wish.environ}


async def _ping(bus: Bus, every: float) -> None:
    """Say something to the master now and then, so that what is between us keeps the connection."""
    while True:
        await trio.sleep(every)
        await bus.publish(FireMaster(name="minion_ping", data="ping"))


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _sole(group: BaseExceptionGroup[BaseException]) -> TrisaltError | None:
    """The one error of our tree in a group that holds nothing else."""
    leaves: list[BaseException] = []
    stack: list[BaseException] = [group]
    while stack:
        error = stack.pop()
        if isinstance(error, BaseExceptionGroup):
            stack.extend(error.exceptions)
        else:
            leaves.append(error)
    return leaves[0] if len(leaves) == 1 and isinstance(leaves[0], TrisaltError) else None
