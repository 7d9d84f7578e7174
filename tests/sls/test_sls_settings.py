"""Which texts are no templates, and are not given to Jinja."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trisalt.sls.jinja import render_jinja
from trisalt.sls.settings import JinjaOptions, is_template

USUAL = JinjaOptions()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a",
        "a\n",
        "a\n\n\n",
        "  a: {b: 1}\n\tc",
        "{ { % # } }} %} #} a\n",
        "a\x0b\x0c\x85\u2028b\n",
        "#!jinja|yaml\na\n",
    ],
)
def test_what_is_no_template_is_what_jinja_makes_of_it(text):
    assert not is_template(text, USUAL)
    assert render_jinja(text, {}) == text


@pytest.mark.parametrize("text", ["{{ a }}", "{% set a = 1 %}", "{# a #}", "{{", "#jinja2: {}\na", "a\r\nb", "a\rb\n"])
def test_what_jinja_may_change_or_refuse_is_a_template(text):
    assert is_template(text, USUAL)


@pytest.mark.parametrize("settings", [{"line_statement_prefix": "%"}, {"variable_start_string": "<<"}])
def test_with_other_marks_everything_is(settings):
    assert is_template("a\n", JinjaOptions(settings=settings))


def test_plain_files_are_rendered_without_jinja(tmp_path):
    (tmp_path / "a.sls").write_text("a:\n  test.nop: []\n")
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys\nfrom trisalt.sls.render import Rendering, render_sls\nfrom trisalt.sls.roots import Tree\n"
            "tree = Tree([sys.argv[1]])\n"
            "print(render_sls(Rendering(saltenv='base', sources=tree, context={}), tree.sls('a')))\n"
            "print('jinja2' in sys.modules)",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split("\n")[:2] == ["{'a': {'test.nop': []}}", "False"]


def test_what_a_long_file_said_last_is_read_without_the_library_of_yaml(tmp_path):
    text = "".join(f"s{number}:\n  test.nop: []\n" for number in range(200))
    (tmp_path / "a.sls").write_text(text)
    script = (
        "import sys\nfrom trisalt.sls.render import Rendering, render_sls\nfrom trisalt.sls.roots import Tree\n"
        "tree = Tree([sys.argv[1]])\n"
        "rendering = Rendering.from_opts({}, saltenv='base', sources=tree, context={}, kept=sys.argv[2])\n"
        "print(len(render_sls(rendering, tree.sls('a'))), 'yaml' in sys.modules)"
    )
    argv = [sys.executable, "-c", script, str(tmp_path), str(tmp_path / "kept")]
    printed = [subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout for _ in range(2)]
    assert printed == ["200 True\n", "200 False\n"]
