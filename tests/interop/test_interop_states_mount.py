"""`mount` beside stock's: an fstab of the test's own, and file systems in memory that only the two see."""

import json
import os
import re

import pytest

from tests.interop.states import Row, ask, compare, done, each_phase, pending, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
FSTAB = """# a comment
proc /proc proc defaults 0 0
/dev/sdx1 W/there ext4 noatime 0 2
/dev/sdx2 W/there2 ext4 noatime 0 2
/dev/sdx8 none swap sw 0 0
"""
F = {"config": "W/fstab"}
N = {"device": "tmpfs", "fstype": "tmpfs", "persist": False, "mkmnt": True}
EACH = "each option is compared with what is there, sizes as sizes, and seen again after the remount"
ASKED = "the fstab says what is asked for, the first time and the second"
SURE = "what cannot be written is told as the state's failure"
OWN = "one mount point is unmounted, and no other of the same device"
ROWS = [
    Row("mount.mounted", "W/mem", device="tmpfs", fstype="tmpfs", opts="size=1m", mkmnt=True, **F),
    Row("mount.mounted", "W/mem", device="tmpfs", fstype="tmpfs", opts="size=1m", dump=1, **F),
    Row("mount.mounted", "W/mem", device="tmpfs", fstype="tmpfs", opts=["size=1m"], dump=2, **F),
    Row("mount.mounted", "W/mem", device="tmpfs", fstype="tmpfs", opts="size=1024k", persist=False, why=EACH,
        preview=done("Target was already mounted"), applied=done("Target was already mounted"),
        again=done("Target was already mounted")),
    Row("mount.mounted", "W/mem", device="tmpfs", fstype="tmpfs", opts=["size=2m", "noexec"], persist=False, why=EACH,
        preview=pending("Remount would be forced because options (size=2m,noexec) changed"),
        applied=done("Target was already mounted", umount="Forced remount because options (size=2m,noexec) changed"),
        again=done("Target was already mounted")),
    Row("mount.mounted", "W/mem", device="tmpfs", fstype="tmpfs", opts="size=2m", persist=False, why=EACH,
        preview=pending("Remount would be forced because options (noexec) changed"),
        applied=done("Target was already mounted", umount="Forced remount because options (noexec) changed"),
        again=done("Target was already mounted")),
    Row("mount.mounted", "W/nothere", device="tmpfs", fstype="tmpfs", **F),
    Row("mount.mounted", "W/nothere", device="tmpfs", fstype="tmpfs", persist=False, **F),
    Row("mount.mounted", "W/dir", device="W/nodevice", fstype="ext4", **F),
    Row("mount.mounted", "W/dir", device="tmpfs", fstype="tmpfs", persist=False, **F),
    Row("mount.mounted", "W/dir/inner/deep", device="W/src", fstype="none", opts="bind", mkmnt=True, **F, why=ASKED,
        again=done("Target was already mounted. Entry already exists in the fstab.")),
    Row("mount.mounted", "W/a", **N),
    Row("mount.mounted", "W/a", **N | {"opts": "noexec"}),
    Row("mount.mounted", "W/a", **N | {"opts": "ro,noexec"}),
    Row("mount.mounted", "W/a", **N | {"opts": "ro,noexec,nr_inodes=100,nofail"}),
    Row("mount.mounted", "W/c", **N),
    Row("mount.mounted", "W/c", **N | {"device": "other", "device_name_regex": ["tmp.*"]}),
    Row("mount.mounted", "W/c", **N | {"device": "other"}),
    Row("mount.mounted", "W/c/", **N | {"device": "other", "opts": "mine", "extra_mount_invisible_options": ["mine"]}),
    Row("mount.mounted", "W/c", **N | {"device": "other", "opts": "my=1", "extra_mount_invisible_keys": ["my"]}),
    Row("mount.mounted", "W/c", **N | {"device": "other", "opts": "my=1", "extra_mount_ignore_fs_keys": {"tmpfs": ["my"]}}),
    Row("mount.mounted", "W/c", **N | {"device": "other", "opts": "mine", "hidden_opts": ["mine"]}),
    Row("mount.mounted", "W/c", **N | {"device": "other", "opts": "x", "extra_mount_translate_options": {"x": "rw"}}),
    Row("mount.mounted", "W/fstab", **N),
    Row("mount.mounted", "W/bind", device="W/src", fstype="none", opts="bind", persist=False, mkmnt=True),
    Row("mount.mounted", "W/later", device="/dev/sdx4", fstype="ext4", mount=False, **F),
    Row("mount.mounted", "W/later", device="/dev/sdx4", fstype="ext4", opts="noatime", mount=False, pass_num=2, **F),
    Row("mount.mounted", "W/later", device="/dev/sdx4", fstype="ext4", mount=False, persist=False, **F,
        preview=done("W/later does not exist and would neither be created nor mounted"), why="nothing would change"),
    Row("mount.mounted", "W/later", device="/dev/sdx5", fstype="ext4", mount=False, match_on="name", **F),
    Row("mount.mounted", "W/dir/f", device="nodev", fstype="ext4", mount=False, mkmnt=True, **F, but=("created",)),
    Row("mount.mounted", "W/src", device="nodev2", fstype="ext4", mount=False, **F),
    Row("mount.mounted", "W/src", device="nodev2", fstype="ext4", mount=False, persist=False),
    Row("mount.mounted", "W/later", device="/dev/sdx5", fstype="ext4", mount=False, match_on=["nosuch"], **F, why=SURE,
        preview=refused("Unrecognized keys in match_on: nosuch"), applied=refused("Unrecognized keys in match_on: nosuch"),
        again=refused("Unrecognized keys in match_on: nosuch")),
    Row("mount.mounted", "W/later", device="/dev/sdx5", fstype="ext4", mount=False, config="W/nofstab", why=SURE,
        preview=refused('Bad config file "W/nofstab"'), applied=refused('Bad config file "W/nofstab"'),
        again=refused('Bad config file "W/nofstab"')),
    Row("mount.mod_watch", "W/dir", sfun="mounted", device="tmpfs", fstype="tmpfs", opts=["size=3m"],
        phases=["preview", "applied"], preview=pending("W/dir would be remounted"), why="a preview mounts nothing"),
    Row("mount.mod_watch", "W/dir", sfun="unmounted", phases=["preview", "applied"]),
    Row("mount.mod_watch", "W/dir", sfun="swap", phases=["applied"]),
    Row("mount.unmounted", "W/dir", persist=True, **F),
    Row("mount.unmounted", "W/mem", device="/dev/other", why=OWN, preview=refused("W/mem is mounted from tmpfs, not from /dev/other"),
        applied=refused("W/mem is mounted from tmpfs, not from /dev/other"),
        again=refused("W/mem is mounted from tmpfs, not from /dev/other")),
    Row("mount.unmounted", "W/mem", persist=True, **F),
    Row("mount.unmounted", "W/later", persist=True, device="/dev/sdx5", **F),
    Row("mount.unmounted", "W/there", persist=True, device="/dev/sdx9", **F),
    Row("mount.unmounted", "W/there", persist=True, **F),
    Row("mount.unmounted", "W/nothing", persist=True, config="W/nofstab"),
    Row("mount.unmounted", "W/dir/inner/deep", **F),
    Row("mount.unmounted", "W/c", device="other"),
    Row("mount.swap", "W/noswap", config="W/nofstab", why=SURE, preview=refused('Bad config file "W/nofstab"'),
        applied=refused('Bad config file "W/nofstab"'), again=refused('Bad config file "W/nofstab"')),
    Row("mount.swap", "W/noswap", **F),
    Row("mount.swap", "W/noswap", persist=False, **F),
    Row("mount.swap", "W/link", **F),
    Row("mount.swap", "/dev/sdx8", **F),
    Row("mount.swap", "W/swap", persist=False, **F),
    Row("mount.swap", "W/swap", **F),
    Row("mount.fstab_present", "/dev/sdx6", fs_file="W/six", fs_vfstype="ext4", mount=False, **F),
    Row("mount.fstab_present", "/dev/sdx6", fs_file="W/six", fs_vfstype="ext4", fs_mntops=["a", "b"], **F),
    Row("mount.fstab_present", "/dev/sdx6", fs_file="W/six", fs_vfstype="ext4", fs_mntops="c", not_change=True, **F),
    Row("mount.fstab_present", "UUID=abc", fs_file="W/seven/", fs_vfstype="ext4", fs_freq=1, fs_passno=2, mount=False, **F),
    Row("mount.fstab_present", "/dev/sdx6", fs_file="W/six", fs_vfstype="ext4", mount_by="nonsense", **F),
    Row("mount.fstab_present", "tmpfs", fs_file="W/other", fs_vfstype="tmpfs", **F, phases=["applied"],
        applied=done("W/other entry added in W/fstab.\nMounted tmpfs on W/other", persist="new"),
        why="what this entry says is mounted, in whichever file it is"),
    Row("mount.fstab_absent", "/dev/sdx6", fs_file="W/six", **F),
    Row("mount.fstab_absent", "/dev/sdx7", fs_file="W/six", **F, why="nothing would change",
        preview=done("W/six entry is already missing in W/fstab.")),
    Row("mount.fstab_absent", "/dev/sdx7", fs_file="W/there2", **F, why="the entry of another device stays",
        preview=done("W/there2 entry is already missing in W/fstab."), applied=done("W/there2 entry is already missing in W/fstab."),
        again=done("W/there2 entry is already missing in W/fstab.")),
    Row("mount.fstab_absent", "UUID=abc", fs_file="W/seven/", **F),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    answers = {}
    with open_lab() as lab:
        place = lab.root / "place"
        for kind in ("stock", "ours"):
            place.mkdir()
            for name in ("dir", "src", "other"):
                (place / name).mkdir()
            (place / "link").symlink_to("noswap")
            (place / "fstab").write_text(FSTAB.replace("W/", f"{place}/"))
            swaps = place / "swaps"
            swaps.write_text(f"Filename Type Size Used Priority\n{place}/swap file 1024 0 -2\n")
            found = ask(lab, kind, ROWS, grains=GRAINS, places={"W": str(place)}, apart={"/proc/swaps": str(swaps)})
            answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
            answers[f"{kind} fstab"] = (place / "fstab").read_text()
            place.rename(lab.root / f"place-{kind}")
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


def test_the_fstab_says_what_was_asked_for(answers):
    ours, stock = (answers[f"{kind} fstab"] for kind in ("ours", "stock"))
    assert ours.replace("W/other tmpfs", "") == re.sub(r"\tbind,\S+", "\tbind", stock)
