"""What a power cut leaves of a folder: what was synced, and of the rest what it happens to leave.

A file's bytes are on the disk when it was synced, its name when its folder was. Without that both may be there, or not,
or in part: a name without its bytes, half of what was added to a file, zeros in the place of it. Folders stay.
"""

from __future__ import annotations

import enum
import os
import random
import stat
from pathlib import Path


class Left(enum.StrEnum):
    """What of it a cut leaves: of names, and of bytes."""

    NOTHING = "nothing"
    SOME = "some"
    TORN = "torn"
    """All names, but not all that was written under them."""
    ALL = "all"


class Synced:
    """What of `folder` is on the disk: bytes by inode, and names with their inodes by folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes: dict[int, bytes] = {}
        self._names: dict[str, dict[str, int]] = {}
        self.settle()

    def settle(self) -> None:
        """All of it is."""
        for path in _folders(self._folder):
            names = self._names[os.path.relpath(path, self._folder)] = _files(path)
            for name, inode in names.items():
                self._bytes[inode] = (path / name).read_bytes()

    def sync(self, fd: int) -> None:
        """A file, or a folder, was synced; perhaps one of another host."""
        path = Path(os.readlink(f"/proc/self/fd/{fd}"))
        if not path.is_relative_to(self._folder):
            return
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            self._names[os.path.relpath(path, self._folder)] = _files(path)
        elif path.exists():
            self._bytes[info.st_ino] = path.read_bytes()

    def moved(self, fresh: Path) -> None:
        """The folder has been copied, and the copy is the one from now on: what was not synced still is not."""
        inodes = {}
        for path in _folders(self._folder):
            here, there = _files(path), _files(fresh / path.relative_to(self._folder))
            inodes |= {inode: there[name] for name, inode in here.items()}
        self._folder = fresh
        self._bytes = {inodes.get(inode, inode): data for inode, data in self._bytes.items()}
        self._names = {
            folder: {name: inodes.get(inode, inode) for name, inode in names.items()}
            for folder, names in self._names.items()
        }

    def cut(self, fresh: Path, left: Left, draw: random.Random) -> None:
        """Fill a new folder with what is left, which is the one from now on."""
        folders = _folders(self._folder)
        here = {inode: path / name for path in folders for name, inode in _files(path).items()}
        for path in folders:
            folder = os.path.relpath(path, self._folder)
            (fresh / folder).mkdir(exist_ok=True, mode=0o700)
            before, after = self._names.get(folder, {}), _files(path)
            for name in sorted(before.keys() | after.keys()):
                names = after if _is_left(left, draw) else before
                if (inode := names.get(name)) is not None:
                    data = self._left_of(inode, here.get(inode), left, draw)
                    target = fresh / folder / name
                    target.write_bytes(data)
                    target.chmod(stat.S_IMODE(here[inode].stat().st_mode) if inode in here else 0o600)
        self._folder, self._bytes, self._names = fresh, {}, {}
        self.settle()

    def _left_of(self, inode: int, path: Path | None, left: Left, draw: random.Random) -> bytes:
        synced = self._bytes.get(inode, b"")
        written = synced if path is None else path.read_bytes()
        if written == synced or not _is_left(left, draw):
            return synced
        if left is Left.ALL or not written.startswith(synced):
            return written
        more = written[len(synced) :]
        return synced + draw.choice((more[: draw.randrange(len(more))], bytes(len(more))))


def _is_left(left: Left, draw: random.Random) -> bool:
    return draw.random() < 0.5 if left is Left.SOME else left is not Left.NOTHING


def _folders(folder: Path) -> list[Path]:
    return [Path(path) for path, _folders, _files in sorted(os.walk(folder))]


def _files(folder: Path) -> dict[str, int]:
    with os.scandir(folder) as found:
        return {one.name: one.inode() for one in found if one.is_file(follow_symlinks=False)}
