"""Runs of many seeds: within a budget, with what is broken made small."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from tests.simulation.faults import Plan, draw_plan
from tests.simulation.invariants import check
from tests.simulation.world import Run, simulate

KEPT = Path(__file__).parent / "kept"
TAIL = 60
MOST = 10


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit status 1 when an invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="from:to, to run one after the other")
    parser.add_argument("--kept", action="store_true", help="run the plans in kept/ first: what has been found before")
    parser.add_argument("--budget", type=float, help="stop after so many seconds")
    parser.add_argument("--replay", help="run one seed, or a plan in a file")
    parser.add_argument("--trace", action="store_true", help="print all that happened")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that breaks something")
    parser.add_argument("--no-shrink", action="store_true", help="do not look for the smallest plan that does")
    wanted = parser.parse_args(argv)
    if wanted.replay is not None:
        return _replay(wanted.replay, trace=wanted.trace)
    first, _colon, end = wanted.seeds.partition(":")
    return _hunt(
        [Plan.from_json(path.read_text()) for path in sorted(KEPT.glob("*.json"))] if wanted.kept else [],
        range(int(first), int(end)),
        wanted.budget,
        keep_going=wanted.keep_going,
        small=not wanted.no_shrink,
    )


def _hunt(kept: list[Plan], seeds: range, budget: float | None, *, keep_going: bool, small: bool) -> int:
    began, worked = time.perf_counter(), time.process_time()
    done = broken = 0
    for plan in chain(kept, map(draw_plan, seeds)):
        if budget is not None and done >= len(kept) and time.perf_counter() - began > budget:
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
        for fault in plan.faults:
            candidate = plan.without(fault)
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
    for line in run.trace.lines[-TAIL:]:
        print(f"    {line}")
