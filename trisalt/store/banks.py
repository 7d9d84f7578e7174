"""Banks in SQLite, Salt's cache: `bank/key` to a value.

`SqliteBanks` is the daemon's side. `BankReader` is the blocking side for runners in workers and for commands; it needs
neither Trio nor the daemon.
"""

from __future__ import annotations

import builtins
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from trisalt.store.columns import Columns, Full
from trisalt.store.reader import Reader
from trisalt.store.store import Engine, Table
from trisalt.wire.codec import pack_bin, unpack_bin

T = TypeVar("T")

COLUMNS_BYTES = 256 * 1024 * 1024
"""How much memory one bank may take by column; a bigger one is read from the database each time."""

PUT = (
    "INSERT INTO banks (bank, key, updated, value) VALUES (?,?,?,?) "
    "ON CONFLICT (bank, key) DO UPDATE SET updated = excluded.updated, value = excluded.value"
)


class SqliteBanks:
    """The daemon's side: see `store.Banks`."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        # The banks that somebody has looked into.
        self._looked: dict[str, _Looked] = {}

    async def store(self, bank: str, key: str, value: Any) -> None:
        """Keep a value, in the place of the one that is there."""
        row = (bank, key, self._clock(), pack_bin(value))

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            connection.execute(PUT, row)

        await self._engine.write(write, then=partial(self._changed, {bank: (key,)}))

    async def store_all(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep several values, `{bank: {key: value}}`: all of them, or StoreError."""
        now = self._clock()
        rows = [(bank, key, now, pack_bin(value)) for bank, keyed in values.items() for key, value in keyed.items()]

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            for row in rows:
                connection.execute(PUT, row)

        await self._engine.write(write, then=partial(self._changed, values))

    async def update(self, bank: str, key: str, change: Callable[[Any], Any]) -> Any:
        """Read, change and store in one step. Returns the new value.

        `change` gets the value, or None, and returns the new one, or None to drop it. It runs in the writer's thread,
        perhaps twice: it must be a plain function of its argument.
        """
        now = self._clock()

        def write(connection: sqlite3.Connection, _careful: bool) -> Any:
            value = change(_read_value(connection, bank, key))
            if value is None:
                connection.execute("DELETE FROM banks WHERE bank = ? AND key = ?", (bank, key))
            else:
                connection.execute(PUT, (bank, key, now, pack_bin(value)))
            return value

        return await self._engine.write(write, then=partial(self._changed, {bank: (key,)}))

    async def flush(self, bank: str, key: str | None = None) -> None:
        """Drop one key, or the whole bank."""

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            if key is None:
                connection.execute("DELETE FROM banks WHERE bank = ?", (bank,))
            else:
                connection.execute("DELETE FROM banks WHERE bank = ? AND key = ?", (bank, key))

        await self._engine.write(write, then=partial(self._changed, {bank: (key,)}))

    async def fetch(self, bank: str, key: str) -> Any:
        """The value, or None."""
        return await self._engine.read(lambda connection: _read_value(connection, bank, key))

    async def fetch_all(self, bank: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
        """`{key: value}` of a bank: of these keys, or of all."""
        return await self._engine.read(lambda connection: _read_values(connection, bank, keys))

    async def look(self, banks: Sequence[str], work: Callable[..., T]) -> T:
        """Run `work`, with a `Table` of each of these banks of maps, in a reader's thread. The tables end with it."""
        looked = [self._looked.setdefault(bank, _Looked(bank)) for bank in banks]
        return await self._engine.read(partial(_look, looked, work))

    def _changed(self, what: Mapping[str, Sequence[str | None]] | Mapping[str, Mapping[str, Any]]) -> None:
        """These keys of these banks are others now; None: all of a bank."""
        for bank, keys in what.items():
            looked = self._looked.get(bank)
            if looked is not None:
                looked.stale.extend(keys)

    async def list(self, bank: str) -> builtins.list[str]:
        """The keys of a bank, sorted."""
        return await self._engine.read(lambda connection: _read_keys(connection, bank))

    async def updated(self, bank: str, key: str) -> float | None:
        """When the value was stored (wall seconds), or None."""
        return await self._engine.read(lambda connection: _read_updated(connection, bank, key))


class BankReader(Reader):
    """What is kept in banks, for a process that is not the daemon. Blocking; close it, or use `with`."""

    def fetch(self, bank: str, key: str) -> Any:
        """The value, or None."""
        return self._read(lambda connection: _read_value(connection, bank, key))

    def fetch_all(self, bank: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
        """`{key: value}` of a bank: of these keys, or of all."""
        return self._read(lambda connection: _read_values(connection, bank, keys))

    def list(self, bank: str) -> builtins.list[str]:
        """The keys of a bank, sorted."""
        return self._read(lambda connection: _read_keys(connection, bank))

    def updated(self, bank: str, key: str) -> float | None:
        """When the value was stored (wall seconds), or None."""
        return self._read(lambda connection: _read_updated(connection, bank, key))


class _Looked:
    """A bank that is looked into: its columns, and the keys that have changed since they were read."""

    def __init__(self, bank: str) -> None:
        self.bank = bank
        self.lock = threading.Lock()
        # Appended to by the Trio thread, emptied by a reader's.
        self.stale: deque[str | None] = deque()
        self._columns: Columns | None = None
        self._full = False

    def table(self, connection: sqlite3.Connection) -> Table:
        """The bank as it is committed. Called with the lock held."""
        if self._full:
            return _Rows(connection, self.bank)
        try:
            self._renew(connection)
        except Full:
            self._columns, self._full = None, True
            import structlog  # runners read banks too, and should not pay for what hardly ever happens

            structlog.get_logger().warning("store.columns_too_big", bank=self.bank, limit=COLUMNS_BYTES)
            return _Rows(connection, self.bank)
        assert self._columns is not None
        return self._columns.look()

    def _renew(self, connection: sqlite3.Connection) -> None:
        stale = {self.stale.popleft() for _ in range(len(self.stale))}
        if self._columns is None or None in stale:
            self._columns = None
            columns = Columns(COLUMNS_BYTES)
            columns.fill(connection.execute("SELECT key, value FROM banks WHERE bank = ?", (self.bank,)))
            self._columns = columns
            return
        try:
            for key in stale:
                assert key is not None
                found = connection.execute(
                    "SELECT value FROM banks WHERE bank = ? AND key = ?", (self.bank, key)
                ).fetchone()
                if found is None:
                    self._columns.drop(key)
                else:
                    self._columns.put(key, found[0])
        except BaseException:
            # Some of what was stale may be so still.
            self._columns = None
            raise


class _Rows:
    """A bank that is too big for columns: each map is read when it is asked for."""

    def __init__(self, connection: sqlite3.Connection, bank: str) -> None:
        self._connection = connection
        self._bank = bank

    def get(self, key: str) -> Mapping[Any, Any] | None:
        value = _read_value(self._connection, self._bank, key)
        return value if isinstance(value, Mapping) else None


def _look(looked: Sequence[_Looked], work: Callable[..., T], connection: sqlite3.Connection) -> T:
    # Always in one order: two who look into the same banks do not wait for each other.
    ordered = sorted(set(looked), key=lambda each: each.bank)
    for each in ordered:
        each.lock.acquire()
    try:
        return work(*(each.table(connection) for each in looked))
    finally:
        for each in ordered:
            each.lock.release()


def _read_value(connection: sqlite3.Connection, bank: str, key: str) -> Any:
    row = connection.execute("SELECT value FROM banks WHERE bank = ? AND key = ?", (bank, key)).fetchone()
    return None if row is None else unpack_bin(row[0])


def _read_values(connection: sqlite3.Connection, bank: str, keys: Sequence[str] | None) -> dict[str, Any]:
    if keys is not None:
        found = ((key, _read_value(connection, bank, key)) for key in keys)
        return {key: value for key, value in found if value is not None}
    rows = connection.execute("SELECT key, value FROM banks WHERE bank = ? ORDER BY key", (bank,))
    return {key: unpack_bin(value) for key, value in rows}


def _read_keys(connection: sqlite3.Connection, bank: str) -> builtins.list[str]:
    return [key for (key,) in connection.execute("SELECT key FROM banks WHERE bank = ? ORDER BY key", (bank,))]


def _read_updated(connection: sqlite3.Connection, bank: str, key: str) -> float | None:
    row = connection.execute("SELECT updated FROM banks WHERE bank = ? AND key = ?", (bank, key)).fetchone()
    return None if row is None else row[0]
