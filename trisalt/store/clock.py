"""What the store does when the clock of its host was set: what waits does so as long, and nothing is of tomorrow."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from trisalt.store.banks import PUT
from trisalt.store.store import Engine
from trisalt.wire.codec import pack_bin, unpack_bin

BANK, KEY = "clock", "state"

_WAITING = "UPDATE queue SET until = until + :by, queued = queued + :by, sent = sent + :by WHERE ended IS NULL"
# What was noted by a clock that was ahead was noted when it was set back, for all that is known.
_OF_TOMORROW = (
    "UPDATE jobs SET recorded = :now WHERE recorded > :now",
    "UPDATE listed SET recorded = :now WHERE recorded > :now",
    "UPDATE queue SET ended = :now WHERE ended > :now",
)


class SqliteClock:
    """The daemon's side; `master/clock` says when."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock

    async def read(self) -> Mapping[str, Any] | None:
        """What was kept, or None."""

        def read(connection: sqlite3.Connection) -> Any:
            row = connection.execute("SELECT value FROM banks WHERE bank = ? AND key = ?", (BANK, KEY)).fetchone()
            return None if row is None else unpack_bin(row[0])

        return await self._engine.read(read)

    async def follow(self, by: float, now: float, state: Mapping[str, Any]) -> None:
        """The clock was set by so many seconds, and shows `now`; keep `state` with what is changed for it."""
        packed, stamp = pack_bin(dict(state)), self._clock()

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            if by:
                connection.execute(_WAITING, {"by": by})
            if by < 0:
                for statement in _OF_TOMORROW:
                    connection.execute(statement, {"now": now})
            connection.execute(PUT, (BANK, KEY, stamp, packed))

        await self._engine.write(write)
