"""The events for failed states in a return: one in the job's namespace, one under the state's own name. Pure.

Source: stock Salt 3008.3 (`salt/job/<jid>/sub/<id>/error/<fun>`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog

from trisalt.bus.events import JobReturned, TaggedEvent
from trisalt.bus.tags import reserved

log = structlog.get_logger()

STATE_FUNCTIONS = frozenset({"state.highstate", "state.sls", "state.apply"})

MOST_STATES = 1000
"""How many failed states of one return are told: a return is the minion's word, and the bus is everybody's."""


def failed_states(event: JobReturned) -> Iterator[TaggedEvent]:
    """The events that tell of the failed states in `event`; none for other functions than those that run states."""
    told = 0
    for fun, result, retcode in _state_results(event):
        if not isinstance(result, dict):
            continue
        for key, chunk in result.items():
            if not isinstance(key, str) or not isinstance(chunk, dict) or chunk.get("result") is not False:
                continue
            if told == MOST_STATES:
                log.warning("job.failed_states_not_told", id=event.id, jid=event.jid, told=told)
                return
            told += 1
            parts = key.split("_|-")
            name = f"{parts[0]}.{parts[-1]}"
            data = {**chunk, "retcode": retcode}
            # The name comes from the minion: it may not be one that only the master uses.
            if not reserved(name, event.id):
                yield TaggedEvent(name=name, data=data, origin=event.origin)
            further = {"jid": event.jid, "id": event.id, "success": False, "return": f"Error: {name}", "fun": fun}
            if event.user is not None:
                further["user"] = event.user
            yield TaggedEvent(
                name=f"salt/job/{event.jid}/sub/{event.id}/error/{fun}", data={**data, **further}, origin=event.origin
            )


def _state_results(event: JobReturned) -> Iterator[tuple[str, Any, Any]]:
    """`(fun, return, retcode)` of each function that runs states and failed, in a job of one function or of several."""
    if isinstance(event.fun, str):
        if event.fun in STATE_FUNCTIONS:
            yield event.fun, event.result, event.retcode
        return
    if not isinstance(event.fun, list):
        return
    for number, fun in enumerate(event.fun):
        where = number if isinstance(event.retcode, list) else fun
        try:
            retcode, result = event.retcode[where], event.result[where]
        except (KeyError, IndexError, TypeError):
            continue
        if retcode and fun in STATE_FUNCTIONS:
            yield fun, result, retcode
