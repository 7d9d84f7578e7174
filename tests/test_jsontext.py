"""JSON of what JSON has no words for."""

import json

import pytest

from trisalt.jsontext import dumps


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def deep(levels):
    value = "bottom"
    for _ in range(levels):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": [1, "ä", None, True, 0.5]}, {"a": [1, "ä", None, True, 0.5]}),
        ({b"h\xff": 1, "v": b"h\xff"}, {"b'h\\xff'": 1, "v": "b'h\\xff'"}),
        ({"x": float("nan"), "y": [float("-inf")]}, {"x": "nan", "y": ["-inf"]}),
        ({1: 2, None: 3, b"": (5,)}, {"1": 2, "null": 3, "b''": [5]}),
        ({1: {b"k": float("nan")}, "a": 2}, {"1": {"b'k'": "nan"}, "a": 2}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"indent": 4, "sort_keys": True}])
def test_what_is_written_is_valid_json(value, read, options):
    assert json.loads(dumps(value, **options), parse_constant=refuse) == read


@pytest.mark.parametrize("levels", [300, 5000])
def test_what_is_too_deep_is_written_as_far_as_it_goes(levels):
    text = dumps(deep(levels))
    assert text.startswith('{"a": [{"a": [')
    assert "…" in text or "bottom" in text


def test_bytes_are_written_as_whoever_asks_wants_them():
    assert dumps({b"k": b"v"}, default=lambda value: value.decode()) == '{"k": "v"}'
