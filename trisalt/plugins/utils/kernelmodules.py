"""Kernel modules: what lsmod shows, what there is to load, and the file of those that are loaded at every start.

Used by `kmod`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from trisalt.errors import CommandError


def parse(text: str) -> list[dict[str, Any]]:
    """What lsmod printed, its head left out."""
    rows = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 3:
            deps = words[3].rstrip(",").split(",") if len(words) > 3 else []
            rows.append({"size": words[1], "module": words[0], "depcount": words[2], "deps": deps})
    return rows


def name_of(mod: str) -> str:
    """A module's name as the kernel has it. Raises CommandError for what is no name."""
    name = str(mod).replace("-", "_")
    if not name or name[0] == "_" or any(letter in name for letter in "/ \t\n"):
        raise CommandError(f"{mod!r} is no name of a kernel module")
    return name


def available(folder: str) -> list[str]:
    """The modules below a folder such as /lib/modules/6.1.0, those within the kernel included, sorted."""
    found = set()
    for name in ("modules.dep", "modules.builtin"):
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                paths = [line.partition(":")[0].strip() for line in file]
        except OSError:
            continue
        found |= {os.path.basename(path).partition(".ko")[0].replace("-", "_") for path in paths if path}
    return sorted(found)


def listed(text: str) -> list[str]:
    """The modules of a file of modules-load.d(5), sorted."""
    return sorted(
        {line.strip().replace("-", "_") for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"}
    )


def with_module(text: str, name: str) -> str:
    """A file with a module in it: a line that was a comment is one no more."""
    lines, fresh = [], [name]
    for line in text.splitlines():
        if fresh and line.strip().lstrip("#").strip().replace("-", "_") == name:
            lines += fresh
            fresh = []
        else:
            lines.append(line)
    return _joined([*lines, *fresh])


def without_module(text: str, name: str, comment: bool) -> str:
    """A file without a module; with `comment` its line stays as one."""
    lines = []
    for line in text.splitlines():
        if line.strip().replace("-", "_") != name:
            lines.append(line)
        elif comment:
            lines.append(f"#{line.strip()}")
    return _joined(lines)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
