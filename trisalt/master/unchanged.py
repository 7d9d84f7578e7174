"""What was read of the files of one folder, believed while the folder says that it is the same.

A look at each file on each use is the dearest thing that a master does for a return: a call that gives the
interpreter away is paid again in waiting for it. One look at the folder stands for those at all of its files: whoever
makes, removes, moves or replaces one of them changes it. `master/sessions` keeps keys and sessions so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

# Two changes of a folder may have the same time: that of a tick of the kernel, on some file systems of two seconds.
SETTLED_S = 2.5
# A file that is written anew where it lies, as `cp` does, changes no folder: each is looked at once a minute, whatever
# the folder says.
AGAIN_S = 60.0


class Unchanged(Generic[T]):
    """By file name, what `note` was told since the folder changed. `clock` is monotonic, in seconds."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.found: dict[str, T] = {}
        self._folder = str(folder)
        self._clock = clock
        self._mark: tuple[int, int] | None = None
        # Nothing is noted before the folder has been the same for a while. What was is forgotten at `_until`.
        self._settled = False
        self._until = clock()

    def look(self) -> None:
        """Look at the folder, once before what may be asked of many of its files."""
        try:
            info = os.stat(self._folder)
            mark = info.st_mtime_ns, info.st_ino
        except OSError:
            mark = None
        now = self._clock()
        if mark is None or mark != self._mark:
            self._mark, self._settled = mark, False
            self._until = now + SETTLED_S
            self.found.clear()
        elif now >= self._until:
            self._settled = True
            self._until = now + AGAIN_S
            self.found.clear()

    def note(self, name: str, value: T) -> None:
        """This is what a file holds, which has been looked at since the last `look`."""
        if self._settled:
            self.found[name] = value
