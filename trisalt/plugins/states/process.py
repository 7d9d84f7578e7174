"""Processes that do not run.

no-miner:
  process.absent:
    - name: xmrig
    - user: nobody
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "ps.pkill" in __salt__:
        return True
    return False, "ps module could not be loaded"


def absent(name: str, user: str | None = None, signal: Any = None) -> dict[str, Any]:
    """
    No process has this in its name; those of `user` alone, if it is given. They are sent `signal`, else asked to end.
    """
    try:
        running = __salt__["ps.pgrep"](name, user=user)
        if not running:
            return returned(name, True, "No matching processes running")
        if __opts__["test"]:
            return returned(name, None, f"{len(running)} processes will be killed", {"killed": running})
        how = {} if signal is None else {"signal": signal}
        killed = (__salt__["ps.pkill"](name, user=user, full=True, **how) or {}).get("killed", [])
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    comment = f"Killed {len(killed)} processes"
    return returned(name, bool(killed), comment, {"killed": killed} if killed else {})
