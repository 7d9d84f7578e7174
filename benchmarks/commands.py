"""Commands as whole processes, interpreter and imports included: what each costs beside stock Salt's."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from benchmarks.measure import Row, command_cpu
from tests.support.lab import Lab, open_lab

RUNS = 9
# Jobs and keys that a master has when it is asked for them.
JOBS = 20
KEYS = 20


@attrs.frozen
class Command:
    """One command line: `local` ones are given a minion's configuration, the others the master's."""

    argv: str
    limit: float
    ok: Callable[[str], bool]
    local: bool = False


COMMANDS = (
    Command("salt-call --local test.ping", 1 / 5, lambda text: text == "local:\n    True\n", local=True),
    Command("salt-call --local grains.items", 1 / 5, lambda text: "osrelease" in text and "kernel" in text, local=True),
    Command("salt-run jobs.list_jobs", 1 / 18, lambda text: text.count("test.ping") >= JOBS),
    Command("salt-key -L", 1 / 10, lambda text: text.count("pending") == KEYS and "m1" in text),
)


def measure(kind: str) -> dict[str, float]:
    """CPU seconds of each command."""
    with open_lab() as lab:
        lab.start_master(kind, auto_accept=True)
        lab.start_minion("m1", kind)
        lab.wait_up("m1")
        _fill(lab, kind)
        costs = {}
        for command in COMMANDS:
            program, *words = command.argv.split()
            folder = lab.root / "m1" if command.local else lab.master_dir()
            argv = [str(lab._command(program, kind)), "-c", str(folder), *words]
            costs[command.argv] = command_cpu(argv, lab.env, runs=RUNS, ok=command.ok)
        return costs


def _fill(lab: Lab, kind: str) -> None:
    """Jobs to list, and keys."""
    ping = [str(lab._command("salt", kind)), "-c", str(lab.master_dir()), "m1", "test.ping"]
    command_cpu(ping, lab.env, runs=JOBS)
    pem = next((lab.master_dir() / "pki/minions").iterdir()).read_text()
    for number in range(KEYS):
        (lab.master_dir() / f"pki/minions_pre/pending{number}").write_text(pem)


def rows() -> list[Row]:
    """Ours beside stock's."""
    ours, stock = measure("ours"), measure("stock")
    return [
        Row(
            what=f"`{command.argv}`, CPU of the command",
            ours=ours[command.argv],
            stock=stock[command.argv],
            unit="s",
            limit=command.limit,
        )
        for command in COMMANDS
    ]
