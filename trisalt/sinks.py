"""Where lines of the log go: the console, a file that may be moved away, syslog.

`log.py` has them rendered, and calls these with the text and its level's number. Each may raise OSError: the caller
counts.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from itertools import pairwise
from typing import Any, Protocol

# So many seconds after a look whether a file has been moved away, the next is due: a job's lines come together, and a
# look costs more than a line's write.
LOOK_AGAIN_S = 0.02


class Write(Protocol):
    """Where lines go."""

    def __call__(self, text: str, level: int) -> None: ...
    def reopen(self) -> None: ...
    def close(self) -> None: ...


class Console:
    """Standard error; under systemd with the priority before each line, as its journal takes it."""

    def __init__(self) -> None:
        self._journal = is_journal(2)

    def __call__(self, text: str, level: int) -> None:
        if self._journal:
            text = "\n".join(f"<{_priority(level)}>{line}" for line in text.split("\n"))
        # Which writes out whole lines by itself.
        sys.stderr.write(text + "\n")

    def reopen(self) -> None:
        """It stays what it is."""

    def close(self) -> None:
        """It is not ours to close."""


class File:
    """A file that is appended to in single writes, and followed when logrotate moves it away.

    With `most` bytes in it, it is moved away by itself: to `path.1`, and so on up to `backups`.
    """

    def __init__(self, path: str, most: int = 0, backups: int = 0) -> None:
        self._path = path
        self._most, self._backups = (most, backups) if backups > 0 else (0, 0)
        self._size = 0
        self._fd = -1
        self._look_at = 0.0
        self.reopen()

    def __call__(self, text: str, level: int) -> None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_AGAIN_S
            if self._moved():
                self.reopen()
        line = f"{text}\n".encode("utf-8", "backslashreplace")
        if self._most > 0 and 0 < self._size > self._most - len(line):
            self._rotate()
        self._size += os.write(self._fd, line)

    def _rotate(self) -> None:
        """Begin the file anew; where that cannot be, it grows by as much again before the next try."""
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, self._backups + 1))]
        try:
            for older, name in reversed(list(pairwise(names))):
                with suppress(FileNotFoundError):
                    os.replace(older, name)
            self.reopen()
        except OSError:
            self._size = 0

    def _moved(self) -> bool:
        try:
            info = os.stat(self._path)
        except OSError:
            return True
        return (info.st_dev, info.st_ino) != self._mark

    def reopen(self) -> None:
        """Open the file anew; when that fails, what was open stays in use."""
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self.close()
        info = os.fstat(fd)
        self._fd, self._mark, self._size = fd, (info.st_dev, info.st_ino), info.st_size

    def close(self) -> None:
        """Close it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Syslog:
    """Datagrams to the host's log, or to one on the network."""

    def __init__(self, family: int, address: Any, facility: int, ident: str) -> None:
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise
        self._facility, self._ident = facility, ident

    def __call__(self, text: str, level: int) -> None:
        head = f"<{self._facility * 8 + _priority(level)}>{self._ident}[{os.getpid()}]: "
        self._socket.send((head + text.replace("\n", " | ")).encode("utf-8", "backslashreplace")[:8192])

    def reopen(self) -> None:
        """It stays what it is."""

    def close(self) -> None:
        """Close it."""
        self._socket.close()


_FACILITIES = {"KERN": 0, "USER": 1, "DAEMON": 3, "AUTH": 4, "SYSLOG": 5, **{f"LOCAL{n}": 16 + n for n in range(8)}}


def open_file(address: str, daemon: str, *, most: int = 0, backups: int = 0) -> Write:
    """A path, or `file:///dev/log[/LOG_DAEMON]`, `udp://host[:port][/LOG_USER]`. Raises OSError, ValueError.

    `most`, `backups`: see `File`.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return File(address, most, backups)
    head, slash, facility = rest.rpartition("/LOG_")
    if not slash:
        head, facility = rest, "USER"
    if facility not in _FACILITIES:
        raise ValueError(f"{address}: LOG_{facility} is not a facility of syslog")
    number, ident = _FACILITIES[facility], f"salt-{daemon}"
    if scheme == "file":
        return Syslog(socket.AF_UNIX, head, number, ident)
    if scheme == "udp":
        host, _colon, port = head.rpartition(":") if ":" in head.rpartition("]")[2] else (head, "", "514")
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        return Syslog(found[0], found[4], number, ident)
    raise ValueError(f"{address}: a log goes to a path, file:// or udp://")


def is_journal(fd: int) -> bool:
    """Whether systemd's journal reads this descriptor."""
    try:
        info = os.fstat(fd)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{info.st_dev}:{info.st_ino}"


def _priority(level: int) -> int:
    return 2 if level >= 50 else 3 if level >= 40 else 4 if level >= 30 else 6 if level >= 20 else 7
