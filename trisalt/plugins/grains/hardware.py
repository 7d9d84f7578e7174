"""Grains of the machine: processors, memory, disks, firmware, graphics, and what it is virtualised by."""

from __future__ import annotations

import glob
import os
import re
import shutil
from typing import Any

from trisalt.plugins.utils import probe

FIRMWARE = {
    "biosversion": "bios_version",
    "biosvendor": "bios_vendor",
    "boardname": "board_name",
    "productname": "product_name",
    "manufacturer": "sys_vendor",
    "biosreleasedate": "bios_date",
    "uuid": "product_uuid",
    "serialnumber": "product_serial",
}
GPU_VENDORS = ("nvidia", "amd", "ati", "intel", "cirrus logic", "vmware", "matrox", "aspeed")
GPU_CLASSES = ("3d controller", "display controller", "processing accelerators", "vga compatible controller")
# What `systemd-detect-virt` says, as (virtual, virtual_subtype).
VIRTUAL = {
    "vmware": ("VMware", None),
    "microsoft": ("VirtualPC", None),
    "lxc": ("container", "LXC"),
    "podman": ("container", "Podman"),
    "docker": ("container", "Docker"),
    "amazon": ("Nitro", "Amazon EC2"),
}
# What `virt-what` says, where it is installed; the first of its lines that is known decides.
VIRT_WHAT = {
    "lxc": ("container", "LXC"),
    "docker": ("container", "Docker"),
    "vmware": ("VMware", None),
    "parallels": ("Parallels", None),
    "nutanix": ("kvm", "Nutanix AHV"),
    "hyperv": ("HyperV", None),
}
SAME_NAME = frozenset({"qemu", "kvm", "oracle", "xen", "bochs", "chroot", "uml", "systemd-nspawn"})


def processors() -> dict[str, Any]:
    """Count, model and flags, from /proc/cpuinfo."""
    return _cpu_grains(probe.read("/proc/cpuinfo"))


def _cpu_grains(text: str) -> dict[str, Any]:
    """The grains of a cpuinfo text; the last model named counts, as on stock."""
    grains: dict[str, Any] = {"num_cpus": 0, "cpu_model": "Unknown", "cpu_flags": []}
    for line in text.splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            continue
        match key:
            case "processor":
                grains["num_cpus"] += 1
            case "# processors":
                grains["num_cpus"] = int(value)
            case "vendor_id" | "model name" | "cpu":
                grains["cpu_model"] = value
            case "Processor":
                grains["cpu_model"], grains["num_cpus"] = value.split("-")[0], 1
            case "flags" | "Features":
                grains["cpu_flags"] = value.split()
    return grains


def memory() -> dict[str, Any]:
    """Memory and swap in MiB."""
    rows = dict(re.findall(r"^(\w+):\s+(\d+) kB", probe.read("/proc/meminfo"), re.MULTILINE))
    return {"mem_total": int(rows.get("MemTotal", 0)) // 1024, "swap_total": int(rows.get("SwapTotal", 0)) // 1024}


def disks() -> dict[str, Any]:
    """Block devices: rotating ones in `disks`, others in `ssds`."""
    found: dict[str, Any] = {"disks": [], "ssds": []}
    for path in glob.glob("/sys/block/*"):
        if "/devices/virtual/" in os.path.realpath(path):
            continue
        kind = {"0": "ssds", "1": "disks"}.get(probe.read(f"{path}/queue/rotational").strip())
        if kind:
            found[kind].append(os.path.basename(path))
    return found | {"fibre_channel_host": os.path.isdir("/sys/class/fc_host")}


def firmware() -> dict[str, Any]:
    """What DMI tells, without the values that vendors leave to be filled in; and whether UEFI started us."""
    grains: dict[str, Any] = {}
    for name, file in FIRMWARE.items():
        path = f"/sys/class/dmi/id/{file}"
        if os.path.exists(path):
            value = _real_value(name, probe.read(path).strip())
            if value:
                grains[name] = value
    variables = next(filter(os.path.exists, ["/sys/firmware/efi/efivars", "/sys/firmware/efi/vars"]), None)
    return grains | {"efi": variables is not None, "efi-secure-boot": _secure_boot(variables)}


def graphics() -> dict[str, Any]:
    """Graphics adapters, as `lspci` tells them; off with `enable_gpu_grains` or `enable_lspci`."""
    lspci = shutil.which("lspci")
    if not lspci or not __opts__.get("enable_gpu_grains", True) or __opts__.get("enable_lspci", True) is False:
        return {"num_gpus": 0, "gpus": []}
    gpus = _gpu_list(probe.run([lspci, "-vmm"]))
    return {"num_gpus": len(gpus), "gpus": gpus}


def _gpu_list(text: str) -> list[dict[str, str]]:
    """The graphics adapters in the output of `lspci -vmm`."""
    gpus = []
    for record in text.split("\n\n"):
        device = dict(re.findall(r"^(\w+):\s+(.*)$", record, re.MULTILINE))
        if device.get("Class", "").lower() not in GPU_CLASSES:
            continue
        words = re.split("[^A-Za-z0-9]", device.get("Vendor", "").lower())
        vendor = next((name for name in GPU_VENDORS if name in words), "unknown")
        gpus.append({"vendor": vendor, "model": device.get("Device", "")})
    return gpus


def virtual() -> dict[str, Any]:
    """What this machine is virtualised by: `physical` when nothing says otherwise."""
    kind, subtype = _detected()
    if _is_chroot():
        subtype = "chroot"
    product = probe.read("/sys/devices/virtual/dmi/id/product_name")
    if "QEMU Virtual CPU" in probe.read("/proc/cpuinfo"):
        kind = "kvm"
    for word, found in (
        ("VirtualBox", ("VirtualBox", None)),
        ("RHEV Hypervisor", ("kvm", "rhev")),
        ("oVirt Node", ("kvm", "ovirt")),
        ("Google", ("gce", None)),
        ("BHYVE", ("bhyve", None)),
    ):
        if word in product:
            kind, subtype = found[0], found[1] or subtype
            break
    kind, subtype = _container(kind, subtype)
    return {"virtual": kind} | ({"virtual_subtype": subtype} if subtype else {})


def _detected() -> tuple[str, str | None]:
    for program, words in (("virt-what", VIRT_WHAT), ("systemd-detect-virt", VIRTUAL)):
        path = shutil.which(program)
        if not path:
            continue
        for line in probe.constant([path], probe.place(__opts__), boot=True).splitlines():
            if line in SAME_NAME:
                return line, None
            for word, found in words.items():
                if word in line:
                    return found
        break
    return "physical", None


def _container(kind: str, subtype: str | None) -> tuple[str, str | None]:
    groups = probe.read("/proc/1/cgroup")
    if ":/lxc/" in groups:
        return "container", "LXC"
    if ":/kubepods/" in groups:
        return kind, "kubernetes"
    if ":/libpod_parent/" in groups:
        return kind, "libpod"
    if any(mark in groups for mark in (":/system.slice/docker", ":/docker/", ":/docker-ce/")):
        return "container", "Docker"
    if "container=lxc" in probe.read("/proc/1/environ"):
        return "container", "LXC"
    return kind, subtype


def _is_chroot() -> bool:
    try:
        return os.stat("/") != os.stat("/proc/1/root/.")
    except OSError:
        return False


def _secure_boot(variables: str | None) -> bool:
    if variables is None:
        return False
    pattern = "SecureBoot-*" if variables.endswith("efivars") else "SecureBoot-*/data"
    found = glob.glob(os.path.join(variables, pattern))
    try:
        with open(found[0], "rb") as file:
            return file.read()[-1:] == b"\x01"
    except (IndexError, OSError):
        return False


def _real_value(name: str, value: str) -> str | None:
    if not value or re.match("none", value, re.IGNORECASE):
        return None
    if name == "uuid":
        import uuid

        try:
            uuid.UUID(value)
        except ValueError:
            return None
        return value
    if re.search("serial|version", name):
        bogus = r"^0+$|^0?1234567[8]?[9]?[0]?|sernum|part[_-]?number|specified|filled|applicable"
    elif name == "manufacturer":
        bogus = r"manufacturer|to be filled|available|asset|^no(ne|t)"
    else:
        bogus = r"to be filled|un(known|specified)|no(t|ne)? (asset|provided|defined|available|present|specified)"
    return None if re.search(bogus, value, re.IGNORECASE) else value
