"""The small process that is forked for each job.

It is started before Trio and before any thread, preloads what jobs need, freezes the collector, and then only
forks: it hands each child its end of a socket pair, reaps, and reports exit statuses to its daemon. It ends when
its daemon is gone; children that run go on. `start_zygote` is called by the daemons' commands; `worker/pool`
speaks with it.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

import attrs


@attrs.frozen(kw_only=True)
class Zygote:
    """A started zygote: its process id, and the daemon's end of the socket to it (SOCK_SEQPACKET, not inheritable)."""

    pid: int
    socket: socket.socket
    preload: tuple[str, ...] = ()

    def close(self) -> None:
        """Let it end, and reap it. Children that run go on."""
        raise NotImplementedError


def start_zygote(preload: Sequence[str] = (), *, fresh: bool | None = None) -> Zygote:
    """Start a zygote: a fork of this process, or a fresh interpreter.

    `preload` names modules that it imports before its first fork (not before: an idle daemon stays small).
    A fork needs a process with one thread and without Trio; `fresh=None` looks, and chooses. Must be called before
    `trio.run`. It is cheap: one fork, no wait.
    """
    raise NotImplementedError
