"""Beacons beside stock's: what each sees, `beacons.*` and the states of a minion of each, and the events of both.

`CALLS` is a table in order: each row finds the beacons as the rows before it left them.
"""

import json
import subprocess

import pytest

from tests.interop import beside
from tests.interop.beside import OURS, STOCK, TRISALT, agree, each
from tests.support.lab import open_lab, stock_bin
from trisalt.client.door import Door
from trisalt.client.jobs import publish

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

PILLAR = """
beacons:
  ps:
    - processes: {nosuchproc: stopped}
    - interval: 2
  load:
    - averages: {1m: [50.0, 60.0], 5m: [50.0, 60.0], 15m: [50.0, 60.0]}
"""
CONFIGURED = {
    "swapusage": [{"percent": "101%"}, {"interval": 90}],
    "idle": [{"beacon_module": "swapusage"}, {"percent": "101%"}, {"enabled": False}],
}
MEMORY = [{"percent": "101%"}, {"interval": 90}]


class Call(beside.Call):
    """One row: a function of the shelf by its last name."""

    def __init__(self, fun, *args, **kwargs):
        super().__init__(f"beacons.{fun}", *args, **kwargs)


IN_PILLAR = {"comment": "Cannot modify beacon item ps, it is configured in pillar.", "result": False}
CALLS = [
    Call("list"),
    Call("list", return_yaml=False),
    Call("list", include_pillar=False),
    Call("list", include_opts=False),
    Call("list_available", return_yaml=False, only=lambda found: set(found) >= {"ps", "log", "status", "service"}),
    Call("add", "memusage", MEMORY, test=True),
    Call("add", "memusage", MEMORY),
    Call("add", "memusage", MEMORY),
    Call("add", "nosuch", MEMORY),
    Call("add", "mine", [{"beacon_module": "memusage"}, *MEMORY]),
    Call("add", "mine3", [{"beacon_module": "nosuch"}, *MEMORY]),
    Call("add", "log", [{"tags": {}}]),
    Call("add", "ps", [{"processes": {"a": "stopped"}}]),
    Call("modify", "memusage", [{"percent": "102%"}, {"interval": 90}], test=True),
    Call("modify", "memusage", [{"percent": "102%"}, {"interval": 90}]),
    Call("modify", "memusage", [{"percent": "102%"}, {"interval": 90}]),
    Call("modify", "nope", MEMORY),
    Call("modify", "memusage", [{"x": "2%"}]),
    Call("modify", "ps", [{"processes": {"b": "stopped"}}], ours=(IN_PILLAR, 1), why="nothing has changed"),
    Call("disable_beacon", "memusage", test=True),
    Call("disable_beacon", "memusage"),
    Call("disable_beacon", "memusage"),
    Call("disable_beacon", "nope"),
    Call("disable_beacon", "ps"),
    Call("disable_beacon", ""),
    Call("list", return_yaml=False),
    Call("enable_beacon", "memusage", test=True),
    Call("enable_beacon", "memusage"),
    Call("enable_beacon", "nope"),
    Call("enable_beacon", "ps"),
    Call("disable", test=True),
    Call("disable"),
    Call("list", return_yaml=False),
    Call("enable", test=True),
    Call("enable"),
    Call("list", return_yaml=False),
    Call("save", only=lambda found: [found["result"], found["comment"].rpartition("/")[2]]),
    Call("delete", "memusage", test=True),
    Call("delete", "memusage"),
    Call("delete", "memusage"),
    Call("delete", "ps"),
    Call("reset", test=True),
    Call("reset"),
    Call("list"),
]

SLS = """
new: {beacon.present: [{name: swapusage}, {percent: 101%}, {interval: 90}]}
other: {beacon.present: [{name: there}, {beacon_module: memusage}, {percent: 102%}, {save: True}]}
bad: {beacon.present: [{name: log}, {x: 1}]}
nosuch: {beacon.present: [{name: nosuch}, {x: 1}]}
pillar: {beacon.present: [{name: ps}, {processes: {a: stopped}}]}
awake: {beacon.enabled: [{name: 'asleep'}]}
no-pillar: {beacon.disabled: [{name: ps}]}
no-such: {beacon.disabled: [{name: nope}]}
gone: {beacon.absent: [{name: going}, {save: True}]}
gone-before: {beacon.absent: [{name: nope}]}
in-pillar: {beacon.absent: [{name: ps}]}
file: {file.absent: [{name: /nonexistent/x}, {beacon: True}]}
cron: {service.dead: [{beacon: True}, {beacon_data: {delay: 3}}]}
bash: {pkg.installed: [{beacon: True}]}
quiet: {pkg.installed: [{name: bash}, {beacon: False}]}
"""
THERE = {
    "there": [{"beacon_module": "memusage"}, {"percent": "101%"}],
    "asleep": [{"beacon_module": "memusage"}, {"percent": "101%"}, {"enabled": False}],
    "going": [{"beacon_module": "memusage"}, {"percent": "101%"}],
}


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        folder = lab.configure_master()
        (folder / "pillar" / "top.sls").write_text("base:\n  '*':\n    - site\n")
        (folder / "pillar" / "site.sls").write_text(PILLAR)
        (folder / "srv" / "watched.sls").write_text(SLS)
        lab.start_master("ours", timeout=2, gather_job_timeout=2)
        for kind in ("stock", "ours"):
            lab.start_minion(kind, kind, beacons=CONFIGURED, multifunc_ordered=True, mine_enabled=False)
        lab.accept("stock", "ours")
        yield lab


@pytest.fixture(scope="module")
def door(lab):
    return Door(str(lab.master_dir() / "run" / "master.sock"))


@pytest.fixture(scope="module")
def answers(door):
    """`{minion: [(return, retcode) of each row]}`."""
    arg = [[*call.args, *([{"__kwarg__": True, **call.kwargs}] if call.kwargs else [])] for call in CALLS]
    with publish(door, "*", [call.fun for call in CALLS], arg, timeout=100) as job:
        found = {body["id"]: (body["return"], body["retcode"]) for body in job}
    keys = {id: [str(n) if "0" in values else n for n in range(len(CALLS))] for id, (values, _) in found.items()}
    return {id: [(values[key], codes[key]) for key in keys[id]] for id, (values, codes) in found.items()}


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    stock, ours = (answers[kind][number] for kind in ("stock", "ours"))
    if call.only:
        stock, ours = ((call.only(value), code) for value, code in (stock, ours))
    agree(call, stock, ours)


def test_what_they_see_reaches_the_master_under_the_same_tags(lab, answers):
    said = {("ps/", "id nosuchproc"), ("load/", "15m 1m 5m id")}
    # One after the other: each at its own interval.
    lab.wait(lambda: all(len(seen(lab).get(id, ())) >= len(said) for id in ("stock", "ours")), "events of both")
    assert seen(lab) == {"ours": said, "stock": said}


def seen(lab):
    """`{minion: what its beacons said}`: the ends of the tags, and the names in the data."""
    past = lab.run("salt-run", "state.event", "salt/beacon/*", "--since", "1h", "--until", "0s", "--format", "ndjson")
    found = {}
    for event in map(json.loads, past.stdout.splitlines()):
        _, _, id, rest = event["tag"].split("/", 3)
        names = " ".join(sorted(set(event["data"]) - {"_stamp"}))
        found.setdefault(id, set()).add((rest, names))
    return found


def test_stocks_own_salt_call_manages_the_beacons_of_a_minion_of_ours(lab, answers):
    for line, told in (
        (["beacons.add", "memusage", '[{"percent": "101%"}]'], "Added beacon: memusage."),
        (["beacons.add", "log", '[{"x": 1}]'], "must contain file option."),
        (["beacons.delete", "memusage"], "Deleted beacon: memusage."),
    ):
        done = lab.run("salt-call", "--local", *line, minion="ours", kind="stock")
        assert (done.returncode in (0, 1), told in done.stdout) == (True, True), done.stdout + done.stderr


# -- states --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def states(door, answers):
    """`{phase: {minion: {id: what its state answered}}}`."""
    with publish(door, "*", ["beacons.add"] * len(THERE), [list(each) for each in THERE.items()], timeout=60) as job:
        assert len(list(job)) == 2
    found = {}
    for phase in ("preview", "applied", "again"):
        arg = ["watched", {"__kwarg__": True, "test": phase == "preview"}]
        with publish(door, "*", "state.apply", arg, timeout=60) as job:
            found[phase] = {body["id"]: {one["__id__"]: one for one in body["return"].values()} for body in job}
    return found


IDS = ["new", "other", "bad", "nosuch", "pillar", "awake", "no-pillar", "no-such", "gone", "gone-before", "in-pillar"]
BEACONS = ["beacon_file", "beacon_cron", "beacon_bash", "beacon_quiet"]


@pytest.mark.parametrize("id", [*IDS, *BEACONS])
def test_a_state_does_as_stocks_does(states, id):
    ours, stock = (states["applied"][kind][id] for kind in ("ours", "stock"))
    assert (ours["result"], ours["comment"]) == (stock["result"], stock["comment"])
    if stock["changes"]:
        assert ours["changes"] == stock["changes"]


@pytest.mark.parametrize("id", [*IDS, *BEACONS])
def test_a_preview_is_true_and_a_second_run_changes_nothing(states, id):
    preview, applied, again = (states[phase]["ours"][id] for phase in ("preview", "applied", "again"))
    if not applied["result"]:
        assert (preview["result"], applied["changes"]) == (False, {})
        return
    assert (preview["result"] is None) == bool(applied["changes"])
    assert (again["result"], again["changes"]) == (True, {})


# -- each by itself --------------------------------------------------------------------------------------------------

LOOP = """
answers = []
for name, config in given["calls"]:
    if name == "append":
        with open(config[0], "a") as file:
            file.write(config[1])
        answers.append(None)
        continue
    verdict = list(beacons[f"{name}.validate"](config))
    found = beacons[f"{name}.beacon"]([*config, {"_beacon_name": name}]) if verdict[0] else None
    answers.append([verdict, found])
print("\\n" + json.dumps(answers))
"""
LOAD = {"1m": [50.0, 60.0], "5m": [50.0, 60.0], "15m": [50.0, 60.0]}
CALM = {"1m": [0.0, 1e6], "5m": [0.0, 1e6], "15m": [0.0, 1e6]}
TAGS = {"t/a": {"regex": ".*one.*"}, "t/b": {"regex": "t"}}
LOOKS = [
    ("diskusage", [{"/": "0%"}]),
    ("diskusage", [{"/": "101%"}]),
    ("diskusage", [{"/": 0}]),
    ("diskusage", [{"/nosuch": "1%"}]),
    ("diskusage", {"/": "1%"}),
    ("memusage", [{"percent": "0.0001%"}]),
    ("memusage", [{"percent": "101%"}]),
    ("memusage", [{}]),
    ("memusage", {}),
    ("swapusage", [{"percent": "0%"}]),
    ("swapusage", [{}]),
    ("load", [{"averages": LOAD}]),
    ("load", [{"averages": CALM}]),
    ("load", [{"averages": CALM}, {"onchangeonly": True}]),
    ("load", [{"averages": {"1m": [0]}}]),
    ("load", [{"averages": {"2m": [0]}}]),
    ("load", [{"averages": []}]),
    ("load", [{"emitatstartup": 1}, {"averages": LOAD}]),
    ("load", [{"onchangeonly": 1}, {"averages": LOAD}]),
    ("load", []),
    ("ps", [{"processes": {"python": "running", "nosuch": "stopped", "nosuch2": "running"}}]),
    ("ps", [{"processes": []}]),
    ("ps", [{}]),
    ("ps", {}),
    ("service", [{"services": {"nosuch": {}}}]),
    ("service", [{"services": {"nosuch": {"onchangeonly": True}}}]),
    ("service", [{"services": {"nosuch": {"onchangeonly": True}}}]),
    ("service", [{"services": {"nosuch": {"uncleanshutdown": "LOG"}}}]),
    ("service", [{"services": {"nosuch": {"is_running_state": False}}}]),
    ("service", [{"services": {"nosuch": {"is_running_state": True}}}]),
    ("service", [{"services": {"other": {"onchangeonly": True, "emitatstartup": False}}}]),
    ("service", [{"services": []}]),
    ("service", [{}]),
    ("service", {}),
    ("service", [{"services": {"nosuch": 1}}]),
    ("status", [{"loadavg": ["1-min"]}]),
    ("status", [{"loadavg": ["all"]}]),
    ("status", [{"loadavg": "all"}]),
    ("status", {}),
    ("log", [{"file": "LOG"}, {"tags": TAGS}]),
    ("append", ["LOG", "one two\ntwo\n"]),
    ("log", [{"file": "LOG"}, {"tags": TAGS}]),
    ("log", [{"file": "LOG"}, {"tags": TAGS}]),
    ("log", [{"file": "LOG"}]),
    ("log", [{}]),
    ("log", {}),
    ("network_info", [{"interfaces": {"lo": {"type": "greater", "bytes_sent": -1}}}]),
    ("network_info", [{"interfaces": {"lo": {"errin": 1000000}}}]),
    ("network_info", [{"interfaces": {"nosuch": {"errin": 0}}}]),
    ("network_info", [{"interfaces": {"lo": {"x": 0}}}]),
    ("network_info", [{"interfaces": {"lo": 1}}]),
    ("network_info", {}),
    ("pkg", [{"pkgs": ["bash", "nosuchpackage"]}]),
    ("pkg", [{}]),
    ("pkg", {}),
    ("salt_monitor", [{"salt_fun": ["test.ping", {"test.echo": {"args": ["a"]}}]}]),
    ("salt_monitor", [{"salt_fun": "test.ping"}]),
    ("salt_monitor", [{"salt_fun": [{"test.ping": {"kwargs": {"a": 1}}}]}]),
    ("salt_monitor", [{"salt_fun": ["no.such"]}]),
    ("salt_monitor", [{"salt_fun": [{"test.ping": {"args": 1}}]}]),
    ("salt_monitor", [{"salt_fun": [{"test.ping": {"x": 1}}]}]),
]  # fmt: skip
# What changes from one moment to the next: only its names are compared.
MOVING = ("memusage", "load", "network_info", "status")


@pytest.fixture(scope="module")
def looks():
    found = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            minion = lab.configure_minion(kind, file_client="local")
            (minion / "cache").mkdir()
            log = minion / "watched.log"
            log.write_text("one\n")
            given = {
                "conf_file": str(minion / "minion"),
                "opts": {"id": "m1"},
                "grains": {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"},
                "pillar": {},
                "context": {},
                "calls": json.loads(json.dumps(LOOKS).replace("LOG", str(log))),
            }
            folder, start = (stock_bin(), STOCK + "beacons = salt.loader.beacons(opts, functions)\n")
            if kind == "ours":
                folder, start = OURS, TRISALT + 'beacons = plugins.loader("beacons")\n'
            done = subprocess.run(
                [str(folder / "python"), "-W", "ignore", "-c", start + LOOP],
                input=json.dumps(given), capture_output=True, text=True, cwd="/", env=lab.env, timeout=90, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-3000:]
            found[kind] = json.loads(done.stdout.splitlines()[-1].replace(str(log), "LOG"))
    return found


@pytest.mark.parametrize("number", range(len(LOOKS)), ids=[f"{n}-{name}" for n, (name, _) in enumerate(LOOKS)])
def test_a_beacon_judges_and_sees_as_stocks_does(looks, number):
    stock, ours = (looks[kind][number] for kind in ("stock", "ours"))
    if LOOKS[number][0] in MOVING:
        stock, ours = ([verdict, _shape(seen)] for verdict, seen in (stock, ours))
    if LOOKS[number][0] == "diskusage" and stock[1]:
        # Whatever else runs here writes between the two looks.
        stock[1] = [{**row, "diskusage": pytest.approx(row["diskusage"], abs=1)} for row in stock[1]]
    assert ours == stock


def _shape(value):
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__
