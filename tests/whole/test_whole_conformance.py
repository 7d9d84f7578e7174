"""Our master against the probes of the swarm: every check of the wire, and hostile peers. No FAIL, no WEAK, no SKIP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lab import open_lab

# The probes lie beside this repository, and change there alone.
SWARM = Path(__file__).resolve().parents[2].parent / "shared" / "tools" / "swarm.py"
pytestmark = [
    pytest.mark.whole,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not SWARM.is_file() and not os.environ.get("CI"), reason=f"the probes are not part of this repository: {SWARM}"
    ),
]


@pytest.fixture(scope="module")
def probes(tmp_path_factory):
    """What each check said: name -> its row."""
    assert SWARM.is_file(), f"the probes are not there: {SWARM}"
    report = tmp_path_factory.mktemp("swarm") / "report.json"
    with open_lab() as lab:
        lab.start_master(id="probed_master")
        folder = lab.master_dir()
        argv = [
            *(sys.executable, str(SWARM), "--check", "--hostile", "--rotate", "--quiet"),
            *("--ret-port", str(lab.ret_port)),
            *("--master-id", "probed_master"),
            *("--root-key-file", str(folder / "cache/.root_key")),
            *("--event-sock", str(folder / "run/master_event_pub.ipc")),
            *("--pki-dir", str(folder / "pki")),
            *("--cache-dir", str(folder / "cache")),
            *("--key-dir", str(lab.root / "keys")),
            *("--json", str(report)),
        ]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False)
        assert report.exists(), f"the probes ended with {done.returncode}\n{done.stdout}{done.stderr}\n{lab.tails()}"
        rows = json.loads(report.read_text())["checks"]
        bad = [row["name"] for row in rows if row["status"] != "PASS"]
        if bad:
            print(lab.tails())
    return {row["name"]: row for row in rows}


def _names():
    """The checks there are, so that each is a test of its own; one that says so when they cannot be asked for."""
    done = subprocess.run([sys.executable, str(SWARM), "--list-checks"], capture_output=True, text=True, check=False)
    return [line.split()[0] for line in done.stdout.splitlines() if line.strip()] or ["no-checks"]


@pytest.mark.parametrize("name", _names())
def test_the_master_passes(probes, name):
    row = probes[name]
    assert row["status"] == "PASS", f"{row['status']}: {row['text']}: {row['detail']}"


def test_no_check_was_left_out(probes):
    assert sorted(probes) == sorted(_names())
    assert len(probes) >= 71
