"""Runners and wheel functions beside stock's: a master of each, the same calls, and what each returns.

`CALLS` is the table, in order: each row finds its master as the rows before it left it. Where ours returns something
else on purpose, `ours` says what, and `why`.
"""

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.interop.beside import Call, agree, each
from tests.support.lab import open_lab, stock_bin
from trisalt.client.door import Door
from trisalt.client.operations import runner, wheel

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

STOCK = """
import contextlib, io, json, logging, sys
logging.disable(logging.CRITICAL)
import salt.config, salt.runner, salt.wheel
given = json.load(sys.stdin)
opts = salt.config.master_config(given["conf_file"])
opts["quiet"] = True
run, turn = salt.runner.RunnerClient(opts), salt.wheel.WheelClient(opts)
answers = []
for fun, args, kwargs in given["calls"]:
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            if fun.startswith("wheel."):
                found = turn.cmd(fun[6:], args, kwarg=kwargs, full_return=True)
                found = found.get("data", found)
            else:
                found = run.cmd(fun, args, kwarg=kwargs, full_return=True)
            answers.append({"return": found["return"], "success": found["success"]})
        except Exception as exc:
            answers.append({"error": type(exc).__name__})
print("\\n" + json.dumps(answers, default=repr))
"""


def refuses(text):
    return {"return": text, "success": False}


def without_user(job):
    """Stock's client of this test does not say who it is."""
    return {key: value for key, value in job.items() if key != "User"}


def fails(answer):
    """Whether it was told as a failure at all; texts of tracebacks are not compared."""
    return "Traceback" in str(answer) or "rror" in str(answer)


JID = "20300102030405678901"
TOLD = "what was not done is no success"
CALLS = [
    Call("mine.update", "s1"),
    Call("cache.grains", "s1", only=lambda found: found["s1"]["id"]),
    Call("cache.grains", "nobody"),
    Call("cache.grains", "lab:yes", tgt_type="grain", only=sorted),
    Call("cache.pillar", "*"),
    Call("cache.mine", "s1"),
    Call("cache.mine"),
    Call("cache.list", "grains"),
    Call("cache.list", "nosuch"),
    Call("cache.fetch", "mine", "s1"),
    Call("cache.fetch", "nosuch", "x"),
    Call("cache.store", "mybank", "k", {"v": [1, "two"]}),
    Call("cache.fetch", "mybank", "k"),
    Call("cache.list", "mybank"),
    Call("cache.flush", "mybank", "k"),
    Call("cache.flush", "mybank"),
    Call("cache.fetch", "mybank", "k"),
    Call("mine.get", "s1", "test.ping"),
    Call("mine.get", "*", "test.ping,where"),
    Call("mine.get", "*", ["test.ping", "where"]),
    Call("mine.get", "*", "nosuch"),
    Call("cache.clear_mine_func", "s1", clear_mine_func_flag="where"),
    Call("cache.mine", "s1"),
    Call("cache.clear_mine", "s1"),
    Call("cache.mine", "s1"),
    Call("mine.update", "s1"),
    Call("cache.mine", "s1", only=lambda found: sorted(found["s1"])),
    Call("cache.clear_mine"),
    Call("cache.clear_all", "nobody"),
    Call("pillar.show_pillar", "s1"),
    Call("pillar.show_pillar"),
    Call("pillar.show_pillar", "s1", saltenv="dev"),
    Call("pillar.show_top"),
    Call("pillar.show_top", "s1"),
    Call("pillar.show_top", saltenv="dev"),
    Call("pillar.clear_pillar_cache", "s1"),
    Call("cache.clear_pillar", "s1"),
    Call("manage.status"),
    Call("manage.versions"),
    Call("manage.present"),
    Call("manage.not_alived"),
    Call("match.compound_matches", "s1", "s1"),
    Call("match.compound_matches", "G@lab:yes and s*", "s1"),
    Call("match.compound_matches", "nobody", "s1"),
    Call("match.compound_matches", "s1", "nobody"),
    Call("salt.cmd", "test.echo", "hi"),
    Call("salt.cmd", "test.arg", "hi", a=1),
    Call("salt.cmd", "nosuch.x", ours=refuses("ERROR: 'nosuch.x' is not available."), why=TOLD),
    Call("salt.execute", "nobody", "test.ping"),
    Call("survey.hash", "*", "test.echo", "a\nb", survey_sort="up"),
    Call("survey.diff", "*", "test.echo", "a\nb"),
    Call("fileserver.envs", only=sorted),
    Call("fileserver.envs", sources=True),
    Call("fileserver.envs", backend="nosuch"),
    Call("fileserver.file_list", only=sorted),
    Call("fileserver.file_list", saltenv="nosuch"),
    Call("fileserver.dir_list", only=sorted),
    Call("fileserver.symlink_list"),
    Call("fileserver.empty_dir_list"),
    Call("fileserver.update"),
    Call("fileserver.clear_cache"),
    Call("fileserver.clear_lock"),
    Call("fileserver.lock"),
    Call("fileserver.clear_file_list_cache", saltenv="nosuch"),
    Call("config.get", "file_roots:base", only=lambda found: [os.path.basename(root) for root in found]),
    Call("config.get", "nosuch"),
    Call("config.get", "nosuch", "default"),
    Call("error.error"),
    Call("error.error", "ValueError", "boo", only=fails),
    Call("event.send", "a/b", {"c": 1}),
    Call("test.arg", "a", b=1, __c=2),
    Call("test.metasyntactic", "uk"),
    Call("test.metasyntactic", "xx"),
    Call("test.stdout_print"),
    Call("salt.execute", "s1", "test.arg_clean", ["a"], kwarg={"b": 1}, jid=JID),
    Call("jobs.list_job", JID, only=without_user),
    Call("jobs.print_job", JID, only=lambda found: without_user(found[JID])),
    Call("jobs.lookup_jid", JID),
    Call("jobs.lookup_jid", JID, missing=True, returned=False),
    Call("jobs.exit_success", JID),
    Call("jobs.list_jobs", only=lambda found: without_user(found[JID])),
    Call("jobs.list_jobs", search_function="test.arg_*", search_target="s1", only=len),
    Call("jobs.list_jobs", search_function="nosuch.*"),
    Call("jobs.list_jobs", start_time="2029, Jan 01 00:00:00", end_time="2031, Jan 01 00:00:00", only=sorted),
    Call("jobs.last_run", function="test.arg_clean", target="s1", only=len),
    Call("jobs.list_job", "20200101000000000000"),
    Call("jobs.print_job", "20200101000000000000"),
    Call("jobs.list_job", "garbage", only=lambda found: sorted(found)),
    Call("jobs.lookup_jid", "20200101000000000000"),
    Call("jobs.exit_success", "20200101000000000000"),
    Call("jobs.last_run", function="nosuch.x"),
    Call("jobs.active"),
    Call("wheel.key.list", "accepted"),
    Call("wheel.key.list", "pre"),
    Call("wheel.key.finger", "nobody"),
    Call("wheel.key.finger_master", only=lambda found: [list(found), [list(keys) for keys in found.values()]]),
    Call("wheel.key.print", "s1", only=lambda found: found["minions"]["s1"].split("\n")[0]),
    Call("wheel.key.glob_match", "s*"),
    Call("wheel.key.accept", "s1"),
    Call("wheel.key.accept", "nobody"),
    Call("wheel.key.reject", "nobody"),
    Call("wheel.key.delete", "nobody"),
    Call("wheel.key.delete_dict", {"minions": ["nobody"]}),
    Call("wheel.key.gen", only=sorted),
    Call("wheel.key.gen_accept", "m9", only=sorted),
    Call("wheel.key.gen_accept", "m9"),
    Call("wheel.key.list", "accepted"),
    Call("wheel.key.delete", "m9"),
    Call("wheel.minions.connected"),
    Call("wheel.file_roots.list_env", only=lambda found: list(found.values())),
    Call("wheel.file_roots.list_env", "nosuch"),
    Call("wheel.file_roots.list_roots", only=lambda found: [list(item.values()) for item in found["base"]]),
    Call("wheel.file_roots.find", "sub/b.txt", only=lambda found: [list(item.values()) for item in found]),
    Call("wheel.file_roots.find", "nosuch"),
    Call("wheel.file_roots.find", "../pillar/top.sls"),
    Call("wheel.file_roots.read", "a.txt", only=lambda found: [list(item.values()) for item in found]),
    Call("wheel.file_roots.read", "../pillar/top.sls"),
    Call("wheel.file_roots.write", "data", "new/x.txt", only=lambda text: re.sub(" /.*/srv/", " ", text)),
    Call("wheel.file_roots.read", "new/x.txt", only=lambda found: [list(item.values()) for item in found]),
    Call(
        "wheel.file_roots.write", "data", "x.txt", "nosuch",
        ours=refuses("ERROR: Named environment nosuch is not present"), why=TOLD,
    ),
    Call(
        "wheel.file_roots.write", "data", "x.txt", "base", 7,
        ours=refuses("ERROR: Specified index 7 in environment base is not present"), why=TOLD,
    ),
    Call(
        "wheel.file_roots.write", "data", "/abs.txt",
        ours=refuses("ERROR: The path passed in /abs.txt is not relative to the environment base"), why=TOLD,
    ),
    Call("wheel.file_roots.write", "data", "../up.txt", ours=refuses("ERROR: Invalid path: ../up.txt"), why=TOLD),
    Call("wheel.pillar_roots.read", "top.sls", only=lambda found: [list(item.values()) for item in found]),
    Call("wheel.pillar_roots.write", "a: 1\n", "new.sls", only=lambda text: re.sub(" /.*/pillar/", " ", text)),
    Call("wheel.pillar_roots.write", "a: 1\n", "../up.sls", ours=refuses("ERROR: Invalid path: ../up.sls"), why=TOLD),
    Call("wheel.error.error"),
    Call("wheel.error.error", "ValueError", "boo", only=fails),
]  # fmt: skip


def prepare(lab):
    folder = lab.configure_master()
    (folder / "pillar" / "top.sls").write_text(
        "base:\n  '*':\n    - site\n  'lab:yes':\n    - match: grain\n    - site\n"
    )
    (folder / "pillar" / "site.sls").write_text("a: 1\nlist: [x, y]\n")
    srv = folder / "srv"
    (srv / "sub" / "empty").mkdir(parents=True)
    (srv / "a.txt").write_text("hi\n")
    (srv / "sub" / "b.txt").write_text("x")
    (srv / "link.txt").symlink_to("a.txt")
    return folder


def stocks(folder, calls, env):
    done = subprocess.run(
        [str(stock_bin() / "python"), "-W", "ignore", "-c", STOCK],
        input=json.dumps({"conf_file": str(folder / "master"), "calls": calls}),
        capture_output=True, text=True, cwd="/", env=env, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def ours(folder, calls, _env):
    door, answers = Door(str(folder / "run" / "master.sock")), []
    for fun, args, kwargs in calls:
        kind = wheel if fun.startswith("wheel.") else runner
        with kind(door, fun.removeprefix("wheel."), args, kwargs, timeout=60) as run:
            result = run.wait()
        answers.append({"return": result["return"], "success": result["success"]})
    return answers


@pytest.fixture(scope="module")
def answers():
    """`{kind: [answer of each row]}`; every kind has a master of its own."""
    calls = [[call.fun, list(call.args), call.kwargs] for call in CALLS]
    mine = {"test.ping": [], "where": [{"mine_function": "grains.get"}, "id"]}

    def answered(kind, ask):
        with open_lab() as lab:
            folder = prepare(lab)
            lab.start_master(kind, loop_interval=1, timeout=1, gather_job_timeout=1, auto_accept=True)
            lab.start_minion("s1", "ours", mine_functions=mine)
            lab.wait_up("s1")
            return ask(folder, calls, lab.env)

    # Much of it is waiting.
    with ThreadPoolExecutor() as pool:
        found = {kind: pool.submit(answered, kind, ask) for kind, ask in (("stock", stocks), ("ours", ours))}
        return {kind: answer.result() for kind, answer in found.items()}


@each(CALLS)
def test_ours_returns_what_stock_does(answers, number):
    call = CALLS[number]
    stock, own = (dict(answers[kind][number]) for kind in ("stock", "ours"))
    if call.only:
        stock, own = ({"return": call.only(answer["return"])} for answer in (stock, own))
    agree(call, stock, own)
