"""`salt --progress`: a bar on stderr. Imported only when one is asked for."""

from __future__ import annotations

import os
import sys

from tqdm import tqdm


class Progress:
    """How many of `total` minions have returned. Drawn only on a terminal, unless it is `forced`."""

    def __init__(self, total: int, *, forced: bool = False) -> None:
        # Never more often than the eye sees, but at once when the first is there.
        self._bar = tqdm(
            total=total,
            file=sys.stderr,
            disable=not (forced or sys.stderr.isatty()),
            unit="minion",
            bar_format="{n_fmt} of {total_fmt} {bar} {percentage:3.0f}%  {elapsed}",
            mininterval=0.05,
            ascii=not _speaks_utf8(),
            ncols=_columns(),
            nrows=24,
        )

    def advance(self) -> None:
        """One more has returned."""
        if self._bar.n >= self._bar.total:
            # Somebody whom nobody expected.
            self._bar.total = self._bar.n + 1
        self._bar.update(1)

    def step_aside(self) -> None:
        """Something is printed now; the next step draws the bar below it."""
        self._bar.clear()

    def close(self) -> None:
        """The bar stays as it is, and the line is ended."""
        self._bar.refresh()
        self._bar.close()


def _speaks_utf8() -> bool:
    return (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"


def _columns() -> int:
    """The width of the terminal; 80 where it does not know."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
