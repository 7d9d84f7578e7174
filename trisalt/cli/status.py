"""`trisalt status` and `trisalt health`: ask the master at its local door, or the minion at its socket, and say it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from trisalt.cli.naming import IdAsked
from trisalt.cli.show import Show, write_out
from trisalt.client.door import Door
from trisalt.config.paths import master_paths, minion_paths
from trisalt.config.read import config_file, read_master, read_minion
from trisalt.errors import RequestTimeout, TrisaltError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

WELL, NOT_WELL, NO_ANSWER = 0, 1, 2
# How many rows of queues and of handlers fit on the screen.
ROWS = 6


def status(daemon: str | None, config_dir: str | None, out: str | None, timeout: float) -> int:
    """Print how the daemon is: a screen for people, or with `out` all of it. The exit status."""
    path, opts = _door(daemon, config_dir)
    try:
        facts = _asked(path, timeout)
    except RequestTimeout:
        return _line(NO_ANSWER, f"{daemon or _default(config_dir)}: no answer within {timeout:g} s")
    if out is not None:
        Show(opts, out=out)(facts)
    else:
        write_out("\n".join(screen(facts)) + "\n")
    return WELL


def health(daemon: str | None, config_dir: str | None, timeout: float) -> int:
    """Print one line, and the exit status of a probe. It is there after `timeout` seconds, whatever the daemon does."""
    name = daemon or _default(config_dir)
    try:
        path, _opts = _door(name, config_dir)
        facts = _asked(path, timeout)
    except RequestTimeout:
        return _line(NO_ANSWER, f"{name}: no answer within {timeout:g} s")
    except TrisaltError as exc:
        return _line(NO_ANSWER, f"{name}: {_not_running(name, exc)}")
    if complaints := facts.get("complaints"):
        return _line(NOT_WELL, f"{name}: {'; '.join(map(str, complaints))}")
    return _line(WELL, f"{name}: well")


def _asked(path: str, timeout: float) -> dict[str, Any]:
    deadline = time.monotonic() + timeout
    with Door(path).follow({"op": "status"}, timeout) as answers:
        # For being let in and for the answer together.
        answers.timeout = max(deadline - time.monotonic(), 0.01)
        return dict(answers.first("status"))


def _line(code: int, text: str) -> int:
    if code == NO_ANSWER:
        sys.stderr.write(text + "\n")
    else:
        write_out(text + "\n")
    return code


def _not_running(name: str, exc: TrisaltError) -> str:
    """What kept us from asking, in the words of the door, which knows of masters only."""
    return str(exc).replace("master", name)


def _door(daemon: str | None, config_dir: str | None) -> tuple[str, Mapping[str, Any]]:
    """Where the daemon is asked, and its options."""
    if (daemon or _default(config_dir)) == "minion":
        minion = read_minion(config_dir, asked=IdAsked())
        return minion_paths(minion).status, minion.opts
    master = read_master(config_dir)
    return master_paths(master).local_door, master.opts


def _default(config_dir: str | None) -> str:
    there = {name: os.path.exists(config_file(name, config_dir)) for name in ("master", "minion")}
    return "minion" if there["minion"] and not there["master"] else "master"


# -- the screen ------------------------------------------------------------------------------------------------------


def screen(facts: Mapping[str, Any]) -> Iterator[str]:
    """The lines of one screen."""
    how = "; ".join(facts["complaints"]) or "well"
    yield f"{facts['daemon']} {facts['version']}, pid {facts['pid']}, up {_span(facts['uptime_s'])}: {how}"
    yield from _pairs(facts)
    if lanes := facts.get("lanes"):
        yield ""
        yield from _table(lanes, "lane", ("running", "waiting", "done", "refused", "overtaken", "p50_ms", "p99_ms"))
    if handlers := facts.get("handlers"):
        yield ""
        yield from _table(handlers[:ROWS], "request", ("count", "waiting", "p50_ms", "p99_ms", "longest_ms"))
    queues = [row for row in facts.get("queues", ()) if row["waiting"] or row["missed"]]
    if queues:
        yield ""
        queues.sort(key=lambda row: -row["waiting"])
        yield from _table(queues[:ROWS], "pattern", ("waiting", "depth", "missed"))


def _pairs(facts: Mapping[str, Any]) -> Iterator[str]:
    shown: dict[str, Callable[[Any], str]] = {
        "minions": _minions,
        "masters": lambda rows: ", ".join(f"{row['master']} {_connected(row)}" for row in rows) or "none",
        "jobs": _counts,
        "spooled": lambda count: f"{count} {'return waits' if count == 1 else 'returns wait'} to be sent",
        "loop": lambda loop: f"late by {_ms(loop['p99_ms'])} (p99), {_ms(loop['longest_ms'])} at most",
        "workers": _counts,
        "reactor": lambda counts: _counts(counts) if counts["patterns"] else "nothing to react to",
        "store": lambda store: (
            f"{_bytes(store['bytes'])}; writes take {_ms(store['took']['p50_ms'])}, "
            f"{_ms(store['took']['p99_ms'])} (p99); {store['waiting']} wait"
        ),
        "memory_bytes": _bytes,
    }
    for name, text in shown.items():
        if name in facts:
            yield f"{name.removesuffix('_bytes'):<10}{text(facts[name])}"


def _minions(counts: Mapping[str, int]) -> str:
    unknown = f"{counts['unknown']} not heard of yet, " if counts.get("unknown") else ""
    here = f"{counts['present']} here, {counts['absent']} away, {unknown}of " if "present" in counts else ""
    keys = (f"{counts[state]} {state}" for state in ("pending", "rejected", "denied"))
    return f"{here}{counts['accepted']} accepted; {', '.join(keys)}"


def _connected(row: Mapping[str, Any]) -> str:
    return "connected" if row["connected"] else "NOT connected"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _table(rows: Sequence[Mapping[str, Any]], first: str, columns: Sequence[str]) -> Iterator[str]:
    width = max(len(first), *(len(str(row[first])) for row in rows))
    yield f"{first:<{width}}" + "".join(f"{name.removesuffix('_ms'):>11}" for name in columns)
    for row in rows:
        cells = (_ms(row[name]) if name.endswith("_ms") else str(row[name]) for name in columns)
        yield f"{row[first]:<{width}}" + "".join(f"{cell:>11}" for cell in cells)


def _ms(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.3g} ms"


def _bytes(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def _span(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min" if minutes else f"{int(seconds)} s"
