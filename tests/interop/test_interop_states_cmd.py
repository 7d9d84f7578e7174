"""`cmd` beside stock's."""

import pytest

from tests.interop.states import Row, ask, compare, each_phase, pending, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
ONCE = {"phases": ["preview", "applied"], "but": ("pid",)}
ROWS = [
    Row("cmd.run", "echo hi", **ONCE),
    Row("cmd.run", "echo hi | tr h H; echo no >&2; exit 3", **ONCE),
    Row("cmd.run", "exit 3", success_retcodes=[3], **ONCE),
    Row("cmd.run", "pwd; echo $A$B", cwd="W", env=[{"A": "x"}, {"B": 2}], **ONCE),
    Row("cmd.run", "echo $A", env={"A": "y"}, shell="/bin/bash", **ONCE),
    Row("cmd.run", "echo $0", **ONCE),
    Row("cmd.run", "true", cwd="W/nosuch", **ONCE),
    Row("cmd.run", "true", env="A=1", **ONCE),
    Row("cmd.run", "true", env=["A=1"], phases=["applied"], why="what is no map is said so",
        applied=refused("Invalidly-formatted 'env' parameter. See documentation.")),
    Row("cmd.run", "true", runas="trisnobody", **ONCE),
    Row("cmd.run", """echo a; echo; echo "changed=yes comment='it is so' key=val" """, stateful=True, **ONCE),
    Row("cmd.run", "echo changed=no comment=same", stateful=True, **ONCE),
    Row("cmd.run", "echo changed=maybe", stateful=True, phases=["applied"], but=("pid",), why="what is wrong is said",
        applied=refused("Failed parsing boolean value: maybe", retcode=0, stdout="changed=maybe", stderr="")),
    Row("cmd.run", "echo what", stateful=True, **ONCE),
    Row("cmd.run", """echo '{"changed": true, "comment": "j", "a": 1}'""", stateful=True, **ONCE),
    Row("cmd.run", "echo '[1]'", stateful=True, **ONCE),
    Row("cmd.run", "true", stateful=True, **ONCE),
    Row("cmd.run", "echo real", stateful=[{"test_name": "echo changed=yes comment=trial"}], **ONCE,
        preview=pending("trial", changed="yes", retcode=0, stdout="", stderr=""), why="what was read is not told twice"),
    Row("cmd.run", "cat", stdin="given", **ONCE),
    Row("cmd.run", "umask", umask="077", **ONCE),
    Row("cmd.wait", "echo hi"),
    Row("cmd.wait_script", "salt://s.sh"),
    Row("cmd.script", "salt://s.sh", **ONCE),
    Row("cmd.script", "salt://s.sh one two", **ONCE),
    Row("cmd.script", "named", source="salt://s.sh", args="a b", **ONCE),
    Row("cmd.script", "salt://t.sh", template="jinja", context={"what": "there"}, **ONCE),
    Row("cmd.script", "salt://nosuch.sh", **ONCE),
    Row("cmd.script", "salt://s.sh", context="x", **ONCE),
    Row("cmd.script", "salt://s.sh", cwd="W/nosuch", **ONCE),
    Row("cmd.mod_watch", "echo hi", sfun="wait", **ONCE),
    Row("cmd.mod_watch", "salt://s.sh", sfun="wait_script", **ONCE),
    Row("cmd.mod_watch", "x", sfun="wait_call", **ONCE),
    Row("cmd.mod_watch", "x", sfun="nosuch", **ONCE),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        roots = lab.root / "states"
        roots.mkdir()
        (roots / "s.sh").write_text("#!/bin/sh\necho script $# $*\n")
        (roots / "t.sh").write_text("#!/bin/sh\necho {{ what }}\n")
        work = lab.root / "w"
        work.mkdir()
        for kind in ("stock", "ours"):
            answers[kind] = ask(
                lab, kind, ROWS, grains=GRAINS, places={"W": str(work)}, file_roots={"base": [str(roots)]}
            )
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
