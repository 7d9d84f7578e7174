"""Choose an outputter, and print: what every command does with what came back.

Thin: the standard library and the outputter itself. Outputters are plugins, found by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Show:
    """How one command prints: outputter, colour, where to. Made once; called for each thing to print.

    `out` is what the operator asked for (`--out`), and wins over what a return names.
    """

    def __init__(
        self,
        opts: Mapping[str, Any],
        *,
        out: str | None = None,
        color: bool | None = None,
        out_file: str | None = None,
        append: bool = False,
    ) -> None:
        raise NotImplementedError

    def __call__(self, data: object, out: str | None = None, *, retcode: int = 0, **kwargs: Any) -> None:
        """Print `data` with the operator's outputter, else `out`, else nested. A closed stdout raises BrokenPipeError."""
        raise NotImplementedError

    def render(self, data: object, out: str | None = None, *, retcode: int = 0, **kwargs: Any) -> str:
        """The text that would be printed."""
        raise NotImplementedError
