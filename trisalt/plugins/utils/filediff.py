"""Differences of files as states tell them: unified, or in a sentence where one side is no text.

Used by `file`.
"""

from __future__ import annotations

import codecs
import filecmp
from collections.abc import Sequence

from trisalt.errors import CommandError

_SAMPLE = 512
# What a text in an encoding that is not UTF-8 is made of for the greatest part.
_PRINTABLE = bytes({7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x7F)})


def is_text(data: bytes) -> bool:
    """Whether content looks like text, by its beginning."""
    sample = data[:_SAMPLE]
    if b"\0" in sample:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return len(sample.translate(None, _PRINTABLE)) / len(sample) <= 0.30
    return True


def read(path: str, most: int = -1) -> bytes:
    """A file of a difference, or its beginning. Raises CommandError, in stock's words."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError as exc:
        raise CommandError(f"Failed to read {path}: {exc.strerror}") from exc


def unified(old: bytes, new: bytes, old_name: str = "", new_name: str = "") -> str:
    """A unified difference; "" when there is none. A line that is no UTF-8 is read as
    Latin-1."""
    import difflib  # most files are as they should be

    lines = difflib.unified_diff(_lines(old), _lines(new), old_name, new_name)
    return "".join(lines)


def between(
    old: bytes | str, new: bytes | str, old_name: str = "", new_name: str = "",
    *, show_changes: bool = True, template: bool = False,
) -> str:  # fmt: skip
    """How two contents differ, in stock's words; "" when they do not. A str is the path of a file.

    What is no text is not read as a whole.
    """
    if _is_same(old, new):
        return ""
    if not show_changes:
        return "<show_changes=False>"
    kinds = is_text(_head(old)), is_text(_head(new))
    if template or kinds == (True, True):
        return unified(content(old), content(new), old_name, new_name)
    if kinds[0]:
        return "Replace text file with binary file"
    return "Replace binary file with text file" if kinds[1] else "Replace binary file"


def content(source: bytes | str) -> bytes:
    """The bytes themselves, or what is in the file of that path."""
    return source if isinstance(source, bytes) else read(source)


def _head(source: bytes | str) -> bytes:
    if isinstance(source, bytes):
        return source
    return read(source, _SAMPLE)


def _is_same(old: bytes | str, new: bytes | str) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        try:
            return filecmp.cmp(old, new, shallow=False)
        except OSError:
            pass  # which of them it is, is said when it is read
    return content(old) == content(new)


def is_same_but_for(
    old: bytes, new: bytes, *, ordering: bool, whitespace: bool, comments: str | Sequence[str] | None
) -> bool:
    """Whether two texts are the same when the order of lines, space, or commented lines do not count."""
    marks = tuple([comments] if isinstance(comments, str) else comments or ())

    def plain(data: bytes) -> list[str]:
        lines = _lines(data)
        if marks:
            lines = [line for line in lines if not line.lstrip().startswith(marks)]
        if whitespace:
            lines = [squeezed for line in lines if (squeezed := "".join(line.split()))]
        return sorted(lines) if ordering else lines

    return plain(old) == plain(new)


def _lines(data: bytes) -> list[str]:
    # Only what ends a line of a file ends one here: not the separators of Unicode.
    return [_text(line) for line in data.splitlines(keepends=True)]


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
