"""What the store remembers: durable returns, looking jobs up, listing them, and a million returns under a cap.

Stock Salt's job cache is asked in the same run, through its own returner, in a process of stock's Python. It writes
files and does not sync them; ours are durable before they are acknowledged, and in the event log, too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio

from benchmarks.measure import Row
from tests.support.lab import open_lab, stock_bin
from trisalt.bus.event import Origin
from trisalt.bus.events import JobReturned
from trisalt.client.door import Door
from trisalt.client.operations import runner
from trisalt.loader.dunders import Plugins
from trisalt.master.retention import keep_size
from trisalt.store.listed import Wanted
from trisalt.store.sqlite import SqliteStore, open_store
from trisalt.store.store import NewReturn
from trisalt.worker import upcall

MINIONS = 1000
JOBS = 100_000
STOCK_JOBS = 3000
MILLION = 1_000_000
TOGETHER = 1000
CAP = 320 * 1024 * 1024

STOCK = """
import json, sys, time
import salt.config, salt.returners.local_cache as cache, salt.utils.jid
opts = salt.config.master_config(None)
opts["cachedir"] = sys.argv[1]
cache.__opts__ = opts
minions, jobs = int(sys.argv[2]), int(sys.argv[3])
def load(jid):
    return {"jid": jid, "fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""}
jids = []
for n in range(jobs):
    jid = f"{20261122000000000000 + n}"
    jids.append(jid)
    cache.prep_jid(passed_jid=jid)
    cache.save_load(jid, load(jid), minions=["m1"])
jid = jids[-1]
began = time.perf_counter()
for n in range(minions):
    cache.returner({"jid": jid, "id": f"minion-{n}", "return": True, "retcode": 0, "success": True, "fun": "test.ping"})
returned = time.perf_counter()
assert len(cache.get_jid(jid)) == minions
looked = time.perf_counter()
assert len(cache.get_jids()) == jobs
listed = time.perf_counter()
costs = {"return": (returned - began) / minions, "lookup": looked - returned, "list": (listed - looked) / jobs}
print(json.dumps(costs))
"""


def _stock(folder: Path) -> dict[str, float] | None:
    """Seconds for one return, for looking up one job, and for each job of a list."""
    commands = stock_bin()
    if commands is None:
        return None
    argv = [str(commands / "python"), "-c", STOCK, str(folder), str(MINIONS), str(STOCK_JOBS)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _jid(number: int) -> str:
    return f"{20261122000000000000 + number}"


def _load(jid: str) -> dict[str, Any]:
    return {"jid": jid, "fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""}


def _returns(jid: str, ids: range) -> list[NewReturn]:
    body = {"return": True, "retcode": 0, "success": True}
    rows = []
    for n in ids:
        id = f"minion-{n}"
        told = JobReturned(id=id, jid=jid, fun="test.ping", fun_args=[], result=True, origin=Origin("minion", id))
        rows.append(NewReturn(jid=jid, id=id, body=body, load=None if rows else _load(jid), events=[told]))
    return rows


async def _each_alone(store: SqliteStore) -> float:
    """Returns a second when each comes alone, from a thousand minions at a time."""
    rounds = 5

    async def minion(number: int) -> None:
        for one in range(rounds):
            await store.jobs.record_returns(_returns(_jid(one), range(number, number + 1)))

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for number in range(MINIONS):
            nursery.start_soon(minion, number)
    return rounds * MINIONS / (time.perf_counter() - began)


async def _fastest(work: Callable[[], Awaitable[Any]]) -> float:
    costs = []
    for _ in range(5):
        began = time.perf_counter()
        await work()
        costs.append(time.perf_counter() - began)
    return min(costs)


async def _looked_up(store: SqliteStore) -> float:
    async def look() -> None:
        assert await store.jobs.entry(_jid(0)) is not None
        assert len(await store.jobs.returns(_jid(0))) == MINIONS

    return await _fastest(look)


async def _listed(store: SqliteStore, folder: Path) -> tuple[float, float, float, float]:
    """Seconds for the newest hundred of so many jobs, for those of one function, for all of them, as told, and for all
    of them packed, as they travel."""
    for start in range(100, JOBS, TOGETHER):
        async with trio.open_nursery() as nursery:
            for number in range(start, start + TOGETHER):
                nursery.start_soon(store.jobs.record_job, _load(_jid(number)), ["m1"])
    newest = await _fastest(partial(store.jobs.page, Wanted(), limit=100))
    searched = await _fastest(partial(store.jobs.page, Wanted(functions=["state.*"]), limit=100))
    # As a worker has it.
    runners = Plugins({"cachedir": str(folder)}).loader("runners")

    async def told() -> None:
        assert len(runners["jobs.list_jobs"]()) >= JOBS

    async def packed() -> None:
        assert len(runners["jobs.list_jobs"]().data) > 100 * JOBS

    as_told = await _fastest(told)
    upcall.take_packed(True)
    try:
        return newest, searched, as_told, await _fastest(packed)
    finally:
        upcall.take_packed(False)


def _answered(folder: Path) -> float:
    """Seconds from the question at the local door until its whole answer is there, unpacked: what a command waits."""
    with open_lab() as lab:
        lab.start_master().stop()
        (kept,) = lab.master_dir().rglob("trisalt.db")
        for file in kept.parent.glob("trisalt.db*"):
            file.unlink()
        shutil.copy(folder / "trisalt.db", kept)
        lab.start_master()
        (door,) = lab.master_dir().rglob("master.sock")
        costs = []
        for _ in range(5):
            began = time.perf_counter()
            with runner(Door(str(door)), "jobs.list_jobs", timeout=60) as run:
                assert len(run.wait()["return"]) >= JOBS
            costs.append(time.perf_counter() - began)
        return min(costs)


async def _million(folder: Path) -> tuple[float, float]:
    """Megabytes of the file after a million returns while it is kept under its cap, and the slowest write meanwhile."""
    slowest = 0.0
    async with open_store(folder / "million.db") as store, trio.open_nursery() as nursery:
        await nursery.start(partial(keep_size, store, keep_events_seconds=0, store_max_bytes=CAP))
        for number in range(MILLION // TOGETHER):
            began = time.perf_counter()
            await store.jobs.record_returns(_returns(_jid(number), range(TOGETHER)))
            slowest = max(slowest, time.perf_counter() - began)
        size = (await store.size()).file / 1e6
        nursery.cancel_scope.cancel()
    return size, slowest


async def _ours(folder: Path) -> tuple[float, ...]:
    async with open_store(folder / "trisalt.db") as store:
        returns = await _each_alone(store)
        looked = await _looked_up(store)
        told = await _listed(store, folder)
    answered = await trio.to_thread.run_sync(_answered, folder)
    return returns, looked, *told, answered, *await _million(folder)


def rows() -> list[Row]:
    """Ours beside stock's job cache."""
    with tempfile.TemporaryDirectory(prefix="tri-log-") as name:
        stock = _stock(Path(name) / "stock")
        returns, looked, newest, searched, told, packed, answered, size, slowest = trio.run(_ours, Path(name))
    return [
        Row(
            what=f"a durable return, each alone from {MINIONS} minions (stock: files, not synced)",
            ours=1 / returns,
            stock=None if stock is None else stock["return"],
            unit="s each",
            limit=1 / 2 if stock else 1 / 2000,
        ),
        Row(what=f"a job of {MINIONS} minions is looked up", ours=looked, stock=None, unit="s", limit=0.05),
        Row(
            what="the same, beside stock's",
            ours=looked,
            stock=None if stock is None else stock["lookup"],
            unit="s",
            limit=1 / 10 if stock else 0.05,
        ),
        Row(what=f"the newest hundred of {JOBS:,} jobs are listed", ours=newest, stock=None, unit="s", limit=0.3),
        Row(
            what=f"of {JOBS:,} jobs those of one function (stock: its list of {STOCK_JOBS:,}, extrapolated)",
            ours=searched,
            stock=None if stock is None else stock["list"] * JOBS,
            unit="s",
            limit=1 / 10 if stock else 0.3,
        ),
        Row(what=f"all of {JOBS:,} jobs, as the runner tells them", ours=told, stock=None, unit="s", limit=0.3),
        Row(what="the same, packed, as they are answered to a command", ours=packed, stock=None, unit="s", limit=0.3),
        Row(what="the same, until a command has all of them, unpacked", ours=answered, stock=None, unit="s", limit=1.0),
        Row(
            what=f"{MILLION:,} returns and their events in one file kept under {CAP / 1e6:.0f} MB",
            ours=size,
            stock=None,
            unit="MB",
            limit=CAP / 1e6,
        ),
        Row(what=f"the slowest write of {TOGETHER} returns meanwhile", ours=slowest, stock=None, unit="s", limit=0.5),
    ]
