"""Which system this is."""

import os
import platform
import sys


def is_linux():
    """Linux?"""
    return sys.platform.startswith("linux")


def is_darwin():
    """macOS?"""
    return sys.platform.startswith("darwin")


def is_freebsd():
    """FreeBSD?"""
    return sys.platform.startswith("freebsd")


def is_openbsd():
    """OpenBSD?"""
    return sys.platform.startswith("openbsd")


def is_netbsd():
    """NetBSD?"""
    return sys.platform.startswith("netbsd")


def is_sunos():
    """Solaris or its kin?"""
    return sys.platform.startswith("sunos")


is_smartos = is_smartos_globalzone = is_smartos_zone = is_sunos


def is_aix():
    """AIX?"""
    return sys.platform.startswith("aix")


def is_windows():
    """Windows?"""
    return sys.platform.startswith("win")


def is_junos():
    """Junos?"""
    return is_freebsd() and os.uname().release.startswith("JNPR")


def is_proxy():
    """A proxy minion? There are none here."""
    return False


def get_machine_identifier():
    """The machine id of this host; None where there is none."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            continue
    return None


def is_fedora():
    """Fedora?"""
    return _release().get("ID") == "fedora"


def _release():
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def is_photonos():
    """Photon OS?"""
    return _release().get("ID") == "photon"


def is_aarch64():
    """A 64-bit ARM?"""
    return os.uname().machine.startswith(("aarch64", "arm64"))


def spawning_platform():
    """Whether a new process starts from nothing here? It is a fork."""
    return False


def linux_distribution(full_distribution_name=True):
    """Name, version and code name."""
    release = _release()
    name = release.get("NAME" if full_distribution_name else "ID", "")
    return name, release.get("VERSION_ID", ""), release.get("VERSION_CODENAME", "")
