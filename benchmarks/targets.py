"""Ten thousand minions in the store: the CPU a target of each kind takes, and what the first look after a start does.

python -m benchmarks.targets [--minions 10000]
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
import psutil
import trio

from benchmarks.measure import Row, table
from trisalt.config.minion import MinionConfig
from trisalt.config.read import read_minion
from trisalt.loader.grains import gather
from trisalt.master.keyring import Keyring
from trisalt.master.minions import Minions
from trisalt.store.sqlite import open_store

LIMIT_MS = 100.0
COUNT = 10_000
FIRST = "the first look after a start"
SYSTEMS = [("Debian", ["11.9", "12.4", "13.1"]), ("Ubuntu", ["22.04", "24.04"]), ("Rocky", ["9.3"])]
NODEGROUPS = {"web": "G@roles:web and not G@osarch:arm64", "east": ["E@m0[0-4].*"], "both": "N@web and N@east"}
TARGETS = [
    ("glob", "m00*"),
    ("pcre", r"m0\d+5"),
    ("list", ",".join(f"m{number:05}" for number in range(0, 2000, 2))),
    ("grain", "os:Debian"),
    ("grain", "ip4_interfaces:eth0:10.1.*"),
    ("grain_pcre", "osrelease:1[12]"),
    ("pillar", "app:tier:front"),
    ("pillar_pcre", "app:version:2[.].*"),
    ("ipcidr", "10.7.0.0/16"),
    ("nodegroup", "both"),
    ("compound", "( G@os:Debian and S@10.0.0.0/9 ) or I@app:tier:back and not E@m.*7 or P@kernelrelease:6.*"),
]


def minion(number: int, grains: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Grains and pillar of one: this host's, with what differs from host to host drawn anew."""
    draw = random.Random(number)
    mine = copy.deepcopy(grains)
    os, releases = draw.choice(SYSTEMS)
    address = f"10.{number >> 8 & 255}.{number & 255}.{draw.randrange(1, 255)}"
    mac = ":".join(f"{draw.randrange(256):02x}" for _ in range(6))
    mine |= {
        "id": f"m{number:05}",
        "host": f"m{number:05}",
        "fqdn": f"m{number:05}.example.com",
        "os": os,
        "osrelease": draw.choice(releases),
        "osarch": draw.choice(["amd64", "amd64", "arm64"]),
        "kernelrelease": f"{draw.choice([5, 6])}.{draw.randrange(20)}.0",
        "ipv4": ["127.0.0.1", address],
        "ip4_interfaces": {"lo": ["127.0.0.1"], "eth0": [address]},
        "ip_interfaces": {"lo": ["127.0.0.1"], "eth0": [address]},
        "hwaddr_interfaces": {"lo": "00:00:00:00:00:00", "eth0": mac},
        "machine_id": f"{draw.getrandbits(128):032x}",
        "uuid": f"{draw.getrandbits(128):032x}",
        "mem_total": draw.choice([2048, 4096, 8192, 16384]),
        "roles": draw.sample(["web", "db", "cache", "mail"], draw.randrange(1, 3)),
    }
    pillar = {
        "app": {"tier": draw.choice(["front", "back"]), "version": f"{draw.randrange(1, 4)}.{draw.randrange(9)}"},
        "users": {f"user{n}": {"uid": 1000 + n, "shell": "/bin/bash"} for n in range(20)},
        "secret": f"{draw.getrandbits(256):064x}",
    }
    return mine, pillar


async def measure(folder: Path, count: int) -> list[Row]:
    """Fill a store, open it anew, and look."""
    config: MinionConfig = read_minion(folder, {"id": "bench"})
    grains = json.loads(json.dumps(gather(config.opts), default=str))
    keyring = Keyring(folder / "pki")
    keyring.prepare()
    for number in range(count):
        (folder / "pki" / "minions" / f"m{number:05}").touch()
    async with open_store(folder / "trisalt.db") as store:
        for start in range(0, count, 500):
            made = {f"m{number:05}": minion(number, grains) for number in range(start, min(start + 500, count))}
            await store.banks.store_all(
                {bank: {id: each[part] for id, each in made.items()} for part, bank in enumerate(("grains", "pillar"))}
            )
    size = (folder / "trisalt.db").stat().st_size
    print(f"{count} minions, {size / count / 1024:.1f} KiB of grains and pillar each", file=sys.stderr)
    rows = []
    async with open_store(folder / "trisalt.db") as store:
        minions = Minions(keyring, store.banks, pki_dir=folder / "pki", nodegroups=lambda: NODEGROUPS)
        before = psutil.Process().memory_info().rss
        began = time.process_time()
        await minions.prepare()
        took = (time.process_time() - began) * 1000
        held = (psutil.Process().memory_info().rss - before) / 1024 / 1024
        what = "what the master reads in the background after a start"
        rows.append(Row(what=what, ours=took, stock=None, unit="ms", limit=1000))
        rows.append(Row(what="memory it takes", ours=held, stock=None, unit="MiB", limit=256))
        took, _found = await timed(minions, "I@app:tier:front and G@os:Debian", "compound")
        rows.append(Row(what=FIRST, ours=took, stock=None, unit="ms", limit=LIMIT_MS))
        for kind, tgt in TARGETS:
            best = min([await timed(minions, tgt, kind) for _ in range(3)])
            shown = tgt if len(tgt) < 40 else f"{tgt[:40]}…"
            what = f"{kind} `{shown}`: {best[1]} of {count}"
            rows.append(Row(what=what, ours=best[0], stock=None, unit="ms", limit=LIMIT_MS))
        for number in range(100):
            id = f"m{number:05}"
            await store.banks.store("grains", id, {"os": "Plan9", **minion(number, grains)[0]})
        took, _found = await timed(minions, "os:Debian", "grain")
        what = "grain, after a hundred minions came with new grains"
        rows.append(Row(what=what, ours=took, stock=None, unit="ms", limit=LIMIT_MS))
    return rows


def all_rows(count: int = COUNT) -> list[Row]:
    """The first look, and a row for each kind of target."""
    with tempfile.TemporaryDirectory(prefix="tri-") as folder:
        return trio.run(measure, Path(folder), count)


def rows() -> list[Row]:
    """The first look after a start, and the kind of target that takes longest."""
    looks = [row for row in all_rows() if row.limit == LIMIT_MS]
    (first,) = (row for row in looks if row.what == FIRST)
    slowest = max(looks, key=lambda row: row.ours)
    among = f"whom a target names among {COUNT:,} minions, CPU"
    return [
        attrs.evolve(first, what=f"{among}; {FIRST}"),
        attrs.evolve(slowest, what=f"{among}; slowest: {slowest.what}"),
    ]


async def timed(minions: Minions, tgt: str, kind: str) -> tuple[float, int]:
    """Milliseconds of CPU, all threads together, and how many minions the target names."""
    start = time.process_time()
    found, _missing = await minions.resolve(tgt, kind)
    return (time.process_time() - start) * 1000, len(found)


def main() -> int:
    """Print a Markdown table; 1 when a row is not held."""
    parser = argparse.ArgumentParser(prog="benchmarks.targets", description=__doc__)
    parser.add_argument("--minions", type=int, default=COUNT)
    options = parser.parse_args()
    found = all_rows(options.minions)
    print(table(found))
    return 0 if all(row.holds for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
