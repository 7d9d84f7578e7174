"""`--enable-profiling`: what a function spends its time on, in a file that `python -m pstats` reads."""

from __future__ import annotations

import cProfile
import os
import re
import stat
import sys
from collections.abc import Callable
from typing import TypeVar

from trisalt.errors import CommandError

T = TypeVar("T")


def profiled(call: Callable[[], T], folder: str, name: str) -> T:
    """What `call` returns; how it spent its time goes to `<folder>/<name>.pstat`.

    Raises CommandError, before anything is called, for a folder that cannot be made or that others may write to.
    """
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        info = os.stat(folder)
    except OSError as exc:
        raise CommandError(f"--profiling-path {folder}: {exc.strerror}") from exc
    if info.st_uid not in (0, os.geteuid()) or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CommandError(f"--profiling-path {folder}: others may write there")
    path = os.path.join(folder, re.sub(r"[^A-Za-z0-9_.-]", "_", name) + ".pstat")
    profile = cProfile.Profile()
    try:
        return profile.runcall(call)
    finally:
        profile.dump_stats(path)
        sys.stderr.write(f"What it spent its time on is in {path}\n")
