"""Formulas in the manner of public ones, compiled for several hosts and pillars: as stock Salt compiles them."""

from __future__ import annotations

import json

import pytest

from tests.state.formula_cases import CALLS, HOSTS
from tests.state.record import RECORDED_FORMULAS, formula_answers

STOCK = json.loads(RECORDED_FORMULAS.read_text(encoding="utf-8"))
# Stock needs a third of a second for a call.
AGAIN = [call for number, call in enumerate(CALLS) if number % 12 == 5]


@pytest.fixture(scope="module", params=list(HOSTS))
def host(request):
    return request.param, formula_answers("ours", request.param, CALLS)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_formula_is_compiled_as_stock_compiles_it(host, call):
    name, ours = host
    assert ours[f"{name}: {call}"] == STOCK[f"{name}: {call}"]
    assert orders(ours[f"{name}: {call}"]) == orders(STOCK[f"{name}: {call}"])


def orders(value):
    """A value with its maps as lists of pairs: in which order a template finds them is a part of what it renders."""
    match value:
        case dict():
            return [(key, orders(item)) for key, item in value.items()]
        case list():
            return [orders(item) for item in value]
    return value


def test_every_case_is_recorded():
    assert set(STOCK) == {f"{name}: {call}" for name in HOSTS for call in CALLS}


@pytest.mark.interop
def test_stock_still_says_what_was_recorded():
    assert formula_answers("stock", "xenial", AGAIN) == {f"xenial: {call}": STOCK[f"xenial: {call}"] for call in AGAIN}
