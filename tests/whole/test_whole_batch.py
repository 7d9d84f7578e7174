"""Batches survive the command that began them, and the master: killed at any step, the rest is run and nothing twice."""

import json
import signal
import subprocess
import sys

import pytest

from tests.support.lab import Daemon, open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master(timeout=1, gather_job_timeout=1)
        for id in ("m1", "m2"):
            lab.start_minion(id)
        lab.accept("m1", "m2")
        yield lab


def status(lab, jid):
    return json.loads(lab.run("salt-run", "batch.status", jid, "--out", "json").stdout)


def under_way(lab):
    return json.loads(lab.run("salt-run", "batch.list_active", "--out", "json").stdout)


def test_a_command_that_is_killed_leaves_its_batch_running(lab):
    ran = lab.root / "left"
    argv = [lab._command("salt", "ours"), "-c", lab.master_dir(), "-b", "1", "*", "cmd.run"]
    with subprocess.Popen(
        [*map(str, argv), f"sleep 0.5; echo x >> {ran}"], stdout=subprocess.PIPE, text=True, env=lab.env
    ) as process:
        assert [process.stdout.readline() for _ in range(2)][1] == "Executing run on ['m1']\n"
        process.send_signal(signal.SIGKILL)
    (batch,) = under_way(lab)
    assert (batch["total"], batch["batch_size"], batch["driver"]) == (2, 1, "master")
    lab.wait(lambda: status(lab, batch["jid"])["completed"] == 2, "the batch")
    assert ran.read_text() == "x\n" * 2
    assert under_way(lab) == []


def test_a_batch_can_be_stopped_and_its_jobs_killed(lab):
    jid = lab.run("salt", "--async", "-b", "1", "*", "test.sleep", "60").stdout.split()[-1]
    lab.wait(lambda: status(lab, jid)["active"] == 1, "the first")
    assert lab.run("salt-run", "batch.stop", jid, "kill=True").stdout == "True\n"
    lab.wait(lambda: status(lab, jid)["halted"], "its end")
    assert status(lab, jid)["pending"] == 1
    lab.wait(
        lambda: json.loads(lab.run("salt-run", "jobs.active", "--out", "json").stdout) == {}, "the job to be killed"
    )
    assert lab.run("salt-run", "batch.stop", jid).stdout == "False\n"


@pytest.mark.parametrize(
    ("step", "number"),
    [("job.published:cmd.run", "1"), ("batch.sending", "2")],
)
def test_a_master_that_is_killed_leaves_a_batch_that_the_next_one_ends(lab, step, number):
    ran = lab.root / f"{step.partition(':')[0]}{number}"
    lab.daemons["master"].stop()
    seen = lab.daemons["m1"].text().count("re-established")
    folder = lab.master_dir()
    argv = [sys.executable, "-m", "tests.support.killer", step, number, "salt-master", "-c", str(folder), "-l", "debug"]
    killer = lab.daemons["master"] = Daemon(argv, lab.root / "killed.out", lab.env)
    lab.wait(lambda: lab._answers(lab.ret_port), "the master")
    lab.wait(lambda: lab.daemons["m1"].text().count("re-established") > seen, "m1 to be back")
    lab.run("salt", "*", "test.ping")
    done = lab.run("salt", "-b", "1", "*", "cmd.run", f"echo x >> {ran}; sleep 0.3")
    assert done.returncode != 0
    killer.process.wait(20)
    assert killer.process.returncode == -9, killer.tail()

    lab._start("master", "ours", "salt-master", folder, "debug")
    lab.wait(lambda: lab._answers(lab.ret_port), "the next master")
    (batch,) = under_way(lab)
    lab.wait(lambda: under_way(lab) == [], "the batch to end", 40)
    ended = status(lab, batch["jid"])
    assert (ended["completed"], ended["failed"], ended["halted"]) == (2, 0, False), lab.tails()
    assert ran.read_text() == "x\n" * 2
