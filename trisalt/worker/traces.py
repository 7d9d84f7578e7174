"""What a job may leave in its process although it has ended: looked at before the first and after each of them.

A process in which anything is other than it was is not given another job. Thin system calls: it is looked at each time.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

# Lines of `/proc/self/status`: the mask for new files, who it runs as, how many threads it has, and its signals.
_STATUS = (b"Umask:", b"Uid:", b"Gid:", b"Groups:", b"Threads:", b"SigBlk:", b"SigIgn:", b"CapEff:")
_CAUGHT = b"SigCgt:"
# Two signals are the C library's own: it takes them as soon as there is a thread.
_OWN = ~(3 << 31)
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Traces:
    """A process as it is. `children` are those that have not been waited for, whether they run or have ended."""

    status: tuple[bytes, ...]
    caught: int
    environ: dict[str, str]
    folder: str | None
    files: frozenset[str]
    children: bool
    timers: tuple[Any, ...]
    limits: tuple[Any, ...]
    nice: int
    python: tuple[Any, ...]

    @classmethod
    def look(cls) -> Traces:
        """This process, now."""
        with open("/proc/self/status", "rb") as file:
            lines = file.read().splitlines()
        status = tuple(line for line in lines if line.startswith(_STATUS))
        (caught,) = (int(line.removeprefix(_CAUGHT), 16) & _OWN for line in lines if line.startswith(_CAUGHT))
        return cls(
            status=status,
            caught=caught,
            environ=dict(os.environ),
            folder=_folder(),
            files=frozenset(os.listdir("/proc/self/fd")),
            children=_has_children(),
            timers=(signal.getitimer(signal.ITIMER_REAL), signal.getitimer(signal.ITIMER_PROF)),
            limits=tuple(resource.getrlimit(limit) for limit in _LIMITS),
            nice=os.getpriority(os.PRIO_PROCESS, 0),
            python=(tuple(sys.path), time.tzname, socket.getdefaulttimeout(), sys.stdout, sys.stderr),
        )

    def others(self, now: Traces) -> list[str]:
        """What is other now than it was here."""
        return [name for name in self.__slots__ if getattr(self, name) != getattr(now, name)]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # somebody has removed it


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
