"""Which jobs a list is of, said in SQL, and read from the rows of `listed`.

Pages for consoles, with how jobs ended (`read_page`); and whole lists, as the runner `jobs` tells them (`read_told`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from trisalt.store.listed import Page, Row, State, Wanted, is_unicode
from trisalt.wire.codec import pack_bin, unpack_bin

_JOIN = "JOIN jobs USING (jid)"
_COLUMNS = "listed.jid, listed.recorded, listed.fun, listed.user, size, ok, changed, failed, ended, unknown"
_TOLD = "listed.jid, fun, user, tgt, tgt_type, arg, metadata"
_TIMED = f"listed.jid GLOB '{'[0-9]' * 20}*'"
# For how long one page looks for more, when it has to look into jobs to know which are wanted.
SCAN_S = 0.1
# And for how long it counts on, where somebody wants to know how many there are in all.
COUNT_S = 0.05

_STATES = {
    State.RUNNING: "ended IS NULL",
    State.FAILED: "failed > 0 AND ended IS NOT NULL",
    State.DONE: "failed = 0 AND ended IS NOT NULL AND ok + changed >= size + unknown",
    State.PARTIAL: "failed = 0 AND ended IS NOT NULL AND ok + changed < size + unknown AND ok + changed > 0",
    State.MISSING: "ended IS NOT NULL AND ok + changed + failed = 0 AND size + unknown > 0",
}


def read_told(connection: sqlite3.Connection, wanted: Wanted, limit: int | None = None) -> list[tuple[Any, ...]]:
    """The jobs that are wanted, the oldest first; with `limit` the newest. Of each what `listed.described` takes.

    Of a hundred thousand in a tenth of a second: nothing is unpacked, and no object made of a row.
    """
    if limit is None:
        return list(each_told(connection, wanted))
    chosen, values = _chosen(connection, wanted)
    newest = f"{chosen} ORDER BY listed.recorded DESC, listed.jid DESC LIMIT :limit"
    return connection.execute(newest, {**values, "limit": limit}).fetchall()[::-1]


def each_told(connection: sqlite3.Connection, wanted: Wanted) -> Iterable[tuple[Any, ...]]:
    """The same of all that are wanted, one by one."""
    chosen, values = _chosen(connection, wanted)
    return connection.execute(f"{chosen} ORDER BY listed.jid", values)


def _chosen(connection: sqlite3.Connection, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    _teach(connection)
    where, values = _conditions(wanted)
    join = _JOIN if wanted.minion else ""
    return f"SELECT {_TOLD} FROM listed {join} {_where(where)}", values  # noqa: S608


def read_row(connection: sqlite3.Connection, jid: str) -> Row | None:
    """One job; None for an unknown one."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, load, minions FROM listed JOIN jobs USING (jid) WHERE listed.jid = ?",  # noqa: S608
        (jid,),
    ).fetchone()
    return None if row is None else _row(row)


def read_page(
    connection: sqlite3.Connection,
    wanted: Wanted,
    *,
    before: tuple[float, str] | None = None,
    limit: int = 50,
    counted: bool = False,
) -> Page:
    """The newest jobs that are wanted, after those of the pages before; fewer when it took too long to find them.

    `counted`: of a first page for which each job has to be looked into, the others are too, for as long as a moment
    allows, to know how many there are.
    """
    _teach(connection)
    where, values = _conditions(wanted)
    slow = wanted.looks is not None or bool(wanted.minion)
    total = None if slow else _count(connection, where, values)
    end = time.monotonic() + SCAN_S
    at, beyond = before if before is not None else (float("inf"), "")
    if before is not None:
        where = [*where, "(listed.recorded, listed.jid) < (:at, :beyond)"]
    join = _JOIN if wanted.minion else ""
    cursor = connection.execute(
        f"SELECT {_COLUMNS} FROM listed {join} {_where(where)} "  # noqa: S608
        "ORDER BY listed.recorded DESC, listed.jid DESC",
        {**values, "at": at, "beyond": beyond},
    )
    rows: list[Row] = []
    last: tuple[float, str] | None = None
    for found in cursor:
        if len(rows) == limit:
            if slow and counted and before is None:
                total = _count_on(connection, wanted, found, cursor, limit)
            return Page(rows=rows, next=last, total=total)
        if last is not None and slow and time.monotonic() > end:
            return Page(rows=rows, next=last, total=total)
        last = (found[1], found[0])
        row = _whole(connection, found)
        if row is not None and (wanted.looks is None or wanted.looks(row)):
            rows.append(row)
    # All of them were seen: those of this page are all there are, when it is the first.
    return Page(rows=rows, next=None, total=len(rows) if total is None and before is None else total)


def _count_on(
    connection: sqlite3.Connection, wanted: Wanted, first: tuple[Any, ...], rest: sqlite3.Cursor, count: int
) -> int | None:
    """How many jobs are wanted, of which `count` have been seen; None when it takes too long."""
    end = time.monotonic() + COUNT_S
    for found in chain([first], rest):
        if time.monotonic() > end:
            return None
        row = _whole(connection, found)
        count += row is not None and (wanted.looks is None or wanted.looks(row))
    return count


def _whole(connection: sqlite3.Connection, found: tuple[Any, ...]) -> Row | None:
    more = connection.execute("SELECT load, minions FROM jobs WHERE jid = ?", (found[0],)).fetchone()
    return None if more is None else _row((*found, *more))


def _row(found: tuple[Any, ...]) -> Row:
    jid, recorded, fun, user, size, ok, changed, failed, ended, unknown, load, minions = found
    return Row(
        jid=jid,
        recorded=recorded,
        fun=fun,
        user=user,
        size=size,
        ok=ok,
        changed=changed,
        failed=failed,
        ended=ended,
        unknown=unknown,
        load=unpack_bin(load),
        minions=unpack_bin(minions),
    )


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    """What is said after WHERE, and its values. The connection is one that `_teach` has taught."""
    where: list[str] = []
    values: dict[str, Any] = {}

    def fits(column: str, globs: Sequence[str], name: str, several: str) -> str:
        """Any of the globs; `several`: whether there is more than one text to look at."""
        packed = f"{name}_globs"
        values[packed] = pack_bin(list(globs))
        if any("[" in glob or "\0" in glob or not is_unicode(glob) for glob in globs):
            # Of sets SQLite has its own idea, and of the others none.
            return f"any_fits({column}, :{packed})"
        values.update({f"{name}{number}": glob for number, glob in enumerate(globs)})
        either = " OR ".join(f"{column} GLOB :{name}{number}" for number in range(len(globs)))
        return f"({either} OR ({several} AND any_fits({column}, :{packed})))"

    if wanted.functions:
        where.append(fits("listed.fun", wanted.functions, "fun", "instr(listed.fun, ',')"))
    if wanted.other_functions:
        where.append("NOT " + fits("listed.fun", wanted.other_functions, "other", "instr(listed.fun, ',')"))
    if wanted.users:
        where.append(fits("listed.user", wanted.users, "user", "0"))
    if wanted.targets:
        where.append(fits("tgt", wanted.targets, "tgt", "typeof(tgt) = 'blob'"))
    if wanted.metadata:
        values["metadata"] = pack_bin(dict(wanted.metadata))
        where.append("metadata IS NOT NULL AND any_equal(metadata, :metadata)")
    if wanted.states:
        where.append("(" + " OR ".join(f"({_STATES[state]})" for state in wanted.states) + ")")
    if wanted.minion:
        # As it stands in the packed list: its length is before it, so that no longer name is taken for it.
        values["minion"] = pack_bin(wanted.minion)
        where.append("instr(minions, :minion) > 0")
    bounds = (
        ("since", wanted.since, "listed.recorded >= :since"),
        ("until", wanted.until, "listed.recorded <= :until"),
        ("first", wanted.first, f"listed.jid >= :first AND {_TIMED}"),
        # The character after the underscore that a suffix begins with: who has one was made in the same moment.
        ("last", wanted.last, f"listed.jid < :last || '`' AND {_TIMED}"),
    )
    for name, bound, condition in bounds:
        if bound is not None:
            values[name] = bound
            where.append(condition)
    return where, values


def _count(connection: sqlite3.Connection, where: Sequence[str], values: Mapping[str, Any]) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM listed {_where(where)}", values).fetchone()  # noqa: S608
    return int(count)


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _teach(connection: sqlite3.Connection) -> None:
    """The functions that `_conditions` uses, of what SQLite itself does not look into: few jobs have any."""
    connection.create_function("any_fits", 2, _any_fits, deterministic=True)
    connection.create_function("any_equal", 2, _any_equal, deterministic=True)


def _any_fits(cell: str | bytes | None, globs: bytes) -> bool:
    if isinstance(cell, bytes):
        value = unpack_bin(cell)
        texts = list(map(str, value)) if isinstance(value, list) else [str(value)]
    else:
        # Of several functions there is a comma between two.
        texts = [] if cell is None else [cell, *(cell.split(",") if "," in cell else ())]
    # One that is no Unicode has become bytes on its way, and fits nothing.
    return any(fnmatchcase(text, glob) for glob in unpack_bin(globs) if isinstance(glob, str) for text in texts)


def _any_equal(cell: bytes, wanted: bytes) -> bool:
    metadata = unpack_bin(cell)
    return any(key in metadata and metadata[key] == value for key, value in unpack_bin(wanted).items())
