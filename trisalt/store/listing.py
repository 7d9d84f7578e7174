"""The whole list of jobs, as the runner `jobs` tells it, from columns of their own: no job is unpacked for it.

`columns_of` makes them from a load, when a job is recorded. Which jobs are wanted (`store.JobFilter`) is said in SQL
(`read_rows`). Pages of it, with how jobs ended, are `listed`'s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.store.store import JobFilter, JobRow
from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.wire.jid import start_time

NAMES = ("fun", "tgt", "tgt_type", "user", "arg", "metadata")
"""The columns. The first four hold text as it is, and whatever else stands there (several functions, a list of minions)
packed; `arg` and `metadata` are packed, and NULL when there is nothing in them."""

# The ways that stock Salt names what a load does not tell.
UNTOLD = {"fun": "unknown-function", "tgt": "unknown-target", "tgt_type": "list", "user": "root"}

TOLD = "jobs.jid, fun, tgt, tgt_type, user, arg, metadata"
"""For a SELECT from `jobs`: what a list tells of each."""
ROW = f"{TOLD}, recorded, settled"
"""What `JobRow` is made of, likewise."""

_TIMED = f"jobs.jid GLOB '{'[0-9]' * 20}*'"
_MIGRATED = 1000


def columns_of(load: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of `NAMES`."""
    arg = load.get("arg")
    arg = list(arg) if isinstance(arg, list | tuple) else []
    metadata = _metadata(load, arg)
    return (
        *(_cell(load.get(name)) for name in UNTOLD),
        pack_bin(arg) if arg else None,
        None if metadata is None else pack_bin(metadata),
    )


def opened(row: Sequence[Any]) -> JobRow:
    """A row of `ROW`, with its cells opened."""
    jid, fun, tgt, tgt_type, user, arg, metadata, recorded, settled = row
    return JobRow(
        jid=jid,
        fun=open_cell(fun, "fun"),
        tgt=open_cell(tgt, "tgt"),
        tgt_type=open_cell(tgt_type, "tgt_type"),
        user=open_cell(user, "user"),
        arg=[] if arg is None else unpack_bin(arg),
        metadata=None if metadata is None else unpack_bin(metadata),
        recorded=recorded,
        settled=settled,
    )


def described(
    jid: str,
    fun: str | bytes | None,
    tgt: str | bytes | None,
    tgt_type: str | bytes | None,
    user: str | bytes | None,
    arg: bytes | None,
    metadata: bytes | None,
) -> dict[str, Any]:
    """A row of `TOLD` in stock Salt's words: what its lists of jobs tell of each."""
    told = {
        "Function": fun if type(fun) is str else open_cell(fun, "fun"),
        "Arguments": [] if arg is None else unpack_bin(arg),
        "Target": tgt if type(tgt) is str else open_cell(tgt, "tgt"),
        "Target-type": tgt_type if type(tgt_type) is str else open_cell(tgt_type, "tgt_type"),
        "User": user if type(user) is str else open_cell(user, "user"),
        "StartTime": start_time(jid),
    }
    if metadata is not None:
        told["Metadata"] = unpack_bin(metadata)
    return told


def open_cell(cell: str | bytes | None, name: str) -> Any:
    """What stands in one of the first four columns."""
    if isinstance(cell, str):
        return cell
    return UNTOLD[name] if cell is None else unpack_bin(cell)


def read_rows(connection: sqlite3.Connection, wanted: JobFilter, columns: str = ROW) -> list[tuple[Any, ...]]:
    """The rows of the jobs that are wanted, the oldest first: of a hundred thousand in a tenth of a second."""
    _teach(connection)
    where, values = condition(wanted)
    if wanted.limit is None:
        return connection.execute(f"SELECT {columns} FROM jobs WHERE {where} ORDER BY jobs.jid", values).fetchall()  # noqa: S608
    newest = f"SELECT {columns} FROM jobs WHERE {where} ORDER BY recorded DESC, jobs.jid DESC LIMIT ?"  # noqa: S608
    return connection.execute(newest, (*values, wanted.limit)).fetchall()[::-1]


def condition(wanted: JobFilter) -> tuple[str, list[Any]]:
    """What is said after WHERE, and its values. The connection is one that `_teach` has taught."""
    parts: list[str] = ["1"]
    values: list[Any] = []
    for column, globs in (("fun", wanted.functions), ("tgt", wanted.targets)):
        if not globs:
            continue
        if any("[" in glob or "\0" in glob or not _is_unicode(glob) for glob in globs):
            # Of sets SQLite has its own idea, and of the others none.
            parts.append(f"any_fits({column}, ?)")
        else:
            either = " OR ".join([f"{column} GLOB ?"] * len(globs))
            parts.append(f"({either} OR typeof({column}) = 'blob' AND any_fits({column}, ?))")
            values += globs
        values.append(pack_bin(list(globs)))
    if wanted.metadata:
        parts.append("metadata IS NOT NULL AND any_equal(metadata, ?)")
        values.append(pack_bin(dict(wanted.metadata)))
    for column, sign, bound in (("recorded", ">=", wanted.after), ("recorded", "<=", wanted.before)):
        if bound is not None:
            parts.append(f"{column} {sign} ?")
            values.append(bound)
    if wanted.first is not None:
        parts.append(f"jobs.jid >= ? AND {_TIMED}")
        values.append(wanted.first)
    if wanted.last is not None:
        # The character after the underscore that a suffix begins with: a jid that has one was made in the same moment.
        parts.append(f"jobs.jid < ? AND {_TIMED}")
        values.append(f"{wanted.last}`")
    return " AND ".join(parts), values


def fill(connection: sqlite3.Connection) -> None:
    """Fill the columns of jobs that were recorded before there were any: a step of `schema`."""
    change = f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in NAMES)} WHERE rowid = ?"  # noqa: S608
    last = -1
    while rows := connection.execute(
        "SELECT rowid, load FROM jobs WHERE rowid > ? ORDER BY rowid LIMIT ?", (last, _MIGRATED)
    ).fetchall():
        connection.executemany(change, [(*columns, rowid) for rowid, load in rows if (columns := _read_columns(load))])
        last = rows[-1][0]


def _read_columns(load: bytes) -> tuple[Any, ...] | None:
    try:
        return columns_of(unpack_bin(load))
    except (RemoteProtocolError, LocalProtocolError, AttributeError):
        # Nobody can read this job; it is listed as one of which nothing is known.
        return None


def _cell(value: object) -> str | bytes | None:
    if value is None:
        return None
    return value if isinstance(value, str) and "\0" not in value and _is_unicode(value) else pack_bin(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _metadata(load: Mapping[str, Any], arg: Sequence[Any]) -> dict[Any, Any] | None:
    """Of the job, or else what one of its functions was given as such."""
    given = [load, *(part for part in arg if isinstance(part, dict) and part.get("__kwarg__"))]
    return next((part["metadata"] for part in given if isinstance(part.get("metadata"), dict)), None)


def _teach(connection: sqlite3.Connection) -> None:
    """The functions that `condition` uses, of packed cells: few jobs have any."""
    connection.create_function("any_fits", 2, _any_fits, deterministic=True)
    connection.create_function("any_equal", 2, _any_equal, deterministic=True)


def _any_fits(cell: str | bytes | None, globs: bytes) -> bool:
    value = unpack_bin(cell) if isinstance(cell, bytes) else cell
    texts = [str(item) for item in value] if isinstance(value, list) else [str(value)]
    # One that is no Unicode has become bytes on its way, and fits nothing.
    return any(fnmatchcase(text, glob) for glob in unpack_bin(globs) if isinstance(glob, str) for text in texts)


def _any_equal(cell: bytes, wanted: bytes) -> bool:
    metadata = unpack_bin(cell)
    return any(key in metadata and metadata[key] == value for key, value in unpack_bin(wanted).items())
