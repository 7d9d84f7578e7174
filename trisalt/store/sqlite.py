"""The embedded engine: one writer thread, group commit, many readers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trisalt.store.store import Store


@asynccontextmanager
async def open_store(path: str | Path, *, readers: int = 4) -> AsyncIterator[Store]:
    """Open the database at `path`, made with mode 0600 if it is not there; closed when the block ends.

    Raises StoreError when it cannot be opened, or was written by a newer trisalt.
    """
    raise NotImplementedError
    yield
