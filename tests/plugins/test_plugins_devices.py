"""The execution modules and states `sysfs`, `udev` and `keyboard`: what the kernel and recorded tools say.

What stock has an answer for is compared call by call in `tests/interop/test_interop_host.py`.
"""

import json
import os
import subprocess
import sys

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

DISK = """\
P: /devices/pci0000:00/block/sda
N: sda
L: 5
S: disk/by-id/ata-X
S: disk/by-path/pci-0
E: DEVNAME=/dev/sda
E: ID_X=
E: ID_Y=a=b
E: SUBSYSTEM=block
E: MAJOR=8
"""
DISK_READ = {
    "P": "/devices/pci0000:00/block/sda",
    "N": "sda",
    "L": "5",
    "S": ["disk/by-id/ata-X", "disk/by-path/pci-0"],
    "E": {"DEVNAME": "/dev/sda", "ID_X": "", "ID_Y": "a=b", "SUBSYSTEM": "block", "MAJOR": 8},
}
CHOICE = "kernel/mm/transparent_hugepage/enabled"
LOCALECTL = """\
[ "$1" = status ] || echo "$@" >> said
[ "$2" != xx ] || { echo "Failed to set keymap: Keymap xx is not installed." >&2; exit 1; }
[ "$1" != set-keymap ] || echo "$2" > map
printf '   System Locale: LANG=C.UTF-8\\n       VC Keymap: %s\\n      X11 Layout: us\\n       X11 Model: pc105\\n' "$(cat map)"
"""
# What is written goes to a loopback of a network of its own.
OWN = """
import json, sys
from trisalt.loader.dunders import Plugins
plugins = Plugins(json.loads(sys.argv[1]))
salt, states = plugins.loader("modules"), plugins.loader("states")
told = []
for test, value in ((True, 1400), (False, 1400), (True, "1400"), (False, "abc")):
    plugins.opts["test"] = test
    ret = states["sysfs.present"]("class/net/lo/mtu", value)
    told.append([ret["result"], ret["comment"], ret["changes"], salt["sysfs.read"]("class/net/lo/mtu")])
told.append([salt["sysfs.write"]("class/net/lo/mtu", 1500), salt["sysfs.attr"]("class/net/lo/mtu", 1600), salt["sysfs.attr"]("class/net/lo/mtu")])
print(json.dumps(told))
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Programs that print what the real ones do."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "map").write_text("us\n")
    (tmp_path / "disk").write_text(DISK)

    def tell(**scripts):
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
            (folder / name).chmod(0o755)

    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tell


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes networks")
def test_an_attribute_is_set_and_what_the_kernel_refuses_is_said(tmp_path):
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "extension_modules": str(tmp_path / "extmods")}
    words = ["unshare", "--net", "--mount", "sh", "-c", 'mount -t sysfs trisalt /sys && exec "$@"', "sh"]
    done = subprocess.run(
        [*words, sys.executable, "-c", OWN, json.dumps(opts)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    name = "class/net/lo/mtu"
    assert json.loads(done.stdout) == [
        [None, f"SysFS attribute {name} set to be changed.", {name: 1400}, 65536],
        [True, f"Updated SysFS attribute {name} to 1400", {name: 1400}, 1400],
        [True, f"SysFS attribute {name} is already set.", {}, 1400],
        [False, f"Failed to set {name} to abc", {}, 1400],
        [True, True, 1600],
    ]


@pytest.mark.parametrize(
    "key", ["../etc/hostname", "/sys/../etc/hostname", "/etc/hostname", "class/../../etc/hostname"]
)
def test_a_key_that_leads_out_of_sys_is_none(salt, key):
    assert salt["sysfs.target"](key) is False
    assert salt["sysfs.write"](key, "x") is False
    assert salt["sysfs.read"](key) is False


@pytest.mark.skipif(not os.path.exists(f"/sys/{CHOICE}"), reason="this kernel has no huge pages")
def test_of_several_words_the_one_in_brackets_is_set(tmp_path):
    plugins = Plugins({"id": "m1", "test": True, "cachedir": str(tmp_path)})
    words = plugins.loader("modules")["sysfs.read"](CHOICE).split()
    present = plugins.loader("states")["sysfs.present"]
    for word in words:
        assert present(CHOICE, word.strip("[]"))["result"] is (True if word.startswith("[") else None)


def test_what_udevadm_prints_is_read(salt, told):
    told(udevadm='cat disk; echo; [ "$2" != --export-db ] || sed s/block$/net/ disk')
    assert salt["udev.info"]("/dev/sda") == DISK_READ
    assert salt["udev.links"]("/dev/sda") == ["disk/by-id/ata-X", "disk/by-path/pci-0"]
    assert len(salt["udev.exportdb"]()) == 2
    assert salt["udev.exportdb"](["block"]) == [DISK_READ]
    with pytest.raises(CommandError, match="subsystems must be a list"):
        salt["udev.exportdb"]("block")


def test_a_layout_is_set_once_and_what_localectl_refuses_is_said(told, tmp_path):
    told(localectl=LOCALECTL)
    plugins = Plugins({"id": "m1", "test": True, "cachedir": str(tmp_path / "cache")})
    plugins.loader("modules")
    system = plugins.loader("states")["keyboard.system"]
    answers = [(system(name)["result"], system(name)["changes"]) for name in ("us", "de")]
    assert answers == [(True, {}), (None, {"layout": "de"})]
    assert not (tmp_path / "said").exists()
    plugins.opts["test"] = False
    assert system("de") == {
        "name": "de", "result": True, "comment": "Set system keyboard layout de", "changes": {"layout": "de"},
    }  # fmt: skip
    assert system("de")["comment"] == "System layout de already set"
    assert "Keymap xx is not installed" in system("xx")["comment"]
    assert system("--help")["comment"].endswith("'--help' is no name of a keyboard layout")
    assert (tmp_path / "said").read_text() == "set-keymap de\nset-keymap xx\n"


def test_the_layout_of_x_is_asked_of_x_where_it_can_be(salt, told):
    told(localectl=LOCALECTL)
    if not any(os.access(os.path.join(folder, "setxkbmap"), os.X_OK) for folder in os.environ["PATH"].split(":")):
        assert salt["keyboard.get_x"]() == "us"
    told(setxkbmap="printf 'rules:      evdev\\nlayout:     fr\\n'")
    assert salt["keyboard.get_x"]() == "fr"
    assert salt["keyboard.set_x"]("fr") == "fr"
