"""A thousand simulated minions on one master: returns, sign-ins, and how long the last answer takes.

The minions are those of a swarm simulator given by its path; it speaks the wire and is the same for both masters.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, quiet
from tests.support.lab import Lab, open_lab

COUNT = 1000
# The first of them has each minion prove itself, and its last signs of life: it is not the one in the middle.
JOBS = 5
# The same code costs half as much again from one minute to the next on a shared machine: ours and stock's take
# turns, and the job in the middle of all is told.
ROUNDS = 3


def _swarm(lab: Lab, swarm: Path, *args: str, seconds: float = 600) -> dict[str, Any]:
    argv = [
        sys.executable, str(swarm), "--count", str(COUNT), "--ret-port", str(lab.ret_port), "--shared-key",
        "--auth-timeout", "300", "--timeout", "60", "--json", "-", "--quiet", *args,
    ]  # fmt: skip
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=seconds, env={**os.environ, "HOME": str(lab.root)}, check=False
    )
    start = done.stdout.find("{")
    assert start >= 0, f"{argv}: {done.stdout[-2000:]} {done.stderr[-2000:]}\n{lab.tails()}"
    return json.loads(done.stdout[start:])


def measure(kind: str, swarm: Path) -> dict[str, list[float]]:
    """CPU per known sign-in, and of each job per return, in milliseconds, its last answer in seconds, and how many were
    lost."""
    with open_lab() as lab:
        master = lab.start_master(kind, auto_accept=True, max_open_files=20000, level="warning")
        _swarm(lab, swarm, "--mode", "idle", "--duration", "1")
        quiet(master.pid)
        out = _swarm(
            lab, swarm, "--mode", "job", "--jobs", str(JOBS), "--job-interval", "3", "--settle", "5",
            "--root-key-file", str(lab.master_dir() / "cache" / ".root_key"),
            "--event-sock", str(lab.master_dir() / "run" / "master_event_pub.ipc"),
            "--watch-pid", str(master.pid),
        )  # fmt: skip
    jobs = out["jobs"]
    return {
        "sign_in": [out["auth_first"]["master_cpu_s"] / COUNT * 1e3],
        "return": [job["master_cpu_s"] / COUNT * 1e3 for job in jobs],
        "last": [job["last_return_ms"] / 1e3 for job in jobs],
        "lost": [job["lost"] + job["bus_lost"] for job in jobs],
    }


def _in_turns(swarm: Path) -> Iterator[dict[str, float]]:
    """Ours and stock's, of all rounds: the middle of each figure, and how many returns were lost together."""
    rounds = [[measure(kind, swarm) for kind in ("ours", "stock")] for _ in range(ROUNDS)]
    for measured in zip(*rounds, strict=True):
        every = {name: [value for one in measured for value in one[name]] for name in measured[0]}
        yield {name: statistics.median(values) for name, values in every.items()} | {"lost": sum(every["lost"])}


def rows(swarm: Path) -> list[Row]:
    """Ours beside stock's."""
    ours, stock = _in_turns(swarm)
    return [
        Row(what="master CPU per return", ours=ours["return"], stock=stock["return"], unit="ms", limit=1 / 30),
        Row(what="master CPU per known sign-in", ours=ours["sign_in"], stock=stock["sign_in"], unit="ms", limit=1 / 3),
        Row(
            what=f"{COUNT} simulated minions answer `test.ping`: the last one after",
            ours=ours["last"],
            stock=stock["last"],
            unit="s",
            limit=10,
            faster=True,
        ),
        Row(
            what=f"returns lost over {JOBS * ROUNDS} such jobs (stock: {stock['lost']:g})",
            ours=ours["lost"],
            stock=None,
            unit="",
            limit=0,
        ),
    ]
