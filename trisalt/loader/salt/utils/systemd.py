"""Systemd."""

import os
import re
import subprocess

_UNIT = re.compile(r"/([^/]+\.service)(?:/|$)")


def booted(context=None):
    """Whether systemd started this host."""
    found = os.path.isdir("/run/systemd/system")
    if isinstance(context, dict):
        context.setdefault("salt.utils.systemd.booted", found)
    return found


def offline(context=None):
    """Whether systemctl works without the daemon, as in a chroot."""
    if os.environ.get("SYSTEMD_OFFLINE", "").lower() in ("1", "yes", "true", "on"):
        return True
    try:
        return os.path.realpath("/proc/1/root") != "/" and os.stat("/proc/1/root/.") != os.stat("/")
    except OSError:
        return False


def version(context=None):
    """The version of systemd; None where there is none."""
    if isinstance(context, dict) and "salt.utils.systemd.version" in context:
        return context["salt.utils.systemd.version"]
    try:
        text = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    found = re.search(r"systemd ([0-9]+)", text)
    number = int(found[1]) if found else None
    if number is not None and isinstance(context, dict):
        context["salt.utils.systemd.version"] = number
    return number


def has_scope(context=None):
    """Whether `systemd-run --scope` can be had."""
    if not booted(context):
        return False
    number = version(context)
    return number is not None and number >= 205


def pid_to_service(pid):
    """The unit a process belongs to; None where it belongs to none."""
    try:
        with open(f"/proc/{int(pid)}/cgroup", encoding="ascii") as file:
            found = _UNIT.findall(file.read())
    except (OSError, ValueError):
        return None
    return found[-1] if found else None
