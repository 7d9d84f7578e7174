"""How the benchmarks measure: CPU seconds of process trees, proportional memory, and rows of a table."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

import attrs
import psutil


@attrs.frozen(kw_only=True)
class Row:
    """One line of the table: what was measured, ours beside stock's, and what was asked for.

    `ratio` is ours / stock's unless `faster` says that it is stock's / ours (how many times sooner). `limit` bounds
    it from above, or from below when `faster`. Rows without a counterpart have `stock=None` and bound `ours`.
    """

    what: str
    ours: float
    stock: float | None
    unit: str
    limit: float
    faster: bool = False

    @property
    def ratio(self) -> float | None:
        if self.stock is None:
            return None
        return self.stock / self.ours if self.faster else self.ours / self.stock

    @property
    def holds(self) -> bool:
        value = self.ours if self.ratio is None else self.ratio
        return value >= self.limit if self.faster else value <= self.limit

    def cells(self) -> list[str]:
        sign = "≥" if self.faster else "≤"
        if self.ratio is None:
            ratio, limit = "–", f"{sign} {self.limit:g} {self.unit}"
        elif self.faster:
            ratio, limit = f"{self.ratio:.1f}× sooner", f"≥ {self.limit:g}×"
        else:
            ratio = f"1/{1 / self.ratio:.1f}" if self.ratio < 0.5 else f"{self.ratio:.2f}"
            limit = f"≤ 1/{1 / self.limit:g}" if self.limit < 0.5 else f"≤ {self.limit:g}"
        return [
            self.what,
            f"{self.ours:.3g} {self.unit}",
            "–" if self.stock is None else f"{self.stock:.3g} {self.unit}",
            ratio,
            limit,
            "yes" if self.holds else "**no**",
        ]


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    head = ["What", "trisalt", "stock 3008.3", "ratio", "asked", "held"]
    lines = [head, ["---", "---:", "---:", "---:", "---:", "---"], *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process tree so far, those of children that were reaped included."""
    total = 0.0
    for process in tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def pss_megabytes(pid: int) -> float:
    """Proportional set size of a process tree."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 1e6


def command_cpu(argv: Sequence[str], env: Mapping[str, str], *, runs: int, ok: Callable[[str], bool] = bool) -> float:
    """CPU seconds of a command as a whole process: the median over `runs`, after one that warms the caches.

    Raises AssertionError when what it printed is not `ok`: a command that fails fast is no fast command.
    """
    costs = []
    for run in range(runs + 1):
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(env), text=True)
        assert process.stdout is not None
        with process.stdout:
            printed = process.stdout.read()
        _pid, _status, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        assert ok(printed), f"{argv}: {printed!r}"
        if run:
            costs.append(usage.ru_utime + usage.ru_stime)
    return statistics.median(costs)


def quiet(pid: int, *, seconds: float = 1.0, most: float = 60.0) -> None:
    """Wait until a process tree has used next to no CPU for `seconds`."""
    deadline = time.monotonic() + most
    while time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(seconds)
        if cpu_seconds(pid) - before < 0.03 * seconds:
            return
