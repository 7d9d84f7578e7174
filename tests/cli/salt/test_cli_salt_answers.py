"""`salt` prints what returns, as it comes or at the end."""

import json
import subprocess
import sys

import pytest

from tests.cli.salt.answers import JID, RESPONSE, job, returned


def test_each_return_is_printed(door, salt, capsys):
    door.says(list(job(returned("m2"), returned("m1", {"a": [1]}))))
    assert salt("*", "test.ping") == 0
    assert capsys.readouterr() == ("m2:\n    True\nm1:\n    ----------\n    a:\n        - 1\n", "")


def test_returns_are_printed_as_they_come(door, tmp_path):
    def slowly(question):
        yield {"published": {"jid": JID, "minions": ["m1"], "missing": []}}
        yield returned("m1")
        yield None

    door.says(slowly)
    command = [sys.executable, "-m", "trisalt.cli.salt", "-c", str(door.config_dir), "*", "test.ping"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"m1:\n"
        assert process.stdout.readline() == b"    True\n"
        process.kill()


def test_a_failed_return_is_exit_1(door, salt, capsys):
    door.says(list(job(returned("m1", "", retcode=3, success=False), returned("m2"))))
    assert salt("*", "cmd.run", "exit 3") == 1
    assert capsys.readouterr() == ("m1:\nm2:\n    True\n", "ERROR: Minions returned with non-zero exit code\n")


def test_a_function_that_returns_false_has_not_failed(door, salt):
    door.says(list(job(returned("m1", False))))
    assert salt("*", "test.false") == 0


def test_one_function_of_several_that_fails_is_exit_1(door, salt):
    door.says(list(job(returned("m1", {"a": 1, "b": 2}, retcode={"a": 0, "b": 1}, success={"a": True, "b": False}))))
    assert salt("*", "a,b", ",") == 1


def test_missing_minions_are_rows_with_stocks_text(door, salt, capsys):
    missing = {"m3": RESPONSE, "m2": "Minion did not return. [Not connected]"}
    door.says(list(job(returned("m1"), missing=missing)))
    assert salt("*", "test.ping") == 1
    out, err = capsys.readouterr()
    assert out == (
        "m1:\n    True\n"
        "m2:\n    Minion did not return. [Not connected]\n"
        "m3:\n    Minion did not return. [No response]\n"
        "    The minions may not have all finished running and any remaining minions will return upon completion. "
        "To look up the return data for this job later, run the following command:\n"
        f"    \n    salt-run jobs.lookup_jid {JID}\n"
    )
    assert err == "ERROR: Minions returned with non-zero exit code\n"


def test_missing_minions_can_be_hidden(door, salt, capsys):
    door.says(list(job(returned("m1"), missing={"m3": RESPONSE})))
    assert salt("--hide-timeout", "*", "test.ping") == 1
    assert capsys.readouterr().out == "m1:\n    True\n"


def test_nothing_but_hidden_minions_is_no_return(door, salt, capsys):
    door.says(list(job(missing={"m3": RESPONSE}, minions=["m3"])))
    assert salt("--hide-timeout", "m3", "test.ping") == 2
    assert capsys.readouterr() == ("", "ERROR: No return received\n")


def test_colours_are_stocks(door, salt, capsys):
    door.says(list(job(returned("m1", {"a": ["b"]}), returned("m2", 1, retcode=1), missing={"m3": "gone"})))
    assert salt("--force-color", "*", "test.ping") == 1
    assert capsys.readouterr().out == (
        "\x1b[0;36mm1\x1b[0;0m:\n    \x1b[0;36m----------\x1b[0;0m\n    \x1b[0;36ma\x1b[0;0m:\n"
        "        \x1b[0;32m- b\x1b[0;0m\n"
        "\x1b[0;31mm2\x1b[0;0m:\n    \x1b[0;1;33m1\x1b[0;0m\n"
        "\x1b[0;36mm3\x1b[0;0m:\n\x1b[0;31m    gone\x1b[0;0m\n"
    )


def test_the_returns_own_outputter_is_used(door, salt, capsys):
    door.says(list(job(returned("m1", "a\nb", out="txt"))))
    assert salt("*", "x.y") == 0
    assert capsys.readouterr().out == "m1: a\nm1: b\n"


def test_json_lines_are_json_lines(door, salt, capsys):
    door.says(list(job(returned("m1"), returned("m2", "x"), missing={"m3": RESPONSE})))
    assert salt("--out", "json", "--out-indent=-1", "-v", "--summary", "*", "test.ping") == 1
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [{"m1": True}, {"m2": "x"}, {"m3": RESPONSE}]
    assert f"Executing job with jid {JID}" in err


def test_static_json_is_one_document_with_everybody_in_it(door, salt, capsys):
    door.says(list(job(returned("m2"), returned("m1"), missing={"m3": "gone"})))
    assert salt("--static", "--out", "json", "*", "test.ping") == 1
    assert json.loads(capsys.readouterr().out) == {"m1": True, "m2": True, "m3": "gone"}


def test_static_prints_once_sorted(door, salt, capsys):
    door.says(list(job(returned("m2"), returned("m1"))))
    assert salt("-s", "*", "test.ping") == 0
    assert capsys.readouterr().out == "m1:\n    True\nm2:\n    True\n"


def test_output_goes_to_a_file(door, salt, capsys, tmp_path):
    door.says(list(job(returned("m1"))))
    path = tmp_path / "out"
    assert salt("--out-file", str(path), "--out", "txt", "*", "test.ping") == 0
    assert path.read_text() == "m1: True\n"
    assert salt("--out-file", str(path), "--out-file-append", "--out", "txt", "*", "test.ping") == 0
    assert path.read_text() == "m1: True\n" * 2
    assert capsys.readouterr().out == ""


def test_the_job_id_is_told_when_asked_for(door, salt, capsys):
    door.says(list(job(returned("m1"))))
    assert salt("-v", "*", "test.ping") == 0
    line = f"Executing job with jid {JID}"
    assert capsys.readouterr().out == f"{line}\n{'-' * len(line)}\n\nm1:\n    True\n"
    assert salt("--show-jid", "*", "test.ping") == 0
    assert capsys.readouterr().out.startswith(f"jid: {JID}\n")


def test_the_summary_counts_and_names(door, salt, capsys):
    missing = {"m3": RESPONSE, "m4": "Minion did not return. [Not connected]"}
    door.says(list(job(returned("m1"), returned("m2", retcode=1), missing=missing)))
    assert salt("--summary", "-v", "--hide-timeout", "*", "test.ping") == 1
    rule = "-" * 43
    assert capsys.readouterr().out.partition("m2:\n    True\n")[2] == (
        f"\n\n{rule}\nSummary\n{rule}\n# of minions targeted: 4\n# of minions returned: 2\n"
        "# of minions that did not return: 2\n# of minions with errors: 1\n"
        f"Minions not connected: m4\nMinions not responding: m3\nMinions with failures: m2\n{rule}\n"
    )


def test_a_detached_job_is_told_and_not_followed(door, salt, capsys):
    door.says([{"published": {"jid": JID, "minions": ["m1"], "missing": []}}])
    assert salt("--async", "*", "test.ping") == 0
    assert capsys.readouterr() == (f"Executed command with job ID: {JID}\n", "")
    assert door.asked[0]["follow"] is False


@pytest.mark.parametrize(
    ("options", "flags", "out"),
    [
        ({"show_jid": True}, [], f"jid: {JID}\nm1:\n    True\nm3:\n    gone\n"),
        ({"show_timeout": False}, [], "m1:\n    True\n"),
        ({"show_timeout": False}, ["--show-timeout"], "m1:\n    True\nm3:\n    gone\n"),
        ({"output": "txt"}, [], "m1: True\nm3: gone\n"),
        ({"output": "txt"}, ["--out", "raw"], "{'m1': True}\n{'m3': 'gone'}\n"),
    ],
    ids=str,
)
def test_what_the_configuration_says_counts_where_no_flag_does(door, salt, capsys, options, flags, out):
    door.configure(root_dir=str(door.config_dir.parent), sock_dir="/r", **options)
    door.says(list(job(returned("m1"), missing={"m3": "gone"})))
    assert salt(*flags, "*", "test.ping") == 1
    assert capsys.readouterr().out == out


@pytest.mark.parametrize(
    ("options", "flags", "colored"),
    [
        ({"color": False}, [], False),
        ({"color": False}, ["--force-color"], True),
        ({}, ["--no-color"], False),
        ({}, [], True),
    ],
    ids=str,
)
def test_colours_are_the_terminals_the_configurations_and_the_flags(
    door, salt, monkeypatch, capsys, options, flags, colored
):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    door.configure(root_dir=str(door.config_dir.parent), sock_dir="/r", **options)
    door.says(list(job(returned("m1"))))
    assert salt(*flags, "*", "test.ping") == 0
    assert ("\x1b[" in capsys.readouterr().out) == colored
