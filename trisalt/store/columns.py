"""A bank of maps, held in memory by column: what all minions have under one key, each distinct value once.

Ten thousand minions differ little in most of their grains: a target asks one column, and reads each distinct value of
it once. Values stay packed; who looks reads what it needs. `banks` fills and renews the columns, and falls back to the
database where they would become too big. Not for two threads at a time: `banks` holds a lock.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgpack

from trisalt.errors import RemoteProtocolError
from trisalt.wire.codec import pack_bin, unpack_bin

# A map of more keys than anybody's grains stays whole: one minion makes no columns that all others have to have.
MOST_KEYS = 500
# What a distinct value costs beside its bytes, and what a column does, about.
VALUE_BYTES, COLUMN_BYTES, CODE_BYTES = 160, 400, 4


class Full(Exception):
    """It would take more memory than it may."""


class _Column:
    """What the rows have under one key: a code for each row, 0 for nothing, and the packed values by code."""

    __slots__ = ("codes", "free", "known", "packed", "uses")

    def __init__(self) -> None:
        self.codes = array("I")
        self.packed: list[bytes] = [b""]
        self.uses = [0]
        self.known: dict[bytes, int] = {}
        self.free: list[int] = []


class Columns:
    """A bank by column. `limit` is how many bytes it may take, about."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._columns: dict[Any, _Column] = {}
        self._rows: dict[str, int] = {}
        self._free: list[int] = []
        self._whole: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._rows) + len(self._whole)

    def fill(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Keep the values of many keys, each another, where nothing is kept yet: as `put`, in half the time."""
        columns, add = self._columns, self._add
        for key, packed in rows:
            new = _parts(packed)
            if len(new) > MOST_KEYS:
                self.put(key, packed)
                continue
            row = self._rows[key] = len(self._rows)
            for name, part in new.items():
                column = columns.get(name)
                if column is None:
                    column = columns[name] = _Column()
                    self.size += COLUMN_BYTES
                codes = column.codes
                if len(codes) < row:
                    self.size += CODE_BYTES * (row - len(codes))
                    codes.frombytes(bytes(codes.itemsize * (row - len(codes))))
                codes.append(column.known.get(part) or add(column, part))
            self._grow(CODE_BYTES * len(new))
        for column in columns.values():
            for code, times in Counter(column.codes).items():
                column.uses[code] = times if code else 0

    def put(self, key: str, packed: bytes) -> None:
        """Keep the value of a key, in the place of the one that is there. Raises Full: then nothing here is whole."""
        new = _parts(packed)
        if len(new) > MOST_KEYS:
            self.drop(key)
            self._whole[key] = packed
            self._grow(len(packed) + VALUE_BYTES)
            return
        self._drop_whole(key)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._free.pop() if self._free else len(self._rows)
        for name, column in self._columns.items():
            if name not in new:
                self._set(column, row, None)
        for name, part in new.items():
            found = self._columns.get(name)
            if found is None:
                found = self._columns[name] = _Column()
                self.size += COLUMN_BYTES
            self._set(found, row, part)
        self._grow(0)

    def drop(self, key: str) -> None:
        """Forget a key."""
        self._drop_whole(key)
        row = self._rows.pop(key, None)
        if row is None:
            return
        for column in self._columns.values():
            self._set(column, row, None)
        self._free.append(row)

    def look(self) -> Table:
        """The bank as it is now. It is good until the next change."""
        return Table(self._columns, self._rows, self._whole)

    def _grow(self, size: int) -> None:
        self.size += size
        if self.size > self._limit:
            raise Full

    def _drop_whole(self, key: str) -> None:
        packed = self._whole.pop(key, None)
        if packed is not None:
            self.size -= len(packed) + VALUE_BYTES

    def _set(self, column: _Column, row: int, part: bytes | None) -> None:
        codes = column.codes
        if row >= len(codes):
            if part is None:
                return
            self.size += CODE_BYTES * (row + 1 - len(codes))
            codes.extend([0] * (row + 1 - len(codes)))
        old = codes[row]
        if part is None:
            code = 0
        elif (code := column.known.get(part, 0)) == 0:
            code = self._add(column, part)
        if code == old:
            return
        codes[row] = code
        if code:
            column.uses[code] += 1
        if old:
            column.uses[old] -= 1
            if not column.uses[old]:
                self._forget(column, old)

    def _add(self, column: _Column, part: bytes) -> int:
        if column.free:
            code = column.free.pop()
            column.packed[code] = part
        else:
            code = len(column.packed)
            column.packed.append(part)
            column.uses.append(0)
        column.known[part] = code
        self.size += len(part) + VALUE_BYTES
        return code

    def _forget(self, column: _Column, code: int) -> None:
        part = column.packed[code]
        del column.known[part]
        column.packed[code] = b""
        column.free.append(code)
        self.size -= len(part) + VALUE_BYTES


class Table:
    """What a bank holds, to be looked into for one target: what has been read of a column is not read again."""

    def __init__(self, columns: Mapping[Any, _Column], rows: Mapping[str, int], whole: Mapping[str, bytes]) -> None:
        self.columns = columns
        self._rows = rows
        self._whole = whole
        self._read: dict[Any, dict[int, Any]] = {}

    def get(self, key: str) -> Mapping[Any, Any] | None:
        """The map of a key, or None."""
        row = self._rows.get(key)
        if row is not None:
            return Row(self, row)
        packed = self._whole.get(key)
        return None if packed is None else dict(unpack_bin(packed))

    def value(self, name: Any, row: int) -> Any:
        """What a row has in a column. Raises KeyError for nothing."""
        column = self.columns[name]
        code = column.codes[row] if row < len(column.codes) else 0
        if not code:
            raise KeyError(name)
        read = self._read.get(name)
        if read is None:
            read = self._read[name] = {}
        if code not in read:
            read[code] = _unpacked(column.packed[code])
        return read[code]


class Row(Mapping[Any, Any]):
    """One minion's map, read column by column."""

    __slots__ = ("_row", "_table")

    def __init__(self, table: Table, row: int) -> None:
        self._table = table
        self._row = row

    def __getitem__(self, name: Any) -> Any:
        return self._table.value(name, self._row)

    def __contains__(self, name: object) -> bool:
        column = self._table.columns.get(name)
        return column is not None and self._row < len(column.codes) and column.codes[self._row] != 0

    def __iter__(self) -> Iterator[Any]:
        return (name for name in self._table.columns if name in self)

    def __len__(self) -> int:
        return sum(1 for _name in self)


def _unpacked(part: bytes) -> Any:
    """What was packed here once. Text and numbers need none of what is done for what strangers send."""
    try:
        return msgpack.unpackb(part, raw=False)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException):
        return unpack_bin(part)


def _parts(packed: bytes) -> dict[Any, bytes]:
    """The values of a packed map by key, each still packed; nothing for what is no map."""
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=len(packed))
    unpacker.feed(packed)
    try:
        parts = {}
        for _number in range(unpacker.read_map_header()):
            key = unpacker.unpack()
            start = unpacker.tell()
            unpacker.skip()
            parts[key] = packed[start : unpacker.tell()]
        return parts
    except (ValueError, TypeError, msgpack.exceptions.UnpackException):
        return _parts_slowly(packed)


def _parts_slowly(packed: bytes) -> dict[Any, bytes]:
    try:
        value = unpack_bin(packed)
    except RemoteProtocolError:
        return {}
    return {key: pack_bin(item) for key, item in value.items()} if isinstance(value, dict) else {}
