"""The event log of a real master, shipped by real commands, both of which are killed at any moment."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from tests.support.lab import OURS, open_lab
from trisalt.wire.frames import pack_event, pack_pull

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

KILLS = 10
BURST = 20


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master(level="warning")
        yield lab


class Fire:
    """Somebody who fires events at the master's socket all the time, also at the next master's."""

    def __init__(self, path, filling=300):
        self._path = path
        self._filling = "x" * filling
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._over.set()
        self._thread.join(20)

    def _run(self):
        number = 0
        while not self._over.wait(0.02):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as pull:
                pull.connect(self._path)
                while not self._over.wait(0.005):
                    events = [
                        pack_event("fired", {"n": n, "filling": self._filling}) for n in range(number, number + BURST)
                    ]
                    pull.sendall(b"".join(map(pack_pull, events)))
                    number += BURST


def logged(lab):
    """`(number, tag)` of all that is in the log."""
    connection = sqlite3.connect(lab.master_dir() / "cache" / "trisalt.db")
    try:
        return connection.execute("SELECT number, tag FROM events ORDER BY number").fetchall()
    finally:
        connection.close()


def test_a_shipper_and_its_master_killed_again_and_again_have_the_log_without_hole_or_double(lab, tmp_path):
    file, cursor = tmp_path / "events.ndjson", tmp_path / "cursor"
    words = ["--cursor", str(cursor), "--out-file", str(file), "--format", "ndjson"]
    command = [str(OURS / "salt-run"), "-c", str(lab.master_dir()), "state.event", *words]
    draw = random.Random(4)
    with Fire(str(lab.master_dir() / "run" / "master_event_pull.ipc")):
        for kill in range(KILLS):
            before = file.stat().st_size if file.exists() else 0
            with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=lab.env) as shipper:
                if kill == 5:
                    # The shipper waits for its master, and is at it again.
                    lab.restart("master", signal.SIGKILL)
                lab.wait(lambda: file.exists() and file.stat().st_size != before, "something shipped", 20)  # noqa: B023
                time.sleep(draw.uniform(0, 0.1))
                shipper.kill()
    lab.wait(lambda: (lab.master_dir() / "run" / "master.sock").exists(), "the door")
    done = lab.run("salt-run", "state.event", *words, "--until", "now")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    shipped = [json.loads(line) for line in file.read_text().splitlines()]
    log = logged(lab)
    assert len(log) > 20 * BURST
    last = shipped[-1]["number"]
    assert [(event["number"], event["tag"]) for event in shipped] == [row for row in log if row[0] <= last]
    assert last >= log[-1][0] - 1
    # The log itself: each event that was fired once at most, in its order, and what one master was killed with is gone.
    fired = [event["data"]["n"] for event in shipped if event["tag"] == "fired"]
    assert fired == sorted(set(fired))


def test_a_follower_that_stops_reading_for_a_while_misses_nothing(lab):
    command = [str(OURS / "salt-run"), "-c", str(lab.master_dir()), "state.event", "fired", "--format", "ndjson"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=lab.env) as follower:
        with Fire(str(lab.master_dir() / "run" / "master_event_pull.ipc"), filling=8000):
            first = json.loads(follower.stdout.readline())["number"]
            # Far more than the pipe, the socket and the master hold for it.
            lab.wait(lambda: logged(lab)[-1][0] > first + 1500, "a flood", 30)
        numbers = [first]
        wanted = [number for number, tag in logged(lab) if number >= first and tag == "fired"]
        while numbers[-1] < wanted[-1]:
            numbers.append(json.loads(follower.stdout.readline())["number"])
        follower.kill()
    assert numbers == wanted
