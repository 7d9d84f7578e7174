"""Does a target name a minion? One matcher for the master, which asks for many, and the minion, which asks for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Grains = Mapping[str, Any]
Pillar = Mapping[str, Any]
Data = Callable[[str], tuple[Grains, Pillar] | None]

TARGET_TYPES = frozenset(
    {
        "glob",
        "pcre",
        "list",
        "grain",
        "grain_pcre",
        "pillar",
        "pillar_pcre",
        "pillar_exact",
        "ipcidr",
        "range",
        "nodegroup",
        "compound",
        "compound_pillar_exact",
    }
)


def matches(
    tgt: Any,
    tgt_type: str,
    *,
    id: str,
    grains: Grains,
    pillar: Pillar,
    delimiter: str = ":",
    nodegroups: Mapping[str, Any] | None = None,
) -> bool:
    """Whether the target names this one minion. Raises TargetError if it cannot be read."""
    raise NotImplementedError


def select(
    tgt: Any,
    tgt_type: str,
    *,
    ids: Iterable[str],
    data: Data,
    delimiter: str = ":",
    nodegroups: Mapping[str, Any] | None = None,
) -> set[str]:
    """The ids a target names. `data` gives grains and pillar of an id, None if there are none: then only its id counts.

    Raises TargetError if the target cannot be read.
    """
    raise NotImplementedError


def missing(tgt: Any, tgt_type: str, *, ids: Iterable[str]) -> list[str]:
    """The names a list target asks for that are not among `ids`, in order; empty for every other kind."""
    raise NotImplementedError
