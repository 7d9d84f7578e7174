"""What every backend of the file server answers, made from the two things that each does in its own way: to open a file
of an environment, and to list one. Plain blocking code.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from fnmatch import fnmatch, fnmatchcase

import attrs

# A file or directory that changed so lately may change again within one tick of the clock of its file system.
SETTLED_S = 2.0
HASHES_KEPT = 32_768


@attrs.frozen(kw_only=True)
class Found:
    """A file: `path` on this host, `rel` inside its environment, `stat` as a list, and the backend that has it.

    `stat` is as `os.stat` gives it; of what is no file on a disk it is the mode alone.
    """

    path: str
    rel: str
    stat: list[float]
    back: str = "roots"


@attrs.frozen(kw_only=True)
class Listing:
    """What one environment holds. `seen` tells of each directory that was read when it last changed."""

    files: list[str]
    dirs: list[str]
    empty_dirs: list[str]
    links: dict[str, str]
    seen: dict[str, tuple[int, int]] = attrs.field(factory=dict, repr=False)


class Served(ABC):
    """Files by environment. `opened` and `listing` are the backend's own."""

    def __init__(
        self,
        *,
        hash_type: str = "sha256",
        ignore_regex: Sequence[str] = (),
        ignore_glob: Sequence[str] = (),
        buffer_size: int = 1 << 20,
        settled_s: float = SETTLED_S,
    ) -> None:
        self.hash_type = hash_type
        self.buffer_size = buffer_size
        self._ignore_regex = [re.compile(pattern) for pattern in ignore_regex]
        self._ignore_glob = list(ignore_glob)
        self._settled_s = settled_s
        self._lock = threading.Lock()
        self._hashes: OrderedDict[tuple[object, ...], str] = OrderedDict()

    @abstractmethod
    def envs(self) -> list[str]:
        """The environments, sorted."""

    @abstractmethod
    def opened(self, path: str, saltenv: str) -> AbstractContextManager[tuple[int, Found] | None]:
        """A handle of a file, open within the context; None: no such file."""

    @abstractmethod
    def listing(self, saltenv: str) -> Listing:
        """All that an environment holds."""

    def find(self, path: str, saltenv: str) -> Found | None:
        """Where a file is; None when it is not there, ignored, or outside its root.

        `path` may carry stock's query (`?saltenv=dev`), and its escape (`|`).
        """
        with self.opened(path, saltenv) as opened:
            return None if opened is None else opened[1]

    def read(self, path: str, saltenv: str, loc: int = 0, size: int | None = None) -> tuple[bytes, str] | None:
        """`(bytes, rel)` from offset `loc`, `buffer_size` at most unless `size` says otherwise; None: no such file."""
        with self.opened(path, saltenv) as opened:
            if opened is None:
                return None
            fd, found = opened
            if loc < 0:
                return b"", found.rel
            return os.pread(fd, self.buffer_size if size is None else size, loc), found.rel

    def hash(self, path: str, saltenv: str) -> tuple[str, list[float]] | None:
        """The hex digest by `hash_type`, and the stat of the file it was made from; None: no such file."""
        with self.opened(path, saltenv) as opened:
            if opened is None:
                return None
            fd, found = opened
            return self._digest(fd), found.stat

    def files(self, saltenv: str, prefix: str = "") -> list[str]:
        """The files of an environment whose names begin with `prefix`, sorted."""
        return _with(self.listing(saltenv).files, prefix)

    def dirs(self, saltenv: str, prefix: str = "") -> list[str]:
        """The directories, sorted; the root is not named."""
        return _with(self.listing(saltenv).dirs, prefix)

    def empty_dirs(self, saltenv: str, prefix: str = "") -> list[str]:
        """The directories that hold nothing, sorted."""
        return _with(self.listing(saltenv).empty_dirs, prefix)

    def symlinks(self, saltenv: str, prefix: str = "") -> dict[str, str]:
        """The links and where they point."""
        prefix = prefix.strip("/")
        return {name: to for name, to in self.listing(saltenv).links.items() if name.startswith(prefix)}

    def _digest(self, fd: int) -> str:
        now = time.time()
        info = os.fstat(fd)
        key = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, self.hash_type)
        with self._lock:
            if (known := self._hashes.get(key)) is not None:
                self._hashes.move_to_end(key)
                return known
        digest = hashlib.new(self.hash_type)
        offset = 0
        while data := os.pread(fd, 1 << 20, offset):
            digest.update(data)
            offset += len(data)
        text = digest.hexdigest()
        if now - max(info.st_mtime, info.st_ctime) > self._settled_s:
            with self._lock:
                self._hashes[key] = text
                while len(self._hashes) > HASHES_KEPT:
                    self._hashes.popitem(last=False)
        return text

    def ignored(self, path: str) -> bool:
        """Whether `file_ignore_regex` or `file_ignore_glob` hides a path."""
        return any(regex.search(path) for regex in self._ignore_regex) or any(
            fnmatch(path, glob) for glob in self._ignore_glob
        )


def words(value: object) -> list[str]:
    """An option that is a text, or a list of them."""
    if isinstance(value, str):
        return [value]
    return [str(word) for word in value] if isinstance(value, list | tuple) else []


def _with(names: list[str], prefix: str) -> list[str]:
    prefix = prefix.strip("/")
    return [name for name in names if name.startswith(prefix)] if prefix else list(names)


def below(folder: str, path: str) -> str | None:
    """A path as it is below a folder; None when it is not."""
    if not folder:
        return path
    return path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else None


def matches(saltenv: str, expressions: Iterable[str]) -> bool:
    """Whether one of these, globs or regular expressions, is for the whole name."""
    for expression in expressions:
        if fnmatchcase(saltenv, expression):
            return True
        try:
            if re.fullmatch(expression, saltenv):
                return True
        except re.error:
            continue
    return False
