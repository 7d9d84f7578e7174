"""The execution module `status`: this host as the kernel shows it, and recorded files of /proc."""

import datetime
import os
import socket
import subprocess
import sys
import time

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins


@pytest.fixture
def plugins():
    return Plugins({"id": "m1"}, grains={"kernel": "Linux"})


@pytest.fixture
def proc(salt, monkeypatch):
    """Recorded files of /proc by path, in the place of the machine's."""
    files = {}
    module = sys.modules[salt["status.uptime"].__module__]
    monkeypatch.setattr(module, "_read", files.__getitem__)
    return files


def test_uptime_counts_days_and_hours(salt, proc):
    proc["/proc/uptime"] = "180065.27 1.0\n"
    found = salt["status.uptime"]()
    assert (found["seconds"], found["days"], found["time"]) == (180065, 2, "2:01")
    assert abs(found["since_t"] - (time.time() - 180065)) < 60
    assert datetime.datetime.fromisoformat(found["since_iso"]).tzinfo is None


def test_processors_interrupts_and_the_rest(salt, proc):
    proc["/proc/stat"] = (
        "cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 9 2 3 4 5 6 7 8 0 0\nintr 30 10 0 20\nctxt 5\nbtime 1700000000\nsoftirq 7 3 4\n"
    )
    assert salt["status.cpustats"]() == {
        "cpu": {"user": 1, "nice": 2, "system": 3, "idle": 4, "iowait": 5, "irq": 6, "softirq": 7, "steal": 8},
        "cpu0": 9,
        "intr": {"total": 30, "irqs": [10, 0, 20]},
        "ctxt": 5,
        "btime": 1700000000,
        "softirq": {"total": 7, "softirqs": [3, 4]},
    }


def test_every_protocol_is_counted_to_its_last_number(salt, proc):
    proc["/proc/net/netstat"] = "TcpExt: A B C\nTcpExt: 1 2 3\nIpExt: D\nIpExt: 4\n"
    assert salt["status.netstats"]() == {"TcpExt": {"A": 1, "B": 2, "C": 3}, "IpExt": {"D": 4}}


def test_mounts_with_spaces_in_their_names(salt, proc, tmp_path):
    place = tmp_path / "a b"
    place.mkdir()
    proc["/proc/mounts"] = f"/dev/x {str(place).replace(' ', chr(92) + '040')} ext9 rw 0 0\nproc /nosuch proc rw 0 0\n"
    assert list(salt["status.diskusage"]("ext9")) == [str(place)]
    assert list(salt["status.diskusage"]()) == [str(place)]
    assert list(salt["status.diskusage"](f"{tmp_path}/*")) == [str(place)]
    assert salt["status.diskusage"](str(tmp_path))[str(tmp_path)]["total"] > 0


W = """\
root     pts/0    192.0.2.7        10:01    1.00s  0.04s  0.00s w -h
ann      tty1                      Mon09    2days  0.10s  0.08s -bash --login
"""


def test_who_is_signed_in(salt, monkeypatch, tmp_path):
    (tmp_path / "w").write_text(f"#!/bin/sh\ncat <<'E'\n{W}E\n")
    (tmp_path / "w").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert salt["status.w"]() == [
        {"user": "root", "tty": "pts/0", "login": "10:01", "idle": "1.00s", "jcpu": "0.04s", "pcpu": "0.00s", "what": "w -h"},
        {"user": "ann", "tty": "tty1", "login": "Mon09", "idle": "2days", "jcpu": "0.10s", "pcpu": "0.08s", "what": "-bash --login"},
    ]  # fmt: skip
    assert salt["status.uptime"]()["users"] == 2


def test_processes_and_their_ids(salt):
    with subprocess.Popen(["sleep", "61.25"]) as sleeper:
        try:
            assert salt["status.procs"]()[str(sleeper.pid)]["cmd"] == "sleep 61.25"
            assert salt["status.pid"](r"^sleep 61\.25$") == str(sleeper.pid)
            assert str(os.getpid()) not in salt["status.pid"]("python").splitlines()
        finally:
            sleeper.kill()
    with pytest.raises(CommandError, match="Invalid regular expression"):
        salt["status.pid"]("[")


def test_what_the_configuration_wants_of_all(salt, plugins, caplog):
    plugins.opts |= {
        "status.loadavg.custom": ["1-min", "nosuch"],
        "status.version.custom": ["all"],
        "status.w.custom": ["all"],
        "status.nosuch.custom": ["all"],
    }
    found = salt["status.custom"]()
    assert set(found) == {"1-min", "nosuch", "version", "w"}
    assert found["nosuch"] == "UNKNOWN"
    assert "val nosuch not in return of status.loadavg" in caplog.text


class Host:
    """A minion whose master may not answer; it hears what is fired."""

    def __init__(self):
        self.told, self.silent = [], False

    def call(self, kind, fields):
        if kind == "ask_master":
            assert fields["master"] == "a"
            if self.silent:
                raise CommandError("no answer")
            return ["base"]
        self.told.append((fields["tag"], fields["data"]))
        return True


def test_a_first_master_that_answers_is_told_to_the_minion(salt, plugins, host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert salt["status.ping_master"](f"127.0.0.1:{port}") is True
        plugins.opts["master_port"] = port
        assert salt["status.ping_master"]("127.0.0.1") is True
    assert host.told == [("__master_failback", {"master": name}) for name in (f"127.0.0.1:{port}", "127.0.0.1")]


def test_a_master_that_does_not_answer_is_no_news(salt, plugins, host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        plugins.opts["master_port"] = server.getsockname()[1]
    for name in ("127.0.0.1", "nosuch.invalid", "[::1]:1", "a:b"):
        assert salt["status.ping_master"](name) is False
    assert host.told == []


def test_a_master_without_a_word_is_doubted(salt, host):
    assert salt["status.master"]("a") is None
    assert host.told == []
    host.silent = True
    salt["status.master"]("a", connected=False)
    assert host.told == []
    salt["status.master"]("a")
    assert host.told == [("__master_disconnected", {"master": "a"})]


def test_a_proxy_that_is_down_is_started_again(salt, plugins):
    done = []
    plugins.opts["proxy"] = {"proxytype": "p"}
    proxy = {
        "p.alive": lambda opts: bool(done),
        "p.shutdown": lambda opts: done.append("shutdown"),
        "p.init": lambda opts: done.append("init"),
    }
    plugins.set("__proxy__", proxy)
    assert salt["status.proxy_reconnect"]("p") is True
    assert done == ["shutdown", "init"]
    assert salt["status.proxy_reconnect"]("p") is True
    assert done == ["shutdown", "init"]
    assert salt["status.proxy_reconnect"]("other") is False
