"""A daemon's life as an init system and an operator see it: start, signals, reload, rotation, disks, users, modes, end."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import resource
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.support.lab import OURS, Daemon, open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def house():
    with open_lab() as lab:
        (lab.root / "tmp").mkdir()
        lab.env["TMPDIR"] = str(lab.root / "tmp")
        lab.start_master(timeout=2, gather_job_timeout=2, log_level_logfile="info")
        lab.start_minion("m1", log_level_logfile="info")
        lab.accept("m1")
        yield lab


@pytest.fixture
def lab(house):
    """The house, with both daemons up whatever the test before did to them."""
    for name, program in (("master", "salt-master"), ("m1", "salt-minion")):
        if house.daemons[name].process.poll() is not None:
            house._start(name, "ours", program, house.root / name, "info")
            house.wait_up("m1")
    return house


def descendants(daemon):
    """The processes below a daemon, the zygote and its children among them."""
    return psutil.Process(daemon.pid).children(recursive=True)


def start(lab, function, *args):
    """Publish a job and do not wait: its jid."""
    done = lab.run("salt", "--async", "m1", function, *args)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout.split()[-1]


def returned(lab, jid):
    return json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout or "{}").get("m1")


def arrives(lab, jid, seconds=30):
    lab.wait(lambda: returned(lab, jid) is not None, f"the return of {jid}", seconds)
    return returned(lab, jid)


def reconfigure(folder, name, **changes):
    path = folder / name
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def hang_up(lab, name):
    """SIGHUP, and wait until the daemon says that it has read its configuration again."""
    daemon = lab.daemons[name]

    def told():
        return [line for line in daemon.text().splitlines() if "] The configuration " in line]

    before = len(told())
    daemon.process.send_signal(signal.SIGHUP)
    lab.wait(lambda: len(told()) > before, "the reload", 10)
    return told()[-1]


# -- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["master", "m1"])
def test_a_signal_ends_a_daemon_in_order_and_all_below_it(lab, name, sig):
    daemon = lab.daemons[name]
    # Warm children are there.
    assert lab.salt("m1", "grains.get", "id") == {"m1": "m1"}
    lab.run("salt-run", "manage.status")
    below = descendants(daemon)
    assert below
    began = time.monotonic()
    assert daemon.stop(sig) == 0
    assert time.monotonic() - began < 4
    _, left = psutil.wait_procs(below, timeout=20)
    assert not left, [process.cmdline() for process in left]
    assert ("Exiting on Ctrl-c" if sig == signal.SIGINT else "received a SIGTERM. Exiting.") in daemon.text()
    assert "Traceback" not in daemon.text(), daemon.tail()
    assert not (lab.root / name / ("master.pid" if name == "master" else "minion.pid")).exists()
    assert not [path.name for path in (lab.root / name / "run").iterdir()], "sockets are left behind"
    program = "salt-master" if name == "master" else "salt-minion"
    lab._start(name, "ours", program, lab.root / name, "info")
    lab.wait_up("m1")


@pytest.mark.parametrize("name", ["master", "m1"])
def test_a_job_that_runs_when_a_daemon_ends_comes_home_once(lab, name):
    ran = lab.root / f"ran-{name}"
    jid = start(lab, "cmd.run", f"echo x >> {ran}; sleep 3; echo home")
    lab.wait(ran.exists, "the job to begin")
    lab.restart(name)
    assert arrives(lab, jid) == "home"
    assert ran.read_text() == "x\n"
    lab.wait(lambda: not list((lab.root / "m1/cache/spool").glob("[!.]*")), "the spool to be empty")
    assert returns_stored(lab, jid) == 1


def returns_stored(lab, jid):
    """How many rows the master keeps for the job."""
    with contextlib.closing(sqlite3.connect(f"file:{database(lab)}?mode=ro", uri=True)) as db:
        for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
            columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
            if table.startswith("return") and "jid" in columns:
                return db.execute(f"select count(*) from {table} where jid = ?", (jid,)).fetchone()[0]
    raise AssertionError("there is no table of returns")


def database(lab):
    return next((lab.master_dir() / "cache").glob("*.db"))


def test_a_second_signal_skips_the_waiting(lab):
    master = lab.daemons["master"]
    argv = [OURS / "salt-run", "-c", lab.master_dir(), "salt.cmd", "test.sleep", "60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=lab.env, text=True) as caller:
        lab.wait(lambda: "running" in lab.run("salt-run", "jobs.active").stdout or time.sleep(1) or True, "it to run")
        below = descendants(master)
        master.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        began = time.monotonic()
        assert master.stop(signal.SIGTERM) == 0
        # Less than the grace that is left.
        assert time.monotonic() - began < 4
        assert not psutil.wait_procs(below, timeout=20)[1]
        out, err = caller.communicate(timeout=10)
    assert caller.returncode in (1, 2), (out, err)
    assert "Traceback" not in err
    assert out.strip() or err.strip()
    lab._start("master", "ours", "salt-master", lab.master_dir(), "info")
    lab.wait_up("m1")


# -- while it lives --------------------------------------------------------------------------------------------------


def probe(lab, name, *words):
    """`trisalt health`: its status, and its line."""
    folder = lab.master_dir() if name == "master" else lab.root / name
    argv = [str(OURS / "trisalt"), "health", *words, "-c", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, env=lab.env, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "which"), [("master", "master"), ("m1", "minion")])
def test_a_probe_tells_one_that_is_well_from_one_that_hangs(lab, name, which):
    lab.wait(lambda: probe(lab, name) == (0, f"{which}: well\n"), "a daemon that is well")
    pid = lab.daemons[name].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert probe(lab, name, "--timeout", "0.5") == (2, f"{which}: no answer within 0.5 s\n")
    finally:
        os.kill(pid, signal.SIGCONT)
    lab.wait(lambda: probe(lab, name)[0] == 0, "the same, well again")
    done = lab.run("salt", "m1", "test.ping")
    assert done.returncode == 0


def test_a_hangup_takes_the_masters_configuration_anew(lab):
    folder = lab.master_dir()
    log = folder / "log"
    # This leaves a warm child behind, that has the configuration from before.
    asked = ("salt-run", "--out", "json", "config.get", "nodegroups:all_of_us", "default=nobody")
    assert json.loads(lab.run(*asked).stdout) == "nobody"
    reconfigure(
        folder,
        "master",
        nodegroups={"all_of_us": "m1 or nobody"},
        log_level_logfile="debug",
        publisher_acl={"nobody": ["test.ping"]},
        auto_accept=True,
        worker_threads=7,
        timuot=3,
    )
    said = hang_up(lab, "master")
    for name in ("nodegroups", "log_level_logfile", "publisher_acl", "auto_accept"):
        assert name in said.split("at the next start")[0], said
    assert "worker_threads" in said.split("at the next start")[1], said
    assert "Unknown config option 'timuot'" in lab.daemons["master"].text()
    assert json.loads(lab.run(*asked).stdout) == "m1 or nobody"
    assert lab.salt("-N", "all_of_us", "test.ping") == {"m1": True}
    assert "[DEBUG   ]" in log.read_text()
    minion = lab.start_minion("m2")
    lab.wait(lambda: "m2" in lab.keys("minions"), "the key to be accepted")
    minion.stop()
    del lab.daemons["m2"]
    lab.run("salt-key", "-y", "-d", "m2")

    # What cannot be read changes nothing.
    good = (folder / "master").read_text()
    (folder / "master").write_text("a: b: c")
    assert f"{folder}/master - line 1" in hang_up(lab, "master")
    (folder / "master").write_text(good)
    assert lab.salt("-N", "all_of_us", "test.ping") == {"m1": True}


def test_a_hangup_takes_the_minions_configuration_anew(lab):
    folder = lab.root / "m1"
    reconfigure(folder, "minion", log_level_logfile="debug", grains={"lab": "changed"}, master_port=1, odd_kye=1)
    said = hang_up(lab, "m1")
    assert "log_level_logfile" in said.split("at the next start")[0], said
    assert "grains" in said.split("at the next start")[0], said
    assert "master_port" in said.split("at the next start")[1], said
    assert "odd_kye" in lab.daemons["m1"].text()
    lab.wait(lambda: lab.salt("m1", "grains.get", "lab") == {"m1": "changed"}, "the new grain", 20)
    assert "[DEBUG   ]" in (folder / "log").read_text()
    reconfigure(folder, "minion", master_port=lab.ret_port)


@pytest.mark.parametrize("name", ["master", "m1"])
@pytest.mark.parametrize("hup", [True, False])
def test_a_log_that_was_rotated_away_is_opened_anew(lab, name, hup):
    log, old = lab.root / name / "log", lab.root / name / f"log.{hup}"
    log.rename(old)
    if hup:
        hang_up(lab, name)
    assert lab.salt("m1", "test.ping") == {"m1": True}
    lab.wait(lambda: log.exists() and "test.ping" in log.read_text(), "the new log", 10)
    assert stat.S_IMODE(log.stat().st_mode) & 0o027 == 0


@pytest.mark.parametrize("name", ["master", "m1"])
def test_usr1_leaves_a_picture_of_the_tasks(lab, name):
    daemon = lab.daemons[name]
    daemon.process.send_signal(signal.SIGUSR1)
    found = lambda: [*(lab.root / "tmp").glob(f"salt-debug-*-{daemon.pid}.log")]  # noqa: E731
    lab.wait(found, "the picture", 10)
    lab.wait(lambda: "keep_jobs" in found()[0].read_text() or "run_jobs" in found()[0].read_text(), "its text", 5)
    assert stat.S_IMODE(found()[0].stat().st_mode) == 0o600
    assert lab.salt("m1", "test.ping") == {"m1": True}


def test_a_master_that_cannot_write_acknowledges_nothing_and_lives(lab):
    master = lab.daemons["master"]
    go = lab.root / "go-full"
    waits = f"until [ -e {go} ]; do sleep 0.05; done"
    jid = start(lab, "cmd.run", f"{waits}; head -c 3000000 /dev/zero | tr '\\0' x")
    soft, hard = resource.prlimit(master.pid, resource.RLIMIT_FSIZE)
    # What it says of that has to have room, too.
    most = max(database(lab).stat().st_size // 2, master.log.stat().st_size + 4000)
    resource.prlimit(master.pid, resource.RLIMIT_FSIZE, (most, hard))
    go.touch()
    try:
        lab.wait(lambda: "cannot write" in master.text(), "the master to say so", 15)
        spooled = lab.root / "m1/cache/spool" / jid
        assert spooled.exists()
        lab.wait(lambda: "failed to return" in lab.daemons["m1"].text(), "the minion to have tried", 30)
        assert spooled.exists()
        assert master.process.poll() is None
        refused = lab.run("salt", "m1", "test.ping")
        assert refused.returncode != 0
        assert "Traceback" not in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr
    finally:
        resource.prlimit(master.pid, resource.RLIMIT_FSIZE, (soft, hard))
    # A return that the master takes brings those home that it could not.
    lab.wait(lambda: lab.salt("m1", "test.ping") and returned(lab, jid) is not None, "the return", 25)
    assert returned(lab, jid) == "x" * 3_000_000
    lab.wait(lambda: not spooled.exists(), "the spool to be empty")
    assert returns_stored(lab, jid) == 1
    assert lab.salt("m1", "test.ping") == {"m1": True}
    assert "Traceback" not in master.text(), master.tail(80)


def test_a_minion_that_cannot_write_lives(lab):
    minion = lab.daemons["m1"]
    soft, hard = resource.prlimit(minion.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(minion.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        # What needs no note works; what might be forgotten half-way is refused.
        assert lab.salt("m1", "test.ping") == {"m1": True}
        assert "cannot keep a note of the job: File too large" in lab.salt("m1", "cmd.run", "echo x")["m1"]
        assert minion.process.poll() is None, minion.tail()
    finally:
        if minion.process.poll() is None:
            resource.prlimit(minion.pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert lab.salt("m1", "cmd.run", "echo y") == {"m1": "y"}
    assert "Traceback" not in minion.text(), minion.tail(80)


# -- how jobs end ----------------------------------------------------------------------------------------------------

ODD = """
import os, sys

def thing():
    return {"a": object()}

def loud():
    print("to stdout")
    sys.stderr.write("to stderr\\n")
    os.write(1, b"to the descriptor\\n")
    return "quiet"

def huge():
    return "x" * 20_000_000

def self_kill():
    os.kill(os.getpid(), 9)

def leaves():
    sys.exit(7)
"""


@pytest.fixture(scope="module")
def odd(house):
    folder = house.master_dir() / "srv" / "_modules"
    folder.mkdir(exist_ok=True)
    (folder / "odd.py").write_text(ODD)
    assert house.salt("m1", "saltutil.sync_modules") == {"m1": ["modules.odd"]}
    return house


def running_pid(lab, jid):
    lab.wait(lambda: lab.salt("m1", "saltutil.find_job", jid)["m1"].get("pid"), "the job to run", 10)
    return lab.salt("m1", "saltutil.find_job", jid)["m1"]["pid"]


@pytest.mark.parametrize(
    ("how", "signum"), [("kill", 9), ("term_job", 15), ("kill_job", 9), ("signal_job", signal.SIGHUP)]
)
def test_a_job_that_is_ended_from_outside_returns_the_signal(lab, how, signum):
    jid = start(lab, "cmd.run", "sleep 60")
    pid = running_pid(lab, jid)
    if how == "kill":
        os.kill(pid, signum)
    else:
        said = lab.salt("m1", f"saltutil.{how}", jid, *([str(int(signum))] if how == "signal_job" else []))["m1"]
        assert str(pid) in said
    assert arrives(lab, jid, 10) == f"terminated by signal {int(signum)}"
    assert lab.salt("m1", "saltutil.running") == {"m1": []}


def test_odd_functions_return_something(odd):
    assert "odd" not in (odd.salt("m1", "odd.loud")["m1"] or "")
    assert odd.salt("m1", "odd.loud") == {"m1": "quiet"}
    assert "object" in json.dumps(odd.salt("m1", "odd.thing"))
    assert odd.salt("m1", "odd.huge") == {"m1": "x" * 20_000_000}
    assert odd.salt("m1", "odd.self_kill") == {"m1": "terminated by signal 9"}
    assert odd.salt("m1", "odd.leaves")["m1"]
    assert odd.salt("m1", "test.ping") == {"m1": True}


def test_any_letters_go_there_and_back(lab):
    odd = "grün ☃ 漢字 \U0001f600 \u202e"
    assert lab.salt("m1", "test.echo", odd) == {"m1": odd}
    assert lab.salt("m1", "cmd.run", f"printf '%s' '{odd}'") == {"m1": odd}
    assert isinstance(lab.salt("m1", "cmd.run", "printf '\\377\\376'")["m1"], str)


def test_more_jobs_than_may_run_wait_for_their_turn(lab):
    minion = lab.start_minion("m3", process_count_max=1)
    lab.accept("m3")
    ran = lab.root / "turns"
    jids = [
        lab.run("salt", "--async", "m3", "cmd.run", f"echo in >> {ran}; sleep 0.5; echo out >> {ran}").stdout.split()[
            -1
        ]
        for _ in range(3)
    ]
    assert len(set(jids)) == 3
    lab.wait(lambda: ran.exists() and ran.read_text().count("out") == 3, "three turns", 15)
    assert ran.read_text().split() == ["in", "out"] * 3
    assert "Maximum number of processes reached while executing jid" in minion.text()
    minion.stop()
    del lab.daemons["m3"]


def test_a_slow_job_is_waited_for_as_long_as_it_runs(lab):
    began = time.monotonic()
    assert lab.salt("-t", "1", "m1", "test.sleep", "4") == {"m1": True}
    assert time.monotonic() - began < 8


# -- how it starts ---------------------------------------------------------------------------------------------------


def test_modes_keep_others_out(lab):
    def modes(folder, *patterns):
        return {
            str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode))
            for pattern in patterns
            for path in folder.glob(pattern)
        }

    master, minion = lab.master_dir(), lab.root / "m1"
    for folder, *private in (
        (master, "pki", "pki/master.pem", "cache/.root_key", "cache/sealed", "cache/sealed/**/*", "cache/*.db*"),
        (master, "run/master_event_pull.ipc", "run/publish_pull.ipc", "run/workers.ipc"),
        (minion, "pki", "pki/minion.pem", "cache/spool", "cache/proc", "run/*_pub.ipc", "run/*_pull.ipc"),
    ):
        found = modes(folder, *private)
        assert found
        assert {path: mode for path, mode in found.items() if int(mode, 8) & 0o077} == {}
    assert modes(master, "pki/master.pem", "cache/.root_key") == {"pki/master.pem": "0o400", "cache/.root_key": "0o600"}
    for log in (master / "log", minion / "log"):
        assert stat.S_IMODE(log.stat().st_mode) & 0o027 == 0


def test_the_background_is_the_same_daemon():
    with open_lab() as lab:
        for program, name in (("salt-master", "master"), ("salt-minion", "m1")):
            folder = (
                lab.configure_master(timeout=2, auto_accept=True) if name == "master" else lab.configure_minion("m1")
            )
            pidfile = folder / program.replace("salt-", "").__add__(".pid")
            # The folder is given as an operator gives it, and the background is elsewhere; others may write nothing.
            done = subprocess.run(
                [OURS / program, "-d", "-c", name, "-l", "info"],
                cwd=lab.root,
                env=lab.env,
                capture_output=True,
                text=True,
                timeout=20,
                umask=0,
                check=False,
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            lab.wait(pidfile.exists, "the pidfile", 10)
            assert stat.S_IMODE(pidfile.stat().st_mode) & 0o022 == 0
        pids = [int(path.read_text()) for path in (lab.root / "master/master.pid", lab.root / "m1/minion.pid")]
        try:
            lab.wait_up("m1")
            for pid in pids:
                process = psutil.Process(pid)
                assert process.cwd() == "/"
                assert process.terminal() is None
                assert os.getsid(pid) != os.getsid(0)
            loose = [
                str(path)
                for path in lab.root.rglob("*")
                if not path.is_symlink() and path.stat().st_mode & 0o002 and not stat.S_ISSOCK(path.stat().st_mode)
            ]
            assert loose == []
            os.kill(pids[0], signal.SIGHUP)
            assert lab.salt("m1", "test.ping") == {"m1": True}
        finally:
            below = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
            for process in below:
                process.terminate()
            left = psutil.wait_procs(below, timeout=8)[1]
            for process in left:
                process.kill()
        assert not left
        assert not (lab.root / "master/master.pid").exists()
        assert not (lab.root / "m1/minion.pid").exists()


@pytest.mark.parametrize("name", ["master", "m1"])
def test_an_init_system_is_told(name):
    with open_lab() as lab, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as init:
        address = str(lab.root / "notify")
        init.bind(address)
        init.settimeout(10)
        lab.env.update(NOTIFY_SOCKET=address, WATCHDOG_USEC="400000")
        heard = []

        def hear(what):
            while what not in heard:
                heard.append(init.recv(4096).decode().split("\n")[0])

        daemon = lab.start_master() if name == "master" else lab.start_minion(name)
        hear("READY=1")
        heard.clear()
        hear("WATCHDOG=1")
        heard.clear()
        hear("WATCHDOG=1")
        daemon.process.send_signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        assert heard.index("RELOADING=1") < heard.index("READY=1")
        daemon.process.send_signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert daemon.stop() == 0


def readable_python():
    """An interpreter that anybody may run, of the version that the packages are for; None where there is none."""
    for python in (os.path.realpath(sys.executable), f"/usr/bin/python3.{sys.version_info.minor}"):
        parents = [Path(python), *Path(python).parents]
        if Path(python).exists() and all(path.stat().st_mode & 0o005 == 0o005 for path in parents):
            return python
    return None


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
@pytest.mark.skipif(readable_python() is None, reason="nobody may run this interpreter")
def test_another_user_is_enough():
    nobody = pwd.getpwnam("nobody").pw_uid
    with open_lab() as lab:
        lab.root.chmod(0o755)
        bin = lab.root / "bin"
        bin.mkdir()
        import trisalt

        lab.env["PYTHONPATH"] = f"{Path(trisalt.__file__).parents[1]}:{sysconfig.get_path('purelib')}"
        for program in ("salt-master", "salt-minion"):
            script = bin / program
            module = program.replace("-", "_")
            script.write_text(
                f"#!{readable_python()}\nimport sys\nfrom trisalt.cli.{module} import main\nsys.exit(main())\n"
            )
            script.chmod(0o755)
        # What was root's before becomes theirs.
        lab.start_master()
        lab.daemons["master"].stop()
        folders = {"master": lab.configure_master(timeout=2), "m1": lab.configure_minion("m1")}
        for name, folder in folders.items():
            program = "salt-master" if name == "master" else "salt-minion"
            argv = [str(bin / program), "-c", str(folder), "-u", "nobody", "-l", "info"]
            lab.daemons[name] = Daemon(argv, lab.root / f"{name}.out", lab.env)
            lab.kinds[name] = "ours"
        lab.accept("m1")
        for daemon in lab.daemons.values():
            for process in [psutil.Process(daemon.pid), *descendants(daemon)]:
                assert set(process.uids()) == {nobody}
                assert 0 not in os.getgrouplist("nobody", process.gids().real)
        assert lab.salt("m1", "cmd.run", "id -un") == {"m1": "nobody"}
        assert json.loads(lab.run("salt-run", "manage.status", "--out", "json").stdout)["up"] == ["m1"]
        for daemon in lab.daemons.values():
            assert daemon.stop() == 0
            assert "Traceback" not in daemon.text(), daemon.tail()
        assert not (lab.root / "master/master.pid").exists()
