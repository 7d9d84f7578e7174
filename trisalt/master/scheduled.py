"""The master's schedule: what is due is a runner or a wheel function, run like any other.

`scheduler` says what is due, `commands` runs it; its return is told as `__schedule_return`, and given to the returners
that the entry names.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import ScheduleDue, ScheduleReturned
from trisalt.bus.requests import RunnerRequest, WheelRequest
from trisalt.errors import TrisaltError
from trisalt.master.commands import Runs, told_arguments, told_result
from trisalt.scheduler.entry import Entry
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Outcome
from trisalt.worker.returners import give_to_returners

log = structlog.get_logger()


async def run_due(
    bus: Bus,
    workers: Workers,
    runs: Runs,
    *,
    master_id: str,
    user: str,
    wall: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run what the schedule says is due, as the master's own `user`, until cancelled.

    An entry of which as many runs as it allows are under way is passed by.
    """
    running: Counter[str] = Counter()

    async def run(entry: Entry) -> None:
        jid = runs.new_jid()
        try:
            outcome = await _run(bus, jid, entry, user)
        finally:
            running[entry.name] -= 1
        if outcome.retcode or outcome.failure is not None:
            log.warning("scheduler.job_failed", name=entry.name, fun=entry.function, **outcome.briefly())
        else:
            log.info("scheduler.job_finished", name=entry.name, fun=entry.function)
        load = _load(entry, outcome, master_id, wall())
        if entry.return_job:
            await bus.publish(ScheduleReturned(load=load))
        # A returner stores what the caller gets; the bus is for everybody.
        ret = {key: value for key, value in load.items() if key != "cmd"} | {"return": outcome.result, "jid": jid}
        ret |= {"ret_config": entry.return_config} if entry.return_config else {}
        ret |= {"ret_kwargs": entry.return_kwargs} if entry.return_kwargs else {}
        await give_to_returners(workers, entry.returner, ret, outlives=False)

    async with bus.subscribe(ScheduleDue, keep=True) as due, trio.open_nursery() as nursery:
        task_status.started()
        async for event in due:
            assert isinstance(event, ScheduleDue)
            entry = event.entry
            if running[entry.name] >= entry.maxrunning:
                log.info("scheduler.job_skipped", name=entry.name, maxrunning=entry.maxrunning)
                continue
            running[entry.name] += 1
            nursery.start_soon(run, entry)


async def _run(bus: Bus, jid: str, entry: Entry, user: str) -> Outcome:
    kind, fun = _named(entry.function)
    cls = WheelRequest if kind == "wheel" else RunnerRequest
    try:
        outcome: Outcome = await bus.ask(
            cls(fun=fun, jid=jid, user=user, arg=list(entry.args), kwarg=dict(entry.kwargs))
        )
    except TrisaltError as exc:
        return Outcome(result=str(exc), retcode=1, success=False)
    return outcome


def _named(function: str) -> tuple[str, str]:
    """Runners need not say that they are; wheel functions do: `wheel.key.list_all`."""
    kind, _, fun = function.partition(".")
    return (kind, fun) if kind in ("runner", "wheel") and "." in fun else ("runner", function)


def _load(entry: Entry, outcome: Outcome, master_id: str, now: float) -> dict[str, Any]:
    kind, fun = _named(entry.function)
    load: dict[str, Any] = {
        "cmd": "_return",
        "id": master_id,
        "fun": entry.function,
        "fun_args": told_arguments(f"{kind}.{fun}", entry.args, entry.kwargs),
        "schedule": entry.name,
        "jid": "req",
        "return": told_result(f"{kind}.{fun}", outcome.result, entry.args, entry.kwargs),
        "success": bool(outcome.success),
        "retcode": outcome.retcode,
    }
    if entry.metadata is not None:
        load["metadata"] = entry.stamped_metadata(now)
    return load
