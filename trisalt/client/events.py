"""Follow the master's events through the local door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from trisalt.client.door import Door


class Lagged(NamedTuple):
    """This follower was too slow: `missed` events are not there."""

    missed: int


class Events:
    """Events as they come: iterate `(tag, data)` pairs, or `Lagged`. Close it, or use it in a `with`, to stop."""

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]] | Lagged]:
        raise NotImplementedError


def follow(door: Door, match: Sequence[str] | None = None, *, timeout: float | None = None) -> Events:
    """Follow from now: when this returns the subscription stands. `match`: globs over the whole tag, None for all.

    `timeout`: seconds without an event until RequestTimeout; None waits for ever.
    """
    raise NotImplementedError
