"""`trisalt.fileserver.gitfs` over real repositories: branches and tags as environments, and never outside a tree."""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.support.lab import stock_bin
from trisalt.errors import CommandError, ConfigError
from trisalt.fileserver.backends import Backends
from trisalt.fileserver.mirror import Mirror, run_blocking
from trisalt.fileserver.remotes import read_remotes


def git(where: Path, *args: str) -> str:
    who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    return subprocess.run(["git", *args], cwd=where, env=env, check=True, capture_output=True, text=True).stdout.strip()


def commit(where: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(where, "add", "-A")
    git(where, "commit", "-qm", "x")
    return git(where, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A repository with a branch `dev`, one with a slash, an annotated tag, and links inside and out of it."""
    where = tmp_path_factory.mktemp("source")
    git(where, "init", "-q", "-b", "master")
    for name, to in {
        "salt/link.sls": "web/init.sls", "salt/out": "../../../../../../etc/hostname", "salt/abs": "/etc/hostname",
        "salt/ring": "ring", "salt/up": "../rootfile", "salt/dlink": "web",
    }.items():  # fmt: skip
        (where / name).parent.mkdir(exist_ok=True)
        (where / name).symlink_to(to)
    (where / "salt/run.sh").write_text("#!/bin/sh\n")
    (where / "salt/run.sh").chmod(0o755)
    commit(where, {"salt/top.sls": "base: {}\n", "salt/web/init.sls": "web\n", "rootfile": "root\n", "sp é.txt": "s"})
    git(where, "tag", "-a", "v1", "-m", "one")
    git(where, "checkout", "-q", "-b", "dev")
    commit(where, {"salt/dev.sls": "dev\n"})
    git(where, "checkout", "-q", "-b", "feature/x")
    commit(where, {"salt/f.sls": "f\n"})
    git(where, "checkout", "-q", "master")
    git(where, "update-ref", "refs/reviews/zzz/head", "dev")
    return where


def opts(tmp_path, *remotes, **more):
    return {
        "cachedir": str(tmp_path / "cache"), "fileserver_backend": ["git"], "gitfs_remotes": list(remotes),
        "file_roots": {"base": [str(tmp_path / "roots")]}, **more,
    }  # fmt: skip


def served(tmp_path, *remotes, **more):
    files = Backends.from_opts(opts(tmp_path, *remotes, **more))
    assert files.git.update().problems == {}
    return files


# What stock serves of the same repository: environments, then files of base, dev and zzz.
TABLE = {
    "plain": ({}, {}),
    "root and mountpoint": ({"root": "salt", "mountpoint": "salt://mnt/x"}, {}),
    "root and mountpoint of all": ({}, {"gitfs_root": "salt", "gitfs_mountpoint": "salt://m"}),
    "another base": ({"base": "dev"}, {}),
    "branches": ({"ref_types": ["branch"]}, {}),
    "tags": ({}, {"gitfs_ref_types": ["tag"]}),
    "whitelist": ({}, {"gitfs_saltenv_whitelist": ["dev", "v*"]}),
    "blacklist": ({}, {"gitfs_saltenv_blacklist": ["feature.*"]}),
    "environments of their own": (
        {"saltenv": [{"dev": [{"root": "salt/web"}, {"mountpoint": "salt://q"}]}, {"zzz": [{"ref": "v1"}]}]},
        {},
    ),
    "environments of all": ({}, {"gitfs_saltenv": [{"zzz": [{"ref": "v1"}, {"root": "salt"}]}]}),
    "no mapping": ({"disable_saltenv_mapping": True, "saltenv": [{"dev": [{"ref": "dev"}]}]}, {}),
    "one for all": ({"all_saltenvs": "dev"}, {}),
    "fallback": ({"fallback": "dev"}, {}),
    "base of its own": ({"saltenv": [{"base": [{"ref": "dev"}]}]}, {}),
    "an environment that is nowhere": ({"saltenv": [{"zzz": [{"root": "salt"}]}]}, {}),
    "no mapping of what has no ref": ({"disable_saltenv_mapping": True, "saltenv": [{"dev": [{"root": "salt"}]}]}, {}),
    "lists with commas": ({"saltenv_whitelist": "dev, zzz,base", "ref_types": "branch,tag"}, {}),
    "one branch": ({"refspecs": ["+refs/heads/dev:refs/remotes/origin/dev"]}, {}),
    "reviews": ({"refspecs": ["+refs/reviews/*/head:refs/remotes/origin/*"]}, {}),
}

# Each in a process of its own: stock keeps the first configuration it was given.
BESIDE = """
import json, os, sys
import salt.config, salt.fileserver
cache, url, table = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for number, (name, (own, more)) in enumerate(table.items()):
    if os.fork():
        os.wait()
        continue
    opts = salt.config.DEFAULT_MASTER_OPTS.copy()
    opts.update(cachedir=f"{cache}/{number}", sock_dir=cache, pki_dir=cache, __role="master", extension_modules=cache,
                fileserver_backend=["gitfs"], gitfs_provider="gitpython",
                gitfs_remotes=[{url: [{k: v} for k, v in own.items()]}] if own else [url], **more)
    os.makedirs(opts["cachedir"])
    files = salt.fileserver.Fileserver(opts)
    files.update()
    told = [sorted(files.envs())] + [
        [sorted(ask({"saltenv": env})) for ask in (files.file_list, files.dir_list)] for env in ("base", "dev", "zzz")
    ] + [files.symlink_list({"saltenv": "base"})]
    with open(f"{cache}/{name}.json", "w") as file:
        json.dump(told, file)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def stock(source, tmp_path_factory):
    if (folder := stock_bin()) is None:
        pytest.skip("stock Salt is not installed")
    python = str(folder / "python")
    if subprocess.run([python, "-c", "import git"], capture_output=True, check=False).returncode:
        pytest.skip("stock Salt has no GitPython")
    cache = tmp_path_factory.mktemp("stock")
    done = subprocess.run(
        [python, "-c", BESIDE, str(cache), f"file://{source}", json.dumps(TABLE)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = {
        name: json.loads((cache / f"{name}.json").read_text()) for name in TABLE if (cache / f"{name}.json").exists()
    }
    assert told.keys() == TABLE.keys(), done.stderr[-2000:]
    return told


@pytest.mark.interop
@pytest.mark.parametrize("name", TABLE)
def test_environments_and_files_are_those_of_stock(tmp_path, source, stock, name):
    own, more = TABLE[name]
    files = served(tmp_path, {f"file://{source}": [{key: value} for key, value in own.items()]}, **more)
    told = [files.envs(), *([files.files(env), files.dirs(env)] for env in ("base", "dev", "zzz"))]
    assert [*told, files.symlinks("base")] == stock[name]


@pytest.mark.parametrize(
    ("path", "text", "mode"),
    [
        ("rootfile", b"root\n", 0o100644),
        ("salt/run.sh", b"#!/bin/sh\n", 0o100755),
        ("salt/link.sls", b"web\n", 0o100644),
        ("salt/up", b"root\n", 0o100644),
        ("sp é.txt", b"s", 0o100644),
        ("salt/dev.sls?saltenv=dev", b"dev\n", 0o100644),
    ],
)
def test_a_file_is_read_with_its_mode_and_through_its_links(tmp_path, source, path, text, mode):
    files = served(tmp_path, f"file://{source}")
    assert files.read(path, "base") == (text, path.partition("?")[0])
    assert files.read(path, "base", loc=2)[0] == text[2:]
    found = files.find(path, "base")
    assert (found.stat, found.back) == ([mode], "gitfs")
    assert len(files.hash(path, "base")[0]) == 64


@pytest.mark.parametrize(
    "path",
    ["../rootfile", "/rootfile", "salt", "salt/out", "salt/abs", "salt/ring", "salt/dlink/init.sls", "nosuch", "",
     "salt/\0x", "salt/../../x", "HEAD", "refs.json", ".git/config"],
)  # fmt: skip
def test_what_is_not_in_the_tree_is_not_there(tmp_path, source, path):
    assert served(tmp_path, f"file://{source}").find(path, "base") is None


@pytest.mark.parametrize(
    "env", ["../base", "heads/master", "-x", "--help", "", "master", "nosuch", "HEAD", "v1^{}", "0" * 40]
)
def test_an_environment_is_a_name_of_a_ref_and_nothing_else(tmp_path, source, env):
    files = served(tmp_path, f"file://{source}")
    assert files.files(env) == []
    assert files.find("rootfile", env) is None


def test_a_commit_is_an_environment_while_a_ref_leads_to_it(tmp_path, source):
    files = served(tmp_path, f"file://{source}")
    sha = git(source, "rev-parse", "dev")
    assert "salt/dev.sls" in files.files(sha)
    only = served(tmp_path, {f"file://{source}": [{"ref_types": ["branch", "tag"]}]})
    assert only.files(sha) == []


def test_a_fetch_brings_what_is_new_to_every_reader_and_takes_what_is_gone(tmp_path):
    where = tmp_path / "own"
    where.mkdir()
    git(where, "init", "-q", "-b", "master")
    commit(where, {"a.sls": "1"})
    git(where, "branch", "old")
    files, reader = served(tmp_path, f"file://{where}"), Backends.from_opts(opts(tmp_path, f"file://{where}"))
    assert (files.read("a.sls", "base"), reader.envs()) == ((b"1", "a.sls"), ["base", "old"])
    assert files.git.update().changed is False
    # Written anew, so that the old commit is on no branch.
    git(where, "branch", "-D", "old")
    gone = git(where, "rev-parse", "HEAD")
    (where / "a.sls").write_text("2")
    git(where, "commit", "-qa", "--amend", "-m", "y")
    assert files.git.update().changed is True
    assert (reader.read("a.sls", "base"), reader.envs()) == ((b"2", "a.sls"), ["base"])
    assert reader.files(gone) == []


def test_backends_are_asked_in_their_order(tmp_path, source):
    roots = tmp_path / "roots"
    (roots / "void").mkdir(parents=True)
    (roots / "rootfile").write_text("disk\n")
    (roots / "mine.sls").write_text("mine\n")
    for order, text in ((["roots", "git"], b"disk\n"), (["gitfs", "roots"], b"root\n")):
        files = served(tmp_path, f"file://{source}", fileserver_backend=order)
        assert files.read("rootfile", "base")[0] == text
        assert {"mine.sls", "salt/top.sls"} <= set(files.files("base"))
        assert files.empty_dirs("base") == ["void"]
        assert files.envs() == ["base", "dev", "feature/x", "v1"]


def test_what_cannot_be_fetched_is_told_and_what_was_fetched_is_still_served(tmp_path, source):
    where = tmp_path / "moved"
    git(tmp_path, "clone", "-q", "--bare", str(source), str(where))
    files = served(tmp_path, f"file://{where}")
    where.rename(tmp_path / "away")
    problem = files.git.update().problems[f"file://{where}"]
    assert problem.startswith("git fetch failed: ")
    assert files.read("rootfile", "base") == (b"root\n", "rootfile")


def test_a_locked_remote_is_not_fetched(tmp_path, source):
    files = Backends.from_opts(opts(tmp_path, f"file://{source}"))
    assert files.git.lock() == [f"Set update lock for gitfs remote 'file://{source}'"]
    assert list(files.git.update().problems) == [f"file://{source}"]
    assert files.envs() == []
    assert files.git.unlock("nosuch") == []
    assert len(files.git.lock(f"file://*/{source.name}")) == 1
    assert files.git.unlock() == [f"Removed update lock for gitfs remote 'file://{source}'"]
    assert files.git.unlock() == []
    assert files.git.update().problems == {}
    files.git.clear()
    assert files.envs() == []


def test_the_mirror_of_a_remote_that_is_gone_is_removed_and_nothing_else(tmp_path, source):
    served(tmp_path, f"file://{source}", {f"file://{source}": [{"name": "b"}]})
    mirrors = tmp_path / "cache/gitfs/mirrors"
    (mirrors / "notes").mkdir()
    (mirrors / ("a" * 40)).symlink_to(source)
    files = Backends.from_opts(opts(tmp_path, f"file://{source}"))
    assert len(files.git.forget_others()) == 1
    assert files.git.forget_others() == []
    assert {path.name for path in mirrors.iterdir()} == {files.git.remotes[0][1].folder.name, "notes", "a" * 40}
    assert files.read("rootfile", "base") == (b"root\n", "rootfile")


def test_only_one_fetches_at_a_time(tmp_path, source):
    mirror = Mirror(tmp_path / "m", f"file://{source}")

    def run(argv, env, patience):
        with pytest.raises(CommandError, match="another process is fetching it"):
            Mirror(tmp_path / "m", f"file://{source}").fetch()
        return run_blocking(argv, env, patience)

    assert mirror.fetch(run) is True


def test_a_password_is_neither_in_the_arguments_nor_in_what_is_told(tmp_path):
    url = "https://me:hunter2@127.0.0.1:1/x.git"
    seen = []

    def run(argv, env, patience):
        seen.extend(argv)
        return run_blocking(argv, env, patience)

    files = Backends.from_opts(opts(tmp_path, url))
    told = files.git.update(run).problems
    assert list(told) == ["https://127.0.0.1:1/x.git"]
    assert "hunter2" not in repr((seen, told))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


class Guarded(http.server.SimpleHTTPRequestHandler):
    """Files of a folder for who signs in as `me`, with `pass:w@rd/`; all others are asked to."""

    def do_GET(self):
        wanted = base64.b64encode(b"me:pass:w@rd/").decode()
        if self.headers.get("Authorization") == f"Basic {wanted}":
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def guarded(tmp_path, source):
    """The URL of a repository behind a password."""
    git(tmp_path, "clone", "-q", "--bare", str(source), "web/repo.git")
    git(tmp_path / "web/repo.git", "update-server-info")
    handler = partial(Guarded, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/repo.git"
        server.shutdown()


def test_a_user_signs_in_with_a_password_that_nobody_sees(tmp_path, guarded):
    seen = []

    def run(argv, env, patience):
        seen.extend(argv)
        return run_blocking(argv, env, patience)

    sign_in = [{"user": "me"}, {"password": "pass:w@rd/"}, {"insecure_auth": True}]
    files = Backends.from_opts(opts(tmp_path, {guarded: sign_in}))
    assert files.git.update(run).problems == {}
    assert files.read("salt/top.sls", "base")[0] == b"base: {}\n"
    cache = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not [text for text in (repr(seen).encode(), *cache) if b"pass:w" in text or b"pass%3A" in text]


def test_who_may_not_sign_in_is_told_without_the_password(tmp_path, guarded):
    sign_in = [{"user": "me"}, {"password": "hunter2"}, {"insecure_auth": True}]
    told = Backends.from_opts(opts(tmp_path, {guarded: sign_in})).git.update().problems
    assert list(told) == [guarded]
    assert "failed" in told[guarded]
    assert "hunter2" not in told[guarded]


SSH = """#!/bin/sh
echo "$*" >> {log}
[ -n "$SSH_ASKPASS" ] && "$SSH_ASKPASS" "Enter passphrase" >> {log}
for last; do :; done
eval exec "$last"
"""


@pytest.mark.parametrize("passphrase", ["", "open 'se$ame"])
def test_a_key_signs_in_by_ssh(tmp_path, source, monkeypatch, passphrase):
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH.format(log=tmp_path / "log"))
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    key = tmp_path / "a key"
    options = [{"privkey": str(key)}, {"pubkey": f"{key}.pub"}, {"passphrase": passphrase}]
    files = Backends.from_opts(opts(tmp_path, {f"ssh://git@127.0.0.1{source}": options}))
    assert files.git.update().problems == {}
    assert files.read("salt/top.sls", "base")[0] == b"base: {}\n"
    said = (tmp_path / "log").read_text()
    assert f"-i {key} -o IdentitiesOnly=yes" in said
    assert ("BatchMode=yes" in said) != bool(passphrase)
    assert passphrase in said
    folder = files.git.remotes[0][1].folder
    assert not [path for path in folder.rglob("*") if path.is_file() and b"se$ame" in path.read_bytes()]


def test_certificates_and_proxies_are_what_a_remote_says(tmp_path):
    seen = []

    def run(argv, env, patience):
        seen.append(
            {env[f"GIT_CONFIG_KEY_{n}"]: env[f"GIT_CONFIG_VALUE_{n}"] for n in range(int(env["GIT_CONFIG_COUNT"]))}
        )
        return subprocess.CompletedProcess(argv, 1, b"", b"no")

    for remote in ({"https://a.example/x": [{"ssl_verify": False}, {"proxy": "http://p:1"}]}, "https://b.example/x"):
        Backends.from_opts(opts(tmp_path, remote)).git.update(run)
    assert seen[0] == {
        "remote.origin.url": "https://a.example/x",
        "http.sslVerify": "false",
        "http.proxy": "http://p:1",
    }
    assert seen[1] == {"remote.origin.url": "https://b.example/x"}


@pytest.mark.parametrize(
    ("remotes", "says"),
    [
        ([{"http://a.example/x": [{"user": "u"}, {"password": "p"}]}], "insecure_auth allows it"),
        ([{"https://a.example/x": [{"password": "p"}]}], "needs a user"),
        ([{"git@a.example:x": [{"privkey": "key"}]}], "absolute path"),
        ([{"git@a.example:x": [{"passphrase": "x"}]}], "needs a privkey"),
        ([{"https://a.example/x": [{"user": "a\nb"}]}], "cannot be printed"),
        ([{"https://a.example/x": [{"rooot": "x"}]}], "unknown options: rooot"),
        ([{"https://a.example/x": [{"root": "../x"}]}], "leads out"),
        ([{"https://a.example/x": "root"}], "a list of"),
        ([{"https://a.example/x": [{"saltenv": [{"dev": [{"reff": "x"}]}]}]}], "unknown options: reff"),
        ([{"https://a.example/x": [{"ref_types": ["head"]}]}], "ref_types are"),
        ([{"https://a.example/x": [{"refspecs": ["--upload-pack=x"]}]}], "refspecs are like"),
        ([{"https://a.example/x": [{"update_interval": "soon"}]}], "number of seconds"),
        (["https://a.example/x", "https://a.example/x"], "is there twice"),
        (["--upload-pack=x"], "an entry is a URL"),
        (["ext::sh -c x"], "an entry is a URL"),
        ([5], "an entry is a URL"),
    ],
)
def test_a_remote_that_cannot_be_read_is_refused(remotes, says):
    with pytest.raises(ConfigError, match=says):
        read_remotes({"gitfs_remotes": remotes})


def test_one_ref_for_all_environments_is_for_those_of_other_repositories_too(tmp_path, source):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "qa")
    commit(other, {"qa.sls": "qa\n"})
    files = served(tmp_path, {f"file://{source}": [{"all_saltenvs": "v1"}]}, f"file://{other}")
    assert {"qa.sls", "rootfile"} <= set(files.files("qa"))
    assert files.files("nosuch") == []


def test_a_branch_may_look_like_a_number():
    (remote,) = read_remotes({"gitfs_remotes": [{"https://a.example/x": [{"base": 2019.2}]}]})
    assert remote.place("base").refs == ("2019.2",)
