"""What goes wrong in an SLS file: stock's words, with the line, and an excerpt of the template around it."""

from __future__ import annotations

from trisalt.errors import RenderError

MARKER = "    <======================"
AROUND = 5


class SlsError(RenderError):
    """A template or an SLS file does not render.

    `str()` is the text as stock Salt gives it, with an excerpt of the file; `reason` is the text alone, for logs.
    `line` and `path` say where, as far as that is known.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        source: str = "",
        path: str | None = None,
        imported: bool = False,
    ) -> None:
        """`source` is the text that `line` counts in: with both, an excerpt is part of the message.

        `imported`: the text is that of another file at `path`, which the message names too.
        """
        self.reason = message
        self.line = line
        self.path = path
        if line and source:
            message += f"\n{path}({line}):\n" if imported else f"; line {line}\n\n"
            message += excerpt(source, line)
        super().__init__(message)


def excerpt(source: str, line: int) -> str:
    """The lines around `line` (from 1), which is marked. The whole text when there is no such line."""
    lines = source.splitlines()
    if line > len(lines):
        return source
    start, end = max(0, line - AROUND - 1), min(len(lines), line + AROUND)
    shown = lines[start:end]
    shown[line - start - 1] += MARKER
    if start > 0:
        shown.insert(0, "[...]")
    if end < len(lines):
        shown.append("[...]")
    return "---\n" + "\n".join(shown) + "\n---"
