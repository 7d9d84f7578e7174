"""`trisalt.fileserver.minionfs`: what minions pushed is served below their ids, and nothing else of their folders."""

from __future__ import annotations

import pytest

from trisalt.fileserver.backends import Backends, configured


@pytest.fixture
def pushed(tmp_path):
    for name, text in {
        "m1/files/etc/a": "one", "m1/files/what?": "odd", "m2/files/etc/sub/b": "two", "bad/files/c": "three",
        "m1/data.p": "secret",
    }.items():  # fmt: skip
        path = tmp_path / "minions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "minions/m1/files/out").symlink_to("../data.p")
    (tmp_path / "minions/m1/files/abs").symlink_to(tmp_path / "minions/m1/data.p")
    return tmp_path


def served(pushed, **more):
    return Backends.from_opts(
        {"cachedir": str(pushed), "fileserver_backend": ["minionfs"], "file_recv": True, **more}
    )  # fmt: skip


ALL = ["bad/c", "m1/etc/a", "m1/what?", "m2/etc/sub/b"]


@pytest.mark.parametrize(
    ("more", "envs", "files"),
    [
        ({}, ["base"], ALL),
        ({"minionfs_mountpoint": "salt://mnt"}, ["base"], [f"mnt/{name}" for name in ALL]),
        ({"minionfs_env": "x"}, ["x"], []),
        ({"minionfs_whitelist": ["m*"]}, ["base"], ALL[1:]),
        ({"minionfs_blacklist": ["bad"]}, ["base"], ALL[1:]),
        ({"file_recv": False}, [], []),
    ],
)
def test_who_pushed_and_where_is_configured(pushed, more, envs, files):
    there = served(pushed, **more)
    assert (there.envs(), there.files("base")) == (envs, files)
    for name in ALL:
        mounted = f"mnt/{name}" if "minionfs_mountpoint" in more else name
        assert (there.find(f"salt://|{mounted}", "base") is not None) == (mounted in files)


def test_a_file_is_read_below_the_id_of_its_minion(pushed):
    there = served(pushed, minionfs_mountpoint="mnt")
    assert there.read("mnt/m1/etc/a", "base") == (b"one", "mnt/m1/etc/a")
    assert there.find("mnt/m1/etc/a", "base").back == "minionfs"
    assert there.dirs("base") == ["mnt/m1/etc", "mnt/m2/etc", "mnt/m2/etc/sub"]
    assert (there.symlinks("base"), there.empty_dirs("base")) == ({}, [])


@pytest.mark.parametrize(
    "path",
    ["m1/data.p", "m1/../m1/data.p", "m1/out", "m1/abs", "m1", "m1/", "m1/etc", "/m1/etc/a", "../minions/m1/data.p",
     "nosuch/x", "m1/../../trisalt.db", "", "files/etc/a", "m1/etc/a?saltenv=dev"],
)  # fmt: skip
def test_what_was_not_pushed_is_not_there(pushed, path):
    assert served(pushed).find(path, "base") is None


def test_pushed_files_are_a_backend_only_where_they_are_taken():
    assert configured({"fileserver_backend": ["minionfs", "roots"]}) == ["roots"]
    assert configured({"fileserver_backend": ["minionfs", "file"], "file_recv": True}) == ["minionfs", "roots"]
