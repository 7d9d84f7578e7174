"""Look at and set the time zone of a host, and what its hardware clock counts."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import time
from typing import Any

from trisalt.errors import CommandError, InvocationError

_ZONES = "/usr/share/zoneinfo"
_LOCALTIME = "/etc/localtime"
_TIMEZONE = "/etc/timezone"
_ADJTIME = "/etc/adjtime"


def get_zone() -> str:
    """
    The name of the host's time zone.

    CLI Example:

        salt '*' timezone.get_zone
    """
    if _by_timedatectl():
        found = re.search(r"Time ?zone:\s+(\S+)", _status(), re.IGNORECASE)
        if found:
            return found[1]
    # What the link says is the name: the zone's own file may be a link to another.
    if os.path.islink(_LOCALTIME) and (name := os.readlink(_LOCALTIME).partition("zoneinfo/")[2]):
        return name
    kept = (__utils__["rewrite.read"](_TIMEZONE) or "").strip()
    if kept and not kept.startswith("#"):
        return kept.splitlines()[0].strip()
    if not os.path.exists(_LOCALTIME):
        return "UTC"
    for folder, _folders, files in os.walk(_ZONES):
        for name in sorted(files):
            path = os.path.join(folder, name)
            if "posix" not in path and "right" not in path and filecmp.cmp(path, _LOCALTIME, shallow=False):
                return os.path.relpath(path, _ZONES)
    raise CommandError("Unable to tell the time zone of this host")


def get_zonecode() -> str:
    """
    The abbreviation of the host's time zone, as of now.

    CLI Example:

        salt '*' timezone.get_zonecode
    """
    return __utils__["tool.checked"](["date", "+%Z"], "Unable to ask for the time zone")


def get_offset() -> str:
    """
    How far the host's time is from UTC, as of now: `+0100`.

    CLI Example:

        salt '*' timezone.get_offset
    """
    return __utils__["tool.checked"](["date", "+%z"], "Unable to ask for the time zone")


def set_zone(timezone: str) -> bool:
    """
    Set the host's time zone.

    CLI Example:

        salt '*' timezone.set_zone Europe/Berlin
    """
    path = _file(timezone)
    if not os.path.isfile(path):
        raise CommandError(f"Zone does not exist: {path}")
    if _by_timedatectl():
        return __utils__["tool.succeeds"](["timedatectl", "set-timezone", timezone])
    fresh = f"{_LOCALTIME}.new"
    try:
        if os.path.lexists(fresh):
            os.unlink(fresh)
        os.symlink(path, fresh)
        os.replace(fresh, _LOCALTIME)
    except OSError as exc:
        raise CommandError(f"Unable to set {_LOCALTIME}: {exc.strerror}") from exc
    if os.path.exists(_TIMEZONE) or __grains__.get("os_family") == "Debian":
        __utils__["rewrite.replace"](_TIMEZONE, f"{timezone}\n")
    # This process has read the old one.
    time.tzset()
    return True


def zone_compare(timezone: str) -> bool:
    """
    Whether the host's time zone is this one, by this or another name.

    CLI Example:

        salt '*' timezone.zone_compare America/Denver
    """
    path = _file(timezone)
    if not os.path.isfile(path):
        raise InvocationError(f'Can\'t find a local timezone "{timezone}"')
    if not os.path.exists(_LOCALTIME):
        return timezone in ("UTC", "Etc/UTC")
    return filecmp.cmp(_LOCALTIME, path, shallow=False)


def get_hwclock() -> str:
    """
    What the hardware clock counts: `UTC` or `localtime`.

    CLI Example:

        salt '*' timezone.get_hwclock
    """
    if _by_timedatectl():
        found = re.search(r"RTC in local TZ:\s+(\S+)", _status())
        if found:
            return "localtime" if found[1] == "yes" else "UTC"
    lines = (__utils__["rewrite.read"](_ADJTIME) or "").splitlines()
    # hwclock(8): without the file, or its third line, the clock counts UTC.
    return "localtime" if len(lines) > 2 and lines[2].strip() == "LOCAL" else "UTC"


def set_hwclock(clock: str) -> bool:
    """
    Set what the hardware clock counts: `UTC` or `localtime`.

    CLI Example:

        salt '*' timezone.set_hwclock UTC
    """
    if str(clock).lower() not in ("utc", "localtime"):
        raise InvocationError("localtime and UTC are the only permitted values")
    if clock.lower() == get_hwclock().lower():
        return True
    if _by_timedatectl():
        return __utils__["tool.succeeds"](["timedatectl", "set-local-rtc", str(clock.lower() == "localtime").lower()])
    return __utils__["tool.succeeds"](["hwclock", "--systohc", "--utc" if clock.lower() == "utc" else "--localtime"])


def _status() -> str:
    return __utils__["tool.checked"](["timedatectl"], "timedatectl failed")


def _by_timedatectl() -> bool:
    return __utils__["systemd.booted"]() and shutil.which("timedatectl") is not None


def _file(timezone: Any) -> str:
    name = str(timezone)
    if not re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9_+/-]*", name):
        raise InvocationError(f'Can\'t find a local timezone "{timezone}"')
    return os.path.join(_ZONES, name)
