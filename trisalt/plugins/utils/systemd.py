"""Whether systemd runs this host, and the words it knows: units and their kinds.

Used by `service`, and by what asks systemd rather than files where it runs.
"""

from __future__ import annotations

import os
import re
from typing import Any

KINDS = (
    "service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope",
)  # fmt: skip
# A job's `__context__` may know it already, by the name that plugins written for stock look for.
_BOOTED = "salt.utils.systemd.booted"
_COMMAND = re.compile(r"\{ (.*) \}")


def booted(context: Any = None) -> bool:
    """Whether this host was booted by systemd, as sd_booted(3) finds it. Sites' plugins hand in their context."""
    if _BOOTED not in __context__:
        __context__[_BOOTED] = os.path.isdir("/run/systemd/system")
    return bool(__context__[_BOOTED])


def scoped(words: list[str], *description: str) -> list[str]:
    """The command in a scope of its own where systemd runs: what it restarts may be the minion's own unit, which does
    not end it then. `systemd.scope: False` in the configuration says no.
    """
    if booted() and __salt__["config.get"]("systemd.scope", True):
        return ["systemd-run", "--scope", *description, *words]
    return words


def unit(name: str) -> str:
    """The whole name of a unit: a service's needs no ending."""
    return name if name.rpartition(".")[0] and name.rpartition(".")[2] in KINDS else f"{name}.service"


def short(name: str) -> str:
    """A unit's name as it is listed: a service's has no ending."""
    return name.removesuffix(".service")


def shown(text: str) -> dict[str, Any]:
    """What `systemctl show` prints. Commands are maps; what is ordered, and what is wanted, are lists."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals:
            continue
        command = _COMMAND.fullmatch(value)
        if command:
            parts = (part.partition("=") for part in command[1].split(" ; "))
            found[name] = {key.strip(): part.strip() for key, _, part in parts if key.strip()}
        elif name in ("Before", "After", "Wants"):
            found[name] = value.split()
        else:
            found[name] = value
    return found
