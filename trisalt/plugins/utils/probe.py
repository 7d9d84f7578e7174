"""Looking at the host for grains: a file that may not be there, a program that may not answer."""

from __future__ import annotations

import subprocess


def run(argv: list[str], *, seconds: float = 10) -> str:
    """What a program prints on stdout; nothing where it cannot be run, or takes longer than `seconds`."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def read(path: str) -> str:
    """The text of a file; nothing where it cannot be read."""
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""
