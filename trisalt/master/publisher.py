"""A job goes out on 4505: allowed, resolved, recorded, told, sealed, sent. In this order.

`PublishRequest` comes from both doors, from runners and from the watch of a job (find_job). `master/jobs` watches
what is sent here, from `JobNew`.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import attrs
import outcome
import structlog
import trio

from trisalt.bus.answers import Presence, Published, Resolved
from trisalt.bus.bus import Bus
from trisalt.bus.events import JobNew, JobPublished
from trisalt.bus.requests import AimRequest, PresenceRequest, PublishRequest, SendRequest
from trisalt.config.duration import duration
from trisalt.errors import ConfigError, TargetError
from trisalt.master.acl import Acl, Verdict, refuse_job
from trisalt.master.identity import Identity
from trisalt.master.jobcache import JobCache
from trisalt.master.minions import BY_ID, EXACT_TYPES, Minions, for_the_wire, narrowed
from trisalt.master.reasons import barred_hint
from trisalt.store.store import Jobs, Waits
from trisalt.transport.publish import Publisher
from trisalt.wire import jid as jids
from trisalt.wire.session import seal_publication

log = structlog.get_logger()

# What of a publication's keyword arguments goes into the job map; all else, credentials first, stays here.
# Source: stock Salt 3008.3's job map.
JOB_KEYS = (
    "delimiter",
    "metadata",
    "ret_config",
    "ret_kwargs",
    "module_executors",
    "executor_opts",
    "start_event",
    "master_id",
    "id",
)
# How long a job waits for minions that are away, when nobody says how long.
USUAL_PATIENCE_S = 86400.0
ASKING = re.compile(
    r"(test|sys|status|match)\..*|(grains|pillar)\.(get|item|items|ls|keys|raw|fetch|has_value|equals)"
    r"|saltutil\.(find_job|find_cached_job|running|is_running|(signal|term|kill)_(job|all_jobs))"
)
# What may be sent a second time says so: its minions keep a note of it over power cuts, which others are not worth.
DURABLE = {"durable": True}
SENT_KEYS = ("fun", "arg", "jid", "ret", "user")
ORIGIN_KEYS = frozenset({"id", "master_id"})


@attrs.frozen(kw_only=True)
class PublishRules:
    """What the configuration says about publications; the names are stock's options."""

    sign_pub_messages: bool = True
    publish_signing_algorithm: str = "PKCS1v15-SHA1"
    zmq_filtering: bool = False
    order_masters: bool = False
    unique_jid: bool = False
    ext_job_cache: str = ""
    queue_offline: float = 0.0

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> PublishRules:
        """The options of the same names; one that is not set keeps its default. Raises ConfigError."""
        values = {field.name: opts.get(field.name) for field in attrs.fields(cls)}
        try:
            values["queue_offline"] = duration(values["queue_offline"] or 0)
        except ValueError as exc:
            raise ConfigError(f"queue_offline: {exc}") from None
        return cls(**{name: value for name, value in values.items() if value is not None})


async def publish_jobs(
    bus: Bus,
    publisher: Publisher,
    identity: Identity,
    minions: Minions,
    jobs: Jobs,
    acl: Acl,
    *,
    rules: Callable[[], PublishRules],
    cache: JobCache,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `PublishRequest` with a `Published`, `AimRequest` and `SendRequest`, until cancelled.

    `jobs` is `store.jobs`: the job is recorded there, durably, before it is told or sent. Where `acl` says no, the
    asker gets `Denied`. `cache` is where jobs are laid down for stock's commands. `clock` is wall time: until when what
    waits does so.
    """
    desk = _Desk(bus, publisher, identity, minions, jobs, acl, rules, cache, clock)
    with bus.answering({PublishRequest: desk.publish, AimRequest: desk.resolve, SendRequest: desk.send_again}):
        task_status.started()
        await trio.sleep_forever()


class _Desk:
    def __init__(
        self,
        bus: Bus,
        publisher: Publisher,
        identity: Identity,
        minions: Minions,
        jobs: Jobs,
        acl: Acl,
        rules: Callable[[], PublishRules],
        cache: JobCache,
        clock: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._publisher = publisher
        self._identity = identity
        self._minions = minions
        self._jobs = jobs
        self._acl = acl
        self._rules = rules
        self._cache = cache
        self._clock = clock
        self._last_jid: str | None = None

    async def resolve(self, request: AimRequest) -> Resolved:
        """Whom a job would go to."""
        minions, missing, _tgt, _tgt_type = await self._aim(request, await self._judge(request))
        return Resolved(minions=minions, missing=missing)

    async def publish(self, request: PublishRequest) -> Published:
        """Send a job."""
        verdict = await self._judge(request)
        rules = self._rules()
        admin = self._acl.is_admin(request.asker)
        minions, missing, tgt, tgt_type = await self._aim(request, verdict)
        if not minions and not (rules.order_masters and not verdict.within):
            error = f"Master could not resolve minions for target {request.tgt}"
            # What is known of keys is for who keeps them.
            barred = self._minions.barred(request.tgt, request.tgt_type) if admin else {}
            return Published(jid=None, minions=[], missing=missing, error=error, hint=barred_hint(barred))
        # A jid that was given out already is a job of somebody: to join it is the administrators'.
        wanted = request.jid if admin else ""
        jid = self._jid(wanted, unique=os.getpid() if rules.unique_jid else None)
        job = self._job(request, jid, tgt, tgt_type, rules, admin=admin)
        seconds = _patience(request, rules)
        waits = await self._waits(seconds, minions) if seconds else None
        await self._send_out(request, job, minions, missing, rules, waits)
        return Published(jid=jid, minions=minions, missing=missing)

    async def _send_out(
        self,
        request: PublishRequest,
        job: dict[str, Any],
        minions: list[str],
        missing: list[str],
        rules: PublishRules,
        waits: Waits | None,
    ) -> None:
        """Record, tell, seal, send. Whoever asked may go: what is recorded is told and sent."""
        jid, tgt_type, asker = job["jid"], job["tgt_type"], request.asker
        load = {**job, "tgt": request.tgt, "tgt_type": request.tgt_type, "minions": minions, "missing": missing}
        if asker.eauth:
            # Names of one backend are other people's in the next.
            load["eauth"] = asker.eauth
        told = {"fun": job["fun"], "arg": job["arg"], "jid": jid, "user": job["user"], "origin": asker.origin}
        new = JobNew(
            **told,
            tgt=request.tgt,
            tgt_type=request.tgt_type,
            minions=minions,
            missing=missing,
            watch=request.watch,
            timeout=request.timeout,
            gather_job_timeout=request.gather_job_timeout,
            chosen=jid == request.jid,
            until=None if waits is None else waits.until,
            absent=frozenset() if waits is None else frozenset(waits.absent),
        )
        out = JobPublished(
            **told,
            tgt=job["tgt"],
            tgt_type=tgt_type,
            ret=job["ret"],
            metadata=job.get("metadata"),
        )
        record = partial(self._jobs.record_job, load, minions, waits=waits, events=[new, out])
        kept = await (self._record_and_lay_down(record, request, jid, minions) if request.laid_down else record())
        log.debug("job.recorded", fun=request.fun, jid=jid)
        try:
            self._bus.publish_nowait(new, out, kept=kept)
        except trio.WouldBlock:
            with trio.CancelScope(shield=True):
                await self._bus.publish_all([new, out], kept=kept)
        log.info("job.published", user=request.user, fun=request.fun, jid=jid)
        if waits is not None or request.durable:
            job = job | DURABLE
        self._send(job, _topics(tgt_type, minions, rules) if rules.zmq_filtering else ())

    async def _record_and_lay_down(
        self, record: Callable[[], Awaitable[bool]], request: PublishRequest, jid: str, minions: list[str]
    ) -> bool:
        """Both at once: each of the two waits for a thread and the disk, and in a storm for a turn there and back."""
        load = {name: getattr(request, name) for name in ("tgt", "tgt_type", "user", "fun", "arg", "ret")}
        async with trio.open_nursery() as beside:
            # As what is recorded alone: whoever asked may go.
            beside.cancel_scope.shield = True
            beside.start_soon(self._lay_down, load | {"jid": jid, "minions": minions}, minions)
            recorded = await outcome.acapture(record)
        return recorded.unwrap()

    async def _lay_down(self, load: dict[str, Any], minions: list[str]) -> None:
        try:
            await trio.to_thread.run_sync(self._cache.write, load, minions)
        except OSError as exc:
            # The job is recorded, or refused, all the same: one of stock's commands does not find it.
            log.error("job_cache.not_written", jid=load["jid"], reason=exc.strerror)

    async def _judge(self, request: PublishRequest) -> Verdict:
        verdict = self._acl.judge_publish(request.asker, request.fun, request.arg, request.kwargs)
        if not verdict:
            raise await self._refuse(request, verdict.reason)
        return verdict

    async def _waits(self, seconds: float, minions: list[str]) -> Waits:
        """Until when a job waits, and for whom it has to: those that presence says are away."""
        known: dict[str, Presence] = await self._bus.ask(PresenceRequest(ids=minions))
        absent = frozenset(id for id, presence in known.items() if presence.present is False)
        return Waits(until=self._clock() + seconds, absent=absent)

    async def send_again(self, request: SendRequest) -> None:
        """A job of before goes out under its own jid, to some of its minions: it is recorded, and was told as new."""
        load, rules = request.load, self._rules()
        try:
            tgt, tgt_type = for_the_wire(load["tgt"], load["tgt_type"], self._minions.nodegroups())
        except TargetError:
            # A node group that is no more: it named these when the job was published.
            tgt, tgt_type = request.minions, "list"
        tgt, tgt_type = narrowed(tgt, tgt_type, request.minions, delimiter=load.get("delimiter") or ":")
        # When it goes out tells a minion that it is no recording, though its jid is old.
        job = {key: load[key] for key in (*SENT_KEYS, *JOB_KEYS) if key in load}
        job |= {"tgt": tgt, "tgt_type": tgt_type, "sent": time.time(), **DURABLE}
        job.pop("delimiter", None)
        out = {name: job[name] for name in ("fun", "arg", "jid", "user", "tgt", "tgt_type", "ret")}
        await self._bus.publish(JobPublished(**out, metadata=job.get("metadata")))
        log.debug("job.sent_again", fun=load["fun"], jid=load["jid"], minions=request.minions)
        self._send(job, _topics(tgt_type, request.minions, rules) if rules.zmq_filtering else ())

    async def _aim(self, request: PublishRequest, verdict: Verdict) -> tuple[list[str], list[str], Any, str]:
        """Whom it is for, who is missing, and the target in the words of the wire.

        Who is no administrator chooses by the letter of pillar only. Where the permission is for some minions, or the
        minions would be chosen by what they say of themselves, the job goes to those that were found here, by name:
        what the master keeps of a minion may be older than what the minion knows.
        """
        try:
            return await self._find(request, verdict)
        except TargetError as exc:
            log.info("publish.target_unreadable", tgt=request.tgt, tgt_type=request.tgt_type, reason=str(exc))
            raise

    async def _find(self, request: PublishRequest, verdict: Verdict) -> tuple[list[str], list[str], Any, str]:
        delimiter = request.kwargs.get("delimiter")
        delimiter = delimiter if isinstance(delimiter, str) and delimiter else ":"
        if self._acl.is_admin(request.asker):
            minions, missing = await self._minions.resolve(request.tgt, request.tgt_type, delimiter=delimiter)
            return minions, missing, *for_the_wire(request.tgt, request.tgt_type, self._minions.nodegroups())
        kind = EXACT_TYPES.get(request.tgt_type, request.tgt_type)
        minions, missing = await self._minions.resolve(request.tgt, kind, delimiter=delimiter)
        for places in verdict.within:
            granted: set[str] = set()
            for place in sorted(places):
                granted.update(await self._minions.within(place))
            beyond = [id for id in minions if id not in granted]
            if beyond:
                raise await self._refuse(request, f"{beyond[0]} is not within {', '.join(sorted(places))}")
        if verdict.within or kind not in BY_ID:
            return minions, missing, minions, "list"
        return minions, missing, *for_the_wire(request.tgt, kind, self._minions.nodegroups())

    async def _refuse(self, request: PublishRequest, reason: str) -> Exception:
        return await refuse_job(
            self._bus,
            request.asker,
            fun=request.fun,
            tgt=request.tgt,
            tgt_type=request.tgt_type,
            reason=reason,
        )

    def _jid(self, wanted: str, *, unique: int | None) -> str:
        """The wanted jid, or one that no job has."""
        if jids.is_jid(wanted):
            return wanted
        jid = jids.make(time.time(), last=self._last_jid, unique=unique)
        self._last_jid = jid
        return jid

    def _job(
        self, request: PublishRequest, jid: str, tgt: Any, tgt_type: str, rules: PublishRules, *, admin: bool
    ) -> dict[str, Any]:
        job: dict[str, Any] = {
            "fun": request.fun,
            "arg": request.arg,
            "tgt": tgt,
            "jid": jid,
            "ret": ",".join(name for name in (request.ret, rules.ext_job_cache) if name),
            "tgt_type": tgt_type,
            "user": request.user,
        }
        job |= {name: request.kwargs[name] for name in JOB_KEYS if name in request.kwargs}
        if not (admin or request.asker.minion):
            # Whose job it is says the master, not who asks.
            job = {name: value for name, value in job.items() if name not in ORIGIN_KEYS}
        if rules.order_masters:
            job |= {name: request.kwargs[name] for name in ("to", "auth_list") if name in request.kwargs}
        return job

    def _send(self, job: Mapping[str, Any], topics: Iterable[bytes]) -> None:
        """Seal and send. Without a checkpoint between: serials leave in the order in which they were given."""
        rules = self._rules()
        shared = self._identity.shared
        payload = seal_publication(
            job,
            crypticle=shared.crypticle,
            serial=shared.next_serial(),
            key=self._identity.key if rules.sign_pub_messages else None,
            algo=rules.publish_signing_algorithm,
        )
        self._publisher.send(payload, topics)


def _patience(request: PublishRequest, rules: PublishRules) -> float:
    """For how many seconds a job waits for minions that are away. What only asks waits when its caller wants it to."""
    match request.wait_absent:
        case True:
            return rules.queue_offline or USUAL_PATIENCE_S
        case None if not rules.queue_offline:
            return 0.0
        case None:
            caller = request.asker
            own = caller.trusted or caller.minion or only_asks(request.fun)
            return 0.0 if own else rules.queue_offline
        case seconds:
            return float(seconds)


def only_asks(fun: Any) -> bool:
    """Whether a job changes nothing, so that nobody wants its answer of tomorrow."""
    names = fun if isinstance(fun, list) else [fun]
    return all(ASKING.fullmatch(str(name)) for name in names)


def _topics(tgt_type: str, minions: Iterable[str], rules: PublishRules) -> list[bytes]:
    """Where a publication goes with `zmq_filtering`: to each minion's own topic, or to all."""
    if tgt_type not in BY_ID:
        return [b"broadcast"]
    # Not a secret: stock's name for a minion's topic.
    topics = [hashlib.sha1(id.encode(), usedforsecurity=False).hexdigest().encode() for id in minions]
    return [*topics, b"syndic"] if rules.order_masters else topics
