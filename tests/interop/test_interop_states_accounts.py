"""`user` and `group` beside stock's, on accounts of this host that the test makes and removes."""

import shutil
import subprocess

import pytest

from tests.interop.states import Row, ask, compare, done, each_phase, pending, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
HASH = "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g."
ACCOUNTS = ("trisa", "trisb")
GROUPS = ("trisga", "trisgb", "trisa", "trisb")
TRUE = "a preview says what would happen"
ROWS = [
    Row("group.present", "trisga", gid=61010),
    Row("group.present", "trisga", gid=61010),
    Row("group.present", "trisgb", gid=61010, preview=refused(
        "Group trisgb is not present but gid 61010 is already taken by group trisga"), why=TRUE),
    Row("group.present", "trisgb", gid=61011, system=True),
    Row("group.present", "trisgb", gid=61012),
    Row("group.present", "trisgb", gid="x", phases=["applied"], applied=refused("Invalid gid"), why="what is wrong is said"),
    Row("user.present", "trisa", uid=61020, gid=61010, home="H/a", shell="/bin/sh"),
    Row("user.present", "trisa", shell="/bin/bash"),
    Row("user.present", "trisa", fullname="Ann A", roomnumber="12", other="x"),
    Row("user.present", "trisa", fullname="a,b"),
    Row("user.present", "trisa", groups=["trisgb"]),
    Row("user.present", "trisa", groups=["trisgb", "trisnone"], preview=pending(
        "The following user attributes are set to be changed:\ngroups (pending creation): trisnone\n"), why=TRUE),
    Row("user.present", "trisa", groups=[], optional_groups=["trisgb", "trisnone"]),
    Row("user.present", "trisa", groups=[]),
    Row("user.present", "trisa", gid="nosuchgroup"),
    Row("user.present", "trisnew", gid="nosuchgroup", phases=["applied"], why="what is wrong is said",
        applied=refused("The following group(s) are not present: nosuchgroup")),
    Row("user.present", "trisa", uid=61021),
    Row("user.present", "trisa", uid=61021, allow_uid_change=True),
    Row("user.present", "trisa", gid="trisgb", allow_gid_change=True, phases=["applied", "again"],
        applied=done("Updated user trisa", gid=61012, groups=["trisgb"]), why="no other group was asked for"),
    Row("user.present", "trisa", home="H/b"),
    Row("user.present", "trisa", password=HASH),
    Row("user.present", "trisa", password="!", enforce_password=False),
    Row("user.present", "trisa", mindays=1, maxdays=90, warndays=5, inactdays=3),
    Row("user.present", "trisa", expire=20000, date=19000),
    Row("user.present", "trisb", usergroup=True, home="H/c", password=HASH, mindays=2),
    Row("user.present", "trisb", empty_password=True),
    Row("group.present", "trisga", addusers=["trisb"]),
    Row("group.present", "trisga", delusers=["trisb"]),
    Row("group.present", "trisga", members=["trisb"]),
    Row("group.present", "trisga", members=["trisa"], addusers=["trisb"]),
    Row("group.present", "trisga", delusers=["trisa"], addusers=["trisa"]),
    Row("user.absent", "trisb"),
    Row("user.absent", "trisa", purge=True, force=True),
    Row("user.absent", "trisa"),
    Row("group.absent", "trisga"),
    Row("group.absent", "trisgb"),
    Row("group.absent", "trisgb"),
]  # fmt: skip


def remove():
    for name in ACCOUNTS:
        subprocess.run(["userdel", "-f", name], capture_output=True, check=False)
    for name in GROUPS:
        subprocess.run(["groupdel", name], capture_output=True, check=False)


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            remove()
            try:
                homes = lab.root / "homes"
                shutil.rmtree(homes, ignore_errors=True)
                homes.mkdir()
                answers[kind] = ask(lab, kind, ROWS, grains=GRAINS, places={"H": str(homes)})
            finally:
                remove()
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
