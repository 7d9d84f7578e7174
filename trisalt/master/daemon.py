"""Opens all of the master, in order of start; read backwards it is the order of stop.

No new requests, those inside finish, services end, workers end, the event sockets are flushed, the store is closed.
`cli/salt_master` calls this, with the zygote that it started before Trio and before any thread.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt import log as logs
from trisalt.bus.bus import Bus
from trisalt.bus.event import Origin
from trisalt.bus.events import KeyChanged, TaggedEvent
from trisalt.bus.requests import RotateRequest, StatusRequest
from trisalt.config.master import MasterConfig
from trisalt.config.paths import MasterPaths, master_paths
from trisalt.errors import ConfigError
from trisalt.fileserver.backends import Backends, unknown
from trisalt.fileserver.gitpillar import GitPillars
from trisalt.hugepages import gather_memory
from trisalt.loader.returner import returner_names
from trisalt.master.acl import Acl
from trisalt.master.api import ApiProcess, open_api
from trisalt.master.auth import KeyRules, keep_keys, watch_drop_file
from trisalt.master.batches import run_batches
from trisalt.master.clear import ClearDesk
from trisalt.master.clock import SteadyClock, keep_clock
from trisalt.master.commands import Runs, answer_upcall, serve_commands
from trisalt.master.conformity import ConformityRules, keep_asking
from trisalt.master.departures import GONE, follow_departures
from trisalt.master.event_return import EventReturnRules, return_events
from trisalt.master.factors import Factors
from trisalt.master.files import serve_files
from trisalt.master.git_files import fetch_remotes
from trisalt.master.housekeeping import keep_house
from trisalt.master.identity import Identity, open_identity, open_user_keys
from trisalt.master.jobcache import JobCache, sweep_job_cache
from trisalt.master.jobs import keep_jobs
from trisalt.master.keyring import Keyring, State
from trisalt.master.local_door import serve_local_door
from trisalt.master.login import LoginRules, serve_logins
from trisalt.master.mine import serve_mine
from trisalt.master.minion_events import relay_minion_events
from trisalt.master.minions import Minions, answer_targets
from trisalt.master.peers import serve_peers
from trisalt.master.pillar import serve_pillar
from trisalt.master.presence import PresenceDesk, keep_presence
from trisalt.master.presence_events import announce_presence
from trisalt.master.publisher import USUAL_PATIENCE_S, PublishRules, publish_jobs
from trisalt.master.queue import Queue
from trisalt.master.queues import run_queue
from trisalt.master.reactor import ReactorDesk, ReactorRules, react
from trisalt.master.request_server import FALLBACK, NetworkDoor, RequestRules
from trisalt.master.retention import keep_size
from trisalt.master.scheduled import run_due
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.master.shared import KeptKey
from trisalt.master.status import Parts, serve_status
from trisalt.master.views.desk import Desk
from trisalt.meters import LoopMeter
from trisalt.scheduler.entry import Source
from trisalt.scheduler.scheduler import Schedule, run_schedule
from trisalt.service import keep_watchdog, supervise, tell_init
from trisalt.store.log import SqliteLog
from trisalt.store.sqlite import open_store
from trisalt.store.store import Store
from trisalt.store.wal import ROOM
from trisalt.transport.ipc import open_event_sockets
from trisalt.transport.metrics import serve_metrics
from trisalt.transport.publish import Publisher, open_publisher
from trisalt.transport.request import SERVER_KEEPALIVE, open_request_server
from trisalt.transport.zmq import HEARTBEAT, Heartbeat, KeepAlive, open_context, tcp_address
from trisalt.transport.zmq import Context as ZmqContext
from trisalt.worker.lessons import LESSONS
from trisalt.worker.pool import Workers, open_workers
from trisalt.worker.protocol import Context
from trisalt.worker.zygote import Zygote

log = structlog.get_logger()

# ZeroMQ looks through all heartbeats of a thread whenever one of them is answered: the fewer the better.
IO_THREADS = 2
# Those inside may finish: so long, after SIGTERM.
GRACE_S = 5.0
# Options that are asked for each time, so that a configuration that is read again takes effect.
RELOADED = frozenset(
    {
        field.name
        for rules in (KeyRules, PublishRules, RequestRules, LoginRules, ConformityRules)
        for field in attrs.fields(rules)
    }
    - {"publish_port", "request_server_ttl", "request_max_size", "zmq_filtering"}
) | {
    *("nodegroups", "schedule", "log_level", "log_level_logfile", "log_granular_levels"),
    *("publisher_acl", "publisher_acl_blacklist", "sudo_acl", "permissive_acl", "peer", "peer_run"),
    *("sharedsecret", "auth.pam.service", "event_visibility", "masked_arguments"),
    "reactor",
    *("console_minion_down_seconds", "console_job_runs_seconds", "console_advisories"),
}


# Folders of the cache that stock's commands write to without making them.
STOCK_FOLDERS = ("jobs", "proc", "syndics", "tokens")


class Live:
    """The options as they are now, and the rules that follow from them. SIGHUP has them read again.

    `opts` and `acl` stay one object each, which services look into; `version` counts the changes, and `context` is what
    workers are given.
    """

    def __init__(self, opts: dict[str, Any], acl: Acl | None = None) -> None:
        self.opts = opts
        self.acl = acl or Acl()
        self.version = 0
        self.context = Context(opts=self.opts)
        self._follow()

    def _follow(self) -> None:
        self.keys = KeyRules.from_opts(self.opts)
        self.publish = PublishRules.from_opts(self.opts)
        self.requests = RequestRules.from_opts(self.opts)
        self.logins = LoginRules.from_opts(self.opts)
        self.conformity = ConformityRules.from_opts(self.opts)
        self.acl.grant(self.opts)
        for problem in self.acl.problems():
            log.warning("acl.row_grants_nothing", row=problem)

    def reload(self, opts: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Take what may change while the master runs: the names that took effect, and those that wait for a restart."""
        changed = {name for name in {*opts, *self.opts} if opts.get(name) != self.opts.get(name)}
        taken = sorted(changed & RELOADED)
        self.opts.update({name: opts.get(name) for name in taken})
        self.version += 1
        self.context = Context(opts=self.opts, version=self.version)
        self._follow()
        return taken, sorted(changed - RELOADED)


@attrs.frozen(kw_only=True)
class Premises:
    """What is there before anything runs: configuration, keys, who may what, and the bus."""

    config: MasterConfig
    live: Live
    paths: MasterPaths
    keyring: Keyring
    accepted: AcceptedKeys
    identity: Identity
    user_keys: dict[str, str]
    sessions: Sessions
    schedule: Schedule
    presence: PresenceDesk
    files: Backends
    factors: Factors
    reactor: ReactorDesk
    clock: SteadyClock = attrs.field(factory=SteadyClock)
    api: ApiProcess = attrs.field(factory=ApiProcess)
    bus: Bus = attrs.field(factory=Bus)
    runs: Runs = attrs.field(factory=Runs)

    @property
    def pki_dir(self) -> Path:
        """The folder of the keys."""
        return Path(self.config.pki_dir)

    def nodegroups(self) -> Mapping[str, Any]:
        """Names for compound targets, as they are now."""
        return self.live.opts.get("nodegroups") or {}

    def hand_out_keys(self, acl_users: Iterable[str]) -> None:
        """Keys of stock's commands for the accounts that `publisher_acl` names now, and for nobody else."""
        keys = open_user_keys(
            Path(self.config.cachedir),
            user=self.config.user,
            acl_users=acl_users,
            verify=self.config.client_acl_verify,
        )
        self.user_keys.clear()
        self.user_keys.update(keys)


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
        _open_publisher(here, sockets) as publisher,
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
        async with _open_doors(here, store, sockets, parts) as port, open_api(config, here.api):
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


async def start_services(
    services: trio.Nursery, here: Premises, store: Store, workers: Workers, publisher: Publisher
) -> Callable[[], int]:
    """Everybody who claims or keeps, so that the doors open onto a staffed house. Tells how many jobs are watched."""
    bus, config, live, opts = here.bus, here.config, here.live, here.live.opts
    minions = Minions(here.keyring, store.banks, pki_dir=here.pki_dir, nodegroups=here.nodegroups)
    cache = JobCache(Path(config.cachedir), hash_type=config.hash_type)
    queue = Queue(answer_within=config.timeout)
    housekeeping = partial(
        keep_house,
        bus,
        store,
        keep_jobs_seconds=config.keep_jobs_seconds,
        loop_interval=config.loop_interval,
        known=partial(_known, here.keyring),
        ago=here.clock.ago,
    )
    essential = (
        partial(keep_keys, bus, here.keyring, here.accepted, here.identity, here.sessions, rules=lambda: live.keys),
        partial(follow_departures, bus, store.banks, here.sessions, preserve=config.preserve_minion_cache),
        partial(keep_presence, bus, here.presence, store.banks, minions.accepted),
        partial(
            publish_jobs,
            bus,
            publisher,
            here.identity,
            minions,
            store.jobs,
            live.acl,
            rules=lambda: live.publish,
            cache=cache,
            clock=here.clock.now,
        ),
        partial(run_queue, bus, store, queue, timeout=config.timeout, clock=here.clock.now),
        partial(answer_targets, bus, minions),
        partial(serve_logins, bus, workers, store.banks, live.acl, rules=lambda: live.logins, factors=here.factors),
        partial(
            run_batches,
            bus,
            store,
            timeout=config.timeout,
            gather_job_timeout=config.gather_job_timeout,
            keep_seconds=config.keep_jobs_seconds,
            patience=lambda: live.publish.queue_offline or USUAL_PATIENCE_S,
            clock=here.clock.now,
            read_begun=cache.read_batch,
        ),
        partial(serve_pillar, bus, store.banks, workers, opts, max_running=config.worker_threads),
        partial(serve_peers, bus, store.jobs),
        partial(serve_mine, bus, store.banks, minions, mine_get=opts.get("mine_get") or None),
        partial(relay_minion_events, bus, max_event_size=config.max_event_size),
        partial(serve_files, bus, here.files, opts=opts),
        partial(
            serve_commands, bus, workers, here.runs, live.acl, jobs=store.jobs, banks=store.banks, master_id=config.id
        ),
        partial(run_due, bus, workers, here.runs, master_id=config.id, user=config.user),
        partial(watch_drop_file, bus, Path(here.paths.drop_file), id=config.id),
    )
    # Before anything expires, or waits, by it.
    await services.start(partial(keep_clock, here.clock, store.clock, shifted=queue.shift))
    watched: Callable[[], int] = await services.start(
        partial(
            keep_jobs,
            bus,
            store,
            timeout=config.timeout,
            gather_job_timeout=config.gather_job_timeout,
            attendance=here.presence,
            waiting=queue.waiting,
        )
    )
    for service in essential:
        await services.start(service)
    await services.start(partial(supervise, housekeeping, name="housekeeping"))
    conformity = partial(keep_asking, bus, store.banks, lambda: live.conformity)
    await services.start(partial(supervise, conformity, name="compliance"))
    retention = partial(
        keep_size,
        store,
        keep_events_seconds=config.keep_events_seconds,
        store_max_bytes=config.store_max_bytes,
        ago=here.clock.ago,
    )
    await services.start(partial(supervise, retention, name="retention"))
    if (git := here.files.git) is not None:
        await services.start(partial(supervise, partial(fetch_remotes, git), name="gitfs"))
    if (pillars := GitPillars.from_opts(config.opts)).remotes:
        await services.start(partial(supervise, partial(fetch_remotes, pillars), name="git_pillar"))
    if config.presence_events:
        told = partial(announce_presence, bus, here.presence, loop_interval=max(config.loop_interval, 1.0))
        await services.start(partial(supervise, told, name="presence events"))
    await services.start(
        partial(supervise, partial(sweep_job_cache, cache, keep_s=config.keep_jobs_seconds), name="job cache")
    )
    reactor = partial(react, bus, workers, here.runs, here.reactor, user=config.user)
    await services.start(partial(supervise, reactor, name="reactor"))
    if returners := returner_names(config.event_return):
        events = EventReturnRules(
            returners=returners,
            queue=config.event_return_queue,
            queue_max_seconds=config.event_return_queue_max_seconds,
            whitelist=tuple(config.event_return_whitelist),
            blacklist=tuple(config.event_return_blacklist),
        )
        await services.start(partial(supervise, partial(return_events, bus, workers, events), name="event return"))
    return watched


def _key_state(keyring: Keyring, id: str) -> str | None:
    """In which state the key of an id is; None for none."""
    state = keyring.state(id)
    return state.name.lower() if state is not None else None


def _known(keyring: Keyring) -> set[str]:
    """The ids that have a key, in whatever state: what is kept of others belongs to nobody any more."""
    return {id for state in State for id in keyring.list(state)}


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


# -- start -----------------------------------------------------------------------------------------------------------


def prepare(config: MasterConfig) -> Premises:
    """Folders, keys and rules. Blocking; the first start makes an RSA pair."""
    folders = [(config.pki_dir, 0o700), (config.cachedir, 0o755), (config.sock_dir, 0o755)]
    for folder, mode in folders + [(os.path.join(config.cachedir, name), 0o700) for name in ("sealed", *STOCK_FOLDERS)]:
        try:
            os.makedirs(folder, mode, exist_ok=True)
        except OSError as exc:
            raise ConfigError(f"{folder}: {exc.strerror}") from exc
    files = Backends.from_opts(config.opts)
    for name in unknown(config.opts):
        log.warning("fileserver.no_such_backend", backend=name)
    paths = master_paths(config)
    keyring = Keyring(config.pki_dir, hash_type=config.hash_type, permissive=config.permissive_pki_access)
    keyring.prepare()
    identity = _identity(config)
    sessions = _take_up(config, paths, identity)
    user_keys = open_user_keys(
        Path(config.cachedir),
        user=config.user,
        acl_users=config.publisher_acl,
        verify=config.client_acl_verify,
    )
    log.info("master.root_key.prepared")
    live = Live(config.opts, Acl(master_user=config.user))
    return Premises(
        config=config,
        live=live,
        presence=PresenceDesk(heartbeat=lambda: live.keys.presence_heartbeat, key_state=partial(_key_state, keyring)),
        paths=paths,
        keyring=keyring,
        accepted=AcceptedKeys(Path(config.pki_dir) / State.ACCEPTED.value),
        identity=identity,
        user_keys=user_keys,
        sessions=sessions,
        schedule=Schedule(state=Path(paths.schedule_state)),
        files=files,
        factors=Factors(Path(config.pki_dir), identity.seal),
        reactor=ReactorDesk(
            config.reactor,
            ReactorRules(
                worker_threads=max(config.reactor_worker_threads, 1),
                worker_hwm=max(config.reactor_worker_hwm, 1),
                max_depth=config.reactor_max_depth,
                renderers=max(config.worker_threads // 2, 1),
            ),
        ),
    )


def _take_up(config: MasterConfig, paths: MasterPaths, identity: Identity) -> Sessions:
    """The sessions of the run before, and its shared key: nobody who stayed has to sign in again.

    Whose key went while no master ran is out now, and what they knew of the shared key is worth nothing.
    """
    lifetime = config.publish_session
    sessions = Sessions(Path(paths.sessions), identity.seal, lifetime=lifetime)
    sessions.take_over(Path(paths.stock_sessions))
    departed = sessions.forget_departed(Path(config.pki_dir) / State.ACCEPTED.value)
    if departed:
        log.info("session.departed", ids=departed[:10], count=len(departed))
    kept = KeptKey(Path(paths.shared_key), identity.seal, lifetime=lifetime)
    identity.keep_shared_key(kept, fresh=bool(departed) or os.path.lexists(paths.drop_file))
    return sessions


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


def _identity(config: MasterConfig) -> Identity:
    opts = config.opts
    signed = config.master_sign_pubkey
    made_elsewhere = signed and opts.get("master_use_pubkey_signature")
    signature = opts.get("master_pubkey_signature") or f"{config.id}_pubkey_signature"
    return open_identity(
        Path(config.pki_dir),
        id=config.id,
        keysize=config.keysize,
        sign_key_name=config.master_sign_key_name if signed else None,
        signature_name=signature if made_elsewhere else None,
    )


@asynccontextmanager
async def _open_publisher(here: Premises, sockets: ZmqContext) -> AsyncIterator[Publisher]:
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
        keepalive=KeepAlive(
            on=int(config.tcp_keepalive),
            idle=int(config.tcp_keepalive_idle),
            count=int(config.tcp_keepalive_cnt),
            interval=int(config.tcp_keepalive_intvl),
        ),
        heartbeat=_heartbeat(opts),
        ipv6=bool(config.ipv6),
        subscribed=here.presence.subscribed,
    ) as publisher:
        with _stock_socket(config.sock_dir, "publish_pull.ipc", "publisher.puller_bound"):
            yield publisher


@asynccontextmanager
async def _open_doors(here: Premises, store: Store, sockets: ZmqContext, parts: Parts) -> AsyncIterator[int]:
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
            keepalive=SERVER_KEEPALIVE,
            heartbeat=_heartbeat(live.opts),
            ipv6=bool(config.ipv6),
            hung_up=here.presence.hung_up,
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


def _heartbeat(opts: Mapping[str, Any]) -> Heartbeat:
    interval, timeout = opts.get("zmq_heartbeat_ivl"), opts.get("zmq_heartbeat_timeout")
    return Heartbeat(
        interval=HEARTBEAT.interval if interval is None else int(interval),
        timeout=HEARTBEAT.timeout if timeout is None else int(timeout),
    )


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
                fresh = reread()
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
                    here.hand_out_keys(fresh.publisher_acl)
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
