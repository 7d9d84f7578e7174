"""Runs of the simulation, each in a process of its own: see docs/testing.md for how to go on from a seed that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.drawing import draw_plan
from tests.simulation.faults import Plan
from tests.simulation.mutants import MUTANTS

ROOT = Path(__file__).parent.parent.parent
KEPT = Path(__file__).parent / "kept"
# Who changes `draw_plan` has other runs by the same seeds.
SEEDS, PART = 1000, 200
REAL_KEYS = next(seed for seed in range(100) if not draw_plan(seed).quick)


def run(*argv: str, seconds: float = 100) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_what_a_house_promises_holds_over_many_seeds(first):
    done = run("-m", "tests.simulation", "--seeds", f"{first}:{first + PART}", seconds=290)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{PART} runs" in done.stdout


def test_what_was_found_before_is_not_found_again():
    done = run("-m", "tests.simulation", "--kept", "--seeds", "0:0")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("seed", [3, REAL_KEYS])
def test_a_seed_replays_exactly(seed):
    first, again = (run("-m", "tests.simulation", "--replay", f"{seed}", "--trace") for _ in range(2))
    assert first.stdout == again.stdout
    assert "digest" in first.stdout, first.stderr


@pytest.fixture(scope="module")
def put_back() -> str:
    """What becomes of the known bugs, all of them in one process."""
    return run("-m", "tests.simulation", "--mutants").stdout


@pytest.mark.parametrize("name", MUTANTS)
def test_a_known_bug_is_found_when_it_is_put_back(name, put_back):
    said = [line for line in put_back.splitlines() if name in line.split()]
    assert [line for line in said if line.startswith("found: ")], said


def test_a_plan_is_kept_for_each_known_bug_and_for_nothing_else():
    assert {path.stem for path in KEPT.glob("*.json")} == {one.plan or name for name, one in MUTANTS.items()}


AGAIN = """
from tests.simulation import platform
platform.install()
from tests.simulation.drawing import draw_plan
from tests.simulation.invariants import check
from tests.simulation.world import simulate
print(*(simulate(draw_plan(seed), check).trace.digest() for seed in ({0}, {1}, {0}, {1})))
"""


def test_a_seed_replays_exactly_whatever_ran_before_it_in_the_process():
    done = run("-c", AGAIN.format(3, REAL_KEYS))
    one, other, *again = done.stdout.split() or pytest.fail(done.stderr)
    assert again == [one, other]


BY_MOMENTS = """
from tests.simulation import platform
platform.install()
from tests.simulation.faults import Crash, Lose, Plan, Publish
from tests.simulation.invariants import check
from tests.simulation.moments import by_moments
from tests.simulation.world import simulate
acts = [Publish(at=3.0, fun="state.apply", tgt="*", seconds=1.0)]
faults = [Crash(id="m1", at=3.5, steps=0, down=1.0), Lose(channel="m1/answer", number=4)]
first = simulate(Plan(seed=1, minions=["m1"], acts=acts, faults=faults, quick=True, patient=False), check)
plan = by_moments(first)
assert all(one.after for one in (*plan.acts, *plan.faults)), plan
again = simulate(plan, check)
assert not again.missed, again.missed
early = [[line for line in run.trace.lines if line.at < 10] for run in (first, again)]
print([[line.at for line in lines if line.what in ("lose", "ran", "crash")] for lines in early])
"""


def test_a_plan_by_times_can_be_said_by_moments():
    done = run("-c", BY_MOMENTS)
    first, again = json.loads(done.stdout or "[]") or pytest.fail(done.stderr)
    assert len(first) == 3
    assert again == pytest.approx(first, abs=0.1)


def test_a_plan_can_be_written_down():
    for seed in range(50):
        plan = draw_plan(seed)
        assert Plan.from_json(plan.to_json()) == plan
    for path in KEPT.glob("*.json"):
        assert Plan.from_json(path.read_text()).to_json() == path.read_text()
