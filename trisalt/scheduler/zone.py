"""Which zone the clock of this host shows: what `TZ` says, or `/etc/localtime`, as it is now."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo

LOCALTIME = "/etc/localtime"

_known: tuple[object, tzinfo] = (None, UTC)


def local_zone() -> tzinfo:
    """The zone of this host. An operator may change it while a daemon runs, so it is looked at each time."""
    global _known
    sign = _sign()
    if sign != _known[0]:
        _known = (sign, _read())
    return _known[1]


def _sign() -> object:
    if "TZ" in os.environ:
        return os.environ["TZ"]
    try:
        found = os.stat(LOCALTIME)
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_mtime_ns)


def _read() -> tzinfo:
    from zoneinfo import ZoneInfo  # a command that only asks a schedule reads no zone

    name = os.environ.get("TZ")
    try:
        if name:
            return ZoneInfo(name.removeprefix(":"))
        if name is None:
            with open(LOCALTIME, "rb") as file:
                return ZoneInfo.from_file(file)
    except (OSError, ValueError, KeyError):
        # `TZ` may be a rule as well: CET-1CEST,M3.5.0,M10.5.0/3.
        if name:
            from dateutil import tz

            return tz.gettz(name) or UTC
    return UTC
