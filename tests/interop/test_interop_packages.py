"""Packages, services and the state of the host beside stock's: the same calls in the same order, one process each.

Each of `SHELVES` is a table: a row is a call; where ours answers something else on purpose, `ours` says what, and `why`.
apt and dpkg work in a database of their own, made here, one for each side.
"""

import json
import subprocess

import pytest

from tests.interop.test_interop_shelves import LOOP, SAME, STOCK, TRISALT, Call, refuses, returns
from tests.support.debrepo import Debian
from tests.support.lab import OURS, open_lab, stock_bin

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

GRAINS = {"id": "m1", "os": "Debian", "os_family": "Debian", "osarch": "amd64", "kernel": "Linux", "osmajorrelease": 12}
GONE = "E: Unable to locate package nosuch"


def without(*fields):
    """Compare two levels of a return without these fields."""

    def only(value, _port):
        return {
            name: {key: part for key, part in row.items() if key not in fields} if isinstance(row, dict) else row
            for name, row in value.items()
        }

    return only


APT = [
    Call("pkg.refresh_db"),
    Call("pkg.latest_version", "one", refresh=False),
    Call("pkg.latest_version", "virtual", refresh=False),
    Call("pkg.latest_version", "one", "nosuch", refresh=False, ours=returns({"one": "2.0~rc1", "nosuch": ""}),
         why="two names are answered by a map"),
    Call("pkg.upgrade_available", "one", refresh=False),
    Call("pkg.list_repo_pkgs", "one", "conf"),
    Call("pkg.list_repo_pkgs", "on*"),
    Call("pkg.list_repo_pkgs", ours=returns({"one": ["2.0~rc1", "1.1", "1.0"], "two": ["1.0"], "conf": ["2.0"],
                                             "foreign": ["1.0"]}),
         why="a name that no package has is none that can be installed"),
    Call("pkg.install", "one", version="1.0"),
    Call("pkg.version", "one"),
    Call("pkg.version", "one", "nosuch"),
    Call("pkg.version", "o*"),
    Call("pkg.version", "z*"),
    Call("pkg.version"),
    Call("pkg.latest_version", "one", refresh=False),
    Call("pkg.list_upgrades", refresh=False),
    Call("pkg.list_upgrades", refresh=False, dist_upgrade=False),
    Call("pkg.upgrade_available", "one"),
    Call("pkg.hold", "one"),
    Call("pkg.hold", "one"),
    Call("pkg.hold", "nosuch", ours=returns({"nosuch": {"name": "nosuch", "changes": {}, "result": False,
                                                        "comment": "Package nosuch does not have a state."}}, 1),
         why="what dpkg does not know is not held"),
    Call("pkg.hold"),
    Call("pkg.hold", pkgs=["one"], sources=[{"one": "/x"}]),
    Call("pkg.get_selections"),
    Call("pkg.get_selections", state="hold"),
    Call("pkg.get_selections", "z*"),
    Call("pkg.upgrade", refresh=False),
    Call("pkg.install", "one", version="1.1"),
    Call("pkg.get_selections", "o*"),
    Call("pkg.remove", "one"),
    Call("pkg.unhold", pkgs=["one"]),
    Call("pkg.unhold", "one"),
    Call("pkg.unhold", "nosuch", ours=returns({"nosuch": {"name": "nosuch", "changes": {}, "result": False,
                                                          "comment": "Package nosuch does not have a state."}}, 1),
         why="a job that could not do what it was asked has failed"),
    Call("pkg.set_selections", selection={"hold": ["one"]}),
    Call("pkg.set_selections", selection='{"install": ["one"]}'),
    Call("pkg.set_selections", selection={"wrong": ["one"]}),
    Call("pkg.set_selections"),
    Call("pkg.upgrade", refresh=False),
    Call("pkg.upgrade", refresh=False),
    Call("pkg.install", "one", version="1.0"),
    Call("pkg.install", "one", reinstall=True, version="1.0"),
    Call("pkg.install", pkgs=["two", {"one": ">=1.1"}]),
    Call("pkg.install", "one", version="1.0"),
    Call("pkg.install", pkgs=[{"one": ">=1.0,<=1.1"}], ours=returns({"one": {"old": "1.0", "new": "1.1"}}),
         why="several conditions hold all at once"),
    Call("pkg.install", pkgs=["two", {"one": "<1.1"}], ours=returns({"one": {"old": "1.1", "new": "1.0"}}),
         why="a condition is fulfilled, by an older version too"),
    Call("pkg.install", pkgs=[{"one": ">3.0"}]),
    Call("pkg.install", pkgs=["one", "one"]),
    Call("pkg.install", "nosuch"),
    Call("pkg.install", ours=refuses("No package sources provided"), why="nothing was named"),
    Call("pkg.install", sources=[{"conf": "REPO/conf_2.0_all.deb"}]),
    Call("pkg.install", sources=[{"one": "REPO/one_1.0_all.deb"}]),
    Call("pkg.install", sources=[{"one": "/nonexistent.deb"}]),
    Call("pkg.install", sources=[{"one": "REPO/Packages"}]),
    Call("pkg.install", "one", fromrepo="nosuch"),
    Call("pkg.install", "one", only_upgrade=True),
    Call("pkg.install", "virtual"),
    Call("pkg.list_pkgs"),
    Call("pkg.list_pkgs", versions_as_list=True),
    Call("pkg.list_pkgs", purge_desired=True),
    Call("pkg.file_list", "one"),
    Call("pkg.file_list", "one", "conf"),
    Call("pkg.file_list", "nosuch"),
    Call("pkg.file_dict", "one", "conf"),
    Call("pkg.file_dict", "one", "nosuch"),
    Call("pkg.owner", "/etc/conf.d/conf.conf"),
    Call("pkg.owner", "/etc/conf.d/conf.conf", "/usr/share/one"),
    Call("pkg.owner", "/nonexistent"),
    Call("pkg.owner"),
    Call("pkg.info_installed", "one", "conf", only=without("install_date")),
    Call("pkg.info_installed", only=without("install_date")),
    Call("pkg.info_installed", "nosuch"),
    Call("pkg.info_installed", "nosuch", failhard=False),
    Call("pkg.info_installed", "one", wrong=1),
    Call("pkg.show", "conf", filter="version,description"),
    Call("pkg.show", "on*", filter="Maintainer"),
    Call("pkg.show", "nosuch"),
    Call("lowpkg.list_pkgs"),
    Call("lowpkg.list_pkgs", "one", "nosuch"),
    Call("lowpkg.bin_pkg_info", "REPO/one_1.0_all.deb"),
    Call("lowpkg.bin_pkg_info", "REPO/Packages"),
    Call("lowpkg.info", "two", only=without("install_date")),
    Call("lowpkg.unpurge"),
    Call("pkg.remove", "conf,nosuch"),
    Call("pkg.list_pkgs", removed=True),
    Call("pkg.purge", "conf"),
    Call("pkg.list_pkgs", removed=True),
    Call("pkg.remove", "nosuch"),
    Call("pkg.purge", pkgs=["nosuch"]),
    Call("pkg.remove", pkgs=["o*"]),
    Call("pkg.remove", ours=refuses("No package sources provided"), why="nothing was named"),
    Call("pkg.purge", "two"),
    Call("pkg.install", "two"),
    Call("pkg.autoremove", list_only=True),
    Call("pkg.purge", pkgs=["one", "two"]),
    Call("pkg.install", "two"),
    Call("pkg.remove", "two"),
    Call("pkg.autoremove", list_only=True),
    Call("pkg.autoremove", purge=True),
    Call("pkg.autoremove", list_only=True),
    Call("pkg.version_cmp", "1.0", "1.1"),
    Call("pkg.version_cmp", "1.0~rc1", "1.0"),
    Call("pkg.version_cmp", "2:1.0", "1.1"),
    Call("pkg.version_cmp", "2:1.0", "1.1", ignore_epoch=True),
    Call("pkg.version_cmp", "1.0", "1.0"),
    Call("pkg.version_cmp", "a b", "1.0"),
    Call("pkg.normalize_name", "zsh:amd64"),
    Call("pkg.normalize_name", "zsh:i386"),
    Call("pkg.normalize_name", "zsh"),
    Call("pkg.parse_arch", "zsh:amd64"),
    Call("pkg.parse_arch", "zsh"),
    Call("pkg_resource.parse_targets", pkgs=["a", {"b": "1"}, {"c": None}]),
    Call("pkg_resource.parse_targets", "a,b"),
    Call("pkg_resource.pack_sources", [{"a": "salt://a.deb"}, {"b:amd64": "/b.deb"}]),
    Call("pkg_resource.version_compare", "1.0", ">=", "1.1"),
    Call("pkg_resource.version_clean", "1:2.0-3"),
    Call("pkg_resource.format_version", "1", "2.0", "3"),
    Call("pkg_resource.check_extra_requirements", "one", "1"),
]  # fmt: skip

FILE = "/etc/apt/sources.list.d/trisalt-interop"
LINE = "deb [trusted=yes] file:SOURCES ./"
# The host's own packages and sources; what is added here is an empty repository, and gone again.
HOST = [
    Call("pkg.list_repos"),
    Call("pkg.get_repo", "deb http://deb.debian.org/debian bookworm main"),
    Call("pkg.get_repo", "deb http://nosuch.invalid/debian bookworm main"),
    Call("pkg.get_repo", "nonsense"),
    Call("pkg.mod_repo", "nonsense", refresh=False),
    Call("pkg.mod_repo", LINE, file=f"{FILE}.list", refresh=False, comments="made by x"),
    Call("pkg.get_repo", "deb file:SOURCES ./"),
    Call("pkg.mod_repo", LINE, refresh=False, disabled=True),
    Call("pkg.mod_repo", LINE, refresh=False, enabled=True),
    Call("pkg.mod_repo", "deb [trusted=yes arch=amd64] file:SOURCES ./", refresh=False),
    Call("pkg.mod_repo", "deb [trusted=yes] file:SOURCES ./", refresh=False),
    Call("pkg.list_repos", only=lambda found, _port: sorted(found)),
    Call("pkg.del_repo", "deb file:SOURCES ./", refresh=False),
    Call("pkg.del_repo", "deb file:SOURCES ./", refresh=False),
    Call("pkg.info_installed", "bash", "libc6"),
    Call("pkg.version", "bash"),
    Call("pkg.version", "libc6:amd64", "bas*"),
    Call("pkg.list_pkgs"),
    Call("pkg.owner", "/bin/bash"),
    Call("pkg.owner", "/bin/sh", ours=returns("dash"), why="who diverted a file does not own it"),
    Call("pkg.file_list", "libc6"),
    Call("lowpkg.list_pkgs", "libc6", "bash"),
]  # fmt: skip

SHELVES = {"apt": APT, "host": HOST}
ROWS = [(shelf, number) for shelf, calls in SHELVES.items() for number in range(len(calls))]


def fill(value, places):
    if isinstance(value, str):
        for name, place in places.items():
            value = value.replace(name, place)
    if isinstance(value, list):
        return [fill(item, places) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, places) for key, item in value.items()}
    return value


def debian(folder):
    made = Debian(folder)
    made.package("one", "1.0")
    made.package("one", "1.1")
    made.package("one", "2.0~rc1")
    made.package("two", "1.0", Depends="one", Provides="virtual")
    made.package("conf", "2.0", conffile="/etc/conf.d/conf.conf")
    made.package("foreign", "1.0")
    made.publish()
    return made


@pytest.fixture(scope="module")
def answers():
    """`{kind: {shelf: [answer of each row]}}`; what depends on where a side works is made the same."""
    answers = {}
    with open_lab() as lab:
        (lab.root / "empty").mkdir()
        (lab.root / "empty" / "Packages").touch()
        for kind, folder, start in (("stock", stock_bin(), STOCK), ("ours", OURS, TRISALT)):
            minion = lab.configure_minion(kind, file_client="local")
            made = debian(lab.root / f"debian-{kind}")
            places = {"REPO": str(made.repo), "SOURCES": str(lab.root / "empty")}
            for shelf, calls in SHELVES.items():
                given = {
                    "conf_file": str(minion / "minion"),
                    "opts": {"id": "m1", "apt.lock_timeout": 0},
                    "grains": GRAINS,
                    "pillar": {},
                    "calls": [[c.fun, fill(list(c.args), places), fill(c.kwargs, places)] for c in calls],
                }
                done = subprocess.run(
                    [str(folder / "python"), "-W", "ignore", "-c", start + LOOP],
                    input=json.dumps(given), capture_output=True, text=True, cwd="/", timeout=120, check=False,
                    env={**lab.env, **(made.environment if shelf == "apt" else {})},
                )  # fmt: skip
                assert done.returncode == 0, done.stderr
                printed = done.stdout.splitlines()[-1].replace(str(made.root), "/debian")
                answers.setdefault(kind, {})[shelf] = json.loads(printed)
    return answers


@pytest.mark.parametrize(("shelf", "number"), ROWS, ids=[f"{s}-{n}-{SHELVES[s][n]}" for s, n in ROWS])
def test_ours_answers_as_stock_does(answers, shelf, number):
    call = SHELVES[shelf][number]
    stock, ours = (answers[kind][shelf][number] for kind in ("stock", "ours"))
    if call.only and "return" in stock and "return" in ours:
        stock, ours = ({**answer, "return": call.only(answer["return"], None)} for answer in (stock, ours))
    if call.ours is SAME:
        assert ours == stock
    else:
        assert ours == call.ours
        assert ours != stock, "the same by now: take the difference out of the table"
