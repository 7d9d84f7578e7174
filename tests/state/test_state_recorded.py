"""Small state trees as stock Salt shows, compiles and applies them: what it answered is kept in `recorded.json`."""

from __future__ import annotations

import json

import pytest

from tests.state.record import RECORDED, answers
from tests.state.state_cases import CALLS

STOCK = json.loads(RECORDED.read_text(encoding="utf-8"))
# Asking stock anew takes half a second a call: some of each kind.
AGAIN = [call for number, call in enumerate(CALLS) if number % 20 == 5]


@pytest.fixture(scope="module")
def ours():
    return answers("ours", CALLS)


@pytest.mark.parametrize("name", list(map(str, CALLS)))
def test_states_are_as_stocks(ours, name):
    assert ours[name] == STOCK[name]


def test_every_case_is_recorded():
    assert set(STOCK) == set(map(str, CALLS))


@pytest.mark.interop
@pytest.mark.timeout(180)
def test_stock_still_says_what_was_recorded():
    assert answers("stock", AGAIN) == {str(call): STOCK[str(call)] for call in AGAIN}
