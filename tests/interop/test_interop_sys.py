"""`sys.*` beside stock's, over the same plugins of every kind: what is told of them."""

import json
import subprocess
import sys

import pytest

from tests.interop.test_interop_shelves import STOCK, TRISALT
from tests.support.lab import stock_bin

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

PLUGIN = '''"""
Doc of the module.
"""
__func_alias__ = {"list_": "list"}


def one(a, b=1, *args, **kwargs):
    """
    Doc of one

    .. versionadded:: 3000

    .. note::
        Look here.

    CLI Example:

    .. code-block:: bash

        salt '*' zz.one
    """


def list_(name):
    "Doc of list"


def nodoc(x, y=None):
    pass


def _hidden():
    pass
'''
RENDERER = '"""\nDoc\n"""\ndef render(data, saltenv="base", sls="", **kw):\n    """\n    Doc of render\n    """\n    return data\n'
FILES = {
    "modules/zz_site.py": PLUGIN,
    "modules/zz_other.py": 'def two():\n    "Doc of two"\n',
    "states/zz_state.py": PLUGIN,
    "runners/zz_run.py": PLUGIN,
    "returners/zz_ret.py": PLUGIN,
    "renderers/zz_rend.py": RENDERER,
}
CALLS = """
    doc zz_site                 | doc zz_site.one             | doc zz_site.l*              | doc zz_*
    doc zz_*.t*                 | doc nosuch                  | doc zz_site.nosuch          | doc zz_site.one zz_other
    list_functions zz_site      | list_functions zz_site.o*   | list_functions zz_*         | list_functions nosuch
    list_functions zz_site.one  | list_functions zz_site zz_other
    list_modules zz_*           | list_modules zz_site        | list_modules nosuch         | list_modules zz_site zz_other
    argspec zz_site             | argspec zz_site.one         | argspec zz_site.*           | argspec zz_*
    argspec nosuch              | argspec zz_site.nosuch
    state_doc zz_state          | state_doc zz_state.one      | list_state_functions zz_state
    list_state_modules zz_state | state_argspec zz_state      | state_schema zz_state.one   | state_schema zz_state.list
    runner_doc zz_run           | list_runners zz_*           | list_runner_functions zz_run | runner_argspec zz_run
    returner_doc zz_ret         | list_returners zz_*         | list_returner_functions zz_ret | returner_argspec zz_ret.one
    renderer_doc zz_*           | list_renderers zz_*
"""
ROWS = [call.split() for line in CALLS.splitlines() for call in line.split("|") if call.strip()]
LOOP = """
answers = []
for name, *words in given["calls"]:
    try:
        answers.append(json.loads(json.dumps(functions["sys." + name](*words))))
    except Exception as exc:
        answers.append(["raised", str(exc)])
print("\\n" + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    if stock_bin() is None:
        pytest.skip("stock Salt is not installed")
    folder = tmp_path_factory.mktemp("sys")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "minion").write_text(f"id: m1\nroot_dir: {folder}\n")
    given = {
        "conf_file": str(folder / "minion"), "grains": {"id": "m1", "os": "x"}, "pillar": {}, "calls": ROWS,
        "opts": {"id": "m1", "extension_modules": str(folder)},
    }  # fmt: skip

    def ask(python, script):
        done = subprocess.run(
            [python, "-c", script + LOOP],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return list(zip(ask(sys.executable, TRISALT), ask(str(stock_bin() / "python"), STOCK), strict=True))


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[" ".join(row) for row in ROWS])
def test_sys_tells_as_stocks(answers, number):
    ours, stock = answers[number]
    assert ours == stock
