"""States: what a run of many costs that change nothing, and compiling them, beside stock Salt's. Whole processes.

What a state costs is the difference between a run of many and a run of one, so that starting is not in it. Of files
that are kept as they are also what a running minion spends on a job, all of its processes together.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Row, command_cpu, cpu_seconds, quiet
from tests.support.lab import Lab, open_lab

RUNS = 5
STATES = 2000
FILES = 100
TREE = 10_000
# Jobs over which a running minion's clock ticks even out.
JOBS = 10
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


def _files(folder: Path, target: Path) -> None:
    """Files of the file server that are to be below `target`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(FILES):
        (folder / f"file{number}").write_text(f"content {number}\n" * 20)
        lines += [f"{target}/file{number}:", "  file.managed:", f"    - source: salt://file{number}"]
        lines += ["    - mode: '0640'", "    - makedirs: True"]
    (folder / "files.sls").write_text("\n".join(lines) + "\n")


def _wood(folder: Path, target: Path) -> None:
    """A tree of many small files that is to be below `target`."""
    for number in range(TREE):
        place = folder / "wood" / f"d{number % 50}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"f{number}").write_text(f"leaf {number}\n")
    (folder / "wood.sls").write_text(f"{target}:\n  file.recurse: [{{source: 'salt://wood'}}]\n")


def measure(kind: str) -> dict[str, float]:
    """CPU seconds of each run."""
    with open_lab() as lab:
        _tree(lab.root / "srv")
        _files(lab.root / "srv", lab.root / "target")
        folder = lab.configure_minion("m1", file_client="local", file_roots={"base": [str(lab.root / "srv")]})
        return {
            name: _cost(lab, kind, folder, *words)
            for name, words in {
                "one": ("state.apply", "one"),
                "apply": ("state.apply", "many"),
                "compile": ("state.show_low_sls", "many"),
                "files": ("state.apply", "files"),
            }.items()
        }


def _cost(lab: Lab, kind: str, folder: Path, *words: str) -> float:
    argv = [str(lab._command("salt-call", kind)), "-c", str(folder), "--local", "--out", "json", *words]
    return command_cpu(argv, lab.env, runs=RUNS, ok=lambda text: '"name"' in text and '"result": false' not in text)


def measure_minion(kind: str) -> dict[str, tuple[float, float]]:
    """CPU seconds of a running minion, and of its master, for each job that finds all files as they should be."""
    with open_lab() as lab:
        _files(lab.master_dir() / "srv", lab.root / "target")
        _wood(lab.master_dir() / "srv", lab.root / "wood")
        # At the level of a package: what is told of each state costs both sides.
        master = lab.start_master(kind, auto_accept=True, level="warning")
        minion = lab.start_minion("m1", kind, level="warning")
        lab.wait_up("m1")

        def cost(sls: str, states: int, runs: int) -> tuple[float, float]:
            argv = [str(lab._command("salt", kind)), "-c", str(lab.master_dir()), "m1", "state.apply", sls]
            argv += ["--state-verbose=true", "--out", "json", "-t", "600"]

            def ok(text: str) -> bool:
                return text.count('"result": true') == states

            command_cpu(argv, lab.env, runs=1, ok=ok)
            quiet(minion.pid)
            before = cpu_seconds(minion.pid), cpu_seconds(master.pid)
            command_cpu(argv, lab.env, runs=runs - 1, ok=ok)
            quiet(minion.pid)
            return (cpu_seconds(minion.pid) - before[0]) / runs, (cpu_seconds(master.pid) - before[1]) / runs

        return {"files": cost("files", FILES, JOBS), "wood": cost("wood", 1, 2)}


def rows() -> list[Row]:
    """Ours beside stock's."""
    ours, stock = measure("ours"), measure("stock")
    minions = measure_minion("ours"), measure_minion("stock")

    def each(costs: dict[str, float]) -> float:
        return (costs["apply"] - costs["one"]) / STATES * 1000

    return [
        Row(
            what="`salt-call --local state.apply` of one state, CPU of the command",
            ours=ours["one"], stock=stock["one"], unit="s", limit=1 / 3,
        ),
        Row(
            what=f"`salt-call --local state.apply` of {STATES} states that change nothing, CPU of the command",
            ours=ours["apply"], stock=stock["apply"], unit="s", limit=1 / 3,
        ),
        Row(
            what=f"`salt-call --local state.show_low_sls` of {STATES} states, CPU of the command",
            ours=ours["compile"], stock=stock["compile"], unit="s", limit=1 / 5,
        ),
        Row(
            what=f"`salt-call --local state.apply` of {FILES} `file.managed` that change nothing, CPU of the command",
            ours=ours["files"], stock=stock["files"], unit="s", limit=1 / 5,
        ),
        Row(
            what=f"a job of {FILES} `file.managed` that change nothing, CPU of the running minion",
            ours=minions[0]["files"][0], stock=minions[1]["files"][0], unit="s", limit=1 / 40,
        ),
        Row(
            what=f"a job of a `file.recurse` of {TREE} files that changes nothing, CPU of the running minion",
            ours=minions[0]["wood"][0], stock=minions[1]["wood"][0], unit="s", limit=1 / 5,
        ),
        Row(
            what="the same, CPU of its master",
            ours=minions[0]["wood"][1], stock=minions[1]["wood"][1], unit="s", limit=1 / 10,
        ),
        Row(what="each state more", ours=each(ours), stock=None, unit="ms", limit=0.5),
    ]  # fmt: skip
