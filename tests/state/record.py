"""Have stock Salt answer the calls of `state_cases`, and keep the answers: `python -m tests.state.record`.

Run it when cases are added; TRISALT_STOCK_BIN names stock's commands. It takes minutes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.interop.beside import Call, ask
from tests.state.state_cases import CALLS, GRAINS, OPTS, PILLAR, comparable, write
from tests.support.lab import open_lab

RECORDED = Path(__file__).with_name("recorded.json")


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


if __name__ == "__main__":
    # A line for each call, so that a difference shows which.
    rows = [f"{json.dumps(call)}: {json.dumps(answer)}" for call, answer in sorted(answers("stock", CALLS).items())]
    RECORDED.write_text("{\n" + ",\n".join(rows) + "\n}\n")
