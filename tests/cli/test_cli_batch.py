"""`salt -b`, `--subset`, `--preview-target`, `--progress`: against a local door that answers by a script."""

import json
import os
import signal
import subprocess
import sys

import pytest

JID = "20261122124940743908"
NO_MATCH = "No minions matched the target. No command was sent, no jid was assigned.\n"


def returned(id, value=True, **more):
    fields = {"id": id, "jid": JID, "fun": "test.ping", "fun_args": [], "return": value, "retcode": 0, "success": True}
    return {"return": {**fields, **more}}


def batch(*frames, down=(), missing=None, halted=None):
    """What the door says of a batch of two, from its beginning to its end."""
    yield {"published": {"jid": JID, "minions": ["m1", "m2", *down], "missing": []}}
    yield {"batch": {"minions": ["m1", "m2"], "down": list(down)}}
    yield from frames
    yield {"settled": {"jid": JID, "missing": missing or {}, "halted": halted}}


def row(id, value="    True\n", retcode=0):
    return f"jid:\n    {JID}\n{id}:\n{value}retcode:\n    {retcode}\n"


ONE_BY_ONE = ({"sent": ["m1"]}, returned("m1"), {"sent": ["m2"]}, returned("m2"))


def test_a_batch_is_asked_of_the_master(door, salt):
    door.says(list(batch(*ONE_BY_ONE)))
    words = ("-b", "25%", "--batch-wait", "1.5", "--failhard", "-t", "7", "-G", "os:Debian", "cmd.run", "id")
    assert salt(*words, "--return", "syslog", "--metadata", "{a: 1}") == 0
    (question,) = door.asked
    assert question == {
        "op": "batch",
        "tgt": "os:Debian",
        "tgt_type": "grain",
        "fun": "cmd.run",
        "arg": ["id"],
        "kwargs": {"metadata": {"a": 1}},
        "ret": "syslog",
        "jid": "",
        "timeout": 7,
        "gather_job_timeout": None,
        "follow": True,
        "size": "25%",
        "wait": 1.5,
        "failhard": True,
    }


@pytest.mark.parametrize("flag", ["-b", "--batch", "--batch-size"])
def test_a_batch_is_printed_as_it_goes(door, salt, capsys, flag):
    door.says(list(batch(*ONE_BY_ONE)))
    assert salt(flag, "1", "*", "test.ping") == 0
    first, second = (f"\nExecuting run on ['{id}']\n\n{row(id)}" for id in ("m1", "m2"))
    assert capsys.readouterr() == (first + second, "")


def test_documents_are_alone_on_stdout(door, salt, capsys):
    door.says(list(batch(*ONE_BY_ONE, down=["m3"])))
    assert salt("-b", "1", "--out", "json", "--out-indent=-1", "*", "test.ping") == 1
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [{"m1": True}, {"m2": True}]
    assert "Executing run on ['m1']" in err
    assert "Minion m3 did not respond. No job will be sent.\n" in err


def test_static_is_one_document(door, salt, capsys):
    door.says(list(batch(*ONE_BY_ONE)))
    assert salt("-b", "1", "-s", "--out", "json", "*", "test.ping") == 0
    assert capsys.readouterr() == ('{\n    "m1": true,\n    "m2": true\n}\n', "")


@pytest.mark.parametrize(
    ("frames", "more", "status"),
    [
        ([returned("m1"), returned("m2")], {}, 0),
        ([returned("m1", retcode=3), returned("m2", retcode=42)], {}, 42),
        ([returned("m1", retcode={"a.b": 0, "c.d": 7}), returned("m2")], {}, 7),
        ([returned("m1", retcode=256), returned("m2")], {}, 1),
        ([returned("m1"), {"lost": {"m2": "gone"}}], {"missing": {"m2": "gone"}}, 1),
        ([returned("m1", retcode=5), {"lost": {"m2": "gone"}}], {"missing": {"m2": "gone"}}, 5),
        ([returned("m1"), returned("m2")], {"down": ["m3"]}, 1),
        ([returned("m1")], {"halted": "stop"}, 1),
        ([returned("m1", retcode=3)], {"halted": "failhard"}, 3),
        ([], {"down": ["m3"]}, 2),
    ],
    ids=str,
)
def test_the_exit_status_is_the_worst_of_all(door, salt, frames, more, status):
    door.says(list(batch(*frames, **more)))
    assert salt("-b", "1", "*", "test.ping") == status


def test_whoever_did_not_return_is_a_row(door, salt, capsys):
    lost = {"m2": "Minion did not return. [No response]"}
    door.says(lambda question: list(batch(returned("m1"), {"lost": lost}, missing=lost)))
    assert salt("-b", "1", "*", "test.ping") == 1
    assert capsys.readouterr().out == row("m1") + "m2:\n    Minion did not return. [No response]\n"
    assert salt("-b", "1", "--hide-timeout", "*", "test.ping") == 1
    assert capsys.readouterr().out == row("m1")


def test_failhard_says_so(door, salt, capsys):
    door.says(list(batch(returned("m1", retcode=3), halted="failhard")))
    assert salt("-b", "1", "--failhard", "*", "cmd.run", "exit 3") == 3
    assert capsys.readouterr().err == "[ERROR   ] Batch run stopped due to failhard\n"


def test_the_summary_counts_those_that_were_not_there(door, salt, capsys):
    door.says(list(batch(*ONE_BY_ONE, down=["m3"])))
    assert salt("-b", "1", "--summary", "-v", "*", "test.ping") == 1
    out = capsys.readouterr().out
    assert "# of minions targeted: 3\n# of minions returned: 2\n# of minions that did not return: 1\n" in out
    assert "Minions not connected: m3\n" in out


def test_docs_are_printed_once(door, salt, capsys):
    docs = {"test.ping": "There."}
    door.says(list(batch(returned("m1", docs), returned("m2", docs))))
    assert salt("-b", "1", "*", "sys.doc", "test.ping") == 0
    assert capsys.readouterr().out == "test.ping:\nThere.\n\n"


def test_a_detached_batch_is_told_and_not_followed(door, salt, capsys):
    door.says([{"published": {"jid": JID, "minions": ["m1"], "missing": []}}])
    assert salt("--async", "-b", "1", "*", "test.ping") == 0
    assert capsys.readouterr() == (f"Executed batch command with job ID: {JID}\n", "")
    assert door.asked[0]["follow"] is False


def test_nobody_is_no_batch(door, salt, capsys):
    door.says([{"published": {"jid": None, "minions": [], "missing": [], "error": "no"}}])
    assert salt("-b", "1", "nosuch", "test.ping") == 2
    assert capsys.readouterr() == (NO_MATCH, "ERROR: No return received\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        *((["-b", size], f"Invalid batch specification {size!r}") for size in ("0", "x", "200%", "-1", "1.5", "")),
        (["--batch-safe-size", "none"], "Invalid batch specification 'none'"),
        (["--batch-wait=-3"], "option --batch-wait: a number of seconds, not '-3'"),
        (["--batch-wait", "long"], "option --batch-wait: invalid value: 'long'"),
        (["--subset", "0"], "option --subset: a number of at least 1, not '0'"),
    ],
    ids=str,
)
def test_a_value_that_is_none_is_a_usage_error(door, salt, capsys, flags, said):
    assert salt(*flags, "*", "test.ping") == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: salt [options] '<target>' <function> [arguments]\n\nsalt: error: ")
    assert said in err
    assert door.asked == []


@pytest.mark.parametrize("how", ["ctrl-c", "master gone"])
def test_whoever_leaves_is_told_how_to_look(door, how):
    def answers(question):
        yield {"published": {"jid": JID, "minions": ["m1"], "missing": []}}
        yield {"batch": {"minions": ["m1"], "down": []}}
        yield {"sent": ["m1"]}
        if how == "ctrl-c":
            yield None

    door.says(answers)
    argv = [sys.executable, "-m", "trisalt.cli.salt", "-c", str(door.config_dir), "-b", "1", "*", "test.sleep", "9"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert [process.stdout.readline() for _ in range(2)] == ["\n", "Executing run on ['m1']\n"]
        if how == "ctrl-c":
            process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    for line in (f"salt-run batch.status {JID}", f"salt-run jobs.lookup_jid {JID}", f"salt-run batch.stop {JID}"):
        assert f"\n{line}\n" in err
    assert "Traceback" not in err


# -- whom it is for ---------------------------------------------------------------------------------------------------


def fleet(question, functions=("test.ping",)):
    """A door with ten minions, of which those with an even number have the functions."""
    match question:
        case {"op": "match"}:
            return [{"matched": {"minions": [f"m{number}" for number in range(10)], "missing": []}}]
        case {"op": "publish", "fun": "sys.list_functions", "tgt": ids}:
            rows = [returned(id, list(functions) if int(id[1:]) % 2 == 0 else []) for id in ids]
        case {"op": "publish", "tgt": ids}:
            rows = [returned(id) for id in (ids if isinstance(ids, list) else ["m1"])]
    return [{"published": {"jid": JID, "minions": ids, "missing": []}}, *rows, {"settled": {"jid": JID, "missing": {}}}]


@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_a_subset_is_of_those_that_have_the_function(door, salt, capsys, count):
    door.says(fleet)
    assert salt("--subset", str(count), "*", "test.ping", "--out", "json", "--static") == 0
    chosen = json.loads(capsys.readouterr().out)
    assert len(chosen) == min(count, 5)
    assert all(int(id[1:]) % 2 == 0 for id in chosen)
    job = door.asked[-1]
    assert (job["tgt_type"], job["tgt"]) == ("list", sorted(chosen))


def test_a_subset_of_several_functions_has_all_of_them(door, salt):
    door.says(lambda question: fleet(question, functions=["test.ping"]))
    assert salt("--subset", "1", "*", "test.ping,cmd.run", ",id") == 2
    assert {tuple(question["arg"]) for question in door.asked[1:]} == {("cmd", "test")}


def test_a_subset_asks_no_more_minions_than_it_takes(door, salt):
    door.says(lambda question: fleet(question) if question["op"] == "match" else fleet({**question}))
    assert salt("--subset", "1", "*", "test.ping") == 0
    asked = [id for question in door.asked if question.get("fun") == "sys.list_functions" for id in question["tgt"]]
    assert len(asked) == len(set(asked)) <= 10
    assert len(door.asked[1]["tgt"]) == 2


def test_a_preview_prints_and_sends_nothing(door, salt, capsys):
    door.says(fleet)
    assert salt("--preview-target", "-G", "os:Debian") == 0
    assert capsys.readouterr() == ("".join(f"- m{number}\n" for number in range(10)), "")
    assert salt("--preview-target", "--out", "json", "--out-indent=-1", "*", "test.ping") == 0
    assert json.loads(capsys.readouterr().out) == [f"m{number}" for number in range(10)]
    assert [question["op"] for question in door.asked] == ["match", "match"]
    assert (door.asked[0]["tgt"], door.asked[0]["tgt_type"]) == ("os:Debian", "grain")


def test_a_preview_of_nobody_is_exit_2(door, salt, capsys):
    door.says([{"matched": {"minions": [], "missing": []}}])
    assert salt("--preview-target", "nosuch") == 2
    assert capsys.readouterr() == ("", "ERROR: No return received\n")


@pytest.mark.parametrize(("limit", "op"), [("10", "batch"), ("11", "publish"), ("1", "publish"), ("0", "publish")])
def test_what_is_for_too_many_becomes_a_batch(door, salt, capsys, limit, op):
    door.says(lambda question: list(batch(*ONE_BY_ONE)) if question["op"] == "batch" else fleet(question))
    assert salt("--batch-safe-limit", limit, "--batch-safe-size", "4", "*", "test.ping") == 0
    question = door.asked[-1]
    assert question["op"] == op
    notice = "\nNOTICE: Too many minions targeted, switching to batch execution.\n"
    assert capsys.readouterr().out.startswith(notice) == (op == "batch")
    assert question.get("size") == ("4" if op == "batch" else None)


@pytest.mark.parametrize(
    ("configured", "words", "size"),
    [
        ({"batch_safe_limit": 10}, [], "8"),
        ({"batch_safe_limit": 10, "batch_safe_size": "25%"}, [], "25%"),
        ({"batch_safe_limit": 10}, ["--batch-safe-size", "2"], "2"),
        ({"batch_safe_limit": 10}, ["--batch-safe-limit", "0"], None),
        ({"batch_safe_limit": 11}, [], None),
    ],
    ids=str,
)
def test_the_configuration_says_how_many_are_too_many(door, salt, tmp_path, configured, words, size):
    door.configure(root_dir=str(tmp_path), sock_dir="/r", **configured, **{"return": ["syslog", "local"]})
    door.says(lambda question: list(batch(*ONE_BY_ONE)) if question["op"] == "batch" else fleet(question))
    assert salt(*words, "*", "test.ping") == 0
    assert (door.asked[-1].get("size"), door.asked[-1]["ret"]) == (size, "syslog,local")


# -- the bar ----------------------------------------------------------------------------------------------------------


def test_a_bar_is_drawn_on_stderr_and_returns_go_to_stdout(door):
    def answers(question):
        yield {"published": {"jid": JID, "minions": ["m1", "m2"], "missing": []}}
        yield returned("m1")
        yield returned("m2")
        yield {"settled": {"jid": JID, "missing": {}}}

    door.says(answers)
    argv = [sys.executable, "-m", "trisalt.cli.salt", "-c", str(door.config_dir), "*", "test.ping", "-p"]
    quiet = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    assert (quiet.stdout, quiet.stderr) == ("m1:\n    True\nm2:\n    True\n", "")
    leader, follower = os.openpty()
    shown = subprocess.run(argv, stdout=subprocess.PIPE, stderr=follower, text=True, timeout=20, check=True)
    os.close(follower)
    drawn = b""
    while True:
        try:
            drawn += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    assert shown.stdout == quiet.stdout
    bars = [line for line in drawn.decode().replace("\r", "\n").splitlines() if line.strip()]
    assert bars[0].startswith("0 of 2 ")
    assert bars[-1].startswith("2 of 2 ")
    assert "100%" in bars[-1]


def test_the_bars_library_is_not_loaded_for_others(door):
    door.says([{"published": {"jid": JID, "minions": ["m1"], "missing": []}}, {"settled": {"jid": JID, "missing": {}}}])
    code = (
        "import sys\nfrom trisalt.cli.salt import main\n"
        f"main(['-c', {str(door.config_dir)!r}, '*', 'test.ping'])\n"
        "assert not {'tqdm', 'trisalt.cli.batch', 'trisalt.cli.subset', 'random'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=True)
