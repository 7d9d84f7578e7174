"""The module `rsync` and its state: the real program, on trees of the test's own."""

import os
import re

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError, CommandNotFound
from trisalt.loader.dunders import Plugins

SUMMARY = re.compile(
    r"- sent \d+ bytes\n- received \d+ bytes\n- [\d.]+ bytes/sec\n- total size is \d+\n- speedup is [\d.]+"
)


@pytest.fixture
def plugins(tmp_path):
    need("rsync")
    for name in ("a", "sub/b", "x.log"):
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    options = {"file_client": "local", "file_roots": {"base": [str(tmp_path)]}, "cachedir": str(tmp_path / "cache")}
    return Plugins({"id": "m1", "test": False, **options})


@pytest.fixture
def rsync(plugins):
    functions = plugins.loader("modules")
    return lambda function, *args, **kwargs: functions[f"rsync.{function}"](*args, **kwargs)


@pytest.fixture
def state(plugins, tmp_path):
    def state(*, test=False, source=f"{tmp_path}/src/", name=f"{tmp_path}/dst", **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")["rsync.synchronized"](name, source, **kwargs)
        return ret["result"], ret["comment"], ret["changes"]

    return state


def test_a_tree_is_copied_once(state, tmp_path):
    changes = {"copied": "./\na\nsub/\nsub/b\nx.log", "deleted": "N/A"}
    result, comment, previewed = state(test=True)
    assert (result, previewed, (tmp_path / "dst").exists()) == (None, changes, False)
    assert comment.endswith(" (DRY RUN)")
    result, comment, applied = state()
    assert (result, applied) == (True, changes)
    assert SUMMARY.fullmatch(comment)
    assert (tmp_path / "dst/sub/b").read_text() == "sub/b"
    assert state()[::2] == (True, {})
    assert state(test=True)[::2] == (True, {})


def test_what_the_source_has_not_goes_if_that_is_asked_for(state, tmp_path):
    state()
    (tmp_path / "src/x.log").unlink()
    (tmp_path / "src/a").write_text("another")
    os.utime(tmp_path / "src", (0, 0))
    changes = {"copied": "./\na", "deleted": "x.log"}
    assert state(test=True, delete=True)[::2] == (None, changes)
    assert (tmp_path / "dst/x.log").exists()
    assert state(delete=True)[::2] == (True, changes)
    assert not (tmp_path / "dst/x.log").exists()
    assert state(delete=True)[::2] == (True, {})


def test_what_is_excluded_stays_out(state, tmp_path):
    result, _, changes = state(exclude=["*.log", "sub"], additional_opts=["--bwlimit=5000"])
    assert (result, changes["copied"]) == (True, "./\na")
    assert sorted(path.name for path in (tmp_path / "dst").iterdir()) == ["a"]


def test_a_target_is_made_with_its_parents_if_that_is_asked_for(state, tmp_path):
    name = f"{tmp_path}/new/deep/dst"
    assert state(name=name)[0] is False
    assert state(name=name, test=True, prepare=True)[0] is None
    assert not (tmp_path / "new").exists()
    assert state(name=name, prepare=True)[0] is True
    assert state(name=name, prepare=True)[::2] == (True, {})


def test_a_trial_changes_nothing(state, tmp_path):
    assert state(dryrun=True)[0] is None
    assert not (tmp_path / "dst").exists()


def test_a_source_may_be_the_masters(state, tmp_path):
    assert state(source="salt://src/")[::2] == (True, {"copied": "./\na\nsub/\nsub/b\nx.log", "deleted": "N/A"})
    assert state(source="salt://src/a", name=f"{tmp_path}/one")[0] is True
    assert (tmp_path / "one").read_text() == "a"
    assert state(source="salt://nosuch") == (False, "salt://nosuch does not exist", {})


def test_a_source_that_is_not_there_is_told(state, tmp_path):
    source = f"{tmp_path}/nosuch/"
    assert state(source=source, test=True) == (False, f"Source directory {source} was not found.", {})


def test_functions_say_what_rsync_says(rsync, tmp_path):
    assert rsync("version")[0].isdigit()
    found = rsync("rsync", f"{tmp_path}/src/", f"{tmp_path}/dst/", dryrun=True)
    assert (found["retcode"], "sub/b" in found["stdout"]) == (0, True)
    found = rsync("rsync", f"{tmp_path}/nosuch", f"{tmp_path}/dst/")
    assert (found["retcode"], "No such file" in found["stderr"]) == (23, True)
    (tmp_path / "conf").write_text("[module]\n")
    assert rsync("config", f"{tmp_path}/conf") == "[module]\n"


def test_what_cannot_be_is_told(rsync, tmp_path, monkeypatch):
    with pytest.raises(CommandError, match="src and dst cannot be empty"):
        rsync("rsync", "", "x")
    with pytest.raises(CommandError, match="nosuch does not exist"):
        rsync("config", f"{tmp_path}/nosuch")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandNotFound, match="'rsync' cannot be found"):
        rsync("version")
