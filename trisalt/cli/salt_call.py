"""`salt-call`: run an execution function on this host, with its master or (`--local`) without. Thin."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    raise NotImplementedError
