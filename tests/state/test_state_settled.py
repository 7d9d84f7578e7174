"""What the run before found as it should be is not looked at in detail again, and whatever is other is."""

import logging
import os
import subprocess
import time

import pytest

from trisalt.bus.requests import FileRequest
from trisalt.fileserver.fileserver import FileServer
from trisalt.loader.dunders import Plugins
from trisalt.master.files import FileDesk
from trisalt.state import session
from trisalt.state.call import Caller
from trisalt.state.compile import compile_high
from trisalt.worker import upcall

# Longer ago than a tick of any file system.
LONG_AGO = 10.0


class Master:
    """What a minion asks while it applies states, answered by a master's own desk."""

    def __init__(self, root):
        self.asked = []
        opts = {"file_roots": {"base": [str(root)]}, "cachedir": str(root.parent / "master"), "renderer": "jinja|yaml"}
        self._desk = FileDesk(FileServer.from_opts(opts), opts)

    def call(self, kind, fields):
        if kind != "ask_master":
            return {"running": []}.get(kind, True)
        self.asked.append(fields["cmd"])
        if fields["cmd"] == "_pillar":
            return {}
        return self._desk.answer(FileRequest(id="m1", cmd=fields["cmd"], load=fields["load"]))


@pytest.fixture
def srv(tmp_path):
    """Two files of the file server, for one file alone is no run worth a memory."""
    root = tmp_path / "srv"
    root.mkdir()
    for name in ("one", "two"):
        (root / name).write_text(f"{name} \n")
    return root


@pytest.fixture
def minion(tmp_path, srv):
    """`minion()` applies the files, in the process of the run before; the results by the file's name."""
    master = Master(srv)
    before = upcall.install(master)
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "test": None}
    plugins = Plugins(opts, grains={"id": "m1"}, pillar={})

    def apply(more="", **kwargs):
        (srv / "files.sls").write_text(
            "".join(
                f"{tmp_path}/{name}:\n  file.managed: [{{source: 'salt://{name}'}}, {{mode: '0640'}}{more}]\n"
                for name in ("one", "two")
            )
        )
        plugins.begin(opts=opts, grains={"id": "m1"}, pillar={})
        master.asked.clear()
        run = {"__pub_fun": "state.apply", "__pub_arg": ["files"]}
        apply.raw = plugins.loader("modules")["state.apply"]("files", **run, **kwargs)
        return {os.path.basename(entry["name"]): entry for entry in apply.raw.values()}

    apply.master = master
    yield apply
    upcall.install(before)
    # Where the file system has attributes, nobody could remove what a test left with one.
    there = [path for name in ("one", "two") if (path := tmp_path / name).is_file()]
    subprocess.run(["chattr", "-i", *there], capture_output=True, check=False)


@pytest.fixture
def looked_at(monkeypatch, minion):
    """Which files states were called for."""
    found = []
    called = Caller._conditionally

    def told(self, function, full, given, chunk, trial):
        found.append(os.path.basename(chunk["name"]))
        return called(self, function, full, given, chunk, trial)

    monkeypatch.setattr(Caller, "_conditionally", told)
    now = time.time_ns
    # Files that have just been written are always looked at; these were a while ago.
    monkeypatch.setattr(time, "time_ns", lambda: now() + int(LONG_AGO * 1e9))
    return found


def test_a_run_that_finds_nothing_to_do_says_the_same_again(minion, looked_at):
    minion()
    minion()
    first = dict(minion.raw)
    looked_at.clear()
    minion()
    assert looked_at == []
    assert list(minion.raw) == list(first)
    for tag, entry in minion.raw.items():
        assert list(entry) == list(first[tag])
        same = {key: value for key, value in entry.items() if key not in ("start_time", "duration")}
        assert same == {key: value for key, value in first[tag].items() if key not in ("start_time", "duration")}


def test_a_run_like_the_one_before_asks_its_master_twice(minion):
    minion()
    assert set(minion.master.asked) == {
        *("_master_opts", "_pillar", "_file_hash_and_stat", "_file_manifest", "_serve_file"),
    }
    minion()
    minion()
    assert minion.master.asked == ["_master_opts", "_pillar"]


def test_what_calls_nothing_is_compiled_once(minion, looked_at, monkeypatch):
    compiled = []
    monkeypatch.setattr(session, "compile_high", lambda *args, **how: compiled.append(1) or compile_high(*args, **how))
    found = []
    for more in ("", "", "", "", ", {backup: minion}", ", {template: jinja}", ", {template: jinja}"):
        compiled.clear()
        minion(more)
        found.append(len(compiled))
    # The first changes the files, the second calls their states, from the third on there is nothing to call.
    assert found == [1, 1, 1, 0, 1, 1, 1]


def _same_size(path):
    """Other content, with the size and the time of before."""
    info = path.stat()
    path.write_text("ONE \n")
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def _another_file(path):
    """The same content in a new file, with another mode."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(path.read_bytes())
    fresh.rename(path)


DONE = {
    "another content": _same_size,
    "another mode": lambda path: path.chmod(0o600),
    "another owner": lambda path: os.chown(path, 12345, -1),
    "another file": _another_file,
    "no file": lambda path: path.unlink(),
    "a link": lambda path: (path.rename(path.with_name("away")), path.symlink_to(path.with_name("away"))),
    "another source": lambda path: (path.parent / "srv/one").write_text("uno \n"),
}


@pytest.mark.parametrize("what", DONE)
def test_what_is_other_than_before_is_looked_at(minion, looked_at, tmp_path, what):
    minion()
    minion()
    looked_at.clear()
    DONE[what](tmp_path / "one")
    found = minion()
    # What follows a change is looked at, too: it may have been changed by that.
    assert looked_at == (["one", "two"] if found["one"]["changes"] else ["one"])
    assert (tmp_path / "one").read_text() == (tmp_path / "srv/one").read_text()
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o640
    assert bool(found["one"]["changes"]) is (what not in ("a link", "another owner"))


@pytest.mark.parametrize(
    ("more", "kwargs"),
    [
        (", {template: jinja}", {}),
        (", {replace: false}", {}),
        (", {attrs: i}", {}),
        (", {mode: keep}", {}),
        (", {unless: 'false'}", {}),
        (", {retry: true}", {}),
        (", {check_cmd: 'true'}", {}),
        ("", {"test": True}),
        ("", {"pillarenv": "dev"}),
        ("", {"mock": True}),
    ],
)
def test_what_may_depend_on_something_else_is_looked_at_each_time(minion, looked_at, more, kwargs):
    minion()
    minion()
    looked_at.clear()
    found = minion(more, **kwargs)
    assert looked_at == ["one", "two"]
    assert all(entry["result"] is not False for entry in found.values())


def test_a_file_that_was_written_a_moment_ago_is_looked_at(minion, looked_at, monkeypatch, tmp_path):
    minion()
    minion()
    monkeypatch.setattr(time, "time_ns", lambda: (tmp_path / "one").stat().st_ctime_ns + 1)
    looked_at.clear()
    minion()
    assert looked_at == ["one", "two"]


def test_who_reads_of_each_state_in_the_log_has_it_called(minion, looked_at, caplog):
    minion()
    minion()
    looked_at.clear()
    with caplog.at_level(logging.INFO):
        minion()
    assert looked_at == ["one", "two"]
    assert sum("is in the correct state" in text for text in caplog.messages) == 2
