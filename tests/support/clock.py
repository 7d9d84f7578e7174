"""A clock that tests move."""

from __future__ import annotations

import attrs


@attrs.define
class Clock:
    """Says `now`, in seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now
