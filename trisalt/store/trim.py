"""The file is kept from growing without bounds: what is old goes in slices, and pages that are free are given back.

Each function is one short transaction's work, in the writer's thread: returns that come in meanwhile wait no longer
than that takes. `master/retention` says when.
"""

from __future__ import annotations

import sqlite3

import attrs

from trisalt.store.jobs import expire_jobs
from trisalt.store.log import expire_events


@attrs.frozen(kw_only=True)
class StoreSize:
    """Bytes of the database file, and how many of them are free for what comes."""

    file: int
    free: int

    @property
    def used(self) -> int:
        return self.file - self.free


def read_size(connection: sqlite3.Connection) -> StoreSize:
    """How big the file is, as it will be when what is committed has been moved into it."""
    names = ("page_size", "page_count", "freelist_count")
    page, pages, free = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return StoreSize(file=page * pages, free=page * free)


def trim(connection: sqlite3.Connection, spare: float, limit: int) -> int:
    """Forget what is oldest, events and jobs alike, and of jobs none that was recorded after `spare`: how many rows."""
    event = connection.execute("SELECT at FROM events ORDER BY number LIMIT 1").fetchone()
    job = connection.execute("SELECT recorded FROM jobs ORDER BY recorded LIMIT 1").fetchone()
    if job is not None and job[0] < spare and (event is None or job[0] <= event[0]):
        # All jobs of that age, and those a little younger: not one job a slice.
        return expire_jobs(connection, min(spare, job[0] + 60.0), limit)
    if event is None:
        return 0
    return expire_events(connection, float("inf"), limit)


def give_back(connection: sqlite3.Connection, pages: int) -> int:
    """Cut free pages off the file: how many bytes it lost."""
    before = read_size(connection)
    if not before.free:
        return 0
    for _ in range(pages):
        # One for each statement, however many it is asked for.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return before.file - read_size(connection).file
