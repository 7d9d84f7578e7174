"""Everybody who works in a master: who claims and keeps, which is essential, and who looks after it, supervised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import trio

from trisalt.fileserver.gitpillar import GitPillars
from trisalt.loader.returner import returner_names
from trisalt.master.auth import keep_keys, watch_drop_file
from trisalt.master.batches import run_batches
from trisalt.master.clock import keep_clock
from trisalt.master.commands import serve_commands
from trisalt.master.conformity import keep_asking
from trisalt.master.departures import follow_departures
from trisalt.master.event_return import EventReturnRules, return_events
from trisalt.master.files import serve_files
from trisalt.master.git_files import fetch_remotes
from trisalt.master.housekeeping import keep_house
from trisalt.master.job_mirror import MirrorRules, mirror_jobs
from trisalt.master.jobcache import JobCache, sweep_job_cache
from trisalt.master.jobs import keep_jobs
from trisalt.master.keyring import Keyring, State
from trisalt.master.login import serve_logins
from trisalt.master.mine import serve_mine
from trisalt.master.minion_events import relay_minion_events
from trisalt.master.minions import Minions, answer_targets
from trisalt.master.peers import serve_peers
from trisalt.master.pillar import serve_pillar
from trisalt.master.premises import Premises
from trisalt.master.presence import keep_presence
from trisalt.master.presence_events import announce_presence
from trisalt.master.publisher import USUAL_PATIENCE_S, publish_jobs
from trisalt.master.queue import Queue
from trisalt.master.queues import run_queue
from trisalt.master.reactor import react
from trisalt.master.retention import keep_size
from trisalt.master.scheduled import run_due
from trisalt.master.stats_events import tell_stats
from trisalt.service import supervise
from trisalt.store.store import Store
from trisalt.transport.publish import Publisher
from trisalt.worker.pool import Workers

# A service that is ready to be started: `nursery.start` gives it its `task_status`.
Service = Callable[..., Awaitable[object]]


async def start_services(
    services: trio.Nursery, here: Premises, store: Store, workers: Workers, publisher: Publisher
) -> Callable[[], int]:
    """Everybody who claims or keeps, so that the doors open onto a staffed house. Tells how many jobs are watched."""
    config = here.config
    cache = JobCache(Path(config.cachedir), hash_type=config.hash_type)
    queue = Queue(answer_within=config.timeout)
    # Before anything expires, or waits, by it.
    await services.start(partial(keep_clock, here.clock, store.clock, shifted=queue.shift))
    watched: Callable[[], int] = await services.start(
        partial(
            keep_jobs,
            here.bus,
            store,
            timeout=config.timeout,
            gather_job_timeout=config.gather_job_timeout,
            attendance=here.presence,
            waiting=queue.waiting,
        )
    )
    for service in _essential(here, store, workers, publisher, cache, queue):
        await services.start(service)
    for name, service in _optional(here, store, workers, cache):
        await services.start(partial(supervise, service, name=name))
    return watched


def _essential(
    here: Premises, store: Store, workers: Workers, publisher: Publisher, cache: JobCache, queue: Queue
) -> Iterator[Service]:
    """Who answers what doors ask. Without one of them the master is half deaf, and had better start anew."""
    bus, config, live, clock = here.bus, here.config, here.live, here.clock.now
    banks, opts = store.banks, live.opts
    minions = Minions(here.keyring, banks, pki_dir=here.pki_dir, nodegroups=here.nodegroups)
    yield partial(keep_keys, bus, here.keyring, here.accepted, here.identity, here.sessions, rules=lambda: live.keys)
    yield partial(follow_departures, bus, banks, here.sessions, preserve=config.preserve_minion_cache)
    yield partial(keep_presence, bus, here.presence, banks, minions.accepted)
    yield partial(
        publish_jobs,
        bus,
        publisher,
        here.identity,
        minions,
        store.jobs,
        live.acl,
        rules=lambda: live.publish,
        cache=cache,
        clock=clock,
    )
    yield partial(run_queue, bus, store, queue, timeout=config.timeout, clock=clock)
    yield partial(answer_targets, bus, minions)
    yield partial(serve_logins, bus, workers, banks, live.acl, rules=lambda: live.logins, factors=here.factors)
    yield partial(
        run_batches,
        bus,
        store,
        timeout=config.timeout,
        gather_job_timeout=config.gather_job_timeout,
        keep_seconds=config.keep_jobs_seconds,
        patience=lambda: live.publish.queue_offline or USUAL_PATIENCE_S,
        clock=clock,
        read_begun=cache.read_batch,
    )
    yield partial(serve_pillar, bus, banks, workers, opts, max_running=config.worker_threads)
    yield partial(serve_peers, bus, store.jobs)
    yield partial(serve_mine, bus, banks, minions, mine_get=opts.get("mine_get") or None)
    yield partial(relay_minion_events, bus, max_event_size=config.max_event_size)
    yield partial(serve_files, bus, here.files, opts=opts)
    yield partial(serve_commands, bus, workers, here.runs, live.acl, jobs=store.jobs, banks=banks, master_id=config.id)
    yield partial(run_due, bus, workers, here.runs, master_id=config.id, user=config.user)
    yield partial(watch_drop_file, bus, Path(here.paths.drop_file), id=config.id)


def _optional(here: Premises, store: Store, workers: Workers, cache: JobCache) -> Iterator[tuple[str, Service]]:
    """Who looks after the house or watches it, by the name in the log: one that fails is started again."""
    bus, config, live, ago = here.bus, here.config, here.live, here.clock.ago
    yield (
        "housekeeping",
        partial(
            keep_house,
            bus,
            store,
            keep_jobs_seconds=config.keep_jobs_seconds,
            keep_returns=config.job_cache,
            loop_interval=config.loop_interval,
            known=partial(_known, here.keyring),
            ago=ago,
        ),
    )
    yield "compliance", partial(keep_asking, bus, store.banks, lambda: live.conformity)
    yield (
        "retention",
        partial(
            keep_size,
            store,
            keep_events_seconds=config.keep_events_seconds,
            store_max_bytes=config.store_max_bytes,
            ago=ago,
        ),
    )
    if (git := here.files.git) is not None:
        yield "gitfs", partial(fetch_remotes, git)
    if (pillars := GitPillars.from_opts(config.opts)).remotes:
        yield "git_pillar", partial(fetch_remotes, pillars)
    if config.presence_events:
        interval = max(config.loop_interval, 1.0)
        yield "presence events", partial(announce_presence, bus, here.presence, loop_interval=interval)
    if config.master_stats:
        yield "master stats", partial(tell_stats, bus, every=max(config.master_stats_event_iter, 1))
    yield "job cache", partial(sweep_job_cache, cache, keep_s=config.keep_jobs_seconds)
    yield "reactor", partial(react, bus, workers, here.runs, here.reactor, user=config.user)
    if (mirror := MirrorRules.of(config)).jobs:
        yield "job mirror", partial(mirror_jobs, bus, store, workers, mirror)
    if returners := returner_names(config.event_return):
        rules = EventReturnRules(
            returners=returners,
            queue=config.event_return_queue,
            queue_max_seconds=config.event_return_queue_max_seconds,
            whitelist=tuple(config.event_return_whitelist),
            blacklist=tuple(config.event_return_blacklist),
        )
        yield "event return", partial(return_events, bus, store, workers, rules)


def _known(keyring: Keyring) -> set[str]:
    """The ids that have a key, in whatever state: what is kept of others belongs to nobody any more."""
    return {id for state in State for id in keyring.list(state)}
