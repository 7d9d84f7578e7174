"""Runners and wheels: claimed here, run in a worker, told on the bus.

`local_door`, `request_server`, the reactor and the scheduler ask. The plugin runs in a child of the worker pool; what
it asks of its host while it runs comes back here as upcalls.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus, Reply
from trisalt.bus.caller import MASTER, Caller
from trisalt.bus.event import Origin, Secret, stamped
from trisalt.bus.events import KeyChanged, RunnerNew, RunnerReturned, TaggedEvent, WheelNew, WheelReturned
from trisalt.bus.requests import (
    CancelRequest,
    DropTokenRequest,
    PresenceRequest,
    PublishRequest,
    ReactorRequest,
    ResolveRequest,
    RotateRequest,
    RunnerRequest,
    TokenRequest,
    WheelRequest,
)
from trisalt.errors import AuthError, CommandError, StoreError, TrisaltError, WorkerDied
from trisalt.master import unended
from trisalt.master.acl import Acl, refuse_run
from trisalt.master.following import open_following
from trisalt.master.reading import READING, RENDERING
from trisalt.store.store import Banks, Jobs
from trisalt.wire import jid as jids
from trisalt.wire.frames import TRIMMED
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Call, Failure, Outcome, Packed, Upcall, UpcallKind

log = structlog.get_logger()

HIDDEN = "**********"
# Names of arguments, of options and of fields in results whose values stay off the bus: `token`, `db_password`, …
SECRET_NAME = re.compile(
    r"(.*[_.])?(password|passwd|passphrase|token|secret|priv|privkey|private|private_key|api_?key)"
)
# Functions whose results are for the caller alone: pillar.
PRIVATE_RESULTS = re.compile(r"runner\.(pillar\..*|cache\.(pillar|fetch))|wheel\.pillar_roots\.read")
# Functions that return what another function does, which they are given by name.
ASKS_OTHERS = re.compile(r"runner\.(salt\.(cmd|execute)|survey\..*)")
# Functions that are given such things.
PRIVATE_ARGUMENTS = re.compile(r"runner\.(auth\..*|cache\.store)|wheel\.pillar_roots\.write")
# Functions that list what the store has. A large list is not kept there, and not told on the bus.
LISTS = re.compile(r"runner\.jobs\.(list_jobs|list_jobs_filter)")
# Banks that no plugin changes: who writes there could be whom they like.
OWN_BANKS = frozenset({"tokens", "presence", "clock", unended.BANK})


@attrs.define
class Run:
    """A runner or wheel function that runs now."""

    kind: str
    fun: str
    user: str
    fun_args: list[Any]
    started: float
    master_id: str = ""
    """On whom it runs, as the job list has it."""
    pid: int = 0
    depth: int = 0
    """How many reactions led to it."""


@attrs.define
class Runs:
    """What runs now, by jid, and where: shared by the service and the upcalls of its plugins."""

    running: dict[str, Run] = attrs.field(factory=dict)
    workers: Workers | None = None
    last_jid: str | None = None

    def new_jid(self) -> str:
        """A jid of its own for one more run."""
        self.last_jid = jids.make(time.time(), last=self.last_jid)
        return self.last_jid


async def serve_commands(
    bus: Bus,
    workers: Workers,
    runs: Runs,
    acl: Acl,
    *,
    jobs: Jobs,
    banks: Banks,
    master_id: str = "",
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `RunnerRequest` and `WheelRequest` until cancelled; what still runs then is killed.

    Where `acl` says no, the asker gets `Denied`; a door that answers before it asks here looks there first.
    `runs` is the one that `answer_upcall` gets. Runs are kept in the job list, as jobs of `master_id`; so is what an
    earlier master left, before this is started. `jobs` and `banks` are the store's.
    """
    runs.workers = workers
    await unended.tell_unended(bus, jobs, banks, master_id)
    async with trio.open_nursery() as running, bus.claim(RunnerRequest, WheelRequest) as requests:
        task_status.started()
        async for request, reply in requests:
            running.start_soon(_answer, bus, workers, runs, acl, jobs, banks, master_id, request, reply)


async def _answer(
    bus: Bus,
    workers: Workers,
    runs: Runs,
    acl: Acl,
    jobs: Jobs,
    banks: Banks,
    master_id: str,
    request: RunnerRequest | WheelRequest,
    reply: Reply,
) -> None:
    is_runner = isinstance(request, RunnerRequest)
    kind = "runner" if is_runner else "wheel"
    fun = f"{kind}.{request.fun}"
    verdict = acl.judge_run(request.asker, kind, request.fun, request.arg, request.kwarg)
    if not verdict:
        reply.fail(await refuse_run(bus, request.asker, fun=fun, reason=verdict.reason))
        return
    fun_args = told_arguments(fun, request.arg, request.kwarg)
    facts: dict[str, Any] = {"fun": fun, "jid": request.jid, "user": request.user, "fun_args": fun_args}
    facts["origin"] = request.asker.origin
    started = (RunnerNew if is_runner else WheelNew)(**facts)
    run = Run(
        kind=kind,
        fun=fun,
        user=request.user,
        fun_args=fun_args,
        started=started.stamp,
        master_id=master_id,
        depth=request.asker.depth,
    )
    if request.jid in runs.running:
        reply.fail(CommandError(f"The jid {request.jid} is in use"))
        return
    runs.running[request.jid] = run
    told = {name: facts[name] for name in ("fun", "user", "fun_args")}
    try:
        async with unended.open_note(banks, request.jid, told):
            await bus.publish(started)
            log.info("command.started", fun=fun, jid=request.jid, user=request.user)
            outcome = await _run(workers, request, run)
            await _end(bus, jobs, runs, master_id, request, facts, outcome)
            reply.send(outcome)
    finally:
        if runs.running.get(request.jid) is run:
            del runs.running[request.jid]


async def _end(
    bus: Bus,
    jobs: Jobs,
    runs: Runs,
    master_id: str,
    request: RunnerRequest | WheelRequest,
    facts: dict[str, Any],
    outcome: Outcome,
) -> None:
    """Keep and tell how a run ended."""
    name = "runner.completed" if isinstance(request, RunnerRequest) else "wheel.completed"
    log.info(name, fun=facts["fun"], jid=request.jid, user=request.user, retcode=outcome.retcode)
    told = TRIMMED
    if not isinstance(outcome.result, Packed):
        told = told_result(facts["fun"], outcome.result, request.arg, request.kwarg)
    ended: RunnerReturned | WheelReturned
    if isinstance(request, RunnerRequest):
        retcode = outcome.retcode if isinstance(outcome.retcode, int) else None
        ended = RunnerReturned(**facts, result=told, success=bool(outcome.success), retcode=retcode)
    else:
        ended = WheelReturned(**facts, result=told, success=bool(outcome.success))
    await _keep(jobs, master_id, ended, outcome, eauth=request.asker.eauth)
    # Not before it is kept, for whoever looks for it; nor after it is told that it has ended.
    del runs.running[request.jid]
    await bus.publish(ended)


def _names(request: RunnerRequest | WheelRequest, name: str) -> bool:
    """Whether a keyword argument of that name is given."""
    return bool(request.kwarg.get(name)) or any(isinstance(arg, dict) and arg.get(name) for arg in request.arg)


async def _run(workers: Workers, request: RunnerRequest | WheelRequest, run: Run) -> Outcome:
    call = Call(
        fun=request.fun,
        jid=request.jid,
        arg=request.arg,
        kwarg=request.kwarg,
        kind="runners" if run.kind == "runner" else "wheel",
        pub={"fun": run.fun, "jid": request.jid, "user": request.user},
    )

    def started(pid: int) -> None:
        run.pid = pid

    try:
        packed = isinstance(request, RunnerRequest) and request.packed and LISTS.fullmatch(run.fun) is not None
        strict = run.fun in RENDERING
        outcome = await workers.run_job(
            call,
            # An external job cache is a plugin of somebody else's.
            warm=strict or (run.fun in READING and not _names(request, "ext_source")),
            strict=strict,
            on_start=started,
            outlives=False,
            packed=packed,
        )
        return _in_own_words(outcome, run)
    except WorkerDied as exc:
        log.error("command.died", fun=run.fun, jid=request.jid, error=str(exc))
        status = exc.status or 1
        return Outcome(result=str(exc), retcode=128 - status if status < 0 else status, success=False)
    except TrisaltError as exc:
        return Outcome(result=str(exc), retcode=1, success=False)
    except Exception as exc:
        log.error("command.failed", fun=run.fun, jid=request.jid, exc_info=exc)
        return Outcome(result="The master failed to run this; its log says why", retcode=1, success=False)


def _in_own_words(outcome: Outcome, run: Run) -> Outcome:
    """A worker speaks of the minion it mostly runs on; here it was a runner or a wheel function."""
    if outcome.failure != Failure.EXCEPTION or not isinstance(outcome.result, str):
        return outcome
    name = run.fun.partition(".")[2]
    text = outcome.result.removeprefix("The minion function caused an exception: ")
    return replace(outcome, result=f"Exception occurred in {run.kind} {name}: {text}")


async def _keep(
    jobs: Jobs, master_id: str, ended: RunnerReturned | WheelReturned, outcome: Outcome, *, eauth: str
) -> None:
    """Put a run into the job list. A store that cannot write is no reason to lose the answer."""
    load = {
        "jid": ended.jid,
        "tgt": master_id,
        "tgt_type": "list",
        "user": ended.user,
        "fun": ended.fun,
        "arg": ended.fun_args,
        "ret": "",
    }
    if eauth:
        load["eauth"] = eauth
    body = {"return": ended.result, "retcode": outcome.retcode, "success": bool(outcome.success)}
    if outcome.out is not None:
        body["out"] = outcome.out
    try:
        await jobs.record_job(load, [master_id])
        await jobs.record_return(ended.jid, master_id, body)
    except StoreError as exc:
        log.error("store.refused", jid=ended.jid, reason=str(exc))


# -- what plugins ask while they run ---------------------------------------------------------------------------------


async def answer_upcall(bus: Bus, jobs: Jobs, banks: Banks, runs: Runs, upcall: Upcall) -> object:
    """Do what plugin code in one of the master's workers asks its host for.

    The daemon gives `partial(answer_upcall, bus, store.jobs, store.banks, runs)` to `open_workers`. Raises
    CommandError for what a master does not have.
    """
    fields = upcall.fields
    run = runs.running.get(upcall.jid)
    match UpcallKind(upcall.kind):
        case UpcallKind.PROGRESS:
            return await _progress(bus, upcall, run)
        case UpcallKind.DOING:
            # Nobody asks a runner what it is at.
            return run is not None
        case UpcallKind.FIRE_EVENT:
            await _fire(bus, _plugin(run), fields["tag"], fields.get("data"))
            return True
        case UpcallKind.FIRE_MASTER:
            for tag, data in _fired(fields):
                await _fire(bus, _plugin(run), tag, data)
            return True
        case UpcallKind.PUBLISH:
            return await _publish(bus, jobs, _in_the_name_of(run), fields)
        case UpcallKind.COMMAND:
            return await _command(bus, runs, _in_the_name_of(run), fields)
        case UpcallKind.MATCH:
            wanted = ResolveRequest(
                tgt=fields["tgt"], tgt_type=fields.get("tgt_type") or "glob", delimiter=fields.get("delimiter") or ":"
            )
            resolved = await bus.ask(wanted)
            return {"minions": resolved.minions, "missing": resolved.missing}
        case UpcallKind.CANCEL:
            user = run.user if run else "root"
            return await bus.ask(CancelRequest(jid=fields["jid"], minions=fields.get("minions"), user=user))
        case UpcallKind.PRESENCE:
            asked = PresenceRequest(
                ids=fields.get("ids"), ask=bool(fields.get("ask")), patience=_seconds(fields.get("patience"))
            )
            return {id: attrs.asdict(known) for id, known in (await bus.ask(asked)).items()}
        case UpcallKind.TOKEN:
            return await _token(bus, run.user if run else "root", fields)
        case UpcallKind.BANK:
            return await _change_bank(banks, fields)
        case UpcallKind.REACTOR:
            return await _ask_reactor(bus, fields)
        case UpcallKind.RUNNING:
            return [_running(jid, row) for jid, row in sorted(runs.running.items()) if jid != upcall.jid]
        case UpcallKind.SIGNAL_JOB:
            return runs.workers.signal(fields["jid"], fields["signum"]) if runs.workers else None
        case kind:
            raise CommandError(f"A master has no answer to {kind.value}")


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None


async def _token(bus: Bus, user: str, fields: Mapping[str, Any]) -> Any:
    match fields:
        case {"op": "make", "eauth": str() as eauth, "username": str() as name, "password": str() as password}:
            wanted = TokenRequest(
                eauth=eauth,
                username=name,
                password=Secret(password),
                token_expire=fields.get("token_expire"),
                peer=f"a runner of {user}",
            )
            try:
                return await bus.ask(wanted)
            except AuthError:
                return {}
        case {"op": "drop", "token": str() as token}:
            return await bus.ask(DropTokenRequest(token=Secret(token)))
    raise CommandError("A token is made with eauth, username and password, and dropped by its name")


async def _change_bank(banks: Banks, fields: Mapping[str, Any]) -> bool:
    if str(fields.get("bank")).partition("/")[0] in OWN_BANKS:
        raise CommandError(f"What is in {fields['bank']} is the master's own")
    match fields:
        case {"op": "store", "bank": str() as bank, "key": str() as key} if bank and key:
            await banks.store(bank, key, fields.get("data"))
        case {"op": "flush", "bank": str() as bank, "key": str() | None as key} if bank:
            await banks.flush(bank, key)
        case _:
            raise CommandError("Of a bank a value is stored, or what it holds is flushed")
    return True


async def _ask_reactor(bus: Bus, fields: Mapping[str, Any]) -> Any:
    match fields:
        case {"op": "list" | "is_leader" as op}:
            return await bus.ask(ReactorRequest(op=op))
        case {"op": "set_leader", "value": bool() as value}:
            return await bus.ask(ReactorRequest(op="set_leader", value=value))
        case {"op": "add" | "delete" as op, "event": str() as event, "reactors": [*reactors]} if event:
            return await bus.ask(ReactorRequest(op=op, event=event, reactors=[str(each) for each in reactors]))
    raise CommandError("Of the reactor's map rows are listed, added with an event and its files, and deleted")


async def _progress(bus: Bus, upcall: Upcall, run: Run | None) -> bool:
    if run is None:
        return False
    data, number = upcall.fields.get("data"), upcall.fields.get("number")
    last = upcall.fields.get("tag") or ("progress" if number is None else f"prog/{number}")
    branch = "run" if run.kind == "runner" else "wheel"
    if not isinstance(data, Mapping):
        data = {"data": data} if number is None else {"return": data}
    name = f"salt/{branch}/{upcall.jid}/{last}"
    await bus.publish(TaggedEvent(name=name, data=public(dict(data)), origin=_plugin(run)))
    return True


async def _publish(bus: Bus, jobs: Jobs, caller: Caller, fields: Mapping[str, Any]) -> dict[str, Any]:
    wait = bool(fields.get("wait", True))
    options = dict(fields.get("options") or {})
    # Not a key of the job, but of the wait for it.
    gather_job_timeout = options.pop("gather_job_timeout", None)
    wanted = PublishRequest(
        tgt=fields["tgt"],
        tgt_type=fields.get("tgt_type") or "glob",
        fun=fields["fun"],
        arg=on_the_way(fields.get("arg") or (), fields.get("kwarg") or {}),
        ret=fields.get("ret") or "",
        jid=fields.get("jid") or "",
        kwargs=options,
        user=caller.name,
        watch=wait,
        timeout=fields.get("timeout"),
        gather_job_timeout=gather_job_timeout,
        caller=caller,
    )
    if not wait:
        return _published(await bus.ask(wanted))
    returns: dict[str, Any] = {}
    async with open_following(bus, jobs) as following:
        published: Published = await bus.ask(wanted)
        if published.jid is not None:
            following.begin(published.jid)
            async for batch in following:
                returns.update({body["id"]: body for body in batch})
    return _published(published) | {"returns": returns}


def _in_the_name_of(run: Run | None) -> Caller:
    """Who was allowed a runner was allowed what it does: it acts with the master's right, and in its caller's name."""
    return MASTER if run is None else Caller(name=run.user, trusted=True, depth=run.depth)


def on_the_way(arg: Sequence[Any], kwarg: Mapping[str, Any]) -> list[Any]:
    """Arguments as they travel: the keywords come last, as one map that says so."""
    return [*arg, {"__kwarg__": True, **kwarg}] if kwarg else list(arg)


def _published(published: Published) -> dict[str, Any]:
    answer: dict[str, Any] = {"jid": published.jid, "minions": published.minions, "missing": published.missing}
    return answer if published.error is None else answer | {"error": published.error}


async def _command(bus: Bus, runs: Runs, caller: Caller, fields: Mapping[str, Any]) -> dict[str, Any]:
    cls = {"runner": RunnerRequest, "wheel": WheelRequest}.get(fields["kind"])
    if cls is None:
        raise CommandError(f"{fields['kind']} is neither runner nor wheel")
    arg, kwarg = list(fields.get("arg") or ()), dict(fields.get("kwarg") or {})
    wanted = cls(fun=fields["fun"], jid=runs.new_jid(), user=caller.name, arg=arg, kwarg=kwarg, caller=caller)
    outcome: Outcome = await bus.ask(wanted)
    return {**outcome.to_load(), "jid": wanted.jid}


def _running(jid: str, run: Run) -> dict[str, Any]:
    return {
        "jid": jid,
        "fun": run.fun,
        "fun_args": run.fun_args,
        "user": run.user,
        "pid": run.pid,
        "_stamp": stamped(run.started),
    }


def _fired(fields: Mapping[str, Any]) -> list[tuple[str, Any]]:
    rows = fields.get("events") or [{"tag": fields.get("tag"), "data": fields.get("data")}]
    pretag = fields.get("pretag")
    return [(f"{pretag}/{row['tag']}" if pretag else row["tag"], row.get("data")) for row in rows]


def _plugin(run: Run | None) -> Origin:
    """Who fires: the function that runs; nobody's name when it is none that somebody asked for."""
    return Origin("plugin") if run is None else Origin("plugin", run.fun, run.depth)


async def _fire(bus: Bus, origin: Origin, tag: object, data: object) -> None:
    """Put a plugin's event on the bus. What it says about keys is said in the daemon's own words, which are heeded."""
    match tag, data:
        case "salt/key", {"act": str() as act, "id": str() as id, **rest}:
            pub = rest.get("pub")
            pub = pub if isinstance(pub, str) else None
            await bus.publish(KeyChanged(result=True, act=act, id=id, pub=pub, origin=origin))
        case "key", {"rotate_aes_key": True}:
            await bus.ask(RotateRequest())
        case str() as name, _ if name:
            data = dict(data) if isinstance(data, Mapping) else {"data": data}
            await bus.publish(TaggedEvent(name=name, data=data, origin=origin))
        case _:
            raise CommandError("An event has a tag")


def told_arguments(fun: str, arg: Sequence[Any], kwarg: Mapping[str, Any]) -> list[Any]:
    """What the bus may see of what `runner.…` or `wheel.…` is called with."""
    return [HIDDEN] if PRIVATE_ARGUMENTS.fullmatch(fun) else public(on_the_way(arg, kwarg))


def told_result(fun: str, result: Any, arg: Sequence[Any] = (), kwarg: Mapping[str, Any] | None = None) -> Any:
    """What the bus may see of what `runner.…` or `wheel.…` returned."""
    if PRIVATE_RESULTS.fullmatch(fun):
        return HIDDEN
    if ASKS_OTHERS.fullmatch(fun) and any(_asks_pillar(value) for value in (*arg, *(kwarg or {}).values())):
        return HIDDEN
    return public(result)


def _asks_pillar(value: object) -> bool:
    return isinstance(value, str) and value.startswith("pillar.")


def public(value: Any) -> Any:
    """`value` as the bus may see it: private keys, and what stands under a secret's name, are hidden."""
    match value:
        case str():
            return HIDDEN if "PRIVATE KEY-----" in value else value
        case dict():
            return {
                key: HIDDEN if item and isinstance(item, (str, bytes)) and _is_secret(key) else public(item)
                for key, item in value.items()
            }
        case list() | tuple():
            return [public(item) for item in value]
    return value


def _is_secret(name: object) -> bool:
    return isinstance(name, str) and SECRET_NAME.fullmatch(name.lower()) is not None
