"""The keys of minions, by their states, with fingerprints: for who may list them, and read off the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import trio

from trisalt.errors import Denied, RemoteProtocolError
from trisalt.master.grants import WHEEL
from trisalt.master.keyring import State
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk, from_cursor, page_size, to_cursor

# What somebody has to do something about comes first.
ORDER = (State.PENDING, State.DENIED, State.REJECTED, State.ACCEPTED)
_NAMES = {state.name.lower(): state for state in ORDER}


async def keys(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total, counts}` of `{id, status, finger}`, pending ones first: `status`, `q` (text in the id),
    `cursor`, `limit`. `finger` is None for who may not ask for it."""
    if not sight.keys:
        raise Denied(f"The user {sight.caller.name} may not see keys")
    status, text = question.get("status") or "", question.get("q") or ""
    if status not in ("", *_NAMES) or not isinstance(text, str):
        raise RemoteProtocolError(f"status is one of {', '.join(_NAMES)}, and q is text")
    limit, after = page_size(question), from_cursor(question, (int, str))
    found = await trio.to_thread.run_sync(desk.keyring.list_all)
    rows = [
        (rank, id)
        for rank, state in enumerate(ORDER)
        if status in ("", state.name.lower())
        for id in sorted(found[state])
        if text in id
    ]
    rest = [row for row in rows if after is None or row > (after[0], after[1])]
    fingers = sight.admin or sight.runs(WHEEL, "key.finger", ["*"])
    return {
        "items": await trio.to_thread.run_sync(_items, desk, rest[:limit], fingers),
        "next": to_cursor(*rest[limit - 1]) if len(rest) > limit else None,
        "total": len(rows),
        "counts": {state.name.lower(): len(found[state]) for state in ORDER},
    }


def _items(desk: Desk, rows: Sequence[tuple[int, str]], fingers: bool) -> list[dict[str, Any]]:
    """In a thread: a file is read for each."""
    return [
        {
            "id": id,
            "status": ORDER[rank].name.lower(),
            "finger": desk.keyring.fingerprint(id, ORDER[rank]) if fingers else None,
        }
        for rank, id in rows
    ]
