"""What a minion sends for external pillars, and how stock reads the option."""

import json
import logging
import subprocess

import pytest

from tests.support.lab import stock_bin
from trisalt.loader.passed import passed_to_pillars

DATA = {"a": 1, "b": {"c": {"x": 2}, "d": 3, "l": [{"q": 1}]}, "e": None, "z": 0}
STOCK = """
import json, logging, sys
logging.disable(logging.CRITICAL)
import salt.pillar
data, rows = json.load(sys.stdin)
passed = salt.pillar.RemotePillarMixin().get_ext_pillar_extra_minion_data
print(json.dumps([passed({**data, "pass_to_ext_pillars": paths}) for paths in rows]))
"""
ROWS = [
    (["a", "b:c", "b:d"], {"a": 1, "b": {"c": {"x": 2}, "d": 3}}),
    (["gone", "b:gone"], {}),
    (["e", "z"], {"e": None, "z": 0}),
    (["b", "b:c:x"], {"b": DATA["b"]}),
    (["b:c:x", "b:c"], {"b": {"c": {"x": 2}}}),
    (["b:l:q", "b:l:0"], {}),
    ([], {}),
]


@pytest.mark.parametrize(("paths", "passed"), [*ROWS, (["a:x"], {}), (["a", "a:x"], {"a": 1})], ids=str)
def test_what_is_named_is_passed_in_its_place(paths, passed):
    before = json.dumps(DATA)
    assert passed_to_pillars({**DATA, "pass_to_ext_pillars": paths}) == passed
    assert json.dumps(DATA) == before


@pytest.mark.interop
def test_stock_passes_the_same():
    done = subprocess.run(
        [stock_bin() / "python3", "-W", "ignore", "-c", STOCK],
        input=json.dumps([DATA, [paths for paths, _passed in ROWS]]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [passed for _paths, passed in ROWS]


@pytest.mark.parametrize("paths", ["a", "", None, 5, {"a": 1}, [5]])
def test_an_option_that_is_no_list_of_texts_is_told(caplog, paths):
    with caplog.at_level(logging.ERROR):
        assert passed_to_pillars({**DATA, "pass_to_ext_pillars": paths}) == {}
    assert caplog.messages == ["'pass_to_ext_pillars' config is malformed."]


def test_nothing_is_passed_where_the_option_is_not_set():
    assert passed_to_pillars(DATA) == {}
