"""A disk that is really full, and a daemon that dies under a job that still has questions."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress

import pytest

from tests.support.lab import OURS, open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

ASKING = """
import os, time
from pathlib import Path

def slowly(mark, go):
    Path(mark).write_text(str(os.getpid()))
    while not Path(go).exists():
        time.sleep(0.05)
    return {"fired": __salt__["event.send"]("site/asked", {"by": "an orphan"}),
            "mine": __salt__["mine.get"]("m1", "site"), "here": __grains__["id"]}
"""


@contextmanager
def small_disk(place):
    """A file system of 64 MB at `place`, none of it kept back for root. Who may mount none skips: CI is root."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place.mkdir(parents=True)
    image = place.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place):
    """Fill a file system to its last block; the file that does."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1024, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
                    os.fsync(file.fileno())
    return ballast


def test_a_full_disk_of_the_master_loses_no_return():
    with open_lab() as lab, small_disk(lab.root / "master/cache"):
        cache = lab.root / "master/cache"
        master = lab.start_master(timeout=2, gather_job_timeout=2)
        lab.start_minion("m1")
        lab.accept("m1")
        go = lab.root / "go"
        # More than what the store has laid out for itself on the disk.
        big = f"until [ -e {go} ]; do sleep 0.1; done; head -c 7000000 /dev/zero | tr '\\0' x"
        done = lab.run("salt", "--async", "m1", "cmd.run", big)
        jid = done.stdout.split()[-1]
        ballast = fill(cache)
        go.touch()
        lab.wait(lambda: "cannot write" in master.text(), "the master to say so", 20)
        assert (lab.root / "m1/cache/spool" / jid).exists()
        # Small ones are taken as long as there is room laid out.
        small = lab.run("salt", "m1", "cmd.run", "echo x")
        assert (small.returncode, small.stdout.split()) == (0, ["m1:", "x"])
        assert "Traceback" not in small.stderr + master.text()
        ballast.unlink()
        lab.wait(lambda: lab.salt("m1", "test.ping") == {"m1": True}, "the master to write again", 30)
        lab.wait(lambda: not (lab.root / "m1/cache/spool" / jid).exists(), "the return to be home", 40)
        shown = lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout
        assert shown.count("x") >= 7_000_000


def test_a_full_disk_of_the_minion_takes_no_job_that_it_could_forget():
    with open_lab() as lab, small_disk(lab.root / "m1/cache"):
        lab.start_master(timeout=2, gather_job_timeout=2)
        cache = lab.root / "m1/cache"
        minion = lab.start_minion("m1")
        lab.accept("m1")
        ballast = fill(cache)
        assert lab.salt("m1", "test.ping") == {"m1": True}
        assert "No space left on device" in lab.salt("m1", "cmd.run", "echo x")["m1"]
        health = [str(OURS / "trisalt"), "health", "minion", "-c", str(lab.root / "m1")]
        told = subprocess.run(health, capture_output=True, text=True, env=lab.env, timeout=30)
        assert (told.returncode, told.stdout.partition(" (")[0]) == (
            1,
            f"minion: nothing can be written to {cache}/spool",
        )
        ballast.unlink()
        assert (
            subprocess.run(health, capture_output=True, text=True, env=lab.env, timeout=30).stdout == "minion: well\n"
        )
        assert lab.salt("m1", "cmd.run", "echo y") == {"m1": "y"}
        assert "Traceback" not in minion.text(), minion.tail(80)


def test_a_job_that_lost_its_daemon_has_its_questions_answered_by_the_next(tmp_path):
    mark, go = tmp_path / "mark", tmp_path / "go"
    with open_lab() as lab:
        lab.start_master(timeout=2, gather_job_timeout=2)
        modules = lab.root / "m1/cache/extmods/modules"
        modules.mkdir(parents=True)
        (modules / "asking.py").write_text(ASKING)
        lab.start_minion("m1", extension_modules=str(modules.parent))
        lab.accept("m1")
        lab.salt("m1", "mine.send", "site", "mine_function=grains.get", "id")
        jid = lab.run("salt", "--async", "m1", "asking.slowly", str(mark), str(go)).stdout.split()[-1]
        lab.wait(lambda: mark.exists() and mark.read_text(), "the job to run", 30)
        pid = int(mark.read_text())
        os.kill(lab.daemons["m1"].pid, 9)
        lab.daemons["m1"].process.wait(10)
        os.kill(pid, 0)  # it lives on
        lab._start("m1", "ours", "salt-minion", lab.root / "m1", "info")
        lab.wait_up("m1")
        go.touch()

        def home():
            done = lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json")
            return "m1" in done.stdout and done.stdout

        lab.wait(home, "its return", 30)
        assert '"fired": true' in home()
        assert '"here": "m1"' in home()
