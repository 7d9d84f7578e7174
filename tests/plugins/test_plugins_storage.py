"""The execution modules `archive`, `disk` and `mount`: what is done for real, and what is refused.

What stock has an answer for is compared call by call in `tests/interop/test_interop_storage.py`.
"""

import os
import stat
import subprocess
import zipfile

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import fstab, iostats


@pytest.fixture
def salt(tmp_path):
    plugins = Plugins({"id": "m1", "cachedir": str(tmp_path / "cache"), "file_client": "local"})
    salt = plugins.loader("modules")
    salt.context = plugins.context
    return salt


# -- archive -----------------------------------------------------------------------------------------------------


def hostile_zip(path, name, *, link=None):
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo(name)
        if link is not None:
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, link or "evil")


def test_a_path_that_leads_out_stays_below_the_directory(salt, tmp_path):
    hostile_zip(tmp_path / "z.zip", "../../out")
    into = tmp_path / "a/b"
    salt["archive.unzip"](str(tmp_path / "z.zip"), str(into))
    assert (into / "out").read_text() == "evil"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "link"), [("l", "/etc/passwd"), ("l", "../../x"), ("../l", "x"), ("d/l", "../../x")])
def test_a_link_that_leads_out_is_not_made(salt, tmp_path, name, link):
    hostile_zip(tmp_path / "z.zip", name, link=link)
    with pytest.raises(CommandError, match="leads out of"):
        salt["archive.unzip"](str(tmp_path / "z.zip"), str(tmp_path / "into"))
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("way", ["a/../../out", "{dest}/a/../../out"])
def test_a_link_stays_below_whatever_links_are_made_after_it(salt, tmp_path, way):
    """What it goes through may be another link later: up it goes by folders alone."""
    into = tmp_path / "into"
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("d/e/f", "deep")
        for name, link in (("a", "d/e"), ("b", way.format(dest=into)), ("a", ".")):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, link)
        archive.writestr("b/evil", "evil")

    with pytest.raises(CommandError, match="leads out of"):
        salt["archive.unzip"](str(tmp_path / "z.zip"), str(into))

    assert not (into / "b").is_symlink()
    assert not list(tmp_path.rglob("evil"))


def test_links_up_and_down_again_come_back(salt, tmp_path):
    hostile_zip(tmp_path / "z.zip", "d/e/l", link="./../../f/g")
    salt["archive.unzip"](str(tmp_path / "z.zip"), str(tmp_path / "into"))
    assert os.readlink(tmp_path / "into/d/e/l") == "./../../f/g"


def test_links_and_modes_come_back(salt, tmp_path):
    hostile_zip(tmp_path / "z.zip", "d/l", link="f")
    salt["archive.unzip"](str(tmp_path / "z.zip"), str(tmp_path / "into"))
    assert os.readlink(tmp_path / "into/d/l") == "f"
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        info = zipfile.ZipInfo("run")
        info.external_attr = (stat.S_IFREG | 0o4755) << 16
        archive.writestr(info, "#!/bin/sh")
    for perms, mode in ((True, 0o755), (False, 0o644)):
        salt["archive.unzip"](str(tmp_path / "m.zip"), str(tmp_path / "m"), extract_perms=perms)
        assert stat.S_IMODE((tmp_path / "m/run").stat().st_mode) == mode
        (tmp_path / "m/run").unlink()


def test_an_archive_that_cannot_be_made_leaves_the_old_one(salt, tmp_path):
    path = tmp_path / "z.zip"
    path.write_text("old")
    with pytest.raises(CommandError, match="None of the sources"):
        salt["archive.zip"](str(path), str(tmp_path / "nope"))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["z.zip"]


def test_what_is_packed_in_somebodys_name_is_theirs(salt, open_folder):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    into = open_folder / "into"
    into.mkdir()
    into.chmod(0o777)
    (open_folder / "f").write_text("x")
    (open_folder / "secret").write_text("x")
    (open_folder / "secret").chmod(0o600)
    salt["archive.zip"](str(into / "z.zip"), "f", cwd=str(open_folder), runas="nobody")
    assert (into / "z.zip").owner() == "nobody"
    with pytest.raises(CommandError, match="Permission denied"):
        salt["archive.zip"](str(into / "y.zip"), "secret", cwd=str(open_folder), runas="nobody")
    with pytest.raises(CommandError, match="is not available"):
        salt["archive.zip"](str(into / "y.zip"), "f", cwd=str(open_folder), runas="nosuchuser")
    assert os.geteuid() == 0


def test_passwords_unlock_and_are_not_told(salt, tmp_path, caplog):
    need("zip", "unzip")
    (tmp_path / "f").write_text("x")
    subprocess.run(["zip", "-q", "-P", "s3cret", "z.zip", "f"], cwd=tmp_path, check=True)
    archive = str(tmp_path / "z.zip")
    assert salt["archive.is_encrypted"](archive) is True
    with pytest.raises(CommandError, match="unpacking zipfile"):
        salt["archive.unzip"](archive, str(tmp_path / "a"))
    assert salt["archive.unzip"](archive, str(tmp_path / "a"), password="s3cret") == ["f"]
    with caplog.at_level(1):
        salt["archive.cmd_unzip"](archive, str(tmp_path / "b"), password="s3cret")
    assert (tmp_path / "b/f").read_text() == "x"
    assert "s3cret" not in caplog.text


# -- fstab and mount ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["name", "device", "opts"])
def test_blanks_are_written_so_that_one_entry_is_read(field):
    words = {"name": "/mnt/x", "device": "/dev/sda1", "fstype": "ext4", "opts": "ro", "dump": 0, "pass_num": 0}
    words[field] = "a b\tc\\d"
    entry = fstab.entry(**words)
    line = fstab.written(entry)
    assert len(line.split()) == 6
    assert fstab.read(line)[field] == "a b\tc\\d"
    assert fstab.put([line], entry, ["name"], keep=False) == ("present", [line])


def test_a_line_without_an_end_is_no_part_of_the_next():
    entry = fstab.entry("/mnt/x", "/dev/sda1", "ext4", "defaults", 0, 0)
    what, lines = fstab.put(["# last"], entry, ["device"], keep=False)
    assert (what, lines[0]) == ("new", "# last\n")


@pytest.mark.parametrize("odd", ["", "a\nb", "a\0b"])
def test_what_no_line_can_say_is_refused(salt, tmp_path, odd):
    path = tmp_path / "fstab"
    path.write_text("# mine\n")
    with pytest.raises(CommandError, match="more than one line"):
        salt["mount.set_fstab"](odd, "/dev/sda1", "ext4", config=str(path))
    assert path.read_text() == "# mine\n"


def test_a_file_system_is_mounted_remounted_and_unmounted(salt, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = str(tmp_path / "place")
    assert salt["mount.mount"](place, "tmpfs", mkmnt=True, fstype="tmpfs", opts="size=1m,mode=0700") is True
    try:
        assert salt["mount.is_mounted"](place) is True
        assert salt["mount.active"]()[place]["device"] == "tmpfs"
        assert {"size=1024k", "mode=700"} <= set(salt["mount.active"]()[place]["opts"])
        assert salt["disk.usage"]()[place]["1K-blocks"] == "1024"
        assert salt["disk.get_fstype_from_path"](place) == "tmpfs"
        opts = ["size=2m", "noexec"]
        assert salt["mount.remount"](place, "tmpfs", fstype="tmpfs", opts=opts) is True
        assert opts == ["size=2m", "noexec"]
        assert {"size=2048k", "noexec"} <= set(salt["mount.active"]()[place]["opts"])
    finally:
        assert salt["mount.umount"](place) is True
    assert salt["mount.is_mounted"](place) is False
    assert "does not exist" in salt["mount.mount"](str(tmp_path / "nope"), "tmpfs", fstype="tmpfs")
    assert salt.context["retcode"] == 32


def test_a_cache_that_cannot_be_read_is_begun_anew(salt, tmp_path, caplog):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/mounts").write_text("mounts: [")
    assert salt["mount.read_mount_cache"]("/x") == {}
    assert "cannot be read" in caplog.text
    assert salt["mount.write_mount_cache"]("/x", "dev", False, "ext4", ["ro"]) is True
    assert salt["mount.read_mount_cache"]("/x")["opts"] == ["ro"]


# -- disk --------------------------------------------------------------------------------------------------------


def test_a_device_is_described_and_tuned(salt, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("loop devices need root")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(8 << 20)
    done = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=True)
    device = done.stdout.strip()
    try:
        assert salt["disk.format"](device, fs_type="ext4") is True
        assert salt["disk.fstype"](device) == "ext4"
        assert salt["disk.blkid"](device)[device]["TYPE"] == "ext4"
        assert salt["disk.dump"](device)["getsize64"] == str(8 << 20)
        assert salt["disk.dump"](device, ["getro", "nope"]) == {"getro": "0"}
        assert salt["disk.tune"](device, **{"read-ahead": 1024}) == {"getra": "1024"}
        assert salt["disk.tune"](device, **{"read-only": True}) == {"getro": "1"}
        salt["disk.tune"](device, **{"read-write": True})
        assert salt["disk.wipe"](device) is True
        assert salt["disk.fstype"](device) == ""
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@pytest.mark.parametrize(
    ("fun", "args", "kwargs", "said"),
    [
        ("disk.format", ["IMAGE"], {"fs_type": "ext4 -F /dev/x"}, "is no name of a file system"),
        ("disk.format", ["IMAGE"], {"fs_type": "vfat", "inode_size": 128}, "has no inodes"),
        ("disk.tune", ["IMAGE"], {"read-only": False}, "has no value but True"),
        ("disk.usage", ["h --output"], {}, "Invalid flag"),
    ],
)
def test_words_that_a_program_could_misread_are_refused(salt, tmp_path, fun, args, kwargs, said):
    image = tmp_path / "image"
    image.write_bytes(bytes(1024))
    with pytest.raises(CommandError, match=said):
        salt[fun](*[str(image) if arg == "IMAGE" else arg for arg in args], **kwargs)
    assert image.read_bytes() == bytes(1024)


RECORDED = """\
Linux 6.1.0 (host) \t11/27/26 \t_x86_64_\t(2 CPU)

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          41.81    0.00   14.55    0.60    0.03   43.01

Device            r/s     rkB/s  %util
vda            133.50   2224.32   2.68


avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          80.00    0.00   18.41    0.00    0.50    0.00

Device            r/s     rkB/s  %util
vda              2.00     60.00   1.00


avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          60.00    0.00   18.41    0.00    0.50    0.00

Device            r/s     rkB/s  %util
vda              4.00     30.00   0.00

"""


def test_means_of_recorded_reports_leave_out_the_one_since_the_start():
    found = iostats.means(RECORDED)
    assert found["vda"] == {"r/s": 3.0, "rkB/s": 45.0, "%util": 0.5}
    assert found["sys"]["%user"] == 70.0
    assert iostats.means(RECORDED.split("\n\n\n")[0])["vda"]["r/s"] == 133.5
    assert iostats.means("") == {}


def test_input_and_output_of_this_host(salt):
    need("sysstat")
    assert set(salt["disk.iostat"](1, 2)["sys"]) >= {"%user", "%idle"}
