"""The blocking read side of the database file, for processes that are not the daemon. Standard library only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

from trisalt.errors import RemoteProtocolError, StoreError

T = TypeVar("T")

BUSY_SECONDS = 5.0


class Reader:
    """A read-only connection. It sees what is committed, whether the master runs or not. Close it, or use `with`."""

    def __init__(self, path: str | Path) -> None:
        """Raises StoreError when there is no database at `path`, or it may not be read."""
        try:
            self._connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )
            self._connection.execute("SELECT 1 FROM jobs LIMIT 1")
        except (sqlite3.Error, UnicodeDecodeError) as exc:
            raise StoreError(f"cannot read the store {path}: {exc}") from exc

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return operation(self._connection)
        except (sqlite3.Error, RemoteProtocolError, UnicodeDecodeError) as exc:
            raise StoreError(f"the store cannot read: {exc}") from exc
