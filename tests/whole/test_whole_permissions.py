"""Who may what, with real accounts, PAM and tokens, on a master and two minions of ours."""

from __future__ import annotations

import json
import os
import pty
import re
import secrets
import select
import subprocess
import sys
import time

import pytest

from tests.support.accounts import account, uid_of
from tests.support.lab import OURS, open_lab

pytestmark = [
    pytest.mark.whole,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts"),
]

GROUP = f"tst{secrets.token_hex(3)}"
NOT_ALLOWED = 77


@pytest.fixture(scope="module")
def ann():
    with account("ann", groups=(GROUP,)) as made:
        yield made


@pytest.fixture(scope="module")
def lab(ann):
    granted = [
        "test.ping",
        {"web1": ["test.arg", {"test.echo": {"args": ["hello.*"]}}]},
        {"@runner": ["jobs.*", "test.arg"], "@wheel": ["key.list_all"]},
    ]
    with open_lab() as lab:
        lab.root.chmod(0o755)
        lab.start_master(
            "ours",
            timeout=3,
            gather_job_timeout=3,
            external_auth={"pam": {ann[0]: granted, f"{GROUP}%": ["test.version"]}},
            publisher_acl={ann[0]: ["test.ping", {"web1": ["test.echo"]}]},
            publisher_acl_blacklist={"modules": ["test.fib"]},
        )
        for id in ("web1", "db1"):
            lab.start_minion(id)
        lab.accept("web1", "db1")
        yield lab


def as_ann(ann, *more):
    return ["-a", "pam", "--username", ann[0], "--password", ann[1], *more]


def log_of(lab):
    return (lab.master_dir() / "log").read_text(errors="replace") + lab.daemons["master"].text()


@pytest.mark.parametrize(
    ("words", "returned"),
    [
        (["*", "test.ping"], {"web1": True, "db1": True}),
        (["web1", "test.echo", "hello you"], {"web1": "hello you"}),
        (["web1", "test.ping,test.echo", ",", "hello"], {"web1": {"test.ping": True, "test.echo": "hello"}}),
        (["-L", "db1,nosuch", "test.ping"], {"db1": True}),
    ],
    ids=str,
)
def test_a_user_of_pam_may_what_is_granted(lab, ann, words, returned):
    done = lab.run("salt", *as_ann(ann, "--out", "json", "--static", "--hide-timeout", *words))
    assert json.loads(done.stdout) == returned, done.stderr


def test_the_grants_of_a_group_are_added(lab, ann):
    done = lab.run("salt", *as_ann(ann, "--out", "json", "--static", "web1", "test.version"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["*", "test.echo", "hello"],
        ["db1", "test.echo", "hello"],
        ["web1", "test.echo", "goodbye"],
        ["web1", "cmd.run", "id"],
        ["web1", "test.ping,cmd.run", ",", "id"],
        ["web1", "test.fib", "3"],
    ],
    ids=str,
)
def test_what_is_not_granted_is_refused_and_told_in_the_log(lab, ann, words):
    done = lab.run("salt", *as_ann(ann, *words))
    assert (done.returncode, done.stdout, done.stderr) == (NOT_ALLOWED, "", "Authorization error occurred.\n")
    assert f"{ann[0]} does not have permissions to run" in log_of(lab)


@pytest.mark.parametrize(
    ("program", "name", "words"), [("salt", None, ["*", "test.ping"]), ("salt-run", "root", ["jobs.list_jobs"])]
)
def test_who_cannot_prove_it_is_nobody(lab, ann, program, name, words):
    shown = ["-a", "pam", "--username", name or ann[0], "--password", ann[1] if name else "wrong"]
    done = lab.run(program, *shown, *words)
    assert (done.returncode, done.stdout, done.stderr) == (NOT_ALLOWED, "", "Authentication error occurred.\n")


def test_a_backend_that_is_not_enabled_is_named_before_anybody_is_asked_for_a_password(lab):
    done = lab.run("salt", "-a", "nosuch", "*", "test.ping")
    assert done.returncode == NOT_ALLOWED
    assert '"nosuch" is not available\nAvailable eauth types: pam' in done.stderr


@pytest.mark.parametrize(
    ("words", "returncode"), [(["test.arg", "x"], 0), (["jobs.list_jobs"], 0), (["manage.up"], NOT_ALLOWED)], ids=str
)
def test_runners_go_through_the_same_gate(lab, ann, words, returncode):
    done = lab.run("salt-run", *as_ann(ann, "--out", "json", *words))
    assert done.returncode == returncode, done.stderr
    assert bool(done.stdout) is (returncode == 0)


def test_keys_are_seen_and_moved_by_who_may(lab, ann):
    shown = ["--auth", "pam", "--username", ann[0], "--password", ann[1]]
    done = lab.run("salt-key", *shown, "--out", "json", "-L")
    assert json.loads(done.stdout)["minions"] == ["db1", "web1"], done.stderr
    done = lab.run("salt-key", *shown, "-y", "-d", "web1")
    assert (done.returncode, done.stderr) == (NOT_ALLOWED, "Authorization error occurred.\n")
    assert lab.keys("minions") == ["db1", "web1"]


def test_the_master_polls_for_a_user_who_may_not_ask_for_it(lab, ann):
    lab.daemons["db1"].process.send_signal(19)
    try:
        done = lab.run("salt", *as_ann(ann, "-t", "1", "--gather-job-timeout", "1", "*", "test.ping"))
    finally:
        lab.daemons["db1"].process.send_signal(18)
    assert "web1:\n    True" in done.stdout
    assert "Minion did not return" in done.stdout


# -- on a terminal -------------------------------------------------------------------------------------------------------


def typed(argv, env, *answers):
    """Run a command on a terminal of its own and answer what it asks: what was shown."""
    pid, terminal = pty.fork()
    if not pid:
        os.execve(argv[0], argv, env)
    shown, rest, deadline = b"", list(answers), time.monotonic() + 60
    try:
        while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
            if rest and shown.rstrip().endswith(rest[0][0]):
                os.write(terminal, rest.pop(0)[1] + b"\n")
    finally:
        os.close(terminal)
        _pid, status = os.waitpid(pid, 0)
    return shown.decode(), os.waitstatus_to_exitcode(status)


def test_who_is_not_named_is_asked_on_the_terminal_and_the_password_is_not_shown(lab, ann):
    argv = [str(OURS / "salt"), "-c", str(lab.master_dir()), "-a", "pam", "web1", "test.ping"]
    shown, status = typed(argv, lab.env, (b"username:", ann[0].encode()), (b"password:", ann[1].encode()))
    assert status == 0, shown
    assert "True" in shown
    assert ann[1] not in shown


# -- tokens, and accounts by the kernel's word ---------------------------------------------------------------------------

# Python itself may stand where only root can read: what is needed is there before.
AS_ACCOUNT = """
import encodings.ascii, encodings.idna, getpass, json, os, sys, textwrap
import trisalt.cli.job, trisalt.cli.salt, trisalt.cli.run, trisalt.cli.salt_run, trisalt.loader.words
import trisalt.plugins.outputters.nested, trisalt.plugins.outputters.json_out, yaml
uid, program, *argv = sys.argv[1:]
os.setgroups([]); os.setgid(int(uid)); os.setuid(int(uid))
sys.exit({"salt": trisalt.cli.salt.main, "salt-run": trisalt.cli.salt_run.main}[program](argv))
"""


@pytest.fixture
def home(open_folder, ann):
    folder = open_folder / "home"
    folder.mkdir()
    os.chown(folder, uid_of(ann[0]), -1)
    folder.chmod(0o700)
    return folder


@pytest.fixture
def as_account(lab, ann, home):
    def run(program, *words):
        argv = [sys.executable, "-c", AS_ACCOUNT, str(uid_of(ann[0])), program, "-c", str(lab.master_dir()), *words]
        env = {**lab.env, "HOME": str(home)}
        return subprocess.run(argv, capture_output=True, text=True, env=env, check=False, timeout=60, cwd="/")

    return run


def test_an_account_of_the_host_may_what_it_is_granted_without_any_password(as_account):
    assert as_account("salt", "*", "test.ping").returncode == 0
    assert "hi" in as_account("salt", "web1", "test.echo", "hi").stdout
    for words in (["*", "test.echo", "hi"], ["web1", "test.version"]):
        assert as_account("salt", *words).returncode == NOT_ALLOWED
    assert as_account("salt-run", "jobs.list_jobs").returncode == NOT_ALLOWED


def test_a_token_stands_for_its_owner_from_then_on_and_says_so(lab, as_account, ann, home):
    made = as_account("salt", "-T", *as_ann(ann), "web1", "test.version")
    assert made.returncode == 0, made.stderr
    file = home / ".salt_token"
    assert file.stat().st_mode & 0o777 == 0o600
    token = file.read_text()
    assert re.fullmatch("[0-9a-f]{64}", token)
    # What a group is granted comes with the token, and only with it.
    used = as_account("salt", "-v", "web1", "test.version")
    assert used.returncode == 0, used.stderr
    assert f"Asking as by the token in {file}" in used.stderr or f"the token in {file}" in used.stderr
    assert as_account("salt-run", "jobs.list_jobs").returncode == 0
    # Who knows of it has seen it nowhere else.
    assert token not in log_of(lab)
    assert token not in lab.run("salt-run", "cache.fetch", "tokens", "x").stdout
    for path in (lab.master_dir() / "cache").rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


def test_a_token_made_by_a_runner_serves_until_it_is_dropped(lab, as_account, ann, home):
    named = [f"username={ann[0]}", f"password={ann[1]}"]
    made = json.loads(lab.run("salt-run", "--out", "json", "auth.mk_token", "eauth=pam", *named).stdout)
    file = home / ".salt_token"
    file.write_text(made["token"])
    os.chown(file, uid_of(ann[0]), -1)
    file.chmod(0o600)
    assert as_account("salt-run", "jobs.list_jobs").returncode == 0
    assert lab.run("salt-run", "--out", "json", "auth.del_token", made["token"]).stdout.strip() == "true"
    assert as_account("salt-run", "jobs.list_jobs").returncode == NOT_ALLOWED
    refused = lab.run("salt-run", "--out", "json", "auth.mk_token", "eauth=pam", *named[:1], "password=x")
    assert (refused.stdout.strip(), refused.returncode) == ("{}", 1)
    assert made["token"] not in log_of(lab)


def test_root_is_root_whatever_token_lies_about(lab, as_account, ann, home):
    (home / ".salt_token").write_text("0" * 64)
    (home / ".salt_token").chmod(0o600)
    env, lab.env = lab.env, {**lab.env, "HOME": str(home)}
    try:
        assert lab.run("salt", "web1", "cmd.run", "id -u").returncode == 0
    finally:
        lab.env = env


def test_a_token_that_is_of_no_use_is_named_and_one_that_others_can_read_is_not_heeded(as_account, ann, home):
    file = home / ".salt_token"
    file.write_text("0" * 64)
    os.chown(file, uid_of(ann[0]), -1)
    file.chmod(0o600)
    done = as_account("salt", "web1", "test.ping")
    assert done.returncode == NOT_ALLOWED
    assert f"The token in {file} is of no use any more" in done.stderr
    file.chmod(0o644)
    done = as_account("salt", "web1", "test.ping")
    assert done.returncode == 0
    assert "is not heeded" in done.stderr


# -- nothing leaks -------------------------------------------------------------------------------------------------------


def test_no_password_comes_onto_the_bus_or_into_a_log(lab, ann):
    watcher = subprocess.Popen(
        [str(OURS / "salt-run"), "-c", str(lab.master_dir()), "state.event", "tagmatch=*"],
        stdout=subprocess.PIPE,
        text=True,
        env=lab.env,
    )
    try:
        lab.wait(
            lambda: lab.run("salt-run", "event.send", "lab/first") and select.select([watcher.stdout], [], [], 0)[0],
            "events",
        )
        for words in (["web1", "test.ping"], ["web1", "cmd.run", "id"]):
            lab.run("salt", *as_ann(ann, *words))
        lab.run("salt-run", *as_ann(ann, "manage.up"))
        lab.run("salt", "-a", "pam", "--username", ann[0], "--password", ann[1] + "x", "web1", "test.ping")
        lab.run("salt-run", "event.send", "lab/last")
        seen = ""
        while "lab/last" not in seen:
            line = watcher.stdout.readline()
            assert line, seen
            seen += line
    finally:
        watcher.kill()
        watcher.communicate()
    assert ann[1] not in seen + log_of(lab)
    assert re.search(r"^trisalt/login\t.*\"result\": false", seen, re.MULTILINE)
    assert re.search(r"^salt/job/error\t.*\"reason\": \"cmd.run is not granted", seen, re.MULTILINE)
    assert re.search(r"^trisalt/command/refused\t.*manage.up", seen, re.MULTILINE)
