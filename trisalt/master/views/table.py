"""The questions of consoles by their names at the local door, and who answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.bus.caller import Caller
from trisalt.master.views.approvals import approvals, ask_approval, decide
from trisalt.master.views.compliance import compliance, differences
from trisalt.master.views.desk import Desk, Operation, admit
from trisalt.master.views.docs import docs
from trisalt.master.views.explain import explain
from trisalt.master.views.history import job_events, kept_events, minion_events
from trisalt.master.views.issues import issues
from trisalt.master.views.jobs import job, jobs, returns
from trisalt.master.views.keys import keys
from trisalt.master.views.minions import minion, minions, preview
from trisalt.master.views.overview import overview
from trisalt.master.views.prefs import prefs
from trisalt.master.views.reactors import reactors, try_reactors

OPERATIONS: Mapping[str, Operation] = {
    "minions": minions,
    "minion": minion,
    "preview": preview,
    "keys": keys,
    "jobs": jobs,
    "job": job,
    "returns": returns,
    "overview": overview,
    "compliance": compliance,
    "differences": differences,
    "issues": issues,
    "minion_events": minion_events,
    "job_events": job_events,
    "kept_events": kept_events,
    "reactors": reactors,
    "try_reactors": try_reactors,
    "docs": docs,
    "prefs": prefs,
    "approvals": approvals,
    "ask_approval": ask_approval,
    "decide": decide,
    "explain": explain,
}


async def answer(desk: Desk, name: str, caller: Caller, question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to the question `name`, as far as the caller may see. Raises Denied where that is nothing."""
    return await OPERATIONS[name](desk, await admit(desk, caller), question)
