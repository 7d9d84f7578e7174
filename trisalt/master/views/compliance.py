"""Which minions are in the state that is meant for them: what their newest highstates came to, tests among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from trisalt.errors import NotFound, RemoteProtocolError
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk, from_cursor, page_size, to_cursor
from trisalt.master.views.minions import ACCEPTED, names
from trisalt.store import highstates, outcomes
from trisalt.store.highstates import Highstate
from trisalt.store.jobs import read_return_page

STATES = ("failed", "would_change", "unknown", "in")


async def compliance(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total, counts}`, by id: `state` (one of `STATES`), `cursor`, `limit`. `counts` are by state."""
    wanted = question.get("state") or ""
    if wanted and wanted not in STATES:
        raise RemoteProtocolError(f"state is one of {', '.join(STATES)}")
    found = await standings(desk, [id for id, state in (await names(desk, sight)).items() if state == ACCEPTED])
    counts = {state: 0 for state in STATES}
    for one in found:
        counts[one["state"]] += 1
    after, limit = from_cursor(question, (str,)), page_size(question)
    chosen = [one for one in found if wanted in ("", one["state"])]
    rest = [one for one in chosen if after is None or one["id"] > after[0]]
    page = rest[:limit]
    return {
        "items": page,
        "next": to_cursor(page[-1]["id"]) if len(rest) > limit else None,
        "total": len(chosen),
        "counts": counts,
    }


async def standings(desk: Desk, ids: Sequence[str]) -> list[dict[str, Any]]:
    """How each of these minions stands."""
    newest: dict[str, Highstate] = {}
    for each in await desk.store.read(highstates.read_all):
        before = newest.get(each.id)
        if before is None or each.at >= before.at:
            newest[each.id] = each
    return [standing(id, newest.get(id)) for id in ids]


def standing(id: str, newest: Highstate | None) -> dict[str, Any]:
    """What a minion's newest highstate says of it: one that changed something, and did not fail, has brought it in."""
    if newest is None:
        return {"id": id, "state": "unknown", "at": None, "jid": None, "changes": 0, "failed": 0}
    state = "in"
    if newest.outcome == outcomes.FAILED:
        state = "failed"
    elif newest.test and newest.outcome == outcomes.CHANGED:
        state = "would_change"
    changes = newest.changed if newest.test else 0
    return {
        "id": id,
        "state": state,
        "at": newest.at,
        "jid": newest.jid,
        "changes": changes,
        "failed": newest.failed,
    }


async def differences(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """How one minion stands, with the `items` that are not as they should be: `{id, state, result, comment, changes,
    name, fun, sls}`. Raises NotFound for one that may not be seen."""
    id = question.get("id")
    if not isinstance(id, str) or id not in await names(desk, sight):
        raise NotFound(f"There is no minion {id!r}")
    kept = await desk.store.read(partial(highstates.read_all, ids=[id]))
    newest = max(kept, key=lambda each: each.at, default=None)
    found = standing(id, newest)
    chunks: Sequence[dict[str, Any]] = ()
    if newest is not None:
        row = await desk.store.jobs.row(newest.jid)
        if row is not None and sight.sees_job(row.load, row.minions):
            chunks = await _chunks(desk, newest.jid, id)
    return found | {"items": chunks}


async def _chunks(desk: Desk, jid: str, id: str) -> list[dict[str, Any]]:
    page, _last = await desk.store.read(partial(read_return_page, jid=jid, after=0, limit=1, id=id, most_bytes=1))
    result = page[0][2].get("return") if page else None
    if isinstance(result, list):
        return [{"id": "", "result": False, "comment": str(text), "changes": {}} for text in result]
    if not isinstance(result, dict):
        return []
    return [
        _chunk(key, chunk)
        for key, chunk in sorted(result.items(), key=lambda each: _number(each[1]))
        if isinstance(chunk, dict) and (chunk.get("result") is not True or chunk.get("changes"))
    ]


def _number(chunk: Any) -> int:
    number = chunk.get("__run_num__") if isinstance(chunk, dict) else None
    return number if isinstance(number, int) else 0


def _chunk(key: Any, chunk: Mapping[str, Any]) -> dict[str, Any]:
    parts = str(key).split("_|-")
    return {
        "id": chunk.get("__id__") or (parts[1] if len(parts) > 1 else str(key)),
        "fun": f"{parts[0]}.{parts[-1]}",
        "name": chunk.get("name"),
        "sls": chunk.get("__sls__"),
        "result": chunk.get("result"),
        "comment": chunk.get("comment"),
        "changes": chunk.get("changes") or {},
    }
