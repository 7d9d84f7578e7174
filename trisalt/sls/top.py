"""The top file: which SLS a target is given, read and merged. Pure; `pillar/compile` renders it and matches.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from trisalt.errors import RenderError

DEFAULT_TYPE = "compound"
"""What a target is without `match:`; a plain glob is a compound target too."""


@attrs.frozen(kw_only=True)
class Assignment:
    """One target of one environment, and what it is given."""

    tgt: str
    tgt_type: str
    names: tuple[str, ...]
    order: int = 0
    ignore_missing: bool = False

    def to_items(self) -> list[Any]:
        """As it stands in a top file."""
        said: dict[str, Any] = {}
        if self.tgt_type != DEFAULT_TYPE:
            said["match"] = self.tgt_type
        if self.order:
            said["order"] = self.order
        if self.ignore_missing:
            said["ignore_missing"] = True
        return [{key: value} for key, value in said.items()] + list(self.names)


def merge_tops(tops: Iterable[Mapping[str, Any]]) -> dict[str, list[Assignment]]:
    """The assignments by environment, sorted by their order. A later top's target replaces an earlier one of that name.

    Raises RenderError for a top that is not formed as a map of environments to maps of targets to lists.
    """
    merged: dict[str, dict[str, Assignment]] = {}
    for top in tops:
        if not isinstance(top, Mapping):
            raise RenderError(f"the top file is not a map but {type(top).__name__}")
        for env, targets in top.items():
            if env == "include":
                continue
            if not isinstance(targets, Mapping):
                raise RenderError(f"environment {env!r} in the top file is not a map of targets")
            for tgt, items in targets.items():
                merged.setdefault(str(env), {})[str(tgt)] = _assignment(str(tgt), items)
    return {env: sorted(targets.values(), key=lambda each: each.order) for env, targets in merged.items()}


def _assignment(tgt: str, items: Any) -> Assignment:
    # A text is taken letter by letter, as stock does: whoever forgets the dash sees the letters named in the errors.
    if not isinstance(items, Iterable):
        raise RenderError(f"the target {tgt!r} in the top file is given no list")
    names: dict[str, None] = {}
    tgt_type, order, ignore_missing = DEFAULT_TYPE, 0, False
    for item in items:
        if isinstance(item, str):
            names[item] = None
        elif isinstance(item, Mapping):
            tgt_type = item.get("match", tgt_type)
            order = _number(item["order"]) if "order" in item else order
            ignore_missing = ignore_missing or bool(item.get("ignore_missing"))
    return Assignment(tgt=tgt, tgt_type=str(tgt_type), names=tuple(names), order=order, ignore_missing=ignore_missing)


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def included(top: Any) -> list[str]:
    """The further top files that a top file includes."""
    names = top.get("include") if isinstance(top, Mapping) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def assigned(
    tops: Mapping[str, list[Assignment]], matches: Callable[[Assignment], bool], *, only: str | None = None
) -> dict[str, list[str]]:
    """The SLS names by environment, each once, of all assignments that match. `only`: of this environment alone."""
    found: dict[str, list[str]] = {}
    for env, assignments in tops.items():
        if only and env != only:
            continue
        for assignment in assignments:
            if matches(assignment):
                names = found.setdefault(env, [])
                names.extend(name for name in assignment.names if name not in names)
    return found
