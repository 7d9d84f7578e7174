"""Where a follower of events has got to, kept so that a kill at any moment loses and doubles nothing.

First the events are in the file, then the cursor says so, and each of the two only moves forward. On a start the file
is cut after its last whole line, and the number of that line counts as the cursor's does: of the two, the further one
is where to go on.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat

from trisalt.cli.show import EXIT_NOT_WRITTEN
from trisalt.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import NoReturn

# How much of the end of a file is looked at, to begin with, for its last line.
CHUNK = 64 * 1024
# The numbers of events are 63 bits.
DIGITS = 18


class Cursor:
    """A file with the name of a log and a number in it, replaced as a whole."""

    def __init__(self, path: str) -> None:
        self.position: tuple[str, int] | None = None
        self._path = path

    def read(self) -> tuple[str, int] | None:
        """The position it holds; None when there is no file yet."""
        try:
            with open(self._path, encoding="ascii") as file:
                text = file.read(200)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise CommandError(f"{self._path}: {getattr(exc, 'strerror', '') or 'it holds no cursor'}") from exc
        log, _blank, number = text.strip().partition(" ")
        if not log.isalnum() or not number.isdecimal() or len(number) > DIGITS:
            raise CommandError(f"{self._path} holds no cursor: remove it, or name another file")
        self.position = (log, int(number))
        return self.position

    def move(self, log: str, number: int) -> None:
        """What is up to this number of this log has been written."""
        if self.position == (log, number):
            return
        # Beside it: a rename stays within one file system.
        beside = f"{self._path}.new"
        try:
            with open(beside, "w", encoding="ascii") as file:
                file.write(f"{log} {number}\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._path)
        except OSError as exc:
            _not_written(self._path, exc)
        self.position = (log, number)


class EventFile:
    """A file that events are appended to, a line each; by one at a time.

    `keep` leaves what is there. `reads_back`: its lines are ndjson, and say how far they go.
    """

    def __init__(self, path: str, *, keep: bool, reads_back: bool) -> None:
        self._path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            try:
                self._fd = os.open(path, flags, 0o640)
            except OSError:
                # A pipe, or what may only be written.
                self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            self._regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
            if self._regular:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not keep:
                    os.ftruncate(self._fd, 0)
        except BlockingIOError:
            raise CommandError(f"{path}: another one writes to it") from None
        except OSError as exc:
            _not_written(path, exc)
        self._reads_back = reads_back and self._regular

    def last(self) -> tuple[str, int] | None:
        """The position of its last whole line, after which it is cut; None when there is none."""
        if not self._reads_back:
            return None
        size = os.fstat(self._fd).st_size
        tail, start = b"", size
        while start and tail.count(b"\n") < 2:
            length = min(max(CHUNK, len(tail)), start)
            start -= length
            tail = os.pread(self._fd, length, start) + tail
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            os.ftruncate(self._fd, size - len(tail) + whole)
        if not whole:
            return None
        line = tail[tail.rfind(b"\n", 0, whole - 1) + 1 : whole]
        try:
            found = json.loads(line)
            return str(found["log"]), int(found["number"])
        except (ValueError, KeyError, TypeError):
            raise CommandError(f"{self._path} does not end with an event of --format ndjson") from None

    def write(self, text: str) -> None:
        """Append whole lines; on the disk when this returns, if there is one."""
        # JSON's own escape of what is no character.
        packed = text.encode("utf-8", "backslashreplace")
        try:
            while packed:
                packed = packed[os.write(self._fd, packed) :]
            if self._reads_back:
                os.fsync(self._fd)
        except OSError as exc:
            _not_written(self._path, exc)

    def close(self) -> None:
        """Let it go."""
        os.close(self._fd)


def _not_written(where: str, exc: OSError) -> NoReturn:
    import sys

    sys.stderr.write(f"ERROR: {where}: {exc.strerror}\n")
    raise SystemExit(EXIT_NOT_WRITTEN) from None
