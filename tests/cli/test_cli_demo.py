"""`trisalt demo`: what it writes, what it shows, and that nothing stays behind however it ends."""

import os
import queue
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from trisalt.cli import demo, trisalt
from trisalt.cli.demo_web import DemoWeb
from trisalt.config.read import read_master, read_minion


def test_minions_are_named_by_what_they_could_be():
    assert demo.names(3) == ["web1", "web2", "db1"]
    assert len(set(demo.names(demo.MOST_MINIONS))) == demo.MOST_MINIONS


def test_free_ports_are_free_and_different():
    ports = demo.free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_everything_it_configures_stays_below_its_folder(tmp_path):
    demo.write_configurations(tmp_path, ["web1", "db1"], 4000, 4001, DemoWeb(tmp_path, 4002).options())
    master = read_master(tmp_path / "etc/salt")
    minion = read_minion(tmp_path / "db1/etc/salt")
    for config in (master, minion):
        for name in ("cachedir", "pki_dir", "sock_dir", "pidfile", "extension_modules", "log_file"):
            assert Path(getattr(config, name)).is_relative_to(tmp_path), name
        assert config.warnings == []
    assert Path(master.api_logfile).is_relative_to(tmp_path)
    assert stat.S_IMODE((tmp_path / "console-password").stat().st_mode) == 0o600
    assert (master.publish_port, master.ret_port, master.interface) == (4000, 4001, "127.0.0.1")
    assert (minion.id, minion.grains) == ("db1", {"role": "db"})


@pytest.mark.parametrize(
    ("tag", "data", "shown"),
    [
        ("salt/auth", {"id": "m1", "act": "pend", "pub": "PEM"}, "salt/auth  m1 pend"),
        ("salt/key", {"id": "m1", "act": "accepted"}, "salt/key  m1 accepted"),
        ("salt/minion/m1/start", {}, "salt/minion/m1/start  m1 is ready"),
        ("salt/job/1/new", {"fun": "test.ping", "minions": ["m1", "m2"]}, "salt/job/1/new  test.ping for m1, m2"),
        ("salt/job/1/ret/m1", {"fun": "test.ping", "return": True}, "salt/job/1/ret/m1  test.ping: true"),
        ("salt/job/1/ret/m1", {"fun": "f", "return": "x" * 99}, f'salt/job/1/ret/m1  f: "{"x" * 36}...'),
        ("trisalt/job/1/settled", {"missing": {}}, "trisalt/job/1/settled  all have returned"),
        ("trisalt/job/1/settled", {"missing": {"m1": "x"}}, "trisalt/job/1/settled  missing: m1"),
        ("salt/job/1/publish", {}, None),
        ("minion_start", {}, None),
        ("salt/auth", {}, "salt/auth  None None"),
    ],
)
def test_events_are_shown_on_one_short_line(tag, data, shown):
    assert demo.compact(tag, data) == shown


def test_events_after_the_tour_are_shown_and_not_kept(monkeypatch):
    passing: queue.SimpleQueue = queue.SimpleQueue()
    monkeypatch.setattr(demo, "follow", lambda door: iter(passing.get, None))
    shown: queue.SimpleQueue = queue.SimpleQueue()
    screen = demo.Screen()
    monkeypatch.setattr(screen, "event", shown.put)
    watch = demo.Watch(None, screen)

    def pass_by(id):
        passing.put(("salt/auth", {"id": id, "act": "accept"}))
        assert shown.get(timeout=10) == f"salt/auth  {id} accept"

    pass_by("m1")
    assert watch.count(lambda tag, data: True) == 1
    watch.only_show()
    pass_by("m2")
    assert watch.count(lambda tag, data: True) == 0
    passing.put(None)


def test_commands_are_those_of_this_environment(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    words = demo.of_this_environment("salt-key")
    assert words[0] == sys.executable
    assert "trisalt.cli.salt_key" in words[2]
    ours = tmp_path / "salt-key"
    ours.write_text("#!/bin/sh\n")
    ours.chmod(0o755)
    assert demo.of_this_environment("salt-key") == [str(ours)]
    monkeypatch.setenv("PATH", "/nowhere")
    assert demo.typed("salt-key") == [str(ours)]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo.typed("salt-key") == ["salt-key"]


@pytest.mark.parametrize("words", [["demo", "--minions", "0"], ["demo", "--minions", "x"], [], ["nosuch"]], ids=str)
def test_a_line_that_makes_no_command_is_exit_64(words, capsys):
    with pytest.raises(SystemExit) as exc:
        trisalt.main(words)
    assert exc.value.code == 64
    assert "error" in capsys.readouterr().err


ORPHANS = """
import subprocess, sys
from trisalt.cli.demo import adopt_orphans, end_processes
adopt_orphans()
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
# A child that leaves a deaf grandchild, in a session of its own, and ends.
leaver = (
    "import subprocess, sys; "
    f"p = subprocess.Popen([sys.executable, '-c', {deaf!r}], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, "
    "start_new_session=True); "
    "p.stdout.readline(); print(p.pid)"
)
done = subprocess.run([sys.executable, "-c", leaver], capture_output=True, text=True)
end_processes(0.2)
print(done.stdout)
"""


def test_orphans_that_ignore_being_asked_end_too():
    done = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=60)
    assert not psutil.pid_exists(int(done.stdout)), done.stderr


# -- the whole of it ------------------------------------------------------------------------------------------------


def start(tmp_path, *words):
    """The demo with its temporary folder below `tmp_path`."""
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "trisalt.cli.trisalt", "demo", *words],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left(tmp_path):
    """Files, and processes that name the folder on their command line or stand in it."""
    processes = []
    for process in psutil.process_iter():
        try:
            if str(tmp_path) in " ".join(process.cmdline()):
                processes.append(process)
        except psutil.Error:
            continue
    return list(tmp_path.iterdir()), processes


def short(factory):
    """A temporary folder whose path leaves room for socket files."""
    return Path(factory.mktemp("d", numbered=True))


@pytest.mark.whole
def test_the_tour_succeeds_and_leaves_nothing(tmp_path_factory):
    folder = short(tmp_path_factory)
    with start(folder, "--once", "--minions", "2") as process:
        out, _err = process.communicate(timeout=110)
    assert process.returncode == 0, out
    pinged = "signed demo in; test.ping by its API: web1, web2 answered"
    for shown in ("salt-key -L", "web1:\n    True\n", "web2:\n    True\n", "saltutil.find_job for", pinged):
        assert shown in out
    assert "\x1b" not in out
    assert left(folder) == ([], [])


@pytest.mark.whole
@pytest.mark.parametrize(
    ("signum", "after", "status"),
    [(signal.SIGTERM, "test.sleep for", 143), (signal.SIGINT, "Ctrl-C ends it", 0), (signal.SIGINT, "$ salt-key", 130)],
    ids=["sigterm in a job", "ctrl-c at the end", "ctrl-c in the tour"],
)
def test_a_signal_ends_it_and_leaves_nothing(tmp_path_factory, signum, after, status):
    folder = short(tmp_path_factory)
    with start(folder, "--minions", "1") as process:
        for line in process.stdout:
            if after in line:
                break
        process.send_signal(signum)
        began = time.monotonic()
        process.stdout.read()
        assert process.wait(60) == status
    assert time.monotonic() - began < 20
    assert left(folder) == ([], [])


@pytest.mark.whole
def test_a_failure_says_what_and_leaves_nothing(tmp_path_factory):
    folder = short(tmp_path_factory)
    # Somebody else has come to listen on one of the ports.
    code = (
        "import socket, sys; from trisalt.cli import demo; ports = demo.free_ports\n"
        "taken = socket.create_server(('127.0.0.1', 0)); port = taken.getsockname()[1]\n"
        "demo.free_ports = lambda count: [port, *ports(count - 1)]; sys.exit(demo.run_demo(once=True))"
    )
    env = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "The demo failed: master ended with status" in done.stdout
    assert "in use" in done.stdout
    assert "--keep" in done.stdout
    assert left(folder) == ([], [])


def test_a_long_folder_for_temporary_files_is_not_used(monkeypatch):
    for folder, used in (("/var/tmp", "/var/tmp"), ("/var/folders/" + "x" * 40, "/tmp")):
        monkeypatch.setattr("tempfile.gettempdir", lambda folder=folder: folder)
        assert demo._temporary() == used
