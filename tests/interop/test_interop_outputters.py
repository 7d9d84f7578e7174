"""What our outputters print, beside what stock's do: thousands of shapes, in one process of stock's Python."""

import json
import random
import subprocess

import pytest

from tests.support.lab import stock_bin
from trisalt.cli.show import Show

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

ORACLE = """
import ast, json, sys, warnings
warnings.simplefilter("ignore")
import salt.output
for line in sys.stdin:
    data, out, opts, kwargs = ast.literal_eval(line)
    opts = {"extension_modules": "", "optimization_order": [0], "fileserver_backend": [], "cachedir": "/nonexistent", **opts}
    try:
        text = salt.output.try_printout(data, out, opts, **kwargs)
    except Exception as exc:
        text = None
    print(json.dumps(text), flush=True)
"""
COMMON = {"strip_colors": True, "state_output": "full", "state_verbose": True, "state_output_profile": True}
WORDS = [
    "",
    "x",
    "a b",
    "line1\nline2",
    "é✓",
    "\x1b[31mred",
    "tail ",
    "\ttab",
    "key: value",
    "- item",
    "0",
    "True",
    "#c",
]


def stock(rows):
    """What stock prints for each row of data, outputter, options and further arguments, None where it fails."""
    folder = stock_bin()
    if folder is None:
        pytest.skip("stock Salt is not installed")
    text = "".join(f"{row!r}\n" for row in rows)
    done = subprocess.run(
        [folder / "python", "-W", "ignore", "-c", ORACLE], input=text, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def ours(row):
    data, out, opts, kwargs = row
    retcode = kwargs.get("_retcode", 0)
    return Show(opts, out=out, color=opts["color"]).render(data, retcode=retcode)


def value(chance, depth=3):
    kind = chance.randrange(9 if depth else 6)
    match kind:
        case 0:
            return chance.choice([True, False, None])
        case 1:
            return chance.choice([0, 1, -5, 2**70, 1.5, -0.0, 1e300])
        case 2 | 3 | 4 | 5:
            return chance.choice(WORDS)
        case 6:
            return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
        case _:
            return {
                chance.choice(["a", "b", "c d", "E", "10"]): value(chance, depth - 1)
                for _ in range(chance.randrange(4))
            }


DATA = ("nested", "json", "yaml", "txt", "raw", "pprint", "no_return")


def data_rows(out):
    chance, rows = random.Random(out), []
    for _ in range(150):
        color, retcode = chance.choice([True, False]), chance.choice([0, 0, 1])
        indent = chance.choice([None, None, 2, 4, -1]) if out != "nested" else None
        opts = {**COMMON, "color": color, **({} if indent is None else {"output_indent": indent})}
        data = {chance.choice(["m1", "m2"]): value(chance) for _ in range(chance.choice([1, 1, 2]))}
        if out == "no_return":
            data = {"m1": chance.choice([*WORDS, "Minion did not return. [No response]\n\nsalt-run x"])}
        rows.append((data, out, opts, {"_retcode": retcode}))
    return rows


def state(chance, number):
    result = chance.choice([True, True, False, None])
    changes = chance.choice([{}, {}, {"diff": "--- a\n+++ b\n"}, {"new": "x", "old": ["y", 1]}, {"a": {"b": {"c": 1}}}])
    name, id = chance.choice(["x", "/etc/a b", "n"]), chance.choice(["x", "id", "some id"])
    found = {
        "name": name,
        "changes": changes,
        "result": result,
        "comment": chance.choice(["", "done", "two\nlines\n", " padded ", "é"]),
        "__sls__": "a.b",
        "__run_num__": number,
        "__id__": id,
    }
    if chance.random() < 0.8:
        found |= {"start_time": "12:55:13.128178", "duration": chance.choice([1.109, 3.2, 1200.5, "3.2 ms", 0.0])}
    if chance.random() < 0.15:
        found["warnings"] = chance.choice([["old"], ["a " * 60, "b"]])
    if chance.random() < 0.1:
        found["__parallel__"] = True
    if chance.random() < 0.1:
        found["data"] = chance.choice([["p", "q"], {"k": "v"}, "text"])
    function = chance.choice(["installed", "managed", "run"])
    return f"{chance.choice(['pkg', 'file', 'cmd'])}_|-{id}_|-{name}_|-{function}", found


MODES = [mode + suffix for mode in ("full", "terse", "mixed", "changes", "filter") for suffix in ("", "_id")]


def state_rows():
    chance, rows = random.Random("states"), []
    for number in range(500):
        opts = {
            **COMMON,
            "color": chance.choice([True, False]),
            "state_output": MODES[number % len(MODES)],
            "state_verbose": chance.choice([True, True, False]),
            "state_output_profile": chance.choice([True, True, False]),
            "state_output_diff": chance.choice([False, False, True]),
            "state_output_pct": chance.choice([False, True]),
            "state_tabular": chance.choice([False, False, True]),
            "state_output_exclude": chance.choice([[], ["True"]]),
            "state_output_terse": chance.choice([[], ["None"], ["False"]]),
        }
        states = dict(state(chance, at) for at in range(chance.randrange(5)))
        data = {"m1": chance.choice([states] * 12 + [["No matching sls found for 'x' in env 'base'"], "text", 1, True])}
        if chance.random() < 0.1:
            data = {"retcode": 0, "jid": "20261127113345471210", **data}
        rows.append((data, "highstate", opts, {}))
    return rows


def compressed_rows():
    chance, rows = random.Random("ids"), []
    for number in range(200):
        states = {}
        for at in range(chance.randrange(1, 7)):
            name, found = state(chance, at)
            module, id, _name, _function = name.split("_|-")
            # Names are the states' own, and an ID stands for one function.
            found |= {"name": f"n{at}", "__id__": id, "start_time": "12:55:13.128178", "duration": at + 1.5}
            states[f"{module}_|-{id}_|-n{at}_|-{id.split()[0]}"] = found
        opts = {**COMMON, "color": False, "state_output": MODES[number % len(MODES)], "state_compress_ids": True}
        rows.append(({"m1": states}, "highstate", opts, {}))
    return rows


def table_rows():
    chance, rows = random.Random("tables"), []
    for _ in range(200):
        keys = chance.sample(["name", "last_move", "aB", "x-y", "Z"], chance.randrange(1, 4))
        cells = ["x", "two words", 1, 2.5, None, True, [1, 2], "long " * 9]
        grid = [{key: chance.choice(cells) for key in keys} for _ in range(chance.randrange(1, 4))]
        data = chance.choice(
            [{"m1": grid}, {"m1": {"out": grid, "in": grid[:1]}}, grid, {"m1": ["a", "bcd"]}, {"m1": []}]
        )
        rows.append((data, "table", {**COMMON, "color": chance.choice([True, False])}, {}))
    return rows


def key_rows():
    chance, rows = random.Random("keys"), []
    for _ in range(60):
        data = {
            kind: chance.choice([[], ["m1"], ["m2", "m1"], {"m1": "aa:bb", "m2": "-----BEGIN\nX"}])
            for kind in ("minions", "minions_pre", "minions_denied", "minions_rejected", "local")
            if chance.random() < 0.6
        }
        rows.append(
            (
                data,
                "key",
                {
                    **COMMON,
                    "transport": "zeromq",
                    "__multi_key": chance.choice([True, False]),
                    "color": chance.choice([True, False]),
                },
                {},
            )
        )
    return rows


ROWS = {
    **{out: data_rows(out) for out in DATA},
    "states": state_rows(),
    "states of one ID": compressed_rows(),
    "table": table_rows(),
    "key": key_rows(),
}


@pytest.fixture(scope="module")
def printed():
    """What stock prints of all of it, by one process."""
    theirs = iter(stock([row for rows in ROWS.values() for row in rows]))
    return {name: [next(theirs) for _row in rows] for name, rows in ROWS.items()}


@pytest.mark.parametrize("name", ROWS)
def test_what_we_print_is_what_stock_prints(printed, name):
    pairs = [(row, theirs) for row, theirs in zip(ROWS[name], printed[name], strict=True) if theirs is not None]
    assert len(pairs) > len(ROWS[name]) * 0.9
    for row, theirs in pairs:
        assert ours(row) == theirs, row
