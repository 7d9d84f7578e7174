"""The execution module `kmod`: the real tools where they refuse, and what they print recorded where they would act."""

import os

import pytest

from tests.support.apart import run_apart
from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import kernelmodules

LSMOD = """\
Module                  Size  Used by
nf_tables             303104  2 nft_ct,nft_chain_nat
nft_ct                 24576  0
loop                   32768  0
kvm                  1056768  1 kvm_intel
"""


@pytest.fixture
def plugins(tmp_path):
    need("kmod")
    return Plugins({"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")})


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Programs that print what the real ones do, and keep what is loaded in a file."""
    (tmp_path / "loaded").write_text(LSMOD)
    for name, script in {
        "lsmod": "cat loaded",
        "modprobe": '[ "$2" != no-such ] || { echo "modprobe: FATAL: Module no-such not found in directory /lib/modules/6.1" >&2; exit 1; }\n'
        'echo "$2 4096 0" | tr - _ >> loaded',
        "rmmod": 'grep -v "^$2 " loaded > rest; cat rest > loaded',
    }.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


def test_what_lsmod_prints_is_read():
    assert kernelmodules.parse(LSMOD)[:2] == [
        {"size": "303104", "module": "nf_tables", "depcount": "2", "deps": ["nft_ct", "nft_chain_nat"]},
        {"size": "24576", "module": "nft_ct", "depcount": "0", "deps": []},
    ]
    assert kernelmodules.parse("") == []


def test_what_could_be_loaded(tmp_path):
    (tmp_path / "modules.dep").write_text("kernel/net/nft-ct.ko.xz: kernel/net/nf.ko\nkernel/net/nf.ko:\n")
    (tmp_path / "modules.builtin").write_text("kernel/fs/ext4.ko\n")
    assert kernelmodules.available(str(tmp_path)) == ["ext4", "nf", "nft_ct"]
    assert kernelmodules.available(str(tmp_path / "nosuch")) == []


def test_the_file_of_every_start():
    text = "# modules\nloop\n#kvm-intel\n"
    assert kernelmodules.listed(text) == ["loop"]
    assert kernelmodules.with_module(text, "kvm_intel") == "# modules\nloop\nkvm_intel\n"
    assert kernelmodules.with_module("", "nf") == "nf\n"
    assert kernelmodules.without_module(text, "loop", comment=True) == "# modules\n#loop\n#kvm-intel\n"
    assert kernelmodules.without_module(text, "loop", comment=False) == "# modules\n#kvm-intel\n"


def test_modules_are_loaded_and_removed(salt, recorded):
    assert salt["kmod.mod_list"]() == ["kvm", "loop", "nf_tables", "nft_ct"]
    assert salt["kmod.is_loaded"]("nft-ct") is True
    assert salt["kmod.load"]("dummy-net") == ["dummy_net"]
    assert salt["kmod.load"]("dummy-net") == []
    assert salt["kmod.remove"]("loop") == ["loop"]
    assert salt["kmod.is_loaded"]("loop") is False


PERSIST = """
told = [salt["kmod.load"]("dummy-net", persist=True), "dummy_net" in salt["kmod.mod_list"](True)]
told += [salt["kmod.load"]("dummy-net", persist=True), salt["kmod.remove"]("dummy-net", persist=True)]
told += ["dummy_net" in salt["kmod.mod_list"](True), open("/etc/modules").read().splitlines()[-1]]
told += [salt["kmod.load"]("dummy-net", persist=True), open("/etc/modules").read().splitlines()[-1]]
print(json.dumps(told))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="here systemd loads modules")
def test_modules_of_every_start(recorded, tmp_path):
    need("kmod")
    both = ["dummy_net"]
    assert run_apart(PERSIST, tmp_path, ["/etc"], {}) == [both, True, [], both, False, "#dummy_net", both, "dummy_net"]


def test_what_is_refused_is_told(salt, plugins, recorded):
    assert salt["kmod.load"]("no-such") == (
        "Error loading module no-such: modprobe: FATAL: Module no-such not found in directory /lib/modules/6.1"
    )
    assert plugins.context["retcode"] == 1


def test_the_real_tools_know_no_such_module(salt, plugins):
    answer = salt["kmod.load"]("trisalt_nosuch")
    assert answer.startswith("Error loading module trisalt_nosuch: modprobe: FATAL: Module trisalt_nosuch not found")
    assert plugins.context.pop("retcode") == 1
    assert salt["kmod.remove"]("trisalt_nosuch").startswith("Error removing module trisalt_nosuch: rmmod: ERROR")
    assert plugins.context["retcode"] == 1
    assert salt["kmod.check_available"]("trisalt_nosuch") is False
    assert salt["kmod.is_loaded"]("trisalt_nosuch") is False


@pytest.mark.parametrize("name", ["", "-r", "../x", "a b"])
def test_what_is_no_name_of_a_module(salt, name):
    with pytest.raises(CommandError, match="is no name of a kernel module"):
        salt["kmod.load"](name)
