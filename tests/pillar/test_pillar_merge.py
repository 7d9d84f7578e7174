"""The merge strategies."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.pillar.merge import STRATEGIES, merge, merge_recurse
from trisalt.sls.marks import AggregateList, AggregateMap

LEAVES = st.none() | st.integers(0, 3) | st.sampled_from(["a", "b"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.sampled_from("pqr"), VALUES, max_size=3)


@given(old=MAPS, new=MAPS, strategy=st.sampled_from([*STRATEGIES, "wild"]), merge_lists=st.booleans())
def test_nothing_that_is_given_is_changed(old, new, strategy, merge_lists):
    before = copy.deepcopy((old, new))
    made = merge(old, new, strategy, merge_lists=merge_lists)
    assert (old, new) == before
    assert isinstance(made, dict)


@given(old=MAPS, new=MAPS, merge_lists=st.booleans())
def test_recurse_is_idempotent_and_the_later_wins(old, new, merge_lists):
    made = merge_recurse(old, new, merge_lists=merge_lists)
    assert merge_recurse(made, new, merge_lists=merge_lists) == made
    assert set(made) == set(old) | set(new)
    for key, value in new.items():
        if not isinstance(value, dict | list):
            assert made[key] == value
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            assert made[key] == merge_recurse(old[key], value, merge_lists=merge_lists)
    for key in set(old) - set(new):
        assert made[key] == old[key]


@given(first=MAPS, second=MAPS, third=MAPS)
def test_recurse_does_not_care_how_it_is_grouped(first, second, third):
    left = merge_recurse(merge_recurse(first, second), third)
    # Only maps are merged, so that a leaf between two maps cuts the first one off, whoever merges first.
    right = merge_recurse(first, merge_recurse(second, third))
    for key in left:
        parts = [each[key] for each in (first, second, third) if key in each]
        if all(isinstance(part, dict) for part in parts) and all(
            not isinstance(inner, dict) for part in parts for inner in part.values()
        ):
            assert left[key] == right[key]


@given(old=MAPS)
def test_an_empty_map_changes_nothing(old):
    assert merge_recurse(old, {}) == old == merge_recurse({}, old)


def test_lists_are_replaced_or_get_what_they_lack():
    assert merge({"l": [1, 2]}, {"l": [2, 3, 3]}) == {"l": [2, 3, 3]}
    assert merge({"l": [1, 2]}, {"l": [2, 3, 3]}, merge_lists=True) == {"l": [1, 2, 3, 3]}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("recurse", {"m": {"a": 1, "b": 2}, "l": [2], "x": 1}),
        ("overwrite", {"m": {"b": 2}, "l": [2], "x": 1}),
        ("none", {"m": {"a": 1, "b": 2}, "l": [2], "x": 1}),
        ("list", {"m": [{"a": 1}, {"b": 2}], "l": [[1], [2]], "x": 1}),
        ("aggregate", {"m": {"b": 2}, "l": [2], "x": 1}),
        ("smart", {"m": {"a": 1, "b": 2}, "l": [2], "x": 1}),
        ("wild", {"m": {"a": 1, "b": 2}, "l": [2], "x": 1}),
    ],
)
def test_each_strategy_has_its_way(strategy, expected):
    assert merge({"m": {"a": 1}, "l": [1], "x": 1}, {"m": {"b": 2}, "l": [2]}, strategy) == expected


@pytest.mark.parametrize("renderer", ["jinja|yamlex", "yamlex"])
def test_smart_aggregates_what_is_marked_when_the_pipe_ends_in_yamlex(renderer):
    old = {"l": AggregateList([1, 2]), "m": AggregateMap(a=1), "p": [1]}
    new = {"l": AggregateList([2, 3]), "m": AggregateMap(b=2), "p": [2]}
    assert merge(old, new, renderer=renderer) == {"l": [1, 2, 3], "m": {"a": 1, "b": 2}, "p": [2]}
    assert merge(old, new) == {"l": [2, 3], "m": {"a": 1, "b": 2}, "p": [2]}
