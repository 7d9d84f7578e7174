"""Ask the execution modules of one side, ours or stock's, in one process: many calls, and what each answered."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tests.interop.test_interop_shelves import LOOP, STOCK, TRISALT, Call
from tests.support.lab import OURS, Lab, stock_bin


def ask(
    lab: Lab,
    kind: str,
    calls: Sequence[Call],
    *,
    grains: Mapping[str, Any],
    pillar: Mapping[str, Any] | None = None,
    places: Mapping[str, str] | None = None,
    seconds: float = 100,
) -> list[dict[str, Any]]:
    """The answers of `kind` ("stock" or "ours"), in the order of the calls.

    `places` are words that stand for paths in the arguments: as an argument of its own, or at the start of one.
    """
    minion = lab.configure_minion(kind, file_client="local")
    (minion / "cache").mkdir()
    given = {"conf_file": str(minion / "minion"), "opts": {"id": "m1"}, "grains": grains, "pillar": pillar or {}}
    folder, start = (stock_bin(), STOCK) if kind == "stock" else (OURS, TRISALT)
    assert folder is not None
    rows = [[call.fun, _placed(call.args, places or {}), _placed(call.kwargs, places or {})] for call in calls]
    done = subprocess.run(
        [str(folder / "python"), "-W", "ignore", "-c", start + LOOP],
        input=json.dumps({**given, "calls": rows}),
        capture_output=True,
        text=True,
        timeout=seconds,
        env=lab.env,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def _placed(value: Any, places: Mapping[str, str]) -> Any:
    match value:
        case str():
            word, slash, rest = value.partition("/")
            return places[word] + slash + rest if word in places else value
        case list() | tuple():
            return [_placed(item, places) for item in value]
        case dict():
            return {key: _placed(item, places) for key, item in value.items()}
    return value
