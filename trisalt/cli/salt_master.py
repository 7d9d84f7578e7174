"""`salt-master`: configuration, log, user, limits, the zygote; then `trio.run(run_master)`."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; the exit status."""
    raise NotImplementedError
