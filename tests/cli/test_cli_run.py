"""`salt-run` against a local door that answers by a script."""

import json
import signal
import subprocess
import sys
from functools import partial

import pytest

from trisalt.cli.salt_run import main

JID = "20261122124940743908"
STARTED = {"started": {"jid": JID, "tag": f"salt/run/{JID}"}}
HEAVY = ("trio", "zmq", "cryptography", "structlog", "jinja2", "attrs", "attr", "msgpack.fallback", "asyncio")


def result(value, retcode=0, **more):
    return [STARTED, {"result": {"return": value, "retcode": retcode, "success": not retcode, **more}}]


@pytest.fixture
def run(command):
    return partial(command, main)


# -- runners ------------------------------------------------------------------------------------------------------


def test_asks_for_a_runner_and_prints_what_it_returns(door, run, capsys):
    door.says(result({"m1": [1, 2]}))
    assert run("jobs.lookup_jid", JID, "missing=True") == 0
    assert capsys.readouterr() == ("m1:\n    - 1\n    - 2\n", "")
    (question,) = door.asked
    assert question == {
        "op": "runner",
        "fun": "jobs.lookup_jid",
        "arg": [JID],
        "kwarg": {"missing": True},
        "follow": True,
        "pieces": True,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("jobs.list_jobs", "--since", "1h"), "--since is of state.event, and not of jobs.list_jobs"),
        (("--unt=now", "jobs.list_jobs"), "--until is of state.event, and not of jobs.list_jobs"),
        (("jobs.tail", JID, "--cursor", "x"), "--cursor is of state.event, and not of jobs.tail"),
        (("manage.up", "--filter", "a=b"), "--filter is of state.event and jobs.tail, and not of manage.up"),
        (("manage.up", "--format=tab"), "--format is of state.event and jobs.tail, and not of manage.up"),
        (("jobs.list_jobs", "--count", "3"), "no such option: --count"),
    ],
)
def test_a_flag_that_has_nothing_to_do_with_the_function_is_an_error_of_usage(door, run, capsys, words, message):
    assert run(*words) == 64
    assert capsys.readouterr().err.endswith(f"\n\nsalt-run: error: {message}\n")
    assert door.asked == []


def test_what_a_saltfile_says_of_following_does_not_concern_other_functions(door, run, tmp_path):
    saltfile = tmp_path / "Saltfile"
    saltfile.write_text("salt-run: {since: 1h, format: ndjson}\n")
    door.says(result(["m1"]))
    assert run("--saltfile", str(saltfile), "manage.up") == 0


def test_the_runners_own_outputter_is_used(door, run, capsys):
    door.says(result({"outputter": "txt", "data": {"m1": "a\nb"}}))
    assert run("jobs.lookup_jid", JID) == 0
    assert capsys.readouterr().out == "m1: a\nm1: b\n"
    # With more beside, as an orchestration has it, whoever chooses a document is given all of it.
    door.says(result({"outputter": "highstate", "data": {"m1": "a"}, "retcode": 1}, 1))
    assert run("--out", "raw", "x.y") == 1
    assert capsys.readouterr().out == "{'outputter': 'highstate', 'data': {'m1': 'a'}, 'retcode': 1}\n"
    door.says(result({"m1": "x"}, out="raw"))
    assert run("x.y") == 0
    assert capsys.readouterr().out == "{'m1': 'x'}\n"


def test_json_is_one_document_whatever_the_runner_tells_on_its_way(door, run, capsys):
    door.says([STARTED, {"progress": {"message": "1%"}}, *result({"a": None})[1:]])
    assert run("--out", "json", "x.y") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": None}
    assert json.loads(err) == {"message": "1%"}


def test_progress_and_result_are_printed_unless_quiet(door, run, capsys):
    tag = f"{STARTED['started']['tag']}/progress"
    door.says([STARTED, {"progress": {"message": "1%", "tag": tag}}, *result(True)[1:]])
    assert run("x.y") == 0
    assert capsys.readouterr().out == "event:\n    ----------\n    message:\n        1%\nsuffix:\n    progress\nTrue\n"
    assert run("--quiet", "x.y") == 0
    assert capsys.readouterr() == ("", "")


def test_what_a_runner_prints_is_printed_beside_a_document(door, run, capsys):
    door.says([STARTED, {"progress": {"message": "a\nb\n", "tag": f"salt/run/{JID}/print"}}, *result(True)[1:]])
    assert run("x.y") == 0
    assert capsys.readouterr() == ("a\nb\nTrue\n", "")
    assert run("--out", "json", "x.y") == 0
    assert capsys.readouterr() == ("true\n", "a\nb\n")


def test_who_wants_to_hear_nothing_has_the_exit_status(door, run, capsys):
    door.says(result("no", 3))
    assert run("--quiet", "x.y") == 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (result("'nosuch.fun' is not available.", 1), 1),
        (result("Exception occurred in runner error.error", 1), 1),
        (result(False), 0),
        (result(None, 137), 137),
        (result(None, 4000), 1),
        (result(None, {"a": 1}), 1),
        ([STARTED, {"result": {"return": "no", "retcode": 0, "success": False}}], 1),
    ],
    ids=str,
)
def test_the_exit_status_is_true(door, run, answer, status):
    door.says(answer)
    assert run("x.y") == status


def test_a_detached_run_tells_its_tag_on_stderr(door, run, capsys):
    door.says([STARTED])
    assert run("--async", "x.y") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(f"This execution is running under tag salt/run/{JID}\n")


def test_the_jid_of_the_run_may_be_chosen(door, run):
    door.says(result(True))
    assert run("--jid", JID, "x.y") == 0
    assert door.asked[0]["jid"] == JID


@pytest.mark.parametrize(("words", "arg"), [([], []), (["-d"], []), (["-d", "jobs"], ["jobs"])], ids=str)
def test_documentation(door, run, capsys, words, arg):
    door.says(result({"jobs.b": "B.\n", "jobs.a": "A."}))
    assert run(*words) == 0
    assert capsys.readouterr().out == "jobs.a:\nA.\n\njobs.b:\nB.\n\n\n"
    assert (door.asked[0]["fun"], door.asked[0]["arg"]) == ("doc.runner", arg)


def test_what_has_no_documentation_is_said(door, run, capsys):
    door.says(result({}))
    assert run("-d", "nosuch") == 2
    assert capsys.readouterr() == ("", "No documentation was found\n")


def test_without_a_master_one_line_and_exit_2(tmp_path, capsys):
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\nsock_dir: /r\n")
    for words in (["jobs.active"], ["state.event"]):
        assert main(["-c", str(tmp_path), *words]) == 2
        assert capsys.readouterr() == ("", "The salt master could not be contacted. Is master running?\n")


def test_who_may_not_is_told(door, run, capsys):
    door.says([{"error": {"name": "AuthorizationError", "message": "The user ann may not do this"}}])
    assert run("jobs.active") == 77
    assert capsys.readouterr().err == "The user ann may not do this\n"


# -- state.event --------------------------------------------------------------------------------------------------

EVENTS = [
    ["salt/job/1/new", 41, "user/root", {"jid": "1", "b": None, "a": [1]}],
    ["salt/auth", 42, "master/", {"id": "ünï"}],
    ["salt/job/1/ret/m1", 43, "minion/m1", {"return": True}],
]
READY = {"ready": {"log": "a1b2", "at": 40}}


def events(*batches, end=False):
    def says(question):
        yield READY
        for batch in batches:
            yield {"events": batch}
        if not end:
            yield None

    return says


def test_events_are_a_line_each_tag_tab_json(door, run, capsys):
    door.says(events(EVENTS))
    assert run("state.event", "count=3") == 0
    assert capsys.readouterr() == (
        'salt/job/1/new\t{"jid": "1", "b": null, "a": [1]}\nsalt/auth\t{"id": "ünï"}\nsalt/job/1/ret/m1\t{"return": true}\n',
        "",
    )
    assert door.asked == [{"op": "events", "match": None}]


def test_pretty_events_are_sorted_and_indented(door, run, capsys):
    door.says(events(EVENTS[:1]))
    assert run("state.event", "pretty=True", "count=1") == 0
    assert capsys.readouterr().out == (
        'salt/job/1/new\t{\n    "a": [\n        1\n    ],\n    "b": null,\n    "jid": "1"\n}\n'
    )


def test_the_master_chooses_by_the_pattern(door, run):
    door.says(events(EVENTS[:1]))
    assert run("state.event", "salt/job/*", "1") == 0
    assert door.asked[0]["match"] == ["salt/job/*"]


def test_quiet_events_are_counted_and_not_printed(door, run, capsys):
    door.says(events(EVENTS))
    assert run("state.event", "quiet=True", "count=2") == 0
    assert capsys.readouterr() == ("", "")


def test_lost_events_are_told_on_stderr(door, run, capsys):
    def says(question):
        yield READY
        yield {"lagged": 5}
        yield {"events": EVENTS[:1]}

    door.says(says)
    assert run("state.event", "count=1") == 0
    assert "5 events were missed" in capsys.readouterr().err


def test_a_master_that_goes_away_ends_it_with_2(door, run, capsys):
    door.says(events(EVENTS, end=True))
    assert run("state.event") == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err.count("\n") == 1


def test_a_silence_that_is_too_long_ends_it_with_1(door, run, capsys):
    door.says(events())
    assert run("-t", "1", "state.event") == 1
    assert capsys.readouterr().err == "No event came in 1 seconds\n"


@pytest.mark.parametrize(
    "words", [["count=x"], ["nosuch=1"], ["*", "1", "True", "", "True", "master", "more"]], ids=str
)
def test_arguments_it_does_not_know_are_refused(door, run, capsys, words):
    assert run("state.event", *words) == 1
    assert capsys.readouterr().err.startswith("ERROR: state.event")
    assert door.asked == []


def test_ctrl_c_ends_it_quietly(door):
    door.says(events(EVENTS))
    command = [sys.executable, "-m", "trisalt.cli.salt_run", "-c", str(door.config_dir), "state.event"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in EVENTS:
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_closed_stdout_ends_it_quietly(door):
    def says(question):
        yield READY
        for _ in range(1000):
            yield {"events": [["x", 41, "user/root", {"data": "y" * 1000}]]}
        yield None

    door.says(says)
    command = [sys.executable, "-m", "trisalt.cli.salt_run", "-c", str(door.config_dir), "state.event"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")


def test_the_command_is_thin(door):
    door.says(events(EVENTS))
    code = (
        "import sys; from trisalt.cli.salt_run import main\n"
        f"main(['-c', {str(door.config_dir)!r}, 'state.event', 'count=3'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
