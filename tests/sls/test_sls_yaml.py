"""YAML as Salt reads it. The table is stock Salt 3008.3's."""

from __future__ import annotations

import contextlib
import math
import stat

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trisalt.sls import yaml as sls_yaml
from trisalt.sls.dialect import SaltLoader
from trisalt.sls.failure import SlsError
from trisalt.sls.marks import AggregateList, AggregateMap, aggregate, plain
from trisalt.sls.yaml import dump, load
from trisalt.sls.yamlex import load as load_yamlex


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 644),
        ("010", 10),
        ("0888", "0888"),
        ("-012", -10),
        ("0x1f", 31),
        ("0b11", 3),
        ("0o17", "0o17"),
        ("1_000", 1000),
        ("12:30:45", 45045),
        ("1e3", "1e3"),
        (".5", 0.5),
        ("+3", 3),
        ("0", 0),
        ("000", 0),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("n", "n"),
        ("~", None),
        ("", None),
        ("2014-12-28", "2014-12-28"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        (".inf", math.inf),
        ("!!binary aGVsbG8", b"hello"),
        ("!!binary aGVsbG8=", b"hello"),
        ("!!python/unicode text", "text"),
        ("!!omap {b: 1, a: 2}", {"b": 1, "a": 2}),
        ("!!set {a, b}", {"a", "b"}),
        ("{z: 1, a: 2}", {"z": 1, "a": 2}),
    ],
)
def test_values_are_read_as_salt_reads_them(text, value):
    assert load(f"v: {text}\n") == {"v": value}


def test_merge_keys_are_overridden_silently():
    text = "x: &x {p: 1, q: 2}\ny:\n  <<: *x\n  p: 5\nz:\n  <<: [*x, {r: 3}]\n"
    assert load(text) == {"x": {"p": 1, "q": 2}, "y": {"p": 5, "q": 2}, "z": {"p": 1, "q": 2, "r": 3}}


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "found conflicting ID 'a'", 3),
        ("o:\n  a: 1\n  a: 2\n", "found conflicting ID 'a'", 3),
        ("x: &x {p: 1}\ny: &y {p: 2}\nz: {<<: [*x, *y]}\n", "found conflicting ID 'p'", None),
        ("a:\n\tb: 1\n", "found character that cannot start any token", 2),
        ("a: b: c\n", "mapping values are not allowed in this context", 1),
        ("a: [1, 2\nb: 1\n", "did not find expected ',' or ']'", None),
        ("{{ x }}: 1\n", "found unacceptable key", 1),
        ("!!omap [a: 1]\n", "expected a mapping node, but found sequence", 1),
        ("!!python/object:os.system {}\n", "could not determine a constructor", 1),
        ("<<: 5\n", "expected a mapping or list of mappings for merging", 1),
        ("!!binary \u00e9\n", "failed to convert base64 data into ascii", 1),
        ("a: \x07\n", "", None),
    ],
)
def test_errors_have_the_words_that_operators_know(text, reason, line):
    with pytest.raises(SlsError) as info:
        load(text)
    assert reason in info.value.reason
    assert line is None or info.value.line == line


@given(st.text(alphabet=st.sampled_from("ab: -[]{}&*!|>'\"#%@,?\n\t~<0.1"), max_size=60) | st.text(max_size=60))
def test_garbage_raises_nothing_else(text):
    for read in (load, load_yamlex):
        with contextlib.suppress(SlsError):
            read(text)


class NodeByNode(SaltLoader):
    """The loader without its straight way."""

    construct_document = SaltLoader.__mro__[1].construct_document


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1, 2]\nb: *a\n",
        "a: &a {b: *a}\n",
        "a: &a [*a]\n",
        "1: a\ntrue: b\n",
        "? [a, b]\n: c\n",
        "a: 0x1f\nb: 010\nc: -012\nd: 1_000\ne: 1:30\nf: .5\ng: 2001-01-01\nh: ~\ni: Off\n",
        "a: {<<: {b: 1}}\n=: 2\n",
        "- !!str 5\n- !!str [5]\n- ! 7\n- !!int '8'\n",
        "[" * 400 + "]" * 400,
    ],
)
def test_the_straight_way_says_what_the_librarys_says(text):
    assert said_by(SaltLoader, text) == said_by(NodeByNode, text)


@given(st.text(alphabet=st.sampled_from("ab: -[]{}&*!'\"#?\n~<0.1"), max_size=60))
def test_the_straight_way_says_it_of_anything(text):
    assert said_by(SaltLoader, text) == said_by(NodeByNode, text)


def said_by(loader, text):
    try:
        return repr(yaml.load(text, Loader=loader))
    except (yaml.YAMLError, ValueError) as exc:
        return str(exc)


def test_an_alias_is_the_same_list():
    found = load("a: &a [1]\nb: *a\n")
    assert found["a"] is found["b"]


def test_a_long_text_is_kept_under_its_files_path(tmp_path, monkeypatch):
    kept, text = str(tmp_path / "kept"), "\n".join(f"s{number}: [test.nop, {{name: n}}]" for number in range(200))
    value = load(text, kept=kept, path="/srv/a.sls")
    (file,) = (tmp_path / "kept").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with monkeypatch.context() as patch:
        patch.setattr(sls_yaml, "_load", None)
        again = load(text, kept=kept, path="/srv/a.sls")
        assert again == value
        assert list(again) == list(value)
        again["s0"].append("changed")
        assert load(text, kept=kept, path="/srv/a.sls") == value
    assert load(text + "\nmore: 1", kept=kept, path="/srv/a.sls") == {**value, "more": 1}
    assert list((tmp_path / "kept").iterdir()) == [file], "what the file said before is gone"
    file.write_bytes(file.read_bytes()[:-9])
    assert load(text, kept=kept, path="/srv/a.sls") == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxyz", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(value=VALUES, flow_style=st.sampled_from([None, True, False]))
def test_what_is_written_is_read_back(value, flow_style):
    assert load(dump(value, flow_style=flow_style)) == value


def test_what_has_no_place_in_yaml_is_null():
    assert load(dump({"a": object()})) == {"a": "NULL"} or load(dump({"a": object()})) == {"a": None}


# -- marks -----------------------------------------------------------------------------------------------------


def test_marks_survive_reading_and_are_used_in_merging():
    old = load_yamlex("l: !aggregate [1]\nm: !aggregate {a: 1}\ns: !aggregate x\np: [1]\n")
    new = load_yamlex("l: !aggregate [2, 1]\nm: !aggregate {b: 2}\ns: !aggregate y\np: [2]\n")
    assert isinstance(old["l"], AggregateList)
    assert isinstance(old["m"], AggregateMap)
    merged = plain(aggregate(old, new, 1))
    assert merged == {"l": [1, 2], "m": {"a": 1, "b": 2}, "s": ["x", "y"], "p": [2]}
    assert type(merged["l"]) is list
    assert type(merged["m"]) is dict


def test_a_key_may_stand_twice_where_there_are_marks():
    assert load_yamlex("a: !aggregate {x: 1}\na: !aggregate {y: 2}\n") == {"a": {"x": 1, "y": 2}}
    assert load_yamlex("a: !aggregate [1]\na: !aggregate [2]\nb: {c: 1, c: 2}\n") == {"a": [1, 2], "b": {"c": 2}}
    assert load_yamlex("a: {x: 1}\na: !aggregate {y: 2}\n") == {"a": {"y": 2}}
    assert load_yamlex("m: !aggregate\n  a: !aggregate [1]\n  a: !aggregate [2]\n") == {"m": {"a": [1, 2]}}
    assert load_yamlex("m: !aggregate\n  a: !aggregate [1]\n  !reset a: !aggregate [2]\n") == {"m": {"a": [2]}}
    assert load_yamlex("m: !aggregate\nl: !reset [1]\n") == {"m": [], "l": [1]}


def test_plain_leaves_only_maps_lists_and_leaves():
    class Text(str):
        pass

    made = plain({"t": Text("x"), "s": {2, 1}, "u": (1, [2])})
    assert made == {"t": "x", "s": [1, 2], "u": [1, [2]]}
    assert type(made["t"]) is str


def test_a_text_that_is_read_again_gives_data_of_its_own_with_its_aliases():
    text = "a: &x [1, {b: c}]\nd: *x\n" + "".join(f"key{n}: {n}\n" for n in range(50))
    first = load(text)
    assert first["a"] is first["d"]
    first["a"].append("changed")
    second = load(text)
    assert second["a"] == [1, {"b": "c"}]
    assert second["a"] is second["d"]
