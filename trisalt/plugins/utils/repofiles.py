"""Files of repositories, as dnf, yum and zypper keep them: sections of `key=value`. What is not changed stays as it
was, comments included.

Used by `pkg` on Red Hat's kin; zypper changes its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trisalt.errors import InvocationError

_SECTION = re.compile(r"\[([^]]+)\]\s*")
_PAIR = re.compile(r"([^\s=:#;][^=:]*?)\s*[=:]\s*(.*)")


def sections(text: str) -> dict[str, dict[str, str]]:
    """Every repository of a file. A value goes on in the lines below that are indented."""
    found: dict[str, dict[str, str]] = {}
    values: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if match := _SECTION.fullmatch(line):
            values, key = found.setdefault(match[1], {}), ""
        elif line[0].isspace():
            if key:
                values[key] += f"\n{line.strip()}"
        elif match := _PAIR.fullmatch(line.rstrip()):
            key = match[1]
            values[key] = match[2]
    return found


def changed(text: str, name: str, values: Mapping[str, Any], comments: list[str] | None = None) -> str:
    """The text with these values in a section, which is added when it is not there; None takes a value out."""
    for part in (name, *values, *(str(value) for value in values.values() if value is not None), *(comments or ())):
        if "\r" in part or "\0" in part or "\n" in part or (part == name and re.search(r"[\[\]/\s]", part)):
            raise InvocationError(f"Invalid value in a repository: {part!r}")
    head, body, tail = _apart(text, name)
    if _apart("".join(tail), name)[1]:
        raise InvocationError(f"The repository {name} stands twice in its file")
    left = dict(values)
    lines: list[str] = []
    skipping = False
    for line in body[1:]:
        match = _PAIR.fullmatch(line.rstrip()) if not line[:1].isspace() and not line.startswith(("#", ";")) else None
        if match is None:
            if not (skipping and line[:1].isspace() and line.strip()):
                lines.append(line)
            continue
        # Of a key that stands twice the last one counts: none of the others stays.
        skipping = match[1] in values
        if not skipping:
            lines.append(line)
        elif (value := left.pop(match[1], None)) is not None:
            lines.append(f"{match[1]}={_text(value)}\n")
    while lines and not lines[-1].strip():
        lines.pop()
    lines += [f"{key}={_text(value)}\n" for key, value in left.items() if value is not None]
    lines += [f"# {comment}\n" for comment in comments or ()]
    if head and head[-1].strip() and not body:
        head = [*head, "\n"]
    return "".join([*head, body[0] if body else f"[{name}]\n", *lines, *(["\n", *tail] if tail else [])])


def removed(text: str, name: str) -> str:
    """The text without a section, however often it stands there."""
    head, body, tail = _apart(text, name)
    return "".join(head) + removed("".join(tail), name) if body else "".join(head)


def _apart(text: str, name: str) -> tuple[list[str], list[str], list[str]]:
    """Lines before a section, of it, and behind it."""
    lines = [line if line.endswith("\n") else f"{line}\n" for line in text.splitlines(keepends=True)]
    starts = [number for number, line in enumerate(lines) if _SECTION.fullmatch(line.rstrip("\n"))]
    for place, start in enumerate(starts):
        match = _SECTION.fullmatch(lines[start].rstrip("\n"))
        if match and match[1] == name:
            end = starts[place + 1] if place + 1 < len(starts) else len(lines)
            return lines[:start], lines[start:end], lines[end:]
    return lines, [], []


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value)
