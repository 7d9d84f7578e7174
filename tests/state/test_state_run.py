"""Runs of small trees in this process, with state modules of the test: what the engine does around a state."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Mapping

import msgpack
import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.state.pause import Pause
from trisalt.worker import upcall

JID = "20260101000000000000"
MODULE = """
import os, time
def installed(name, pkgs=None, **kwargs):
    return {"name": name, "changes": {"pkgs": list(pkgs or [name])}, "result": True, "comment": ""}
def mod_aggregate(low, chunks, running):
    low["pkgs"] = [chunk["name"] for chunk in chunks]
    return low
def mod_init(low):
    __context__.setdefault("begun", []).append(low["__id__"])
    return len(__context__["begun"]) > 1
def begun(name, **kwargs):
    return {"name": name, "changes": {}, "result": True, "comment": ",".join(__context__.get("begun", []))}
def returns(name, what, **kwargs):
    return what
def raises(name, **kwargs):
    raise ValueError("no such luck")
def sees(name, **kwargs):
    told = [__low__["__id__"], __env__, str(len(__running__)), str(len(__lowstate__)), str(__opts__["test"])]
    return {"name": name, "changes": {}, "result": True, "comment": told}
def tries(name, path, **kwargs):
    try:
        __running__["x"] = 1
        __low__["name"] = "other"
    except TypeError:
        return {"name": name, "changes": {}, "result": True, "comment": "views"}
def mask(name, **kwargs):
    before = os.umask(0)
    os.umask(before)
    return {"name": name, "changes": {}, "result": True, "comment": oct(before)}
def pid(name, length=0, **kwargs):
    time.sleep(length)
    return {"name": name, "changes": {}, "result": True, "comment": str(os.getpid())}
def dies(name, **kwargs):
    os._exit(3)
def asks(name, **kwargs):
    __salt__["event.send"]("from/a/state", {})
    return {"name": name, "changes": {}, "result": True, "comment": str(__salt__["saltutil.running"]())}
def within(name, **kwargs):
    low = {"state": "my", "name": "inner", "fun": "nop", "__id__": "inner"}
    sub = {"name": "inner", "low": low, "changes": {}, "result": True, "comment": "from within"}
    return {"name": name, "changes": {}, "result": True, "comment": "", "sub_state_run": [sub]}
def skips(name, **kwargs):
    return {"name": name, "changes": {"a": 1}, "result": True, "comment": "", "skip_req": True}
def lays(name, path, text, **kwargs):
    with open(path, "w") as file:
        file.write(text)
    return {"name": name, "changes": {"path": path}, "result": True, "comment": ""}
def grain(name, **kwargs):
    return {"name": name, "changes": {}, "result": True, "comment": str(__grains__.get("kernel"))}
def pings(name, **kwargs):
    return {"name": name, "changes": {}, "result": True, "comment": str(__salt__["test.ping"]())}
def runas(name, **kwargs):
    return {"name": name, "changes": {}, "result": True, "comment": str(__context__.get("runas"))}
"""


class Host:
    """Whoever is asked."""

    def __init__(self):
        self.asked = []
        self.running = []

    def call(self, kind, fields):
        self.asked.append((kind, fields))
        return self.running if kind == "running" else True


@pytest.fixture
def host():
    host = Host()
    before = upcall.install(host)
    yield host
    upcall.install(before)


@pytest.fixture
def apply(tmp_path, host):
    """`apply(sls)`: the entries by ID; `raw` is the return as it is."""
    (tmp_path / "srv").mkdir()
    states = tmp_path / "states"
    states.mkdir()
    (states / "my.py").write_text(MODULE)

    def apply(sls, *, raw=False, options: Mapping | None = None, **kwargs):
        opts = {
            "id": "m1", "cachedir": str(tmp_path / "cache"), "file_client": "local", "__cli": "salt-call",
            "file_roots": {"base": [str(tmp_path / "srv")]}, "states_dirs": [str(states)],
            "extension_modules": str(tmp_path / "ext"), "test": None, "hash_type": "sha256", **(options or {}),
        }  # fmt: skip
        plugins = Plugins(opts, grains={"id": "m1"}, pillar={})
        (tmp_path / "srv/a.sls").write_text(sls)
        result = plugins.loader("modules")["state.sls"]("a", __pub_jid=JID, **kwargs)
        apply.retcode, apply.opts = plugins.context.get("retcode"), dict(plugins.opts)
        return result if raw or isinstance(result, list) else {each["__id__"]: each for each in result.values()}

    return apply


def test_states_of_one_group_run_as_one(apply):
    done = apply("a: {my.installed: []}\nb: {my.installed: []}\n", options={"state_aggregate": True})
    assert done["a"]["changes"] == {"pkgs": ["a", "b"]}


def test_what_requires_one_of_a_group_runs_after_all_of_it(apply):
    done = apply(
        "x: {test.nop: [{require: [{my: a}]}]}\na: {my.installed: []}\nb: {my.installed: []}\n",
        options={"state_aggregate": ["my"]},
    )
    assert max(done[id]["__run_num__"] for id in "ab") < done["x"]["__run_num__"]


def test_a_module_is_begun_until_it_says_that_it_has(apply):
    assert apply("a: {my.begun: []}\nb: {my.begun: []}\nc: {my.begun: []}\n")["c"]["comment"] == "a,b"


@pytest.mark.parametrize(
    ("what", "comment"),
    [
        ("5", "Malformed state return. Data must be a dictionary type."),
        ("{changes: [], result: true}", "'Changes' should be a dictionary."),
        ("{changes: {}, result: true}", "The following keys were not present in the state return: name, comment."),
    ],
)
def test_a_malformed_return_is_a_failure_that_says_so(apply, what, comment):
    done = apply(f"a: {{my.returns: [{{what: {what}}}]}}\n")
    assert done["a"]["comment"] == f"An exception occurred in this state: {comment}"
    assert done["a"]["result"] is False


def test_lines_become_a_text_and_a_result_a_truth(apply):
    done = apply("a: {my.returns: [{what: {name: a, changes: {}, result: 1, comment: [x, 2]}}]}\n")
    assert (done["a"]["comment"], done["a"]["result"]) == ("x\n2", True)


def test_what_a_module_raises_is_its_states_failure(apply):
    done = apply("a: {my.raises: []}\nb: test.nop\n")
    assert done["a"]["comment"].startswith("An exception occurred in this state: Traceback (most recent call last):\n")
    assert done["a"]["comment"].endswith("ValueError: no such luck\n")
    assert "state/call.py" not in done["a"]["comment"]
    assert done["b"]["result"] is True


def test_a_state_sees_the_run_around_it(apply):
    done = apply("x: test.nop\na: {my.sees: [{require: [x]}, {saltenv: dev}]}\n", test=True)
    assert done["a"]["comment"].split("\n") == ["a", "dev", "1", "2", "True"]
    assert apply.opts["test"] is None


def test_the_run_cannot_be_changed_by_a_state(apply):
    assert apply("a: {my.tries: [{path: x}]}\n")["a"]["comment"] == "views"


def test_a_umask_holds_for_one_state(apply):
    before = os.umask(0o027)
    try:
        done = apply("a: {my.mask: [{umask: '077'}]}\nb: {my.mask: []}\n")
    finally:
        os.umask(before)
    assert (done["a"]["comment"], done["b"]["comment"]) == ("0o77", "0o27")


def test_states_in_parallel_run_at_once_and_what_requires_them_waits(apply):
    done = apply(
        "a: {my.pid: [{parallel: true}, {length: 0.3}]}\nb: {my.pid: [{parallel: true}]}\n"
        "c: {my.pid: [{require: [a]}]}\nd: {my.pid: [{parallel: true}, {require: [a]}]}\n"
    )
    pids = {id: entry["comment"] for id, entry in done.items()}
    assert len({pids["a"], pids["b"], pids["c"], pids["d"]}) == 4
    assert pids["c"] == str(os.getpid())
    assert all(done[id]["__parallel__"] for id in "abd")
    assert done["a"]["duration"] >= 300
    assert "__parallel__" not in done["c"]


def test_no_more_run_in_parallel_than_may(apply):
    done = apply(
        "".join(f"s{n}: {{my.pid: [{{parallel: true}}, {{length: 0.05}}]}}\n" for n in range(4)),
        options={"state_max_parallel": 2},
    )
    assert [done[f"s{n}"]["result"] for n in range(4)] == [True] * 4


def test_a_process_that_is_lost_is_a_failure(apply):
    done = apply("a: {my.dies: [{parallel: true}]}\nb: {test.nop: [{require: [a]}]}\n")
    assert (done["a"]["result"], done["a"]["comment"]) == (False, "Parallel process failed to return")
    assert done["b"]["comment"] == "One or more requisite failed: a.a"


def test_a_process_of_its_own_asks_through_the_jobs(apply, host):
    done = apply("a: {my.asks: [{parallel: true}]}\n")
    assert done["a"]["comment"] == "[]"
    assert "running" in [kind for kind, _fields in host.asked]


def test_states_within_a_state_are_entries_of_their_own(apply):
    done = apply("a: {my.within: []}\n", raw=True)
    assert list(done) == ["my_|-a_|-a_|-within", "my_|-inner_|-inner_|-nop"]
    assert done["my_|-inner_|-inner_|-nop"]["comment"] == "from within"


def test_what_requires_a_state_that_skips_is_skipped(apply):
    done = apply("a: {my.skips: []}\nb: {test.nop: [{onchanges: [a]}]}\nc: {test.nop: [{watch: [{my: a}]}]}\n")
    assert done["b"]["comment"] == "State was not run because requisites were skipped by another state"
    assert done["c"]["comment"].endswith(" mod_watch was not run because requisites were skipped by another state")


def test_conditions_and_commands_are_run_as_the_states_user(apply):
    assert apply("a: {my.runas: [{runas: nobody}]}\n")["a"]["comment"] == "nobody"


def test_modules_that_a_state_lays_down_are_there_for_the_next(apply, tmp_path):
    more = tmp_path / "states/more.py"
    text = "def there(name):\\n    return {'name': name, 'changes': {}, 'result': True, 'comment': 'new'}\\n"
    sls = f"""
a: {{my.lays: [{{path: {more}}}, {{text: "{text}"}}, {{reload_modules: true}}]}}
b: {{more.there: [{{require: [a]}}]}}
"""
    assert apply(sls)["b"]["comment"] == "new"


def test_grains_are_gathered_anew_when_a_state_says_so(apply):
    done = apply("a: {my.grain: []}\nb: {test.nop: [{reload_grains: true}]}\nc: {my.grain: []}\n")
    assert (done["a"]["comment"], done["c"]["comment"]) == ("None", "Linux")


def test_a_provider_stands_for_a_module_while_its_state_runs(apply, tmp_path):
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "othertest.py").write_text("def ping():\n    return 'other'\n")
    done = apply(
        "a: {my.pings: [{provider: [{test: othertest}]}]}\nb: {my.pings: []}\n",
        options={"module_dirs": [str(modules)]},
    )
    assert (done["a"]["comment"], done["b"]["comment"]) == ("other", "True")


def test_functions_that_are_disabled_vanish_but_for_their_numbers(apply, tmp_path):
    (tmp_path / "srv/a.sls").write_text("a: test.nop\nb: test.succeed_with_changes\nc: test.nop\n")
    plugins = Plugins(
        {"id": "m1", "cachedir": str(tmp_path / "cache"), "file_client": "local", "__cli": "salt-call",
         "file_roots": {"base": [str(tmp_path / "srv")]}},
        grains={"id": "m1", "state_runs_disabled": ["test.succeed*"]}, pillar={},
    )  # fmt: skip
    done = plugins.loader("modules")["state.sls"]("a")
    assert {each["__id__"]: each["__run_num__"] for each in done.values()} == {"a": 1, "c": 2}


@pytest.mark.parametrize(
    ("sealed", "comments"),
    [
        ("good", {"a": "", "b": ""}),
        ("bad", {"a": "Failed verifying the source file's signature: ", "b": ""}),
    ],
)
def test_an_archive_is_unpacked_when_its_signature_is_good(apply, tmp_path, sealed, comments):
    verified = "The file's signature could not be verified: broken seal"
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "seal.py").write_text(
        "def verify(filename, signature, **asked):\n"
        "    with open(signature) as file:\n"
        "        return {'res': file.read() == 'good' and asked.get('keyring') == 'k', 'message': 'broken seal'}\n"
    )
    srv = tmp_path / "srv"
    srv.mkdir(exist_ok=True)
    (srv / "x.txt").write_text("x")
    with tarfile.open(srv / "x.tgz", "w:gz") as packed:
        packed.add(srv / "x.txt", "x.txt")
    digest = hashlib.sha256((srv / "x.tgz").read_bytes()).hexdigest()
    (srv / "sums").write_text(f"{digest} x.tgz\n")
    (srv / "seal").write_text(sealed)
    common = "{source: salt://x.tgz}, {sig_backend: seal}, {keyring: k}"
    done = apply(
        f"a: {{archive.extracted: [{{name: {tmp_path}/a}}, {{signature: salt://seal}}, {common}]}}\n"
        f"b: {{archive.extracted: [{{name: {tmp_path}/b}}, {{source_hash: salt://sums}}, "
        f"{{source_hash_sig: salt://seal}}, {common}]}}\n",
        options={"module_dirs": [str(modules)]},
    )
    for name, begin in comments.items():
        assert done[name]["result"] is (sealed == "good")
        assert (tmp_path / name / "x.txt").exists() is (sealed == "good")
        assert sealed == "good" or done[name]["comment"] == begin + verified


def test_what_states_changed_is_each_their_own(apply):
    # What is twice in a return is a reference where it is shown as YAML.
    done = apply("a: test.succeed_with_changes\nb: test.succeed_with_changes\n")
    assert done["a"]["changes"]["testing"] == done["b"]["changes"]["testing"]
    assert done["a"]["changes"]["testing"] is not done["b"]["changes"]["testing"]


@pytest.mark.parametrize(("targets", "result"), [(["m1"], True), (["m2"], None), ("G@id:m1", True)])
def test_global_conditions_keep_states_from_hosts_that_they_do_not_name(apply, targets, result):
    done = apply("a: test.nop\n", options={"global_state_conditions": {"test": targets}})
    assert done["a"]["result"] is result


def test_failhard_ends_the_run_but_not_a_trial_of_it(apply):
    sls = "a: test.fail_without_changes\nb: test.nop\n"
    assert list(apply(sls, options={"failhard": True})) == ["a"]
    assert list(apply(sls, options={"failhard": True}, test=True)) == ["a", "b"]


def test_a_run_can_be_ended_softly(apply, tmp_path):
    pause = Pause(str(tmp_path / "cache"), JID)
    os.makedirs(os.path.dirname(pause.path))
    with open(pause.path, "wb") as file:
        file.write(msgpack.packb({"b": {"kill": True}}))
    assert list(apply("a: test.nop\nb: test.nop\nc: test.nop\n")) == ["a"]
    assert not os.path.exists(pause.path)


def test_what_was_applied_is_kept_for_its_owner_alone(apply, tmp_path):
    apply("a: test.nop\n")
    for name in ("sls.p", "highstate.cache.p"):
        path = tmp_path / "cache" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = msgpack.unpackb((tmp_path / "cache/highstate.cache.p").read_bytes())
    assert kept["a"]["test"] == ["nop", {"order": 10000}]


def test_the_master_is_told_of_each_state_and_of_those_that_say_so(host):
    told = []

    def call(kind, fields):
        told.append((kind, fields))
        return {"running": [], "ask_master": {"state_events": True}}.get(kind, True)

    host.call = call
    plugins = Plugins({"id": "m1", "cachedir": "/nowhere", "test": None}, grains={"id": "m1"}, pillar={})
    text = "a: test.nop\nb: {test.nop: [{fire_event: my/tag}]}\nc: {test.nop: [{name: n}, {fire_event: true}]}\n"
    plugins.loader("modules")["state.template_str"](text, __pub_jid=JID)
    first, second, third = [fields for kind, fields in told if kind in ("progress", "fire_master")]
    assert (first["number"], first["data"]["len"], first["data"]["ret"]["__id__"]) == (0, 3, "a")
    assert second["tag"] == f"salt/state_result/{JID}/m1/my/tag"
    assert (third["tag"], third["data"]["jid"]) == (f"salt/state_result/{JID}/m1/n", JID)


def test_another_run_is_told_of_unless_it_may_run_beside(apply, host):
    host.running = [{"fun": "state.apply", "pid": 5, "jid": "20251231235959123456"}]
    (text,) = apply("a: test.nop\n")
    assert text == (
        'The function "state.apply" is running as PID 5 and was started at 2025, Dec 31 23:59:59.123456 '
        "with jid 20251231235959123456"
    )
    assert apply.retcode == 1
    assert list(apply("a: test.nop\n", concurrent=True)) == ["a"]


def test_a_queue_lets_earlier_runs_end(apply, host):
    later = {"fun": "state.apply", "pid": 6, "jid": "20991231235959123456"}
    answers = [[{"fun": "state.apply", "pid": 5, "jid": "20251231235959123456"}], [later], [later]]
    host.call = lambda kind, _fields: answers.pop(0) if kind == "running" else True
    assert list(apply("a: test.nop\n", queue=True)) == ["a"]


def test_an_environment_that_is_locked_is_not_left(apply):
    with pytest.raises(CommandError, match="lock_saltenv is enabled, saltenv cannot be changed"):
        apply("a: test.nop\n", saltenv="dev", options={"lock_saltenv": True, "saltenv": "base"})


def test_options_of_another_file_hold_for_one_run(apply, tmp_path):
    other = tmp_path / "other"
    other.write_text("test: true\nstate_aggregate: true\n")
    done = apply("a: {my.installed: []}\nb: {my.installed: []}\n", localconfig=str(other))
    assert done["a"]["changes"] == {"pkgs": ["a", "b"]}
    assert "state_aggregate" not in apply.opts


def test_a_mocked_run_calls_nothing(apply):
    done = apply("a: my.raises\nb: {test.nop: [{unless: 'true'}]}\n", mock=True)
    assert done["a"]["comment"] == "Not called, mocked"
    assert done["b"]["comment"] == "unless condition is true"


def test_what_was_applied_last_is_applied_again_from_the_cache(apply, tmp_path):
    apply("a: test.nop\n")
    assert list(apply("b: test.nop\n", cache=True)) == ["a"]


def packed(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def functions(tmp_path, host):
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "file_client": "local", "__cli": "salt-call", "test": None}
    return Plugins(opts, grains={"id": "m1"}, pillar={}).loader("modules")


def test_a_packed_tree_is_applied_if_its_hash_is_the_one_that_is_told(functions, tmp_path):
    chunk = {"state": "test", "fun": "nop", "name": "x", "__id__": "x", "__sls__": "s", "order": 1}
    sum = packed(tmp_path / "a.tgz", {"lowstate.json": json.dumps([chunk]), "pillar.json": '{"a": 1}'})
    assert list(functions["state.pkg"](str(tmp_path / "a.tgz"), sum, "sha256")) == ["test_|-x_|-x_|-nop"]
    assert functions["state.pkg"](str(tmp_path / "a.tgz"), "0" * 64, "sha256") == {}


def test_a_packed_tree_that_leads_out_of_itself_is_refused(functions, tmp_path):
    sum = packed(tmp_path / "a.tgz", {"lowstate.json": "[]", "../evil": "x"})
    with pytest.raises(CommandError, match="is no packed tree of states"):
        functions["state.pkg"](str(tmp_path / "a.tgz"), sum, "sha256")
    assert not list(tmp_path.rglob("evil"))


def test_requests_wait_for_the_operator_of_the_host(apply, host, functions, tmp_path):
    (tmp_path / "srv/a.sls").write_text("a: test.succeed_with_changes\n")
    functions._opts["file_roots"] = {"base": [str(tmp_path / "srv")]}
    (tried,) = functions["state.request"]("a").values()
    assert tried["result"] is None
    assert functions["state.check_request"]()["default"]["mods"] == "a"
    (done,) = functions["state.run_request"]().values()
    assert done["result"] is True
    assert functions["state.check_request"]() == {}
    assert functions["state.run_request"]() == {}
