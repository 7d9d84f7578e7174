"""The reactor of a real master: what a minion fires comes back to it as a job, loops end, and the map is read again."""

import json
import signal
import sqlite3

import pytest
import yaml

from tests.support.lab import open_lab
from trisalt.wire.codec import unpack_bin

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]

FILES = {
    "echo.sls": "echo:\n  local.test.echo:\n    - tgt: {{ data.id }}\n    - arg: [{{ data.data.what }}]\n",
    "loop.sls": "again:\n  runner.event.send:\n    - args:\n      - tag: loop/again\n      - data: {depth: {{ data.get('reactor_depth', 0) }} }\n",
    "orch.sls": "orch:\n  runner.state.orchestrate:\n    - args:\n      - mods: orch.echo\n",
    "later.sls": "later:\n  wheel.key.list:\n    - args: [{match: acc}]\n",
}
ORCHESTRATION = "told:\n  salt.function:\n    - name: test.echo\n    - tgt: m1\n    - arg: [orchestrated]\n"


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        folder = lab.configure_master()
        for name, text in FILES.items():
            (lab.root / name).write_text(text)
        (folder / "srv" / "orch").mkdir()
        (folder / "srv" / "orch" / "echo.sls").write_text(ORCHESTRATION)
        put_map(lab, {"echo/*": "echo.sls", "loop/*": "loop.sls", "orch": "orch.sls"})
        lab.start_master(timeout=2, gather_job_timeout=2, reactor=str(lab.root / "map.yml"), reactor_max_depth=4)
        lab.start_minion("m1")
        lab.accept("m1")
        yield lab


def put_map(lab, rows):
    rows = [{tag: [str(lab.root / name)]} for tag, name in rows.items()]
    (lab.root / "map.yml").write_text(yaml.safe_dump(rows))


def told(lab, glob):
    """The payloads of the log's events with such a tag."""
    connection = sqlite3.connect(lab.master_dir() / "cache" / "trisalt.db")
    try:
        rows = connection.execute("SELECT data FROM events WHERE tag GLOB ? ORDER BY number", (glob,)).fetchall()
    finally:
        connection.close()
    return [unpack_bin(data) for (data,) in rows]


def reacted(lab, tag):
    return [event for event in told(lab, "trisalt/reacted") if event["to"] == tag]


def fire(lab, tag, **data):
    done = lab.run("salt-run", "event.send", tag, json.dumps(data))
    assert done.returncode == 0, done.stderr


def test_what_a_minion_fires_comes_back_to_it_as_a_job(lab):
    lab.run("salt-call", "event.send", "echo/this", "what=hello", minion="m1")
    lab.wait(lambda: reacted(lab, "echo/this"), "the reaction", 20)
    (event,) = reacted(lab, "echo/this")
    assert (event["fun"], event["success"], event["reactor_depth"]) == ("local.test.echo", True, 1)
    lab.wait(lambda: told(lab, f"salt/job/{event['jid']}/ret/m1"), "the job's return", 20)
    (returned,) = told(lab, f"salt/job/{event['jid']}/ret/m1")
    assert (returned["return"], returned["user"]) == ("hello", "root")


def test_a_loop_of_reactions_ends_with_a_line(lab):
    fire(lab, "loop/first")
    lab.wait(lambda: "4 reactions led to the event loop/again" in lab.daemons["master"].text(), "the line", 20)
    assert [event.get("reactor_depth") for event in told(lab, "loop/*")] == [None, 1, 2, 3, 4]


def test_what_an_orchestration_of_a_reaction_sends_says_whence_it_came(lab):
    fire(lab, "orch")
    lab.wait(lambda: reacted(lab, "orch"), "the end of the orchestration", 30)
    (event,) = reacted(lab, "orch")
    assert event["success"], event
    jobs = [job for job in told(lab, "salt/job/*/new") if job["arg"] == ["orchestrated"]]
    assert [(job["user"], job["reactor_depth"]) for job in jobs] == [("Reactor", 1)]


def test_a_hangup_has_the_map_read_again_and_what_was_added_is_gone(lab):
    added = lab.run("salt-run", "reactor.add", "more", f"reactors={lab.root}/later.sls", "--out", "json")
    assert json.loads(added.stdout) == {"status": True, "comment": "Reactor added."}
    put_map(lab, {"later": "later.sls"})
    lab.daemons["master"].process.send_signal(signal.SIGHUP)

    def listed():
        return json.loads(lab.run("salt-run", "reactor.list", "--out", "json").stdout)

    lab.wait(lambda: listed() == [{"later": [str(lab.root / "later.sls")]}], "the new map", 20)
    fire(lab, "later")
    lab.wait(lambda: reacted(lab, "later"), "the new reaction", 20)
    assert reacted(lab, "later")[0]["fun"] == "wheel.key.list"


def test_a_reaction_under_way_when_its_master_is_killed_is_not_done_again(lab):
    (lab.root / "later.sls").write_text("slow:\n  runner.test.sleep:\n    - args: {s_time: 60}\n")
    fire(lab, "later")
    lab.wait(lambda: [run for run in told(lab, "salt/run/*/new") if run["fun"] == "runner.test.sleep"], "the run", 20)
    lab.restart("master", signal.SIGKILL)
    lab.wait(lambda: told(lab, "salt/run/*/ret") and lab.keys("minions") and listens(lab), "the next master", 30)
    (run,) = [run for run in told(lab, "salt/run/*/new") if run["fun"] == "runner.test.sleep"]
    (end,) = [end for end in told(lab, "salt/run/*/ret") if end["fun"] == "runner.test.sleep"]
    assert end["jid"] == run["jid"]
    assert end["return"].startswith("Interrupted")


def listens(lab):
    return lab.run("salt-run", "reactor.is_leader", "--out", "json").stdout.strip() == "true"
