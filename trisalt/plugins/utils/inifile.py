"""The lines of an ini file: read, and changed where they say something else. Pure: text in, text out.

What is not asked for stays as it stands: comments, blanks, order, the spaces of other lines.
Used by `ini_manage`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trisalt.errors import InvocationError

_HEADER = re.compile(r"\[(.+)\]\s*")
TOP = ""


@dataclass(frozen=True)
class Part:
    """A header (`key` is None) or an option, and which lines it has."""

    section: str
    key: str | None
    value: str
    first: int
    last: int


def parts(lines: list[str], separator: str = "=") -> Iterator[Part]:
    """The headers and options, in their order. A line that begins with a blank goes on with the option before it."""
    section, found = TOP, None
    for number, line in enumerate(lines):
        text = line.rstrip("\r\n")
        header = _HEADER.fullmatch(text)
        if found is not None and text.strip() and text[0] in " \t":
            found = Part(section, found.key, f"{found.value}\n{text.rstrip()}", found.first, number)
            continue
        if found is not None:
            yield found
            found = None
        if header:
            section = header[1]
            yield Part(section, None, "", number, number)
            continue
        key, mark, value = text.partition(separator)
        if mark and key.strip() and key.strip()[0] not in "#;[":
            found = Part(section, key.strip(), value.strip(), number, number)
    if found is not None:
        yield found


def read(text: str, separator: str = "=") -> dict[str, Any]:
    """What a file says: options without a section by their names, and sections as mappings."""
    found: dict[str, Any] = {}
    for part in parts(text.splitlines(keepends=True), separator):
        if part.key is None:
            if not isinstance(found.get(part.section), dict):
                found[part.section] = {}
        elif part.section == TOP:
            found[part.key] = part.value
        else:
            found[part.section][part.key] = part.value
    return found


def same(one: str, other: str) -> bool:
    """Whether two values say the same: how far their further lines are indented says nothing."""
    return [line.strip() for line in one.splitlines()] == [line.strip() for line in other.splitlines()]


def put(text: str, section: str, options: Mapping[str, str], separator: str = "=", *, tight: bool = False) -> str:
    """The text with these options in a section (`TOP` for none), which is made if it is missing."""
    lines, end = text.splitlines(keepends=True), "\r\n" if "\r\n" in text else "\n"
    _checked(section, options, separator)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    if section != TOP and not any(part.key is None and part.section == section for part in parts(lines, separator)):
        lines += [*([end] if lines and lines[-1].strip() else []), f"[{section}]{end}"]
    for key, value in options.items():
        mark = separator if tight else f" {separator} "
        # Further lines are indented: they are of this option.
        first, *more = value.split("\n") if value else [""]
        fresh = [f"{key}{mark}{first}".rstrip() + end, *(f"    {line.strip()}{end}" for line in more if line.strip())]
        there = [part for part in parts(lines, separator) if part.section == section]
        mine = [part for part in there if part.key == key]
        if mine:
            # The last one counts.
            lines[mine[-1].first : mine[-1].last + 1] = fresh
        elif there and section != TOP:
            place = _end(lines, section)
            lines[place:place] = fresh
        elif there:
            lines[there[-1].last + 1 : there[-1].last + 1] = fresh
        else:
            place = next(
                (number for number, line in enumerate(lines) if _HEADER.fullmatch(line.rstrip("\r\n"))), len(lines)
            )
            lines[place:place] = [*fresh, *([end] if place < len(lines) else [])]
    return "".join(lines)


def without_option(text: str, section: str, key: str, separator: str = "=") -> str:
    """The text without an option of a section."""
    lines = text.splitlines(keepends=True)
    for part in reversed([part for part in parts(lines, separator) if (part.section, part.key) == (section, key)]):
        del lines[part.first : part.last + 1]
    return "".join(lines)


def without_section(text: str, section: str, separator: str = "=") -> str:
    """The text without a section: from its header to the next one."""
    lines = text.splitlines(keepends=True)
    headers = [part for part in parts(lines, separator) if part.key is None]
    ends = [part.first for part in headers[1:]] + [len(lines)]
    for part, end in reversed(list(zip(headers, ends, strict=True))):
        if part.section == section:
            first = part.first
            while end == len(lines) and first and not lines[first - 1].strip():
                # Nothing follows that these blanks would set apart.
                first -= 1
            del lines[first:end]
    return "".join(lines)


def _end(lines: list[str], section: str) -> int:
    """Where a section takes another option: behind all that is its own, before a comment that is set apart."""
    headers = [number for number, line in enumerate(lines) if _HEADER.fullmatch(line.rstrip("\r\n"))]
    start = next(
        number for number in reversed(headers) if _HEADER.fullmatch(lines[number].rstrip("\r\n"))[1] == section
    )

    def back(place: int, passed: str) -> int:
        while place > start + 1 and (lines[place - 1].strip()[:1] or " ") in passed:
            place -= 1
        return place

    end = back(next((number for number in headers if number > start), len(lines)), " ")
    apart = back(end, "#;")
    return back(apart, " ") if apart < end and apart > start + 1 and not lines[apart - 1].strip() else end


def _checked(section: str, options: Mapping[str, str], separator: str) -> None:
    """Raises InvocationError for a name that would be read as another."""
    if re.search(r"[\r\n\0]", section) or section != section.strip("\r\n"):
        raise InvocationError(f"{section!r} is no name of a section")
    for key, value in options.items():
        if not key or key != key.strip() or key[0] in "#;[" or separator in key or re.search(r"[\r\n\0]", key):
            raise InvocationError(f"{key!r} is no name of an option")
        if re.search(r"[\r\0]", value):
            raise InvocationError(f"the value of {key} holds what no line can")
