"""Ask the execution modules of one side, ours or stock's, in one process: many calls, and what each answered."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.support.lab import OURS, Lab, stock_bin

SAME = object()
STOCK = """
import inspect, json, os, sys, logging, traceback
logging.disable(logging.CRITICAL)
import salt.config, salt.loader, salt.utils.secret
given = json.load(sys.stdin)
opts = salt.config.minion_config(given["conf_file"])
opts.update(given["opts"])
opts["grains"], opts["pillar"] = given["grains"], given["pillar"]
opts["file_client"] = "local"
opts["local"] = True
context = {}
utils = salt.loader.utils(opts, context=context)
functions = salt.loader.minion_mods(opts, context=context, utils=utils)
salt.utils.secret.mask_pillar.set(False)
"""
TRISALT = """
import inspect, json, os, sys, logging, traceback
logging.disable(logging.CRITICAL)
from trisalt.config.read import read_minion
from trisalt.loader import facade
from trisalt.loader.dunders import Plugins
from trisalt.worker import upcall
class Host:
    def call(self, kind, fields):
        return [] if kind == "running" else True
upcall.install(Host())
facade.install()
given = json.load(sys.stdin)
opts = dict(read_minion(os.path.dirname(given["conf_file"])).opts)
opts.update(given["opts"])
opts["file_client"] = "local"
opts["local"] = True
plugins = Plugins(opts, grains=given["grains"], pillar=given["pillar"])
functions, context = plugins.loader("modules"), plugins.context
"""
LOOP = """
context.update(given["context"])
answers = []
for fun, args, kwargs in given["calls"]:
    context.pop("retcode", None)
    try:
        function = functions[fun]
        if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values()):
            kwargs = {**kwargs, "__pub_jid": "20260101000000000000", "__pub_fun": fun}
        value = function(*args, **kwargs)
        # At once: what comes back may be a part of what the next call changes.
        value = json.loads(json.dumps(value, default=repr))
        answers.append({"return": value, "retcode": context.get("retcode", 0)})
    except Exception as exc:
        answers.append({"error": str(exc)})
print("\\n" + json.dumps(answers))
"""


class Call:
    """One row. `only` picks what is compared of both answers; `needs` is a program without which stock has no answer."""

    def __init__(self, fun, *args, ours=SAME, why="", only=None, needs=None, **kwargs):
        self.fun, self.args, self.kwargs = fun, args, kwargs
        self.ours, self.why, self.only, self.needs = ours, why, only, needs
        assert ours is SAME or why, "a difference has a reason"

    def __str__(self):
        words = [str(arg) for arg in self.args] + [f"{key}={value}" for key, value in self.kwargs.items()]
        return " ".join([self.fun, *words])


def returns(value, retcode=0):
    return {"return": value, "retcode": retcode}


def refuses(text):
    return {"error": text}


def each(calls: Sequence[Call]) -> pytest.MarkDecorator:
    """One test for each call, with its `number`."""
    return pytest.mark.parametrize("number", range(len(calls)), ids=[f"{n}-{call}" for n, call in enumerate(calls)])


def agree(call: Call, stock: Any, ours: Any) -> None:
    """Ours is stock's answer, or what the call says instead."""
    if call.ours is SAME:
        assert ours == stock
    else:
        assert ours == call.ours
        assert ours != stock, "the same by now: take the difference out of the table"


def ask(
    lab: Lab,
    kind: str,
    calls: Sequence[Call],
    *,
    grains: Mapping[str, Any],
    pillar: Mapping[str, Any] | None = None,
    opts: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    places: Mapping[str, str | int] | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 150,
    before: Sequence[str] = (),
    **configured: Any,
) -> list[dict[str, Any]]:
    """The answers of `kind` ("stock" or "ours"), in the order of the calls.

    `places` are words that stand for paths, names or numbers in the arguments. `configured` goes to the minion's file,
    `opts` are laid over what was read from it; `env` is the environment instead of the lab's, `before` the words
    of a command that starts the process.
    """
    minion = lab.configure_minion(kind, file_client="local", **configured)
    (minion / "cache").mkdir(exist_ok=True)
    given = {
        "conf_file": str(minion / "minion"),
        "opts": {"id": "m1", **(opts or {})},
        "grains": grains,
        "pillar": pillar or {},
        "context": context or {},
        "calls": [[call.fun, *_placed([call.args, call.kwargs], places or {})] for call in calls],
    }
    folder, start = (stock_bin(), STOCK) if kind == "stock" else (OURS, TRISALT)
    assert folder is not None
    done = subprocess.run(
        [*before, str(folder / "python"), "-W", "ignore", "-c", start + LOOP],
        input=json.dumps(given), capture_output=True, text=True, cwd="/", env=env or lab.env, timeout=seconds,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def _placed(value: Any, places: Mapping[str, str | int]) -> Any:
    match value:
        case str() if value in places:
            return places[value]
        case str():
            return re.sub(r"\w+", lambda word: str(places.get(word[0], word[0])), value)
        case list() | tuple():
            return [_placed(item, places) for item in value]
        case dict():
            return {key: _placed(item, places) for key, item in value.items()}
    return value
