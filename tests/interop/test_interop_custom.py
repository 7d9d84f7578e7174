"""A site's own code, synced by one master to a minion of ours and to a stock one: what each function answers there.

The code is `tests/loader/site_modules/`, in the five styles that sites use. One lab for the whole file.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lab import open_lab, stock_bin
from trisalt.client.door import Door
from trisalt.client.jobs import publish
from trisalt.loader.words import condition_args

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

SITE = Path(__file__).parent.parent / "loader" / "site_modules"
KINDS = {
    "modules": "_modules", "utils": "_utils", "grains": "_grains", "returners": "_returners", "runners": "_runners",
    "output": "_output", "executors": "_executors",
}  # fmt: skip
SYNCED = {
    "modules": [
        "addition",
        "apt_like",
        "broken_guard",
        "client",
        "filer",
        "hardware",
        "packed.__init__",
        "packed.part",
    ],
    "utils": ["site_helper"],
    "grains": ["site"],
    "returners": ["keep"],
    "output": ["site"],
    "executors": ["loud"],
}

# (function, arguments, keywords): both minions answer the same. Each of these is a job.
JOBS = [
    ("hardware.status", [3], {}),
    ("hardware.steps", [3], {}),
    ("hardware.maps", [], {}),
    ("broken_guard.never", [], {}),
    ("filer.fail", ["command"], {}),
    ("filer.fail", ["invocation"], {}),
    ("filer.strict", [1], {"unknown": 2}),
    ("filer.strict", [], {}),
    ("filer.needs_program", [], {}),
    ("client.counted", [], {}),
    ("saltutil.sync_modules", [], {}),
]  # fmt: skip
# And these are one job of many functions.
TOGETHER = [
    ("hardware.shout", ["a b", 5, [1]], {"k": {"x": 1}}),
    ("site_pkg.list", [], {"letters": "c a"}),
    ("site_pkg.set", ["a", "[1, 2]"], {}),
    ("filer.round_trip", ["grün"], {}),
    ("filer.fail", ["caught"], {}),
    ("filer.merge", [{"a": {"b": 1}}, {"a": {"c": 2}}], {}),
    ("filer.strict", [1], {"known": 2}),
    ("filer.there", [], {}),
    ("filer.fallen", [], {}),
    ("filer.once", ["w"], {}),
    ("filer.old", [], {}),
    ("filer.versions", [], {}),
    ("filer.where", [], {}),
    ("filer.deep", ["a:0:b"], {"data": {"a": [{"b": 1}]}}),
    ("client.helped", ["ab"], {}),
    ("client.loaded", [], {}),
    ("client.patched", [], {}),
    ("test.site_ping", [], {}),
    ("test.site_alias", [], {}),
    ("test.echo_twice", ["x"], {}),
    ("test.borrowed", [], {}),
    ("packed.word", [], {}),
    ("grains.get", ["site:rack"], {}),
    ("grains.get", ["site_kernel"], {}),
    ("sys.list_functions", ["hardware", "site_pkg", "filer", "client", "packed"], {}),
    ("sys.argspec", ["filer.strict"], {}),
    ("sys.doc", ["hardware.summary", "site_pkg.set"], {}),
]  # fmt: skip


class Site:
    """The lab and what its minions said."""

    def __init__(self, lab):
        self.lab = lab
        self.door = Door(str(lab.master_dir() / "run" / "master.sock"))

    def ask(self, fun, arg=(), kwarg=None, tgt="m1,s1", **more):
        """`{id: {"return", "retcode", "success", "out"}}`."""
        kwargs = {key: value for key, value in more.items() if key != "ret"}
        if isinstance(fun, str):
            arg = condition_args(list(arg), kwarg or {})
        ret = more.get("ret", "")
        with publish(self.door, tgt.split(","), fun, arg, tgt_type="list", kwargs=kwargs, ret=ret, timeout=20) as job:
            found = {load["id"]: load for load in job}
        keys = ("return", "retcode", "success", "out")
        return {id: {key: load.get(key) for key in keys} for id, load in found.items()}


@pytest.fixture(scope="module")
def site():
    if stock_bin() is None:
        pytest.skip("stock Salt is not installed")
    with open_lab() as lab:
        pillar = lab.master_dir() / "pillar"
        pillar.mkdir(parents=True)
        (pillar / "top.sls").write_text("base:\n  '*':\n    - site\n")
        (pillar / "site.sls").write_text("site: {role: web, color: blue}\n")
        for name, folder in KINDS.items():
            shutil.copytree(
                SITE / name, lab.master_dir() / "srv" / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        site = Site(lab)
        kept = str(lab.root / "events.kept")
        lab.start_master("ours", event_return=["rawfile_json"], **{"rawfile_json.filename": kept})
        for id, kind in (("m1", "ours"), ("s1", "stock")):
            options = {"keep.path": str(lab.root / f"{id}.kept"), "multifunc_ordered": True}
            lab.start_minion(id, kind, **options)
        packages = str(next((stock_bin().parent / "lib").glob("python3*/site-packages")))
        lab.start_minion("m2", "ours", salt_modules=packages)
        lab.accept("m1", "m2", "s1")
        site.packages = packages
        site.synced = site.ask("saltutil.sync_all")
        # The grains come with the pillar's next question; both are asked until they have them.
        lab.wait(
            lambda: all(one["return"] == 7 for one in site.ask("grains.get", ["site:rack"]).values()),
            "the site's grains",
        )
        args = [condition_args(arg, kwarg) for _fun, arg, kwarg in TOGETHER]
        site.together = site.ask([fun for fun, _arg, _kwarg in TOGETHER], args)
        yield site
        # It takes its time to end by itself.
        lab.daemons["s1"].kill_group()


def test_all_of_it_is_synced(site):
    ours, stock = site.synced["m1"]["return"], site.synced["s1"]["return"]
    assert {kind: sorted(names) for kind, names in ours.items()} == {
        kind: sorted(names) for kind, names in stock.items()
    }
    assert {kind: names for kind, names in ours.items() if names} == {
        kind: [f"{kind}.{name}" for name in names] for kind, names in SYNCED.items()
    }


@pytest.mark.parametrize("number", range(len(TOGETHER)), ids=[fun for fun, _arg, _kwarg in TOGETHER])
def test_one_of_many_functions_answers_as_on_stock(site, number):
    ours, stock = (
        {key: site.together[id][key][number] for key in ("return", "retcode", "success")} for id in ("m1", "s1")
    )
    assert ours == stock
    assert ours["success"] is True


@pytest.mark.parametrize(("fun", "arg", "kwarg"), JOBS, ids=lambda value: str(value)[:40])
def test_a_sites_function_answers_as_on_stock(site, fun, arg, kwarg):
    answers = site.ask(fun, arg, kwarg)
    assert set(answers) == {"m1", "s1"}
    assert answers["m1"] == answers["s1"]


def test_a_function_knows_its_minion(site):
    answers = site.ask("hardware.summary", ["so: "])
    for id in ("m1", "s1"):
        assert answers[id]["return"] == {
            "id": id, "kernel": "Linux", "role": "web", "color": "blue", "said": "so: hi",
            "name": "salt.loaded.ext.module.hardware",
        }  # fmt: skip


def test_a_module_that_was_initialised(site):
    answers = site.ask("client.ask", ["hello"])
    assert {id: answer["return"] for id, answer in answers.items()} == {"m1": "m1 says hello", "s1": "s1 says hello"}


def test_a_traceback_ends_in_the_sites_own_line(site):
    answers = site.ask("filer.fail", ["plain", "dear me"])
    for answer in answers.values():
        lines = answer["return"].rstrip().splitlines()
        assert lines[0] == "The minion function caused an exception: Traceback (most recent call last):"
        assert lines[-1] == "ValueError: dear me"
        assert "modules/filer.py" in lines[-3]
        assert answer["retcode"] == 1


def test_an_executor_of_the_sites(site):
    answers = site.ask("test.echo", ["hi"], module_executors=["loud"], executor_opts={"a": 1})
    assert answers["m1"] == answers["s1"]
    assert answers["m1"]["return"] == {"loud": "HI", "fun": "test.echo", "opts": {"a": 1}}


def test_a_returner_of_the_sites_is_given_what_stocks_is(site):
    kwargs = {"ret_kwargs": {"extra": 1}, "metadata": {"why": "test"}}
    site.ask("test.echo", ["kept"], ret="keep,nosuch", **kwargs)
    site.lab.wait(lambda: all((site.lab.root / f"{id}.kept").exists() for id in ("m1", "s1")), "both returns")
    ours, stock = (json.loads((site.lab.root / f"{id}.kept").read_text()) for id in ("m1", "s1"))
    assert ours.pop("id") == "m1"
    assert stock.pop("id") == "s1"
    # What a stock minion tells of its own workings beside.
    only_stock = {key for key in stock if key not in ours}
    assert {key: stock[key] for key in ours} == ours
    assert not only_stock & {"return", "retcode", "success", "jid", "fun", "fun_args", "ret_kwargs", "metadata", "user"}
    daemon = site.lab.daemons["m1"]
    site.lab.wait(
        lambda: "Returner nosuch.returner could not be loaded: 'nosuch.returner' is not available." in daemon.text(),
        "the log line",
    )


def test_a_returner_of_the_master_is_given_its_events(site):
    site.ask("test.echo", ["an event"], tgt="m1")
    events = site.lab.root / "events.kept"
    site.lab.wait(lambda: '"return": "an event"' in events.read_text(), "the event in the file")
    told = [json.loads(line) for line in events.read_text().splitlines()]
    (returned,) = (event for event in told if event["data"].get("return") == "an event")
    assert returned["tag"] == f"salt/job/{returned['data']['jid']}/ret/m1"
    assert "salt/auth" in {event["tag"] for event in told}


def test_what_changes_is_synced_and_seen_at_once(site):
    path = site.lab.master_dir() / "srv" / "_modules" / "changing.py"
    path.write_text("def say(): return 1\n")
    assert {id: one["return"] for id, one in site.ask("saltutil.sync_modules").items()} == {
        "m1": ["modules.changing"], "s1": ["modules.changing"],
    }  # fmt: skip
    assert site.ask("changing.say", tgt="m1")["m1"]["return"] == 1
    assert "changing.say" in site.ask("sys.list_functions", ["changing"], tgt="m1")["m1"]["return"]
    path.write_text("def say(): return 22\ndef more(): return 3\n")
    site.ask("saltutil.sync_modules")
    assert site.ask("changing.say", tgt="m1")["m1"]["return"] == 22
    assert site.ask("sys.list_functions", ["changing"], tgt="m1")["m1"]["return"] == ["changing.more", "changing.say"]
    path.unlink()
    assert {id: one["return"] for id, one in site.ask("saltutil.sync_modules").items()} == {"m1": [], "s1": []}
    assert site.ask("changing.say", tgt="m1")["m1"]["return"] == "'changing.say' is not available."


def test_the_masters_own_runners_and_outputters(site):
    lab = site.lab
    done = lab.run("salt-run", "--out", "json", "saltutil.sync_all")
    assert json.loads(done.stdout)["runners"] == ["runners.site"]
    assert json.loads(lab.run("salt-run", "--out", "json", "site.ask", "m1").stdout) == {"m1": "hi"}
    assert json.loads(lab.run("salt-run", "--out", "json", "site.other").stdout) == [["a"], ["a"]]
    assert lab.run("salt", "--out", "site", "--static", "m1", "test.echo", "x").stdout.strip() == "<m1> x"


# What stock has and we have no shelf for: (function, arguments, keywords, what comes back), on a minion of ours.
LONG_TAIL = [
    ("sqlite3.modify", ["{root}/x.db", "CREATE TABLE t (a)"], {}, True),
    ("sqlite3.tables", ["{root}/x.db"], {}, [["t"]]),
    ("chroot.exist", ["{root}/nosuch"], {}, False),
    ("salt_version.get_release_number", ["Neon"], {}, "3000"),
]  # fmt: skip


@pytest.mark.parametrize(("fun", "arg", "kwarg", "result"), LONG_TAIL, ids=[row[0] for row in LONG_TAIL])
def test_a_module_that_stock_alone_has(site, fun, arg, kwarg, result):
    arg = [value.replace("{root}", str(site.lab.root)) if isinstance(value, str) else value for value in arg]
    assert site.ask(fun, arg, kwarg, tgt="m2")["m2"] == {"return": result, "retcode": 0, "success": True, "out": None}


def test_what_a_stock_module_raises_is_told_as_ours_are(site):
    answer = site.ask("slack.list_rooms", [], tgt="m2")["m2"]
    assert answer["retcode"] == 1
    assert answer["return"] == "ERROR executing 'slack.list_rooms': No Slack API key found."


def test_our_shelves_go_before_stocks(site):
    found = site.ask("sys.list_modules", ["chroot", "test", "network", "pkg"], {"source": True}, tgt="m2")["m2"][
        "return"
    ]
    assert found["chroot"] == [f"{site.packages}/salt/modules/chroot.py"]
    assert [Path(path).parts[-4:] for path in found["test"]] == [("trisalt", "plugins", "modules", "test.py")]
    assert all("/trisalt/plugins/" in path for name in ("network", "pkg") for path in found[name])
    reasons = site.ask("sys.not_loaded", ["apf", "chef"], tgt="m2")["m2"]["return"]
    assert reasons["chef"] == "Cannot load chef module: chef-client not found"


def test_without_the_option_there_is_nothing_of_stocks(site):
    assert site.ask("chroot.exist", ["/x"], tgt="m1")["m1"]["return"] == "'chroot.exist' is not available."


def test_a_minion_on_the_masters_host_asks_its_master(site):
    lab = site.lab
    (lab.root / "m1" / "master").write_text((lab.master_dir() / "master").read_text())
    answer = site.ask("saltutil.cmd", ["m2", "test.arg"], {"arg": [1], "kwarg": {"k": 2}}, tgt="m1")["m1"]["return"]
    assert (answer["m2"]["ret"]["args"], answer["m2"]["ret"]["kwargs"]["k"], answer["m2"]["retcode"]) == ([1], 2, 0)
    answer = site.ask("saltutil.runner", ["test.arg"], {"arg": ["a"], "kwarg": {"b": 1}}, tgt="m1")["m1"]["return"]
    assert (answer["args"], answer["kwargs"]["b"]) == (["a"], 1)
    answer = site.ask("saltutil.wheel", ["key.list", "accepted"], tgt="m1")["m1"]["return"]
    assert (answer["return"]["minions"], answer["success"]) == (["m1", "m2", "s1"], True)
    batch = site.ask("saltutil.cmd", ["m*", "test.ping"], {"batch": "1"}, tgt="m1")["m1"]["return"]
    assert batch["m2"] == {"out": "highstate", "ret": True}


SCRIPT = """
import json, sys
from trisalt.loader import facade
facade.install()
import salt.client, salt.config, salt.runner, salt.utils.event, salt.utils.minions, salt.wheel

conf = sys.argv[1] + "/master"
opts = salt.config.client_config(conf)
local = salt.client.LocalClient(conf)
found = {}
with salt.utils.event.get_master_event(opts, opts["sock_dir"]) as events:
    jid = local.cmd_async("m1", "test.echo", ["later"])
    event = events.get_event(wait=20, tag=f"salt/job/{jid}/ret", full=True)
    found["event"] = [event["tag"] == f"salt/job/{jid}/ret/m1", event["data"]["return"]]
    found["no event"] = events.get_event(wait=0.2, tag="nosuch")
    found["fired"] = events.fire_event({"a": 1}, "own/tag")
    found["heard"] = events.get_event(wait=20, tag="own/")["a"]
found["cmd"] = local.cmd("m1,m2", "test.arg", [1], tgt_type="list", kwarg={"k": 2})["m1"]["args"]
found["full"] = local.cmd("m1", "test.ping", full_return=True)["m1"]["retcode"]
found["iter"] = [sorted(one) for one in local.cmd_iter("m1", "test.ping")]
found["returns"] = local.get_returns(jid)
found["subset"] = len(local.cmd_subset("m*", "test.ping", subset=1))
found["batch"] = sorted(id for one in local.cmd_batch("m*", "test.ping", batch="50%") for id in one)
found["nobody"] = [local.cmd("nosuch", "test.ping"), local.cmd_async("nosuch", "test.ping"), local.run_job("nosuch", "test.ping")]
found["runner"] = salt.runner.RunnerClient(opts).cmd("test.arg", ["a"])["args"]
found["wheel"] = salt.wheel.WheelClient(opts).cmd("key.list", ["accepted"])["minions"]
found["minions"] = salt.utils.minions.CkMinions(opts).check_minions("m*")["minions"]
print(json.dumps(found))
"""


def test_a_script_on_the_masters_host(site):
    argv = [sys.executable, "-c", SCRIPT, str(site.lab.master_dir())]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "event": [True, "later"], "no event": None, "fired": True, "heard": 1, "cmd": [1], "full": 0, "iter": [["m1"]],
        "returns": {"m1": "later"}, "subset": 1, "batch": ["m1", "m2"], "nobody": [{}, 0, {}], "runner": ["a"],
        "wheel": ["m1", "m2", "s1"], "minions": ["m1", "m2"],
    }  # fmt: skip
