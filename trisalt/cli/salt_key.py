"""`salt-key`: list, accept, reject, delete and print the minions' keys. Works with the master down. Thin."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    raise NotImplementedError
