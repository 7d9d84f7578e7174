"""Banks in SQLite, Salt's cache: `bank/key` to a value.

`SqliteBanks` is the daemon's side. `BankReader` is the blocking side for runners in workers and for commands; it needs
neither Trio nor the daemon.
"""

from __future__ import annotations

import builtins
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trisalt.store.reader import Reader
from trisalt.store.store import Engine
from trisalt.wire.codec import pack_bin, unpack_bin

_PUT = (
    "INSERT INTO banks (bank, key, updated, value) VALUES (?,?,?,?) "
    "ON CONFLICT (bank, key) DO UPDATE SET updated = excluded.updated, value = excluded.value"
)


class SqliteBanks:
    """The daemon's side: see `store.Banks`."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    async def store(self, bank: str, key: str, value: Any) -> None:
        """Keep a value, in the place of the one that is there."""
        row = (bank, key, self._clock(), pack_bin(value))

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            connection.execute(_PUT, row)

        await self._engine.write(write)

    async def store_all(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep several values, `{bank: {key: value}}`: all of them, or StoreError."""
        now = self._clock()
        rows = [(bank, key, now, pack_bin(value)) for bank, keyed in values.items() for key, value in keyed.items()]

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            for row in rows:
                connection.execute(_PUT, row)

        await self._engine.write(write)

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
                connection.execute(_PUT, (bank, key, now, pack_bin(value)))
            return value

        return await self._engine.write(write)

    async def flush(self, bank: str, key: str | None = None) -> None:
        """Drop one key, or the whole bank."""

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            if key is None:
                connection.execute("DELETE FROM banks WHERE bank = ?", (bank,))
            else:
                connection.execute("DELETE FROM banks WHERE bank = ? AND key = ?", (bank, key))

        await self._engine.write(write)

    async def fetch(self, bank: str, key: str) -> Any:
        """The value, or None."""
        return await self._engine.read(lambda connection: _read_value(connection, bank, key))

    async def fetch_all(self, bank: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
        """`{key: value}` of a bank: of these keys, or of all."""
        return await self._engine.read(lambda connection: _read_values(connection, bank, keys))

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
