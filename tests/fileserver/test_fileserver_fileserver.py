"""`trisalt.fileserver.fileserver`: find, list, hash and read, and never outside a root."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from trisalt.fileserver.fileserver import FileServer


@pytest.fixture
def tree(tmp_path):
    for name, text in {
        "base/top.sls": "base:\n",
        "base/web/init.sls": "web\n",
        "base/web/files/a.txt": "0123456789",
        "base/junk.swp": "x",
        "over/top.sls": "hidden\n",
        "over/only.sls": "only\n",
        "outside/secret": "secret\n",
        "envs/qa/q.sls": "q\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "base/void").mkdir()
    return tmp_path


def server(tree, **kwargs):
    return FileServer(
        {"base": [str(tree / "base"), str(tree / "over")], "__env__": [str(tree / "envs/__env__")]}, **kwargs
    )


def test_the_first_root_wins_and_the_trees_overlay(tree):
    files = server(tree)
    assert files.find("top.sls", "base").path == str(tree / "base/top.sls")
    assert files.find("only.sls", "base").path == str(tree / "over/only.sls")
    assert files.files("base") == sorted(["top.sls", "web/init.sls", "web/files/a.txt", "junk.swp", "only.sls"])


def test_a_file_is_read_in_chunks_until_it_is_empty(tree):
    files = server(tree, buffer_size=4)
    got, loc = [], 0
    while (chunk := files.read("web/files/a.txt", "base", loc))[0]:
        got.append(chunk[0])
        loc += len(chunk[0])
    assert got == [b"0123", b"4567", b"89"]
    assert chunk == (b"", "web/files/a.txt")
    assert files.read("web/files/a.txt", "base", -1) == (b"", "web/files/a.txt")


def test_a_missing_file_or_environment_or_a_directory_is_nothing(tree):
    files = server(tree)
    for path, env in (("no/such", "base"), ("web", "base"), ("top.sls", "nosuch"), ("", "base")):
        assert files.find(path, env) is None
        assert files.read(path, env) is None
        assert files.hash(path, env) is None


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize(
    "path", ["../outside/secret", "/etc/passwd", "web/../../outside/secret", "a\0b", "salt://../x"]
)
def test_no_path_leads_out(tree, path, follow):
    assert server(tree, follow_symlinks=follow).find(path, "base") is None


@pytest.mark.parametrize("env", ["..", "../base", "qa/../..", "", "a\0b"])
def test_no_environment_name_leads_out(tree, env):
    assert server(tree).find("secret", env) is None
    assert server(tree).files(env) == []


def test_a_catch_all_environment_serves_the_one_that_is_asked_for(tree):
    files = server(tree)
    assert files.find("q.sls", "qa").path == str(tree / "envs/qa/q.sls")
    assert files.files("qa") == ["q.sls"]
    assert files.find("q.sls?saltenv=qa", "base").rel == "q.sls"
    assert files.envs() == ["__env__", "base"]


def test_links_out_are_followed_only_when_asked_to(tree):
    (tree / "base/out").symlink_to(tree / "outside")
    (tree / "base/sly").symlink_to("../outside/secret")
    (tree / "base/web/in.sls").symlink_to("../top.sls")
    (tree / "base/loop").symlink_to("loop")
    follow, strict = server(tree), server(tree, follow_symlinks=False)
    assert follow.read("out/secret", "base")[0] == b"secret\n"
    assert follow.read("sly", "base")[0] == b"secret\n"
    for path in ("out/secret", "sly", "loop", "loop/x"):
        assert strict.read(path, "base") is None
    assert strict.read("web/in.sls", "base")[0] == b"base:\n"


def test_a_link_that_climbs_and_returns_stays_inside(tree):
    (tree / "base/web/deep").symlink_to("files/../../web/files")
    assert server(tree, follow_symlinks=False).read("web/deep/a.txt", "base")[0] == b"0123456789"


def test_a_pipe_is_no_file(tree):
    os.mkfifo(tree / "base/pipe")
    assert server(tree).read("pipe", "base") is None


def test_listings_name_directories_empty_ones_and_links(tree):
    (tree / "base/web/in.sls").symlink_to("../top.sls")
    (tree / "base/out").symlink_to(tree / "outside")
    files = server(tree)
    assert files.dirs("base") == ["out", "void", "web", "web/files"]
    assert files.empty_dirs("base") == ["void"]
    assert files.symlinks("base") == {"web/in.sls": "../top.sls"}
    assert files.files("base", "web/") == ["web/files/a.txt", "web/in.sls", "web/init.sls"]
    assert server(tree, ignore_symlinks=True).symlinks("base") == {}


def test_a_ring_of_links_is_walked_once(tree):
    (tree / "base/web/ring").symlink_to("..")
    (tree / "base/web/round").symlink_to(".")
    found = server(tree).files("base")
    assert "top.sls" in found
    assert not [path for path in found if "ring" in path or "round" in path]


def test_a_folder_is_listed_by_its_own_name_and_by_each_link_to_it(tree):
    (tree / "base/a_link").symlink_to("web")
    (tree / "base/z_link").symlink_to("web")
    files = server(tree)
    of_web = [path.removeprefix("web/") for path in files.files("base", "web/")]
    assert of_web
    for name in ("a_link", "z_link"):
        assert files.files("base", f"{name}/") == [f"{name}/{path}" for path in of_web]
    assert {"a_link", "a_link/files", "web", "web/files", "z_link/files"} <= set(files.dirs("base"))


def test_ignored_files_are_neither_listed_nor_served(tree):
    files = server(tree, ignore_glob=["*.swp"], ignore_regex=["/a\\.txt$"])
    assert files.find("junk.swp", "base") is None
    assert files.find("web/files/a.txt", "base") is None
    assert files.files("base") == ["only.sls", "top.sls", "web/init.sls"]


def test_a_digest_is_of_what_the_file_holds_now(tree):
    files = server(tree)
    path = tree / "base/top.sls"
    os.utime(path, (1, 1))
    digest, stat = files.hash("top.sls", "base")
    assert digest == hashlib.sha256(b"base:\n").hexdigest()
    assert (stat[6], stat[8]) == (6, 1)
    path.write_text("other\n")
    os.utime(path, (1, 1))
    assert files.hash("top.sls", "base")[0] == hashlib.sha256(b"other\n").hexdigest()


def test_a_new_file_is_listed_at_once(tree):
    files = server(tree, settled_s=0)
    before = files.files("base")
    time.sleep(0.02)  # one tick of the file system's clock
    assert files.files("base") == before
    (tree / "base/web/new.sls").write_text("new\n")
    assert "web/new.sls" in files.files("base")
    (tree / "base/web/new.sls").unlink()
    assert files.files("base") == before


def test_a_kept_digest_is_not_used_for_changed_bytes(tree):
    files = server(tree, settled_s=0)
    time.sleep(0.02)  # one tick of the file system's clock
    assert files.hash("top.sls", "base") is not None
    (tree / "base/top.sls").write_text("BASE:\n")
    assert files.hash("top.sls", "base")[0] == hashlib.sha256(b"BASE:\n").hexdigest()


def test_options_choose_what_is_served(tree):
    files = FileServer.from_opts(
        {"file_roots": {"base": [str(tree / "base")]}, "file_ignore_glob": "*.swp", "hash_type": "md5"}
    )
    assert "junk.swp" not in files.files("base")
    assert files.hash("top.sls", "base")[0] == hashlib.md5(b"base:\n").hexdigest()
