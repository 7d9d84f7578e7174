"""inotify(7), by the C library: paths that are watched, and what has changed in them. Never waits.

Used by the beacon `inotify`, which imports it.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from trisalt.errors import CommandError

_EVENT = struct.Struct("iIII")
_ROOM = 1 << 16

MASKS = {
    "access": 0x1,
    "modify": 0x2,
    "attrib": 0x4,
    "close_write": 0x8,
    "close_nowrite": 0x10,
    "open": 0x20,
    "moved_from": 0x40,
    "moved_to": 0x80,
    "create": 0x100,
    "delete": 0x200,
    "delete_self": 0x400,
    "move_self": 0x800,
    "unmount": 0x2000,
    "ignored": 0x8000,
    "onlydir": 0x01000000,
    "dont_follow": 0x02000000,
    "excl_unlink": 0x04000000,
    "oneshot": 0x80000000,
}
_OPTIONS = ("onlydir", "dont_follow", "excl_unlink", "oneshot")
_NAMES = {bit: name for name, bit in MASKS.items() if name not in _OPTIONS}
_CREATE, _MOVED_TO, _IGNORED = MASKS["create"], MASKS["moved_to"], MASKS["ignored"]
_OVERFLOW, _IS_DIRECTORY = 0x4000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def there() -> bool:
    """Whether this host's C library has it."""
    return hasattr(_libc, "inotify_init1")


def shown(mask: Iterable[str]) -> set[str]:
    """Of the words of a mask those that are changes; the others say how to watch."""
    return {word for word in mask if word not in _OPTIONS}


@dataclass(frozen=True)
class Change:
    """One change: of which path, what, by the watch of which path (`told_by`), and for which of the roots."""

    root: str
    told_by: str
    path: str
    name: str
    is_directory: bool

    @property
    def shown(self) -> str:
        """The change as the kernel's manual calls it."""
        return f"IN_{self.name.upper()}" + ("|IN_ISDIR" if self.is_directory else "")

    @property
    def is_new_directory(self) -> bool:
        """Whether there is a directory now that was not there before."""
        return self.is_directory and self.name in ("create", "moved_to")


@dataclass(frozen=True)
class _Watch:
    root: str
    path: str
    mask: int


def held(context: MutableMapping[str, Any], key: str, wanted: Any) -> Watches:
    """The watches that `context` has under a beacon's key: new ones where it has none, or `wanted` is another."""
    kept = context.get(key)
    if kept is None or kept[0] != wanted:
        let_go(context, key)
        kept = context[key] = (wanted, Watches())
    watches: Watches = kept[1]
    return watches


def let_go(context: MutableMapping[str, Any], key: str) -> None:
    """Watch nothing under that key any more."""
    kept = context.pop(key, None)
    if kept is not None:
        kept[1].close()


class Watches:
    """One queue of the kernel, and the paths that it tells of. `lost`: it was full, and dropped some."""

    def __init__(self) -> None:
        self.lost = False
        self._fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._watches: dict[int, _Watch] = {}
        self._roots: set[str] = set()

    def watch(self, root: str, mask: Iterable[str], *, recurse: bool) -> None:
        """Watch a path, with `recurse` all directories below it; nothing happens when it is watched, or not there."""
        if root in self._roots or not os.path.lexists(root):
            return
        bits = 0
        for word in mask:
            bits |= MASKS[word]
        self._roots.add(root)
        self._add(root, root, bits)
        if recurse:
            self._add_tree(root, root, bits)

    def add_below(self, change: Change) -> None:
        """Watch a directory that has come up below a path, with what is below it."""
        bits = next((watch.mask for watch in self._watches.values() if watch.root == change.root), 0)
        if bits:
            self._add(change.root, change.path, bits)
            self._add_tree(change.root, change.path, bits)

    def tell_lost(self) -> None:
        """Raises CommandError, once, when the queue was full."""
        if self.lost:
            self.lost = False
            raise CommandError("The kernel has dropped changes that came too fast")

    def changes(self) -> list[Change]:
        """What has changed since the last time."""
        found = []
        while True:
            try:
                data = os.read(self._fd, _ROOM)
            except BlockingIOError:
                return found
            place = 0
            while place < len(data):
                number, bits, _cookie, length = _EVENT.unpack_from(data, place)
                place += _EVENT.size
                name = os.fsdecode(data[place : place + length].rstrip(b"\0"))
                place += length
                found += self._told(number, bits, name)

    def close(self) -> None:
        """Let go of the queue."""
        os.close(self._fd)

    def _told(self, number: int, bits: int, name: str) -> list[Change]:
        if bits & _OVERFLOW:
            self.lost = True
        watch = self._watches.get(number)
        if watch is None:
            return []
        if bits & _IGNORED:
            del self._watches[number]
            if watch.path == watch.root:
                # It is gone; when it comes back it is watched again.
                self._roots.discard(watch.root)
        path = os.path.join(watch.path, name) if name else watch.path
        directory = bool(bits & _IS_DIRECTORY)
        return [Change(watch.root, watch.path, path, word, directory) for bit, word in _NAMES.items() if bits & bit]

    def _add(self, root: str, path: str, mask: int) -> None:
        # New directories are always heard of: `auto_add` may have to watch them.
        bits = mask | ((_CREATE | _MOVED_TO) if os.path.isdir(path) else 0)
        number = _libc.inotify_add_watch(self._fd, os.fsencode(path), ctypes.c_uint32(bits))
        if number < 0:
            error = ctypes.get_errno()
            if not os.path.lexists(path):
                self._roots.discard(path)
                return
            raise OSError(error, os.strerror(error), path)
        self._watches[number] = _Watch(root, path, mask)

    def _add_tree(self, root: str, top: str, mask: int) -> None:
        for folder, folders, _files in os.walk(top):
            for name in folders:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    self._add(root, path, mask)
