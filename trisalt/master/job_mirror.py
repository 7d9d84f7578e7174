"""Jobs for another cache: `ext_job_cache` and `master_job_cache` name returners that are told of jobs and of returns.

Our own database stays what is true, and what commands read. This follows the event log, hands over what it says, in
its order, and notes how far it has come: what happened while a returner was slow, or while the master was down, is
handed over later. Optional; returners run in a worker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import JobNew, JobReturned
from trisalt.config.master import MasterConfig
from trisalt.errors import RemoteProtocolError, TrisaltError
from trisalt.loader.returner import returner_names
from trisalt.master.position import Position
from trisalt.store.store import Logged, Store
from trisalt.wire.codec import unpack_bin
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Call, Failure

log = structlog.get_logger()

BANK, KEY = "job_mirror", "position"
# The cache of stock Salt that lies in files: ours is in its place.
OURS = frozenset({"local_cache", ""})
# Before a returner that failed is tried again (seconds); then the next has its turn.
WAITS = (1.0, 5.0, 30.0)

_TAG = re.compile(r"salt/job/[^/]+/(new|ret/[^/]+)")


@attrs.frozen(kw_only=True)
class MirrorRules:
    """Which returners are told of jobs (`save_load`), and which of returns (`returner`)."""

    jobs: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: MasterConfig) -> MirrorRules:
        """As stock Salt does: to what `ext_job_cache` names minions give their returns themselves."""
        ext = returner_names(config.ext_job_cache)
        own = tuple(name for name in returner_names(config.master_job_cache) if name not in OURS)
        returns = own if config.job_cache and not ext else ()
        return cls(jobs=tuple(dict.fromkeys((*ext, *own))), returns=returns)


async def mirror_jobs(
    bus: Bus,
    store: Store,
    workers: Workers,
    rules: MirrorRules,
    *,
    waits: Sequence[float] = WAITS,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Hand jobs and returns over until cancelled. The first time it begins with what happens from then on."""
    async with bus.subscribe((JobNew, JobReturned), keep=False, depth=1, outside=True) as news:
        mirror = _Mirror(store, workers, rules, waits)
        await mirror.position.begin()
        task_status.started()
        while True:
            while mirror.position.number < store.log.last:
                await mirror.slice()
            await news.receive_all()


class _Mirror:
    def __init__(self, store: Store, workers: Workers, rules: MirrorRules, waits: Sequence[float]) -> None:
        self.position = Position(store, BANK, KEY)
        self._store = store
        self._workers = workers
        self._rules = rules
        self._waits = waits

    async def slice(self) -> None:
        """Hand over the next events."""
        events = self._store.log
        found = await events.read(self.position.number, events.last, wanted=lambda tag: _TAG.fullmatch(tag) is not None)
        if found.gone:
            log.warning("job_mirror.lagged", missed=found.gone)
        for row in found.rows:
            await self._hand_over(row)
        self.position.number = found.upto
        if found.rows:
            await self.position.note()

    async def _hand_over(self, row: Logged) -> None:
        try:
            data = unpack_bin(row.data)
        except RemoteProtocolError:
            return
        if not isinstance(data, dict):
            return
        data = {key: value for key, value in data.items() if key != "_stamp"}
        jid = str(data.get("jid"))
        if row.tag.endswith("/new"):
            load = await self._store.jobs.load(jid)
            # A question whether a job still runs is none.
            if load is not None:
                for name in self._rules.jobs:
                    await self._call(name, "save_load", jid, [jid, load, list(load.get("minions") or [])])
            return
        # Others may fire what looks like a return.
        if row.origin != f"minion/{data.get('id')}" or data.get("fun") == "saltutil.find_job":
            return
        if "tgt" in data:
            # Nobody published it: the schedule of a minion, or salt-call. It says itself what job it is of.
            for name in self._rules.returns:
                await self._call(name, "save_load", jid, [jid, data])
        for name in self._rules.returns:
            await self._call(name, "returner", jid, [data])

    async def _call(self, name: str, function: str, jid: str, arg: list[Any]) -> None:
        call = Call(fun=f"{name}.{function}", jid="", arg=arg, kind="returners")
        for wait in (*self._waits, None):
            reason, again = await self._try(call)
            if reason is None:
                return
            if wait is None or not again:
                log.error("job_mirror.failed", returner=name, function=function, jid=jid, reason=reason)
                return
            log.warning("job_mirror.put_off", returner=name, function=function, jid=jid, reason=reason, wait_s=wait)
            await trio.sleep(wait)

    async def _try(self, call: Call) -> tuple[str | None, bool]:
        """Why it failed, and whether another try may be better."""
        try:
            outcome = await self._workers.run_job(call, warm=True, outlives=False)
        except TrisaltError as exc:
            return str(exc), True
        if outcome.failure is None:
            return None, False
        reason = str(outcome.result).rstrip()
        if outcome.failure is Failure.ARGUMENTS:
            return reason.partition("\n")[0], False
        return reason.rpartition("\n")[2], outcome.failure is not Failure.MISSING
