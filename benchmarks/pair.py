"""One master and one minion of a kind: start-up, idle size, and what a job costs the command and the daemons."""

from __future__ import annotations

import time

import attrs

from benchmarks.measure import Row, command_cpu, cpu_seconds, pss_megabytes, quiet
from tests.support.lab import open_lab

# Runs of a command whose median counts, and jobs over which the daemons' clock ticks even out.
RUNS = 15
JOBS = 100


@attrs.frozen(kw_only=True)
class Costs:
    """What one pair cost. CPU in seconds, memory in megabytes."""

    master_start: float
    minion_start: float
    master_idle: float
    minion_idle: float
    command: float
    version: float
    daemons_per_job: float


def measure(kind: str, level: str = "warning") -> Costs:
    """Start a pair of `kind`, let it come to rest, and count. The level of its logs is that of either by default."""
    with open_lab() as lab:
        master = lab.start_master(kind, auto_accept=True, level=level)
        quiet(master.pid)
        master_start = cpu_seconds(master.pid)
        first = lab.start_minion("m1", kind, level=level)
        lab.wait_up("m1")
        # A start with an accepted key, as every start but the first is.
        first.stop()
        minion = lab.start_minion("m1", kind, level=level)
        lab.wait_up("m1")
        quiet(minion.pid)
        # One ping is in it, on both sides.
        minion_start = cpu_seconds(minion.pid)
        quiet(master.pid)
        idle = pss_megabytes(master.pid), pss_megabytes(minion.pid)

        argv = [str(lab._command("salt", kind)), "-c", str(lab.master_dir()), "*", "test.ping"]
        ok = "m1:\n    True\n"
        command = command_cpu(argv, lab.env, runs=RUNS, ok=lambda text: text == ok)
        version = command_cpu([argv[0], "--version"], lab.env, runs=RUNS)
        before = cpu_seconds(master.pid) + cpu_seconds(minion.pid)
        command_cpu(argv, lab.env, runs=JOBS - 1, ok=lambda text: text == ok)
        time.sleep(0.5)
        daemons = (cpu_seconds(master.pid) + cpu_seconds(minion.pid) - before) / JOBS
        return Costs(
            master_start=master_start,
            minion_start=minion_start,
            master_idle=idle[0],
            minion_idle=idle[1],
            command=command,
            version=version,
            daemons_per_job=daemons,
        )


def rows() -> list[Row]:
    """Ours beside stock's."""
    ours, stock = measure("ours"), measure("stock")
    telling = [measure(kind, "info").daemons_per_job for kind in ("ours", "stock")]
    return [
        Row(
            what="`salt '*' test.ping`, CPU of the command",
            ours=ours.command,
            stock=stock.command,
            unit="s",
            limit=1 / 12,
        ),
        Row(
            what="the same, CPU of both daemons per job",
            ours=ours.daemons_per_job,
            stock=stock.daemons_per_job,
            unit="s",
            limit=1 / 20,
        ),
        Row(
            what="the same with a log at the level `info`",
            ours=telling[0],
            stock=telling[1],
            unit="s",
            limit=1 / 20,
        ),
        Row(what="`salt --version`, CPU", ours=ours.version, stock=stock.version, unit="s", limit=1 / 10),
        Row(
            what="master, CPU from start to ready",
            ours=ours.master_start,
            stock=stock.master_start,
            unit="s",
            limit=1 / 4,
        ),
        Row(
            what="minion, CPU from start to ready",
            ours=ours.minion_start,
            stock=stock.minion_start,
            unit="s",
            limit=1 / 2.5,
        ),
        Row(
            what="master idle, PSS of all its processes",
            ours=ours.master_idle,
            stock=stock.master_idle,
            unit="MB",
            limit=1 / 4,
        ),
        Row(
            what="minion idle, PSS of all its processes",
            ours=ours.minion_idle,
            stock=stock.minion_idle,
            unit="MB",
            limit=0.65,
        ),
    ]
