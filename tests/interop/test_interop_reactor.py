"""The reactor beside stock's: a master of each with the same files, the same events, and what each had done.

`FILES` is the table: one SLS file for each event `t/<name>`. No minion runs; one has a key, and jobs go out to it.
"""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.support.lab import open_lab, stock_bin
from trisalt.wire.keys import PrivateKey

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

LOCAL = {
    "new": "local.test.arg: [{tgt: m1}, {args: [{x: 1}, {y: '{{ data.what }}'}]}]",
    "names": "local.test.arg: [{tgt: m1}, {args: [one, {two: {a: 1}}]}]",
    "map": "local.test.arg: [{tgt: 'm1,m2'}, {tgt_type: list}, {ret: nosuch}, {args: {x: 1}}]",
    "old": "cmd.test.arg: [{tgt: 'm*'}, {arg: [one, two=2]}, {kwarg: {z: 3}}]",
    "both": "local.test.arg: [{tgt: m1}, {arg: [a]}, {kwarg: {z: 3}}, {args: [b]}]",
    "metadata": "local.test.arg: [{tgt: m1}, {timeout: 3}, {metadata: {a: b}}, {other: thing}]",
    "inside": "local: [test.arg, {tgt: m1}, {args: [q]}]",
    "bare": "local.test.ping: [{tgt: m1}]",
    "runner": "runner.test.arg: [{args: [{x: 1}, {y: two}]}]",
    "beside": "runner.test.arg: [{x: 1}, {y: two}]",
    "positional": "runner.test.arg: [{arg: [one]}, {kwarg: {a: b}}]",
    "empty": "runner.test.arg: []",
    "wheel": "wheel.key.list: [{args: [{match: acc}]}]",
    "two": "local.test.arg: [{tgt: m1}, {arg: [1]}]\n  runner.test.arg: [{args: {b: 2}}]",
}
VARIABLES = (
    *("salt", "opts", "grains", "pillar", "proxy", "sls", "saltenv", "env", "id"),
    *("tplfile", "tplpath", "tpldir", "slspath"),
)
FILES = {
    **{name: f"id:\n  {text}\n" for name, text in LOCAL.items()},
    "tag": "id:\n  local.test.arg: [{tgt: m1}, {arg: ['{{ tag }}', '{{ data.keys() | sort | join }}']}]\n",
    "order": "z:\n  local.test.arg: [{tgt: m1}, {arg: [z]}]\na:\n  local.test.arg: [{tgt: m1}, {arg: [a]}]\n",
    "there": "id:\n  local.test.arg:\n    - tgt: m1\n    - arg: ["
    + ", ".join(f"{name} {{{{ {name} is defined }}}}" for name in VARIABLES)
    + "]\n",
    "again": "id:\n  runner.event.send: [{args: [{tag: my/reacted}, {data: {a: 1}}]}]\n",
}
# What does nothing, and the line that says why.
BROKEN = {
    "missing": (None, "Can not render SLS {path} for tag t/missing. File missing or not found."),
    "mapform": (
        "id:\n  local.test.arg:\n    tgt: m1\n",
        "Unable to render reactions for event t/mapform due to errors "
        "([\"State 'id' in SLS '{path}' is not formed as a list\"]) in one or more of the sls files (['{path}'])",
    ),
    "none": (
        "id:\n  local.test.arg: [{tgt: m1}, {args: null}]\n",
        "Reactor 'id' failed to execute local 'test.arg': Incorrect argument format, "
        "check the Reactor System documentation for the correct format.",
    ),
    "nosuch": (
        "id:\n  runner.nosuch.fun: []\n",
        "Reactor 'id' failed to execute runner 'nosuch.fun': function not available",
    ),
    "yaml": ("id:\n  a:\n   - b\n  - c\n", 'Failed to render "{path}'),
}
# Of what is told, what is compared; stock marks a runner's keywords no further.
FACTS = ("fun", "fun_args", "arg", "tgt", "tgt_type", "ret", "user", "metadata", "minions", "a")
KINDS = r"salt/job/\d+/(new|publish)|salt/(run|wheel)/\d+/new|my/reacted"
FIRST = "id:\n  local.test.arg: [{tgt: m1}, {arg: [first]}]\n"

DRIVER = """
import json, re, sys, time
import salt.config, salt.utils.event
given = json.load(sys.stdin)
# The first event's job; and a runner that is not there, of which ours tells that it was tried.
given["apart"] = {"['first']", "runner.nosuch.fun"}
opts = salt.config.master_config(given["conf_file"])
found = []
with salt.utils.event.get_event("master", sock_dir=opts["sock_dir"], opts=opts, listen=True) as bus:
    bus.connect_pub()
    deadline = time.time() + 90
    def ready():
        return len(found) >= given["expected"] or time.time() > deadline
    # The reactor may not listen yet: until it answers, the first event is fired again.
    heard = False
    while not heard and time.time() < deadline:
        bus.fire_event({"what": "first"}, "t/first")
        end = time.time() + 2
        while not heard and time.time() < end:
            event = bus.get_event(full=True, wait=0.5, auto_reconnect=True)
            heard = bool(event) and re.fullmatch(r"salt/job/\\d+/publish", event["tag"]) is not None
    for tag in given["tags"]:
        bus.fire_event({"what": "w" + tag}, tag)
    while not ready():
        event = bus.get_event(full=True, wait=1, auto_reconnect=True)
        if event and re.fullmatch(given["kinds"], event["tag"]) and not given["apart"] & set(map(str, event["data"].values())):
            found.append(event)
print("\\n" + json.dumps(found, default=repr))
"""


def expected(files):
    """How many events there will be: two for each job, one for each run, and what a run fires."""
    text = "".join(files.values())
    jobs = len(re.findall(r"(?:local|cmd)[.:]", text))
    return 2 * jobs + len(re.findall(r"(?:runner|wheel)\.", text)) + text.count("my/reacted")


def answers(kind, root):
    with open_lab() as lab:
        folder = root / kind
        folder.mkdir()
        reactor = [{"t/first": str(folder / "first.sls")}, {"salt/run/*/new": str(folder / "loop.sls")}]
        # What a reaction runs wakes nothing: this one would never end.
        (folder / "loop.sls").write_text("")
        (folder / "first.sls").write_text(FIRST)
        for name, text in {**FILES, **{name: row[0] for name, row in BROKEN.items()}}.items():
            path = folder / f"{name}.sls"
            reactor.append({f"t/{name}": [str(path)]})
            if text is not None:
                path.write_text(text)
        pki = lab.master_dir() / "pki" / "minions"
        pki.mkdir(parents=True)
        (pki / "m1").write_text(PrivateKey.generate(2048).public.pem)
        daemon = lab.start_master(kind, reactor=reactor)
        given = {
            "conf_file": str(lab.master_dir() / "master"),
            "tags": [f"t/{name}" for name in (*BROKEN, *FILES)],
            "expected": expected(FILES),
            "kinds": KINDS,
        }
        done = subprocess.run(
            [str(stock_bin() / "python"), "-c", DRIVER],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=120,
            env=lab.env,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        events = json.loads(done.stdout.rpartition("\n\n")[2])
        shown = sorted(json.dumps(facts(event), sort_keys=True) for event in events)
        # What is wrong is found out beside what runs.
        with suppress(AssertionError):
            lab.wait(
                lambda: all(line in logged(daemon, folder) for line in said().values()), "what is wrong", seconds=20
            )
        return shown, logged(daemon, folder)


def logged(daemon, folder):
    """The log, with the SLS files as if they lay in `/`."""
    return daemon.text().replace(str(folder), "")


def said():
    """What is said of each file that does nothing."""
    return {name: line.format(path=f"/{name}.sls") for name, (_text, line) in BROKEN.items()}


def facts(event):
    data = event["data"]
    # Ours marks keywords as they travel, wherever they are told.
    args = [
        {key: value for key, value in arg.items() if key != "__kwarg__"} if isinstance(arg, dict) else arg
        for arg in data.get("fun_args", [])
    ]
    told = {name: data[name] for name in FACTS if name in data} | ({"fun_args": args} if "fun_args" in data else {})
    return {"tag": re.sub(r"\d{20}", "JID", event["tag"]), **told}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    root = tmp_path_factory.mktemp("reactor")
    with ThreadPoolExecutor() as pool:
        found = {kind: pool.submit(answers, kind, root) for kind in ("stock", "ours")}
        return {kind: answer.result() for kind, answer in found.items()}


def test_the_same_files_and_events_have_the_same_jobs_sent_and_the_same_runs_begun(both):
    assert both["ours"][0] == both["stock"][0]
    assert len(both["ours"][0]) == expected(FILES)


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_is_wrong_is_said_in_the_same_words(both, name):
    for kind in ("stock", "ours"):
        assert said()[name] in both[kind][1], kind
