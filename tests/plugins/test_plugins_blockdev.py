"""The states of `blockdev`, on loop devices of files of their own."""

import os
import subprocess

import pytest

from tests.support.debian import need
from trisalt.loader.dunders import Plugins

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root makes loop devices")


@pytest.fixture
def plugins(tmp_path):
    need("e2fsprogs")
    return Plugins({"id": "m1", "test": False, "cachedir": str(tmp_path / "cache")})


@pytest.fixture
def states(plugins):
    plugins.loader("modules")
    return plugins.loader("states")


@pytest.fixture
def device(tmp_path):
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("no loop devices here")
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(2 << 20)
    done = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=True)
    yield done.stdout.strip()
    subprocess.run(["losetup", "--detach", done.stdout.strip()], check=True)


def test_a_device_is_formatted_once_and_a_preview_leaves_it(plugins, states, device):
    formatted, changes = states["blockdev.formatted"], {"new": "ext2", "old": ""}
    plugins.opts["test"] = True
    assert formatted(device, "ext2") == {
        "name": device, "result": None, "comment": f"Changes to {device} will be applied ", "changes": changes,
    }  # fmt: skip
    with open(device, "rb") as file:
        assert not any(file.read())
    plugins.opts["test"] = False
    assert formatted(device, "ext2", inode_size=128) == {
        "name": device, "result": True, "comment": f"{device} has been formatted with ext2", "changes": changes,
    }  # fmt: skip
    again = formatted(device, "ext2")
    assert (again["result"], again["comment"]) == (True, f"{device} already formatted with ext2")
    assert again["changes"] == {}


def test_what_had_the_name_of_a_device_before_is_not_taken_for_what_is_on_it(states, device, tmp_path):
    assert states["blockdev.formatted"](device, "ext2")["result"] is True
    subprocess.run(["blkid", device], capture_output=True, check=True)
    # Behind the back of the device, as when another file comes to be behind it.
    (tmp_path / "image").write_bytes(bytes(2 << 20))
    subprocess.run(["blockdev", "--flushbufs", device], check=True)
    assert states["blockdev.formatted"](device, "ext2")["changes"] == {"new": "ext2", "old": ""}


@pytest.mark.parametrize(
    ("fs_type", "given", "said"),
    [
        ("trisalt-nosuch", {}, "Invalid fs_type: trisalt-nosuch"),
        ("ext2", {"label": "x"}, "disk.format takes no label"),
        ("ext2", {"inode_size": 3}, "Failed to format"),
    ],
)
def test_what_cannot_be_formatted_is_said(states, device, fs_type, given, said):
    ret = states["blockdev.formatted"](device, fs_type, **given)
    assert (ret["result"], ret["changes"]) == (False, {})
    assert ret["comment"].startswith(said)


def test_options_of_a_device_are_set_once_and_a_preview_says_which(plugins, states, device):
    tuned = states["blockdev.tuned"]
    assert tuned(device, **{"read-ahead": 512})["result"] is True
    wanted = {"read-ahead": 1024, "read-only": True}
    changes = {"read-ahead": "Changed from 512 to 1024", "read-only": "Changed from False to True"}
    told = []
    for test in (True, False, True):
        plugins.opts["test"] = test
        ret = tuned(device, **wanted)
        told.append((ret["result"], ret["comment"], ret["changes"]))
    assert told == [
        (None, f"Changes to {device} will be applied ", changes),
        (True, f"Block device {device} successfully modified ", changes),
        (True, f"Block device {device} already in correct state", {}),
    ]
    plugins.opts["test"] = False
    assert tuned(device, **{"read-write": True})["changes"] == {"read-write": "Changed from False to True"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"nosuch": 1}, "Invalid keyword arguments: nosuch=1"),
        ({"read-only": "yes"}, "The options read-only and read-write have no value but True"),
        ({"read-only": True, "read-write": True}, "A device is either read-only or read-write"),
        ({"read-ahead": "x"}, "Failed to modify block device"),
    ],
)
def test_options_that_are_none_are_said(states, device, given, said):
    ret = states["blockdev.tuned"](device, **given)
    assert (ret["result"], ret["changes"]) == (False, {})
    assert ret["comment"].startswith(said)


def test_what_is_no_device_is_left(states, tmp_path):
    (tmp_path / "file").write_text("mine")
    path = str(tmp_path / "file")
    comment = f"Changes to {path} cannot be applied. Not a block device."
    assert states["blockdev.tuned"](path, **{"read-ahead": 1})["comment"] == comment
    nope = str(tmp_path / "nope")
    assert states["blockdev.formatted"](nope)["comment"] == f"{nope} does not exist"
    assert (tmp_path / "file").read_text() == "mine"
