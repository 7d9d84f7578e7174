"""States: what a run of many costs that change nothing, and compiling them, beside stock Salt's. Whole processes.

What a state costs is the difference between a run of many and a run of one, so that starting is not in it.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Row, command_cpu
from tests.support.lab import Lab, open_lab

RUNS = 5
STATES = 2000
# How much later a state may be than the one it requires, in the file.
NEAR = 40


def _tree(folder: Path) -> None:
    """One state, and many that require each other."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(STATES):
        lines += [f"s{number}:", "  test.nop:", f"    - comment: c{number}"]
        if number:
            lines += ["    - require:", f"      - test: s{number - 1 - number * 7 % min(number, NEAR)}"]
    (folder / "many.sls").write_text("\n".join(lines) + "\n")
    (folder / "one.sls").write_text("one: test.nop\n")


def measure(kind: str) -> dict[str, float]:
    """CPU seconds of each run."""
    with open_lab() as lab:
        _tree(lab.root / "srv")
        folder = lab.configure_minion("m1", file_client="local", file_roots={"base": [str(lab.root / "srv")]})
        return {
            name: _cost(lab, kind, folder, *words)
            for name, words in {
                "one": ("state.apply", "one"),
                "apply": ("state.apply", "many"),
                "compile": ("state.show_low_sls", "many"),
            }.items()
        }


def _cost(lab: Lab, kind: str, folder: Path, *words: str) -> float:
    argv = [str(lab._command("salt-call", kind)), "-c", str(folder), "--local", "--out", "json", *words]
    return command_cpu(argv, lab.env, runs=RUNS, ok=lambda text: "test" in text)


def rows() -> list[Row]:
    """Ours beside stock's."""
    ours, stock = measure("ours"), measure("stock")

    def each(costs: dict[str, float]) -> float:
        return (costs["apply"] - costs["one"]) / STATES * 1000

    return [
        Row(
            what="`salt-call --local state.apply` of one state, CPU of the command",
            ours=ours["one"], stock=stock["one"], unit="s", limit=1 / 3,
        ),
        Row(
            what=f"`salt-call --local state.apply` of {STATES} states that change nothing, CPU of the command",
            ours=ours["apply"], stock=stock["apply"], unit="s", limit=1 / 2,
        ),
        Row(
            what=f"`salt-call --local state.show_low_sls` of {STATES} states, CPU of the command",
            ours=ours["compile"], stock=stock["compile"], unit="s", limit=1 / 2,
        ),
        Row(what="each state more", ours=each(ours), stock=None, unit="ms", limit=0.5),
    ]  # fmt: skip
