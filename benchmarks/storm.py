"""Two thousand simulated minions sign in at once, and jobs go out meanwhile.

The minions are those of a swarm simulator given by its path; it speaks the wire and is the same for both masters. It
shares the machine with the master, so it verifies and opens what it gets on the same processors. Jobs are published as
stock's commands do it, by a clear request on the same port; ours by the local door, too.

`python -m benchmarks.storm PATH [--busy N] [--ahead N] [--alone]` runs ours once: beside so many busy loops, and with
the simulator so much nearer to the processors (`nice`; as root), for minions have processors of their own. `--alone`
(as root, where the kernel shares by session: autogroups): master, simulator and publishers share the processors among
themselves before others have anything, so that a busy machine is nearly a quiet one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import zmq

from benchmarks.measure import Row
from tests.support.lab import Lab, open_lab
from trisalt.client.door import Door
from trisalt.client.jobs import publish_async

COUNT = 2000
# What stock minions wait for an answer.
PATIENCE_S = 5
PUBLISH_EVERY_S = 0.05
# What a master has for the storm.
MOST_S = 20
# A storm has some forty publications by each road: a percentile wants more.
STORMS = 3


def measure(
    kind: str,
    swarm: Path,
    *,
    ahead: int = 0,
    alone: bool = False,
    taken: dict[str, list[float]] | None = None,
) -> dict[str, float]:
    """Seconds until all are in, sign-ins per minion, and in milliseconds the publications' 99th percentile.

    `ahead`: how much nicer the others are than the simulator. `taken` gets the seconds of each publication; those that
    are there already, of a storm before, count too. A master that has not let all of them in after `MOST_S` counts with
    that, and with the publications until then.
    """
    with open_lab() as lab:
        lab.start_master(kind, auto_accept=True, max_open_files=20000, level="warning")
        _swarm(lab, swarm, 1)
        accepted = lab.master_dir() / "pki" / "minions"
        for number in range(COUNT):
            # All have the one key of the swarm, and are known.
            shutil.copyfile(accepted / "swarm-00000", accepted / f"known-{number:05}")
        roads: dict[str, Callable[[], object]] = {"port": _requester(lab)}
        if kind == "ours":
            roads["door"] = _door(lab)
        stop = threading.Event()
        took = {} if taken is None else taken
        for name in roads:
            took.setdefault(name, [])
        if alone:
            _lift(os.getpid(), lab.daemons["master"].process.pid)
        threads = [threading.Thread(target=_publish, args=(road, took[name], stop)) for name, road in roads.items()]
        for thread in threads:
            thread.start()
        try:
            out = _swarm(lab, swarm, COUNT, "--id-prefix", "known", ahead=ahead, alone=alone)
            first = out["auth_first"]
            tries = (first["ok"] + sum(first["errors"].values())) / COUNT
            seconds, timeouts = out["ready_s"], first["errors"].get("timeout", 0)
        except subprocess.TimeoutExpired:
            seconds, tries, timeouts = MOST_S, math.inf, math.inf
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    worst = {name: _percentile(times) * 1e3 for name, times in took.items() if len(times) > 1}
    return {"seconds": seconds, "tries": tries, "timeouts": timeouts, "port": MOST_S * 1e3, "door": math.inf, **worst}


def rows(swarm: Path) -> list[Row]:
    """Ours beside stock's. Ours of several storms: the one in the middle, the worst of what was given up, and all
    publications."""
    taken: dict[str, list[float]] = {}
    storms = [measure("ours", swarm, taken=taken) for _ in range(STORMS)]
    ours = {name: max(storm[name] for storm in storms) for name in ("tries", "timeouts")}
    ours |= {"seconds": statistics.median(storm["seconds"] for storm in storms)}
    ours |= {name: storms[-1][name] for name in ("port", "door")}
    stock = measure("stock", swarm)
    return [
        Row(
            what=f"the storm: {COUNT} simulated minions sign in at once: all are in after"
            + (f" (stock: not all after {MOST_S} s)" if math.isinf(stock["tries"]) else ""),
            ours=ours["seconds"],
            stock=stock["seconds"],
            unit="s",
            limit=1,
            faster=True,
        ),
        Row(
            what="sign-ins per minion in the storm",
            ours=ours["tries"],
            stock=None,
            unit="",
            limit=2,
        ),
        Row(
            what=f"sign-ins that were given up after {PATIENCE_S} s",
            ours=ours["timeouts"],
            stock=None,
            unit="",
            limit=0,
        ),
        Row(
            what="publications in the storm by the local door, p99", ours=ours["door"], stock=None, unit="ms", limit=200
        ),
        Row(
            what="publications in the storm by the port, p99",
            ours=ours["port"],
            stock=stock["port"],
            unit="ms",
            limit=1,
            faster=True,
        ),
    ]


def _percentile(times: list[float]) -> float:
    """What all but one in a hundred were within; never more than the slowest was."""
    return statistics.quantiles(times, n=100, method="inclusive")[98]


def _lift(*pids: int) -> None:
    """Let the sessions of these processes have the processors before all others."""
    for pid in pids:
        Path(f"/proc/{pid}/autogroup").write_text("-19")


def _swarm(lab: Lab, swarm: Path, count: int, *args: str, ahead: int = 0, alone: bool = False) -> dict[str, Any]:
    argv = [
        *(("nice", "-n", str(-ahead)) if ahead else ()),
        sys.executable, str(swarm), "--count", str(count), "--ret-port", str(lab.ret_port), "--shared-key",
        "--mode", "idle", "--duration", "0", "--settle", "0", "--subscribe", "first", "--procs", str(min(count, 2)),
        "--auth-timeout", str(PATIENCE_S), "--json", "-", "--quiet", *args,
    ]  # fmt: skip
    # A session of its own: who gives up ends its workers with it, and not the simulator alone.
    process = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(lab.root)},
        start_new_session=True,
    )
    with process:
        if alone:
            _lift(process.pid)
        try:
            told, errors = process.communicate(timeout=MOST_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    start = told.find("{")
    assert start >= 0, f"{argv}: {told[-2000:]} {errors[-2000:]}\n{lab.tails()}"
    return json.loads(told[start:])


def _publish(road: Callable[[], object], took: list[float], stop: threading.Event) -> None:
    while not stop.is_set():
        began = time.perf_counter()
        try:
            road()
        except TimeoutError:
            stop.set()
        took.append(time.perf_counter() - began)
        stop.wait(PUBLISH_EVERY_S)


def _door(lab: Lab) -> Callable[[], object]:
    door = Door(str(lab.master_dir() / "run" / "master.sock"))
    return lambda: publish_async(door, "swarm-00000", "test.ping")


def _requester(lab: Lab) -> Callable[[], object]:
    key = (lab.master_dir() / "cache" / ".root_key").read_text()
    load = {"cmd": "publish", "fun": "test.ping", "arg": [], "tgt": "swarm-00000", "tgt_type": "glob", "ret": ""}
    request = msgpack.packb({"enc": "clear", "load": {**load, "jid": "", "user": "root", "key": key}, "version": 3})
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.linger = 0
    socket.connect(f"tcp://127.0.0.1:{lab.ret_port}")

    def ask() -> object:
        socket.send(request)
        if not socket.poll(MOST_S * 1000):
            raise TimeoutError
        answer = msgpack.unpackb(socket.recv())
        assert answer["load"]["minions"] == ["swarm-00000"], answer
        return answer

    return ask


def main() -> None:
    """Ours once, beside a load on purpose."""
    parser = argparse.ArgumentParser(prog="benchmarks.storm", description=__doc__)
    parser.add_argument("swarm", type=Path, help="The simulator")
    parser.add_argument("--busy", type=int, default=0, help="Busy loops beside it (%(default)s)")
    parser.add_argument("--ahead", type=int, default=0, help="How much nicer the others are (%(default)s)")
    parser.add_argument("--alone", action="store_true", help="Before all else that runs on this machine")
    options = parser.parse_args()
    if options.alone and os.getsid(0) != os.getpid():
        # Those who share the shell's session are not lifted with us.
        sys.exit(subprocess.run([sys.executable, *sys.orig_argv[1:]], start_new_session=True, check=False).returncode)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
    try:
        found = measure("ours", options.swarm, ahead=options.ahead, alone=options.alone)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    load = os.getloadavg()[0]
    print(f"load {load:.1f}", *(f"{name} {value:.4g}" for name, value in found.items()), sep=", ")


if __name__ == "__main__":
    main()
