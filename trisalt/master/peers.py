"""Minions that ask for others: `minion_pub`, `minion_publish`, `pub_ret` and `minion_runner`.

The gate judges a minion by the options `peer` and `peer_run`; a job of a minion knows in its load whose it is, and only
that minion gets its returns. Who may not, and who asks nonsense, is answered with nothing, as stock answers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus, Reply
from trisalt.bus.caller import Caller
from trisalt.bus.requests import MinionPublishRequest, PublishRequest, RunnerRequest
from trisalt.errors import TrisaltError
from trisalt.loader.words import condition_args, parse_words
from trisalt.master.following import open_following
from trisalt.store.store import Jobs
from trisalt.wire import jid as jids

log = structlog.get_logger()

# Under whom the jobs of minions are known. Source: stock Salt 3008.3, the master's minion_pub.
USER = "root"
# How long a minion may have the master wait, in seconds.
LONGEST_S = 3600.0
# What a minion may say of its publication beside target, function and arguments.
_OPTIONS = ("delimiter", "metadata")


async def serve_peers(bus: Bus, jobs: Jobs, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Answer `MinionPublishRequest` until cancelled, each in a task of its own. `jobs` is the store's."""
    desk = _Desk(bus, jobs)
    async with bus.claim(MinionPublishRequest) as requests, trio.open_nursery() as answers:
        task_status.started()
        async for request, reply in requests:
            answers.start_soon(desk.answer, request, reply)


class _Desk:
    def __init__(self, bus: Bus, jobs: Jobs) -> None:
        self._bus = bus
        self._jobs = jobs
        self._last_jid: str | None = None

    async def answer(self, request: MinionPublishRequest, reply: Reply) -> None:
        work = {
            "minion_pub": self._publish,
            "minion_publish": self._publish_and_wait,
            "pub_ret": self._returns,
            "minion_runner": self._run,
        }[request.cmd]
        try:
            reply.send(await work(request.id, request.load))
        except TrisaltError as exc:
            log.info("peer.refused", id=request.id, cmd=request.cmd, fun=request.load.get("fun"), reason=str(exc))
            reply.send({})
        except Exception as exc:
            log.error("peer.failed", id=request.id, cmd=request.cmd, exc_info=exc)
            reply.send({})

    async def _publish(self, id: str, load: Mapping[str, Any]) -> dict[str, Any]:
        wanted = _to_publish(id, load)
        if wanted is None:
            return {}
        published: Published = await self._bus.ask(wanted)
        return _told(published)

    async def _publish_and_wait(self, id: str, load: Mapping[str, Any]) -> dict[str, Any]:
        wanted = _to_publish(id, load, watch=True)
        if wanted is None:
            return {}
        returns: dict[str, Any] = {}
        async with open_following(self._bus, self._jobs) as following:
            published: Published = await self._bus.ask(wanted)
            if published.jid is None:
                return {}
            following.begin(published.jid)
            async for batch in following:
                returns.update((body["id"], body) for body in batch)
        if load.get("form") != "full":
            return {of: body["return"] for of, body in returns.items()}
        full: dict[str, Any] = {
            of: {"ret": body["return"], **{name: item for name, item in body.items() if name != "return"}}
            for of, body in returns.items()
        }
        return {**full, "__jid__": published.jid}

    async def _returns(self, id: str, load: Mapping[str, Any]) -> object:
        """What has come back of a job that this minion published."""
        jid = load.get("jid")
        job = await self._jobs.load(jid) if isinstance(jid, str) and jids.is_jid(jid) else None
        if job is None:
            return ""
        if job.get("id") != id:
            log.warning("peer.not_its_job", id=id, jid=jid)
            return {}
        return {
            of: {"ret": body["return"], **({"out": body["out"]} if body.get("out") else {})}
            for of, body in (await self._jobs.returns(str(jid))).items()
        }

    async def _run(self, id: str, load: Mapping[str, Any]) -> object:
        fun, arg = load.get("fun"), load.get("arg")
        if not isinstance(fun, str) or not isinstance(arg, list):
            return {}
        args, kwargs = _parsed(arg, load.get("no_parse"))
        self._last_jid = jids.make(time.time(), last=self._last_jid)
        wanted = RunnerRequest(fun=fun, jid=self._last_jid, user=id, arg=args, kwarg=kwargs, caller=_caller(id))
        return (await self._bus.ask(wanted)).result


def _caller(id: str) -> Caller:
    return Caller(name=id, minion=True)


def _told(published: Published) -> dict[str, Any]:
    return {} if published.jid is None else {"jid": published.jid, "minions": published.minions}


def _to_publish(id: str, load: Mapping[str, Any], *, watch: bool = False) -> PublishRequest | None:
    """The publication a minion asks for; None for what is none."""
    fun, arg, tgt, tgt_type = load.get("fun"), load.get("arg"), load.get("tgt"), load.get("tgt_type") or "glob"
    if isinstance(arg, str):
        arg = [arg] if arg else []
    if not (
        isinstance(fun, str) and isinstance(arg, list) and isinstance(tgt, str | list) and isinstance(tgt_type, str)
    ):
        return None
    funs: Any = fun
    if "," in fun:
        # Several functions, with the arguments of each in a list, or as words in one text.
        funs = fun.split(",")
        groups = [part.split() if isinstance(part, str) else part for part in arg]
        if not all(isinstance(group, list) for group in groups):
            return None
        words = [condition_args(*_parsed(group, load.get("no_parse"))) for group in groups]
    else:
        words = condition_args(*_parsed(arg, load.get("no_parse")))
    timeout = load.get("tmo")
    seconds = float(timeout) if isinstance(timeout, int | float) and not isinstance(timeout, bool) else None
    ret = load.get("ret")
    return PublishRequest(
        tgt=tgt,
        tgt_type=tgt_type,
        fun=funs,
        arg=words,
        ret=ret if isinstance(ret, str) else "",
        user=USER,
        caller=_caller(id),
        kwargs={"id": id, **{name: load[name] for name in _OPTIONS if name in load}},
        watch=watch,
        timeout=None if seconds is None else min(max(seconds, 0.0), LONGEST_S),
    )


def _parsed(arg: Sequence[Any], no_parse: object) -> tuple[list[Any], dict[str, Any]]:
    """Positional values and keywords: text is read as on a command line, all else stays what it is."""
    kept = [str(name) for name in no_parse] if isinstance(no_parse, list) else []
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for value in arg:
        if isinstance(value, str):
            more, named = parse_words([value], no_parse=kept)
            args += more
            kwargs |= named
        elif isinstance(value, Mapping) and value.get("__kwarg__") is True:
            kwargs |= {str(name): item for name, item in value.items() if name != "__kwarg__"}
        else:
            args.append(value)
    return args, kwargs
