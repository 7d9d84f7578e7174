"""Pipes of renderers beyond Jinja and YAML: what each gives, and what it may do."""

from __future__ import annotations

import importlib.util

import pytest

from trisalt.sls.failure import SlsError
from trisalt.sls.render import NEEDS, Rendering, render_sls
from trisalt.sls.roots import Tree

needs_mako = pytest.mark.skipif(importlib.util.find_spec("mako") is None, reason="Mako is not installed")


@pytest.fixture
def render(tmp_path):
    def render(text, *, code=lambda: None, whitelist=(), **files):
        for name, content in {"x/a": text, **files}.items():
            path = tmp_path / f"{name.replace('__', '/')}{'.sls' if name == 'x/a' else '.mako'}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        tree = Tree([str(tmp_path)])
        context = {"grains": {"os": "Debian"}, "pillar": {}, "salt": {"test.echo": lambda text: text}, "opts": {}}
        rendering = Rendering(saltenv="base", sources=tree, context=context, code=code, whitelist=whitelist)
        return render_sls(rendering, tree.sls("x.a"))

    return render


@needs_mako
def test_mako_is_a_template_of_python(render):
    text = """#!mako|yaml
<%! import math %>
<% name = salt['test.echo']('n') %>
% for number in range(2):
${name}${number}: [${sls}, ${grains['os']}, ${math.floor(2.5)}]
% endfor
"""
    assert render(text) == {"n0": ["x.a", "Debian", 2], "n1": ["x.a", "Debian", 2]}


@needs_mako
@pytest.mark.parametrize("file", ["salt://x/lib.mako", "lib.mako", "../x/lib.mako"])
def test_mako_imports_files_of_the_environment(render, file):
    text = f'#!mako|yaml\n<%namespace name="lib" file="{file}"/>\na: ${{lib.more(3)}}\n'
    assert render(text, x__lib='<%def name="more(x)">${x + 1}</%def>') == {"a": 4}


@needs_mako
@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("#!mako|yaml\na: 1\nb: ${nope}\n", "NameError: 'nope' is not defined", None),
        ("#!mako|yaml\na: 1\n% for x in\n", "Fragment 'for x in' is not a partial control statement", 3),
        ("#!mako|yaml\n<% 1 / 0 %>\n", "ZeroDivisionError: division by zero", None),
        ('#!mako|yaml\n<%include file="../../etc/passwd"/>\n', "there is no template salt://../etc/passwd", None),
        ('#!mako|yaml\n<%include file="salt:///etc/passwd"/>\n', "there is no template salt:///etc/passwd", None),
        ('#!mako|yaml\n<%include file="gone.mako"/>\n', "there is no template salt://x/gone.mako", None),
    ],
)
def test_what_is_wrong_in_a_mako_template_is_told(render, text, reason, line):
    with pytest.raises(SlsError) as info:
        render(text)
    assert reason in info.value.reason
    assert line is None or info.value.line == line


def test_a_python_file_has_the_functions_whatever_it_imports(render):
    text = """#!py
import os.path as salt
pillar = {"os": "mine"}
def run():
    return {salt["test.echo"](__name__): [sls, pillar.get("os"), grains["os"], saltenv]}
"""
    assert render(text) == {"x.a": ["x.a", None, "Debian", "base"]}


@pytest.mark.parametrize("renderer", ["py", pytest.param("mako", marks=needs_mako)])
def test_who_renders_is_told_before_code_is_run_and_may_not_let_it(render, renderer):
    text = "#!py\ndef run(): return {'a': 1}\n" if renderer == "py" else "#!mako|yaml\na: ${1}\n"

    class Elsewhere(BaseException):
        """Not here."""

    def elsewhere():
        raise Elsewhere

    with pytest.raises(Elsewhere):
        render(text, code=elsewhere)
    assert render("a: 1\n", code=elsewhere) == {"a": 1}
    assert render(text) == render(text, whitelist=("py", "mako", "yaml")) == {"a": 1}


def test_a_renderer_whose_library_is_not_there_says_nothing(render, monkeypatch):
    monkeypatch.setitem(NEEDS, "mako", "nosuch_library")
    assert render("#!mako|yaml\na: ${1}\n") == {}


def test_toml_is_data(render):
    text = '#!toml\n[[a."test.nop"]]\nname = "x"\n[[a."test.nop"]]\nnumbers = [1, 2.5, true]\n'
    assert render(text) == {"a": {"test.nop": [{"name": "x"}, {"numbers": [1, 2.5, True]}]}}
    assert render('#!jinja|toml\nos = "{{ grains.os }}"\n') == {"os": "Debian"}
    with pytest.raises(SlsError, match="Invalid value"):
        render("#!toml\na = \n")


def test_files_below_a_linked_folder_have_both_names(tmp_path):
    (tmp_path / "real/in").mkdir(parents=True)
    (tmp_path / "real/in/init.sls").touch()
    (tmp_path / "a_link").symlink_to("real")
    (tmp_path / "real/in/ring").symlink_to("../..")
    for root in (tmp_path, f"{tmp_path}/"):
        assert Tree([str(root)]).names == ["a_link.in", "real.in"]
