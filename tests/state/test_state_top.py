"""Top files of several environments, merged by each strategy."""

from __future__ import annotations

import pytest

from trisalt.errors import RenderError
from trisalt.state.top import assigned, merge_tops, verify_top, with_master_tops

BASE = {"base": {"*": ["a"]}, "dev": {"*": ["from-base"]}}
DEV = {"base": {"*": ["x"]}, "dev": {"*": ["d"], "m1": ["e"]}}
QA = {"qa": {"*": ["q"]}, "base": {"m1": ["y"]}}


@pytest.mark.parametrize(
    ("strategy", "default", "merged"),
    [
        ("merge", "", {"base": {"*": ["a"]}, "dev": {"*": ["from-base"]}, "qa": {"*": ["q"]}}),
        ("nonsense", "", {"base": {"*": ["a"]}, "dev": {"*": ["from-base"]}, "qa": {"*": ["q"]}}),
        ("same", "base", {"base": {"*": ["a"]}, "dev": {"*": ["d"], "m1": ["e"]}, "qa": {"*": ["q"]}}),
        (
            "merge_all",
            "",
            {"base": {"*": ["a", "x"], "m1": ["y"]}, "dev": {"*": ["from-base", "d"], "m1": ["e"]}, "qa": {"*": ["q"]}},
        ),
    ],
)
def test_a_strategy_says_whose_word_holds(strategy, default, merged):
    assert merge_tops({"base": [BASE], "dev": [DEV], "qa": [QA]}, strategy, default_top=default) == merged


def test_an_environment_without_a_top_takes_the_defaults_section():
    assert merge_tops({"base": [BASE], "dev": [{}]}, "same", default_top="base")["dev"] == {"*": ["from-base"]}


@pytest.mark.parametrize("targets", [None, 5, "text", ["*"]])
def test_an_environment_without_targets_is_an_error(targets):
    with pytest.raises(RenderError, match="No targets found"):
        merge_tops({"base": [{"base": targets}]})


def test_what_joins_keeps_the_later_kind_of_target():
    tops = {"base": [{"base": {"x": [{"match": "grain"}, "a"]}}, {"base": {"x": [{"match": "pcre"}, "b", "a"]}}]}
    assert merge_tops(tops, "merge_all") == {"base": {"x": [{"match": "pcre"}, "a", "b"]}}


@pytest.mark.parametrize(
    ("top", "errors"),
    [
        ([], ["Top data was not formed as a dict"]),
        ({"": {}}, ["Empty saltenv statement in top file"]),
        ({"base": {"*": "a"}}, ["Malformed topfile: state declarations for matcher '*' in saltenv 'base' are not formed "
                                "as a list (got str)"]),
        ({"base": {"*": [{"match": ""}]}}, ["Improperly formatted top file matcher in saltenv {'match': ''}:  file"]),
        ({"base": {"*": ["a", {"match": "grain"}]}}, []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(top, errors):
    assert verify_top(top) == errors


def test_targets_that_match_give_their_names_in_order():
    asked = []

    def matches(target, kind):
        asked.append((target, kind))
        return target != "no"

    top = {"base": {"*": ["a", {"dev": "d"}, {"nowhere": "n"}], "g": [{"match": "grain"}, "b", "a"], "no": ["c"]}}
    assert assigned(top, matches, ["base", "dev"]) == {"base": ["a", "b", "a"], "dev": ["d"]}
    assert asked == [("*", "compound"), ("g", "grain"), ("no", "compound")]
    assert assigned(top, matches, ["base", "dev"], only="dev") == {}


def test_the_masters_tops_come_after_or_first():
    own = {"base": ["a", "b"]}
    assert with_master_tops(own, {"base": ["b", "c"], "dev": ["d"]}) == {"base": ["a", "b", "c"], "dev": ["d"]}
    assert with_master_tops(own, {"base": ["b", "c"]}, first=True) == {"base": ["b", "c", "a"]}
