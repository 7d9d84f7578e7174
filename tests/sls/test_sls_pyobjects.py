"""The renderer `pyobjects`: what it tells of files that fail, and what they may do.

What it makes of files is compared with stock's in `tests/state/formulas/objects`.
"""

from __future__ import annotations

import pytest

from trisalt.sls.failure import SlsError
from trisalt.sls.render import Rendering, render_sls
from trisalt.sls.roots import Tree

MODULES = {"test": ["test.nop", "test.show_notification"], "postgres_user": ["postgres_user.present"]}


@pytest.fixture
def render(tmp_path):
    def render(text, *, blacklist=(), **files):
        for name, content in {"a": text, **files}.items():
            (tmp_path / f"{name}.sls").write_text(content)
        tree = Tree([str(tmp_path)])
        salt = {"test.echo": lambda text: text, "grains.get": {"os": "Debian"}.get, "pillar.get": {}.get}
        rendering = Rendering(
            saltenv="base", sources=tree, context={"salt": salt, "pillar": {}},
            blacklist=blacklist, states=lambda module: MODULES.get(module, ()),
        )  # fmt: skip
        return render_sls(rendering, tree.sls("a"))

    return render


def test_a_state_module_is_called_by_its_name_without_underscores(render):
    assert render("#!pyobjects\nPostgresUser.present('x')\n") == {"x": {"postgres_user.present": []}}


def test_a_file_that_names_are_taken_from_declares_nothing_here(render):
    text = "#!pyobjects\nif True:\n    from salt://lib.sls import make as m, n  # a comment\nm(str(n))\n"
    lib = "#!pyobjects\nTest.nop('own')\nn = 1\ndef make(id):\n    return Test.nop(id)\n"
    assert render(text, lib=lib) == {"1": {"test.nop": []}}


def test_a_file_may_be_taken_whole_under_another_name(render):
    assert render("#!pyobjects\nimport salt://lib.sls as l\nTest.nop(l.n)\n", lib="n = 'x'\n") == {
        "x": {"test.nop": []}
    }


def test_nothing_is_left_of_a_file_that_failed(render):
    with pytest.raises(SlsError):
        render("#!pyobjects\nTest.nop('x')\n1 / 0\n")
    assert render("#!pyobjects\nTest.nop('y')\n") == {"y": {"test.nop": []}}


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("x = 1\nx = (\n", "SyntaxError: '(' was never closed", 3),
        ("\nNope.thing('x')\n", "NameError: name 'Nope' is not defined", 3),
        ("Test.gone('x')\n", "InvalidFunction: The function 'gone' does not exist in the StateFactory for 'test'", 2),
        ("Test.nop('x')\nTest.nop('x')\n", "DuplicateState: A state with id ''x'', type ''test.nop'' exists", 3),
        ("Test.nop()\n", "TypeError: test.nop takes an ID, and arguments by their names", 2),
        ("Test.nop('x', 'y')\n", "TypeError: test.nop takes an ID, and arguments by their names", 2),
        ("raise ValueError('no')\n", "ValueError: no", 2),
        ("exit(3)\n", "SystemExit: 3", 2),
        ("from salt://lib.sls import gone\n", "ImportError: 'gone' was not found in 'salt://lib.sls'", 2),
        ("from salt://lib.sls import *\n", "SyntaxError: invalid syntax", 2),
        ("from salt://gone.sls import x\n", "ImportError: Could not find the file 'salt://gone.sls'", 2),
        ("import salt://../../etc/passwd\n", "ImportError: Could not find the file 'salt://../../etc/passwd'", 2),
        ("import salt:///etc/passwd\n", "ImportError: Could not find the file 'salt:///etc/passwd'", 2),
    ],
)
def test_what_is_wrong_is_told_with_its_line(render, tmp_path, text, reason, line):
    with pytest.raises(SlsError) as info:
        render(f"#!pyobjects\n{text}", lib="n = 1\n")
    assert (info.value.reason, info.value.line, info.value.path) == (reason, line, str(tmp_path / "a.sls"))


def test_what_is_wrong_in_a_file_that_names_are_taken_from_is_told_with_its_place(render, tmp_path):
    with pytest.raises(SlsError, match="NameError: name 'nope' is not defined") as info:
        render("#!pyobjects\nfrom salt://lib.sls import x\n", lib="\nx = nope\n")
    assert f"{tmp_path}/lib.sls(2):" in str(info.value)


def test_code_runs_unless_the_operator_forbids_it(render):
    assert render("#!pyobjects\nTest.nop('x')\n") == {"x": {"test.nop": []}}
    assert render("#!pyobjects\nTest.nop('x')\n", blacklist=("pyobjects",)) == {}
