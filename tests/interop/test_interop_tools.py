"""Stock's own tools on our master: its command line, its event watcher, its Python client."""

import os
import subprocess

import pytest

from tests.support.accounts import account
from tests.support.lab import open_lab, stock_bin

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def ann():
    if os.geteuid() != 0:
        yield "nobody", "secret"
        return
    with account("ann") as made:
        yield made


needs_account = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts")


@pytest.fixture(scope="module")
def lab(ann):
    granted = ["test.ping", {"m1": [{"test.echo": {"args": ["hello.*"]}}]}, {"@runner": ["test.arg"]}]
    with open_lab() as lab:
        lab.start_master("ours", timeout=3, gather_job_timeout=3, external_auth={"pam": {ann[0]: granted}})
        lab.start_minion("m1", "ours")
        lab.accept("m1")
        yield lab


def test_stocks_salt_publishes_and_prints_what_returns(lab):
    done = lab.run("salt", "*", "test.ping", kind="stock")
    assert (done.returncode, done.stdout) == (0, "m1:\n    True\n"), done.stderr


def test_stocks_salt_key_lists_our_keys_as_we_do(lab):
    theirs, ours = (lab.run("salt-key", "-L", kind=kind) for kind in ("stock", "ours"))
    assert ours.stdout == theirs.stdout
    assert "m1" in ours.stdout


@needs_account
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["*", "test.ping"], "m1:\n    True\n"),
        (["m1", "test.echo", "hello"], "m1:\n    hello\n"),
        (["m1", "test.echo", "goodbye"], "Authorization error occurred."),
        (["*", "test.ping,cmd.run", ",", "id"], "Authorization error occurred."),
    ],
    ids=str,
)
def test_stocks_salt_asks_as_a_user_of_pam(lab, ann, words, shown):
    done = lab.run("salt", "-a", "pam", "--username", ann[0], "--password", ann[1], *words, kind="stock")
    assert shown in done.stdout + done.stderr
    assert ("Authorization" in shown) is ("Authorization" in done.stdout + done.stderr)


@needs_account
def test_stocks_salt_makes_a_token_and_publishes_with_it(lab, ann):
    shown = ["-a", "pam", "--username", ann[0], "--password", ann[1]]
    done = lab.run("salt", "-T", *shown, "m1", "test.ping", kind="stock")
    assert "m1:\n    True\n" in done.stdout, done.stderr
    (file,) = (path for path in (lab.root / "salt_token", lab.root / ".salt_token") if path.exists())
    assert len(file.read_text()) == 64
    file.unlink()


@needs_account
def test_stocks_salt_run_asks_as_a_user_of_pam(lab, ann):
    shown = ["-a", "pam", "--username", ann[0], "--password", ann[1]]
    assert "- x" in lab.run("salt-run", *shown, "test.arg", "x", kind="stock").stdout
    done = lab.run("salt-run", *shown, "jobs.list_jobs", kind="stock")
    assert f'Authentication failure of type "eauth" occurred for user {ann[0]}.' in done.stdout + done.stderr


def test_stocks_event_client_follows_our_bus(lab):
    client = (
        "import salt.config, salt.utils.event as e, sys\n"
        "opts = salt.config.master_config(sys.argv[1] + '/master')\n"
        "with e.get_master_event(opts, opts['sock_dir'], listen=True) as bus:\n"
        "    print('listening', flush=True)\n"
        "    got = bus.get_event(tag='lab/here', wait=20, full=True)\n"
        "    print(got['tag'], got['data']['n'], flush=True)\n"
        "    bus.fire_event({'n': 2}, 'lab/back')\n"
    )
    process = subprocess.Popen(
        [str(stock_bin() / "python"), "-W", "ignore", "-c", client, str(lab.master_dir())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=lab.env,
    )
    watcher = subprocess.Popen(
        [str(lab._command("salt-run", "ours")), "-c", str(lab.master_dir()), "state.event", "lab/back", "count=1"],
        stdout=subprocess.PIPE,
        text=True,
        env=lab.env,
    )
    try:
        assert process.stdout.readline() == "listening\n", process.stderr.read()
        # The client connects lazily and nothing tells when: fire until it has ended.
        lab.wait(
            lambda: lab.run("salt-run", "event.send", "lab/here", '{"n": 1}') and process.poll() is not None,
            "the client",
            40,
        )
        assert process.stdout.read() == "lab/here 1\n", process.stderr.read()
        out, _ = watcher.communicate(timeout=20)
        assert out.startswith('lab/back\t{"n": 2')
    finally:
        for p in (process, watcher):
            p.kill()
            p.communicate()
