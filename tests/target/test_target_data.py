from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import TargetError
from trisalt.target.data import path_test, traverse

DATA = {
    "foo": {"bar": ["baz", "qux"], "0": "zero"},
    "list": [{"name": "a", "n": 1}, {"name": "b", "m": 2}, "tail"],
    "ports": {80: "http", 443: "https"},
    "flags": {True: "on", 1.5: "half", None: "nothing"},
    "a:b": "colon",
    "url": "http://example.org:8080/",
    "none": None,
    "empty": {},
    "hollow": [],
    "deep": {"x": {"y": {"z": "Here"}}},
}


def matches_path(data, expression, **options):
    return path_test(expression, **options)(data)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("foo:bar:0", "baz"),
        ("foo:bar:1", "qux"),
        ("foo:bar:-1", "qux"),
        ("foo:0", "zero"),
        ("foo:bar:2", "?"),
        ("foo:nosuch", "?"),
        ("list:name", "a"),
        ("list:m", 2),
        ("list:2", "tail"),
        ("list:9", "?"),
        ("list:nosuch", "?"),
        ("ports:80", "http"),
        ("flags:1.5", "half"),
        ("flags:true", "on"),
        ("flags:null", "nothing"),
        ("none", None),
        ("none:x", "?"),
        ("url:x", "?"),
        ("empty", {}),
        ("deep:x:y:z", "Here"),
        ("", "?"),
    ],
)
def test_a_path_is_walked_as_stock_walks_it(path, found):
    assert traverse(DATA, path, "?") == found
    assert traverse(DATA, path.replace(":", "/"), "?", delimiter="/") == found


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("foo:bar:baz", True),
        ("foo:bar:BAZ", True),
        ("foo:bar:b*", True),
        ("foo:bar:nope", False),
        ("foo:bar", True),
        ("foo:b*", True),
        ("foo:*:baz", True),
        ("a:b:colon", False),
        ("url:http://example.org:8080/", True),
        ("url:http*", True),
        ("none:none", True),
        ("none:*", True),
        ("empty:*", False),
        ("hollow:*", False),
        ("nosuch:*", False),
        ("deep:*:*:*:here", True),
        ("deep:*:here", False),
        ("deep:x:*:z:here", True),
        ("*:x:y:z:here", True),
        ("*:nope", False),
        ("list:name:b", True),
        ("list:name:z", False),
        ("list:name:a", True),
        ("list:tail", True),
        ("list:m", True),
        ("ports:80:http", True),
        ("ports:80", True),
        ("foo", False),
        ("", False),
        (":", False),
    ],
)
def test_an_expression_holds_as_in_stock(expression, holds):
    assert matches_path(DATA, expression) is holds


def test_the_longest_key_is_tried_first_and_the_others_after_it():
    assert matches_path({"foo": "bar:baz"}, "foo:bar:baz")
    assert matches_path({"foo": {"bar": "baz"}}, "foo:bar:baz")
    assert matches_path({"foo": {"bar": {"baz": 1}}}, "foo:bar:baz")


def test_exact_takes_stars_by_the_letter():
    assert matches_path({"a": "B*"}, "a:b*", exact=True)
    assert not matches_path({"a": "bc"}, "a:b*", exact=True)


def test_regular_expressions_start_where_the_value_does():
    assert matches_path({"a": "Debian"}, "a:deb", regex=True)
    assert not matches_path({"a": "Debian"}, "a:eb", regex=True)
    assert matches_path({"a": "x:y"}, "a:(x:y|z)", regex=True)
    assert matches_path({"a": {"b": {"k": "x:y"}}}, "a:b:k:(x:y)", regex=True)
    assert not matches_path({"a": {"k": {"x": 1}}}, "a:k:(x:y)", regex=True)
    assert matches_path({"a": {"k": "10.0.0.1"}}, r"a:*:10\.", regex=True)
    with pytest.raises(TargetError, match="regular expression"):
        matches_path({}, "a:b:(", regex=True)
    assert matches_path({"a": {"b": 1}}, "a:*", regex=True)
    assert not matches_path({"a": 1}, "a:*", regex=True)


trees = st.recursive(
    st.text(max_size=3) | st.integers(-2, 3) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(trees, st.lists(st.sampled_from(["a", "b", "0", "*", "(", "a*", ""]), max_size=5).map(":".join), st.booleans())
def test_whatever_the_data_the_answer_is_yes_or_no(data, expression, regex):
    try:
        assert matches_path(data, expression, regex=regex) in (True, False)
    except TargetError:
        assert regex


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "Y"]), min_size=1))
def test_what_is_there_is_found(data):
    for key, value in data.items():
        assert traverse(data, key) == value
        assert matches_path(data, f"{key}:{value}")
        assert matches_path({"top": data}, f"top:{key}:{value}")
        assert matches_path({"top": data}, f"top:*:{value}")
