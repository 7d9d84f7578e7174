"""`trisalt`: our own command. `trisalt demo` starts a master and minions in a temporary root and shows them at work."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    raise NotImplementedError
