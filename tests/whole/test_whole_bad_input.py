"""What an operator gets wrong, and what they are told: one clear line, a status of its own, and never a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import time

import pytest
import yaml

from tests.support.lab import OURS, free_ports, open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lab():
    """A master and a minion that work."""
    with open_lab() as lab:
        # Whatever Python has to say is to be seen.
        lab.env.pop("PYTHONWARNINGS")
        lab.start_master(timeout=2, gather_job_timeout=2)
        lab.start_minion("m1")
        lab.accept("m1")
        yield lab


@pytest.fixture
def bench():
    """A lab in which nothing runs yet."""
    with open_lab() as lab:
        lab.env.pop("PYTHONWARNINGS")
        yield lab


def run(lab, program, *args, folder=None, seconds=30, **how):
    """Run a command with the configuration of `folder` (the master's) to its end."""
    argv = [OURS / program, "-c", folder or lab.master_dir(), *args]
    how.setdefault("stdin", subprocess.DEVNULL)
    how.setdefault("capture_output", True)
    return subprocess.run(argv, text=True, timeout=seconds, env=lab.env, check=False, **how)


def clean(text):
    """Whether nothing of Python's own is in it."""
    return "Traceback" not in text and "Warning:" not in text and "Exception" not in text


def write(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


# -- flags and words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("salt", 42, "Cannot execute command without defining a target."),
        ("salt *", 42, "Incomplete options passed."),
        ("salt --nosuch * test.ping", 64, "salt: error: no such option: --nosuch"),
        ("salt -t soon * test.ping", 64, "salt: error: option -t: invalid integer value: 'soon'"),
        ("salt -L -G a test.ping", 64, "salt: error: The options --list/--grain are mutually exclusive."),
        ("salt -C (m1 test.ping", 64, "this parenthesis is not closed, at character 1 of '(m1'"),
        ("salt --out nosuch m1 test.ping", 0, "[ERROR   ] Invalid outputter nosuch specified, fall back to nested"),
        ("salt m1 test.nosuch", 1, "ERROR: Minions returned with non-zero exit code"),
        ("salt nobody test.ping", 2, "ERROR: No return received"),
        ("salt-run --nosuch", 64, "salt-run: error: no such option: --nosuch"),
        ("salt-run nosuch.fun", 1, ""),
        ("salt-run jobs.lookup_jid", 1, ""),
        ("salt-run error.error ValueError boo", 1, ""),
        ("salt-run salt.cmd nosuch.fun", 1, ""),
        ("salt-run salt.cmd test.retcode 42", 42, ""),
        ("salt-run survey.hash", 1, ""),
        ("salt-call", 64, "salt-call: error: Requires function, --grains or --doc"),
        ("salt-key -a", 64, "salt-key: error: -a option requires 1 argument"),
        ("salt-key -y -a nosuch", 1, "Nothing was accepted."),
        ("salt-master --nosuch", 64, "salt-master: error: no such option: --nosuch"),
        ("salt-master -l loud", 64, "salt-master: error: option -l: invalid choice: 'loud'"),
        ("salt-minion extra", 64, "salt-minion: error: unexpected argument: extra"),
    ],
)
def test_a_wrong_command_line_is_told_on_stderr(lab, command, status, said):
    program, *args = command.split()
    done = run(lab, program, *args)
    assert (done.returncode, said in done.stderr) == (status, True), f"{done.stdout}{done.stderr}"
    assert clean(done.stderr)
    assert len(done.stderr.strip().splitlines()) <= 3


# -- configuration ---------------------------------------------------------------------------------------------------

COMMANDS = [
    ("salt-master", "master", ()),
    ("salt-minion", "minion", ()),
    ("salt", "master", ("*", "test.ping")),
    ("salt-run", "master", ("jobs.list_jobs",)),
    ("salt-key", "master", ("-L",)),
    ("salt-call", "minion", ("test.ping",)),
]


@pytest.mark.parametrize(("program", "name", "args"), COMMANDS, ids=[row[0] for row in COMMANDS])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("interface: 127.0.0.1\nuser: root: toor\n", "line 2: mapping values are not allowed"),
        ("just words", "conf should be a document, not <class 'str'>"),
        ("- a\n- list", "conf should be a document, not <class 'list'>"),
        ("user: \x01root", "control characters are not allowed"),
        (None, "Is a directory"),
    ],
    ids=["yaml", "text", "list", "binary", "unreadable"],
)
def test_a_broken_configuration_ends_a_command_with_one_line_that_names_it(
    tmp_path, bench, program, name, args, text, said
):
    path = tmp_path / name
    if text is None:
        path.mkdir()
    else:
        path.write_text(text)
    done = run(bench, program, *args, folder=tmp_path)
    assert done.returncode == 1, f"{done.stdout}{done.stderr}"
    assert said in done.stderr
    assert str(path) in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(("daemon", "where"), [("master", "master.d/more.conf"), ("m7", "minion.d/more.conf")])
def test_each_odd_key_is_one_warning_that_names_file_and_key(bench, daemon, where):
    folder = bench.master_dir() if daemon == "master" else bench.root / daemon
    path = folder / where
    path.parent.mkdir(parents=True)
    path.write_text("timeuot: 3\nkeep_jobs_secs: 1\nretry_dns: [1]\nmax_open_files: many\n")
    started = bench.start_master() if daemon == "master" else bench.start_minion(daemon)
    bench.wait(lambda: "Setting up" in started.text(), "it to start")
    lines = [line for line in started.text().splitlines() if line.startswith("[WARNING ]")]
    for key in ("timeuot", "keep_jobs_secs", "retry_dns", "max_open_files"):
        named = [line for line in lines if key in line]
        assert len(named) == 1, (key, started.text())
        assert str(path) in named[0]
    log = (folder / "log").read_text()
    assert log.count("timeuot") == 1


# -- daemons that cannot start ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["publish_port", "ret_port"])
@pytest.mark.parametrize("background", [False, True])
def test_a_port_in_use_is_told_in_stocks_words(bench, which, background):
    folder = bench.configure_master()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", getattr(bench, which)))
        taken.listen()
        done = run(bench, "salt-master", *(["-d"] if background else []))
    port = getattr(bench, which)
    assert done.returncode == 4, done.stderr
    assert done.stderr.splitlines()[-2:] == [
        f"Unable to bind socket 127.0.0.1:{port}, error: [Errno 98] Address already in use; "
        "Is there another salt-master running?",
        "The salt master is shutdown. The ports are not available to bind",
    ]
    assert clean(done.stderr)
    assert not (folder / "master.pid").exists()


def test_a_second_master_and_a_second_minion_are_refused(lab):
    for program, name, ending in (("salt-master", "master", 4), ("salt-minion", "m1", 1)):
        began = time.monotonic()
        done = run(lab, program, folder=lab.root / name)
        assert done.returncode == ending, done.stderr
        assert time.monotonic() - began < 15
        assert clean(done.stderr)
    assert done.stderr == "An instance is already running. Exiting the Salt Minion\n"
    # With ports of its own it is the pidfile that tells.
    config = yaml.safe_load((lab.master_dir() / "master").read_text())
    config["publish_port"], config["ret_port"] = free_ports(2)
    other = write(lab.root / "other", "master", yaml.safe_dump(config))
    done = run(lab, "salt-master", folder=other)
    assert (done.returncode, done.stderr) == (1, "An instance is already running. Exiting the Salt Master\n")
    assert lab.salt("m1", "test.ping") == {"m1": True}


@pytest.mark.parametrize("program", ["salt-master", "salt-minion"])
def test_a_folder_too_long_for_sockets_is_named(bench, program):
    long = bench.root / ("x" * 90)
    # Where only the sockets' folder is long, they move into the cache, as stock's do.
    where = {"sock_dir": str(long), "cachedir": str(long), "root_dir": "/"}
    folder = bench.configure_master(**where) if program == "salt-master" else bench.configure_minion("m1", **where)
    done = run(bench, program, folder=folder)
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if "sock_dir" in line]
    assert len(lines) == 1, done.stderr
    assert str(long) in lines[0]
    assert clean(done.stderr)


@pytest.mark.parametrize("program", ["salt-master", "salt-minion"])
def test_an_unknown_user_is_told_in_stocks_words(bench, program):
    folder = bench.configure_master() if program == "salt-master" else bench.configure_minion("m1")
    done = run(bench, program, "-u", "nosuchuser", folder=folder)
    text = "Failed to prepare the Salt environment for user nosuchuser. The user is not available.\n"
    assert (done.returncode, done.stderr) == (67, text)


# -- no master -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_behind", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        "salt * test.ping",
        "salt --async * test.ping",
        "salt-run state.event",
        "salt-run jobs.list_jobs",
        "salt-run --async test.arg",
    ],
)
def test_without_a_master_a_command_says_so_at_once(bench, command, left_behind):
    folder = bench.configure_master()
    if left_behind:
        (folder / "run").mkdir()
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(folder / "run/master.sock"))
    program, *args = command.split()
    began = time.monotonic()
    done = run(bench, program, *args)
    assert time.monotonic() - began < 5
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The salt master could not be contacted. Is master running?\n"


def test_salt_call_without_a_master_ends_and_says_so(bench):
    folder = bench.configure_minion("m1", auth_timeout=1, auth_tries=2, request_channel_timeout=2)
    began = time.monotonic()
    done = run(bench, "salt-call", "--timeout", "4", "test.ping", folder=folder)
    assert time.monotonic() - began < 15
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert clean(done.stderr)
    last = done.stderr.strip().splitlines()[-1]
    assert "master" in last.lower()
    assert "127.0.0.1" in last, done.stderr


# -- a reader that went away -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "salt * test.ping",
        "salt * test.arg " + "x" * 100_000,
        "salt --out json * test.arg " + "x" * 100_000,
        "salt-run jobs.list_jobs",
        "salt-key -L",
        "salt-call --local test.arg " + "x" * 100_000,
        "salt --help",
    ],
    ids=["salt", "salt-long", "salt-json", "salt-run", "salt-key", "salt-call", "help"],
)
def test_a_closed_stdout_is_no_event(lab, command):
    program, *args = command.split()
    reader, writer = os.pipe()
    os.close(reader)
    folder = lab.root / "m1" if program == "salt-call" else lab.master_dir()
    try:
        done = run(lab, program, *args, folder=folder, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, 1, 141, -13), done.returncode


def test_following_events_ends_when_its_reader_does(lab):
    argv = [OURS / "salt-run", "-c", lab.master_dir(), "state.event"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=lab.env) as follower:
        deadline = time.monotonic() + 60
        os.set_blocking(follower.stdout.fileno(), False)
        while not (line := follower.stdout.readline()):
            assert time.monotonic() < deadline
            assert follower.poll() is None, follower.stderr.read()
            lab.run("salt", "m1", "test.ping")
        assert "\t{" in line
        follower.stdout.close()
        while follower.poll() is None:
            assert time.monotonic() < deadline
            lab.run("salt", "m1", "test.ping")
        assert follower.stderr.read() == ""
        assert follower.returncode in (0, 1, 141, -13)


def test_a_full_stdout_is_told(lab):
    with open("/dev/full", "w") as full:
        done = run(lab, "salt", "m1", "test.ping", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode not in (0, None)
    assert "No space left on device" in done.stderr
    assert clean(done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1
    done = run(lab, "salt", "--out-file", "/nosuch/file", "m1", "test.ping")
    assert done.returncode not in (0, None)
    assert "/nosuch/file" in done.stderr
    assert clean(done.stderr), done.stderr


def test_what_goes_well_says_nothing_on_stderr(lab):
    for program, *args in (
        ["salt", "m1", "test.ping"],
        ["salt", "m1", "test.arg", "grün", "☃"],
        ["salt-run", "jobs.list_jobs"],
        ["salt-run", "manage.status"],
        ["salt-key", "-L"],
        ["salt-key", "-F"],
    ):
        done = run(lab, program, *args)
        assert (done.returncode, done.stderr) == (0, ""), args
    done = run(lab, "salt-call", "test.ping", folder=lab.root / "m1")
    assert (done.returncode, done.stderr) == (0, "")
    # The daemons too.
    for daemon in lab.daemons.values():
        assert clean(daemon.text()), daemon.tail()
