"""Pillar and files for a thousand simulated minions: what a pillar costs the master, and a file that all fetch at once.

The minions are those of a swarm simulator given by its path. It asks for pillar as often as it is answered; of files it
knows nothing, so `benchmarks.fetching` has it fetch one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs

from benchmarks.measure import Row, cpu_seconds, quiet
from tests.support.lab import Lab, open_lab

COUNT = 1000
# Pillar is asked for so long, by so many at a time.
SECONDS, AT_ONCE = 8, 20
MEGABYTE = 1 << 20
# What minions wait for an answer, and how long all may take.
PATIENCE_S, MOST_S = 60, 300


@attrs.frozen(kw_only=True)
class Costs:
    pillar_ms: float
    fetch_s: float
    failed: float


def _tree(folder: Path) -> None:
    """A top file of ten targets, and files with some Jinja in them: what a pillar of a site looks like."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["base:", "  '*': [common, users]"]
    for number in range(10):
        lines.append(f"  'swarm-*{number}': [role{number}]")
        (folder / f"role{number}.sls").write_text(
            f"role: r{number}\nport: {{{{ {number} + 8000 }}}}\nname: {{{{ grains['id'] }}}}\n"
        )
    (folder / "top.sls").write_text("\n".join(lines) + "\n")
    (folder / "common.sls").write_text("ntp: [a, b]\nos: {{ grains['os'] }}\n" + "x:\n" + "  - y: 1\n" * 30)
    (folder / "users.sls").write_text(
        "users:\n{% for n in range(40) %}\n  u{{ n }}: {uid: {{ 1000 + n }}, shell: /bin/bash}\n{% endfor %}\n"
    )


def measure(kind: str, swarm: Path) -> Costs:
    """Start a master of `kind`, let the minions in, and have them ask."""
    with open_lab() as lab:
        _tree(lab.master_dir() / "pillar")
        served = lab.master_dir() / "srv"
        served.mkdir(parents=True)
        (served / "file").write_bytes(os.urandom(MEGABYTE))
        master = lab.start_master(kind, auto_accept=True, max_open_files=20000, level="warning")
        _swarm(lab, swarm, "--mode", "idle", "--duration", "0")
        quiet(master.pid)
        before = cpu_seconds(master.pid)
        said = _swarm(lab, swarm, "--mode", "pillar", "--duration", str(SECONDS), "--concurrency", str(AT_ONCE))
        signed_in = said["auth_first"]["ok"]
        quiet(master.pid)
        spent = cpu_seconds(master.pid) - before
        before = cpu_seconds(master.pid)
        _swarm(lab, swarm, "--mode", "idle", "--duration", "0")
        quiet(master.pid)
        # Signing in is not what is asked here.
        spent -= cpu_seconds(master.pid) - before
        fetched = _swarm(lab, swarm, "--mode", "pillar", "--duration", "0", fetching=True)
        assert signed_in == COUNT, said
        return Costs(
            pillar_ms=spent / said["requests"]["pillar"]["ok"] * 1000,
            fetch_s=fetched["fetch"]["seconds"],
            failed=COUNT - fetched["fetch"]["whole"],
        )


def _swarm(lab: Lab, swarm: Path, *args: str, fetching: bool = False) -> dict[str, Any]:
    program = ["-m", "benchmarks.fetching", str(swarm), str(MEGABYTE)] if fetching else [str(swarm)]
    argv = [
        sys.executable, *program, "--count", str(COUNT), "--ret-port", str(lab.ret_port), "--shared-key",
        "--settle", "0", "--subscribe", "none", "--procs", "1", "--timeout", str(PATIENCE_S),
        "--auth-timeout", str(PATIENCE_S),
        "--json", "-", "--quiet", *args,
    ]  # fmt: skip
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=MOST_S, env={**os.environ, "HOME": str(lab.root)}, check=False
    )
    start = done.stdout.find("{")
    assert start >= 0, f"{argv}: {done.stdout[-2000:]} {done.stderr[-2000:]}\n{lab.tails()}"
    return json.loads(done.stdout[start:])


def rows(swarm: Path) -> list[Row]:
    """Ours beside stock's."""
    ours, stock = measure("ours", swarm), measure("stock", swarm)
    return [
        Row(
            what=f"pillar for {COUNT} minions from one tree, CPU of the master for each",
            ours=ours.pillar_ms,
            stock=stock.pillar_ms,
            unit="ms",
            limit=1 / 10,
        ),
        Row(
            what=f"{COUNT} minions fetch a file of 1 MB at once: the last has it after",
            ours=ours.fetch_s,
            stock=stock.fetch_s,
            unit="s",
            limit=1,
            faster=True,
        ),
        Row(
            what=f"those that did not get it whole (stock: {stock.failed:g})",
            ours=ours.failed,
            stock=None,
            unit="",
            limit=0,
        ),
    ]
