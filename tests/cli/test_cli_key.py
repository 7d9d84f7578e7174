"""`salt-key` on folders of keys: what is printed, what is moved, what a master is told, and how it ends."""

import base64
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.fakedoor import FakeDoor
from tests.support.lab import stock_bin
from tests.support.stock import run_stock
from trisalt.cli.salt_key import main
from trisalt.master.keyring import Keyring, State, fingerprint
from trisalt.wire.keys import PrivateKey, PublicKey

A, D, P, R = State.ACCEPTED, State.DENIED, State.PENDING, State.REJECTED
KEYS = {"a1": A, "A2": A, "m1": P, "m10": P, "m2": P, "rej": R, "den": D}
LISTED = "Accepted Keys:\nA2\na1\nDenied Keys:\nden\nUnaccepted Keys:\nm1\nm10\nm2\nRejected Keys:\nrej\n"
HEAVY = ("trio", "zmq", "cryptography", "structlog", "jinja2", "msgpack", "attr", "asyncio", "typing", "socket")


@pytest.fixture(scope="session")
def pems():
    return {id: PrivateKey.generate(1024).public.pem for id in KEYS}


class Master:
    """The folders of a master that is down."""

    def __init__(self, root):
        self.root = root
        self.cache = root / "cache"
        self.pki = root / "pki"
        self.keyring = Keyring(self.pki)
        self.etc = root / "etc"
        self.run = "/run"
        for folder in (self.etc, self.cache):
            folder.mkdir(exist_ok=True)
        self.keyring.prepare()
        self.configure()

    def configure(self, **more):
        options = {
            "root_dir": self.root, "pki_dir": "/pki", "cachedir": "/cache", "sock_dir": self.run,
            "key_logfile": "/log", "log_file": "/log", "id": "here_master", "user": "root", **more,
        }  # fmt: skip
        (self.etc / "master").write_text("".join(f"{key}: {value}\n" for key, value in options.items()))

    def states(self):
        """Id to the states it is in, one after the other."""
        found = {}
        for state in State:
            for id in self.keyring.list(state):
                found.setdefault(id, []).append(state)
        return {id: states[0] if len(states) == 1 else set(states) for id, states in found.items()}

    @property
    def asked_for_rotation(self):
        return (self.cache / ".dfn").exists()


@pytest.fixture
def master(tmp_path, pems):
    master = Master(tmp_path)
    for id, state in KEYS.items():
        master.keyring.store(id, pems[id], state)
    return master


@pytest.fixture
def run(master, monkeypatch, capsys):
    """Run the command; exit status, stdout, stderr. `answer` is what stdin says; nothing, when it is at its end."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("SALT_SALTFILE", raising=False)

    def run(*words, answer=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        try:
            status = main(["-c", str(master.etc), *words])
        except SystemExit as exc:
            status = exc.code
        return (status, *capsys.readouterr())

    return run


# -- looking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("-L",), ("-l", "all"), ("--list-all", "-q")], ids=str)
def test_all_keys_are_listed_by_state(run, words):
    assert run(*words) == (0, LISTED, "")


@pytest.mark.parametrize(
    ("word", "printed"),
    [
        ("acc", "Accepted Keys:\nA2\na1\n"),
        ("accepted", "Accepted Keys:\nA2\na1\n"),
        ("pre", "Unaccepted Keys:\nm1\nm10\nm2\n"),
        ("un", "Unaccepted Keys:\nm1\nm10\nm2\n"),
        ("unaccepted", "Unaccepted Keys:\nm1\nm10\nm2\n"),
        ("rej", "Rejected Keys:\nrej\n"),
        ("denied", "Denied Keys:\nden\n"),
    ],
)
def test_one_state_is_listed(run, word, printed):
    assert run("-l", word) == (0, printed, "")


def test_states_without_keys_have_their_headers(run, master):
    for id in KEYS:
        master.keyring.delete(id)
    assert run("-L") == (0, "Accepted Keys:\nDenied Keys:\nUnaccepted Keys:\nRejected Keys:\n", "")
    assert run("-P") == (0, "", "")


def test_documents_hold_the_states_in_stocks_order(run):
    status, out, err = run("-L", "--out", "json")
    assert (status, err) == (0, "")
    assert list(json.loads(out).items()) == [
        ("minions_pre", ["m1", "m10", "m2"]),
        ("minions_rejected", ["rej"]),
        ("minions", ["a1", "A2"]),
        ("minions_denied", ["den"]),
    ]
    assert run("-l", "rej", "--out", "raw") == (0, "{'minions_rejected': ['rej']}\n", "")
    assert run("-l", "rej", "--out", "txt") == (0, "minions_rejected: ['rej']\n", "")
    assert run("-l", "rej", "--out", "yaml") == (0, "minions_rejected:\n- rej\n", "")
    assert run("-l", "rej", "--out", "nested") == (0, "minions_rejected:\n    - rej\n", "")
    assert run("-l", "rej", "--out", "json", "--out-indent=-1") == (0, '{"minions_rejected": ["rej"]}\n', "")
    assert run("-L", "--out", "quiet") == (0, "", "")


def test_the_colours_are_stocks(run):
    assert run("-l", "acc", "--force-color")[1] == (
        "\x1b[0;1;32mAccepted Keys:\x1b[0;0m\n\x1b[0;32mA2\x1b[0;0m\n\x1b[0;32ma1\x1b[0;0m\n"
    )
    assert "\x1b" not in run("-L", "--no-color")[1]


def test_a_file_takes_what_is_printed(run, tmp_path):
    path = tmp_path / "out"
    path.write_text("old\n")
    assert run("-l", "rej", "--out-file", str(path)) == (0, "", "")
    assert run("-l", "den", "--out-file", str(path), "--out-file-append") == (0, "", "")
    assert path.read_text() == "Rejected Keys:\nrej\nDenied Keys:\nden\n"


@pytest.mark.parametrize(
    ("words", "filed"),
    [
        (["-L"], LISTED),
        (["-l", "rej"], "Rejected Keys:\nrej\n"),
        (["-ya", "m1"], "Unaccepted Keys:\nm1\n"),
        (["-ya", "m1", "--out", "json"], '{\n    "minions_pre": [\n        "m1"\n    ]\n}\n'),
    ],
)
def test_the_configuration_may_name_the_file(run, master, tmp_path, words, filed):
    path = tmp_path / "configured"
    master.configure(output_file=path)
    assert LISTED not in run(*words)[1]
    assert path.read_text() == filed
    other = tmp_path / "named"
    run("-L", "--out-file", str(other))
    assert other.read_text()
    assert path.read_text() == filed, "the command line goes first"


def test_who_is_asked_sees_the_keys_that_go_to_a_file(run, master, tmp_path):
    path = tmp_path / "configured"
    master.configure(output_file=path)
    _status, printed, _err = run("-a", "m1", answer="y\n")
    assert printed.startswith("The following keys are going to be accepted:\nUnaccepted Keys:\nm1\nProceed? [n/Y] ")
    assert path.read_text() == "Unaccepted Keys:\nm1\n"


def test_keys_are_printed(run, pems):
    assert run("-p", "m1") == (0, f"Unaccepted Keys:\nm1:  {pems['m1']}\n", "")
    assert json.loads(run("-P", "--out", "json")[1])["minions_denied"] == {"den": pems["den"]}


def test_fingerprints_are_those_that_minions_show(run, pems):
    shown = PublicKey.from_pem(pems["m1"]).fingerprint()
    assert run("-f", "m1") == (0, f"Unaccepted Keys:\nm1:  {shown}\n", "")


def test_the_masters_own_keys_have_fingerprints_and_are_never_printed(run, master, pems):
    (master.pki / "host.pub").write_text(pems["m1"])
    (master.pki / "host.pem").write_bytes(PrivateKey.generate(1024).pem)
    out = run("-F")[1]
    assert out.startswith("Local Keys:\nhost.pem:  ")
    assert f"host.pub:  {fingerprint(pems['m1'])}\nAccepted Keys:\n" in out
    status, out, _ = run("-p", "host*")
    assert (status, out) == (1, "")
    assert "PRIVATE" not in run("-P")[1]


def test_fingerprints_are_by_the_configured_hash(run, master, pems):
    master.configure(hash_type="md5")
    assert run("-f", "m1")[1] == f"Unaccepted Keys:\nm1:  {fingerprint(pems['m1'], 'md5')}\n"


@pytest.mark.parametrize("flag", ["-p", "-f"])
def test_a_glob_that_finds_nothing_to_print_is_a_failure(run, flag):
    assert run(flag, "nosuch") == (
        1, "", "The key glob 'nosuch' does not match any keys. Nothing was printed.\n"
    )  # fmt: skip
    assert run(flag, "nosuch", "--ignore-missing") == (0, "", "")
    assert run(flag, "nosuch", "--out", "json", "--ignore-missing") == (0, "{}\n", "")


# -- changing -------------------------------------------------------------------------------------------------------


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


# -- making keys ----------------------------------------------------------------------------------------------------


def test_a_pair_is_made_and_stays(run, tmp_path):
    folder = tmp_path / "new"
    words = ("--gen-keys", "m9", "--gen-keys-dir", str(folder))
    status, out, err = run(*words)
    pem = (folder / "m9.pem").read_bytes()
    public = PrivateKey.from_pem(pem).public
    assert (status, out, err) == (0, f"m9.pub:  {public.fingerprint()}\n", "")
    assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    assert (folder / "m9.pem").stat().st_mode & 0o777 == 0o400
    assert (folder / "m9.pub").read_text() == public.pem
    assert run(*words)[:2] == (0, out)
    assert (folder / "m9.pem").read_bytes() == pem
    (folder / "m9.pub").unlink()
    assert run(*words)[0] == 1
    assert not (folder / "m9.pub").exists()


@pytest.mark.parametrize("name", ["../m9", "", "a/b"])
def test_a_pair_stays_in_its_folder(run, tmp_path, name):
    status, out, err = run("--gen-keys", name, "--gen-keys-dir", str(tmp_path / "new"))
    assert (status, out) == (1, "")
    assert err.startswith("ERROR: --gen-keys: ")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_pair_for_somebody_who_is_not_there_is_not_made(run, tmp_path):
    status, _, err = run("--gen-keys", "m9", "--gen-keys-dir", str(tmp_path / "new"), "-u", "nosuchuser")
    assert (status, err) == (1, "ERROR: user: this host has no account 'nosuchuser'\n")
    assert os.listdir(tmp_path / "new") == []


def test_the_masters_key_is_signed(run, master, pems):
    (master.pki / "master.pub").write_text(pems["m1"])
    path = master.pki / "here_master_pubkey_signature"
    assert run("--gen-signature")[0] == 1
    assert run("--gen-signature", "--auto-create") == (0, f"{path}\n", "")
    signer = PrivateKey.from_pem((master.pki / "master_sign.pem").read_bytes()).public
    assert signer.verify(pems["m1"].encode(), base64.b64decode(path.read_text()), "PKCS1v15-SHA1")
    assert run("--gen-signature")[0] == 1
    words = ("--priv", str(master.pki / "master_sign.pem"), "--pub", str(master.pki / "minions" / "a1"))
    assert run("--gen-signature", *words, "--signature-path", str(master.root / "sig"))[0] == 0
    signature = base64.b64decode((master.root / "sig" / path.name).read_text())
    assert signer.verify(pems["a1"].encode(), signature, "PKCS1v15-SHA1")


# -- usage, and what cannot be read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-l", "zzz"], "'zzz' is not a valid argument to '--list'"),
        (["--gen-keys", "x", "--keysize", "2047"], "The minimum value for keysize is 2048"),
        (["--gen-keys", "x", "--keysize", "32769"], "The maximum value for keysize is 32768"),
        (["-a"], "-a option requires 1 argument"),
        (["-a", "m1", "m2"], "unexpected argument: m2 (globs want quotes, several ids commas)"),
        (["-a", "m1", "-d", "m2"], "One action at a time: --accept and --delete"),
        (["-A", "--nosuch"], "no such option: --nosuch"),
    ],
    ids=str,
)
def test_usage_errors_are_two_lines(run, master, words, message):
    assert run(*words) == (64, "", f"Usage: salt-key [options]\n\nsalt-key: error: {message}\n")
    assert master.states() == KEYS


def test_a_configuration_that_cannot_be_read_is_one_line(run, master):
    (master.etc / "master").write_text("a: [\n")
    status, out, err = run("-L")
    assert (status, out) == (1, "")
    assert err.startswith("ERROR: ")
    assert "Traceback" not in err


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_who_may_not_read_the_keys_is_told_so():
    # pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        master = Master(Path(folder))
        code = (
            "import os, sys; from trisalt.cli.salt_key import main;"
            f"os.setgid(65534); os.setuid(65534); sys.exit(main(['-c', {str(master.etc)!r}, '-L']))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 77
    assert done.stderr == f"ERROR: {master.pki}/minions_pre: Permission denied\n"


def test_listing_imports_nothing_heavy(master):
    code = (
        "import sys; before = set(sys.modules); from trisalt.cli.salt_key import main;"
        f"main(['-c', {str(master.etc)!r}, '-L']);"
        f"sys.exit(str([name for name in {HEAVY} if name in set(sys.modules) - before]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (LISTED, "[]\n")


@pytest.mark.interop
@pytest.mark.parametrize("words", ["-L", "-l pre --out json", "-P", "-p m1 --out json", "-y -a m2", "-y -D", "-a x"])
def test_stock_prints_and_does_the_same(master, run, tmp_path_factory, pems, words):
    theirs = Master(tmp_path_factory.mktemp("stock"))
    for id, state in KEYS.items():
        theirs.keyring.store(id, pems[id], state)
    command = [str(stock_bin() / "salt-key"), "-c", str(theirs.etc), *words.split()]
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = run_stock(command, env=env)
    assert run(*words.split())[1] == "".join(
        line for line in done.stdout.splitlines(keepends=True) if not line.startswith("unclosed ")
    )
    assert master.states() == theirs.states()
    assert master.asked_for_rotation == theirs.asked_for_rotation
