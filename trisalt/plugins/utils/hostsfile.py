"""The text of a hosts(5) file: what is in it, and with one line of it changed. Pure; other lines stay as they are.

Used by `hosts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def parse(text: str) -> dict[str, Any]:
    """`{ip: {aliases, comment}}`, the lines of one address joined; a line of comment is `comment-N: [line]`."""
    found: dict[str, Any] = {}
    comments = 0
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            found[f"comment-{comments}"] = [line.strip()]
            comments += 1
            continue
        ip, aliases, comment = split(line)
        if not ip:
            continue
        entry = found.setdefault(ip, {"aliases": []})
        entry["aliases"] += aliases
        if comment:
            entry["comment"] = comment
    return found


def split(line: str) -> tuple[str, list[str], str]:
    """A line as address, names and comment; no address where there is none."""
    entry, _, comment = line.partition("#")
    ip, *aliases = entry.split() or [""]
    return ip, aliases, comment.strip()


def entry(ip: str, aliases: Iterable[str], comment: str = "") -> str:
    """A line as stock Salt writes it."""
    return f"{ip}\t\t{' '.join(aliases)}" + (f"\t\t# {comment}" if comment else "")


def with_only(text: str, ip: str, aliases: list[str], comment: str = "") -> str:
    """An address with these names alone; without names, without the address."""
    fresh = [entry(ip, aliases, comment)] if aliases else []

    def change(_aliases: list[str], _comment: str) -> str | None:
        return fresh.pop() if fresh else None

    lines = _changed(text, ip, change)
    return _joined(lines + fresh)


def without(text: str, ip: str, names: list[str]) -> str:
    """Names taken from an address, and the line with them where they were the last."""

    def change(aliases: list[str], comment: str) -> str | None:
        kept = [name for name in aliases if name not in names]
        return entry(ip, kept, comment) if kept else None

    return _joined(_changed(text, ip, change, only=lambda aliases: bool(set(aliases) & set(names))))


def with_added(text: str, ip: str, aliases: list[str]) -> str:
    """An address with these names beside those that it has."""
    known = parse(text).get(ip)
    if known is None:
        return _joined([*text.splitlines(), entry(ip, aliases)])
    missing = [name for name in dict.fromkeys(aliases) if name not in known["aliases"]]
    if not missing:
        return text
    return with_only(text, ip, known["aliases"] + missing, known.get("comment", ""))


def with_comment(text: str, ip: str, comment: str) -> str:
    """An address with this comment."""
    known = parse(text).get(ip)
    if known is None or known.get("comment", "") == comment:
        return text
    return with_only(text, ip, known["aliases"], comment)


def _changed(
    text: str,
    ip: str,
    change: Callable[[list[str], str], str | None],
    only: Callable[[list[str]], bool] = lambda _aliases: True,
) -> list[str]:
    lines = []
    for line in text.splitlines():
        found, aliases, comment = split(line)
        if found == ip and only(aliases):
            fresh = change(aliases, comment)
            if fresh is not None:
                lines.append(fresh)
        else:
            lines.append(line)
    return lines


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
