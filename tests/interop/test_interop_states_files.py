"""`file` beside stock's: each row previewed, applied, and applied again."""

import json
import os
import shutil

import pytest

from tests.interop.staterows_files import ROWS
from tests.interop.states import ask, compare, each_phase
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
    (roots / "tree3").mkdir()
    (roots / "tree3/t").write_text("hello {{ who }}\n")
    (roots / "m.jinja").write_text(
        "{{ mode }} {{ user }} {{ sls is defined }} {{ tpldir is defined }} {{ salt['no.such'] is defined }}"
        " {{ 'test.ping' in salt }} {{ salt.test.nosuch is defined }} {{ env is defined }} {{ salt.test.echo(name) == name }}\n"
    )
    (roots / "m.py").write_text("def run():\n    return f'{context} {mode} {source} {__env__} {saltenv}\\n'\n")
    (roots / "a.patch").write_text("--- a\n+++ b\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n")
    for file in ("tree/top.txt", "tree/below/x.conf", "tree/below/deep/y.txt", "tree2/top.txt", "tree2/other"):
        (roots / file).parent.mkdir(parents=True, exist_ok=True)
        (roots / file).write_text(f"{file}\n")
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
    trees(work / "t")
    (work / "d").mkdir()
    (work / "d/broken").write_text("{")
    (work / "d/patched").write_text("one\ntwo\n")
    (work / "sshd").write_text("# PermitRootLogin yes\nX11Forwarding   no\n")


def trees(top):
    for folder in ("full/sub/deep", "tree/below", "tidy", "emptydir", "real"):
        (top / folder).mkdir(parents=True)
    for file in ("file", "a", "full/one", "full/sub/two", "full/sub/deep/three", "tree/x", "tidy/new", "tidy/old.log"):
        (top / file).write_text(f"{file}\n")
    (top / "b").write_text("other\n")
    (top / "link").symlink_to("real")
    (top / "tidy/large").write_text("x" * 4096)
    for file in ("old.log", "large"):
        os.utime(top / "tidy" / file, (0, 0))


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        roots, work = lab.root / "states", lab.root / "w"
        for kind in ("stock", "ours"):
            prepare(roots, work)
            temporary = lab.root / "tmp"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            found = ask(
                lab, kind, ROWS, grains=GRAINS, pillar=PILLAR, places={"W": str(work)},
                file_roots={"base": [str(roots)]}, env={**lab.env, "TMPDIR": str(temporary)},
            )  # fmt: skip
            answers[f"{kind} left"] = sorted(path.name for path in temporary.iterdir())
            text = json.dumps(found).replace(str(work), "W").replace(str(lab.root / kind), "M")
            answers[kind] = json.loads(text)
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


def test_what_was_rendered_for_one_use_is_gone(answers):
    assert answers["ours left"] == []
