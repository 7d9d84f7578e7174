"""High data to the chunks of a run, in order, or to every complaint about it. Pure.

The stages in their order: extends, is it well formed, what states say of each other, excludes, chunks, requisites,
order. What is wrong in one stage is told with all that is wrong in it, and ends it there.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

import attrs

from trisalt.state.extend import apply_exclude, apply_requisites_in, reconcile_extend
from trisalt.state.graph import Graph, build
from trisalt.state.low import Chunk, to_chunks
from trisalt.state.order import ordered
from trisalt.state.verify import verify_high


@attrs.frozen(kw_only=True)
class Rules:
    """What the options say about compiling. `has_function` tells whether there is a state function of that name."""

    has_function: Callable[[str], bool] = lambda _name: True
    aggregate: bool | Collection[str] = False
    disabled_requisites: Collection[str] = ()
    disabled_functions: Collection[str] = ()
    """Patterns of state functions that are not run at all: the grain `state_runs_disabled`."""


@attrs.frozen(kw_only=True)
class Compiled:
    """`chunks` in the order they run; `skipped` is how many were left out because their function is disabled."""

    chunks: list[Chunk]
    graph: Graph
    skipped: int = 0


def compile_high(
    high: dict[str, Any], rules: Rules, *, orchestration_jid: Any = None, errors: list[str] | None = None
) -> Compiled | list[str]:
    """What is to run, or what is wrong. `high` is changed on the way.

    With `errors` that there are already it goes on where the high data is not well formed, so that what states say of
    each other is looked at too: whoever only shows it is told all of it.
    """
    found = [*(errors or ()), *reconcile_extend(high), *verify_high(high)]
    if found and errors is None:
        return found
    found += apply_requisites_in(high, disabled=rules.disabled_requisites)
    apply_exclude(high)
    if found:
        return found
    return compile_chunks(to_chunks(high, orchestration_jid=orchestration_jid), rules)


def compile_chunks(chunks: list[Chunk], rules: Rules) -> Compiled | list[str]:
    """Chunks in the order they run, or what is wrong with their requisites."""
    enabled = [chunk for chunk in chunks if not _is_disabled(chunk, rules.disabled_functions)]
    graph, cap, errors = build(
        enabled,
        has_function=rules.has_function,
        aggregate=rules.aggregate,
        disabled=rules.disabled_requisites,
    )
    sorted_chunks = ordered(graph, cap)
    if sorted_chunks is None:
        errors.append(f"Recursive requisites were found: {graph.circle()}")
    if errors:
        return errors
    return Compiled(chunks=sorted_chunks or [], graph=graph, skipped=len(chunks) - len(enabled))


def _is_disabled(chunk: Chunk, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(f"{chunk['state']}.{chunk['fun']}", str(pattern)) for pattern in patterns)
