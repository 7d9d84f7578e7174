"""`pkg` beside stock's, with real apt and dpkg on a package database of the test's own."""

import json

import pytest

from tests.interop.states import Row, ask, compare, done, each_phase, refused
from tests.support.debrepo import Debian
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

GRAINS = {
    "id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "osarch": "amd64", "cpuarch": "x86_64",
    "osmajorrelease": 12, "oscodename": "bookworm", "osfullname": "Debian GNU/Linux", "osrelease": "12",
}  # fmt: skip
MANY = [f"p{number}" for number in range(12)]
ROWS = [
    Row("pkg.installed", "one", refresh=True),
    Row("pkg.installed", "one", version="1.0"),
    Row("pkg.installed", "one", version="1.*"),
    Row("pkg.installed", "one", version=">=1.0"),
    Row("pkg.installed", "one", version=">=1.0,<1.1"),
    Row("pkg.installed", "one", version=">1.0"),
    Row("pkg.installed", "one", version="9.9"),
    Row("pkg.installed", "x", pkgs=["one", "two"]),
    Row("pkg.installed", "x", pkgs=["two", {"conf": "2.0"}]),
    Row("pkg.installed", "x", pkgs=["nosuch", "two"]),
    Row("pkg.installed", "nosuch"),
    Row("pkg.installed", "x", pkgs=[]),
    Row("pkg.installed", "x", pkgs="one", phases=["applied"], why="what is no list is said so",
        applied=refused('Invalidly formatted "pkgs" parameter. See minion log.')),
    Row("pkg.installed", "x", pkgs=["one"], sources=[{"one": "/nowhere"}]),
    Row("pkg.latest", "one"),
    Row("pkg.latest", "x", pkgs=["one", "foreign"]),
    Row("pkg.latest", "nosuch"),
    Row("pkg.latest", "x", pkgs=["two", "conf"]),
    Row("pkg.removed", "conf"),
    Row("pkg.purged", "conf"),
    Row("pkg.purged", "conf"),
    Row("pkg.removed", "x", pkgs=["two", "nosuch"]),
    Row("pkg.removed", "one", version="3"),
    Row("pkg.removed", "x", pkgs=[{"one": "3"}]),
    Row("pkg.removed", "x", pkgs=[]),
    Row("pkg.uptodate", "all"),
    Row("pkg.installed", "foreign", hold=True, phases=["preview", "applied"]),
    Row("pkg.unheld", "foreign", phases=["applied"]),
    Row("pkg.held", "foreign", phases=["applied", "again"]),
    Row("pkg.held", "x", pkgs=[]),
    Row("pkg.unheld", "x", pkgs=[]),
    Row("pkg.unheld", "x", all=True, phases=["applied"]),
    Row("pkg.mod_watch", "one", sfun="installed"),
    Row("pkg.mod_watch", "one", sfun="held"),
    Row("pkg.installed", "x", pkgs=["two", "conf", {"foreign": "1.*"}], hold=True, phases=["applied", "again"],
        but=("foreign",), why="what it was before is told too"),
    Row("pkg.installed", "two", hold=False, phases=["preview"]),
    Row("pkg.purged", "x", pkgs=["two", "conf", "nosuch"], phases=["preview", "applied"]),
    Row("pkg.installed", "x", pkgs=[{"one": "latest"}, {"foreign": "latest"}], phases=["applied"]),
    Row("pkg.installed", "x", pkgs=[{"one": ">5"}, "conf"], phases=["applied"]),
    Row("pkg.installed", "x", sources=[{"one": "REPO/one_1.1_all.deb"}], phases=["applied"]),
    Row("pkg.installed", "one", version="1.0", phases=["applied"]),
    Row("pkg.installed", "x", sources=[{"one": "REPO/one_1.1_all.deb"}]),
    Row("pkg.installed", "x", sources=[{"one": "REPO/one_1.0_all.deb"}], allow_updates=True, phases=["preview"],
        preview=done("All specified packages are already installed"), why="a newer one will do where that is said"),
    Row("pkg.installed", "x", sources=["one"], phases=["applied"]),
    Row("pkg.installed", "one", pkg_verify=True, phases=["applied"]),
    Row("pkg.installed", "x", pkgs=MANY, phases=["applied"]),
    Row("pkg.purged", "p0", phases=["applied"]),
    Row("pkg.latest", "x", pkgs=MANY, phases=["applied"]),
    Row("pkg.latest", "x", pkgs=["nosuch", "other"], phases=["applied"]),
    Row("pkg.latest", "bad", phases=["applied"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            made = Debian(lab.root / f"debian-{kind}")
            made.package("one", "1.0")
            made.package("one", "1.1")
            made.package("two", "1.0", Depends="one")
            made.package("conf", "2.0", conffile="/etc/conf.d/conf.conf")
            made.package("foreign", "1.0")
            made.package("bad", "1.0", Depends="nosuch")
            for name in MANY:
                made.package(name, "1.0")
            made.publish()
            found = ask(
                lab,
                kind,
                ROWS,
                grains=GRAINS,
                env={**lab.env, **made.environment},
                places={"REPO": str(made.repo)},
                **{"apt.lock_timeout": 0},
            )
            answers[kind] = json.loads(json.dumps(found).replace(str(made.root), "/debian"))
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
