"""The spool: returns that are not home yet, kept on disk under their jobs' names before they are sent.

A child leaves its return as a file. What the daemon writes itself is small, mostly, and gone in a moment: that goes
into a journal, for to make a file, to name and to remove it costs ten times what writing it does, and on some file
systems a hundred times. `returns` sends what is here; `jobs` and the children write.
"""

from __future__ import annotations

import errno
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.wire.frames import pack_frame
from trisalt.worker.plain import durable

log = structlog.get_logger()

# A return of at most so many bytes is kept at hand until it is home.
AT_HAND = 16 * 1024
# The journal takes no more from this size on, and begins anew from the other when all that is in it is home.
JOURNAL_FULL = 256 * 1024
JOURNAL_WORN = 64 * 1024

_LENGTH = struct.Struct(">I")


class Spool:
    """The directory of returns that are not home yet: one file each, a return load as msgpack, named by its jid; and
    the journal among them.

    What the disk does not take is held in memory: it does not outlive the daemon, and that is said.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, bytes] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = Journal(directory / ".journal")

    @property
    def held(self) -> int:
        """How many the disk did not take: they are in memory only."""
        return len(self._held)

    def path(self, name: str) -> Path:
        """Where a child leaves the return of this name."""
        return self._directory / name

    def __contains__(self, name: str) -> bool:
        return name in self._held or name in self._journal.kept or os.path.exists(f"{self._directory}/{name}")

    def begun(self, name: str) -> bool:
        """Whether a child has begun the job of this name: it leaves the file it will write its return to."""
        return os.path.exists(f"{self._directory}/.{name}.new")

    def all_begun(self) -> set[str]:
        """The jobs that a child has begun, and not returned."""
        hidden = (path.name for path in self._directory.iterdir() if path.name.startswith("."))
        begun = {name[1:].removesuffix(".new") for name in hidden if name.endswith(".new")}
        return {name for name in begun if name not in self}

    def names(self) -> list[str]:
        """All that are there, the oldest first."""
        files = {path.name for path in self._directory.iterdir() if not path.name.startswith(".")}
        return sorted(files | self._journal.kept.keys())

    def write(
        self, name: str, load: dict[str, Any], *, fresh: bool = False, synced: bool = False
    ) -> dict[str, Any] | None:
        """Keep a return, and give what was kept, if it is small enough to be at hand until it is home.

        What cannot be packed is replaced by a text that says so: a job always returns. `fresh`: no file of this name
        is there, nor half of one, as a child may have left. `synced`: it outlasts a power cut, as a child's does.
        """
        try:
            data = pack_bin(load)
        except LocalProtocolError as exc:
            load = {**load, "return": f"The return cannot be sent: {exc}", "retcode": 1, "success": False}
            data = pack_bin(load)
        try:
            if synced:
                durable(self.path(name), data)
            elif not (fresh and self._journal.put(name, data)):
                self._write_file(name, data)
                self._journal.drop(name)
        except OSError as exc:
            log.error("return.not_spooled", jid=name, path=str(self._directory), reason=exc.strerror)
            self._held[name] = data
        return load if len(data) <= AT_HAND else None

    def _write_file(self, name: str, data: bytes) -> None:
        fresh = f"{self._directory}/.{name}.new"
        try:
            # Not `open()`: two objects and a buffer for one write.
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _write_whole(fd, data)
            finally:
                os.close(fd)
            os.replace(fresh, f"{self._directory}/{name}")
        except OSError:
            with suppress(OSError):
                os.unlink(fresh)
            raise

    def read(self, name: str) -> dict[str, Any]:
        """One return. Raises RemoteProtocolError for a file that is none, OSError."""
        load = unpack_bin(self._held.get(name) or self._journal.data(name) or self.path(name).read_bytes())
        if not isinstance(load, dict) or "jid" not in load:
            raise RemoteProtocolError(f"{name} holds no return")
        return load

    def age(self, name: str) -> float:
        """How many seconds ago it was written."""
        if name in self._held:
            return 0.0
        kept = self._journal.kept.get(name)
        return time.time() - (self.path(name).stat().st_mtime if kept is None else kept[0])

    def remove(self, name: str) -> None:
        """It is home."""
        self._held.pop(name, None)
        if not self._journal.drop(name):
            with suppress(FileNotFoundError):
                os.unlink(f"{self._directory}/{name}")


class Journal:
    """Small returns in one file that is appended to: `{name, at, data}` when one is written, `{name}` when it is home.

    `kept` is what is not home, by name: since when (wall seconds), and its bytes. What a daemon was killed over while
    it wrote, or a power cut left at the end, is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.kept: dict[str, tuple[float, bytes]] = {}
        self._path = path
        # Made with the first return: a full disk is no reason not to start.
        self._fd = -1
        self._size = 0
        try:
            written = path.read_bytes()
        except FileNotFoundError:
            return
        self._size = self._read(written)
        if self._size < len(written):
            log.warning("spool.journal_cut", path=str(path), bytes=len(written) - self._size)
            os.truncate(path, self._size)

    def _read(self, written: bytes) -> int:
        """Take up what an earlier daemon left: how many bytes of it are whole."""
        start = 0
        while start + _LENGTH.size <= len(written):
            end = start + _LENGTH.size + _LENGTH.unpack_from(written, start)[0]
            try:
                match unpack_bin(written[start + _LENGTH.size : end]) if end <= len(written) else None:
                    case {"name": str(name), "at": float(at), "data": bytes(data)}:
                        self.kept[name] = at, data
                    case {"name": str(name)}:
                        self.kept.pop(name, None)
                    case _:
                        return start
            except RemoteProtocolError:
                return start
            start = end
        return start

    def data(self, name: str) -> bytes | None:
        """The bytes of one; None when it is not here."""
        kept = self.kept.get(name)
        return None if kept is None else kept[1]

    def put(self, name: str, data: bytes) -> bool:
        """Keep one; False for one that is too big, or while there is no room. Raises OSError."""
        if len(data) > AT_HAND or self._size >= JOURNAL_FULL:
            return False
        at = time.time()
        self._append(pack_frame({"name": name, "at": at, "data": data}))
        self.kept[name] = at, data
        return True

    def drop(self, name: str) -> bool:
        """One is home; whether it was here."""
        if self.kept.pop(name, None) is None:
            return False
        try:
            if self.kept or self._size < JOURNAL_WORN:
                self._append(pack_frame({"name": name}))
            else:
                os.truncate(self._path, 0)
                self._size = 0
        except OSError:
            pass  # on a full disk: it is sent again by the next daemon, and its master knows it
        return True

    def _append(self, frame: bytes) -> None:
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write_whole(self._fd, frame)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(frame)


def _write_whole(fd: int, data: bytes) -> None:
    if os.write(fd, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
