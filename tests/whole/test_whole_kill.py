"""Either daemon is killed at each step of a job: what was acknowledged is there, and nothing runs twice."""

import json
import sys

import pytest

from tests.support.lab import READY, Daemon, open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

STEPS = [
    ("master", "job.recorded:cmd.run"),
    ("master", "job.published:cmd.run"),
    ("master", "request.received:_return"),
    ("master", "job.returned"),
    ("m1", "job.received:cmd.run"),
    ("m1", "job.started:cmd.run"),
    ("m1", "job.finished:cmd.run"),
    ("m1", "job.returning:cmd.run"),
    ("m1", "return.acknowledged:cmd.run"),
]


@pytest.fixture(scope="module")
def lab():
    """One for all of them: each leaves it with both daemons up."""
    with open_lab() as lab:
        lab.start_master(timeout=2, gather_job_timeout=2)
        lab.start_minion("m1")
        lab.accept("m1")
        yield lab


@pytest.mark.parametrize(("victim", "step"), STEPS, ids=[f"{victim}-{step}" for victim, step in STEPS])
def test_killed_at_this_step_nothing_is_lost_and_nothing_runs_twice(lab, victim, step):
    ran = lab.root / f"ran-{STEPS.index((victim, step))}"

    # The victim comes back as one that kills itself at this step.
    program = "salt-master" if victim == "master" else "salt-minion"
    folder = lab.master_dir() if victim == "master" else lab.root / "m1"
    lab.daemons[victim].stop()
    known = _times_back(lab)
    argv = [sys.executable, "-m", "tests.support.killer", step, "1", program, "-c", str(folder), "-l", "debug"]
    killer = Daemon(argv, lab.root / f"{victim}.killed.out", lab.env)
    lab.daemons[victim] = killer
    # Told without a job: a job would be killed at its own step.
    lab.wait(
        lambda: _times_back(lab) > known if victim == "master" else killer.has_written(READY), f"{victim} to be back"
    )
    done = lab.run("salt", "m1", "cmd.run", f"echo x >> {ran}; sleep 0.3; echo done", "-t", "2", "--async", seconds=60)
    lab.wait(lambda: killer.process.poll() is not None, f"{victim} to reach {step}", 30)
    assert killer.process.returncode == -9, killer.tail()

    lab._start(victim, "ours", program, folder, "info")
    lab.wait_up("m1", seconds=60)
    published = done.returncode == 0
    if ran.exists() or (published and victim == "m1"):
        # What ran comes home, once; what a minion had taken when it died is answered for as well.
        lab.wait(lambda: _returns(lab, ran), f"the return\n{lab.tails()}", 30)
    assert _lines(ran) <= 1
    lab.run("salt", "m1", "test.ping")
    assert _lines(ran) <= 1


def _lines(ran):
    return len(ran.read_text().splitlines()) if ran.exists() else 0


def _times_back(lab):
    """How often the minion has found its master again."""
    return lab.daemons["m1"].text().count("re-established")


def _returns(lab, ran):
    jobs = json.loads(lab.run("salt-run", "jobs.list_jobs", "--out", "json").stdout or "{}")
    for jid in (jid for jid, job in jobs.items() if str(ran) in str(job["Arguments"])):
        got = json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout or "{}")
        if "m1" in got:
            return got
    return {}
