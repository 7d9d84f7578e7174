"""States through a real master and a real minion: `salt '*' state.apply`."""

import json
import subprocess
import threading

import pytest

from tests.support.lab import OURS, open_lab

pytestmark = pytest.mark.timeout(120)

TREE = {
    "top.sls": "base:\n  '*': [web]\n",
    "web/init.sls": """
include: [common]
{% from 'web/map.jinja' import port with context %}
site:
  test.succeed_with_changes:
    - comment: port {{ port }}
    - require: [{test: common}]
""",
    "web/map.jinja": "{% set port = salt['pillar.get']('web:port', 80) %}",
    "common.sls": "common: test.nop\n",
    "broken.sls": "{{ nope }}\n",
    "bad.sls": "bad: test.fail_without_changes\n",
    # Ends when somebody opens the gate.
    "slow.sls": """
slow:
  module.run: [{name: cmd.run}, {cmd: 'until [ -e "{{ opts.cachedir }}/gate" ]; do sleep 0.1; done'}, {python_shell: true}]
never: test.nop
""",
}


ORCHESTRATION = """
web:
  salt.state: [{tgt: 'm*'}, {sls: web}]
ask:
  salt.function: [{name: test.echo}, {tgt: m1}, {arg: [hi]}, {require: [{salt: web}]}]
run:
  salt.runner: [{name: test.arg}, {a: {{ pillar.get('n') }}}]
turn:
  salt.wheel: [{name: key.list_all}]
fails:
  salt.state: [{tgt: m1}, {sls: bad}]
excused:
  salt.state: [{tgt: m1}, {sls: bad}, {fail_minions: m1}]
nobody:
  salt.state: [{tgt: none}, {sls: web}]
unknown:
  salt.state: [{tgt: [m1, m9]}, {tgt_type: list}, {sls: common}]
late:
  salt.state: [{tgt: m1}, {sls: common}, {timeout: soon}]
within:
  salt.runner: [{name: state.orchestrate}, {arg: [bad]}, {kwarg: {pillar: {a: 1}}}]
broken:
  salt.state: [{tgt: m1}, {sls: broken}]
twice:
  salt.parallel_runners:
    - runners: {one: [{name: test.arg}, {kwarg: {b: 1}}], two: [{name: test.arg}]}
"""


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master(auto_accept=True)
        for name, text in TREE.items():
            path = lab.master_dir() / "srv" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (lab.master_dir() / "srv/orch.sls").write_text(ORCHESTRATION)
        (lab.master_dir() / "pillar/top.sls").write_text("base: {'*': [web]}\n")
        (lab.master_dir() / "pillar/web.sls").write_text("web: {port: 8080}\n")
        lab.start_minion("m1", minion_pillar_cache=True)
        lab.wait_up("m1")
        yield lab


def test_the_top_file_is_applied(lab):
    done = lab.salt("*", "state.apply")["m1"]
    assert {name: entry["result"] for name, entry in done.items()} == {
        "test_|-common_|-common_|-nop": True,
        "test_|-site_|-site_|-succeed_with_changes": True,
    }
    assert done["test_|-site_|-site_|-succeed_with_changes"]["comment"] == "port 8080"


def test_pillar_of_the_command_line_is_laid_over(lab):
    done = lab.salt("*", "state.apply", "web", 'pillar={"web": {"port": 1}}')["m1"]
    assert done["test_|-site_|-site_|-succeed_with_changes"]["comment"] == "port 1"


def test_a_call_on_the_minions_host_asks_the_master_for_files_and_pillar(lab):
    done = lab.run("salt-call", "--out", "json", "state.apply", minion="m1")
    states = json.loads(done.stdout)["local"]
    assert states["test_|-site_|-site_|-succeed_with_changes"]["comment"] == "port 8080"


def test_a_call_keeps_its_pillar_for_calls_without_a_master(lab):
    lab.run("salt-call", "test.ping", minion="m1")
    kept = lab.root / "m1/cache/pillar"
    words = ["--local", "--pillar-root", str(kept), "--out", "json", "pillar.items"]
    alone = json.loads(lab.run("salt-call", *words, minion="m1").stdout)
    assert alone == {"local": {"web": {"port": 8080}}}


def test_a_tree_of_files_that_is_as_it_should_be_is_one_question(lab):
    tree = lab.master_dir() / "srv/app"
    for number in range(300):
        (tree / f"d{number % 7}").mkdir(parents=True, exist_ok=True)
        (tree / f"d{number % 7}/f{number}").write_text(f"content {number}\n")
    (lab.master_dir() / "srv/trees.sls").write_text(
        f"{lab.root}/app:\n  file.recurse: [{{source: 'salt://app'}}, {{include_empty: True}}, {{keep_symlinks: True}}]\n"
    )
    first, second = (returned(lab.salt("m1", "state.apply", "trees")["m1"]) for _ in range(2))
    assert (len(first["changes"]) >= 300, second["changes"], second["result"]) == (True, {}, True)
    (tree / "d1/f1").write_text("other\n")
    before = asked_for_files(lab)
    third = returned(lab.salt("m1", "state.apply", "trees")["m1"])
    assert list(third["changes"]) == [f"{lab.root}/app/d1/f1"]
    assert (lab.root / "app/d1/f1").read_text() == "other\n"
    # Options, environments, the SLS file, the tree; and the one file that changed.
    assert asked_for_files(lab) - before < 12


def test_what_a_state_puts_on_the_file_server_is_seen_by_the_next(lab):
    srv = lab.master_dir() / "srv"
    (srv / "late1").write_text("before\n")
    (srv / "late.sls").write_text(f"""
{srv}/late1: {{file.managed: [{{contents: after}}]}}
{srv}/late2: {{file.managed: [{{contents: new}}]}}
{lab.root}/late1: {{file.managed: [{{source: 'salt://late1'}}]}}
{lab.root}/late2: {{file.managed: [{{source: 'salt://late2'}}]}}
""")
    results = lab.salt("m1", "state.apply", "late")["m1"].values()
    assert [result["result"] for result in results] == [True] * 4, results
    assert [(lab.root / f"late{n}").read_text() for n in (1, 2)] == ["after\n", "new\n"]


def returned(states):
    (result,) = states.values()
    return result


def asked_for_files(lab):
    done = subprocess.run(
        [OURS / "trisalt", "status", "-c", lab.master_dir(), "--out", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return next(each["count"] for each in json.loads(done.stdout)["handlers"] if each["request"] == "FileRequest")


def test_what_does_not_compile_is_told_and_fails(lab):
    done = lab.run("salt", "--out", "json", "--static", "*", "state.apply", "broken")
    (text,) = json.loads(done.stdout)["m1"]
    assert text.startswith("Rendering SLS 'base:broken' failed: Jinja variable 'nope' is undefined; line 1")
    assert done.returncode == 1


def test_a_failed_state_fails_the_job(lab):
    done = lab.run("salt", "*", "state.apply", "bad")
    assert done.returncode == 1
    assert "Failed:    1" in done.stdout


def test_a_run_that_is_under_way_is_told_of_waited_for_and_ended_softly(lab):
    jid = lab.run("salt", "--async", "m1", "state.apply", "slow").stdout.split()[-1]

    def doing():
        found = lab.salt("m1", "saltutil.find_job", jid)["m1"]
        return "state slow (module.run)" in json.dumps(found)

    lab.wait(doing, "the state that runs")
    lab.salt("m1", "state.soft_kill", jid)
    (text,) = lab.salt("m1", "state.apply", "common")["m1"]
    assert text.startswith('The function "state.apply" is running as PID ')
    assert text.endswith(f"with jid {jid}")
    assert list(lab.salt("m1", "state.apply", "common", "concurrent=True")["m1"]) == ["test_|-common_|-common_|-nop"]
    threading.Timer(0.5, (lab.root / "m1/cache/gate").touch).start()
    assert list(lab.salt("m1", "state.apply", "common", "queue=True")["m1"]) == ["test_|-common_|-common_|-nop"]
    done = json.loads(lab.run("salt-run", "--out", "json", "jobs.lookup_jid", jid).stdout)["m1"]
    assert [entry["__id__"] for entry in done.values()] == ["slow"]


def test_an_orchestration_has_minions_runners_and_wheels_do_things_in_order(lab):
    done = lab.run("salt-run", "--out", "json", "state.orchestrate", "orch", 'pillar={"n": 5}')
    found = json.loads(done.stdout)
    assert (found["outputter"], found["retcode"]) == ("highstate", 1)
    (states,) = found["data"].values()
    entries = {entry["__id__"]: entry for entry in states.values()}
    told = {id: (entry["result"], entry["comment"].partition("\n")[0]) for id, entry in entries.items()}
    assert told == {
        "web": (True, "States ran successfully. Updating m1."),
        "ask": (True, "Function ran successfully. Function test.echo ran on m1."),
        "run": (True, "Runner function 'test.arg' executed."),
        "turn": (True, "Wheel function 'key.list_all' executed."),
        "fails": (False, "Run failed on minions: m1"),
        "excused": (True, "States ran successfully. Updating m1."),
        "nobody": (False, "No minions returned"),
        "unknown": (False, "Run failed on minions: m9"),
        "late": (False, "'timeout' must be a number of seconds, not 'soon'"),
        "within": (False, "Runner function 'state.orchestrate' failed."),
        "broken": (False, "Run failed on minions: m1"),
        "twice": (True, "All runner functions executed successfully."),
    }
    assert entries["web"]["changes"]["out"] == "highstate"
    assert entries["ask"]["changes"] == {"ret": {"m1": "hi"}}
    assert entries["run"]["changes"]["return"]["kwargs"] == {"a": 5}
    assert entries["run"]["__jid__"].isdigit()
    assert "Minion m1 returned errors: Rendering SLS 'base:broken' failed" in entries["broken"]["comment"]
    assert done.returncode == 1


def test_an_orchestration_is_shown_as_states_are(lab):
    done = lab.run("salt-run", "state.orch", "common", "test=True")
    assert "_master:\n----------\n          ID: common\n    Function: test.nop" in done.stdout
    assert done.returncode == 0
