"""Whoever is away or dies: a durable job runs once when its minion is back, and a running one outlives its daemon."""

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.support.lab import OURS, Daemon, open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

PROBE = '''
import os, time

def slow(marks):
    """Ask the daemon all the time, of every kind, until there is a file."""
    answers = []
    while not os.path.exists(marks + "/go"):
        answers.append(__salt__["event.send"]("my/tag", {"a": 1}))
        answers.append(__salt__["cp.get_file"]("salt://f", marks + "/got") == marks + "/got")
        answers.append(__salt__["publish.publish"]("m2", "test.ping") == {"m2": True})
        open(marks + "/asked", "w").close()
        time.sleep(0.05)
    return sorted(set(answers))
'''


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        modules = lab.root / "modules"
        modules.mkdir()
        (modules / "probe.py").write_text(PROBE)
        lab.start_master(timeout=1, gather_job_timeout=1, peer={"m1": ["test.*"]})
        (lab.master_dir() / "srv" / "f").write_bytes(b"x" * 300_000)
        # A master that is killed leaves a question of its minion without an answer.
        lab.start_minion("m1", module_dirs=[str(modules)], request_channel_timeout=2)
        lab.start_minion("m2")
        lab.accept("m1", "m2")
        yield lab


# -- jobs that wait --------------------------------------------------------------------------------------------------


def queue_for_m1(lab, name, *flags):
    """Publish a job that notes that it has run, with m1 away: `(the command, the file)`."""
    lab.daemons["m1"].stop()
    ran = lab.root / name
    return lab.run("salt", "--durable", *flags, "m1", "cmd.run", f"echo x >> {ran}; echo done"), ran


def start(lab):
    lab._start("m1", "ours", "salt-minion", lab.root / "m1", "info")


def returned(lab, jid):
    return json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout or "{}")


def returns_once(lab, jid, ran):
    lab.wait(lambda: returned(lab, jid) == {"m1": "done"}, f"the return of {jid}\n{lab.tails()}", 40)
    assert ran.read_text() == "x\n"
    assert json.loads(lab.run("salt-run", "jobs.queued", "--out", "json").stdout) == {}


def test_a_job_for_who_is_away_runs_when_it_is_back_under_the_same_jid_and_a_cancelled_one_does_not(lab):
    done, ran = queue_for_m1(lab, "ran")
    assert done.returncode == 75, done
    assert re.search(r"Queued: will run when it is back, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", done.stdout)
    (jid,) = set(re.findall(r"\b\d{20}\b", done.stderr))
    further, never = queue_for_m1(lab, "cancelled", "--async")
    cancelled = further.stdout.split()[-1]
    waits = json.loads(lab.run("salt-run", "jobs.queued", "--out", "json").stdout)
    assert {jid: list(job["Queued"]) for jid, job in waits.items()} == {jid: ["m1"], cancelled: ["m1"]}
    assert json.loads(lab.run("salt-run", "jobs.cancel", cancelled, "--out", "json").stdout) == {"m1": "cancelled"}
    assert lab.run("salt-run", "jobs.cancel", cancelled).returncode == 1
    start(lab)
    returns_once(lab, jid, ran)
    assert not never.exists()
    missing = json.loads(lab.run("salt-run", "jobs.lookup_jid", cancelled, "missing=True", "--out", "json").stdout)
    assert "[Cancelled]" in missing["m1"]


def test_a_batch_waits_for_who_is_away_though_its_master_is_killed(lab):
    lab.daemons["m1"].stop()
    ran = lab.root / "batched"
    done = lab.run("salt", "--durable", "-b", "1", "*", "cmd.run", f"echo x >> {ran}; echo done")
    assert done.returncode == 75, done
    assert "Queued: will run when it is back" in done.stdout
    (jid,) = set(re.findall(r"\b\d{20}\b", done.stderr))
    assert returned(lab, jid) == {"m2": "done"}
    lab.restart("master", signal.SIGKILL)
    start(lab)
    lab.wait(lambda: returned(lab, jid) == {"m1": "done", "m2": "done"}, f"the return of {jid}\n{lab.tails()}", 40)
    assert ran.read_text() == "x\nx\n"
    assert json.loads(lab.run("salt-run", "jobs.queued", "--out", "json").stdout) == {}


def start_killed_at(lab, name, step):
    """Start a daemon that kills itself at a step, and wait until it has."""
    program, folder = ("salt-master", lab.master_dir()) if name == "master" else ("salt-minion", lab.root / name)
    argv = [sys.executable, "-m", "tests.support.killer", step, "1", program, "-c", str(folder), "-l", "debug"]
    lab.daemons[name] = Daemon(argv, lab.root / f"{name}.killed.out", lab.env)


def killed(lab, name):
    lab.wait(lambda: lab.daemons[name].process.poll() is not None, f"{name} to be killed", 30)
    assert lab.daemons[name].process.returncode == -signal.SIGKILL


def test_a_master_that_is_killed_when_it_has_noted_that_it_sends_it_loses_nothing(lab):
    done, ran = queue_for_m1(lab, "sending", "--async")
    lab.daemons["master"].stop()
    start_killed_at(lab, "master", "queue.sending:cmd.run")
    start(lab)
    killed(lab, "master")
    assert not ran.exists()
    lab._start("master", "ours", "salt-master", lab.master_dir(), "info")
    returns_once(lab, done.stdout.split()[-1], ran)


@pytest.mark.parametrize("step", ["job.received:cmd.run", "job.started:cmd.run"])
def test_a_minion_that_is_killed_with_it_runs_it_once(lab, step):
    done, ran = queue_for_m1(lab, step, "--async")
    start_killed_at(lab, "m1", step)
    killed(lab, "m1")
    start(lab)
    returns_once(lab, done.stdout.split()[-1], ran)


# -- jobs that run --------------------------------------------------------------------------------------------------


def begin(lab, *call):
    return lab.run("salt", "--async", "m1", *call).stdout.split()[-1]


def result(lab, jid):
    jobs = json.loads(lab.run("salt-run", "jobs.list_job", jid, "--out", "json").stdout)
    return jobs["Result"].get("m1")


def comes_home(lab, jid):
    lab.wait(lambda: result(lab, jid), f"the return of {jid}", 30)
    return result(lab, jid)


def test_a_job_that_asks_while_its_daemon_is_killed_goes_on_with_the_next(lab, tmp_path):
    jid = begin(lab, "probe.slow", str(tmp_path))
    lab.wait((tmp_path / "asked").exists, "the job to have asked")
    lab.daemons["m1"].stop(signal.SIGKILL)
    (tmp_path / "asked").unlink()
    start(lab)
    lab.wait((tmp_path / "asked").exists, "the job to have asked the next daemon")
    # What is asked of the running jobs is answered for it too.
    assert lab.salt("m1", "saltutil.find_job", jid)["m1"]["trisalt"]["adopted"] is True
    assert [job["jid"] for job in lab.salt("m1", "saltutil.is_running", "probe.*")["m1"]] == [jid]
    (tmp_path / "go").touch()
    assert comes_home(lab, jid) == {"return": [True], "retcode": 0, "success": True}


def test_the_next_daemon_knows_the_state_that_a_run_has_been_at_since_before_it(lab, tmp_path):
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    (lab.master_dir() / "srv" / "long.sls").write_text(json.dumps({"long": {"cmd.run": [{"name": wait}]}}))
    jid = begin(lab, "state.apply", "long")

    def doing():
        return "state long (cmd.run)" in json.dumps(lab.salt("m1", "saltutil.find_job", jid))

    lab.wait(doing, "the state that runs")
    lab.restart("m1", signal.SIGKILL)
    lab.wait(doing, "the state that runs, from the next daemon")
    (tmp_path / "go").touch()
    assert comes_home(lab, jid)["success"] is True


def test_a_job_that_restarts_the_minion_that_runs_it_returns(lab, tmp_path):
    daemon = lab.daemons["m1"]
    argv = [str(OURS / "salt-minion"), "-c", str(lab.root / "m1"), "-l", "info"]
    script = tmp_path / "restart"
    # As an init does it: the old one has ended before the new one begins, and the caller waits for that.
    script.write_text(
        "import os, signal, subprocess, sys, time\n"
        f"os.kill({daemon.pid}, signal.SIGTERM)\n"
        f"while os.path.exists('/proc/{daemon.pid}/exe') and os.readlink('/proc/{daemon.pid}/exe'):\n"
        "    time.sleep(0.05)\n"
        f"out = open({str(tmp_path / 'out')!r}, 'ab')\n"
        f"new = subprocess.Popen({argv!r}, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)\n"
        "print(new.pid)\n"
    )
    jid = begin(lab, "cmd.run", f"{sys.executable} {script}; echo restarted")
    daemon.process.wait(20)
    back = comes_home(lab, jid)
    pid = int(back["return"].split()[0])
    try:
        assert back["return"].split()[1:] == ["restarted"]
        assert back["retcode"] == 0
        assert lab.salt("m1", "test.ping") == {"m1": True}
    finally:
        subprocess.run(["kill", str(pid)], check=True)
        lab.wait(lambda: not _alive(pid), "it to end")
        start(lab)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
