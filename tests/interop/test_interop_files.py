"""The shelf `file` beside stock's: the same calls in one process each, each in a folder of its own.

`W` in a row stands for that folder, and no row names a place outside of it that anything could change. Where ours
answers something else on purpose, `ours` says what, and `why`. The rows stand in `filerows.py`.
"""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.interop.beside import STOCK, TRISALT
from tests.interop.filerows import BASICS, PERMS, Row
from tests.interop.filerows_cp import CP_ROWS
from tests.interop.filerows_edit import EDIT_ROWS
from tests.interop.filerows_find import FIND
from tests.interop.filerows_managed import MANAGED_ROWS
from tests.support.debian import need
from tests.support.lab import stock_bin

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.getuid() != 0, reason="gives files away, and makes devices"),
]

ROWS = [*BASICS, *PERMS, *EDIT_ROWS, *MANAGED_ROWS, *FIND, *CP_ROWS]

LOOP = """
import subprocess
answers = []
for row in given["rows"]:
    context.pop("retcode", None)
    if row["sh"]:
        done = subprocess.run(["bash", "-c", row["sh"]], capture_output=True, cwd=given["place"])
        answers.append({"return": (done.stdout + done.stderr).decode(errors="backslashreplace")})
        continue
    if row["put"]:
        name, text = row["put"]
        for old in (name, f"{name}.bak"):
            if os.path.lexists(old):
                os.remove(old)
        with open(name, "wb") as file:
            file.write(text.encode("latin-1"))
    if row["put"] or row["get"]:
        held = b"".join(open(name, "rb").read() for name in row["get"])
        answers.append({"return": held.decode(errors="backslashreplace")})
        continue
    try:
        function = functions[row["fun"]]
        options["test"] = row["test"]
        value = function(*row["args"], **row["kwargs"])
        answers.append({"return": json.loads(json.dumps(value, default=repr)), "retcode": context.get("retcode", 0)})
    except Exception as exc:
        answers.append({"error": str(exc)})
print("\\n" + json.dumps(answers))
"""


def answers(python, script, root):
    place = root / "w"
    place.mkdir(parents=True)
    (root / "srv").mkdir()
    conf = root / "minion"
    conf.write_text(f"id: m1\nroot_dir: {root}\nfile_client: local\nfile_roots:\n  base: [{root}/srv]\n")

    def here(value):
        if isinstance(value, str):
            return re.sub(r"(?<!\w)(?<![^/]/)W(?=/|$|[ ;'\"*])", str(place), value)
        if isinstance(value, list | tuple):
            return [here(item) for item in value]
        return {key: here(item) for key, item in value.items()} if isinstance(value, dict) else value

    def plain(row):
        step = {"sh": here(row.sh), "put": row.put, "get": row.get}
        return {**step, "fun": row.fun, "args": here(row.args), "kwargs": here(row.kwargs), "test": row.test}

    rows = [plain(row) for row in ROWS]
    given = {"conf_file": str(conf), "place": str(place), "rows": rows, "grains": {"id": "m1", "os": "Debian"}}
    given |= {"opts": {}, "pillar": {"role": "web"}}
    given["grains"] |= {"os_family": "Debian", "kernel": "Linux", "cwd": "/"}
    done = subprocess.run(
        [python, "-c", script + LOOP], input=json.dumps(given), capture_output=True, text=True, check=False,
        cwd=place, env={**os.environ, "TMPDIR": str(root)}, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return [json.loads(json.dumps(one).replace(str(place), "W").replace(str(root), "ROOT")) for one in found]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    need("patch", "e2fsprogs")
    root = tmp_path_factory.mktemp("files")
    stock = answers(stock_bin() / "python", STOCK + "options = functions.opts\n", root / "stock")
    ours = answers(sys.executable, TRISALT + "options = plugins.opts\n", root / "ours")
    return list(zip(stock, ours, strict=True))


def test_no_row_names_a_place_that_is_not_its_own():
    for row in ROWS:
        # What sed is given are texts, but for the first.
        for text in _texts(
            row.args[:1]
            if row.fun in ("file.sed", "file.psed", "file.comment_line", "file.comment", "file.uncomment")
            else [row.args, row.kwargs]
        ):
            path = text.removeprefix("salt://|").removeprefix("file://")
            assert not path.startswith(("/", "~")) or path in Row.READ_ONLY, row


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


@pytest.mark.parametrize(
    "number", [number for number, row in enumerate(ROWS) if not row.is_step], ids=lambda n: str(ROWS[n])
)
def test_a_call_answers_as_stock(both, number):
    row = ROWS[number]
    stock, ours = (row.plain(answer) for answer in both[number])
    if row.ours is Row.SAME:
        assert ours == stock
    else:
        assert ours == row.ours
        assert ours != stock, "this is no difference any more"


@pytest.mark.parametrize("number", [number for number, row in enumerate(ROWS) if row.is_step], ids=lambda n: f"{n}")
def test_what_the_calls_left_on_the_disk_is_as_stock_leaves_it(both, number):
    row = ROWS[number]
    stock, ours = both[number]
    assert ours == (stock if row.ours is Row.SAME else row.ours)
