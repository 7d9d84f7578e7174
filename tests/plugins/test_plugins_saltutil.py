"""The execution module `saltutil`: jobs, refreshes, synced plugins, caches; the host is a small one of ours."""

import hashlib
import sys

import pytest

from trisalt.errors import CommandError, InvocationError
from trisalt.loader import facade
from trisalt.loader.dunders import Plugins
from trisalt.wire.codec import pack_bin
from trisalt.worker import upcall

JID = "20260101000000000001"


class Host:
    """A minion with one job, and a file server of one map."""

    def __init__(self):
        self.files = {}
        self.asked = []
        self.served = 0

    def call(self, kind, fields):
        self.asked.append((kind, fields))
        match kind:
            case "running":
                return [{"jid": JID, "fun": "state.apply", "pid": 7}, {"jid": "2", "fun": ["a.b", "c.d"], "pid": 8}]
            case "signal_job":
                return {JID: 7, "2": 8}.get(fields["jid"])
            case "command":
                return self.answers
            case "ask_master":
                return self.answer(fields["cmd"], fields["load"])
        return True

    def answer(self, cmd, load):
        data = self.files.get((load.get("saltenv"), load.get("path")))
        match cmd:
            case "_file_envs":
                return sorted({"base", *(env for env, _path in self.files)})
            case "_file_list":
                return [p for env, p in self.files if env == load["saltenv"] and p.startswith(load["prefix"] + "/")]
            case "_file_hash_and_stat":
                if data is None:
                    return [{}, None]
                return [{"hsum": hashlib.sha256(data).hexdigest(), "hash_type": "sha256"}, [0o100644]]
            case "_serve_file":
                self.served += 1
                return {"data": data[load["loc"] : load["loc"] + 10], "dest": load["path"]}
        raise CommandError(f"no {cmd}")

    def refreshed(self):
        return [fields["what"] for kind, fields in self.asked if kind == "refresh"]


@pytest.fixture
def salt(tmp_path, host):
    opts = {
        "id": "m1",
        "cachedir": str(tmp_path),
        "extension_modules": str(tmp_path / "extmods"),
        "pki_dir": str(tmp_path / "pki"),
    }
    salt = Plugins(opts).loader("modules")
    salt.opts = opts
    return salt


def test_jobs(salt):
    assert [job["jid"] for job in salt["saltutil.running"]()] == [JID, "2"]
    assert [job["jid"] for job in salt["saltutil.is_running"]("state.*")] == [JID]
    assert [job["jid"] for job in salt["saltutil.is_running"]("c.*")] == ["2"]
    assert salt["saltutil.find_job"](int(JID))["pid"] == 7
    assert salt["saltutil.find_job"]("nosuch") == {}


def test_signals(salt):
    assert salt["saltutil.signal_job"](JID, 0) == f"Signal 0 sent to job {JID} at pid 7"
    assert salt["saltutil.term_job"](JID) == f"Signal 15 sent to job {JID} at pid 7"
    assert salt["saltutil.kill_job"](JID) == f"Signal 9 sent to job {JID} at pid 7"
    assert salt["saltutil.term_job"]("nosuch") == ""
    assert salt["saltutil.kill_all_jobs"]() == [
        f"Signal 9 sent to job {JID} at pid 7",
        "Signal 9 sent to job 2 at pid 8",
    ]
    assert len(salt["saltutil.term_all_jobs"]()) == 2
    with pytest.raises(InvocationError):
        salt["saltutil.signal_job"](JID, "TERM")


@pytest.mark.parametrize("what", ["pillar", "modules", "beacons", "matchers", "grains"])
def test_refresh(salt, host, what):
    assert salt[f"saltutil.refresh_{what}"]() is True
    assert host.refreshed()[0] == what


def test_refresh_pillar_may_wait(salt, host):
    salt["saltutil.pillar_refresh"](wait=True, timeout=5)
    assert host.asked == [("refresh", {"what": "pillar", "wait": True, "timeout": 5})]


def test_without_a_daemon_nothing_is_refreshed(salt):
    upcall.install(None)
    assert salt["saltutil.refresh_pillar"]() is False


def test_sync_copies_what_changed_and_removes_what_is_gone(salt, host, tmp_path):
    host.files = {
        ("base", "_modules/hw.py"): b"def say(): return 'hello'",
        ("base", "_modules/pack/__init__.py"): b"",
        ("base", "_modules/../evil.py"): b"x",
        ("base", "other.txt"): b"x",
    }
    assert salt["saltutil.sync_modules"]() == ["modules.hw", "modules.pack.__init__"]
    assert host.refreshed() == ["modules"]
    assert (tmp_path / "extmods/modules/hw.py").read_bytes() == b"def say(): return 'hello'"
    assert salt["hw.say"]() == "hello"
    served = host.served
    assert salt["saltutil.sync_modules"]() == []
    assert host.served == served
    host.files = {("base", "_modules/hw.py"): b"def say(): return 'again'"}
    assert salt["saltutil.sync_modules"](refresh=False) == ["modules.hw"]
    assert not (tmp_path / "extmods/modules/pack").exists()
    assert not list(tmp_path.rglob("evil.py"))


def test_sync_of_environments(salt, host, tmp_path):
    host.files = {("dev", "_grains/g.py"): b"1", ("base", "_grains/g.py"): b"2"}
    assert salt["saltutil.sync_grains"](saltenv="dev,base") == ["grains.g"]
    assert (tmp_path / "extmods/grains/g.py").read_bytes() == b"1"
    assert host.refreshed() == ["modules", "grains", "pillar"]


TOP = b"""
base:
  '*': [a]
dev:
  'os:Debian':
    - match: grain
    - b
{% if grains['os'] == 'Debian' %}
test:
  'm[1-3]': [c]
{% endif %}
prod:
  'web*': [d]
"""


@pytest.mark.parametrize(
    ("files", "opts", "synced"),
    [
        ({("base", "top.sls"): TOP}, {}, ["modules.base", "modules.dev", "modules.test"]),
        ({("dev", "top.sls"): b"dev: {'m1': [a]}"}, {}, ["modules.dev"]),
        ({("base", "top.sls"): b"prod: {'web*': [a]}"}, {}, ["modules.base"]),
        ({}, {}, ["modules.base"]),
        ({("base", "top.sls"): TOP}, {"saltenv": "prod"}, ["modules.prod"]),
        ({("base", "first.sls"): b"test: {'*': [a]}"}, {"state_top": "salt://first.sls"}, ["modules.test"]),
    ],
)
def test_environments_are_those_of_the_top_file(tmp_path, host, files, opts, synced):
    modules = {(env, f"_modules/{env}.py"): b"" for env in ("base", "dev", "test", "prod")}
    host.files = {**modules, **files}
    opts = {"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "ext"), **opts}
    salt = Plugins(opts, grains={"os": "Debian"}).loader("modules")
    assert salt["saltutil.sync_modules"]() == synced


def test_a_top_file_that_cannot_be_read_is_told(salt, host):
    host.files = {("base", "top.sls"): b"base: ["}
    with pytest.raises(CommandError, match=r"Unable to render top file\(s\): "):
        salt["saltutil.sync_modules"]()


def test_sync_keeps_to_the_lists(salt, host):
    host.files = {("base", f"_modules/{name}.py"): b"" for name in ("a", "b", "c")}
    assert salt["saltutil.sync_modules"](extmod_whitelist="a,b") == ["modules.a", "modules.b"]
    assert salt["saltutil.sync_modules"](extmod_blacklist=["b"]) == ["modules.c"]


@pytest.mark.parametrize(
    ("options", "synced"),
    [
        ({}, ["modules.a", "modules.pack.__init__", "modules.pack.part"]),
        ({"extmod_whitelist": {"modules": ["pack.part"]}}, ["modules.pack.part"]),
        ({"extmod_whitelist": {"modules": []}}, []),
        ({"extmod_whitelist": {"grains": ["x"]}}, ["modules.a", "modules.pack.__init__", "modules.pack.part"]),
        ({"extmod_blacklist": {"modules": ["pack"]}}, ["modules.a"]),
        ({"extmod_whitelist": "a"}, ["modules.a"]),
    ],
)
def test_what_the_lists_mean(salt, host, options, synced):
    host.files = {
        ("base", f"_modules/{name}"): b"" for name in ("a.py", "pack/__init__.py", "pack/part.py", "pack/x.txt")
    }
    assert salt["saltutil.sync_modules"](**options) == synced
    assert salt["saltutil.sync_all"](**options)["modules"] == []


def test_lists_that_are_none(salt):
    with pytest.raises(CommandError, match="extmod_whitelist must be a string or dictionary: 5"):
        salt["saltutil.sync_modules"](extmod_whitelist=5)


@pytest.mark.parametrize("what", ["pillar", "tops", "wrapper"])
def test_what_only_a_masterless_minion_syncs(salt, what):
    with pytest.raises(CommandError, match="modules can only be synced to masterless minions"):
        salt[f"saltutil.sync_{what}"]()
    assert what not in salt["saltutil.sync_all"]()


def test_a_file_that_came_incomplete_is_not_taken(salt, host, tmp_path):
    host.files = {("base", "_modules/a.py"): b"0123456789abc"}
    whole = host.answer

    def answer(cmd, load):
        return {"data": b"", "dest": ""} if cmd == "_serve_file" and load["loc"] else whole(cmd, load)

    host.answer = answer
    with pytest.raises(CommandError, match="changed while it was fetched"):
        salt["saltutil.sync_modules"]()
    assert not (tmp_path / "extmods/modules/a.py").exists()


def test_sync_all(salt, host):
    host.files = {("base", "_states/s.py"): b"", ("base", "_output/o.py"): b""}
    changed = salt["saltutil.sync_all"]()
    assert changed["states"] == ["states.s"]
    assert changed["output"] == ["output.o"]
    assert changed["modules"] == []
    assert host.refreshed() == ["modules", "grains", "pillar"]
    assert salt["saltutil.list_extmods"]() == {"output": ["o"], "states": ["s"]}


def test_every_sync_function_is_documented(salt):
    names = [name for name in salt.names("saltutil") if name.startswith("saltutil.sync_")]
    assert len(names) > 15
    assert all("CLI Example:" in salt[name].__doc__ for name in names)


def test_clear_cache_keeps_what_is_no_cache(salt, tmp_path):
    for path in ("files/a", "proc/j", "spool/r", "x"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("1")
    assert salt["saltutil.clear_cache"]() is True
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"proc/j", "spool/r"}


def test_cached_jobs(salt, tmp_path):
    assert "you may need to enable cache_jobs" in salt["saltutil.find_cached_job"](JID)
    folder = tmp_path / "minion_jobs" / JID
    folder.mkdir(parents=True)
    (folder / "return.p").write_bytes(pack_bin({"return": 1}))
    assert salt["saltutil.find_cached_job"](JID) == {"return": 1}
    with pytest.raises(InvocationError):
        salt["saltutil.find_cached_job"]("../../etc")
    assert salt["saltutil.clear_job_cache"](hours=1) is True
    assert folder.exists()
    assert salt["saltutil.clear_job_cache"](hours=-1) is True
    assert not folder.exists()


def test_regen_keys(salt, tmp_path):
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "minion.pem").write_text("x")
    salt["saltutil.regen_keys"]()
    assert not (tmp_path / "pki" / "minion.pem").exists()


def test_revoke_auth(salt, host, caplog):
    assert salt["saltutil.revoke_auth"]() is False
    assert "could not be revoked" in caplog.text
    host.answer = lambda cmd, load: True
    assert salt["saltutil.revoke_auth"](True) is True
    assert host.asked[-1][1]["load"] == {"preserve_minion_cache": True}


def test_a_function_with_the_modules_of_an_environment(tmp_path, host):
    for env in ("base", "dev"):
        (tmp_path / env / "_modules").mkdir(parents=True)
        (tmp_path / env / "_modules" / "own.py").write_text(
            f"def say(word): return [word, '{env}', __grains__['os']]\n"
        )
    opts = {"id": "m1", "file_roots": {env: [str(tmp_path / env)] for env in ("base", "dev")}}
    salt = Plugins(opts, grains={"os": "x"}).loader("modules")
    assert salt["saltutil.mmodule"]("dev", "own.say", "hi", __pub_jid="1") == ["hi", "dev", "x"]
    assert salt["saltutil.mmodule"]("base", "own.say", word="hi") == ["hi", "base", "x"]
    assert salt["saltutil.mmodule"]("base", "test.ping") is True
    with pytest.raises(CommandError, match="There is no environment 'prod'"):
        salt["saltutil.mmodule"]("prod", "test.ping")
    with pytest.raises(CommandError, match=r"'own\.nosuch' is not available"):
        salt["saltutil.mmodule"]("base", "own.nosuch")


def test_a_masters_plugin_asks_its_master_for_wheels(host, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    facade.install()
    host.answers = {"return": {"minions": []}, "success": True, "retcode": 0}
    salt = Plugins({"id": "m1", "master_job_cache": "local_cache"}).loader("modules")
    assert salt["saltutil.wheel"]("key.list", "accepted", __pub_jid="1") == host.answers
    kind, fields = host.asked[-1]
    assert kind == "command"
    assert {"kind": "wheel", "fun": "key.list", "arg": ["accepted"], "kwarg": {}}.items() <= fields.items()
