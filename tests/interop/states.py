"""Ask the state modules of one side, ours or stock's, in one process: each row previewed, applied, and applied again.

A row that is applied three times shows what a state promises: the preview says whether something will change, the
second run changes nothing.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.interop.beside import LOOP as CALLS_LOOP
from tests.interop.beside import OURS, STOCK, TRISALT, Call, _placed
from tests.support.lab import Lab, stock_bin

SAME = object()
PHASES = ("preview", "applied", "again")

STOCK_STATES = """
serializers = salt.loader.serializers(opts)
states = salt.loader.states(opts, functions, utils, serializers, context=context)
said = [opts, states.opts, functions.opts]
"""
OUR_STATES = """
states = plugins.loader("states")
said = [plugins.opts]
"""
LOOP = """
for key, value in (("__env__", "base"), ("__lowstate__", []), ("__running__", {}), ("__instance_id__", "1"), ("__low__", {})):
    given.setdefault("globals", {})[key] = value
def call(fun, args, kwargs, test):
    for each in said:
        each["test"] = test
    # Each is a run of its own.
    context.clear()
    try:
        function = states[fun]
        space = getattr(function, "__globals__", None) or {}
        for key, value in given["globals"].items():
            space.setdefault(key, value)
        space["__low__"] = {"state": fun.split(".")[0], "fun": fun.split(".")[1], "__id__": "x", "__sls__": "s", **kwargs}
        ret = function(*args, **kwargs)
        return json.loads(json.dumps({key: ret[key] for key in ("result", "comment", "changes")}, default=repr))
    except Exception as exc:
        return {"error": f"{type(exc).__name__}: {exc}"}
answers = []
for fun, args, kwargs, phases in given["rows"]:
    answers.append([call(fun, args, kwargs, phase == "preview") for phase in phases])
print("\\n" + json.dumps(answers))
"""


class Row:
    """One state. `preview`, `applied` and `again` are ours where they are meant to differ from stock's, and `why`.

    `phases` are those that are tried. `always` says that it changes something each time; `but` names what of stock's
    changes is none of ours.
    """

    def __init__(
        self, fun, *args, preview=SAME, applied=SAME, again=SAME, why="", always=False, phases=PHASES, but=(), **kwargs
    ):
        self.fun, self.args, self.kwargs, self.why, self.but = fun, args, kwargs, why, but
        self.ours = {"preview": preview, "applied": applied, "again": again}
        self.phases, self.always = tuple(phases), always
        assert all(answer is SAME for answer in self.ours.values()) or why, "a difference has a reason"

    def __str__(self):
        words = [str(arg) for arg in self.args] + [f"{key}={value}" for key, value in self.kwargs.items()]
        return " ".join([self.fun, *words])[:90]


def refused(comment: str, **changes: Any) -> dict[str, Any]:
    """The answer of a state that failed."""
    return {"result": False, "comment": comment, "changes": changes}


def pending(comment: str, **changes: Any) -> dict[str, Any]:
    """The answer of a preview that would change something."""
    return {"result": None, "comment": comment, "changes": changes}


def done(comment: str, **changes: Any) -> dict[str, Any]:
    """The answer of a state that succeeded."""
    return {"result": True, "comment": comment, "changes": changes}


def each_phase(shelf: Sequence[Row]) -> pytest.MarkDecorator:
    """One test for each phase of each row, with the row's `number` and the `phase`."""
    found = [(number, phase) for number, row in enumerate(shelf) for phase in row.phases]
    return pytest.mark.parametrize(("number", "phase"), found, ids=[f"{n}-{phase}-{shelf[n]}" for n, phase in found])


def ask(lab: Lab, kind: str, shelf: Sequence[Row], **how: Any) -> list[dict[str, Any]]:
    """What `kind` ("stock" or "ours") answers, by row: `{phase: {result, comment, changes}}`."""
    return ask_both(lab, kind, (), shelf, **how)[1]


def ask_both(
    lab: Lab,
    kind: str,
    calls: Sequence[Call],
    shelf: Sequence[Row],
    *,
    grains: Mapping[str, Any],
    pillar: Mapping[str, Any] | None = None,
    places: Mapping[str, str | int] | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 150,
    before: Sequence[str] = (),
    apart: Mapping[str, str] | None = None,
    **configured: Any,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What `kind` answers to calls of its execution modules, and then by row, in one process.

    With `apart` what it mounts is mounted for it alone, and for it alone its files lie over others. `before` are
    the words of a command that starts the process.
    """
    minion = lab.configure_minion(kind, file_client="local", **configured)
    (minion / "cache").mkdir(exist_ok=True)
    given = {
        "conf_file": str(minion / "minion"),
        "opts": {"id": "m1"},
        "grains": grains,
        "pillar": pillar or {},
        "context": {},
        "calls": [[call.fun, *_placed([call.args, call.kwargs], places or {})] for call in calls],
        "rows": [[row.fun, *_placed([row.args, row.kwargs], places or {}), row.phases] for row in shelf],
    }
    folder, start, states = (
        (stock_bin(), STOCK, STOCK_STATES) if kind == "stock" else (OURS, TRISALT, OUR_STATES)
    )  # fmt: skip
    alone = []
    if apart is not None:
        laid = "".join(f"mount --bind {mine} {other} && " for other, mine in apart.items())
        alone = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{laid}exec "$@"', "sh"]
    code = start + (CALLS_LOOP if calls else "") + states + LOOP
    done = subprocess.run(
        [*before, *alone, str(folder / "python"), "-W", "ignore", "-c", code],
        input=json.dumps(given), capture_output=True, text=True, cwd="/", env=env or lab.env, timeout=seconds,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for line in done.stdout.splitlines() if line]
    answered = json.loads(lines[-2]) if calls else []
    pairs = zip(shelf, json.loads(lines[-1]), strict=True)
    return answered, [dict(zip(row.phases, found, strict=True)) for row, found in pairs]


def _is_part(preview: Mapping[str, Any], applied: Mapping[str, Any]) -> bool:
    changed = applied.get("changes", {})
    return all(key in changed and changed[key] == value for key, value in preview.get("changes", {"": 0}).items())


def _without(answer: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    if "changes" not in answer:
        return dict(answer)
    if isinstance(answer["comment"], list):
        # As the engine shows it.
        answer = {**answer, "comment": "\n".join(answer["comment"])}
    return {**answer, "changes": {key: value for key, value in answer["changes"].items() if key not in names}}


def compare(shelf: Sequence[Row], answers: Mapping[str, Any], number: int, phase: str) -> None:
    """Ours is stock's, or what the row says instead; and the preview and the second run are true."""
    row, ours, stock = shelf[number], answers["ours"][number], answers["stock"][number]
    wanted = row.ours[phase]
    expected = stock[phase] if wanted is SAME else wanted
    found, expected = _without(ours[phase], row.but), _without(expected, row.but)
    if wanted is SAME and phase == "preview" and _is_part(found, _without(ours.get("applied", {}), row.but)):
        # Stock's preview may leave out, or shorten, what is then changed.
        expected = expected | {"changes": found["changes"]}
    assert found == expected
    if row.phases != PHASES or ours["applied"].get("result") is not True:
        return
    if phase == "preview":
        assert (ours["preview"]["result"] is None) == bool(ours["applied"]["changes"]), "the preview is true"
    elif phase == "again" and not row.always:
        assert ours["again"]["result"] is True
        assert ours["again"]["changes"] == {}, "a second run changes nothing"
