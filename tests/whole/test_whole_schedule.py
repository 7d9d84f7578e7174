"""A schedule on a real minion: what comes due by the clock reaches the master, once, over a restart too."""

import json
import signal
from datetime import datetime, timedelta

import pytest
import yaml

from tests.support.lab import open_lab
from trisalt.client.door import Door

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

PILLAR = (
    "whens:\n  always: '{when}'\nschedule:\n  named:\n    function: test.echo\n    args: [named]\n    when: always\n"
)


def soon(seconds):
    return (datetime.now() + timedelta(seconds=seconds)).isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        folder = lab.configure_master()
        (folder / "pillar" / "top.sls").write_text("base:\n  '*':\n    - site\n")
        (folder / "pillar" / "site.sls").write_text("{}\n")
        words = {"function": "test.metasyntactic", "kwargs": {"locality": "uk"}, "once": soon(12), "metadata": {"a": 1}}
        keys = {"function": "wheel.key.list", "args": ["accepted"], "seconds": 3600}
        schedule = {"words": words, "keys": keys}
        lab.start_master(timeout=1, gather_job_timeout=1, presence_heartbeat=1, schedule=schedule)
        ticks = {"function": "test.echo", "args": ["tick"], "cron": "* * * * * */2", "metadata": {"why": "test"}}
        bad = {"function": "test.ping", "cron": "never"}
        lab.start_minion("m1", schedule={"ticks": ticks, "bad": bad})
        lab.accept("m1")
        yield lab


def returned(lab, word):
    """How many jobs of the master's list have come back with a word."""
    done = lab.run("salt-run", "jobs.list_jobs", "search_function=test.echo", "--out", "json")
    return [jid for jid, job in json.loads(done.stdout).items() if job["Arguments"] == [word]]


def test_cron_when_and_once_run_through_a_minion(lab):
    added = lab.salt("m1", "schedule.add", "later", "function=test.echo", "job_args=[once]", f"once={soon(6)}")
    assert added["m1"]["result"] is True
    (lab.master_dir() / "pillar" / "site.sls").write_text(PILLAR.format(when=soon(6)))
    assert lab.salt("m1", "saltutil.refresh_pillar", "wait=True") == {"m1": True}
    lab.wait(lambda: all(returned(lab, word) for word in ("once", "named")), "what was to run once", 30)
    lab.wait(lambda: len(returned(lab, "tick")) >= 2, "two ticks", 30)
    job = json.loads(lab.run("salt-run", "jobs.list_job", returned(lab, "once")[0], "--out", "json").stdout)
    assert job["Result"]["m1"]["return"] == "once"
    assert "is left out:" in lab.daemons["m1"].text()


def test_what_has_run_does_not_run_again_and_what_was_added_is_there_after_a_restart(lab):
    lab.restart("m1")
    lab.wait_up("m1")
    assert lab.salt("m1", "schedule.show_next_fire_time", "later")["m1"]["next_fire_time"] is None
    before = len(returned(lab, "tick"))
    lab.wait(lambda: len(returned(lab, "tick")) > before, "one more tick", 30)
    assert (len(returned(lab, "once")), len(returned(lab, "named"))) == (1, 1)
    kept = yaml.safe_load((lab.root / "m1" / "minion.d" / "_schedule.conf").read_text())
    assert list(kept["schedule"]) == ["later"]
    assert not {key for key in kept["schedule"]["later"] if key.startswith("_")}


def test_the_masters_own_schedule_runs_runners_and_wheel_functions_once(lab):
    def jobs(function):
        done = lab.run("salt-run", "jobs.list_jobs", f"search_function={function}", "--out", "json")
        return list(json.loads(done.stdout))

    lab.wait(lambda: jobs("runner.test.metasyntactic") and jobs("wheel.key.list"), "the master's jobs", 30)
    job = json.loads(lab.run("salt-run", "jobs.list_job", jobs("runner.test.metasyntactic")[0], "--out", "json").stdout)
    assert [result["return"] for result in job["Result"].values()] == [["wibble", "wobble", "wubble", "flob"]]
    assert len(jobs("wheel.key.list")) == 1


def test_a_hangup_has_the_masters_schedule_read_again(lab):
    path = lab.master_dir() / "master"
    config = yaml.safe_load(path.read_text())
    config["schedule"]["more"] = {"function": "test.raw_arg", "args": ["more"], "hours": 1}
    path.write_text(yaml.safe_dump(config))
    lab.daemons["master"].process.send_signal(signal.SIGHUP)

    def ran():
        done = lab.run("salt-run", "jobs.list_jobs", "search_function=runner.test.raw_arg", "--out", "json")
        return json.loads(done.stdout)

    lab.wait(ran, "the new entry's run", 30)


def test_salt_call_asks_the_running_minion(lab):
    done = lab.run("salt-call", "schedule.add", "mine", "function=test.ping", "days=1", minion="m1")
    assert (done.returncode, "Added job: mine to schedule." in done.stdout) == (0, True)
    assert "mine:" in lab.salt("m1", "schedule.list")["m1"]
    done = lab.run("salt-call", "schedule.delete", "nope", minion="m1")
    assert (done.returncode, "Job nope does not exist." in done.stdout) == (1, True)
    done = lab.run("salt-call", "--local", "schedule.disable_job", "ticks", minion="m1")
    assert "Disabled Job ticks in schedule." in done.stdout, done.stdout
    assert lab.salt("m1", "schedule.show_next_fire_time", "ticks")["m1"]["next_fire_time"] is None


def test_what_is_switched_off_on_the_minion_itself_is_known_to_the_master(lab):
    door = Door(str(lab.master_dir() / "run" / "master.sock"))

    def disabled():
        return [
            issue for issue in door.ask({"op": "issues"})["issues"]["items"] if issue["kind"] == "schedule_disabled"
        ]

    assert lab.run("salt-call", "schedule.disable_job", "ticks", minion="m1").returncode == 0
    # What is known of all minions is worked out twice a minute.
    lab.wait(disabled, "the issue", 40)
    assert [issue["text"] for issue in disabled()] == ["m1: the job ticks of the schedule is disabled"]
