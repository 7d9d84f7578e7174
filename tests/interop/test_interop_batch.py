"""Batches of stock's own `salt` on our master: its command runs them itself, or, with `--async`, leaves them to the master."""

import json
import re

import pytest

from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master("ours", timeout=3, gather_job_timeout=3)
        for id in ("m1", "m2", "m3"):
            lab.start_minion(id, "ours")
        lab.accept("m1", "m2", "m3")
        yield lab


def test_stocks_command_runs_a_batch_and_prints_it_as_ours_does(lab):
    theirs, ours = (lab.run("salt", "-b", "1", "*", "cmd.run", "exit 3", kind=kind) for kind in ("stock", "ours"))
    assert theirs.returncode == ours.returncode == 3, theirs.stderr

    def told(done):
        """The lines, whoever came first."""
        return sorted(re.sub("[0-9]{20}", "JID", done.stdout).splitlines())

    assert told(theirs) == told(ours)


def test_what_stocks_command_leaves_to_the_master_is_run_by_it(lab):
    ran = lab.root / "ran"
    done = lab.run("salt", "--async", "-b", "1", "*", "cmd.run", f"echo x >> {ran}", kind="stock")
    jid = re.search("[0-9]{20}", done.stdout)[0]

    def status():
        return json.loads(lab.run("salt-run", "batch.status", jid, "--out", "json").stdout)

    lab.wait(lambda: (found := status()) and found["completed"] == 3, "the batch", 30)
    assert ran.read_text() == "x\n" * 3
    assert (status()["user"], status()["failed"]) == ("root", 0)
    found = json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout)
    assert sorted(found) == ["m1", "m2", "m3"]
