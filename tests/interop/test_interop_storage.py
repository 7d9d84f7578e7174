"""The shelves `archive`, `disk` and `mount` beside stock's. No row names a place outside of the test's own folder."""

import os
import re
import shutil
import tempfile

import pytest

from tests.interop.beside import SAME, Call, ask, each, refuses, returns
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
REFUSED = "what cannot be done is refused in a sentence"
FSTAB = """# a comment
proc /proc proc defaults 0 0
UUID=x / ext4 errors=remount-ro 0 1
/dev/sdb1 none swap sw 0 0
not an entry
/dev/sdy1 /mnt/short ext4 defaults
"""


def lasting(answer):
    """What is mounted, but for what other tests mount meanwhile."""
    return {place: row for place, row in answer["return"].items() if not place.startswith(tempfile.gettempdir() + "/")}


def names(answer):
    """The names of the mount points alone: how full they are changes from call to call."""
    return sorted(lasting(answer)) if isinstance(answer.get("return"), dict) else answer


def shape(answer):
    rows = lasting(answer).values()
    return sorted({tuple(row) for row in rows}) if all(isinstance(row, dict) for row in rows) else answer


def percents(answer):
    return all(re.fullmatch(r"\d+%|-", value) for value in answer["return"].values())


def fstypes(answer):
    return {name: (row["device"], row["fstype"]) for name, row in lasting(answer).items()}


CALLS = [
    # -- archive: tar
    Call("archive.tar", "czf", "W/x.tgz", sources="a.txt,d", cwd="W/sub"),
    Call("archive.tar", "-cvf", "W/y.tar", sources=["a.txt", "d", "l"], cwd="W/sub"),
    Call("archive.tar", "xvf", "W/y.tar", dest="W/into"),
    Call("archive.tar", "tf", "W/y.tar"),
    Call("archive.tar", "xf", "W/nope.tar"),
    Call("archive.tar", "", "W/y.tar"),
    Call("archive.tar", "cf", ""),
    Call("archive.list", "W/y.tar"),
    Call("archive.list", "W/y.tar", verbose=True),
    Call("archive.list", "W/x.tgz"),
    Call("archive.list", "W/x.tgz", archive_format="tar", strip_components=1, ours=returns(["b"]),
         why="what lies below the stripped parts alone is there"),
    Call("archive.list", "W/nope.tar"),
    Call("archive.list", "W/sub/a.txt"),
    Call("archive.list", "W/y.tar", archive_format="zip"),
    Call("archive.list", "W/y.tar", archive_format="nope"),
    # -- archive: zip
    Call("archive.zip", "W/z.zip", "a.txt,d", cwd="W/sub"),
    Call("archive.zip", "W/z3.zip", "rel"),
    Call("archive.zip", "W/z3.zip", "W/nope", ours=refuses("None of the sources is there"), why=REFUSED),
    Call("archive.list", "W/z.zip"),
    Call("archive.list", "W/z.zip", verbose=True),
    Call("archive.unzip", "W/z.zip", "W/zdst"),
    Call("archive.unzip", "W/z.zip", "W/zdst2", excludes="a.txt"),
    Call("archive.unzip", "W/z.zip", "W/zdst3", trim_output=1),
    Call("archive.unzip", "W/z.zip", "W/zdst4", excludes=["d/*"], trim_output=1, ours=returns(["a.txt"]),
         why="a list that is whole was not trimmed"),
    Call("archive.unzip", "W/y.tar", "W/zdst4"),
    Call("archive.unzip", "W/nope.zip", "W/zdst4"),
    Call("archive.is_encrypted", "W/z.zip"),
    Call("archive.is_encrypted", "W/y.tar"),
    Call("archive.is_encrypted", "W/nope.zip"),
    Call("archive.cmd_zip", "W/cz.zip", "a.txt,d", cwd="W/sub"),
    Call("archive.cmd_unzip", "W/cz.zip", "W/czd"),
    Call("archive.gzip", "W/g"),
    Call("archive.gunzip", "W/g.gz"),
    Call("archive.gzip", "W/nope"),
    # -- disk
    Call("disk.usage", only=names),
    Call("disk.usage", only=shape),
    Call("disk.usage", "-i"),
    Call("disk.inodeusage", only=names),
    Call("disk.inodeusage", only=shape),
    Call("disk.percent", only=names),
    Call("disk.percent", only=percents),
    Call("disk.percent", "/nope"),
    Call("disk.blkid", "W/img"),
    Call("disk.blkid", "W/g"),
    Call("disk.tune", "W/img", nope=1),
    Call("disk.dump", "W/img"),
    Call("disk.resize2fs", "W/img"),
    Call("disk.format", "W/img", fs_type="ext2", force=True),
    Call("disk.wipe", "W/img"),
    Call("disk.blkid", "W/img"),
    Call("disk.wipe", "W/nope"),
    # -- mount
    Call("mount.active", only=names),
    Call("mount.active", only=fstypes),
    Call("mount.active", extended=True, only=names),
    Call("mount.active", extended=True, only=lambda answer: sorted({key for row in lasting(answer).values() for key in row})),
    Call("mount.is_mounted", "/"),
    Call("mount.is_mounted", "W/nope"),
    Call("mount.get_mount_from_path", "W/sub"),
    Call("mount.get_device_from_path", "W/sub"),
    Call("mount.is_fuse_exec", "nosuchprogram"),
    Call("mount.swaps"),
    Call("mount.fstab", "W/fstab"),
    Call("mount.fstab", "W/nofstab"),
    Call("mount.set_fstab", "/mnt/x", "/dev/sdc1", "ext4", config="W/fstab"),
    Call("mount.set_fstab", "/mnt/x", "/dev/sdc1", "ext4", config="W/fstab"),
    Call("mount.set_fstab", "/mnt/x", "/dev/sdc1", "xfs", "noatime", 1, 2, config="W/fstab"),
    Call("mount.set_fstab", "/mnt/y", "/dev/sdd1", "xfs", config="W/fstab", test=True),
    Call("mount.set_fstab", "/mnt/y", "/dev/sdc1", "xfs", config="W/fstab", match_on="device"),
    Call("mount.set_fstab", "/mnt/y", "/dev/sdc1", "xfs", config="W/fstab", match_on=["name"]),
    Call("mount.set_fstab", "/mnt/y", "/dev/sdc1", "xfs", config="W/fstab", match_on="nope",
         ours=refuses("Unrecognized keys in match_on: nope"), why="the keys are named"),
    Call("mount.set_fstab", "/mnt/z", "/dev/sdz", "xfs", config="W/fstab", not_change=True),
    Call("mount.set_fstab", "/mnt/z", "/dev/sdz", "ext3", config="W/fstab", not_change=True),
    *(Call("mount.set_fstab", f"/mnt/{n}", "shared", "nfs", ["ro", "soft"], config="W/fstab") for n in (1, 2)),
    Call("mount.set_fstab", "/mnt/x", "/dev/sdc1", "ext4", config="W/nofstab"),
    Call("cmd.run", "cat W/fstab", python_shell=True),
    Call("mount.rm_fstab", "/mnt/y", "/dev/sdc1", config="W/fstab"),
    Call("mount.rm_fstab", "/mnt/nope", "/dev/sdc1", config="W/fstab"),
    Call("mount.rm_fstab", "/", "nope", config="W/fstab"),
    Call("mount.rm_fstab", "/mnt/x", "/d", config="W/nofstab"),
    Call("file.read", "W/fstab"),
    Call("mount.read_mount_cache", "/x"),
    Call("mount.write_mount_cache", "/x", "dev", True, "ext4", "defaults"),
    Call("mount.read_mount_cache", "/x"),
    Call("mount.delete_mount_cache", "/x"),
    Call("mount.delete_mount_cache", "/y"),
    Call("mount.umount", "W/nope"),
    Call("mount.swapoff", "W/nope"),
    Call("mount.mount", "W/nope", "tmpfs", fstype="tmpfs"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    need("zip", "unzip")
    answers = {}
    with open_lab() as lab:
        place = lab.root / "w"
        for kind in ("stock", "ours"):
            shutil.rmtree(place, ignore_errors=True)
            (place / "sub/d").mkdir(parents=True)
            (place / "into").mkdir()
            (place / "sub/a.txt").write_text("hello\n")
            (place / "sub/a.txt").chmod(0o755)
            (place / "sub/d/b").write_text("x\n")
            (place / "sub/l").symlink_to("a.txt")
            (place / "g").write_text("gz\n")
            (place / "fstab").write_text(FSTAB)
            with (place / "img").open("wb") as file:
                file.truncate(8 << 20)
            os.system(f"mkfs.ext4 -q -L data -U 6a38ee50-7235-44e7-8b22-816a403bad5d {place}/img")
            answers[kind] = ask(lab, kind, CALLS, grains=GRAINS, places={"W": str(place)})
    return answers


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    ours, wanted = answers["ours"][number], answers["stock"][number] if call.ours is SAME else call.ours
    if call.only is not None:
        ours, wanted = call.only(ours), call.only(wanted)
    assert ours == wanted
