"""The text of a zone file, RFC 1035, as a map. Pure.

Used by `dnsutil`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|;[^\n]*|[()]|[^\s;()"]+')
_CLASSES = ("IN", "CH", "HS")
_SOA = ("SERIAL", "REFRESH", "RETRY", "EXPIRE", "MINTTL")


def parse(text: str) -> dict[str, Any]:
    """`ORIGIN`, `TTL`, the fields of the SOA, and by kind the records: lists of NS and MX, maps by name of others.

    A record with a time to live of its own is `{TARGET, TTL}`; the last of several of one name is told.
    """
    zone: dict[str, Any] = {}
    owner = ""
    for line, words in _entries(text):
        if words[0].startswith("$"):
            if len(words) > 1:
                zone[words[0][1:].upper()] = words[1]
            continue
        if not line[:1].isspace():
            owner, words = words[0], words[1:]
        ttl, kind, data = _record(words)
        if not kind:
            continue
        name = _absolute(owner, zone)
        if kind == "SOA":
            zone["NETWORK"] = next((word.upper() for word in words if word.upper() in _CLASSES), "IN")
            zone.update(_authority(data))
        elif kind == "NS":
            zone.setdefault("NS", []).append(" ".join(data))
        elif kind == "MX":
            zone.setdefault("MX", []).append({"priority": data[0], "host": data[-1]})
        else:
            target = " ".join(data)
            zone.setdefault(kind, {})[name] = {"TARGET": target, "TTL": ttl} if ttl else target
    return zone


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each entry's first line and its words, those in brackets over several lines together."""
    first, words, depth = "", [], 0
    for line in text.splitlines():
        if not words:
            first = line
        for word in _WORD.findall(line):
            if word.startswith(";"):
                break
            if word in "()":
                depth += 1 if word == "(" else -1
            else:
                words.append(word)
        if depth <= 0 and words:
            yield first, words
            words, depth = [], 0
    if words:
        yield first, words


def _record(words: list[str]) -> tuple[str, str, list[str]]:
    """A record's time to live, kind and data; no kind where it has none."""
    ttl = ""
    for number, word in enumerate(words):
        if re.fullmatch(r"\d+[smhdwSMHDW]?", word):
            ttl = word
        elif word.upper() not in _CLASSES:
            return ttl, word.upper() if words[number + 1 :] else "", words[number + 1 :]
    return "", "", []


def _authority(data: list[str]) -> dict[str, Any]:
    if len(data) < 2 + len(_SOA):
        return {}
    mailbox, _, domain = data[1].partition(".")
    numbers = [int(each) if each.isdigit() and n else each for n, each in enumerate(data[2 : 2 + len(_SOA)])]
    return {"SOURCE": data[0], "CONTACT": f"{mailbox}@{domain}", **dict(zip(_SOA, numbers, strict=True))}


def _absolute(name: str, zone: dict[str, Any]) -> str:
    origin = zone.get("ORIGIN", "")
    if name == "@":
        return str(origin)
    return name if name.endswith(".") or not origin else f"{name}.{origin.lstrip('.')}"
