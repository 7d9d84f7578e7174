"""Read the plain YAML that most configuration files are made of, without PyYAML, whose import costs most of it all.

Maps of words, lists of words, nothing that YAML could read in two ways. Whatever is not certain is left to PyYAML:
`read_plain` then gives None. A test holds that it never says anything else than PyYAML does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

_WORDS = {
    word: value
    for value, names in (
        (True, "true True TRUE yes Yes YES on On ON"),
        (False, "false False FALSE no No NO off Off OFF"),
        (None, "null Null NULL ~"),
    )
    for word in names.split()
}
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/")
_AFTER_DOT = frozenset("*/d")
_KEY = _LETTERS - {"/"} | frozenset("0123456789_.-")
_QUOTED = _LETTERS | frozenset("0123456789 .-+@%=:*,;()[]{}#<>!?&|$^~")


class _Uncertain(Exception):
    """This is for PyYAML to read."""


def read_plain(text: bytes) -> dict[str, Any] | None:
    """What the document says; None when PyYAML has to be asked."""
    try:
        lines = _lines(text.decode("ascii"))
        if not lines:
            return {}
        value, after = _block(lines, 0, 0)
    except (UnicodeDecodeError, _Uncertain):
        return None
    return value if after == len(lines) and isinstance(value, dict) else None


def _lines(text: str) -> list[tuple[int, str]]:
    """The lines that say something, each with its indentation."""
    found = []
    for line in text.split("\n"):
        bare = line.strip(" ")
        if not bare.isprintable():
            raise _Uncertain
        if not bare or bare[0] == "#":
            continue
        found.append((len(line) - len(line.lstrip(" ")), bare))
    return found


def _block(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[Any, int]:
    """The map or list whose first line is `at`; and the line after it."""
    if lines[at][0] != indent:
        raise _Uncertain
    if lines[at][1].startswith("- "):
        items = []
        while at < len(lines) and lines[at][0] == indent and lines[at][1].startswith("- "):
            items.append(_scalar(lines[at][1][2:].lstrip(" ")))
            at += 1
        _end(lines, at, indent)
        return items, at
    entries: dict[str, Any] = {}
    while at < len(lines) and lines[at][0] == indent and not lines[at][1].startswith("-"):
        key, colon, rest = lines[at][1].partition(":")
        if not colon or not key or key[0] not in _LETTERS or key in _WORDS or not _KEY.issuperset(key):
            raise _Uncertain
        at += 1
        if rest:
            if rest[0] != " ":
                raise _Uncertain
            entries[key] = _scalar(rest.lstrip(" "))
        elif at < len(lines) and (lines[at][0] > indent or (lines[at][0] == indent and lines[at][1][:2] == "- ")):
            entries[key], at = _block(lines, at, lines[at][0])
        else:
            entries[key] = None
    _end(lines, at, indent)
    return entries, at


def _end(lines: list[tuple[int, str]], at: int, indent: int) -> None:
    """After a block comes something less indented; or, after a list, the map it stands in."""
    if at < len(lines) and lines[at][0] > indent:
        raise _Uncertain


def _scalar(text: str) -> Any:
    if text in ("[]", "{}"):
        return [] if text == "[]" else {}
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0] and _QUOTED.issuperset(text[1:-1]):
        return text[1:-1]
    number = text.removeprefix("-")
    if number.isdigit():
        if number[0] != "0" or number == "0":
            return int(text)
        raise _Uncertain
    # Words as they stand: what begins like this is no number, and nothing inside ends it.
    wordy = text[0] in _LETTERS or (text[0] == "." and text[1:2] in _AFTER_DOT)
    if wordy and text[-1] != ":" and ": " not in text and " #" not in text:
        return text
    parts = text.split(".")
    if all(part.isdigit() for part in parts):
        if len(parts) == 2:
            return float(text)
        if len(parts) == 4:
            return text
    raise _Uncertain
