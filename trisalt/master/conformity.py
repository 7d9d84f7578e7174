"""The fleet is asked, every so often, what a highstate would change: `state.highstate test=True`, a few at a time.

Off by default. The batch is the master's (`batches`): it survives a restart, and asks only who is here. What comes back
is kept with the returns (`store/highstates`), where `views/compliance` finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.caller import MASTER
from trisalt.bus.requests import BatchLookup, BatchRequest
from trisalt.errors import StoreError, TrisaltError
from trisalt.store.store import Banks

log = structlog.get_logger()

BANK, KEY = "console", "conformity"
LOOK_EVERY_S = 30.0
"""How often at least it is seen whether the configuration says something else."""
ARGUMENTS: list[Any] = [{"__kwarg__": True, "test": True, "queue": True}]


@attrs.frozen(kw_only=True)
class ConformityRules:
    """Seconds between two rounds, 0 for none; and how many minions are asked at a time."""

    compliance_interval: float = 0.0
    compliance_batch: int = 50

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> ConformityRules:
        """The options of the same names; one that is not set keeps its default."""
        values = {field.name: opts.get(field.name) for field in attrs.fields(cls)}
        return cls(**{name: value for name, value in values.items() if value is not None})


async def keep_asking(
    bus: Bus,
    banks: Banks,
    rules: Callable[[], ConformityRules],
    *,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Ask the fleet whenever it is due, until cancelled. A round that still runs when the next is due is waited for.

    When the last one began is kept: a restart makes no round more, and none less. `clock` is wall time.
    """
    last = await _last(banks)
    task_status.started()
    while True:
        interval = rules().compliance_interval
        # A clock that was set back makes nobody wait for longer than a round.
        last["at"] = min(last["at"], clock())
        due = last["at"] + interval - clock()
        if interval <= 0 or due > 0:
            await trio.sleep(LOOK_EVERY_S if interval <= 0 else min(max(due, 0.1), LOOK_EVERY_S))
        elif await _runs(bus, last["jid"]):
            await trio.sleep(LOOK_EVERY_S)
        else:
            last = {"at": clock(), "jid": await _ask(bus, rules())}
            await _keep(banks, last)


async def _ask(bus: Bus, rules: ConformityRules) -> str:
    """Begin a round; its jid, empty when there is nobody to be asked."""
    request = BatchRequest(
        tgt="*",
        tgt_type="glob",
        fun="state.highstate",
        arg=ARGUMENTS,
        user=MASTER.name,
        caller=MASTER,
        size=str(max(1, rules.compliance_batch)),
        # Who is away is asked the next time.
        wait_absent=0,
    )
    try:
        published = await bus.ask(request)
    except TrisaltError as exc:
        log.warning("compliance.not_asked", reason=str(exc))
        return ""
    log.info("compliance.asked", jid=published.jid, minions=len(published.minions))
    return published.jid or ""


async def _runs(bus: Bus, jid: str) -> bool:
    if not jid:
        return False
    batch = await bus.ask(BatchLookup(jid=jid))
    return batch is not None and not batch.ended


async def _last(banks: Banks) -> dict[str, Any]:
    try:
        kept = await banks.fetch(BANK, KEY)
    except StoreError as exc:
        log.warning("compliance.not_recalled", reason=str(exc))
        kept = None
    match kept:
        case {"at": int() | float() as at, "jid": str() as jid}:
            return {"at": at, "jid": jid}
    return {"at": 0.0, "jid": ""}


async def _keep(banks: Banks, last: dict[str, Any]) -> None:
    try:
        await banks.store(BANK, KEY, last)
    except StoreError as exc:
        log.warning("compliance.not_kept", reason=str(exc))
