"""Edit the text of a file: patterns, comments, marked blocks. Content in, content out; nothing here opens a file.

In a pattern `\\w` and its kin are ASCII, as they are for stock Salt, which holds it against bytes.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from trisalt.errors import CommandError, InvocationError


def flags(given: Any) -> int:
    """The flags of a pattern: their number, a name, or a list of names."""
    if isinstance(given, int):
        return given & ~re.UNICODE | re.ASCII
    found = 0
    for name in [given] if isinstance(given, str) else given:
        flag = getattr(re, str(name).upper(), None)
        if not isinstance(flag, re.RegexFlag):
            raise CommandError(f"Invalid re flag given: {name}")
        found |= flag
    return found & ~re.UNICODE | re.ASCII


def encoded(text: Any) -> bytes:
    """A text as bytes of a file."""
    return str(text).encode(errors="surrogateescape")


@attrs.frozen(kw_only=True)
class Replacement:
    """What `file.replace` is to do. Where the pattern is nowhere, `extra` is put at the end that `where` names."""

    pattern: re.Pattern[str]
    repl: str
    count: int = 0
    where: str = ""
    extra: str = ""
    literal: bool = False

    def apply(self, text: str) -> str:
        """The new text. Raises re.error for a replacement that names a group that is not there."""
        repl = self.repl.replace("\\", "\\\\") if self.literal else self.repl
        new, found = self.pattern.subn(repl, text, count=self.count)
        if found or not self.where:
            return new
        # It may stand there since the last time.
        if re.search("^" + re.escape(self.extra) + "($|(?=\r\n))", text, re.MULTILINE):
            return text
        if self.where == "prepend":
            return self.extra + "\n" + text
        if text and not text.endswith("\n"):
            text += "\n"
        return text + self.extra + "\n"


def ended(data: bytes) -> bytes:
    """Content whose last line has an end."""
    return data if not data or data.endswith(b"\n") else data + eol(data)


def eol(data: bytes) -> bytes:
    """What ends the lines of a text, by its first one."""
    end = data.find(b"\n")
    return b"\r\n" if end > 0 and data[end - 1 : end] == b"\r" else b"\n"


def comment(data: bytes, regex: str, char: str, *, add: bool) -> tuple[bytes, bytes, bytes]:
    """Put a comment's mark before the lines that match from their beginning, or take it away.

    The new content, and the lines it is about as they were and as they are.
    """
    inner = regex.removeprefix("^").removesuffix("$").encode()
    end = b"$" if regex.endswith("$") else b""
    mark = char.encode()
    pattern = re.compile(b"^(" + inner + b")" + end if add else b"^" + re.escape(mark) + rb"(\s*" + inner + b")" + end)
    lines, old, new = [], [], []
    for line in data.splitlines(keepends=True):
        if pattern.search(line):
            old.append(line)
            line = mark + line if add else line[len(mark) :]
            new.append(line)
        lines.append(line)
    return b"".join(lines), b"".join(old), b"".join(new)


@attrs.frozen(kw_only=True)
class Block:
    """A marked block and what it should hold. One of the four from `append` on says where a new one goes."""

    start: bytes
    end: bytes
    content: bytes
    append: bool = False
    prepend: bool = False
    before: bytes | None = None
    after: bytes | None = None
    newline: bool | None = False

    def __attrs_post_init__(self) -> None:
        if sum(map(bool, (self.append, self.prepend, self.before, self.after))) > 1:
            raise InvocationError("Only one of append_if_not_found, prepend_if_not_found, insert_before_match, "
                                  "and insert_after_match is permitted")  # fmt: skip
        if not self.start or not self.end:
            raise InvocationError("The markers of a block are not empty")

    def apply(self, data: bytes) -> bytes:
        """The new content. Raises CommandError when the markers are not as they must be."""
        end = eol(data)
        inside = self._inside(end)
        lines: list[bytes] = []
        kept = -1  # how many lines there were when the block that is open began; -1 outside of one
        found = False
        for line in data.splitlines(keepends=True):
            if self.start in line:
                if kept >= 0:
                    del lines[kept:]
                lines.append(line)
                kept = len(lines)
            elif kept >= 0 and self.end in line:
                del lines[kept:]
                lines += [inside, line[line.index(self.end) :].rstrip(b"\r\n") + end]
                kept, found = -1, True
            else:
                lines.append(line)
        if kept >= 0:
            raise CommandError("Unterminated marked block. End of file reached before marker_end.")
        if found:
            return b"".join(lines)
        return self._new(lines, self.start + end + inside + self.end + end, end)

    def _inside(self, end: bytes) -> bytes:
        content = b"".join(line + end for line in self.content.splitlines())
        if self.content and not self.content.endswith(b"\n"):
            content = content.removesuffix(end)
        if self.newline or (self.newline is None and not content.endswith(b"\n")):
            content += end
        return content

    def _new(self, lines: list[bytes], block: bytes, end: bytes) -> bytes:
        if self.prepend:
            return block + b"".join(lines)
        if self.append:
            return ended(b"".join(lines)) + block
        pattern = self.before or self.after
        if pattern:
            for number, line in enumerate(lines):
                if re.search(pattern, line):
                    if self.before:
                        lines.insert(number, block)
                    else:
                        lines[number] = line if line.endswith(b"\n") else line + end
                        lines.insert(number + 1, block)
                    return b"".join(lines)
        raise CommandError("Cannot edit marked block. Markers were not found in file.")


def psed(text: str, before: str, after: str, *, limit: str, letters: str, escape_all: bool, multi: bool) -> str:
    """What `file.psed` makes of a text: a substitution line by line, or of the whole with `multi`."""
    found = 0
    for letter in letters:
        if letter == "g":
            continue
        if letter not in "AILMSUX":
            raise InvocationError(f"{letter!r} is no flag: they are letters of 'gAILMSUX'")
        found |= getattr(re, letter) if letter != "L" else 0
    pattern = re.compile(re.escape(before) if escape_all else before, found)
    repl = after.replace("\\", "\\\\") if escape_all else after
    count = 0 if "g" in letters else 1
    if multi:
        return pattern.sub(repl, text, count=count)
    return "".join(
        pattern.sub(repl, line, count=count) if not limit or re.search(limit, line) else line
        for line in text.splitlines(keepends=True)
    )


def sed_expression(before: str, after: str, *, limit: str, letters: str, escape_all: bool, negate: bool) -> str:
    """The `s` command that `file.sed` gives to sed(1)."""
    where = f"/{_sed(limit, escape_all)}/{'!' if negate else ''}" if limit else ""
    return f"{where}s/{_sed(before, escape_all)}/{_sed_by(after, escape_all)}/{letters}"


def _sed(text: str, escape_all: bool) -> str:
    if escape_all:
        text = re.sub(r"([][\\.*^$+?{}()|])", r"\\\1", text)
    return text.replace("\n", "\\n").replace("/", "\\/")


def _sed_by(text: str, escape_all: bool) -> str:
    if escape_all:
        text = re.sub(r"([\\&])", r"\\\1", text)
    return text.replace("\n", "\\n").replace("/", "\\/")
