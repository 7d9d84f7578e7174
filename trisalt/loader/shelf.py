"""The plugins of a folder, by name; and of a folder of ours what its files say of themselves, without importing them.

Which module a file of ours may be, and which functions it may have, is in its text, so that one is imported only when
it has what is asked for. What was read stays for the process, and for all that are forked from it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

# How files of ours say which module they are: by `__virtualname__`, or by what their `__virtual__` returns.
_NAMED = re.compile(rb'__virtualname__ = "([^"\n]+)"')
_RETURNED = re.compile(rb'return "([^"\n]+)"')
# Those that make functions in a loop may have any.
_MADE = b"globals()"


class Shelf:
    """One folder of ours."""

    def __init__(self, place: str) -> None:
        self.files = tuple(plugin_files(place, zips=False))
        self._paths = dict(self.files)
        self._claims: dict[str, frozenset[bytes]] = {}
        self._texts: dict[str, bytes] = {}

    def may_be(self, stem: str, module: str) -> bool:
        """Whether the `__virtual__` of a file may say that it is this module."""
        return module.encode() in self._claimed(stem)

    def may_have(self, stem: str, function: str) -> bool:
        """Whether a file may have a function of this name."""
        text = self._text(stem)
        return function.encode() in text or _MADE in text

    def learn(self, stem: str) -> None:
        """Read what has to be known of all files by who looks for a function of this one's module."""
        names = self._claimed(stem) | {stem.encode()}
        for other in self._paths:
            if self._claimed(other) & names:
                self._text(other)

    def _claimed(self, stem: str) -> frozenset[bytes]:
        claims = self._claims.get(stem)
        if claims is None:
            claims = self._claims[stem] = frozenset(_claims(text_of(self._paths[stem])))
        return claims

    def _text(self, stem: str) -> bytes:
        text = self._texts.get(stem)
        if text is None:
            text = self._texts[stem] = text_of(self._paths[stem])
        return text


def shelf(place: Path) -> Shelf:
    """What is known of a folder of ours, as it is now."""
    try:
        changed = os.stat(place).st_mtime_ns
    except FileNotFoundError:  # of this kind we have none
        changed = 0
    return _shelf(str(place), changed)


@lru_cache(maxsize=64)
def _shelf(place: str, _changed: int) -> Shelf:
    return Shelf(place)


def plugin_files(place: str, *, zips: bool) -> Iterator[tuple[str, str]]:
    """The plugins of a folder by name: files, compiled ones, packages, and zip files where they are allowed.

    Of several of one name the first kind wins, in that order.
    """
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return
    compiled, packages, zipped = [], [], []
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        path = f"{place}/{name}"
        if name.startswith((".", "_", "~")):
            continue
        if suffix == "py" and dot:
            yield stem, path
        elif name.endswith(tuple(EXTENSION_SUFFIXES)):
            compiled.append((name.partition(".")[0], path))
        elif suffix == "zip" and dot and zips:
            zipped.append((stem, path))
        elif os.path.isfile(init := f"{path}/__init__.py"):
            packages.append((name, init))
    yield from (*compiled, *packages, *zipped)


def text_of(path: str) -> bytes:
    """What a file holds; nothing when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _claims(text: bytes) -> list[bytes]:
    start = text.find(b"\ndef __virtual__(")
    if start < 0:
        return []
    end = text.find(b"\n\n\n", start)
    return _NAMED.findall(text) + _RETURNED.findall(text, start, len(text) if end < 0 else end)
