"""`salt-key` that changes keys: what is asked, what is moved, and what a master is told."""

import io
import json
import os
import sys

import pytest

from tests.cli.key.masters import KEYS, A, D, R
from tests.support.fakedoor import FakeDoor
from trisalt.cli.salt_key import main


def test_a_transcript_of_accepting(run, master):
    assert run("-a", "m1*", answer="y\n") == (
        0,
        "The following keys are going to be accepted:\nUnaccepted Keys:\nm1\nm10\nProceed? [n/Y] "
        "Key for minion m1 accepted.\nKey for minion m10 accepted.\n",
        "",
    )
    assert master.states() == {**KEYS, "m1": A, "m10": A}
    assert not master.asked_for_rotation


def test_a_transcript_of_deleting(run, master):
    assert run("-d", "a1,m1", answer="Yes\n") == (
        0,
        "The following keys are going to be deleted:\nAccepted Keys:\na1\nUnaccepted Keys:\nm1\nProceed? [N/y] "
        "Key for minion m1 deleted.\nKey for minion a1 deleted.\n",
        "",
    )
    assert master.states() == {id: state for id, state in KEYS.items() if id not in ("a1", "m1")}
    assert (master.cache / ".dfn").read_text() == "here_master"
    assert (master.cache / ".dfn").stat().st_mode & 0o777 == 0o400


def test_a_transcript_of_rejecting(run, master):
    assert run("-y", "-r", "m2") == (
        0,
        "The following keys are going to be rejected:\nUnaccepted Keys:\nm2\nKey for minion m2 rejected.\n",
        "",
    )
    assert master.states()["m2"] is R
    assert master.asked_for_rotation


@pytest.mark.parametrize(
    ("flag", "answer", "done"),
    [
        ("-a", "\n", True),
        ("-a", "Y\n", True),
        ("-a", "n\n", False),
        ("-a", "what\n", False),
        ("-a", "yes", True),
        ("-r", "\n", True),
        ("-r", "no\n", False),
        ("-d", "\n", False),
        ("-d", "y\n", True),
        ("-d", "x\n", False),
    ],
)
def test_what_counts_as_yes(run, master, flag, answer, done):
    status, out, err = run(flag, "m2", answer=answer)
    assert (status, err) == (0, "")
    assert (master.states() != KEYS) is done
    assert out.endswith("ed.\n" if done else "y] " if flag == "-d" else "Y] ")


@pytest.mark.parametrize(("flag", "done"), [("-a", "accepted"), ("-r", "rejected"), ("-d", "deleted")])
def test_no_answer_is_no(run, master, flag, done):
    status, out, err = run(flag, "m2")
    assert (status, err) == (1, f"\nThere was no answer. Nothing was {done}.\n")
    assert "Proceed?" in out
    assert master.states() == KEYS
    assert not master.asked_for_rotation


def test_a_closed_stdin_is_no_answer(master, monkeypatch, capsys):
    closed = io.StringIO()
    closed.close()
    for stdin in (None, closed):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["-c", str(master.etc), "-A"]) == 1
    assert master.states() == KEYS


def test_ctrl_c_at_the_question_changes_nothing(master, monkeypatch, capsys):
    class Interrupted:
        def readline(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Interrupted())
    assert main(["-c", str(master.etc), "-D"]) == 1
    assert capsys.readouterr().err == "\nExiting on CTRL-c\n"
    assert master.states() == KEYS


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["-A"], {"m1": A, "m10": A, "m2": A}),
        (["-A", "--include-rejected"], {"m1": A, "m10": A, "m2": A, "rej": A}),
        (["-A", "--include-all", "--include-denied"], {"m1": A, "m10": A, "m2": A, "rej": A, "den": A}),
        (["-R"], {"m1": R, "m10": R, "m2": R}),
        (["-r", "*", "--include-accepted"], {"m1": R, "m10": R, "m2": R, "a1": R, "A2": R}),
        (["-r", "a1", "--include-all"], {"a1": R}),
        (["-r", "den", "--include-denied"], {"den": R}),
    ],
    ids=" ".join,
)
def test_what_is_included(run, master, words, changes):
    assert run("-y", *words)[0] == 0
    assert master.states() == {**KEYS, **changes}


def test_all_keys_are_deleted_in_all_states(run, master):
    assert run("-y", "-D")[0] == 0
    assert master.states() == {}


def test_of_an_id_in_two_states_one_key_is_accepted(run, master, pems):
    master.keyring.store("m1", pems["den"], D)
    assert run("-y", "-a", "m1", "--include-denied") == (
        0,
        "The following keys are going to be accepted:\nDenied Keys:\nm1\nUnaccepted Keys:\nm1\n"
        "Key for minion m1 accepted.\n",
        "The unaccepted key of m1 was accepted; its denied one stays.\n",
    )
    assert master.keyring.read("m1", A) == pems["m1"]
    assert master.states()["m1"] == {A, D}


def test_a_key_in_two_states_is_deleted_with_two_lines(run, master, pems):
    master.keyring.store("m1", pems["den"], D)
    out = run("-y", "-d", "m1")[1]
    assert out.count("Key for minion m1 deleted.\n") == 2
    assert "m1" not in master.states()


def test_what_is_no_key_is_not_accepted_and_the_others_are(run, master):
    (master.pki / "minions_pre" / "m10").write_text("no key")
    status, out, err = run("-y", "-A")
    assert (status, err) == (1, "Unable to accept invalid key for m10: it stays unaccepted.\n")
    assert out.endswith("Key for minion m1 accepted.\nKey for minion m2 accepted.\n")
    assert master.states() == {**KEYS, "m1": A, "m2": A}


@pytest.mark.parametrize(
    ("words", "states", "done"),
    [
        (["-a", "nosuch"], "unaccepted", "accepted"),
        (["-a", "a1"], "unaccepted", "accepted"),
        (["-a", ""], "unaccepted", "accepted"),
        (["-a", "nosuch", "--include-all"], "unaccepted or rejected", "accepted"),
        (["-a", "x", "--include-rejected", "--include-denied"], "unaccepted, rejected or denied", "accepted"),
        (["-r", "nosuch", "--include-accepted", "--include-denied"], "unaccepted, accepted or denied", "rejected"),
        (["-d", "nosuch"], "unaccepted, rejected, accepted or denied", "deleted"),
    ],
    ids=str,
)
def test_a_glob_without_keys_is_a_failure_that_names_what_was_sought(run, master, words, states, done):
    sentence = f"The key glob '{words[1]}' does not match any {states} keys.\n"
    assert run(*words) == (1, sentence, f"Nothing was {done}.\n")
    assert run(*words, "--ignore-missing") == (0, sentence, "")
    assert run(*words, "--out", "json", "--ignore-missing") == (0, "{}\n", "")
    assert master.states() == KEYS


def test_a_quiet_change_prints_nothing_but_what_has_to_be_asked(run, master):
    assert run("-q", "-y", "-a", "m1") == (0, "", "")
    assert run("-q", "-a", "m2", answer="y\n") == (
        0,
        "The following keys are going to be accepted:\nUnaccepted Keys:\nm2\nProceed? [n/Y] ",
        "",
    )
    assert master.states() == {**KEYS, "m1": A, "m2": A}


@pytest.mark.parametrize("answer", [None, "y\n", "n\n"])
def test_json_is_one_document_of_what_was_done(run, answer):
    words = ["-y"] if answer is None else []
    status, out, err = run("--out", "json", "-d", "m1,den", *words, answer=answer or "")
    assert status == 0
    assert json.loads(out) == ({} if answer == "n\n" else {"minions_pre": ["m1"], "minions_denied": ["den"]})
    assert err == (
        ""
        if answer is None
        else "The following keys are going to be deleted:\nDenied Keys:\nden\nUnaccepted Keys:\nm1\nProceed? [N/y] "
    )


# -- the master -----------------------------------------------------------------------------------------------------


@pytest.fixture
def door(tmp_path, master):
    """A master that runs: `door.answers` is what it says."""
    fake = FakeDoor(tmp_path, lambda question: fake.answers)
    fake.answers = [{"ok": True}]
    master.run = f"/{os.path.basename(os.path.dirname(fake.path))}"
    master.configure()
    yield fake
    fake.close()


@pytest.mark.parametrize(
    ("words", "act", "ids", "rotate"),
    [
        (["-a", "m1*"], "accepted", ["m1", "m10"], False),
        (["-r", "m2"], "rejected", ["m2"], True),
        (["-d", "*1"], "delete", ["a1", "m1"], True),
        (["-d", "m1", "--rotate-aes-key=False"], "delete", ["m1"], False),
        (["-d", "m1", "--rotate-aes-key", "true", "--preserve-minions=True"], "delete", ["m1"], True),
    ],
    ids=str,
)
def test_a_master_that_runs_is_told_at_once(run, master, door, words, act, ids, rotate):
    assert run("-y", *words)[::2] == (0, "")
    assert door.asked == [{"op": "key_changed", "act": act, "ids": ids, "rotate": rotate}]
    assert not master.asked_for_rotation


def test_the_configuration_says_whether_to_rotate(run, master, door):
    master.configure(rotate_aes_key=False)
    run("-y", "-d", "m1")
    assert door.asked[0]["rotate"] is False


@pytest.mark.parametrize("words", [["-L"], ["-F"], ["-P"], ["-a", "nosuch"], ["-A"]], ids=str)
def test_who_changes_nothing_tells_nobody(run, door, words):
    run(*words, answer="n\n")
    assert door.asked == []


@pytest.mark.parametrize(
    "answers",
    [[], [{"error": {"name": "AuthorizationError", "message": "no"}}], [{"what": 1}], [b"\xff\xff\xff\xff"]],
    ids=str,
)
def test_a_master_that_does_not_take_it_finds_the_drop_file(run, master, door, answers):
    door.answers = answers
    assert run("-y", "-d", "m1")[::2] == (0, "")
    assert len(door.asked) == 1
    assert master.asked_for_rotation


def test_a_master_that_hangs_is_not_waited_for(run, master, door, monkeypatch):
    monkeypatch.setattr("trisalt.cli.salt_key.PATIENCE", 0.05)
    door.answers = [None]
    assert run("-y", "-r", "m1")[::2] == (0, "")
    assert len(door.asked) == 1
    assert master.asked_for_rotation


@pytest.mark.parametrize(
    ("words", "options"),
    [(["-a", "m1"], {}), (["-d", "m1", "--rotate-aes-key=False"], {}), (["-d", "m1"], {"rotate_aes_key": False})],
    ids=str,
)
def test_no_rotation_is_asked_for_without_need(run, master, words, options):
    master.configure(**options)
    assert run("-y", *words)[0] == 0
    assert not master.asked_for_rotation


def test_keys_go_where_no_master_has_ever_run(run, master):
    master.cache.rmdir()
    assert run("-y", "-d", "m1")[::2] == (0, "")


def test_a_rotation_that_cannot_be_asked_for_is_said(run, master):
    (master.cache / ".dfn").mkdir()
    status, _, err = run("-y", "-d", "m1")
    assert status == 1
    assert err.startswith("ERROR: The master was not asked for a new shared key: ")
    assert "m1" not in master.states()
