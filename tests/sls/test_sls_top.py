"""The top file: read, merged, matched. And the roots it is looked for in."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import ConfigError, RenderError
from trisalt.sls.render import sls_context
from trisalt.sls.roots import Roots, Sls, Tree, confined
from trisalt.sls.top import Assignment, assigned, included, merge_tops


def names(tops, **options):
    return assigned(merge_tops(tops), lambda each: True, **options)


def test_targets_keep_their_order_and_give_each_sls_once():
    top = {"base": {"b": ["x", "y"], "a": ["y", "z"]}, "dev": {"*": ["x"]}}
    assert names([top]) == {"base": ["x", "y", "z"], "dev": ["x"]}
    assert names([top], only="dev") == {"dev": ["x"]}


def test_order_sorts_targets():
    top = {"base": {"a": [{"order": 2}, "x"], "b": [{"order": "1"}, "y"], "c": ["z", {"order": "nonsense"}]}}
    assert names([top]) == {"base": ["z", "y", "x"]}


def test_a_later_top_replaces_the_target_of_that_name():
    assert names([{"base": {"a": ["x"], "b": ["y"]}}, {"base": {"a": ["z"]}}]) == {"base": ["z", "y"]}


def test_an_assignment_says_how_it_matches():
    (first, second) = merge_tops(
        [{"base": {"os:Debian": [{"match": "grain"}, "x"], "*": ["y", {"ignore_missing": True}]}}]
    )["base"]
    assert first == Assignment(tgt="os:Debian", tgt_type="grain", names=("x",))
    assert second == Assignment(tgt="*", tgt_type="compound", names=("y",), ignore_missing=True)


@pytest.mark.parametrize(
    "top", [[], "text", {"base": None}, {"base": ["a"]}, {"base": {"*": None}}, {"base": {"*": 5}}]
)
def test_a_malformed_top_is_an_error(top):
    with pytest.raises(RenderError):
        merge_tops([top])


def test_includes_are_a_list_of_names():
    assert included({"include": ["a", 5, "b"]}) == ["a", "b"]
    assert included({"include": "a"}) == included([]) == included({}) == []


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(tops=st.lists(JSON, max_size=3))
def test_garbage_raises_nothing_else(tops):
    with contextlib.suppress(RenderError):
        for found in names(tops).values():
            assert all(isinstance(name, str) for name in found)


# -- roots -----------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b.sls", "...", "/", "\0"]), max_size=8).map("/".join))
def test_a_confined_path_stays_inside(path):
    inside = confined(path)
    if inside is not None:
        assert not inside.startswith("/")
        assert ".." not in inside.split("/")
        assert "\0" not in inside


def test_the_first_root_decides_and_the_file_before_the_folder(tmp_path):
    for path in (
        "one/a.sls",
        "two/a.sls",
        "two/b/init.sls",
        "two/d.sls",
        "two/d/init.sls",
        "two/c/x.sls",
        "two/init.sls",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    tree = Tree([str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "gone")])
    assert tree.read("a.sls").text == "one/a.sls"
    assert tree.sls("b").path == "b/init.sls"
    assert tree.sls("d").path == "d.sls"
    assert tree.sls("d.init").path == "d/init.sls"
    assert tree.sls("c") is None
    assert tree.find("c") is None
    assert tree.names == ["a", "b", "c.x", "d", "init"]


def test_roots_are_checked():
    for roots in ([], {"base": "/srv"}, {"base": [5]}):
        with pytest.raises(ConfigError):
            Roots(roots)


def test_the_catch_all_stands_for_an_environment_that_is_not_named():
    roots = Roots({"base": ["/b"], "__env__": ["/e/__env__", "/common"]})
    assert roots.with_environment("dev").environments() == ["base", "dev"]
    assert roots.with_environment("base").environments() == ["base"]
    assert roots.with_environment("../x").environments() == ["base"]


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("deep.er.leaf", "deep/er/leaf.sls", ("deep/er", "deep.er", "deep:er", "deep_er", "deep/er", "deep.er")),
        ("deep.er", "deep/er/init.sls", ("deep/er", "deep.er", "deep:er", "deep_er", "deep/er", "deep.er")),
        ("leaf", "leaf.sls", ("", "", "", "", ".", "")),
    ],
)
def test_a_template_knows_its_place(name, path, expected):
    context = sls_context(Sls(name, path, "/srv/" + path), name)
    keys = ("slspath", "slsdotpath", "slscolonpath", "sls_path", "tpldir", "tpldot")
    assert tuple(context[key] for key in keys) == expected
    assert (context["tplfile"], context["tplpath"]) == (path, "/srv/" + path)
