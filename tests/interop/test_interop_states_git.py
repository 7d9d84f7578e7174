"""`git` beside stock's, with real repositories."""

import json
import os
import shutil
import subprocess

import pytest

from tests.interop.states import Row, ask, compare, done, each_phase, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
GONE = "what is gone is told"
OVERWRITTEN = (
    "error: Your local changes to the following files would be overwritten by checkout:\n\tf\n"
    "Please commit your changes or stash them before you switch branches.\nAborting"
)
ROWS = [
    Row("git.latest", "file://W/one", target="W/a"),
    Row("git.latest", "file://W/one", target="W/tag", rev="v1"),
    Row("git.latest", "file://W/one", target="W/dev", rev="dev"),
    Row("git.latest", "file://W/one", target="W/named", rev="dev", branch="mine"),
    Row("git.latest", "file://W/one", target="W/bare", bare=True, phases=["preview", "applied"]),
    Row("git.latest", "file://W/nosuch", target="W/b", phases=["preview"]),
    Row("git.latest", "file://W/one", target="W/b", rev="nosuch"),
    Row("git.latest", "file://W/one", target="relative"),
    Row("git.latest", "file://W/one", target="W/file"),
    Row("git.latest", "file://W/one", target="W/full"),
    Row("git.latest", "file://W/one", target="W/full", force_clone=True),
    Row("git.latest", "file://W/one", target="W/old"),
    Row("git.latest", "file://W/one", target="W/dirty"),
    Row("git.cloned", "file://W/one", target="W/c"),
    Row("git.cloned", "file://W/one", target="W/c", branch="dev"),
    Row("git.cloned", "file://W/one", target="W/c2", branch="dev"),
    Row("git.cloned", "file://W/one", target="relative"),
    Row("git.present", "W/p"),
    Row("git.present", "W/p2", bare=False),
    Row("git.present", "W/full2"),
    Row("git.config_set", "user.name", value="held out", repo="W/p"),
    Row("git.config_set", "user.name", value="other", repo="W/p"),
    Row("git.config_set", "tri.several", multivar=["a", "b"], repo="W/p"),
    Row("git.config_set", "user.name", value="x"),
    Row("git.config_set", "user.name", value="x", multivar=["y"], repo="W/p"),
    Row("git.config_unset", "tri.several", repo="W/p"),
    Row("git.config_unset", "tri.several", repo="W/p", all=True, why=GONE,
        applied=done("Value(s) successfully unset", **{"tri.several": {"old": ["a", "b"], "new": None}})),
    Row("git.config_unset", "user.name", repo="W/p", why=GONE,
        applied=done("Value(s) successfully unset", **{"user.name": {"old": ["other"], "new": None}})),
    Row("git.detached", "file://W/one", rev="main", target="W/da"),
    Row("git.detached", "file://W/one", rev="v1", target="W/da"),
    Row("git.detached", "file://W/one", rev="dev", target="W/da"),
    Row("git.detached", "file://W/one", rev="dev", target="W/da", phases=["preview"], why="a preview is true",
        preview=done("Already checked out at correct revision")),
    Row("git.detached", "file://W/one", rev="nosuch", target="W/da"),
    Row("git.detached", "file://W/one", rev="nosuch", target="W/dc"),
    Row("git.detached", "file://W/one", rev="main", target="relative"),
    Row("git.detached", "file://W/one", rev="", target="W/dd"),
    Row("git.detached", "file://W/one", rev="main", target="W/file"),
    Row("git.detached", "file://W/one", rev="main", target="W/full2"),
    Row("git.detached", "file://W/one", rev="main", target="W/full2", force_clone=True),
    Row("git.detached", "file://W/one", rev="v1", target="W/mine", why="it is the state's failure",
        **dict.fromkeys(("applied", "again"), refused(OVERWRITTEN))),
    Row("git.detached", "file://W/one", rev="v1", target="W/mine", force_checkout=True),
    Row("git.detached", "file://W/one", rev="main", target="W/mine", hard_reset=True, remote="second", but=("remote",)),
    Row("git.detached", "file://W/one", rev="main", target="W/dg", https_user="u", https_pass="p"),
    Row("git.detached", "file://W/nosuch", rev="main", target="W/df"),
    Row("git.detached", "file://W/other", rev="main", target="W/mine", phases=["preview"]),
    Row("git.detached", "file://W/one", rev="main", target="W/mine", fetch_remote=False),
]  # fmt: skip


def git(folder, *words):
    env = {
        **os.environ, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env=env)


def prepare(work):
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    one = work / "one"
    one.mkdir()
    git(one, "init", "-q", "-b", "main")
    (one / "f").write_text("1\n")
    git(one, "add", "f")
    git(one, "commit", "-qm", "first")
    git(one, "tag", "v1")
    git(work, "clone", "-q", f"file://{one}", "old")
    git(one, "checkout", "-qb", "dev")
    (one / "f").write_text("dev\n")
    git(one, "commit", "-qam", "dev")
    git(one, "checkout", "-q", "main")
    (one / "f").write_text("2\n")
    git(one, "commit", "-qam", "second")
    git(work, "clone", "-q", f"file://{one}", "dirty")
    (work / "dirty/f").write_text("mine\n")
    git(work, "clone", "-q", f"file://{one}", "mine")
    (work / "mine/f").write_text("mine\n")
    (work / "file").write_text("x")
    for folder in ("full", "full2"):
        (work / folder).mkdir()
        (work / folder / "x").write_text("x")


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        work = lab.root / "w"
        for kind in ("stock", "ours"):
            prepare(work)
            found = ask(lab, kind, ROWS, grains=GRAINS, places={"W": str(work)})
            answers[kind] = json.loads(json.dumps(found).replace(str(work), "W"))
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
