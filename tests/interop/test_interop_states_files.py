"""`file` beside stock's: each row previewed, applied, and applied again."""

import json
import shutil

import pytest

from tests.interop.staterows_files import ROWS
from tests.interop.states import ask, compare, rows
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh", "motd": "hello"}
PILLAR = {"lines": ["one", "two"], "deep": {"text": "a\nb\n"}, "p": "x"}


def prepare(roots, work):
    for folder in (roots, work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    (roots / "plain").write_text("plain text\n")
    (roots / "plain").chmod(0o640)
    (roots / "t.jinja").write_text("hello {{ who }}\n")
    (roots / "binary").write_bytes(b"\0\1\2" * 20)
    (work / "dir").mkdir()
    (work / "target").write_text("target\n")
    (work / "link").symlink_to(work / "target")
    (work / "dangling").symlink_to(work / "nowhere")
    (work / "local").write_text("local\n")
    (work / "k").write_text("before\n")
    (work / "lines").write_text("one\ntwo\n")
    (work / "conf").write_text("alpha 1\n#beta 2\ngamma 3\n")
    (work / "keys").write_text("PORT=80\nHOST=a\n#DEBUG=no\n")
    (work / "sshd").write_text("# PermitRootLogin yes\nX11Forwarding   no\n")


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        roots, work = lab.root / "states", lab.root / "w"
        for kind in ("stock", "ours"):
            prepare(roots, work)
            found = ask(
                lab, kind, ROWS, grains=GRAINS, pillar=PILLAR, places={"W": str(work)},
                file_roots={"base": [str(roots)]},
            )  # fmt: skip
            answers[kind] = json.loads(json.dumps(found).replace(str(work), "W"))
    return answers


@pytest.mark.parametrize(("number", "phase"), rows(ROWS), ids=[f"{n}-{p}-{ROWS[n]}" for n, p in rows(ROWS)])
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
