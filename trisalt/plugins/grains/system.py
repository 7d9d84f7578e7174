"""Grains of the operating system: kernel, distribution, init, architecture."""

from __future__ import annotations

import os
import platform
import re
import shutil
from typing import Any

from trisalt.plugins.utils import probe

# (ID of os-release, or its NAME) to Salt's `os` grain where that is not NAME itself; source: grains of stock minions.
OS_NAMES = {
    "almalinux": "AlmaLinux",
    "amzn": "Amazon",
    "arch": "Arch",
    "archarm": "Arch ARM",
    "astra": "AstraLinuxSE",
    "centos": "CentOS",
    "debian": "Debian",
    "devuan": "Devuan",
    "elementary": "elementary OS",
    "fedora": "Fedora",
    "gentoo": "Gentoo",
    "kali": "Kali",
    "linuxmint": "Mint",
    "manjaro": "Manjaro",
    "ol": "OEL",
    "opensuse-leap": "SUSE",
    "opensuse-tumbleweed": "SUSE",
    "photon": "VMware Photon OS",
    "pop": "Pop",
    "raspbian": "Raspbian",
    "rhel": "RedHat",
    "rocky": "Rocky",
    "sled": "SUSE",
    "sles": "SUSE",
    "ubuntu": "Ubuntu",
    "void": "Void",
}
FAMILIES = {
    "fedora": "RedHat",
    "rhel": "RedHat",
    "suse": "Suse",
    "opensuse": "Suse",
    "debian": "Debian",
    "arch": "Arch",
}
FAMILY_OF_OS = {
    "Amazon": "RedHat",
    "CentOS Stream": "RedHat",
    "Mint": "Debian",
    "OEL": "RedHat",
    "SUSE": "Suse",
    "VMware Photon OS": "RedHat",
}
# Distributions whose `osfinger` is made of the `os` grain, not of the full name; and those that keep the whole release.
SHORT_FINGER = frozenset({"Debian", "Raspbian", "AlmaLinux"})
WHOLE_RELEASE = frozenset({"Ubuntu", "Pop", "NixOS"})


def kernel() -> dict[str, Any]:
    """What `uname` says, and the kernel's command line."""
    name, node, release, version, machine = os.uname()
    return {
        "kernel": name,
        "nodename": node,
        "kernelrelease": release,
        "kernelversion": version,
        "cpuarch": machine,
        "kernelparams": _kernel_parameters(probe.read("/proc/cmdline")),
        "ps": "ps -efHww",
    }


def _kernel_parameters(line: str) -> list[list[str | None]]:
    """`a=1 b` as `[["a", "1"], ["b", None]]`; a value with a further `=` in it is not kept, as stock does not."""
    import shlex

    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    parameters: list[list[str | None]] = []
    for word in words:
        name, *values = word.split("=")
        parameters.append([name, values[0].strip('"') if len(values) == 1 else None])
    return parameters


def distribution() -> dict[str, Any]:
    """Salt's os grains from os-release, with `lsb_distrib_*` beside them."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {"ID": "linux", "NAME": "Linux"}
    grains = _os_grains(release)
    grains["osarch"] = _architecture(grains["os_family"])
    return grains


def _os_grains(release: dict[str, str]) -> dict[str, Any]:
    """The grains that follow from an os-release map alone."""
    id, full = release.get("ID", "linux"), release.get("NAME", "Linux").strip()
    name = OS_NAMES.get(id, re.sub(r"\W?(gnu/linux|linux)\W?", "", full, flags=re.IGNORECASE).strip() or full)
    if full == "CentOS Stream":
        name = full
    grains: dict[str, Any] = {
        "os": name,
        "os_family": _family(name, id, release.get("ID_LIKE", "")),
        "osfullname": full,
    }
    grains["oscodename"], lsb_codename = _codenames(release)
    grains |= {"lsb_distrib_id": full, "lsb_distrib_codename": lsb_codename}
    version = grains["osrelease"] = release.get("VERSION_ID", "")
    if full == "openSUSE Leap":
        full = grains["osfullname"] = "Leap"
    if version:
        info = [int(part) if part.isdigit() else part for part in version.split(".")]
        grains["osrelease_info"] = info
        # Source: stock Salt 3008.3, for these two.
        if not lsb_codename.startswith(("CentOS Linux 7", "CentOS Linux 8")):
            grains["lsb_distrib_release"] = version
        if isinstance(info[0], int):
            grains["osmajorrelease"] = info[0]
        finger = name if name in SHORT_FINGER else full
        grains["osfinger"] = f"{finger}-{version if name in WHOLE_RELEASE else info[0]}"
    return grains


def _codenames(release: dict[str, str]) -> tuple[str, str]:
    """`oscodename` and `lsb_distrib_codename`. A distribution without a code name has its whole name for one."""
    found = re.search(r"\(([^)]+)\)", release.get("VERSION", ""))
    in_version = found[1] if found else ""
    id = release.get("ID", "linux")
    if id in ("almalinux", "rocky") and in_version:
        return in_version, in_version
    lsb = release.get("VERSION_CODENAME", release.get("PRETTY_NAME", "")).strip()
    return (in_version if "Red Hat" in lsb else lsb), lsb


def init() -> dict[str, Any]:
    """Which program is the first process, and systemd's version where it is installed."""
    grains: dict[str, Any] = {"init": _init()}
    systemctl = shutil.which("systemctl")
    if systemctl:
        # What it prints is in a library of its own package.
        places = ("/usr/lib/systemd", "/lib/systemd")
        lines = probe.constant([systemctl, "--version"], probe.place(__opts__), beside=places).splitlines()
        if len(lines) > 1 and lines[0].startswith("systemd "):
            grains["systemd"] = {"version": lines[0].split()[1], "features": lines[1]}
    machine = probe.read("/etc/machine-id").strip() or probe.read("/var/lib/dbus/machine-id").strip()
    if machine:
        grains["machine_id"] = machine
    if shutil.which("selinuxenabled"):
        grains["selinux"] = {"enabled": os.path.exists("/sys/fs/selinux/enforce")}
        if shutil.which("getenforce"):
            grains["selinux"]["enforced"] = probe.run(["getenforce"]).strip()
    return grains


def _family(name: str, id: str, like: str) -> str:
    if name in FAMILY_OF_OS:
        return FAMILY_OF_OS[name]
    ids = [id, *like.split()]
    if "debian" in ids or "ubuntu" in ids:
        return "Debian"
    oldest = ids[-1]
    return FAMILIES.get(oldest, oldest.capitalize())


def _architecture(family: str) -> str:
    machine = os.uname().machine
    if family == "Debian" and shutil.which("dpkg"):
        return probe.constant(["dpkg", "--print-architecture"], probe.place(__opts__)).strip() or machine
    if family in ("RedHat", "Suse") and shutil.which("rpm"):
        return probe.run(["rpm", "--eval", "%{_host_cpu}"]).strip() or machine
    return machine


def _init() -> str:
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    words = probe.read("/proc/1/cmdline").replace("\0", " ").split()
    if not words:
        return "unknown"
    program = shutil.which(words[0]) or ""
    if program.endswith("bin/init"):
        try:
            with open(program, "rb") as file:
                content = file.read().lower()
        except OSError:
            return "unknown"
        return next((kind for kind in ("upstart", "sysvinit", "systemd") if kind.encode() in content), "unknown")
    for kind in ("supervisord", "dumb-init", "tini"):
        if shutil.which(kind) in words:
            return kind
    return "runit" if words == ["runit"] or "/sbin/my_init" in words else "unknown"
