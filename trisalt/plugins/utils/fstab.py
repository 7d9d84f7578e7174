"""The lines of an fstab: read, matched, written. Pure: texts in, texts out.

Used by `mount`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from trisalt.errors import CommandError, InvocationError

FIELDS = ("device", "name", "fstype", "opts", "dump", "pass_num")
# File systems of which several have the same device: an entry of one is known by its mount point.
# Source: stock Salt 3008.3, `mount.set_fstab` with `match_on: auto`.
_BY_NAME = frozenset(
    {
        "btrfs", "ceph", "cgroup", "debugfs", "devtmpfs", "fusectl", "glusterfs", "nfs", "nfs4", "none", "proc",
        "securityfs", "sysfs", "tmpfs",
    }
)  # fmt: skip


def read(line: str) -> dict[str, str] | None:
    """One line of an fstab as its fields, by name; None for a comment, and for what is no entry."""
    words = line.split()
    if line.lstrip().startswith("#") or not 4 <= len(words) <= 6:
        return None
    words += ["0"] * (6 - len(words))
    return {field: _unescaped(word) for field, word in zip(FIELDS, words, strict=True)}


def written(entry: dict[str, Any]) -> str:
    """One entry as a line, blanks in its fields written so that it is read as one."""
    device, name, fstype, opts, dump, number = (_escaped(str(entry[field])) for field in FIELDS)
    return f"{device}\t\t{name}\t{fstype}\t{opts}\t{dump} {number}\n"


def criteria(match_on: Any, fstype: str) -> list[str]:
    """The fields by which an entry is known to be the one that is meant. Raises CommandError for others."""
    if match_on == "auto":
        return ["name"] if fstype in _BY_NAME else ["device"]
    wanted = [match_on] if isinstance(match_on, str) else match_on
    if not isinstance(wanted, list | tuple) or not wanted:
        raise CommandError("match_on is auto, a field, or a list of fields")
    unknown = [str(field) for field in wanted if field not in FIELDS]
    if unknown:
        raise CommandError(f"Unrecognized keys in match_on: {', '.join(unknown)}")
    return list(wanted)


def put(lines: Iterable[str], entry: dict[str, Any], by: Sequence[str], *, keep: bool) -> tuple[str, list[str]]:
    """`(what, lines)`: the lines with this entry in them. `what` is new, change or present.

    `by` are the fields by which it is known; with `keep` one that is there stays as it is.
    """
    fresh, what = [], "new"
    for line in lines:
        there = read(line)
        if there is None or any(there[field] != str(entry[field]) for field in by):
            fresh.append(line)
            continue
        same = keep or all(there[field] == str(entry[field]) for field in FIELDS)
        what = "present" if same and what == "new" else "change"
        fresh.append(line if same else written(entry))
    if what == "new":
        if fresh and not fresh[-1].endswith("\n"):
            fresh[-1] += "\n"
        fresh.append(written(entry))
    return what, fresh


def without(lines: Iterable[str], fits: Callable[[dict[str, str]], bool]) -> list[str]:
    """The lines but those of the entries that fit."""
    return [line for line in lines if (there := read(line)) is None or not fits(there)]


def entry(name: str, device: str, fstype: str, opts: Any, dump: Any, pass_num: Any) -> dict[str, Any]:
    """An entry of an operator's words. Raises InvocationError for what no line can say."""
    joined = ",".join(str(opt) for opt in opts) if isinstance(opts, list | tuple) else str(opts)
    made = dict(zip(FIELDS, (device, name, fstype, joined, dump, pass_num), strict=True))
    for field, value in made.items():
        if not str(value) or re.search(r"[\n\r\0]", str(value)):
            raise InvocationError(f"{field} is empty, or holds more than one line")
    return made


def _escaped(text: str) -> str:
    return "".join(f"\\{ord(char):03o}" if char in " \t\\" else char for char in text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
