"""The job list: one narrow row for each job, with how many returns of which kind it has, kept with the returns.

A list of a hundred thousand jobs is read without their loads, whom they were for, or what came back. Returns are
counted by the database itself, in the statement that keeps them. `jobs` writes here, whoever lists jobs reads.
"""

from __future__ import annotations

import enum
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from trisalt.wire.codec import pack_bin, unpack_bin

BOOKED = "INSERT OR IGNORE INTO listed (jid, recorded, fun, user, size) VALUES (?,?,?,?,?)"
_WIDER = (
    "UPDATE listed SET size = :size, ended = CASE WHEN ok + changed + failed < :size THEN NULL ELSE ended END "
    "WHERE jid = :jid"
)
_JOIN = "JOIN jobs USING (jid)"
_COLUMNS = "listed.jid, listed.recorded, listed.fun, listed.user, size, ok, changed, failed, ended"
# How many rows one page looks at, when it has to look into jobs to know which are wanted.
SCAN = 4000


class State(enum.Enum):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PARTIAL = "partial"
    """It is over, and some have not returned."""
    MISSING = "missing"
    """It is over, and nobody has returned."""


@attrs.frozen(kw_only=True)
class Row:
    """A job in the list. Times are wall seconds; `ended` is None while somebody may still return.

    `load` and `minions` are the job's own, as `JobEntry` has them.
    """

    jid: str
    recorded: float
    fun: str
    user: str
    size: int
    ok: int
    changed: int
    failed: int
    ended: float | None
    load: Mapping[str, Any] = attrs.field(factory=dict)
    minions: Sequence[str] = ()

    @property
    def returned(self) -> int:
        return self.ok + self.changed + self.failed

    @property
    def missing(self) -> int:
        return max(0, self.size - self.returned)

    @property
    def state(self) -> State:
        if self.failed and (self.ended is not None or not self.missing):
            return State.FAILED
        if not self.missing:
            return State.DONE
        if self.ended is None:
            return State.RUNNING
        return State.PARTIAL if self.returned else State.MISSING


_STATES = {
    State.RUNNING: "ended IS NULL",
    State.FAILED: "failed > 0 AND ended IS NOT NULL",
    State.DONE: "failed = 0 AND ended IS NOT NULL AND ok + changed >= size",
    State.PARTIAL: "failed = 0 AND ended IS NOT NULL AND ok + changed < size AND ok + changed > 0",
    State.MISSING: "ended IS NOT NULL AND ok + changed + failed = 0 AND size > 0",
}


@attrs.frozen(kw_only=True)
class Wanted:
    """Which jobs a list is of. Functions and users are globs, of which any, or none of `other_…`, may match.

    `minion`: those that were for it. `since` and `until` are wall seconds. `looks`: what is only known by looking into
    the job (its load and minions are there); it runs in a reader's thread.
    """

    functions: Sequence[str] = ()
    other_functions: Sequence[str] = ()
    users: Sequence[str] = ()
    states: Sequence[State] = ()
    minion: str = ""
    since: float | None = None
    until: float | None = None
    looks: Callable[[Row], bool] | None = None


@attrs.frozen(kw_only=True)
class Page:
    """Some rows, newest first. `next` is where the next page begins, None at the end; `total` None for "not known"."""

    rows: Sequence[Row]
    next: tuple[float, str] | None
    total: int | None


# -- in the writer's thread -------------------------------------------------------------------------------------


def book(load: Mapping[str, Any], minions: Sequence[str], recorded: float) -> tuple[str, float, str, str, int]:
    """The row of a new job, for `BOOKED`."""
    user = load.get("user")
    return load["jid"], recorded, function(load.get("fun")), _text(user) if isinstance(user, str) else "", len(minions)


def widen(connection: sqlite3.Connection, jid: str, size: int) -> None:
    """A job is for further minions: so many by now."""
    connection.execute(_WIDER, {"jid": jid, "size": size})


def function(fun: object) -> str:
    """A function's name, or those of a job of several."""
    return _text(",".join(map(str, fun)) if isinstance(fun, list | tuple) else str(fun))


def _text(value: str) -> str:
    """`value` as a database takes it: what is no Unicode is a question mark."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


# -- in a reader's thread ---------------------------------------------------------------------------------------


def read_row(connection: sqlite3.Connection, jid: str) -> Row | None:
    """One job; None for an unknown one."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, load, minions FROM listed JOIN jobs USING (jid) WHERE listed.jid = ?",  # noqa: S608
        (jid,),
    ).fetchone()
    return None if row is None else _row(row)


def read_page(
    connection: sqlite3.Connection, wanted: Wanted, *, before: tuple[float, str] | None = None, limit: int = 50
) -> Page:
    """The newest jobs that are wanted, after those of the pages before; fewer when it took too long to find them."""
    where, values = _conditions(wanted)
    total = None if wanted.looks is not None else _count(connection, wanted, where, values)
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
    for scanned, found in enumerate(cursor, 1):
        if len(rows) == limit or (scanned > SCAN and wanted.looks is not None):
            return Page(rows=rows, next=last, total=total)
        last = (found[1], found[0])
        row = _whole(connection, found)
        if row is not None and (wanted.looks is None or wanted.looks(row)):
            rows.append(row)
    # All of them were seen: those of this page are all there are, when it is the first.
    return Page(rows=rows, next=None, total=len(rows) if total is None and before is None else total)


def _whole(connection: sqlite3.Connection, found: tuple[Any, ...]) -> Row | None:
    more = connection.execute("SELECT load, minions FROM jobs WHERE jid = ?", (found[0],)).fetchone()
    return None if more is None else _row((*found, *more))


def _row(found: tuple[Any, ...]) -> Row:
    jid, recorded, fun, user, size, ok, changed, failed, ended, load, minions = found
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
        load=unpack_bin(load),
        minions=unpack_bin(minions),
    )


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    values: dict[str, Any] = {}

    def one(name: str, pattern: str) -> str:
        values[name] = glob(pattern)
        values[f"{name}_among"] = f"*,{glob(pattern)},*"
        return f"(listed.fun GLOB :{name} OR (instr(listed.fun, ',') AND ',' || listed.fun || ',' GLOB :{name}_among))"

    if wanted.functions:
        where.append("(" + " OR ".join(one(f"fun{n}", each) for n, each in enumerate(wanted.functions)) + ")")
    where += [f"NOT {one(f'other{n}', each)}" for n, each in enumerate(wanted.other_functions)]
    if wanted.users:
        values |= {f"user{n}": glob(each) for n, each in enumerate(wanted.users)}
        where.append("(" + " OR ".join(f"listed.user GLOB :user{n}" for n in range(len(wanted.users))) + ")")
    if wanted.states:
        where.append("(" + " OR ".join(f"({_STATES[state]})" for state in wanted.states) + ")")
    if wanted.minion:
        # As it stands in the packed list: its length is before it, so that no longer name is taken for it.
        values["minion"] = pack_bin(wanted.minion)
        where.append("instr(minions, :minion) > 0")
    if wanted.since is not None:
        values["since"] = wanted.since
        where.append("listed.recorded >= :since")
    if wanted.until is not None:
        values["until"] = wanted.until
        where.append("listed.recorded <= :until")
    return where, values


def _count(connection: sqlite3.Connection, wanted: Wanted, where: Sequence[str], values: Mapping[str, Any]) -> int:
    join = _JOIN if wanted.minion else ""
    (count,) = connection.execute(
        f"SELECT count(*) FROM listed {join} {_where(where)}",  # noqa: S608
        values,
    ).fetchone()
    return int(count)


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def glob(pattern: str) -> str:
    """A glob of ours in SQLite's words."""
    return re.sub(r"\[!", "[^", pattern)
