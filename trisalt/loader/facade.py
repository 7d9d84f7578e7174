"""`import salt.…` for third-party plugins, in workers and commands that run plugins only."""

from __future__ import annotations


def install() -> None:
    """From now on `import salt.exceptions` and its kin find ours; again is no harm."""
