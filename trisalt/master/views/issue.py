"""One thing that needs somebody's attention, and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

NAMED = 5
"""So many names stand in a text."""
TARGETED = 500
"""So many minions a remedy names."""
SEVERITIES = ("error", "warning", "info")


@attrs.frozen(kw_only=True)
class Remedy:
    """A command that mends it, as clients of the API send it."""

    client: str
    fun: str
    tgt: Any = None
    tgt_type: str | None = None
    arg: Sequence[Any] = ()


@attrs.frozen(kw_only=True)
class Issue:
    """What is not well. `link` is where a console shows it; `since` is in wall seconds, None where nobody knows;
    `reference` is an address elsewhere, of http or https, where there is more to read."""

    kind: str
    severity: str
    text: str
    since: float | None = None
    remedy: Remedy | None = None
    link: str
    reference: str | None = None


def named(ids: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    if len(ids) <= NAMED:
        return ", ".join(ids)
    return f"{', '.join(ids[:NAMED])} and {len(ids) - NAMED} more"


def on_minions(ids: Sequence[str], fun: str, *arg: Any) -> Remedy:
    """A job for these minions."""
    return Remedy(client="local_async", fun=fun, tgt=list(ids[:TARGETED]), tgt_type="list", arg=arg)
