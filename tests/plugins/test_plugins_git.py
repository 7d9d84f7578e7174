"""The execution module `git`: real repositories, a bare one among them that the others clone, fetch and push to."""

import os
import shutil
import subprocess
import tarfile

import pytest

from tests.support.names import open_names
from tests.support.sshd import make_key, open_sshd
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import gits

OPTS = {"id": "m1", "file_client": "local"}


def set_up_git(monkeypatch, home):
    """Whose repositories these are, whatever this host says."""
    monkeypatch.setenv("HOME", str(home))
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Some One")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "one@example.org")
    (home / ".gitconfig").write_text("[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n")


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    set_up_git(monkeypatch, tmp_path)
    places = {"cachedir": str(tmp_path / "cache"), "extension_modules": str(tmp_path / "extmods")}
    return Plugins({**OPTS, **places, "file_roots": {"base": [str(tmp_path / "roots")]}})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository with two commits and a branch `dev` at the first, pushed to a bare one; each test has a copy."""
    folder = tmp_path_factory.mktemp("made")
    places = {"cachedir": str(folder / "cache"), "extension_modules": str(folder / "extmods")}
    salt = Plugins({**OPTS, **places}).loader("modules")
    path, bare = str(folder / "repo"), str(folder / "bare.git")
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_up_git(monkeypatch, folder)
        assert salt["git.init"](bare, bare=True) == f"Initialized empty Git repository in {bare}/"
        salt["git.init"](path)
        write(path, "a", "one\n")
        assert salt["git.add"](path, "a") == "add 'a'"
        assert "first\n 1 file changed, 1 insertion(+)" in salt["git.commit"](path, "first")
        assert salt["git.branch"](path, "dev") is True
        write(path, "b c", "two\n")
        salt["git.add"](path, "b c")
        salt["git.commit"](path, "second")
        assert salt["git.remote_set"](path, bare) == {"fetch": bare, "push": bare}
        assert salt["git.push"](path, "origin", "main") == ""
    return folder


@pytest.fixture
def bare(made, tmp_path):
    shutil.copytree(made / "bare.git", tmp_path / "bare.git")
    return str(tmp_path / "bare.git")


@pytest.fixture
def repo(made, bare, tmp_path):
    shutil.copytree(made / "repo", tmp_path / "repo")
    config = tmp_path / "repo" / ".git" / "config"
    config.write_text(config.read_text().replace(str(made / "bare.git"), bare))
    return str(tmp_path / "repo")


def write(repo, name, text):
    with open(f"{repo}/{name}", "a") as file:
        file.write(text)


# -- what git prints, read -------------------------------------------------------------------------------------


def test_a_status_is_read():
    text = " M a\0M  b\0A  new\0D  gone\0?? un tracked\0R  to\0from\0MM both\0UU conflict\0"
    assert gits.status(text) == {
        "modified": ["a", "b"], "new": ["new"], "deleted": ["gone"], "untracked": ["un tracked"], "R": ["to"],
        "MM": ["both"], "UU": ["conflict"],
    }  # fmt: skip


def test_what_was_fetched_is_read():
    text = """From /srv/bare
   1a2b3c4..5d6e7f8  main       -> origin/main
 + 1111111...2222222 dev        -> origin/dev  (forced update)
 * [new branch]      topic      -> origin/topic
 * [new tag]         v1         -> v1
 t [tag update]      v0         -> v0
 - [deleted]         (none)     -> origin/old
 ! [rejected]        x          -> x  (non-fast-forward)
 = [up to date]      y          -> origin/y
"""
    assert gits.fetched(text) == {
        "updated branches": {"main": {"old": "1a2b3c4", "new": "5d6e7f8"}, "dev": {"old": "1111111", "new": "2222222"}},
        "new branches": ["topic"],
        "new tags": ["v1"],
        "updated tags": ["v0"],
        "deleted branches": ["origin/old"],
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("clone https://u:p@h/x to", "clone https://<redacted>@h/x to"),
        ("https://token@h/x, ssh://me:pw@h:22/y", "https://<redacted>@h/x, ssh://<redacted>@h:22/y"),
        ("git@github.com:a/b", "git@github.com:a/b"),
        ("ssh://git@github.com:22/a/b", "ssh://git@github.com:22/a/b"),
        ("https://h/a@b", "https://h/a@b"),
    ],
)
def test_credentials_are_left_out(text, shown):
    assert gits.redacted(text) == shown


@pytest.mark.parametrize(
    ("args", "url"),
    [
        (("https://h/x", None, None), "https://h/x"),
        (("https://h:8/x", "u", "p@/"), "https://u:p%40%2F@h:8/x"),
        (("https://old:one@h/x", "u", None), "https://u@h/x"),
    ],
)
def test_credentials_become_a_part_of_an_address(args, url):
    assert gits.with_credentials(*args) == url


@pytest.mark.parametrize("url", ["http://h/x", "ssh://h/x", "/srv/x", "git@h:x"])
def test_credentials_go_by_https_alone(url):
    with pytest.raises(CommandError, match=r"^Basic Auth only supported for HTTPS$"):
        gits.with_credentials(url, "u", "p")


# -- one repository --------------------------------------------------------------------------------------------


def test_the_version(salt):
    text = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    assert salt["git.version"]() == text
    assert ".".join(map(str, salt["git.version"](versioninfo=True))) == text


def test_files_are_changed_shown_and_put_back(salt, repo):
    assert salt["git.status"](repo) == {}
    write(repo, "a", "three\n")
    write(repo, "new", "x")
    assert salt["git.status"](repo) == {"modified": ["a"], "untracked": ["new"]}
    assert salt["git.diff"](repo).endswith("@@ -1 +1,2 @@\n one\n+three")
    assert salt["git.diff"](repo, cached=True) == ""
    assert salt["git.diff"](repo, "dev", "main", paths=["b c"]).startswith("diff --git a/b c b/b c\nnew file")
    assert salt["git.diff"](repo, no_index=True, paths=["a", "new"]).endswith("+x\n\\ No newline at end of file")
    assert salt["git.discard_local_changes"](repo, "a") == ""
    assert salt["git.rm"](repo, "b c") == "rm 'b c'"
    assert salt["git.status"](repo) == {"deleted": ["b c"], "untracked": ["new"]}
    assert salt["git.reset"](repo, opts="--hard HEAD").endswith("second")
    assert salt["git.status"](repo) == {"untracked": ["new"]}


def test_commits_of_some_files_and_with_options(salt, repo):
    write(repo, "a", "three\n")
    write(repo, "b c", "four\n")
    assert " 1 file changed" in salt["git.commit"](repo, "only a", filename="a")
    assert "'quoted' words" in salt["git.commit"](repo, "'quoted' words", opts=["--all", "--no-verify"])
    with pytest.raises(CommandError, match=r"^Command 'git commit -m again' failed: On branch main\nnothing to commit"):
        salt["git.commit"](repo, "again")


def test_branches(salt, repo):
    assert salt["git.current_branch"](repo) == "main"
    assert salt["git.checkout"](repo, "dev") == "Switched to branch 'dev'"
    assert salt["git.checkout"](repo, opts="-b topic") == "Switched to a new branch 'topic'"
    assert salt["git.list_branches"](repo) == ["dev", "main", "topic"]
    assert salt["git.list_branches"](repo, remote=True) == ["origin/main"]
    assert salt["git.branch"](repo, "dev", opts="-d") is True
    assert salt["git.symbolic_ref"](repo, "HEAD") == "refs/heads/topic"
    assert salt["git.symbolic_ref"](repo, "refs/x", "refs/heads/main") == ""
    assert salt["git.symbolic_ref"](repo, "refs/x") == "refs/heads/main"
    with pytest.raises(CommandError, match="'rev' argument is required unless -b or -B in opts"):
        salt["git.checkout"](repo)


def test_revisions_and_tags(salt, repo):
    sha = salt["git.revision"](repo)
    assert len(sha) == 40
    assert sha.startswith(salt["git.revision"](repo, "main", short=True))
    assert salt["git.rev_parse"](repo, "HEAD") == sha
    assert salt["git.rev_parse"](repo, opts="--is-bare-repository") == "false"
    assert salt["git.describe"](repo) == sha[:7]
    assert salt["git.tag"](repo, "v1", "dev", message="one") == ""
    assert salt["git.tag"](repo, "v2") == ""
    assert salt["git.list_tags"](repo) == ["v1", "v2"]
    assert salt["git.describe"](repo) == f"v1-1-g{sha[:7]}"
    assert salt["git.merge_base"](repo, ["main", "dev"]) == salt["git.revision"](repo, "dev")
    assert salt["git.merge_base"](repo, "dev,main", is_ancestor=True) is True
    assert salt["git.merge_base"](repo, ["main", "dev"], is_ancestor=True) is False
    assert salt["git.merge_tree"](repo, "main", "dev") == ""


def test_merge_rebase_and_stash(salt, repo):
    salt["git.checkout"](repo, "dev")
    assert "Fast-forward" in salt["git.merge"](repo, "main")
    assert salt["git.merge"](repo, "main") == "Already up to date."
    assert salt["git.rebase"](repo, "main") == "Current branch dev is up to date."
    write(repo, "a", "x\n")
    assert salt["git.stash"](repo, opts="'my message'") == "Saved working directory and index state On dev: my message"
    assert salt["git.stash"](repo, "list") == "stash@{0}: On dev: my message"
    assert "Dropped refs/stash@{0}" in salt["git.stash"](repo, "pop")


def test_settings(salt, repo, tmp_path):
    assert salt["git.config_set"]("foo.bar", "one", cwd=repo) == ["one"]
    assert salt["git.config_set"]("foo.bar", multivar=["a", "b\nc"], cwd=repo) == ["a", "b\nc"]
    assert salt["git.config_get"]("foo.bar", cwd=repo) == "b\nc"
    assert salt["git.config_get"]("foo.bar", cwd=repo, all=True) == ["a", "b\nc"]
    assert salt["git.config_get_regexp"]("^foo", "^a$", cwd=repo) == {"foo.bar": ["a"]}
    assert salt["git.config_get_regex"]("^nosuch", cwd=repo) == {}
    with pytest.raises(CommandError, match=r"^Multiple values exist for key 'foo.bar'$"):
        salt["git.config_unset"]("foo.bar", cwd=repo)
    assert salt["git.config_unset"]("foo.bar", "^a$", cwd=repo) is True
    assert salt["git.config_unset"]("foo.bar", cwd=repo, all=True) is True
    with pytest.raises(CommandError, match=r"^Key 'foo.bar' does not exist$"):
        salt["git.config_unset"]("foo.bar", cwd=repo)
    assert salt["git.config_set"]("user.name", True, **{"global": True}) == ["true"]
    assert salt["git.config_get"]("user.name", **{"global": True}) == "true"
    assert salt["git.config_get"]("user.name", cwd=repo) is None
    assert "name = true" in (tmp_path / ".gitconfig").read_text()


def test_archives(salt, repo, tmp_path):
    assert salt["git.archive"](repo, str(tmp_path / "x.tar.gz")) is True
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        assert archive.getnames() == ["repo", "repo/a", "repo/b c"]
    assert salt["git.archive"](repo, str(tmp_path / "x"), "dev", prefix="", format="tar") is True
    with tarfile.open(tmp_path / "x") as archive:
        assert archive.getnames() == ["a"]


def test_worktrees(salt, repo, tmp_path):
    one, two, three = (str(tmp_path / name) for name in ("one", "two", "three"))
    assert "new branch 'one'" in salt["git.worktree_add"](repo, one)
    assert "new branch 'other'" in salt["git.worktree_add"](repo, two, ref="dev", branch="other")
    salt["git.tag"](repo, "v1", "dev")
    assert "detached HEAD" in salt["git.worktree_add"](repo, three, ref="dev", detach=True)
    found = salt["git.list_worktrees"](repo)
    sha = salt["git.revision"](repo, "dev")
    assert found[two] == {"stale": False, "HEAD": sha, "detached": False, "branch": "other"}
    assert found[three] == {"stale": False, "HEAD": sha, "detached": True, "branch": None, "tags": ["v1"]}
    assert [salt["git.is_worktree"](path) for path in (repo, one, str(tmp_path))] == [False, True, False]
    assert salt["git.worktree_rm"](one) is True
    assert list(salt["git.list_worktrees"](repo, stale=True)) == [one]
    assert salt["git.list_worktrees"](repo, all=True).keys() == {repo, one, two, three}
    assert salt["git.worktree_prune"](repo) == "Removing worktrees/one: gitdir file points to non-existent location"
    assert salt["git.list_worktrees"](repo, stale=True) == {}
    with pytest.raises(CommandError, match=f"^{one} does not exist$"):
        salt["git.worktree_rm"](one)
    with pytest.raises(CommandError, match=f"^{repo} is not a git worktree$"):
        salt["git.worktree_rm"](repo)
    assert os.path.isdir(repo)


# -- other repositories ----------------------------------------------------------------------------------------


def test_a_clone_follows(salt, repo, bare, tmp_path):
    clone = str(tmp_path / "clone")
    assert salt["git.clone"](clone, bare) is True
    assert salt["git.clone"](str(tmp_path), bare, name="named", opts="--bare") is True
    assert salt["git.fetch"](clone) == {}
    write(repo, "a", "x\n")
    salt["git.commit"](repo, "third", opts="-a")
    salt["git.tag"](repo, "v1")
    salt["git.push"](repo, "origin", "main:main")
    salt["git.push"](repo, "origin", "dev", opts="--tags --force")
    found = salt["git.fetch"](clone)
    assert found.keys() == {"updated branches", "new branches", "new tags"}
    assert (found["new branches"], found["new tags"]) == (["dev"], ["v1"])
    assert salt["git.revision"](repo).startswith(found["updated branches"]["main"]["new"])
    assert "Fast-forward" in salt["git.pull"](clone)
    assert salt["git.pull"](clone, opts="--rebase") == "Already up to date."
    assert salt["git.fetch"](clone, "origin", refspecs=["dev:refs/heads/mine"]) == {"new branches": ["dev"]}


def test_refs_of_a_remote(salt, repo, bare):
    salt["git.push"](repo, "origin", "dev")
    sha, dev = salt["git.revision"](repo), salt["git.revision"](repo, "dev")
    both = {"refs/heads/main": sha, "refs/heads/dev": dev}
    assert salt["git.ls_remote"](repo) == {"HEAD": sha, **both}
    assert salt["git.ls_remote"](remote=bare, ref="dev") == {"refs/heads/dev": dev}
    assert salt["git.ls_remote"](repo, ref="nosuch") == {}
    assert salt["git.remote_refs"](bare, heads=True) == both
    assert salt["git.remote_refs"](bare, tags=True) == {}
    assert salt["git.remote_refs"](bare, filter="*/ma*") == {"refs/heads/main": sha}


def test_remotes_keep_their_credentials_to_themselves(salt, repo, bare):
    assert salt["git.remotes"](repo) == {"origin": {"fetch": bare, "push": bare}}
    shown = {"fetch": "https://<redacted>@h/x", "push": "https://<redacted>@h/p"}
    assert salt["git.remote_set"](
        repo, "https://h/x", "up", https_user="u", https_pass="p", push_url="https://h/p", push_https_user="pu",
        push_https_pass="pp",
    ) == shown  # fmt: skip
    assert salt["git.remote_get"](repo, "up") == shown
    assert salt["git.remote_get"](repo, "up", redact_auth=False) == {
        "fetch": "https://u:p@h/x",
        "push": "https://pu:pp@h/p",
    }
    assert salt["git.remote_set"](repo, "https://h/y", "up") == {"fetch": "https://h/y", "push": "https://h/y"}
    with pytest.raises(CommandError, match="Basic Auth only supported for HTTPS"):
        salt["git.remote_set"](repo, "ssh://h/x", "origin", https_user="u")
    assert salt["git.remote_get"](repo) == {"fetch": bare, "push": bare}
    with pytest.raises(CommandError, match=f"^Remote 'nosuch' not present in git checkout located at {repo}$"):
        salt["git.remote_get"](repo, "nosuch")


def test_credentials_are_in_no_log_and_no_error(salt, tmp_path, caplog):
    caplog.set_level(0)
    place = str(tmp_path / "x")
    for arguments in (
        {"url": "https://someone:s3cret@127.0.0.1:1/x"},
        {"url": "https://127.0.0.1:1/x", "https_user": "someone", "https_pass": "s3cret"},
    ):
        with pytest.raises(CommandError, match=r"git clone -- https://<redacted>@127.0.0.1:1/x .*' failed: ") as told:
            salt["git.clone"](place, **arguments)
        assert "s3cret" not in str(told.value)
    with pytest.raises(CommandError):
        salt["git.ls_remote"](remote="https://someone:s3cret@127.0.0.1:1/x")
    assert "git" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_submodule(salt, repo, bare):
    salt["git.submodule"](repo, "add", opts=[bare, "sub"], git_opts="-c protocol.file.allow=always")
    assert "sub (heads/main)" in salt["git.submodule"](repo, "status")
    with pytest.raises(CommandError, match="The 'init' argument is no longer supported"):
        salt["git.submodule"](repo, "update", init=True)


def test_an_identity_that_is_not_there(salt, bare, tmp_path):
    with pytest.raises(CommandError, match=r"^Unable to authenticate using identity file:\n\nThe following identity"):
        salt["git.clone"](str(tmp_path / "x"), bare, identity="/nonexistent/id")


def test_each_identity_is_tried(salt, tmp_path):
    keys = [tmp_path / "one", tmp_path / "two"]
    for key in keys:
        key.write_text("no key\n")
        key.chmod(0o600)
    with pytest.raises(CommandError) as told:
        salt["git.ls_remote"](remote="ssh://nobody@127.0.0.1:1/x", identity=[str(key) for key in keys])
    assert str(told.value).count("Connection refused") == 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes accounts")
def test_another_user_clones_over_ssh_with_the_identity_that_fits(salt, tmp_path):
    place = tmp_path
    while place != place.parent and "pytest" in str(place):
        place.chmod(0o755)
        place = place.parent
    with open_names(1) as (name,):
        home = tmp_path / "home"
        subprocess.run(
            ["useradd", "-m", "-k", "/nonexistent", "-d", home, "-p", "*", "-s", "/bin/sh", name], check=True
        )
        wrong, right = (make_key(home / kind) for kind in ("wrong", "right"))
        for path in (wrong, right):
            shutil.chown(path, name)
        bare = str(home / "bare.git")
        salt["git.init"](bare, bare=True, user=name)
        with open_sshd([make_key(tmp_path / "host")], home / "right.pub") as port:
            url = f"ssh://{name}@127.0.0.1:{port}{bare}"
            assert salt["git.clone"]("~/clone", url, user=name, identity=[str(wrong), str(right)]) is True
            assert (home / "clone" / ".git").owner() == name
            assert salt["git.remote_get"]("~/clone", user=name)["fetch"] == url
            with pytest.raises(CommandError, match="Permission denied"):
                salt["git.ls_remote"](remote=url, user=name, identity="~/wrong")


# -- what is wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "why"),
    [
        (
            "add",
            ["nosuch"],
            "^Command 'git add --verbose -- nosuch' failed: fatal: pathspec 'nosuch' did not match any files$",
        ),
        ("branch", ["dev"], "^Command 'git branch dev' failed: fatal: a branch named 'dev' already exists$"),
        ("checkout", ["nosuch"], "^Command 'git checkout nosuch' failed: error: pathspec 'nosuch' did not match"),
        ("revision", ["nosuch"], "^Command 'git rev-parse nosuch' failed: fatal: ambiguous argument 'nosuch'"),
        ("merge", ["nosuch"], "^Command 'git merge nosuch' failed: merge: nosuch - not something we can merge$"),
        (
            "ls_remote",
            ["/nonexistent"],
            "^Command 'git ls-remote /nonexistent' failed: fatal: '/nonexistent' does not appear",
        ),
        (
            "push",
            ["origin", "nosuch"],
            "^Command 'git push origin nosuch' failed: error: src refspec nosuch does not match any",
        ),
        ("stash", ["pop"], "^Command 'git stash pop' failed: No stash entries found"),
        ("submodule", [""], "^'command' argument is required$"),
        ("add", ["a", "'"], "^Unable to read the options"),
    ],
)
def test_what_git_refuses_is_told_with_its_retcode(salt, plugins, repo, function, args, why):
    with pytest.raises(CommandError, match=why):
        salt[f"git.{function}"](repo, *args)
    if why.startswith("^Command"):
        assert plugins.context["retcode"] > 0


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("checkout", ["--upload-pack=x"]), ("fetch", ["--upload-pack=touch /x"]), ("push", ["--receive-pack=x", "main"]),
        ("ls_remote", ["--upload-pack=x"]), ("revision", ["--git-dir"]), ("tag", ["-d"]), ("merge", ["-X"]),
    ],
)  # fmt: skip
def test_a_revision_or_remote_is_never_an_option(salt, repo, function, args):
    with pytest.raises(CommandError, match="it would be an option"):
        salt[f"git.{function}"](repo, *args)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/nonexistent", "^Specified cwd '/nonexistent' either not absolute or does not exist$"),
        ("/", "failed: fatal: not a git repository"),
    ],
)
def test_where_there_is_no_repository(salt, path, why):
    for function in ("status", "current_branch", "list_branches", "remotes", "list_worktrees"):
        with pytest.raises(CommandError, match=why):
            salt[f"git.{function}"](path)


def test_arguments_that_do_not_fit(salt, repo):
    for call, why in [
        (lambda: salt["git.merge_base"](repo, ["a"], is_ancestor=True), "Two refs/commits are required"),
        (lambda: salt["git.merge_base"](repo, ["a", "b"], octopus=True, independent=True), "Only one of 'octopus'"),
        (lambda: salt["git.config_set"]("a.b", "x", multivar=["y"], cwd=repo), "Only one of 'value' and 'multivar'"),
        (lambda: salt["git.config_set"]("a.b", cwd=repo), "One of 'value' and 'multivar' is required"),
        (lambda: salt["git.config_get"]("a.b"), "'cwd' argument required unless global=True"),
        (lambda: salt["git.remote_refs"](repo, foo=1), "The following keyword arguments are not valid: foo=1"),
        (lambda: salt["git.worktree_add"](repo, "x", branch="y", detach=True), "Only one of 'branch' and 'detach'"),
        (lambda: salt["git.diff"](repo, no_index=True, paths=["a"]), "requires two paths"),
        (lambda: salt["git.status"](repo, user="trisalt-nobody"), "User 'trisalt-nobody' is not available"),
    ]:
        with pytest.raises(CommandError, match=why):
            call()


def test_a_path_below_a_home(salt, bare, tmp_path):
    assert gits.place_of("~/x") == f"{os.environ['HOME']}/x"
    assert (
        gits.place_of("~/x", "daemon")
        == gits.place_of("x", "daemon")
        == os.path.join(os.path.expanduser("~daemon"), "x")
    )
    assert gits.place_of("/x") == "/x"
    assert os.path.isabs(gits.place_of("x"))
