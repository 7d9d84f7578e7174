"""Scripts of init, below /etc/init.d, and the links that start them: for hosts without systemd, and for what it has no
unit of.

Used by the files of `service`.
"""

from __future__ import annotations

import os
import re
from typing import Any

from trisalt.errors import InvocationError

SCRIPTS = "/etc/init.d"
# Not services: what runs the others, and notes about them.
_NONE = {"rc", "rcS", "README", "skeleton", "functions", "halt", "killall", "netconsole", "single", "reboot"}
_LINK = re.compile(r"S\d\d(.+)")
_LEVEL = re.compile(r"\S+ ([0-9sS])")


def scripts() -> list[str]:
    """The names of the scripts that can be run."""
    try:
        names = os.listdir(SCRIPTS)
    except OSError:
        return []
    return sorted(
        name
        for name in names
        if name not in _NONE
        and not name.startswith(".")
        and not name.endswith((".dpkg-dist", ".dpkg-old", ".dpkg-new", ".rpmsave", ".rpmnew"))
        and os.access(f"{SCRIPTS}/{name}", os.X_OK)
        and os.path.isfile(f"{SCRIPTS}/{name}")
    )


def started() -> set[str]:
    """The names of the scripts that the links of this runlevel start."""
    # systemd has units for what others start in runlevel S.
    levels = [_runlevel()] if __utils__["systemd.booted"]() else [_runlevel(), "S"]
    names: set[str] = set()
    for level in levels:
        for folder in (f"/etc/rc{level}.d", f"/etc/rc.d/rc{level}.d"):
            try:
                links = os.listdir(folder)
            except OSError:
                continue
            names.update(match[1] for link in links if (match := _LINK.fullmatch(link)))
    return names


def enabled(name: str) -> bool:
    """Whether a script is started when this host starts."""
    return name in started()


def run(words: list[str], *, quiet: bool = False) -> dict[str, Any]:
    """Run a service's program. Its environment is the host's, as it is when init starts it."""
    return __salt__["cmd.run_all"](words, python_shell=False, ignore_retcode=quiet)


def checked(name: str) -> str:
    """The name, if it can be a script's."""
    name = str(name)
    if not re.fullmatch(r"[^\W-][\w.@:+~-]*", name):
        raise InvocationError(f"Invalid service name: {name!r}")
    return name


def _runlevel() -> str:
    """The runlevel of this host; where nobody keeps one, that of many users."""
    found = __salt__["cmd.run_all"](["runlevel"], python_shell=False, ignore_retcode=True) if _has_runlevel() else None
    match = _LEVEL.fullmatch(found["stdout"].strip()) if found else None
    return match[1] if match else "2"


def _has_runlevel() -> bool:
    return any(os.access(f"{folder}/runlevel", os.X_OK) for folder in ("/sbin", "/usr/sbin", "/bin", "/usr/bin"))
