"""Does a target name a minion? One matcher for both sides: the master asks for many, a minion for itself.

Where grains and pillar come from is the caller's to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trisalt.target.compound import parse
from trisalt.target.data import DELIMITER
from trisalt.target.kinds import (
    Data,
    Grains,
    Pillar,
    Subject,
    Test,
    expect_text,
    list_test,
    named_outright,
    names_in,
    simple_test,
)
from trisalt.target.ranges import expand

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
    delimiter: str = DELIMITER,
    nodegroups: Mapping[str, Any] | None = None,
) -> bool:
    """Whether the target names this one minion. Raises TargetError if it cannot be read."""
    return read_target(tgt, tgt_type, delimiter=delimiter, nodegroups=nodegroups)(
        Subject(id, lambda _id: (grains, pillar))
    )


def select(
    tgt: Any,
    tgt_type: str,
    *,
    ids: Iterable[str],
    data: Data,
    delimiter: str = DELIMITER,
    nodegroups: Mapping[str, Any] | None = None,
) -> set[str]:
    """The ids a target names. `data` gives grains and pillar of an id, None if there are none: then only its id counts.

    It is asked only for ids whose grains or pillar matter. Raises TargetError if the target cannot be read.
    """
    names = named_outright(tgt, tgt_type)
    if names is not None:
        # A job for one of thousands is the commonest.
        return set(names.intersection(ids))
    test = read_target(tgt, tgt_type, delimiter=delimiter, nodegroups=nodegroups)
    return {id for id in ids if test(Subject(id, data))}


def missing(tgt: Any, tgt_type: str, *, ids: Iterable[str]) -> list[str]:
    """The names a list or a range asks for that are not among `ids`, in order; empty for every other kind."""
    if tgt_type not in ("list", "range"):
        return []
    known = set(ids)
    names = names_in(tgt) if tgt_type == "list" else expand(tgt)
    return [name for name in dict.fromkeys(names) if name not in known]


def read_target(
    tgt: Any,
    tgt_type: str,
    *,
    delimiter: str = DELIMITER,
    nodegroups: Mapping[str, Any] | None = None,
) -> Test:
    """A target, read once, to be held against many. Raises TargetError if it cannot be read."""
    match tgt_type:
        case "compound" | "compound_pillar_exact":
            return parse(tgt, nodegroups, pillar_exact=tgt_type != "compound").test
        case "nodegroup":
            return parse([f"N@{expect_text(tgt)}"], nodegroups).test
        case "list":
            return list_test(tgt)
    return simple_test(tgt_type, expect_text(tgt), delimiter)
