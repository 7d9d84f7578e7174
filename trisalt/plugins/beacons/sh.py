"""Commands of who is logged in: an event for each program that is begun under a login shell. By strace, as root.

beacons:
  sh: []
"""

from __future__ import annotations

import codecs
import collections
import logging
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

log = logging.getLogger(__name__)

# A login shell's command line begins with a dash.
_LOGIN_SHELL = re.compile(r"-[\w./-]*sh(\s|$)")
# A line of strace. Another process's line may come between, and then the end has a line of its own.
_CALL = re.compile(
    r'(?:\[pid\s+(\d+)\] )?execve\("((?:[^"\\]|\\.)*)"(?:\.\.\.)?, \[(.*)\], .*?(<unfinished \.\.\.>|= -?\d+.*)$'
)
_RESUMED = re.compile(r"(?:\[pid\s+(\d+)\] )?<\.\.\. execve resumed>.*= (-?\d+)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
# So much of a word is told, and so many commands are kept between two looks.
_LONGEST = "4096"
_MOST = 10_000


def __virtual__() -> Any:
    if shutil.which("strace"):
        return True
    return False, "The sh beacon cannot be loaded: strace is not installed."


def validate(config: Any) -> Verdict:
    """
    There is nothing to configure.
    """
    return no_list("sh", config) or VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    For each program that was begun under a login shell since the last look: its path as `cmd`, its words as `args`,
    the `user`, and the shell's process id as the tag. A shell is watched from the look on at which it is first there.
    """
    watched = __context__.setdefault(_key(config), {})
    shells = {pid: row["user"] for pid, row in __salt__["status.procs"]().items() if _LOGIN_SHELL.match(row["cmd"])}
    for pid, user in shells.items():
        if pid not in watched:
            watched[pid] = _Watch(pid, user)
    seen = [event for watch in watched.values() for event in watch.seen()]
    for pid in set(watched) - set(shells):
        watched.pop(pid).close()
    return seen


def close(config: Any) -> None:
    """
    Let go of the shells.
    """
    for watch in __context__.pop(_key(config), {}).values():
        watch.close()


def _key(config: Any) -> str:
    return f"sh.{flat(config).get('_beacon_name', 'sh')}"


class _Watch:
    """One shell, with strace beside it."""

    def __init__(self, pid: str, user: str) -> None:
        self.pid, self.user = pid, user
        self._lines: collections.deque[str] = collections.deque(maxlen=_MOST)
        self._begun: dict[str | None, dict[str, Any]] = {}
        # It ends with who looks, if that should die.
        tied = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        self._strace = subprocess.Popen(
            [*tied, "strace", "-f", "-q", "-e", "trace=execve", "-e", "signal=none", "-s", _LONGEST, "-p", pid],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"}, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        # Read at once: strace waits when nobody does, and the shell with it.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def seen(self) -> Iterator[dict[str, Any]]:
        """What was begun, since this was asked last."""
        while self._lines:
            line = self._lines.popleft()
            if line.startswith("strace: "):
                log.warning("The sh beacon does not see all of process %s: %s", self.pid, line)
            elif call := _CALL.search(line):
                words = [_plain(word) for word in _STRING.findall(call[3])]
                event = {"args": words, "cmd": _plain(call[2]), "user": self.user, "tag": self.pid}
                if call[4].startswith("<"):
                    self._begun[call[1]] = event
                elif call[4] == "= 0":
                    yield event
            elif (end := _RESUMED.search(line)) and (begun := self._begun.pop(end[1], None)) and end[2] == "0":
                yield begun

    def close(self) -> None:
        """Have strace leave the shell as it is."""
        self._strace.terminate()
        try:
            self._strace.wait(2)
        except subprocess.TimeoutExpired:
            self._strace.kill()
            self._strace.wait()
        self._reader.join(2)

    def _read(self) -> None:
        assert self._strace.stderr is not None
        with self._strace.stderr as lines:
            for line in lines:
                self._lines.append(line.rstrip("\n"))


def _plain(text: str) -> str:
    """A string as strace writes it, in C's manner."""
    return codecs.escape_decode(text.encode())[0].decode("utf-8", "replace")  # type: ignore[attr-defined]
