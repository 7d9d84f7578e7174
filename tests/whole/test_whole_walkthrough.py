"""The walkthrough, sections 2 to 5, as an operator types it: what is printed, what is logged, and in which order."""

import json
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.lab import open_lab
from trisalt.wire import codec
from trisalt.wire.keys import PrivateKey
from trisalt.wire.seal import Seal

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

MASTER_LINES = [
    "Setting up the Salt Master",
    "Preparing the root key for local communication",
    "salt-master is starting as user '{user}'",
    "Current values for max open files soft/hard setting: ",
    "Halite: Not configured, skipping.",
    "Starting the Salt Publisher on tcp://127.0.0.1:{publish_port}",
    "Starting the Salt Puller on ipc://{sock_dir}/publish_pull.ipc",
    "Setting up the master communication server",
    "Worker binding to socket ipc://{sock_dir}/workers.ipc",
    "Clear payload received with command _auth",
    "Authentication request from m1",
    "Authentication failed from host m1, the key is in pending and needs to be accepted with salt-key -a m1",
    "Clear payload received with command _auth",
    "Authentication request from m1",
    "Authentication accepted from m1",
    "AES payload received with command _pillar",
    "AES payload received with command _minion_event",
    "AES payload received with command _mine",
]
MINION_LINES = [
    'Setting up the Salt Minion "m1"',
    "The Salt Master has cached the public key for this node, this salt minion will wait for 1 seconds before attempting "
    "to re-authenticate",
    "Waiting for minion key to be accepted by the master.",
    "Waiting 1 seconds before retry.",
    "Authentication with master at 127.0.0.1 successful!",
    "Added mine.update to scheduler",
    "Added new job __mine_interval to scheduler",
    "Minion is starting as user '{user}'",
    "Starting pub socket on ipc://",
    "Starting pull socket on ipc://",
    "Minion is ready to receive requests!",
    "Running scheduled job: __mine_interval",
]
JOB_LINES = [
    "User {user} Executing command test.sleep with jid ",
    "Starting a new job with PID ",
    "User {user} Executing command saltutil.find_job with jid ",
    "Returning information for job: ",
    "Returning information for job: ",
]
SECRET_PILLAR = "correct-horse-battery-staple"


def in_order(text: str, lines: list[str], **facts: object) -> None:
    """Each line stands behind the one before it, behind its level."""
    messages = [re.sub(r"^\[[A-Z ]{8}\] ", "", line) for line in text.splitlines() if line.startswith("[")]
    at = 0
    for line in lines:
        wanted = line.format(**facts)
        found = next((n for n in range(at, len(messages)) if messages[n].startswith(wanted)), None)
        assert found is not None, f"not found, or not in its place: {wanted!r}\n" + "\n".join(messages)
        at = found + 1


@pytest.fixture(scope="module")
def session():
    """The whole session, once; the tests look at what it left behind."""
    with open_lab() as lab, ExitStack() as stack:
        folder = lab.configure_master()
        (folder / "pillar" / "top.sls").write_text("base:\n  '*':\n    - db\n")
        (folder / "pillar" / "db.sls").write_text(f"db:\n  password: {SECRET_PILLAR}\n")
        master = lab.start_master(timeout=2, gather_job_timeout=2, log_level_logfile="debug", log_fmt_logfile="json")
        minion = lab.start_minion("m1", log_level_logfile="debug", log_fmt_logfile="json")
        lab.wait(lambda: lab.keys("minions_pre") == ["m1"], "the minion's key")
        argv = [str(lab._command("salt-run", "ours")), "-c", str(folder), "state.event"]
        events = stack.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=lab.env))
        stack.callback(events.kill)
        printed = {"listed": lab.run("salt-key", "-L"), "accepted": lab.run("salt-key", "-A", stdin="y\n")}
        lab.wait_up("m1")
        lab.wait(lambda: "Running scheduled job" in minion.text(), "the first scheduled job")
        lab.wait(lambda: "command _mine" in master.text(), "the mine")
        printed["ping"] = lab.run("salt", "*", "test.ping")
        printed["addresses"] = lab.run("salt", "*", "network.ip_addrs")
        printed["slow"] = lab.run("salt", "*", "test.sleep", "6")
        printed["pillar"] = lab.run("salt", "*", "pillar.raw", "--out", "json")
        printed["mine"] = lab.run("salt", "*", "mine.get", "*", "test.ping")
        printed["jobs"] = lab.run("salt-run", "jobs.list_jobs", "--out", "json")
        printed["up"] = lab.run("salt-run", "manage.up")
        printed["deleted"] = lab.run("salt-key", "-y", "-d", "nobody*", "--ignore-missing")
        secrets = {
            "root key": (folder / "cache" / ".root_key").read_text(),
            **unsealed(folder),
            "master's private key": "".join((folder / "pki" / "master.pem").read_text().splitlines()[1:3]),
            "minion's private key": "".join((lab.root / "m1" / "pki" / "minion.pem").read_text().splitlines()[1:3]),
            "pillar": SECRET_PILLAR,
        }
        lab.stop()
        bus, _ = events.communicate(timeout=20)
        yield {
            "lab": lab,
            "printed": printed,
            "bus": bus,
            "secrets": secrets,
            "master": master.text(),
            "minion": minion.text(),
            "codes": (master.process.returncode, minion.process.returncode),
            "files": {name: (lab.root / name / "log").read_text() for name in ("master", "m1")},
            "sock_dir": folder / "run",
            "user": subprocess.check_output(["id", "-un"], text=True).strip(),
        }


def unsealed(folder):
    """The session key of m1 and the shared key, out of their seals."""
    seal = Seal(PrivateKey.from_pem((folder / "pki" / "master.pem").read_bytes()).pem)
    sealed = folder / "cache" / "sealed"
    shared = codec.unpack(seal.open((sealed / "shared_key").read_bytes(), name="shared key"))
    session = seal.open((sealed / "sessions" / "m1").read_bytes(), name="m1").decode()
    return {"session key": session, "shared key": shared["key"]}


def test_salt_key_lists_and_accepts_as_in_the_walkthrough(session):
    printed = session["printed"]
    assert printed["listed"].stdout == "Accepted Keys:\nDenied Keys:\nUnaccepted Keys:\nm1\nRejected Keys:\n"
    assert printed["accepted"].stdout == (
        "The following keys are going to be accepted:\nUnaccepted Keys:\nm1\nProceed? [n/Y] Key for minion m1 accepted.\n"
    )


def test_the_commands_print_what_they_always_did(session):
    printed = session["printed"]
    assert printed["ping"].stdout == "m1:\n    True\n"
    assert printed["slow"].stdout == "m1:\n    True\n"
    assert re.fullmatch(r"m1:\n(    - [0-9.]+\n)*", printed["addresses"].stdout)
    assert printed["up"].stdout == "- m1\n"
    assert printed["mine"].stdout.startswith("m1:\n    ----------\n")
    assert [name for name, done in printed.items() if done.returncode != 0] == []
    assert [name for name, done in printed.items() if done.stderr] == []
    functions = [job["Function"] for job in json.loads(printed["jobs"].stdout).values()]
    assert {"test.ping", "network.ip_addrs", "test.sleep"} <= set(functions)
    assert "saltutil.find_job" not in functions


def test_the_masters_console_reads_as_in_the_walkthrough(session):
    lab = session["lab"]
    in_order(
        session["master"],
        MASTER_LINES,
        user=session["user"],
        publish_port=lab.publish_port,
        sock_dir=session["sock_dir"],
    )


def test_the_minions_console_reads_as_in_the_walkthrough(session):
    in_order(session["minion"], MINION_LINES, user=session["user"])
    in_order(session["minion"], JOB_LINES, user=session["user"])
    assert "[ERROR   ] The Salt Master has cached the public key" in session["minion"]


def test_both_ended_well_and_without_a_traceback(session):
    assert session["codes"] == (0, 0)
    for text in (session["master"], session["minion"], *session["files"].values()):
        assert "Traceback" not in text


def test_the_log_files_are_json_lines_with_the_facts_in_fields(session):
    for name, daemon in (("master", "master"), ("m1", "minion")):
        records = [json.loads(line) for line in session["files"][name].splitlines()]
        assert records
        assert all({"timestamp", "level", "event", "daemon"} <= set(record) for record in records)
        assert {record["daemon"] for record in records} == {daemon}
    received = [r for r in map(json.loads, session["files"]["m1"].splitlines()) if r["event"] == "job.received"]
    assert all(re.fullmatch(r"\d{20}", record["jid"]) and record["fun"] for record in received)
    returned = [r for r in map(json.loads, session["files"]["master"].splitlines()) if r["event"] == "job.returned"]
    assert all(record["id"] == "m1" and record["jid"] for record in returned)


def test_no_secret_of_the_lab_is_on_the_bus_or_in_a_log(session):
    bus = "\n".join(line for line in session["bus"].splitlines() if '"fun": "pillar.raw"' not in line)
    places = {"bus": bus, "master": session["master"], "minion": session["minion"], **session["files"]}
    for what, secret in session["secrets"].items():
        assert secret
        for where, text in places.items():
            assert secret not in text, f"{what} is in {where}"


def test_nothing_is_left_running(session):
    root = str(session["lab"].root)
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if root in _read(p)]
    assert [(_read(p)) for p in left] == []


def _read(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
