"""`salt`: publish a job through the local door and print the returns as they come. Thin: no Trio in here."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    raise NotImplementedError
