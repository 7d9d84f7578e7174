"""`trisalt status` and `trisalt health`: one screen, one line, and exit statuses that a probe can rely on."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path

import pytest

from trisalt.cli.status import screen
from trisalt.cli.trisalt import main

TOOK = {"count": 3, "p50_ms": 0.5, "p99_ms": 1500.0, "longest_ms": 2000.0}
BUSY = {"pattern": "JobNew", "keep": True, "depth": 64, "waiting": 7, "missed": 0}
IDLE = {"pattern": "Idle", "keep": True, "depth": 64, "waiting": 0, "missed": 0}
FACTS = {
    "daemon": "master",
    "complaints": [],
    "version": "1",
    "pid": 42,
    "uptime_s": 7260,
    "memory_bytes": 63_000_000,
    "loop": {"well": True, **TOOK},
    "minions": {"accepted": 3, "pending": 1, "rejected": 0, "denied": 2, "present": 2, "absent": 1, "unknown": 0},
    "jobs": {"watched": 4, "published": 5},
    "workers": {"busy": 1, "warm": 2, "waiting": 3},
    "store": {"bytes": 1_500_000, "waiting": 0, "took": TOOK},
    "lanes": [
        {"lane": "files", "running": 1, "waiting": 2, "done": 3, "refused": 0, "overtaken": 0, **TOOK},
    ],
    "handlers": [{"request": "PillarRequest", "waiting": 0, **TOOK}],
    "queues": [BUSY, IDLE],
}
SCREEN = """\
master 1, pid 42, up 2 h 1 min: well
minions   2 here, 1 away, of 3 accepted; 1 pending, 0 rejected, 2 denied
jobs      4 watched, 5 published
loop      late by 1.5 s (p99), 2.0 s at most
workers   1 busy, 2 warm, 3 waiting
store     1.5 MB; writes take 0.5 ms, 1.5 s (p99); 0 wait
memory    63.0 MB

lane     running    waiting       done    refused  overtaken        p50        p99
files          1          2          3          0          0     0.5 ms      1.5 s

request            count    waiting        p50        p99    longest
PillarRequest          3          0     0.5 ms      1.5 s      2.0 s

pattern    waiting      depth     missed
JobNew           7         64          0"""


def run(*words):
    try:
        return main(words)
    except SystemExit as exc:
        return exc.code


def test_all_is_on_one_screen(door, capsys):
    door.says([{"status": FACTS}])
    assert run("status", "-c", str(door.config_dir)) == 0
    assert capsys.readouterr().out == SCREEN + "\n"
    assert door.asked == [{"op": "status"}]


def test_the_folder_of_the_configuration_may_stand_before_the_command_too(door, capsys):
    door.says([{"status": FACTS}, {"status": FACTS}])
    assert run("-c", str(door.config_dir), "status") == 0
    assert capsys.readouterr().out == SCREEN + "\n"
    assert run("-c", "/nowhere", "status", "-c", str(door.config_dir)) == 0


@pytest.mark.parametrize("words", [["demo", "--once"], ["completion", "bash"]])
def test_what_reads_no_configuration_takes_no_folder_of_one(words, capsys):
    assert run("-c", "/nowhere", *words) == 64
    assert "reads no configuration: it takes no -c" in capsys.readouterr().err


def test_for_programs_there_is_all_of_it(door, capsys):
    door.says([{"status": FACTS}])
    assert run("status", "--out", "json", "-c", str(door.config_dir)) == 0
    assert json.loads(capsys.readouterr().out) == FACTS


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"complaints": ["a", "b"]}, "master 1, pid 42, up 2 h 1 min: a; b"),
        ({"uptime_s": 59}, "master 1, pid 42, up 59 s: well"),
        ({"uptime_s": 300_000}, "master 1, pid 42, up 3 days: well"),
        ({"minions": {**FACTS["minions"], "present": 0}}, None),
        ({"minions": {"accepted": 1, "pending": 0, "rejected": 0, "denied": 0}}, None),
    ],
)
def test_what_is_not_known_is_left_out(change, line):
    lines = list(screen({**FACTS, **change}))
    assert lines[0] == (line or SCREEN.splitlines()[0])
    if "minions" in change:
        assert ("here" in lines[1]) is ("present" in change["minions"])


@pytest.mark.parametrize(
    ("answer", "status", "out", "err"),
    [
        ([{"status": FACTS}], 0, "master: well\n", ""),
        ([{"status": {**FACTS, "complaints": ["slow", "full"]}}], 1, "master: slow; full\n", ""),
        ([{"error": {"name": "Denied", "message": "You may not"}}], 2, "", "master: You may not\n"),
        ([{"odd": 1}], 2, "", "master: the master answered odd, not status\n"),
        ([], 2, "", "master: The salt master went away before it had answered.\n"),
        ([None], 2, "", "master: no answer within 0.3 s\n"),
    ],
)
def test_a_probe_is_one_line_and_a_status(door, capsys, answer, status, out, err):
    door.says(answer)
    assert run("health", "--timeout", "0.3", "-c", str(door.config_dir)) == status
    assert capsys.readouterr() == (out, err)


def test_minions_of_whom_nothing_is_known_yet_are_counted_apart():
    lines = list(screen({**FACTS, "minions": {**FACTS["minions"], "present": 0, "unknown": 2}}))
    assert lines[1] == "minions   0 here, 1 away, 2 not heard of yet, of 3 accepted; 1 pending, 0 rejected, 2 denied"


@pytest.mark.parametrize(("count", "words"), [(0, "0 returns wait"), (1, "1 return waits"), (2, "2 returns wait")])
def test_returns_that_wait_are_counted_as_one_speaks(count, words):
    assert f"spooled   {words} to be sent" in list(screen({**FACTS, "spooled": count}))


def test_the_screen_of_a_daemon_that_hangs_is_one_line_in_time(door, capsys):
    door.says([None])
    assert run("status", "--timeout", "0.3", "-c", str(door.config_dir)) == 2
    assert capsys.readouterr() == ("", "master: no answer within 0.3 s\n")


def test_a_daemon_that_does_not_run_or_does_not_listen_is_no_answer_in_time(door, capsys):
    Path(door.path).unlink()
    assert run("health", "master", "-c", str(door.config_dir)) == 2
    assert "could not be contacted" in capsys.readouterr().err
    # One that hangs with its backlog full.
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(door.path)
        listener.listen(0)
        first.connect(door.path)
        began = time.monotonic()
        assert run("health", "--timeout", "0.3", "-c", str(door.config_dir)) == 2
        assert time.monotonic() - began < 10
    assert capsys.readouterr().err == "master: no answer within 0.3 s\n"


def test_of_a_minion(door, tmp_path, capsys):
    (door.config_dir / "master").rename(door.config_dir / "minion")
    assert run("health", "-c", str(door.config_dir)) == 2
    assert capsys.readouterr().err.startswith("minion: The salt minion could not be contacted")


@pytest.mark.parametrize("words", [["health", "--timeout", "0"], ["health", "--timeout", "x"], ["status", "syndic"]])
def test_a_wrong_command_line_is_said(words, capsys):
    assert run(*words) == 64
    assert re.search("error: argument", capsys.readouterr().err)
