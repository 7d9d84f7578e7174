"""`trisalt.fileserver.gitpillar` over real repositories, and the pillar that is compiled of them."""

from __future__ import annotations

import os
import time

import pytest

from tests.fileserver.test_fileserver_gitfs import commit, git
from trisalt.errors import CommandError, ConfigError
from trisalt.fileserver.gitpillar import TREES_KEPT_S, GitPillars, configured_entries, read_entries
from trisalt.loader.dunders import Plugins
from trisalt.pillar.worker import compile_with_plugins

TOP = "{env}:\n  '*': [{sls}]\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A repository whose branches `master`, `dev` and `qa` are pillars; that of `dev` is in a folder."""
    where = tmp_path_factory.mktemp("source")
    git(where, "init", "-q", "-b", "master")
    commit(where, {
        "top.sls": TOP.format(env="base", sls="web"), "web.sls": "include: [shared]\nfrom: master\nid: {{ opts.id }}\n",
        "shared.sls": "shared: master\nlist: [1]\n",
    })  # fmt: skip
    git(where, "checkout", "-q", "-b", "dev")
    git(where, "rm", "-q", "web.sls", "shared.sls", "top.sls")
    (where / "in").mkdir()
    (where / "in/link.sls").symlink_to("dev.sls")
    (where / "in/out.sls").symlink_to("../outside.sls")
    (where / "in/etc.sls").symlink_to("/etc/hostname")
    commit(where, {
        "in/top.sls": TOP.format(env="dev", sls="dev, link"), "in/dev.sls": "from: dev\nos: {{ grains.os }}\n",
        "outside.sls": "outside: true\n",
    })  # fmt: skip
    git(where, "checkout", "-q", "-b", "qa")
    git(where, "mv", "in/dev.sls", "dev.sls")
    commit(where, {"top.sls": TOP.format(env="qa", sls="dev"), "broken/x.sls": "{{ nope }}"})
    git(where, "checkout", "-q", "master")
    return where


@pytest.fixture
def pillar(tmp_path, source):
    def pillar(*entries, **opts):
        opts = {"cachedir": str(tmp_path / "cache"), "ext_pillar": [{"git": list(entries)}], "id": "m1", **opts}
        pillarenv = opts.get("pillarenv")
        request = {"opts": opts, "id": "m1", "grains": {"os": "Debian", "id": "m1"}, "pillarenv": pillarenv}
        request["saltenv"] = opts.get("saltenv")
        return compile_with_plugins(request)["pillar"]

    return pillar


def test_a_branch_is_compiled_as_an_environment(pillar, source):
    assert pillar(f"master {source}") == {"from": "master", "id": "m1", "shared": "master", "list": [1]}
    assert pillar({f"dev {source}": [{"root": "in"}]}) == {"from": "dev", "os": "Debian"}


def test_later_entries_are_laid_over_those_before(pillar, source):
    both = (f"master {source}", {f"dev {source}": [{"root": "in"}]})
    assert pillar(*both) == {"from": "dev", "os": "Debian", "id": "m1", "shared": "master", "list": [1]}
    assert pillar(*both, pillarenv="dev") == {"from": "dev", "os": "Debian"}
    assert pillar(*both, pillarenv="base")["from"] == "master"
    assert pillar(*both, pillarenv="other") == {}


def test_env_and_base_say_which_environment_a_branch_is(pillar, source):
    # The branch's top file is for dev, which these are not.
    for option in ({"env": "base"}, {"base": "dev"}):
        said = pillar({f"dev {source}": [{"root": "in"}, option]})
        assert said == {"_errors": ["No matching pillar environment for environment 'dev' found"]}
    assert pillar({f"master {source}": [{"env": "base"}]})["from"] == "master"


def test_the_branch_may_be_that_of_the_environment(pillar, source):
    assert pillar(f"__env__ {source}")["from"] == "master"
    assert pillar(f"__env__ {source}", pillarenv="qa") == {"from": "dev", "os": "Debian"}
    assert pillar(f"__env__ {source}", saltenv="qa") == {"from": "dev", "os": "Debian"}
    assert pillar(f"__env__ {source}", pillarenv="nosuch") == {}
    assert pillar({f"__env__ {source}": [{"all_saltenvs": "master"}]}, pillarenv="qa") == {}


def test_an_entry_that_is_a_url_alone_is_of_the_branch_of_all(pillar, source):
    assert pillar(f"{source}")["from"] == "master"
    assert pillar({f"{source}": [{"root": "in"}]}, git_pillar_branch="dev") == {"from": "dev", "os": "Debian"}


def test_a_branch_that_is_not_there_is_left_out(pillar, source):
    assert pillar(f"nosuch {source}", f"master {source}")["from"] == "master"
    assert pillar({f"nosuch {source}": [{"fallback": "master"}]}) == {}


def test_entries_of_one_environment_see_each_others_files(pillar, source, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "master")
    commit(other, {"top.sls": TOP.format(env="base", sls="mine"), "mine.sls": "include: [shared]\nmine: 1\n"})
    entries = ({f"master {other}": [{"name": "mine"}]}, f"master {source}")
    assert pillar(*entries)["mine"] == 1
    assert "_errors" not in pillar(*entries)
    alone = pillar(*entries, git_pillar_includes=False)
    assert alone["_errors"] == ["Specified SLS 'shared' in environment 'base' is not available on the salt master"]
    assert alone["from"] == "master"


def test_links_that_lead_out_are_not_there(tmp_path, source):
    pillars = entry(tmp_path, {f"dev {source}": [{"root": "in"}]})
    ((_env, (folder,)),) = pillars.roots(None)
    assert sorted(os.listdir(folder)) == ["dev.sls", "link.sls", "top.sls"]


def test_a_mountpoint_is_a_folder_above(tmp_path, source):
    pillars = entry(tmp_path, {f"master {source}": [{"mountpoint": "salt://a/b"}]})
    ((env, (folder,)),) = pillars.roots(None)
    assert env == "base"
    assert sorted(os.listdir(os.path.join(folder, "a/b"))) == ["shared.sls", "top.sls", "web.sls"]


def test_a_new_commit_is_laid_out_beside_and_the_old_one_goes_later(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "master")
    commit(source, {"a.sls": "a: 1\n"})
    pillars = entry(tmp_path, f"master {source}")
    ((_env, (old,)),) = pillars.roots(None)
    commit(source, {"a.sls": "a: 2\n"})
    assert pillars.roots(None) == [("base", [old])]
    pillars.update()
    ((_env, (new,)),) = pillars.roots(None)
    assert (open_text(old), open_text(new)) == ("a: 1\n", "a: 2\n")
    long_ago = time.time() - 2 * TREES_KEPT_S
    os.utime(old, (long_ago, long_ago))
    commit(source, {"a.sls": "a: 3\n"})
    pillars.update()
    pillars.roots(None)
    assert not os.path.exists(old)
    assert os.path.exists(new)


def open_text(folder):
    with open(os.path.join(folder, "a.sls")) as file:
        return file.read()


def entry(tmp_path, *entries):
    opts = {"cachedir": str(tmp_path / "cache")}
    pillars = GitPillars.from_opts(opts, read_entries(entries, opts))
    assert pillars.update().problems == {}
    return pillars


def test_what_was_never_fetched_is_an_error(tmp_path):
    opts = {"cachedir": str(tmp_path / "cache")}
    pillars = GitPillars.from_opts(opts, read_entries([f"master {tmp_path}/none"], opts))
    with pytest.raises(CommandError, match="none was not fetched yet"):
        pillars.roots(None)


def test_branches_of_one_repository_are_fetched_once(tmp_path, source):
    opts = {"cachedir": str(tmp_path), "ext_pillar": [{"git": [f"master {source}", f"dev {source}"]}, {"x": 1}]}
    pillars = GitPillars.from_opts(opts)
    assert [entry.branch for entry in configured_entries(opts)] == ["master", "dev"]
    assert len({mirror for _remote, mirror in pillars.remotes}) == 1
    assert pillars.update().problems == {}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("", "a branch and a URL"),
        (5, "a branch and a URL"),
        ("-x https://a.example/x", "a branch and a URL"),
        ("master --upload-pack=x", "an entry is a URL"),
        ({"master https://a.example/x": "root"}, "a list of"),
        ({"master https://a.example/x": [{"rooot": 1}]}, "unknown options: rooot"),
        ({"master http://a.example/x": [{"user": "u"}, {"password": "p"}]}, "insecure_auth"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused(entry, says):
    with pytest.raises(ConfigError, match=says):
        read_entries([entry], {})


def test_the_options_of_git_pillars_are_their_own():
    opts = {"git_pillar_root": "in", "git_pillar_base": "main", "gitfs_root": "salt"}
    (found,) = read_entries(["main https://a.example/x"], opts)
    assert (found.remote.root, found.remote.base) == ("in", "main")


def test_the_runner_tells_what_was_new(tmp_path, source):
    opts = {
        "cachedir": str(tmp_path / "cache"), "id": "master",
        "ext_pillar": [{"git": [f"master {source}", {f"dev {source}": [{"name": "devs"}]}, f"master {tmp_path}/gone"]}],
    }  # fmt: skip
    update = Plugins(opts).loader("runners")["git_pillar.update"]
    gone = f"master {tmp_path}/gone"
    assert update() == {f"master {source}": True, f"dev {source}": True, gone: False}
    assert update() == {f"master {source}": None, f"dev {source}": None, gone: False}
    assert update(repo="devs") == {f"dev {source}": None}
    assert update(branch="master", repo=str(source)) == {f"master {source}": None}
    with pytest.raises(CommandError, match="so called"):
        update(branch="nope")
