"""Have stock Salt answer the calls of `state_cases` and `formula_cases`, and keep the answers.

`python -m tests.state.record`, when cases are added; TRISALT_STOCK_BIN names stock's commands. It takes minutes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.interop.beside import Call, ask
from tests.state import formula_cases
from tests.state.state_cases import CALLS, GRAINS, OPTS, PILLAR, comparable, write
from tests.support.lab import open_lab

RECORDED = Path(__file__).with_name("recorded.json")
RECORDED_FORMULAS = Path(__file__).with_name("recorded_formulas.json")


def answers(kind: str, calls: Sequence[Call], *, seconds: float = 600) -> dict[str, Any]:
    """What one side answers to each call, by its words."""
    with open_lab() as lab:
        roots = lab.root / "srv"
        write(roots)
        found = ask(
            lab, kind, calls, grains=GRAINS, pillar=PILLAR, opts=OPTS, seconds=seconds,
            file_roots={"base": [str(roots)], "dev": [str(roots / "dev")]},
        )  # fmt: skip
    return {str(call): comparable(answer) for call, answer in zip(calls, found, strict=True)}


def formula_answers(kind: str, host: str, calls: Sequence[Call], *, seconds: float = 300) -> dict[str, Any]:
    """What one side answers on a host to the calls of formulas, by host and words."""
    with open_lab() as lab:
        found = ask(
            lab, kind, calls, grains=formula_cases.HOSTS[host], opts=OPTS, seconds=seconds,
            file_roots={"base": [str(formula_cases.ROOT)]}, pillar_roots={"base": [str(lab.root / "none")]},
        )  # fmt: skip
    return {f"{host}: {call}": without_traces(comparable(answer)) for call, answer in zip(calls, found, strict=True)}


def without_traces(value: Any) -> Any:
    """An answer without Python's tracebacks: on our side those are in the log."""
    match value:
        case dict():
            return {key: without_traces(item) for key, item in value.items()}
        case list():
            return [without_traces(item) for item in value]
        case str():
            return re.sub(r"\nTRACEBACK .*\n\n", "", value)
    return value


def keep(path: Path, found: Mapping[str, Any]) -> None:
    """Write answers, a line for each call, so that a difference shows which."""
    rows = [f"{json.dumps(call)}: {json.dumps(answer)}" for call, answer in sorted(found.items())]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    keep(RECORDED, answers("stock", CALLS))
    found: dict[str, Any] = {}
    for host in formula_cases.HOSTS:
        found |= formula_answers("stock", host, formula_cases.CALLS)
    keep(RECORDED_FORMULAS, found)
