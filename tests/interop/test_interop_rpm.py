"""dnf, zypper and rpm beside stock's modules for them: the same calls in the same order, in a root of each side's own.

A row is a call; where ours answers something else on purpose, `ours` says what, and `why`.
"""

import json
import os

import pytest

from tests.interop.beside import SAME, Call, ask, refuses, returns
from tests.support.debian import need
from tests.support.lab import open_lab
from tests.support.rpmrepo import GROUPS, Rpms, advisory, pattern

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

ONE = ["/etc/one/one.conf", "/usr/share/one", "/usr/share/one/version"]
NOT_THERE = "package nosuch is not installed"
# What rpm alone answers, once something is installed.
RPM = [
    Call("pkg.list_pkgs"),
    Call("pkg.list_pkgs", versions_as_list=True),
    Call("pkg.list_pkgs", attr=["version", "epoch", "release", "arch"]),
    Call("pkg.version", "one"),
    Call("pkg.version", "one", "epoch", "nosuch"),
    Call("pkg.version", "o*"),
    Call("pkg.version_cmp", "1.0-1", "1.1-1"),
    Call("pkg.version_cmp", "2:1.0", "1.1"),
    Call("pkg.version_cmp", "2:1.0", "1.1", ignore_epoch=True),
    Call("pkg.version_cmp", "1.0~rc1", "1.0"),
    Call("pkg.normalize_name", "zsh.x86_64"),
    Call("pkg.normalize_name", "zsh.i686"),
    Call("pkg.normalize_name", "zsh.noarch"),
    Call("pkg.parse_arch", "zsh.x86_64"),
    Call("pkg.parse_arch", "zsh"),
    Call("pkg.file_list", "one"),
    Call("pkg.file_list", "nosuch", ours=returns({"errors": [NOT_THERE], "files": []}), why="what rpm says is no file"),
    Call("pkg.file_dict", "one"),
    Call("pkg.owner", "/usr/share/one"),
    Call("pkg.owner", "/usr/share/one", "/nosuch"),
    Call("pkg.owner", "/nosuch"),
    Call("pkg.verify", "one"),
    Call("pkg.modified", "one"),
    Call("lowpkg.bin_pkg_info", "REPO/noarch/one-1.0-1.noarch.rpm"),
    Call("lowpkg.version_cmp", "1", "2"),
    Call("lowpkg.list_pkgs", "one", "epoch"),
    Call("pkg.remove", "nosuch", only=lambda value, _port: value),
    Call("pkg.remove", ours=refuses("No package sources provided"), why="nothing was named"),
]
GROUP = [
    Call("pkg.group_list"),
    Call(
        "pkg.group_info",
        "web",
        ours=returns(
            {
                "type": "package group",
                "group": "Web Server",
                "id": None,
                "description": "Serves pages: all of them.",
                "mandatory": ["one"],
                "default": ["epoch", "two"],
                "optional": ["three"],
                "conditional": ["four"],
            }
        ),
        why="a description with a colon is one",
    ),
    Call("pkg.group_info", "server", fromrepo="test"),
    Call("pkg.group_info", "nosuch"),
    Call("pkg.group_diff", "A Server"),
    Call("pkg.group_install", "German Support,Hidden Tools", skip="two", include="one"),
    Call("pkg.group_install", "tools", include="nosuch", skip=5),
]
NEW = {"name": "New", "baseurl": "http://example.org/x", "gpgcheck": 0, "basedir": "REPOS"}
# Advisories. A repository that is a folder has nothing to fetch.
PATCHES = [
    Call("pkg.list_patches"),
    Call("state.single", "pkg.patch_installed", "TS-2026-1", test=True),
    Call("state.single", "pkg.patch_downloaded", "all", advisory_ids=["TS-2026-1", "TS-2026-9"]),
    Call("state.single", "pkg.patch_installed", "all", advisory_ids=["TS-2026-1", "TS-2026-2"]),
    Call("state.single", "pkg.patch_installed", "none", advisory_ids=[]),
    Call("state.single", "pkg.patch_installed", "TS-2026-1"),
    Call("state.single", "pkg.downloaded", "all", pkgs=["two", {"one": "2.0-1"}], test=True),
    Call("state.single", "pkg.downloaded", "all", pkgs=["two", {"one": "2.0-1"}]),
    Call("state.single", "pkg.downloaded", "none", pkgs=[]),
    Call("pkg.list_installed_patches"),
]
DNF = [
    Call("pkg.install", "two"),
    Call("pkg.install", pkgs=[{"epoch": "2:1.0-1"}, {"one": "1.0-1"}]),
    Call("pkg.list_upgrades", refresh=False),
    Call("pkg.latest_version", "one", "nosuch", refresh=False),
    *RPM,
    *GROUP,
    Call("pkg.install", sources=[{"one": "/nosuch.rpm"}]),
    Call("pkg.remove", "two"),
    *PATCHES,
    Call("pkg.list_repos", basedir="REPOS"),
    Call("pkg.get_repo", "test", basedir="REPOS"),
    Call("pkg.get_repo", "nosuch", basedir="REPOS"),
    Call("pkg.mod_repo", "new", **NEW),
    Call("pkg.mod_repo", "new", mirrorlist="http://example.org/m", basedir="REPOS"),
    Call("pkg.mod_repo", "new", baseurl="", mirrorlist="", basedir="REPOS"),
    Call("pkg.mod_repo", "other", basedir="REPOS"),
    Call("pkg.mod_repo", "other", name="x", basedir="REPOS"),
    Call("pkg.mod_repo", "test", enabled=0, basedir="REPOS"),
    Call("pkg.del_repo", "test", basedir="REPOS"),
    Call("pkg.del_repo", "new", basedir="REPOS"),
    Call("pkg.del_repo", "nosuch", basedir="REPOS", ours=returns("Error: the nosuch repo does not exist in ['REPOS']", 1),
         why="a job that could not do what it was asked has failed"),
]  # fmt: skip
ZYPPER = [
    Call("pkg.refresh_db", gpgautoimport=True, cache_valid_time=5),
    Call("pkg.install", "two"),
    Call("pkg.install", pkgs=[{"epoch": "2:1.0-1"}, {"one": "1.0-1"}]),
    Call("pkg.list_upgrades", refresh=False),
    Call("pkg.latest_version", "one", "nosuch", refresh=False),
    *RPM,
    Call(
        "pkg.install",
        sources=[{"one": "/nosuch.rpm"}],
        ours=refuses("/nosuch.rpm does not exist on minion"),
        why="a file that is not there is not given to zypper",
    ),
    Call("pkg.remove", "two"),
    Call("pkg.del_repo", "nosuch"),
    Call("pkg.mod_repo", "nourl"),
    Call("pkg.list_patterns"),
    Call("pkg.search", "web"),
    Call("pkg.search", "tw", match="words"),
    Call("pkg.search", "one", match="exact", details=True),
    Call("pkg.info_available", "pattern:web", "two", "nosuch", refresh=False),
    Call("pkg.info_available"),
    Call("pkg.install", "pattern:hid"),
    Call("pkg.list_pkgs", includes=["pattern"]),
    Call("pkg.list_installed_patterns"),
    Call("pkg.install", "pattern:nosuch"),
    Call("pkg.remove", "pattern:hid"),
    *PATCHES,
]
FAMILIES = {"RedHat": DNF, "Suse": ZYPPER}
ROWS = [(family, number) for family, calls in FAMILIES.items() for number in range(len(calls))]


@pytest.fixture(scope="module")
def answers():
    """`{kind: {family: [answer of each row]}}`."""
    if os.geteuid() != 0:
        pytest.skip("needs root, as rpm does for a root of its own")
    need("dnf", "zypper", "rpm", "createrepo-c")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            rpms = Rpms(lab.root / f"rpms-{kind}")
            for version in ("1.0", "2.0"):
                rpms.package("one", version)
            rpms.package("two", "1.0", "3", "Requires: one")
            for version in ("1.0", "1.1"):
                rpms.package("epoch", version, extra="Epoch: 2")
            rpms.package("patterns-hid", "1.5", extra="Provides: pattern() = hid")
            rpms.publish(
                groups=GROUPS,
                patterns=pattern("web", "two") + pattern("hid", "patterns-hid", visible=False),
                advisories=advisory("TS-2026-1", "one", "2.0") + advisory("TS-2026-2", "epoch", "1.1", 2),
            )
            places = {"REPOS": str(rpms.yum_repos), "REPO": str(rpms.repo)}
            for family, calls in FAMILIES.items():
                rpms.reset()
                grains = {
                    "id": "m1", "os": family, "os_family": family, "osarch": "x86_64", "kernel": "Linux",
                    "osmajorrelease": 15, "osrelease": "15",
                }  # fmt: skip
                env = {**lab.env, "PATH": f"{rpms.bin}:{lab.env['PATH']}"}
                found = json.dumps(ask(lab, kind, calls, grains=grains, places=places, env=env))
                printed = found.replace(str(rpms.yum_repos), "REPOS").replace(str(rpms.repo), "REPO")
                answers.setdefault(kind, {})[family] = json.loads(printed)
    return answers


@pytest.mark.parametrize(("family", "number"), ROWS, ids=[f"{f}-{n}-{FAMILIES[f][n]}" for f, n in ROWS])
def test_ours_answers_as_stock_does(answers, family, number):
    call = FAMILIES[family][number]
    stock, ours = (answers[kind][family][number] for kind in ("stock", "ours"))
    # What was asked of rpm before is told as the job's retcode by stock, whatever the answer.
    retcode = ours.pop("retcode", 0)
    stock.pop("retcode", None)
    if call.fun == "state.single":
        assert _told(ours) == _told(stock)
    elif call.ours is SAME:
        assert ours == stock
        assert retcode == 0 or call.fun == "pkg.owner"
    else:
        assert {**ours, **({"retcode": retcode} if "return" in ours else {})} == call.ours


def _told(answer):
    """What a state says, without when it ran."""
    (state,) = answer["return"].values()
    return {key: state[key] for key in ("result", "comment", "changes")}
