"""The execution module `ps`: real processes, found, shown and ended."""

import os
import signal
import subprocess
import sys

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins


@pytest.fixture
def salt():
    return Plugins({"id": "m1"}).loader("modules")


@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "62.75"], env={**os.environ, "SECRET": "correct-horse"}) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_process_is_found_by_name_and_by_its_whole_line(salt, sleeper):
    assert sleeper.pid in salt["ps.pgrep"]("slee")
    assert salt["ps.pgrep"]("62.75") is None
    assert salt["ps.pgrep"]("62.75", full=True) == [sleeper.pid]
    assert salt["ps.pgrep"]("62.7[56]", full=True) is None
    assert salt["ps.pgrep"]("62.7[56]$", full=True, pattern_is_regex=True) == [sleeper.pid]
    assert salt["ps.pgrep"]("62.75", user="nobody", full=True) is None
    with pytest.raises(CommandError, match="Invalid regular expression"):
        salt["ps.pgrep"]("[", pattern_is_regex=True)


def test_a_process_is_ended_by_pattern_and_by_id(salt, sleeper):
    assert salt["ps.pkill"]("62.75", full=True) == {"killed": [sleeper.pid]}
    assert sleeper.wait(10) == -signal.SIGTERM
    with subprocess.Popen(["sleep", "63.75"]) as other:
        assert salt["ps.kill_pid"](other.pid, 9) is True
        assert other.wait(10) == -signal.SIGKILL
    assert salt["ps.kill_pid"](other.pid) is False


def test_who_kills_is_not_killed(salt):
    assert os.getpid() not in (salt["ps.pgrep"](sys.executable, full=True) or [])
    with pytest.raises(CommandError, match="A pattern is needed"):
        salt["ps.pkill"]("")


def test_a_process_is_shown_without_its_environment_unless_it_is_asked_for(salt, sleeper):
    found = salt["ps.proc_info"](sleeper.pid)
    assert found["cmdline"] == ["sleep", "62.75"]
    assert "correct-horse" not in repr(found)
    assert salt["ps.proc_info"](sleeper.pid, ["environ"])["environ"]["SECRET"] == "correct-horse"
    with pytest.raises(CommandError, match="invalid attr name 'nosuch'"):
        salt["ps.proc_info"](sleeper.pid, ["nosuch"])


def test_its_line_of_ps(salt, sleeper):
    name, rows, count = salt["ps.psaux"](r"sleep 62\.75")
    assert (name, count) == (r"sleep 62\.75", "1 occurrence(s).")
    assert rows[0].split()[1] == str(sleeper.pid)


def test_the_busiest_come_first(salt, sleeper):
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            rows = salt["ps.top"](100000, 0.5)
        finally:
            busy.kill()
    pids = [row["pid"] for row in rows]
    assert pids.index(busy.pid) < pids.index(sleeper.pid)
    assert set(rows[0]) == {"cmd", "user", "status", "pid", "create_time", "cpu", "mem"}
    assert len(salt["ps.top"](3, 0)) == 3
    with pytest.raises(CommandError, match="interval must be a number"):
        salt["ps.top"](3, "soon")


def test_a_program_that_is_not_there_is_named(salt, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("lsof", "netstat", "ss"):
        with pytest.raises(CommandError, match=f"'{name}' cannot be found"):
            salt[f"ps.{name}"]("x")


def test_connections_of_a_program(salt, monkeypatch, tmp_path):
    for name in ("netstat", "ss", "lsof"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $* a"\necho other\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert salt["ps.netstat"]("a") == ["a", ["netstat -nap a"]]
    assert salt["ps.ss"](" a") == [" a", ["ss -neap a"]]
    assert salt["ps.lsof"]("x") == ["x", "lsof -c x a\nother"]
