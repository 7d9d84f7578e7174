"""A minion of two masters, all of ours: both may ask, each gets what it asked for; and ways to them that break."""

import json
import signal
import time

import pytest

from tests.support.lab import open_lab
from tests.support.proxy import Ways

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

QUICK = {"zmq_heartbeat_ivl": 200, "zmq_heartbeat_timeout": 400, "recon_default": 50, "recon_max": 100}


@pytest.fixture(scope="module")
def labs():
    """Two masters with one pair; the minion `m1` of both lives in the first lab."""
    with open_lab() as one, open_lab() as other:
        one.start_master(timeout=2, gather_job_timeout=2, auto_accept=True)
        one.share_keys_with(other)
        other.start_master(timeout=2, gather_job_timeout=2, auto_accept=True)
        minion = one.start_minion("m1", master=[f"127.0.0.1:{lab.ret_port}" for lab in (one, other)], **QUICK)
        says(one, minion, "Minion is ready to receive requests!")
        says(one, minion, "Authentication with master at 127.0.0.1 successful!", 2)
        for lab in (one, other):
            lab.wait_up("m1")
        yield one, other


def says(lab, minion, line, times=1):
    lab.wait(lambda: minion.text().count(line) >= times, line, 30)


def pings(lab, id="m1"):
    done = lab.run("salt", id, "test.ping", "-t", "2", "--out", "json", "--static")
    return done.returncode == 0 and json.loads(done.stdout) == {id: True}


def looked_up(lab, jid):
    return json.loads(lab.run("salt-run", "jobs.lookup_jid", jid, "--out", "json").stdout or "{}")


def test_a_return_goes_to_the_master_that_asked_and_to_no_other(labs):
    one, other = labs
    for lab, rest in ((one, other), (other, one)):
        jid = lab.run("salt", "--async", "m1", "test.echo", "mine").stdout.split()[-1]
        lab.wait(lambda lab=lab, jid=jid: looked_up(lab, jid) == {"m1": "mine"}, "the return")
        assert looked_up(rest, jid) == {}


def test_the_other_masters_jobs_run_while_one_is_down_and_returns_wait_for_it(labs):
    one, other = labs
    mark, go = one.root / "began", one.root / "go"
    waits = f"touch {mark}; until [ -e {go} ]; do sleep 0.05; done; echo late"
    jid = one.run("salt", "--async", "m1", "cmd.run", waits).stdout.split()[-1]
    one.wait(mark.exists, "the job to begin")
    one.daemons["master"].stop()
    go.touch()
    spool = one.root / "m1" / "cache" / "spool" / jid
    one.wait(spool.exists, "the return in the spool")
    assert pings(other)
    one._start("master", "ours", "salt-master", one.master_dir(), "info")
    one.wait(lambda: looked_up(one, jid) == {"m1": "late"}, "the return", 40)
    assert looked_up(other, jid) == {}


def test_a_minion_behind_a_way_that_falls_silent_is_there_again_when_it_is_back(labs):
    one, _other = labs
    with Ways() as ways:
        jobs, asks = ways.to(one.publish_port), ways.to(one.ret_port)
        minion = one.start_minion("m2", master=f"127.0.0.1:{asks.port}", publish_port=jobs.port, **QUICK)
        says(one, minion, "Minion is ready to receive requests!")
        for way in (jobs, asks):
            ways.do(way.blackhole)
        says(one, minion, "Connection to master 127.0.0.1 lost")
        for way in (jobs, asks):
            ways.do(way.restore)
        says(one, minion, "Connection to master 127.0.0.1 re-established")
        one.wait_up("m2", seconds=10)
        minion.process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        minion.process.send_signal(signal.SIGCONT)
        one.wait_up("m2", seconds=10)
        assert minion.stop() == 0


def test_a_minion_goes_to_the_next_master_and_back_to_the_first_when_that_is_there_again(labs):
    one, other = labs
    ports = [f"127.0.0.1:{lab.ret_port}" for lab in labs]
    options = {"master_type": "failover", "master_alive_interval": 60, "master_failback": True}
    minion = one.start_minion("m3", master=ports, master_failback_interval=1, auth_timeout=1, **options, **QUICK)
    says(one, minion, "Minion is ready to receive requests!")
    one.wait_up("m3")
    assert one.salt("m3", "config.get", "master") == {"m3": ports[0]}
    watching = one.salt("m3", "schedule.list", "show_all=True", "return_yaml=False")["m3"]
    assert watching[f"__master_alive_{ports[0]}"]["function"] == "status.master"
    one.daemons["master"].stop()
    says(one, minion, f"Re-initialising subsystems for new master {ports[1]}")
    other.wait_up("m3")
    assert other.salt("m3", "config.get", "master") == {"m3": ports[1]}
    # A command has its own way to a master: the first that answers.
    done = one.run("salt-call", "pillar.items", "--out", "json", minion="m3")
    assert done.returncode == 0, done.stderr
    one._start("master", "ours", "salt-master", one.master_dir(), "info")
    says(one, minion, f"Re-initialising subsystems for new master {ports[0]}")
    one.wait_up("m3")
    assert not pings(other, "m3")
    assert minion.stop() == 0


def test_what_a_call_fires_is_told_to_both_masters_and_one_that_is_down_delays_it_little(labs):
    one, other = labs

    def heard(lab, tag):
        done = lab.run("salt-run", "state.event", tag, "--since", "1h", "--until", "now")
        return done.stdout.count(f"{tag}\t")

    done = one.run("salt-call", "event.send", "my/call", "a=1", minion="m1")
    assert done.returncode == 0, done.stderr
    for lab in labs:
        lab.wait(lambda lab=lab: heard(lab, "my/call") == 1, "the event")
    other.daemons["master"].stop()
    began = time.monotonic()
    done = one.run("salt-call", "event.send", "my/other", minion="m1")
    assert time.monotonic() - began < 15
    assert done.returncode == 0, done.stderr
    assert heard(one, "my/other") == 1
    other._start("master", "ours", "salt-master", other.master_dir(), "info")
    other.wait_up("m1")
