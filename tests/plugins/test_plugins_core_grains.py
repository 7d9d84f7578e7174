"""The grains shelf: of this machine, and what its helpers make of recorded files of others."""

import ipaddress
import json
import os

import pytest
import zmq

from tests.support.osreleases import OS_RELEASES, parsed
from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather
from trisalt.plugins.utils import probe


@pytest.fixture
def shelf(tmp_path):
    """The functions of the shelf, and the private helpers of their files: `shelf("hardware", "_gpu_list")`."""
    loader = Plugins({"id": "m1", "extension_modules": str(tmp_path)}).loader("grains")
    first = {"hardware": "processors", "interfaces": "dns", "process": "identity", "system": "kernel"}

    def helper(file, name):
        return loader[f"{file}.{first[file]}"].__globals__[name]

    helper.loader = loader
    return helper


@pytest.fixture
def files(monkeypatch):
    """Recorded files by path, for what the shelf reads as text."""
    files = {}
    monkeypatch.setattr(probe, "read", lambda path: files.get(path, ""))
    return files


# -- this machine ----------------------------------------------------------------------------------------------


def test_every_grain_of_this_machine_is_there_and_can_travel(tmp_path):
    grains = gather({"id": "m1", "master": ["salt"], "extension_modules": str(tmp_path)})
    names = (
        "cpu_flags cpu_model cpuarch cwd disks dns domain efi efi-secure-boot fqdn fqdn_ip4 fqdn_ip6 fqdns gid gpus "
        "groupname host hwaddr_interfaces id init ip4_gw ip4_interfaces ip6_gw ip6_interfaces ip_gw ip_interfaces ipv4 "
        "ipv6 kernel kernelparams kernelrelease kernelversion locale_info localhost master mem_total nodename num_cpus "
        "num_gpus os os_family osarch oscodename osfullname osrelease path pid ps pythonexecutable pythonpath "
        "pythonversion saltpath saltversion saltversioninfo server_id shell ssds swap_total systempath transactional "
        "trisaltversion uid username virtual zmqversion"
    )
    assert set(names.split()) <= set(grains)
    assert json.loads(json.dumps(grains)) == grains
    assert grains["master"] == "salt"
    assert grains["kernel"] == os.uname().sysname
    assert grains["uid"] == os.getuid()
    assert grains["num_cpus"] > 0
    assert grains["mem_total"] > 0


def test_the_pid_is_the_daemons_where_it_says_so(tmp_path):
    opts = {"id": "m1", "extension_modules": str(tmp_path)}
    assert gather(opts)["pid"] == os.getpid()
    assert gather({**opts, "__pid__": 4711})["pid"] == 4711


@pytest.mark.parametrize(("id", "number"), [("loc1", 660919389), ("", None), ("ä", None)])
def test_the_number_of_a_server_follows_from_its_id(id, number, tmp_path):
    found = gather({"id": id, "extension_modules": str(tmp_path)})["server_id"]
    assert found == number if number is not None else 0 <= found < 2**31


@pytest.mark.parametrize(("master", "expected"), [("a", "a"), (["a"], "a"), (["a", "b"], ["a", "b"]), ([], [])])
def test_one_master_is_no_list(tmp_path, master, expected):
    assert gather({"id": "m1", "master": master, "extension_modules": str(tmp_path)})["master"] == expected


# -- processors, memory ----------------------------------------------------------------------------------------

INTEL = """\
processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model name	: Intel(R) Xeon(R) CPU E5-2676 v3 @ 2.40GHz
flags		: fpu vme de
bugs		: spectre_v1

processor	: 1
vendor_id	: GenuineIntel
model name	: Intel(R) Xeon(R) CPU E5-2676 v3 @ 2.40GHz
flags		: fpu vme de
"""
ARM64 = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n\nprocessor\t: 1\nFeatures\t: fp asimd\n"
ARMV6 = "Processor\t: ARMv6-compatible processor rev 7 (v6l)\nBogoMIPS\t: 697.95\nFeatures\t: swp half\nHardware\t: BCM2708\n"
POWER = "processor\t: 0\ncpu\t\t: POWER8E (raw), altivec supported\nclock\t\t: 3026.0MHz\n"
S390 = "vendor_id       : IBM/S390\n# processors    : 4\nfeatures\t: esan3 zarch\n"


@pytest.mark.parametrize(
    ("text", "count", "model", "flags"),
    [
        (INTEL, 2, "Intel(R) Xeon(R) CPU E5-2676 v3 @ 2.40GHz", ["fpu", "vme", "de"]),
        (ARM64, 2, "Unknown", ["fp", "asimd"]),
        (ARMV6, 1, "ARMv6", ["swp", "half"]),
        (POWER, 1, "POWER8E (raw), altivec supported", []),
        (S390, 4, "IBM/S390", []),
        ("", 0, "Unknown", []),
    ],
    ids=["intel", "arm64", "armv6", "power", "s390", "nothing"],
)
def test_processors(shelf, text, count, model, flags):
    assert shelf("hardware", "_cpu_grains")(text) == {"num_cpus": count, "cpu_model": model, "cpu_flags": flags}


def test_memory(shelf, files):
    files["/proc/meminfo"] = (
        "MemTotal:       24684096 kB\nMemFree: 1 kB\nSwapTotal:       2097151 kB\nHugePages_Total: 0\n"
    )
    assert shelf.loader["hardware.memory"]() == {"mem_total": 24105, "swap_total": 2047}
    files.clear()
    assert shelf.loader["hardware.memory"]() == {"mem_total": 0, "swap_total": 0}


# -- graphics, firmware, virtual machines ----------------------------------------------------------------------

LSPCI = """\
Slot:	00:00.0
Class:	Host bridge
Vendor:	Intel Corporation
Device:	82G33 Host Bridge

Slot:	00:02.0
Class:	VGA compatible controller
Vendor:	Cirrus Logic
Device:	GD 5446

Slot:	01:00.0
Class:	3D controller
Vendor:	NVIDIA Corporation
Device:	GK210GL [Tesla K80]

Slot:	02:00.0
Class:	Display controller
Vendor:	Advanced Micro Devices, Inc. [AMD/ATI]
Device:	Wani

Slot:	03:00.0
Class:	VGA compatible controller
Vendor:	Matroxide Corporation
Device:	One"""


def test_graphics(shelf):
    listed = shelf("hardware", "_gpu_list")
    assert listed(LSPCI) == [
        {"vendor": "unknown", "model": "GD 5446"},
        {"vendor": "nvidia", "model": "GK210GL [Tesla K80]"},
        {"vendor": "amd", "model": "Wani"},
        {"vendor": "unknown", "model": "One"},
    ]
    assert listed("") == []
    assert listed("pcilib: Cannot open /proc/bus/pci\nlspci: Cannot find any working access method.\n") == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("serialnumber", "ABC1234", "ABC1234"),
        ("serialnumber", "To Be Filled By O.E.M.", None),
        ("serialnumber", "0000000", None),
        ("serialnumber", "0123456789", None),
        ("serialnumber", "Not Specified", None),
        ("serialnumber", "None", None),
        ("manufacturer", "QEMU", "QEMU"),
        ("manufacturer", "System manufacturer", None),
        ("productname", "PowerEdge R640", "PowerEdge R640"),
        ("productname", "Unknown", None),
        ("productname", "", None),
        ("uuid", "4c4c4544-0042-4d10-8056-b1c04f4d3732", "4c4c4544-0042-4d10-8056-b1c04f4d3732"),
        ("uuid", "not a uuid", None),
        ("biosversion", "2.4.8", "2.4.8"),
    ],
)
def test_what_vendors_left_open_is_left_out(shelf, name, value, expected):
    assert shelf("hardware", "_real_value")(name, value) == expected


@pytest.mark.parametrize(
    ("groups", "environment", "expected"),
    [
        ("1:name=systemd:/lxc/web\n", "", ("container", "LXC")),
        ("1:name=systemd:/docker/0123\n", "", ("container", "Docker")),
        ("1:name=systemd:/system.slice/docker-0123.scope\n", "", ("container", "Docker")),
        ("1:name=systemd:/kubepods/besteffort/pod1\n", "", ("kvm", "kubernetes")),
        ("1:name=systemd:/libpod_parent/libpod-1\n", "", ("kvm", "libpod")),
        ("0::/\n", "container=lxc\0TERM=linux\0", ("container", "LXC")),
        ("0::/init.scope\n", "", ("kvm", None)),
    ],
)
def test_containers(shelf, files, groups, environment, expected):
    files |= {"/proc/1/cgroup": groups, "/proc/1/environ": environment}
    assert shelf("hardware", "_container")("kvm", None) == expected


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("kvm", ("kvm", None)), ("xen", ("xen", None)), ("vmware", ("VMware", None)), ("docker", ("container", "Docker")),
        ("lxc", ("container", "LXC")), ("amazon", ("Nitro", "Amazon EC2")), ("none", ("physical", None)),
    ],
)  # fmt: skip
def test_what_detects_virtual_machines(shelf, tmp_path, monkeypatch, printed, expected):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "systemd-detect-virt").write_text(f"#!/bin/sh\necho {printed}\n")
    (tmp_path / "systemd-detect-virt").chmod(0o755)
    assert shelf("hardware", "_detected")() == expected


def test_a_machine_where_nothing_detects_anything_is_physical(shelf, files, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = shelf.loader["hardware.virtual"]()
    assert found["virtual"] == "physical"
    files["/sys/devices/virtual/dmi/id/product_name"] = "VirtualBox\n"
    assert shelf.loader["hardware.virtual"]()["virtual"] == "VirtualBox"
    files["/sys/devices/virtual/dmi/id/product_name"] = "Google Compute Engine\n"
    assert shelf.loader["hardware.virtual"]()["virtual"] == "gce"
    files["/sys/devices/virtual/dmi/id/product_name"] = ""
    files["/proc/cpuinfo"] = "model name : QEMU Virtual CPU version 2.5+\n"
    assert shelf.loader["hardware.virtual"]()["virtual"] == "kvm"


# -- the kernel's command line, init ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        (
            "BOOT_IMAGE=/vmlinuz-6.1 root=/dev/sda1 ro quiet",
            [["BOOT_IMAGE", "/vmlinuz-6.1"], ["root", "/dev/sda1"], ["ro", None], ["quiet", None]],
        ),
        ("root=UUID=1-2 console=tty0 console=ttyS0", [["root", None], ["console", "tty0"], ["console", "ttyS0"]]),
        ('dyndbg="file a.c +p" x=', [["dyndbg", "file a.c +p"], ["x", ""]]),
        ("a='open b=1", [["a", "'open"], ["b", "1"]]),
    ],
)
def test_the_kernels_command_line(shelf, line, expected):
    assert shelf("system", "_kernel_parameters")(line) == expected


# -- distributions ---------------------------------------------------------------------------------------------

EXPECTED = {
    "debian-12": ("Debian", "Debian", "Debian GNU/Linux", "12", "bookworm", "Debian-12"),
    "debian-sid": ("Debian", "Debian", "Debian GNU/Linux", "", "trixie", None),
    "ubuntu-24.04": ("Ubuntu", "Debian", "Ubuntu", "24.04", "noble", "Ubuntu-24.04"),
    "linuxmint-21": ("Mint", "Debian", "Linux Mint", "21.3", "virginia", "Linux Mint-21"),
    "pop-22.04": ("Pop", "Debian", "Pop!_OS", "22.04", "jammy", "Pop!_OS-22.04"),
    "raspbian-11": ("Raspbian", "Debian", "Raspbian GNU/Linux", "11", "bullseye", "Raspbian-11"),
    "centos-7": ("CentOS", "RedHat", "CentOS Linux", "7", "CentOS Linux 7 (Core)", "CentOS Linux-7"),
    "centos-stream-9": ("CentOS Stream", "RedHat", "CentOS Stream", "9", "CentOS Stream 9", "CentOS Stream-9"),
    "rhel-9": ("RedHat", "RedHat", "Red Hat Enterprise Linux", "9.4", "Plow", "Red Hat Enterprise Linux-9"),
    "rocky-9": ("Rocky", "RedHat", "Rocky Linux", "9.3", "Blue Onyx", "Rocky Linux-9"),
    "almalinux-9": ("AlmaLinux", "RedHat", "AlmaLinux", "9.3", "Shamrock Pampas Cat", "AlmaLinux-9"),
    "oracle-9": ("OEL", "RedHat", "Oracle Linux Server", "9.3", "Oracle Linux Server 9.3", "Oracle Linux Server-9"),
    "fedora-40": ("Fedora", "RedHat", "Fedora Linux", "40", "", "Fedora Linux-40"),
    "amazon-2023": ("Amazon", "RedHat", "Amazon Linux", "2023", "Amazon Linux 2023", "Amazon Linux-2023"),
    "opensuse-leap-15": ("SUSE", "Suse", "Leap", "15.5", "openSUSE Leap 15.5", "Leap-15"),
    "sles-15": ("SUSE", "Suse", "SLES", "15.5", "SUSE Linux Enterprise Server 15 SP5", "SLES-15"),
    "arch": ("Arch", "Arch", "Arch Linux", "", "Arch Linux", None),
    "alpine-3": ("Alpine", "Alpine", "Alpine Linux", "3.19.1", "Alpine Linux v3.19", "Alpine Linux-3"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_distributions(shelf, name):
    grains = shelf("system", "_os_grains")(parsed(OS_RELEASES[name]))
    keys = ("os", "os_family", "osfullname", "osrelease", "oscodename", "osfinger")
    assert tuple(grains.get(key) for key in keys) == EXPECTED[name]
    if grains["osrelease"]:
        assert grains["osmajorrelease"] == grains["osrelease_info"][0]


def test_a_host_without_os_release_is_some_linux(shelf):
    grains = shelf("system", "_os_grains")({"ID": "linux", "NAME": "Linux"})
    assert (grains["os"], grains["os_family"]) == ("Linux", "Linux")


# -- the network -----------------------------------------------------------------------------------------------


def test_the_resolvers_file(shelf):
    text = (
        "# by hand\nnameserver 192.0.2.1 ; the first\nnameserver fe80::1%eth0\nnameserver nonsense\nnameserver\n"
        "domain example.org\nsearch example.org lab.example.org\noptions ndots:2 rotate\nsortlist 192.0.2.0/24\n\n;end\n"
    )
    assert shelf("interfaces", "_parse_resolv")(text) == {
        "nameservers": ["192.0.2.1", "fe80::1%eth0"],
        "ip4_nameservers": ["192.0.2.1"],
        "ip6_nameservers": ["fe80::1%eth0"],
        "sortlist": ["192.0.2.0/24"],
        "domain": "example.org",
        "search": ["example.org", "lab.example.org"],
        "options": ["ndots:2", "rotate"],
    }
    assert shelf("interfaces", "_parse_resolv")("")["nameservers"] == []


def test_addresses(shelf):
    grains = shelf.loader["interfaces.addresses"]()
    assert grains["ip4_interfaces"]["lo"] == ["127.0.0.1"]
    assert grains["hwaddr_interfaces"]["lo"] == "00:00:00:00:00:00"
    assert set(grains["ipv4"]) == {a for rows in grains["ip4_interfaces"].values() for a in rows}
    assert grains["ipv4"] == sorted(grains["ipv4"], key=ipaddress.ip_address)
    assert all(
        grains["ip_interfaces"][name] == grains["ip4_interfaces"][name] + grains["ip6_interfaces"][name]
        for name in grains["ip_interfaces"]
    )


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([], (False, False, False)),
        ([("inet", "192.0.2.1")], (True, "192.0.2.1", False)),
        ([("inet", "192.0.2.1"), ("inet", "192.0.2.9"), ("inet6", "fd00::1")], (True, "192.0.2.1", "fd00::1")),
        ([("inet", "")], (True, True, False)),
    ],
)
def test_gateways(shelf, monkeypatch, routes, expected):
    utils = shelf("interfaces", "__utils__")
    rows = [{"family": family, "gateway": gateway, "interface": "eth0"} for family, gateway in routes]
    monkeypatch.setitem(utils["interfaces.default_routes"].__globals__, "default_routes", lambda: rows)
    function = shelf.loader["interfaces.gateways"]
    monkeypatch.setitem(function.__globals__, "__utils__", {"interfaces.default_routes": lambda: rows})
    assert tuple(function()[key] for key in ("ip_gw", "ip4_gw", "ip6_gw")) == expected


def test_default_routes_are_the_kernels(shelf, monkeypatch):
    texts = {
        "/proc/net/route": "Iface\tDestination\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth1\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n",
        "/proc/net/ipv6_route": f"{'0' * 32} 00 {'0' * 32} 00 fd{'0' * 29}1 00000400 00000002 00000000 00000003 eth0\n"
        f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200 lo\n",
    }
    function = shelf("interfaces", "__utils__")["interfaces.default_routes"]
    monkeypatch.setitem(function.__globals__, "_lines", lambda path: texts.get(path, "").splitlines())
    assert function() == [
        {"family": "inet", "gateway": "192.0.2.1", "interface": "eth0"},
        {"family": "inet", "gateway": "", "interface": "tun0"},
        {"family": "inet6", "gateway": "fd00::1", "interface": "eth0"},
    ]


def test_names_are_not_looked_up_backwards_unless_asked(tmp_path):
    grains = gather({"id": "m1", "extension_modules": str(tmp_path)})
    assert grains["fqdns"] == []
    assert grains["host"] == grains["fqdn"].partition(".")[0]


def test_the_library_says_the_version_that_pyzmq_says(shelf):
    assert shelf("process", "_zmq_version")() == zmq.zmq_version()
