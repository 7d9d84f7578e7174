"""The renderer `stateconf`: what it says of files that it cannot read, and where it does more than to write IDs whole.

What it makes of files is compared with stock's in `tests/state/formulas/counter`.
"""

from __future__ import annotations

import pytest

from trisalt.sls.failure import SlsError
from trisalt.sls.render import Rendering, render_sls
from trisalt.sls.roots import Tree


@pytest.fixture
def render(tmp_path):
    def render(text, name="x.a", *, opts=None, **more):
        path = tmp_path / "x" / "a.sls"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        tree = Tree([str(tmp_path)])
        rendering = Rendering(saltenv="base", sources=tree, context={"opts": opts or {}}, **more)
        return render_sls(rendering, tree.sls(name))

    return render


@pytest.mark.parametrize("name", ["prereq", "onfail_any", "watch_any", "require_any", "onfail_all", "prerequired"])
def test_each_kind_of_requisite_is_written_whole(render, name):
    high = render(f"#!stateconf -G\n.x: {{test.nop: [{{{name}: [{{test: .y}}]}}]}}\n.y: test.nop\n")
    assert {name: [{"test": "x.a::y"}]} in high["x.a::x"]["test.nop"]


def test_a_requisite_on_a_file_is_on_one_beside_it(render):
    high = render("#!stateconf -G\nx: {test.nop: [{require: [{sls: .b}, {test: .b::y}]}]}\n")
    assert high == {"x": {"test.nop": [{"require": [{"sls": "x.b"}, {"test": "x.b::y"}]}]}}


def test_states_are_ordered_beside_an_include(render):
    high = render("#!stateconf -Go\ninclude: [.b]\na: test.nop\nb: {test.nop: }\n")
    assert high == {"include": ["x.b"], "a": {"test.nop": []}, "b": {"test.nop": [{"require": [{"test": "a"}]}]}}


def test_the_marker_and_the_names_of_the_ends_are_options(render):
    opts = {"stateconf_end_marker": "^## below", "stateconf_goal_state": ".done", "stateconf_start_state": ".go"}
    high = render("#!stateconf -s\n.p: {stateconf.set: [{n: 1}]}\n## below\n.x{{ p.n }}: test.nop\n", opts=opts)
    assert list(high) == ["x.a::p", "x.a::x1", "x.a::go", "x.a::done"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!stateconf -z\nx: test.nop\n", "stateconf: option -z not recognized"),
        ("#!stateconf yaml\nx: test.nop\n", r"stateconf \[-Gosp\] \[DATA_RENDERER . TEMPLATE_RENDERER\]"),
        ("#!stateconf yaml . jinja\nx: [\n", "did not find expected node content"),
        ("#!yaml|stateconf\nx: test.nop\n", "the renderer 'stateconf' needs text, and was given dict"),
        ("#!stateconf -p\nx: test.nop\n", "High data is not a dictionary"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(render, tmp_path, text, reason):
    with pytest.raises(SlsError, match=reason) as info:
        render(text)
    assert info.value.path == str(tmp_path / "x/a.sls")


@pytest.mark.parametrize("stages", ["py . jinja", "pyobjects . jinja"])
def test_stages_may_be_code(render, stages):
    code = "def run(): return {'.x': 'test.nop'}" if stages.startswith("py ") else "include('x.b')"
    high = render(f"#!stateconf -G {stages}\n{code}\n")
    assert high == ({"include": ["x.b"]} if "pyobjects" in stages else {"x.a::x": {"test.nop": [{"name": "x"}]}})


def test_a_renderer_that_is_refused_is_none_of_the_stages(render):
    with pytest.raises(SlsError, match=r"Renderer: 'json\.render' is not available!"):
        render('#!stateconf json . jinja\n{"a": 1}\n', blacklist=("json",))
