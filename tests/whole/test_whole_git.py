"""Files and pillar out of git, through real daemons: fetched by the master, or by a minion that has none."""

import json
import os

import pytest

from tests.fileserver.test_fileserver_gitfs import commit, git
from tests.support.lab import open_lab

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        for name, files in {
            "states": {"top.sls": "base: {'*': [web]}\n", "web.sls": "web:\n  test.succeed_with_changes: [{comment: {{ pillar.say }}}]\n",
                       "tree/a": "a\n"},
            "secrets": {"top.sls": "base: {'*': [said]}\n", "said.sls": "say: one\n"},
        }.items():  # fmt: skip
            (lab.root / name).mkdir()
            git(lab.root / name, "init", "-q", "-b", "master")
            commit(lab.root / name, files)
        git(lab.root / "states", "branch", "dev")
        lab.start_master(
            auto_accept=True,
            fileserver_backend=["git"],
            gitfs_remotes=[f"file://{lab.root}/states"],
            gitfs_update_interval=1,
            ext_pillar=[{"git": [f"master file://{lab.root}/secrets"]}],
            git_pillar_update_interval=1,
        )
        lab.start_minion("m1")
        lab.wait_up("m1")
        yield lab


def applied(lab):
    (result,) = lab.salt("m1", "state.apply")["m1"].values()
    return result["comment"]


def test_states_files_and_pillar_come_from_repositories(lab):
    lab.wait(lambda: lab.salt("m1", "cp.envs") == {"m1": ["base", "dev"]}, "the first fetch")
    assert applied(lab) == "one"
    assert lab.salt("m1", "cp.get_file_str", "salt://tree/a") == {"m1": "a\n"}


def test_a_new_commit_is_seen_without_anybodys_help(lab):
    commit(lab.root / "secrets", {"said.sls": "say: two\n"})
    lab.wait(lambda: applied(lab) == "two", "the new pillar")
    commit(lab.root / "states", {"tree/b": "b\n"})
    lab.wait(lambda: lab.salt("m1", "cp.get_file_str", "salt://tree/b") == {"m1": "b\n"}, "the new file")


def test_a_minion_without_a_master_fetches_for_itself(lab):
    folder = lab.configure_minion(
        "alone", file_client="local", fileserver_backend=["git"], gitfs_remotes=[f"file://{lab.root}/states"],
        ext_pillar=[{"git": [f"master file://{lab.root}/secrets"]}],
    )  # fmt: skip
    done = lab.run("salt-call", "--local", "--out", "json", "state.apply", minion="alone")
    (result,) = json.loads(done.stdout)["local"].values()
    assert result["comment"] in ("one", "two")
    assert os.listdir(folder / "cache/gitfs/mirrors")
    done = lab.run("salt-call", "--local", "--out", "json", "cp.list_master", "dev", minion="alone")
    assert "web.sls" in json.loads(done.stdout)["local"]
