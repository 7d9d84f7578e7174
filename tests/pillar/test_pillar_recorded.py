"""Pillar as stock Salt compiles it: every case of `pillar_cases`, key by key and in the same order."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from pillar_cases import CASES, options, write

from tests.support.lab import stock_bin
from trisalt.pillar.worker import compile_with_plugins

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    write(root)
    return root


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_pillar_is_the_one_that_stock_compiles(trees, name):
    case = CASES[name]
    opts = {"renderer": "jinja|yaml", "state_top": "top.sls", **options(trees, name)}
    request = {"opts": opts, "id": case["id"], "grains": case["grains"], **case["request"]}
    pillar = compile_with_plugins(request)["pillar"]
    ours = json.dumps(pillar, indent=1, default=str).replace(str(trees), "ROOT")
    assert ours.splitlines() == json.dumps(RECORDED[name], indent=1).splitlines()


def test_every_case_is_recorded():
    assert set(RECORDED) == set(CASES)


@pytest.mark.interop
def test_stock_still_says_what_was_recorded(trees):
    done = subprocess.run(
        [stock_bin() / "python3", HERE / "stock_compiles.py", trees], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == RECORDED
