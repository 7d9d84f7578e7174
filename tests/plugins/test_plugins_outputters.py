"""Outputters against what stock Salt 3008.3 printed for the same data, byte for byte."""

import ast
import json
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.cli.show import Show

# Rows: the data as a Python literal, outputter, colour, retcode, `output_indent` or "unset", and stock's text.
RECORDED = json.loads((Path(__file__).parent / "stock_outputters.json").read_text())
# The same for `highstate`, with all options in the place of the indent.
STATES = json.loads((Path(__file__).parent / "stock_highstate.json").read_text())


@pytest.mark.parametrize("out", ["nested", "json", "yaml", "txt", "raw", "pprint", "key", "no_return"])
def test_prints_what_stock_prints(out):
    rows = [row for row in RECORDED if row[1] == out]
    assert rows
    for data, _out, color, retcode, indent, expected in rows:
        opts = {} if indent == "unset" else {"output_indent": indent}
        shown = Show(opts, out=out, color=color).render(ast.literal_eval(data), retcode=retcode)
        assert shown == expected, f"{data} with colour {color}, retcode {retcode}, indent {indent}"


def test_states_are_printed_as_stock_prints_them():
    for data, out, color, _retcode, opts, expected in STATES:
        assert Show(opts, out=out, color=color).render(ast.literal_eval(data)) == expected, f"{opts} {data}"


def test_what_is_no_state_is_printed_all_the_same():
    for data in (
        {},
        {"m1": {}},
        {"m1": None},
        {"m1": {"a_|-b_|-c_|-d": {"result": True}}},
        [1],
        {"m1": {"x": {"y": 1}}},
    ):
        assert isinstance(Show({}, out="highstate", color=False).render(data), str)


def test_quiet_prints_nothing():
    assert Show({}, out="quiet", color=False).render({"m1": True}) == ""


def test_newline_values_only_gives_a_line_to_each_value_and_no_names():
    data = {"m1": ["192.0.2.1", "192.0.2.2"], "m2": {"a": 1, "b": [True, None]}, "m3": "x"}
    shown = Show({}, out="newline_values_only", color=False).render(data)
    assert shown == "192.0.2.1\n192.0.2.2\n1\nTrue\nNone\nx"


def test_a_table_drops_no_value():
    data = {"m1": {"size": 1, "rows": [{"a": 1}, {"b": "x\ny"}], "none": None}}
    assert Show({}, out="table", color=False).render(data) == (
        "m1:\n----------\n"
        "    none:\n    ----------\n        None\n"
        "    rows:\n    ----------\n"
        "        ---------\n        | A | B |\n        ---------\n        | 1 |   |\n        ---------\n"
        "        |   | x |\n        |   | y |\n        ---------\n"
        "    size:\n    ----------\n        1"
    )
    assert Show({}, out="table", color=False).render({"m1": [[1, 2], [3]]}) == (
        "m1:\n----------\n    ---------\n    | 1 | 2 |\n    ---------\n    | 3 |   |\n    ---------"
    )


def test_a_table_is_laid_out_as_the_configuration_says():
    opts = {"out.table.justify": "left", "out.table.separate_rows": False, "out.table.delim": " ! "}
    assert Show(opts, out="table", color=False).render({"m1": [{"name": "x", "b": 1}, {"name": "y", "b": 2}]}) == (
        "m1:\n----------\n    ------------\n    | B ! Name |\n    ------------\n"
        "    | 1 ! x    |\n    | 2 ! y    |\n    ------------"
    )


def test_nested_keeps_the_order_of_an_ordered_map():
    data = OrderedDict([("b", 1), ("a", 2)])
    assert Show({}, color=False).render(data) == "b:\n    1\na:\n    2"


def test_a_return_cannot_steer_the_terminal():
    assert "\x1b" not in Show({}, out="nested", color=False).render({"m1": "\x1b[2J"})


def test_json_is_json_when_keys_are_not_text_and_numbers_are_none():
    data = {"m1": {1: float("nan"), None: [float("inf")], (1, 2): {True: b"\xff"}}}
    for indent in (-1, 4, "pretty"):
        document = json.loads(Show({"output_indent": indent}, out="json", color=False).render(data))
        assert document == {"m1": {"1": "nan", "null": ["inf"], "(1, 2)": {"true": "b'\\xff'"}}}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    values, st.sampled_from(["nested", "json", "yaml", "table", "txt", "raw", "pprint", "quiet", "newline_values_only"])
)
def test_whatever_comes_back_is_printed(data, out):
    assert isinstance(Show({}, out=out, color=True).render({"m1": data}), str)


@given(values, st.sampled_from([1, 2, 4]))
def test_json_with_an_indent_is_as_python_writes_it(data, indent):
    shown = Show({"output_indent": indent}, out="json", color=False).render({"m1": data})
    assert shown == json.dumps({"m1": json.loads(shown)["m1"]}, indent=indent, ensure_ascii=False)


def test_json_with_an_indent_takes_what_is_no_plain_map_or_list():
    data = {"a": OrderedDict(b=[1, (2.5, None)], c={}), "d": True, "e": [[], [{}]], "f": object, "g": {"h"}}
    shown = Show({"output_indent": 4}, out="json", color=False).render(data)
    assert shown == json.dumps(data, indent=4, default=repr)


@given(values)
def test_json_on_one_line_is_one_line(data):
    shown = Show({"output_indent": -1}, out="json", color=False).render({"m1": data})
    assert "\n" not in shown
    json.loads(shown)


def test_a_colour_theme_replaces_only_the_colours_it_names(tmp_path):
    theme = tmp_path / "theme"
    theme.write_text("CYAN: 0;35\nNONSENSE: 1\n")
    shown = Show({"color_theme": str(theme)}, color=True).render({"m1": "x"})
    assert shown == "\x1b[0;35mm1\x1b[0;0m:\n    \x1b[0;32mx\x1b[0;0m"


def test_a_theme_that_cannot_be_read_changes_nothing(tmp_path):
    (tmp_path / "theme").write_text("{")
    for theme in (tmp_path / "theme", tmp_path / "nowhere"):
        assert Show({"color_theme": str(theme)}, color=True).render("x") == "\x1b[0;32mx\x1b[0;0m"
