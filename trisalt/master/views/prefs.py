"""What a user likes: one small map for each, kept for their consoles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trisalt.bus.caller import Caller
from trisalt.errors import RemoteProtocolError
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk

BANK = "console/prefs"
MOST_BYTES = 64 * 1024


async def prefs(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's own map. With `put` it takes the place of the one that is there."""
    key = _key(sight.caller)
    if "put" not in question:
        return dict(await desk.store.banks.fetch(BANK, key) or {})
    wanted = question["put"]
    if not isinstance(wanted, dict) or not all(isinstance(name, str) for name in wanted):
        raise RemoteProtocolError("preferences are a map")
    try:
        size = len(json.dumps(wanted, allow_nan=False))
    except (TypeError, ValueError) as exc:
        raise RemoteProtocolError("preferences are what JSON can say") from exc
    if size > MOST_BYTES:
        raise RemoteProtocolError(f"preferences are at most {MOST_BYTES} bytes, and these are {size}")
    await desk.store.banks.store(BANK, key, wanted)
    return wanted


def _key(caller: Caller) -> str:
    """Names of one backend are other people's in the next."""
    return f"{caller.eauth}/{caller.name}"
