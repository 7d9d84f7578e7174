"""`salt-run`: run a runner through the local door and print what it returns; `state.event` follows events. Thin."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    raise NotImplementedError
