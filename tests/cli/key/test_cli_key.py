"""`salt-key` that only looks: what is printed, how it ends, and what it says of words that are none."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cli.key.masters import KEYS, Master
from tests.support.lab import stock_bin
from tests.support.stock import run_stock
from trisalt.master.keyring import fingerprint
from trisalt.wire.keys import PrivateKey, PublicKey

LISTED = "Accepted Keys:\nA2\na1\nDenied Keys:\nden\nUnaccepted Keys:\nm1\nm10\nm2\nRejected Keys:\nrej\n"
HEAVY = ("trio", "zmq", "cryptography", "structlog", "jinja2", "msgpack", "attr", "asyncio", "typing", "socket")


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
