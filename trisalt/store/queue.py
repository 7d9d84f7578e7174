"""What waits for minions in SQLite: a row for each job and each minion that is to run it once it is there.

The rows are written with their job (`jobs.record_job`), and stay for as long as the job does, so that it can be told
how each ended. `SqliteQueue` is the daemon's side; `QueueReader` the blocking one, for runners in workers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import attrs

from trisalt.store.reader import Reader
from trisalt.store.store import Engine, Pace, Queued, Waits
from trisalt.wire.codec import pack_bin, unpack_bin

RETURNED = "returned"
"""How a row ends that did what it was for; any other word tells why it did not."""

_ROW = (
    "SELECT queue.jid, queue.id, queue.queued, queue.until, queue.sent, queue.ended, queue.how, queue.pace FROM queue "
)
_UNANSWERED = "NOT EXISTS (SELECT 1 FROM returns WHERE returns.jid = queue.jid AND returns.id = queue.id)"


class SqliteQueue:
    """The daemon's side: see `store.Queue`."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock

    async def waiting(self) -> list[Queued]:
        """All that has not ended, the oldest first; without what has returned, though nobody noted it."""
        where = f"WHERE ended IS NULL AND {_UNANSWERED} ORDER BY number"
        return await self._engine.read(lambda connection: _read(connection, where, ()))

    async def put(self, places: Mapping[str, Mapping[str, bool]], *, until: float, pace: Pace) -> list[Queued]:
        """Jobs of a batch, `{jid: {id: sent}}`, wait for these minions too; who waits for any of them by then."""
        now, packed = self._clock(), pack_bin(attrs.asdict(pace))
        rows = [(jid, id, now, until, now if sent else None) for jid, ids in places.items() for id, sent in ids.items()]

        def write(connection: sqlite3.Connection, _careful: bool) -> list[Queued]:
            insert = "INSERT OR IGNORE INTO queue (jid, id, queued, until, sent) VALUES (?,?,?,?,?)"
            connection.executemany(insert, rows)
            waiting: list[Queued] = []
            for jid in places:
                connection.execute("UPDATE queue SET pace = ? WHERE jid = ? AND ended IS NULL", (packed, jid))
                waiting += _read(
                    connection, f"WHERE jid = ? AND ended IS NULL AND {_UNANSWERED} ORDER BY number", (jid,)
                )
            return waiting

        return await self._engine.write(write)

    async def sent(self, jid: str, ids: Collection[str]) -> None:
        """It goes out to these now."""
        now = self._clock()

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            change = "UPDATE queue SET sent = ? WHERE jid = ? AND id = ? AND sent IS NULL"
            connection.executemany(change, [(now, jid, id) for id in ids])

        await self._engine.write(write)

    async def end(self, ended: Mapping[str, Mapping[str, str]], *, reasons: Mapping[str, Mapping[str, str]]) -> None:
        """These wait no longer, `{jid: {id: how}}`; `reasons` are kept with the job, for those that did not return."""
        now = self._clock()
        rows = [(now, how, jid, id) for jid, ids in ended.items() for id, how in ids.items()]

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            connection.executemany(
                "UPDATE queue SET ended = ?, how = ? WHERE jid = ? AND id = ? AND ended IS NULL", rows
            )
            for jid, fresh in reasons.items():
                found = connection.execute("SELECT missing FROM jobs WHERE jid = ?", (jid,)).fetchone()
                if found is not None:
                    missing = {**(unpack_bin(found[0]) if found[0] else {}), **fresh}
                    change = "UPDATE jobs SET settled = ?, missing = ? WHERE jid = ?"
                    connection.execute(change, (now, pack_bin(missing), jid))

        await self._engine.write(write)


class QueueReader(Reader):
    """What waits, for a process that is not the daemon. Blocking; close it, or use `with`."""

    def waiting(self) -> list[Queued]:
        """All that has not ended, the oldest first."""
        where = f"WHERE ended IS NULL AND {_UNANSWERED} ORDER BY number"
        return self._read(lambda connection: _read(connection, where, ()))

    def of_job(self, jid: str) -> dict[str, Queued]:
        """Of one job, by minion, what waits or has waited in vain: what has not returned."""
        where = f"WHERE jid = ? AND {_UNANSWERED} ORDER BY number"
        return {row.id: row for row in self._read(lambda connection: _read(connection, where, (jid,)))}


def insert(connection: sqlite3.Connection, jid: str, minions: Iterable[str], waits: Waits, *, now: float) -> None:
    """In the writer's thread, with the job: it waits for these minions. What waits already goes on as it does."""
    rows = [(jid, id, now, waits.until, None if id in waits.absent else now) for id in minions]
    connection.executemany("INSERT OR IGNORE INTO queue (jid, id, queued, until, sent) VALUES (?,?,?,?,?)", rows)


def reasons_kept(connection: sqlite3.Connection, jid: str) -> dict[str, str]:
    """In the writer's thread: the reasons for those that a job has waited for in vain."""
    ended = connection.execute("SELECT id FROM queue WHERE jid = ? AND how IS NOT NULL AND how != ?", (jid, RETURNED))
    ids = {id for (id,) in ended}
    found = connection.execute("SELECT missing FROM jobs WHERE jid = ?", (jid,)).fetchone() if ids else None
    if not found or found[0] is None:
        return {}
    return {id: why for id, why in unpack_bin(found[0]).items() if id in ids}


def expire(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """In the writer's thread: forget what ended before. How many rows went."""
    old = "SELECT number FROM queue WHERE ended < ? LIMIT ?"
    return connection.execute(f"DELETE FROM queue WHERE number IN ({old})", (before, limit)).rowcount  # noqa: S608


def _read(connection: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[Queued]:
    rows = connection.execute(_ROW + where, values)
    return [
        Queued(
            jid=jid,
            id=id,
            queued=queued,
            until=until,
            sent=sent,
            ended=ended,
            how=how,
            pace=None if pace is None else Pace(**unpack_bin(pace)),
        )
        for jid, id, queued, until, sent, ended, how, pace in rows
    ]
