"""Stock Salt on one side of the wire, trisalt on the other, both ways round: what an operator of a mixed fleet does.

Each test leaves the pair as it found it: one master, one accepted and connected minion `m1`.
"""

import json
import os
import re
import subprocess
import sys
import threading

import pytest

from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

PILLAR_TOP = "base:\n  'm*':\n    - site\n  'lab:yes':\n    - match: grain\n    - lab\n"
PILLAR_SITE = "{% set name = grains['id'] %}\nsite:\n  owner: {{ name }}\n  ports: [80, 443]\n"
PILLAR_LAB = "lab: {{ 1 + 1 }}\n"


@pytest.fixture(scope="module", params=[("ours", "stock"), ("stock", "ours")], ids=["stock-minion", "stock-master"])
def pair(request):
    master, minion = request.param
    with open_lab() as lab:
        folder = lab.configure_master()
        (folder / "pillar" / "top.sls").write_text(PILLAR_TOP)
        (folder / "pillar" / "site.sls").write_text(PILLAR_SITE)
        (folder / "pillar" / "lab.sls").write_text(PILLAR_LAB)
        peers = {"peer": {"m1": ["test.*"]}, "peer_run": {"m1": ["test.arg"]}}
        lab.start_master(
            master, loop_interval=1, timeout=3, gather_job_timeout=3, file_recv=True, presence_events=True, **peers
        )
        lab.start_minion(
            "m1", minion, mine_functions={"test.ping": [], "where": [{"mine_function": "grains.get"}, "id"]}
        )
        lab.accept("m1")
        yield lab


class Watch:
    """`salt-run state.event` of the master's own kind, read until told to stop."""

    def __init__(self, lab, pattern="*"):
        argv = [str(lab._command("salt-run", lab.kinds["master"])), "-c", str(lab.master_dir()), "state.event", pattern]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=lab.env)
        self.lines = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._lab = lab

    def _read(self):
        for line in self.process.stdout:
            tag, tab, data = line.rstrip("\n").partition("\t")
            if tab:
                self.lines.append((tag, json.loads(data)))

    def __enter__(self):
        # Nothing tells from outside when a watcher listens; but who is here is told every second.
        self._lab.wait(lambda: self.lines, "the watcher's first event")
        return self

    def __exit__(self, *_exc):
        self.process.kill()
        self.process.wait(10)
        self._thread.join(10)
        self.process.stdout.close()

    def wait(self, condition, what):
        self._lab.wait(lambda: any(condition(tag, data) for tag, data in list(self.lines)), what, 30)
        return next(data for tag, data in self.lines if condition(tag, data))


def test_a_ping_is_answered(pair):
    done = pair.run("salt", "*", "test.ping")
    assert (done.returncode, done.stdout) == (0, "m1:\n    True\n")


def test_a_batch_is_printed_alike_on_both_sides(pair):
    done = pair.run("salt", "-b", "50%", "*", "cmd.run", "echo hi; exit 3")
    jid = re.search("[0-9]{20}", done.stdout)[0]
    assert (done.returncode, done.stdout) == (
        3,
        f"\nExecuting run on ['m1']\n\njid:\n    {jid}\nm1:\n    hi\nretcode:\n    3\n",
    )


def test_arguments_arrive_as_they_were_typed(pair):
    got = pair.salt("m1", "test.arg", "1", "1.5", "yes", "a: b", "[1, 2]", "k=v", "n=3", "2026-01-01")
    assert got["m1"]["args"] == [1, 1.5, True, "a: b", [1, 2], "2026-01-01"]
    assert {k: v for k, v in got["m1"]["kwargs"].items() if not k.startswith("__")} == {"k": "v", "n": 3}


def test_a_function_that_is_not_there_says_so(pair):
    done = pair.run("salt", "m1", "nosuch.fun")
    assert done.returncode == 1
    assert "'nosuch.fun' is not available." in done.stdout


@pytest.mark.parametrize(
    "target",
    [
        ("*",),
        ("-L", "m1,m9"),
        ("-E", "^m[0-9]$"),
        ("-G", "lab:YES"),
        ("-C", "G@roles:web and not m2"),
        ("-C", "L@m1 or G@os:Nope"),
        ("-C", "( G|@roles|w* or P@lab:^n ) and S@127.0.0.0/8 and I@site:owner:m1 and not J@site:owner:^x"),
    ],
    ids=" ".join,
)
def test_every_kind_of_target_finds_it(pair, target):
    assert pair.salt(*target, "test.ping", "-t", "2").get("m1") is True


def test_a_slow_job_is_followed_by_find_job_until_it_returns(pair):
    with Watch(pair) as watch:
        done = pair.run("salt", "m1", "test.sleep", "8", "-t", "1", seconds=60)
        assert (done.returncode, done.stdout) == (0, "m1:\n    True\n")
        asked = watch.wait(
            lambda tag, data: tag.endswith("/new") and data.get("fun") == "saltutil.find_job", "find_job"
        )
        found = watch.wait(lambda tag, data: tag == f"salt/job/{asked['jid']}/ret/m1", "the answer to find_job")
        assert found["return"]["fun"] == "test.sleep"
        assert found["return"]["jid"] == asked["arg"][0]


def test_a_running_job_can_be_ended(pair):
    started = pair.run("salt", "m1", "test.sleep", "60", "--async")
    jid = started.stdout.split()[-1]
    pair.wait(lambda: any(job["jid"] == jid for job in pair.salt("m1", "saltutil.running")["m1"]), "the job to run")
    answer = pair.salt("m1", "saltutil.kill_job", jid)["m1"]
    assert answer.startswith("Signal 9 sent to job ")
    pair.wait(lambda: not any(job["jid"] == jid for job in pair.salt("m1", "saltutil.running")["m1"]), "the job to end")


def test_grains_reach_the_operator_and_the_masters_targets(pair):
    assert pair.salt("m1", "grains.get", "roles")["m1"] == ["web", "m1"]
    assert pair.salt("-G", "roles:web", "grains.item", "id", "kernel") == {"m1": {"id": "m1", "kernel": "Linux"}}


def test_pillar_is_rendered_for_the_minion_that_asks(pair):
    done = pair.run("salt", "m1", "saltutil.refresh_pillar", "wait=True")
    assert done.returncode == 0, done.stdout + done.stderr
    got = pair.salt("m1", "pillar.raw")["m1"]
    assert got["site"] == {"owner": "m1", "ports": [80, 443]}
    assert got["lab"] == 2


def test_the_mine_is_filled_and_asked(pair):
    assert pair.salt("m1", "mine.update")["m1"] in (None, True)
    pair.wait(lambda: pair.salt("m1", "mine.get", "*", "where")["m1"] == {"m1": "m1"}, "the mine", 20)
    assert pair.salt("m1", "mine.get", "m1", "test.ping")["m1"] == {"m1": True}
    assert pair.salt("m1", "mine.delete", "where")["m1"] is True
    assert pair.salt("m1", "mine.get", "*", "where")["m1"] == {}


def test_a_minion_has_others_run_what_its_peers_let_it(pair):
    def asked(*words):
        return pair.salt("m1", *words)["m1"]

    given = asked("publish.publish", "m*", "test.arg", "[x, k=1]")["m1"]
    assert (given["args"], given["kwargs"]["k"], given["kwargs"]["__pub_user"]) == (["x"], 1, "root")
    assert asked("publish.full_data", "m1", "test.ping") == {"m1": {"ret": True}}
    assert asked("publish.publish", "lab:yes", "test.ping", "tgt_type=grain") == {"m1": True}
    for words in (("m1", "cmd.run", "id"), ("nosuch", "test.ping"), ("m1", "publish.publish", "m1")):
        assert asked("publish.publish", *words) == {}
    given = asked("publish.runner", "test.arg", "[a, b=2]")
    assert (given["args"], given["kwargs"]["b"]) == (["a"], 2)
    assert asked("publish.runner", "manage.up") == {}


def test_an_event_of_the_minion_reaches_the_masters_bus(pair):
    with Watch(pair) as watch:
        assert pair.salt("m1", "event.send", "my/own/tag", '{"n": 1}')["m1"] is True
        data = watch.wait(lambda tag, _data: tag == "my/own/tag", "the event")
        assert data["id"] == "m1"
        assert data["data"]["n"] == 1


def test_whoever_is_here_is_told_in_the_same_shape_and_known(pair):
    with Watch(pair) as watch:
        told = watch.wait(lambda tag, data: tag == "salt/presence/present" and data["present"], "who is here")
        assert told["present"] == ["m1"]
    if pair.kinds["master"] == "ours":
        (known,) = json.loads(pair.run("salt-run", "presence.list", "--out", "json").stdout).values()
        # It speaks when it has something to say; what its version is stands in its grains.
        assert (known["state"], known["address"], known["version"]) == ("present", "127.0.0.1", "3008.3")
        assert "heartbeat_s" not in known


def test_a_restarted_master_has_its_minion_back(pair):
    pair.restart("master")
    pair.wait_up("m1", seconds=90)


def test_a_deleted_minion_is_out_and_is_in_again_when_it_is_accepted(pair):
    assert pair.run("salt-key", "-y", "-d", "m1").returncode == 0
    assert pair.keys("minions") == []
    done = pair.run("salt", "m1", "test.ping", "-t", "2")
    assert done.returncode == 2
    assert "No minions matched the target" in done.stdout + done.stderr
    # The minion notices by itself at its next contact; a restart is what an operator would do to have it now.
    pair.restart("m1")
    pair.accept("m1", seconds=90)


def test_a_rotated_key_loses_no_job(pair):
    pair.run("salt-key", "--gen-keys", "rot1", "--gen-keys-dir", str(pair.root))
    (pair.master_dir() / "pki" / "minions" / "rot1").write_text((pair.root / "rot1.pub").read_text())
    if pair.kinds["master"] == "ours":
        # It replaces the key for who may have it, and nobody knows of whom that is true before its start.
        pair.restart("master")
        pair.wait_up("m1", seconds=90)
    with Watch(pair) as watch:
        assert pair.run("salt-key", "-y", "-d", "rot1").returncode == 0
        watch.wait(lambda tag, data: tag == "key" and data.get("rotate_aes_key"), "the rotation")
    assert pair.salt("m1", "test.ping", "-t", "15") == {"m1": True}


def test_files_go_to_the_minion_and_come_back(pair):
    content = os.urandom(1_500_000)
    work = pair.root / "files"
    (work / "src/empty").mkdir(parents=True)
    (work / "src/large").write_bytes(content)
    (work / "src/large").chmod(0o751)
    (work / "text").write_text("one\n")

    def salt_cp(*words):
        ours = [sys.executable, "-m", "trisalt.cli.salt_cp"]
        command = ours if pair.kinds["master"] == "ours" else [str(pair._command("salt-cp", "stock"))]
        command += ["-c", str(pair.master_dir()), "--out", "json", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=pair.env, timeout=60, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    assert salt_cp("m1", str(work / "text"), f"{work}/copy") == {"m1": {f"{work}/copy": True}}
    assert (work / "copy").read_text() == "one\n"
    assert salt_cp("-C", "m1", str(work / "src"), f"{work}/new") == {
        "m1": {f"{work}/new/src/large": True, f"{work}/new/src/empty": True}
    }
    assert (work / "new/src/large").read_bytes() == content
    assert (work / "new/src/large").stat().st_mode & 0o777 == 0o751
    assert (work / "new/src/empty").is_dir()
    assert pair.salt("m1", "cp.push", str(work / "src/large"), "upload_path=/kept") == {"m1": True}
    assert (pair.master_dir() / "cache/minions/m1/files/kept").read_bytes() == content
