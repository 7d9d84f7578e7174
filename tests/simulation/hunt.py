"""Runs of many seeds: within a budget, with what is broken made small."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import attrs

from tests.simulation.drawing import draw_plan
from tests.simulation.faults import Plan
from tests.simulation.invariants import check
from tests.simulation.moments import by_moments
from tests.simulation.mutants import MUTANTS, NoPlace, put_back
from tests.simulation.world import Run, simulate

KEPT = Path(__file__).parent / "kept"
TAIL = 60
MOST = 10
# What a kept plan says leaves the order open in which tasks run: it is run with so many of them.
ORDERS = 4


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit status 1 when an invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="from:to, to run one after the other")
    parser.add_argument("--kept", action="store_true", help="run the plans in kept/ first: what has been found before")
    parser.add_argument("--mutants", nargs="*", help="put known bugs back, all or these, and see who finds them")
    parser.add_argument("--mutant", help="put this bug back meanwhile")
    parser.add_argument("--budget", type=float, help="stop after so many seconds")
    parser.add_argument("--replay", help="run one seed, or a plan in a file")
    parser.add_argument("--trace", action="store_true", help="print all that happened")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that breaks something")
    parser.add_argument("--no-shrink", action="store_true", help="do not look for the smallest plan that does")
    wanted = parser.parse_args(argv)
    first, _colon, end = wanted.seeds.partition(":")
    seeds = range(int(first), int(end))
    if wanted.mutants is not None:
        return _put_back(wanted.mutants or list(MUTANTS), seeds)
    with nullcontext() if wanted.mutant is None else put_back(MUTANTS[wanted.mutant]):
        if wanted.replay is not None:
            return _replay(wanted.replay, trace=wanted.trace)
        status = _replay_kept() if wanted.kept else 0
        return status or _hunt(seeds, wanted.budget, keep_going=wanted.keep_going, small=not wanted.no_shrink)


def kept_plans() -> dict[str, Plan]:
    """What has been found before, by name."""
    return {path.stem: Plan.from_json(path.read_text()) for path in sorted(KEPT.glob("*.json"))}


def orders(plan: Plan) -> Iterator[Plan]:
    """The same, with tasks in other orders."""
    return (attrs.evolve(plan, seed=plan.seed + number) for number in range(ORDERS))


def _replay_kept() -> int:
    """Run the kept plans. All that is in one has to happen, or else it does not find any more what it was kept for."""
    status = 0
    for name, plan in kept_plans().items():
        runs = [simulate(one, check) for one in orders(plan)]
        if broken := [run for run in runs if run.violations]:
            print(f"{name}:")
            _report(broken[0], small=False)
            status = 1
        elif all(run.missed for run in runs):
            print(f"{name} does not reach its moment any more; this has not happened: {runs[0].missed}")
            status = 1
    return status


def _put_back(names: list[str], seeds: range) -> int:
    """Put bugs back, and say who finds each: the plan that was kept for it, or else one of the seeds."""
    kept, lost = kept_plans(), 0
    for name in names:
        mutant = MUTANTS[name]
        plan = kept.get(mutant.plan or name)
        began = time.perf_counter()
        try:
            with put_back(mutant):
                plans = map(draw_plan, seeds) if plan is None else orders(plan)
                runs = ((one.seed, simulate(one, check).violations) for one in plans)
                found = next(
                    ((seed, texts) for seed, texts in runs if any(mutant.said in text for text in texts)), None
                )
        except NoPlace as exc:
            print(f"lost: {name}: {exc}")
            lost += 1
            continue
        took = time.perf_counter() - began
        by = "its plan" if plan is not None else "no seed" if found is None else f"seed {found[0]}"
        if found is None:
            print(f"not found: {name} by {by} in {took:.1f} s")
            lost += 1
        else:
            print(f"found: {name} by {by} in {took:.1f} s: {next(text for text in found[1] if mutant.said in text)}")
        sys.stdout.flush()
    return 1 if lost else 0


def _hunt(seeds: range, budget: float | None, *, keep_going: bool, small: bool) -> int:
    began, worked = time.perf_counter(), time.process_time()
    done = broken = 0
    for plan in map(draw_plan, seeds):
        if budget is not None and time.perf_counter() - began > budget:
            break
        run = simulate(plan, check)
        done += 1
        if run.violations:
            broken += 1
            _report(run, small=small and not run.endless)
            if run.endless:
                # Tasks of another run are still about; nothing that is done here means anything any more.
                sys.stdout.flush()
                os._exit(1)
            if not keep_going:
                break
    took = time.perf_counter() - began
    work = (time.process_time() - worked) / max(done, 1) * 1000
    print(f"{done} runs in {took:.1f} s ({work:.0f} ms of the processor each), {broken} broken")
    return 1 if broken else 0


def _replay(name: str, *, trace: bool) -> int:
    if name.isdigit():
        plan = draw_plan(int(name))
    else:
        with open(name) as file:
            plan = Plan.from_json(file.read())
    run = simulate(plan, check)
    if trace:
        for line in run.trace.lines:
            print(line)
    print(f"{len(run.trace.lines)} lines, digest {run.trace.digest()}")
    for text in run.violations[:MOST]:
        print(text)
    if run.endless:
        sys.stdout.flush()
        os._exit(1)
    return 1 if run.violations else 0


def shrink(plan: Plan) -> Plan:
    """The same plan without the faults, and the acts, that it does not take to break something."""
    smaller = True
    while smaller:
        smaller = False
        for one in (*plan.faults, *plan.acts):
            candidate = plan.without(one)
            if simulate(candidate, check).violations:
                plan, smaller = candidate, True
                break
    return plan


def _report(run: Run, *, small: bool) -> None:
    print(f"seed {run.plan.seed} is broken:", flush=True)
    for text in run.violations[:MOST]:
        print(f"  {text}")
    if small:
        run = simulate(shrink(run.plan), check)
        print(f"what it takes: {run.plan.to_json()}")
        plan = by_moments(run)
        found = sum(bool(simulate(one, check).violations) for one in orders(plan))
        print(f"the same by moments, found in {found} of {ORDERS} orders of tasks: {plan.to_json()}")
    for line in run.trace.lines[-TAIL:]:
        print(f"    {line}")
