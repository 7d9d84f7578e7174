"""`pip` and `virtualenv` beside stock's, with wheels that the test makes."""

import json
import shutil

import pytest

from tests.interop.states import Row, ask, compare, each_phase
from tests.support.lab import open_lab
from tests.support.wheels import make_environment, write_wheel

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
LOCAL = {"bin_env": "V", "find_links": "W/wheels", "no_index": True}
# Each look of pip's takes a second: what can be seen without one is.
ROWS = [
    Row("pip.installed", "x", pkgs=["tri-one<1.1", "tri-two"], phases=["preview", "applied"], **LOCAL),
    Row("pip.installed", "tri_one==1.0", phases=["applied"], **LOCAL),
    Row("pip.installed", "tri-one=1.0", phases=["preview"], **LOCAL),
    Row("pip.installed", "x", pkgs="tri-one", phases=["preview"], **LOCAL),
    Row("pip.installed", "tri-one", user="trisnobody", phases=["preview"], **LOCAL),
    Row("pip.installed", "x", requirements="W/requirements.txt", phases=["preview", "applied"], **LOCAL),
    Row("pip.removed", "tri-two", bin_env="V", phases=["applied"]),
    Row("virtualenv.managed", "V"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            work = lab.root / "w"
            shutil.rmtree(work, ignore_errors=True)
            (work / "wheels").mkdir(parents=True)
            for name, version in (("tri-one", "1.0"), ("tri-one", "1.1"), ("tri-two", "1.0")):
                write_wheel(work / "wheels", name, version)
            (work / "requirements.txt").write_text("tri-one>=1.1\n")
            venv = make_environment(work)
            found = ask(lab, kind, ROWS, grains=GRAINS, places={"W": str(work), "V": str(venv)})
            answers[kind] = json.loads(json.dumps(found).replace(str(venv), "V").replace(str(work), "W"))
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
