"""One line of a text: put it in, replace it, take it out. The arithmetic of `file.line`.

A line is found by a pattern: the first that matches, and where others are put beside it, the only one.
Source: stock Salt 3008.3, what `file.line` makes of a table of texts.
"""

from __future__ import annotations

import re

import attrs

from trisalt.errors import CommandError

MODES = ("ensure", "replace", "delete", "insert")
_NOWHERE = "Wrong conditions? Unable to ensure line without knowing where to put it before and/or after."
_NO_PLACE = 'On insert either "location" or "before/after" conditions are required.'


@attrs.frozen(kw_only=True)
class Line:
    """What is to be done with a line, and where. Raises CommandError for conditions that say nothing."""

    mode: str | None
    content: str | None = None
    match: str | None = None
    location: str | None = None
    before: str | None = None
    after: str | None = None
    indent: bool = True

    def __attrs_post_init__(self) -> None:
        if self.mode is None:
            raise CommandError("Mode was not defined. How to process the file?")
        if self.mode not in MODES:
            raise CommandError(f'Unknown mode: "{self.mode}"')
        if self.content is None and self.mode != "delete":
            raise CommandError('Content can only be empty if mode is "delete"')
        if self.mode == "insert" and not (self.location or self.before or self.after):
            raise CommandError(_NO_PLACE)
        if self.mode == "insert" and self.location and self.location not in ("start", "end"):
            raise CommandError(f'Unknown location: "{self.location}". It is "start" or "end".')

    def apply(self, text: str) -> str:
        """The new text."""
        lines = text.splitlines(keepends=True) if "\n" in text or "\r" not in text else [text]
        match self.mode:
            case "delete":
                return "".join(self._delete(lines))
            case "replace":
                return "".join(self._replace(lines))
            case "insert":
                return "".join(self._insert(lines))
        return "".join(self._ensure(lines))

    # -- the modes ----------------------------------------------------------------------------------------------------

    def _delete(self, lines: list[str]) -> list[str]:
        pattern = self.match if self.match is not None else self.content
        found = _first(lines, pattern)
        if found is None:
            return lines
        gone = _bare(lines[found])
        return [line for line in lines if _bare(line) != gone]

    def _replace(self, lines: list[str]) -> list[str]:
        found = _first(lines, self.match if self.match is not None else self.content)
        if found is not None:
            old = lines[found]
            lines[found] = self._like(old) + _eol(old)
        return lines

    def _insert(self, lines: list[str]) -> list[str]:
        content = self.content or ""
        end = _eol(lines[0]) if lines else ""
        if self.location == "start":
            return [content.rstrip() + (end or "\n"), *lines]
        if self.location == "end":
            # The line that was the last is ended, whether it was or not.
            last = [lines[-1] + (end or "\n")] if lines else []
            return [*lines[:-1], *last, content.lstrip() if self.indent else content]
        if not lines:
            raise CommandError(_NO_PLACE)
        before, after = self._anchors(lines)
        if before is None and after is None:
            raise CommandError("Neither before or after was found in file")
        if before is not None:
            # Between two anchors it goes in whatever stands there.
            if after is None and before and self._is_there(lines[before - 1], lines[before]):
                return lines
            return self._put_before(lines, before, lines[before])
        assert after is not None
        if after + 1 < len(lines) and self._is_there(lines[after + 1], lines[after]):
            return lines
        return self._put_after(lines, after)

    def _ensure(self, lines: list[str]) -> list[str]:
        before, after = self._anchors(lines)
        if before is not None and after is not None:
            between = before - after - 1
            if between == 0:
                return self._put_after(lines, after)
            if between != 1:
                raise CommandError('Found more than one line between boundaries "before" and "after".')
            if not self._is_there(lines[after + 1], lines[after]):
                lines[after + 1] = self._like(lines[after]) + _eol(lines[after + 1])
            return lines
        if before is not None:
            there = before > 0 and self._is_there(lines[before - 1], lines[before])
            return lines if there else self._put_before(lines, before, lines[before])
        if after is not None:
            there = after + 1 < len(lines) and self._is_there(lines[after + 1], lines[after])
            return lines if there else self._put_after(lines, after)
        raise CommandError(_NOWHERE)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _anchors(self, lines: list[str]) -> tuple[int | None, int | None]:
        found: list[int | None] = []
        for name, pattern in (("before", self.before), ("after", self.after)):
            number = _first(lines, pattern)
            if number is not None and _first(lines[number + 1 :], pattern) is not None:
                raise CommandError(f'Found more than expected occurrences in "{name}" expression')
            found.append(number)
        return found[0], found[1]

    def _like(self, line: str) -> str:
        """The content with the indentation of a line."""
        content = (self.content or "").rstrip()
        if not self.indent:
            return content
        return line[: len(line) - len(line.lstrip(" \t"))] + content.lstrip()

    def _is_there(self, line: str, anchor: str) -> bool:
        return _bare(line) in ((self.content or "").rstrip("\r\n"), self._like(anchor))

    def _put_before(self, lines: list[str], number: int, like: str) -> list[str]:
        lines.insert(number, self._like(like) + (_eol(lines[number]) or "\n"))
        return lines

    def _put_after(self, lines: list[str], number: int) -> list[str]:
        anchor = lines[number]
        end = _eol(anchor)
        if not end:
            lines[number] = anchor + "\n"
        lines.insert(number + 1, self._like(anchor) + end)
        return lines


def _first(lines: list[str], pattern: str | None) -> int | None:
    """The first line that a pattern is found in."""
    if not pattern:
        return None
    try:
        regex = re.compile(pattern)
    except re.error as exc:
        raise CommandError(f"{exc}: '{pattern}'") from exc
    return next((number for number, line in enumerate(lines) if regex.search(line)), None)


def _bare(line: str) -> str:
    return line.rstrip("\r\n")


def _eol(line: str) -> str:
    return line[len(_bare(line)) :]
