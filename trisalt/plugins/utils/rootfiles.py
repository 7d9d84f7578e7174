"""Files below the roots of environments (`file_roots`, `pillar_roots`): found, read and written, never outside them.

Used by the wheel functions `file_roots` and `pillar_roots`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.errors import CommandError

Roots = Mapping[str, Sequence[str]]

# So much of a file says whether it is text.
HEAD = 4096


def tree(root: str) -> dict[str, Any]:
    """What is below a folder: a folder is a map, a file is `"f"`."""
    found: dict[str, Any] = {}
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return found
    for entry in entries:
        # What a link leads to is elsewhere, or here already.
        found[entry.name] = tree(entry.path) if entry.is_dir(follow_symlinks=False) else "f"
    return found


def find(roots: Roots, path: str, saltenv: str) -> list[dict[str, str]]:
    """The files of that name, in each root that has one: `{where: "txt" or "bin"}`."""
    found = []
    for root in roots.get(saltenv) or ():
        where = _beneath(root, path)
        if where is not None and os.path.isfile(where):
            with open(where, "rb") as file:
                found.append({os.path.join(root, path): "txt" if _is_text(file.read(HEAD)) else "bin"})
    return found


def read(roots: Roots, path: str, saltenv: str) -> list[dict[str, str]]:
    """The texts of that name, in each root that has one: `{where: text}`."""
    found = []
    for item in find(roots, path, saltenv):
        for where, kind in item.items():
            if kind == "txt":
                with open(where, encoding="utf-8", errors="replace") as file:
                    found.append({where: file.read()})
    return found


def target(roots: Roots, path: str, saltenv: str, index: int) -> str:
    """Where a file that is written goes; its folder is made. Raises CommandError, in stock's words."""
    if saltenv not in roots:
        raise CommandError(f"Named environment {saltenv} is not present")
    if not isinstance(index, int) or not 0 <= index < len(roots[saltenv]):
        raise CommandError(f"Specified index {index} in environment {saltenv} is not present")
    if os.path.isabs(path):
        raise CommandError(f"The path passed in {path} is not relative to the environment {saltenv}")
    root = roots[saltenv][index]
    where = _beneath(root, path)
    if where is None or where == os.path.realpath(root) or os.path.isdir(where):
        raise CommandError(f"Invalid path: {path}")
    try:
        os.makedirs(os.path.dirname(where), exist_ok=True)
    except OSError as exc:
        raise CommandError(f"{os.path.dirname(where)}: {exc.strerror}") from exc
    return where


def _beneath(root: str, path: str) -> str | None:
    """Where a path leads, links followed; None when that is not below the root."""
    if not path or "\0" in path or os.path.isabs(path):
        return None
    inside = os.path.realpath(root)
    where = os.path.realpath(os.path.join(inside, path))
    return where if where == inside or where.startswith(inside.rstrip("/") + "/") else None


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as exc:
        # A letter may be cut in two at the end.
        return exc.start > len(head) - 4 and len(head) == HEAD
    return True
