"""Run the benchmarks and print their table: `python -m benchmarks [--only PARTS] [--swarm PATH]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

from benchmarks import (
    absent,
    commands,
    events,
    fleet,
    log,
    paint,
    pair,
    states,
    storm,
    targets,
    trees,
    web,
    zmq_adapter,
)
from benchmarks.measure import table
from tests.support.lab import STOCK_VARIABLE, stock_bin

PARTS = ("pair", "commands", "states", "trees", "fleet", "storm", "absent", "targets", "events", "log", "web", "paint")
WITH_STOCK = {"pair", "commands", "states", "trees", "fleet", "storm", "absent", "log", "web"}
SWARM = Path(__file__).resolve().parents[2] / "shared" / "tools" / "swarm.py"


def main() -> int:
    """Print a Markdown table; 1 when a row is not held, 2 when something that it needs is not there."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="Which parts, with commas between them (%(default)s)")
    parser.add_argument("--swarm", type=Path, default=SWARM, help="The simulator of a thousand minions")
    parser.add_argument("--seconds", type=float, default=web.SECONDS, help="How long 500 streams are told events")
    options = parser.parse_args()
    parts = options.only.split(",")
    if stock_bin() is None and WITH_STOCK & set(parts):
        print(f"Set {STOCK_VARIABLE} to the folder of stock Salt's commands.", file=sys.stderr)
        return 2
    if {"trees", "fleet", "storm"} & set(parts) and not options.swarm.exists():
        print(f"There is no simulator at {options.swarm}; name one with --swarm.", file=sys.stderr)
        return 2
    # Byte code is what an installed package has; without it every command would compile itself first.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    measures = {
        "pair": pair.rows,
        "commands": commands.rows,
        "states": states.rows,
        "trees": lambda: trees.rows(options.swarm),
        "fleet": lambda: fleet.rows(options.swarm),
        "storm": lambda: storm.rows(options.swarm),
        "absent": absent.rows,
        "targets": targets.rows,
        "events": events.rows,
        "adapter": zmq_adapter.rows,
        "log": log.rows,
        "web": lambda: web.rows(options.seconds),
        "paint": paint.rows,
    }
    rows = []
    for part in parts:
        print(f"{part} …", file=sys.stderr, flush=True)
        rows += measures[part]()
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors\n")
    print(table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
