"""Banks in SQLite, Salt's cache. No Trio: runners use `BankReader`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class BankReader:
    """What is kept in banks, read from the database file by a process of its own. Blocking; close it, or use `with`."""

    def __init__(self, path: str | Path) -> None: ...

    def fetch(self, bank: str, key: str) -> Any:
        """The value, or None."""
        raise NotImplementedError

    def fetch_all(self, bank: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
        """`{key: value}` of a bank: of these keys, or of all."""
        raise NotImplementedError

    def list(self, bank: str) -> list[str]:
        """The keys of a bank, sorted."""
        raise NotImplementedError
