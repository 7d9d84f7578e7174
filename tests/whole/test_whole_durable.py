"""`salt --durable`: a job for a minion that is away runs there once when it is back, whoever is killed in between."""

import json
import re

import pytest

from tests.support.lab import open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master(timeout=1, gather_job_timeout=1)
        lab.start_minion("m1")
        lab.start_minion("m2")
        lab.accept("m1", "m2")
        yield lab


def queue_for_m1(lab, name, *flags):
    """Publish a job that notes that it has run, with m1 away: `(its jid, the file)`."""
    lab.daemons["m1"].stop()
    ran = lab.root / name
    done = lab.run("salt", "--durable", *flags, "m1", "cmd.run", f"echo x >> {ran}; echo done")
    assert done.returncode == 75, done
    assert re.search(r"Queued: will run when it is back, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", done.stdout)
    (jid,) = set(re.findall(r"\b\d{20}\b", done.stderr))
    return jid, ran


def start(lab, name):
    program, folder = ("salt-master", lab.master_dir()) if name == "master" else ("salt-minion", lab.root / name)
    lab._start(name, "ours", program, folder, "info")


def returned(lab, jid):
    return json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout or "{}")


def comes_home(lab, jid, ran):
    lab.wait(lambda: returned(lab, jid) == {"m1": "done"}, f"the return of {jid}\n{lab.tails()}", 40)
    assert ran.read_text() == "x\n"
    assert json.loads(lab.run("salt-run", "jobs.queued", "--out", "json").stdout) == {}


def test_a_job_for_who_is_away_runs_when_it_is_back_under_the_same_jid(lab):
    jid, ran = queue_for_m1(lab, "ran")
    waits = json.loads(lab.run("salt-run", "jobs.queued", "--out", "json").stdout)
    assert list(waits) == [jid]
    assert list(waits[jid]["Queued"]) == ["m1"]
    start(lab, "m1")
    comes_home(lab, jid, ran)


def test_a_cancelled_job_never_runs(lab):
    jid, ran = queue_for_m1(lab, "cancelled", "--static")
    assert lab.run("salt-run", "jobs.cancel", jid, "--out", "json").stdout.strip() != "{}"
    assert lab.run("salt-run", "jobs.cancel", jid).returncode == 1
    start(lab, "m1")
    lab.wait_up("m1")
    assert not ran.exists()
    missing = json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "missing=True", "--out", "json").stdout)
    assert "[Cancelled]" in missing["m1"]
