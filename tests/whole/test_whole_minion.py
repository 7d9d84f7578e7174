"""A minion of ours and a master of ours: what is stopped, killed or cut off in the middle comes home, and once."""

import json
import signal
import time

import pytest

from tests.support.lab import open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master(timeout=2, gather_job_timeout=2)
        lab.start_minion("m1")
        lab.accept("m1")
        yield lab


def start(lab, command):
    """Publish a job and do not wait: its jid."""
    done = lab.run("salt", "--async", "m1", "cmd.run", command)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout.split()[-1]


def returned(lab, jid):
    return json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout or "{}").get("m1")


def comes_home(lab, jid):
    lab.wait(lambda: returned(lab, jid) is not None, f"the return of {jid}", 40)
    return returned(lab, jid)


def folder(lab, name):
    return [path.name for path in (lab.root / "m1" / "cache" / name).iterdir() if path.name[0] != "."]


def until(path):
    """What a shell waits with for a file."""
    return f"until [ -e {path} ]; do sleep 0.05; done"


def began(lab, path):
    lab.wait(path.exists, "the job to begin", 20)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("ends", ["before", "after"])
def test_a_job_outlives_its_minion_and_returns_once(lab, sig, ends):
    ran, go = lab.root / f"ran-{sig}-{ends}", lab.root / f"go-{sig}-{ends}"
    jid = start(lab, f"echo x >> {ran}; {until(go)}; echo survived")
    began(lab, ran)
    lab.daemons["m1"].stop(sig)
    if ends == "before":
        go.touch()
        lab.wait(lambda: jid in folder(lab, "spool"), "the return in the spool")
    lab._start("m1", "ours", "salt-minion", lab.root / "m1", "info")
    lab.wait_up("m1")
    if ends == "after":
        assert lab.salt("m1", "saltutil.find_job", jid)["m1"]["jid"] == jid
        go.touch()
    assert comes_home(lab, jid) == "survived"
    lab.wait(lambda: not folder(lab, "spool") and not folder(lab, "proc"), "the files to go")
    assert ran.read_text() == "x\n"


def test_a_return_waits_in_the_spool_while_the_master_is_down(lab):
    ran, go = lab.root / "ran-spool", lab.root / "go-spool"
    jid = start(lab, f"touch {ran}; {until(go)}; echo spooled")
    began(lab, ran)
    lab.daemons["master"].stop()
    lab.wait(lambda: "Connection to master 127.0.0.1 lost" in lab.daemons["m1"].text(), "the minion to notice")
    go.touch()
    lab.wait(lambda: jid in folder(lab, "spool"), "the return in the spool")
    lab._start("master", "ours", "salt-master", lab.master_dir(), "info")
    assert comes_home(lab, jid) == "spooled"
    lab.wait(lambda: not folder(lab, "spool"), "the spool to be empty")
    lab.wait_up("m1")


def test_a_terminated_job_says_so(lab):
    ran = lab.root / "ran-term"
    jid = start(lab, f"touch {ran}; sleep 60")
    began(lab, ran)
    assert lab.salt("m1", "saltutil.term_job", jid)["m1"].startswith(f"Signal 15 sent to job {jid} at pid ")
    assert comes_home(lab, jid) == "terminated by signal 15"
    job = json.loads(lab.run("salt-run", "jobs.list_job", jid, "--out", "json").stdout)
    assert job["Result"]["m1"]["retcode"] == 143
    assert job["Result"]["m1"]["success"] is False


def test_a_hangup_takes_a_new_schedule_and_its_return_bears_its_name(lab):
    conf = lab.root / "m1" / "minion.d"
    conf.mkdir(exist_ok=True)
    (conf / "jobs.conf").write_text("schedule:\n  nap: {function: test.echo, args: [slept], seconds: 600}\n")
    lab.daemons["m1"].process.send_signal(signal.SIGHUP)
    lab.wait(lambda: "Running scheduled job: nap" in lab.daemons["m1"].text(), "the scheduled job")

    def came():
        jobs = json.loads(lab.run("salt-run", "jobs.list_jobs", "--out", "json").stdout or "{}")
        return any(job["Function"] == "test.echo" and job["Arguments"] == ["slept"] for job in jobs.values())

    lab.wait(came, "its return")


def test_it_stops_in_a_second_with_no_master_to_be_found(lab):
    minion = lab.start_minion("m9", master_port=1)
    lab.wait(lambda: "Setting up the Salt Minion" in minion.text(), "the minion to start")
    time.sleep(1.5)
    began = time.monotonic()
    assert minion.stop() == 0
    assert time.monotonic() - began < 3
    del lab.daemons["m9"]


def test_a_rejected_minion_says_so_and_ends_with_77(lab):
    minion = lab.start_minion("m8")
    lab.wait(lambda: "m8" in lab.keys("minions_pre"), "its key")
    assert lab.run("salt-key", "-y", "-r", "m8").returncode == 0
    lab.wait(lambda: "has rejected this minion's public key" in minion.text(), "the refusal")
    # The failing wait would name it as ended, so its end is awaited by hand.
    assert minion.process.wait(40) == 77
    assert "seconds more, so as not to be started again at once" in minion.text()
    minion.stop()
    del lab.daemons["m8"]


def test_what_a_job_sets_for_others_is_in_their_environment_and_in_warm_ones_too(lab):
    lab.salt("m1", "environ.setenv", "{TRISALT_TA: one}")
    assert lab.salt("m1", "cmd.run", "echo -$TRISALT_TA-") == {"m1": "--"}
    lab.salt("m1", "environ.setenv", "{TRISALT_TA: two}", "update_minion=True")
    assert lab.salt("m1", "cmd.run", "echo -$TRISALT_TA-") == {"m1": "-two-"}
    lab.salt("m1", "environ.setenv", "{TRISALT_TA: false}", "update_minion=True", "false_unsets=True")
    assert lab.salt("m1", "cmd.run", "echo -${TRISALT_TA-gone}-") == {"m1": "-gone-"}
