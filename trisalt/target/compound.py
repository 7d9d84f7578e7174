"""Compound targets: `G@os:Debian and not ( web* or L@a,b )`. A parser and set algebra, never `eval`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Expression:
    """A compound target that has been read."""

    def matches(self, *, id: str, grains: Mapping[str, Any], pillar: Mapping[str, Any], delimiter: str = ":") -> bool:
        """Whether it names this one minion."""
        raise NotImplementedError


def parse(expression: str | Sequence[str], nodegroups: Mapping[str, Any] | None = None) -> Expression:
    """Read a compound target. Raises TargetError, which says at which position."""
    raise NotImplementedError
