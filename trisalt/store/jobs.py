"""Jobs in SQLite: what is written by the writer's thread, and what readers read.

`SqliteJobs` is the daemon's side. `JobReader` is the blocking side for runners in workers and for commands; it needs
neither Trio nor the daemon.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import attrs

from trisalt.bus.event import Event
from trisalt.store import highstates, listed, listing, outcomes, queue
from trisalt.store.reader import Reader
from trisalt.store.store import Engine, JobEntry, NewReturn, NotAsHoped, Recorded, Waits
from trisalt.wire.codec import pack_bin, unpack_bin

if TYPE_CHECKING:
    # Runners read jobs in a process of their own: they need neither the daemon's log nor what that imports.
    from trisalt.store.log import Entry, SqliteLog

NOT_RECORDED = frozenset({"saltutil.find_job"})
"""Functions whose jobs stay out of the job list."""

CHUNKS = (64, 16, 4, 1)
"""How many returns go into one INSERT. Few statements: each one gives the interpreter lock away and waits for it."""

LONG_ENOUGH_S = 3600.0
"""A job of which nobody knows whether it has ended is waited for no longer, where returns are not to be kept."""

EVERYTHING = listed.Wanted()

NO_KEY = "Minion did not return. [No response]\nNo accepted key had this name when the job was published."
"""Why somebody is missing whom a job named, and of whom nobody has said more."""

_OLD = (
    "SELECT jid FROM jobs WHERE recorded < ? AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.jid = jobs.jid) "
    "ORDER BY recorded LIMIT ?"
)
_ENDED = (
    "SELECT number, returns.jid, id FROM returns LEFT JOIN listed ON listed.jid = returns.jid "
    "WHERE came < :before AND (listed.jid IS NULL OR ended < :before OR came < :long) ORDER BY number LIMIT :limit"
)
_SETTLE = "UPDATE jobs SET settled = ?, missing = ? WHERE jid = ?"
_NOBODY = pack_bin({})
_ALL_RETURNED = (
    "SELECT jid, ended FROM jobs JOIN listed USING (jid) "
    "WHERE settled IS NULL AND ended IS NOT NULL AND ok + changed + failed >= size"
)
_SETTLE_LATE = "UPDATE jobs SET settled = ?, missing = coalesce(missing, ?) WHERE jid = ? AND settled IS NULL"
_ENTRY = "SELECT jid, load, minions, recorded, settled, missing FROM jobs "
_INSERT_JOB = "INSERT OR IGNORE INTO jobs (jid, recorded, load, minions) VALUES (?,?,?,?)"
_INSERTS = {
    size: "INSERT OR IGNORE INTO returns (jid, id, came, body, outcome) VALUES "  # noqa: S608
    + ",".join(["(?,?,?,?,?)"] * size)
    for size in CHUNKS
}
_KNOWN = {
    size: f"SELECT group_concat(jid, char(10)) FROM jobs WHERE jid IN ({','.join('?' * size)})"  # noqa: S608
    for size in (1, 32)
}


class SqliteJobs:
    """The daemon's side: see `store.Jobs`."""

    def __init__(self, engine: Engine, log: SqliteLog, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._log = log
        self._clock = clock

    # -- writing ----------------------------------------------------------------------------------------------

    async def record_job(
        self,
        load: Mapping[str, Any],
        minions: Sequence[str],
        *,
        waits: Waits | None = None,
        events: Sequence[Event] = (),
    ) -> bool:
        """Keep a job and whom it waits for. A job that is there already gets the further minions.

        With `waits` it is in the queue for each of them. False, and nothing is kept, for the functions of
        `NOT_RECORDED`. Not cut off once it has begun: its publisher has to tell and send what is kept.
        """
        fun = load.get("fun")
        if isinstance(fun, str) and fun in NOT_RECORDED:
            return False
        jid, packed, now = load["jid"], pack_bin(dict(load)), self._clock()
        entries = self._log.entries(events)
        row = listed.book(load, minions, now)

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            values = (jid, now, packed, pack_bin(list(minions)))
            if connection.execute(_INSERT_JOB, values).rowcount:
                connection.execute(listed.BOOKED, row)
            else:
                (packed_minions,) = connection.execute("SELECT minions FROM jobs WHERE jid = ?", (jid,)).fetchone()
                known = unpack_bin(packed_minions)
                known += [id for id in minions if id not in set(known)]
                connection.execute("UPDATE jobs SET minions = ? WHERE jid = ?", (pack_bin(known), jid))
                listed.widen(connection, jid, len(known))
            if waits is not None:
                queue.insert(connection, jid, minions, waits, now=now)
            self._log.insert(connection, entries)

        await self._engine.write(write, then=partial(self._log.told, entries), certain=True)
        return True

    async def record_return(self, jid: str, id: str, body: Mapping[str, Any]) -> Recorded:
        """Keep one return."""
        (recorded,) = await self.record_returns([NewReturn(jid=jid, id=id, body=body)])
        return recorded

    async def record_returns(
        self, returns: Sequence[NewReturn], *, settled: Sequence[str] = (), events: Sequence[Event] = ()
    ) -> list[Recorded]:
        """Keep many returns in one transaction: all of them, or StoreError. Of the jobs `settled` nobody is missing."""
        now = self._clock()
        rows, states, always, if_new = [], [], [], []
        loads = {}
        for one in returns:
            rows.append((one.jid, one.id, now, pack_bin(dict(one.body)), outcomes.outcome(one.body)))
            if one.highstate is not None and (row := highstates.row(one, now)):
                states.append(row)
            if one.load is not None:
                loads[one.jid] = one
            always.append(self._log.entries(one.events))
            if_new.append(self._log.entries(one.if_new) if one.if_new else ())
        after = self._log.entries(events)
        entries: list[Entry] = []

        def write(connection: sqlite3.Connection, careful: bool) -> list[Recorded]:
            for jid in _unknown(connection, list(loads)):
                load = dict(cast("Mapping[str, Any]", loads[jid].load))
                values = (jid, now, pack_bin(load), pack_bin([loads[jid].id]))
                connection.execute(_INSERT_JOB, values)
                connection.execute(listed.BOOKED, listed.book(load, [loads[jid].id], now))
            for jid in settled:
                connection.execute(_SETTLE, (now, _NOBODY, jid))
            if careful:
                recorded = [_insert_one(connection, row) for row in rows]
            else:
                _insert_all(connection, rows)
                recorded = [Recorded.NEW] * len(rows)
            for state in states:
                connection.execute(highstates.KEPT, state)
            entries.clear()
            for one, told, further in zip(recorded, always, if_new, strict=True):
                entries.extend(told)
                if one is Recorded.NEW:
                    entries.extend(further)
            entries.extend(after)
            self._log.insert(connection, entries)
            return recorded

        return await self._engine.write(write, then=partial(self._log.told, entries))

    async def mark_settled(self, jid: str, missing: Mapping[str, str], *, events: Sequence[Event] = ()) -> None:
        """Nobody waits any longer; `missing` gives a reason for each minion that did not return."""
        now, entries = self._clock(), self._log.entries(events)

        def write(connection: sqlite3.Connection, _careful: bool) -> None:
            # Why it waits for somebody no longer is what there is to say of those.
            reasons = {**missing, **queue.reasons_kept(connection, jid)}
            connection.execute(_SETTLE, (now, pack_bin(reasons), jid))
            self._log.insert(connection, entries)

        await self._engine.write(write, then=partial(self._log.told, entries))

    async def settle_returned(self, *, limit: int = 500) -> int:
        """Note that nobody is waited for, of jobs of which all have returned, where nobody lived to note it.

        At most `limit` in one transaction. How many there were.
        """
        # Loads are not read for it: who reads a hundred thousand jobs so waits for a tenth of a second.
        rows = await self._engine.read(lambda connection: connection.execute(_ALL_RETURNED).fetchall())
        for start in range(0, len(rows), limit):
            some = [(ended, _NOBODY, jid) for jid, ended in rows[start : start + limit]]
            await self._engine.write(partial(_settle_late, some))
        return len(rows)

    async def forget_highstates(self, known: Callable[[], Collection[str]]) -> int:
        """Forget what the highstates of other minions than these came to: of how many. They are asked for last."""
        kept = await self._engine.read(highstates.read_ids)
        gone = sorted(kept - set(known()))
        if gone:
            await self._engine.write(lambda connection, _careful: highstates.forget(connection, gone))
        return len(gone)

    async def forget_returns(self, before: float, *, limit: int = 500) -> int:
        """Forget the returns of jobs that had ended before `before`, and their events: at most `limit` at a time."""
        return await self._engine.write(lambda connection, _careful: _forget_returns(connection, before, limit))

    async def expire(self, before: float, *, limit: int = 500) -> int:
        """Forget jobs that were recorded before `before`, with their returns: at most `limit` rows at a time.

        How many rows went; 0 when there is nothing left to forget.
        """

        def write(connection: sqlite3.Connection, _careful: bool) -> int:
            return expire_jobs(connection, before, limit)

        return await self._engine.write(write)

    # -- reading ----------------------------------------------------------------------------------------------

    async def load(self, jid: str) -> dict[str, Any] | None:
        """The job's load, or None for an unknown job."""
        entry = await self.entry(jid)
        return None if entry is None else entry.load

    async def entry(self, jid: str) -> JobEntry | None:
        """The job, or None for an unknown one."""
        return await self._engine.read(lambda connection: _read_entry(connection, jid))

    async def returns(self, jid: str) -> dict[str, dict[str, Any]]:
        """`{id: {return, retcode, success, out?, …}}`, in the order in which they came."""
        return await self._engine.read(lambda connection: _read_returns(connection, jid))

    async def returned(self, jid: str) -> set[str]:
        """The ids that have returned."""
        return await self._engine.read(lambda connection: _read_returned(connection, jid))

    async def page(
        self,
        wanted: listed.Wanted,
        *,
        before: tuple[float, str] | None = None,
        limit: int = 50,
        counted: bool = False,
    ) -> listed.Page:
        """A page of the job list, newest first."""
        read = partial(listing.read_page, wanted=wanted, before=before, limit=limit, counted=counted)
        return await self._engine.read(read)

    async def row(self, jid: str) -> listed.Row | None:
        """One job as it stands in the list, or None for an unknown one."""
        return await self._engine.read(partial(listing.read_row, jid=jid))


class JobReader(Reader):
    """What is kept about jobs, for a process that is not the daemon. Blocking; close it, or use `with`."""

    def load(self, jid: str) -> dict[str, Any] | None:
        """The job's load, or None for an unknown job."""
        entry = self.entry(jid)
        return None if entry is None else entry.load

    def entry(self, jid: str) -> JobEntry | None:
        """The job, or None for an unknown one."""
        return self._read(lambda connection: _read_entry(connection, jid))

    def returns(self, jid: str) -> dict[str, dict[str, Any]]:
        """`{id: {return, retcode, success, out?, …}}`, in the order in which they came."""
        return self._read(lambda connection: _read_returns(connection, jid))

    def returned(self, jid: str) -> set[str]:
        """The ids that have returned."""
        return self._read(lambda connection: _read_returned(connection, jid))

    def told(self, wanted: listed.Wanted = EVERYTHING, limit: int | None = None) -> list[tuple[Any, ...]]:
        """The jobs that are wanted, oldest first; with `limit` the newest. Of each what `listed.described` takes."""
        return self._read(lambda connection: listing.read_told(connection, wanted, limit))

    def packed(self, wanted: listed.Wanted = EVERYTHING) -> bytes:
        """The jobs that are wanted, described, by their jids, oldest first: a map, packed."""
        return self._read(lambda connection: listed.packed(listing.each_told(connection, wanted)))

    def counts(self) -> dict[str, int]:
        """How many `jobs` and `returns` there are."""

        def read(connection: sqlite3.Connection) -> dict[str, int]:
            (jobs,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
            (returns,) = connection.execute("SELECT count(*) FROM returns").fetchone()
            return {"jobs": jobs, "returns": returns}

        return self._read(read)


# -- in the writer's thread ------------------------------------------------------------------------------------


def _unknown(connection: sqlite3.Connection, jids: list[str]) -> list[str]:
    """Those of `jids` that are no job yet. One statement for many, as for CHUNKS."""
    known: set[str] = set()
    size = 1 if len(jids) == 1 else max(_KNOWN)
    for start in range(0, len(jids), size):
        some = jids[start : start + size]
        (found,) = connection.execute(_KNOWN[size], some + some[:1] * (size - len(some))).fetchone()
        known.update((found or "").split("\n"))
    return [jid for jid in jids if jid not in known]


def _insert_all(connection: sqlite3.Connection, rows: Sequence[tuple[str, str, float, bytes, int]]) -> None:
    """Insert rows that nobody has sent before; NotAsHoped if one was."""
    start = 0
    while start < len(rows):
        size = next(size for size in CHUNKS if size <= len(rows) - start)
        values = [value for row in rows[start : start + size] for value in row]
        if connection.execute(_INSERTS[size], values).rowcount != size:
            raise NotAsHoped
        start += size


def _insert_one(connection: sqlite3.Connection, row: tuple[str, str, float, bytes, int]) -> Recorded:
    if connection.execute(_INSERTS[1], row).rowcount == 1:
        return Recorded.NEW
    (stored,) = connection.execute("SELECT body FROM returns WHERE jid = ? AND id = ?", row[:2]).fetchone()
    same = stored == row[3] or unpack_bin(stored) == unpack_bin(row[3])
    return Recorded.REPEAT if same else Recorded.DIFFERENT


def _settle_late(ends: Sequence[tuple[float, bytes, str]], connection: sqlite3.Connection, _careful: bool) -> None:
    connection.executemany(_SETTLE_LATE, ends)


def expire_jobs(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Remove old rows, a job's returns before the job, so that no return is ever left without one.

    A job that has waited for a minion is kept from when that ended, not from when it began.
    """
    gone = queue.expire(connection, before, limit)
    if gone >= limit:
        return gone
    old = connection.execute(_OLD, (before, limit))
    for (jid,) in old.fetchall():
        gone += connection.execute(
            "DELETE FROM returns WHERE number IN (SELECT number FROM returns WHERE jid = ? LIMIT ?)",
            (jid, limit - gone),
        ).rowcount
        if gone >= limit:
            break
        gone += connection.execute("DELETE FROM jobs WHERE jid = ?", (jid,)).rowcount
        if gone >= limit:
            break
    return gone


def _forget_returns(connection: sqlite3.Connection, before: float, limit: int) -> int:
    rows = connection.execute(_ENDED, {"before": before, "long": before - LONG_ENOUGH_S, "limit": limit}).fetchall()
    for number, jid, id in rows:
        connection.execute("DELETE FROM returns WHERE number = ?", (number,))
        # What the states of that return were told of is in them, too.
        connection.execute(
            "DELETE FROM events WHERE jid = ?1 AND substr(tag, 1, length(?2)) = ?2 OR jid = ?1 AND tag = ?3",
            (jid, f"salt/job/{jid}/sub/{id}/", f"salt/job/{jid}/ret/{id}"),
        )
    return len(rows)


# -- in a reader's thread, or in another process ---------------------------------------------------------------


def _read_entry(connection: sqlite3.Connection, jid: str) -> JobEntry | None:
    row = connection.execute(_ENTRY + "WHERE jid = ?", (jid,)).fetchone()
    if row is None:
        return None
    entry = _entry(row)
    unknown = listed.unknown(entry.load, entry.minions)
    if not entry.missing and not unknown:
        return entry
    came = dict(connection.execute("SELECT id, came FROM returns WHERE jid = ?", (jid,)))
    return attrs.evolve(
        entry,
        missing={id: why for id, why in {**dict.fromkeys(unknown, NO_KEY), **entry.missing}.items() if id not in came},
        late={id: by for id in entry.missing if id in came and (by := came[id] - (entry.settled or 0.0)) > 0},
    )


def _read_returns(connection: sqlite3.Connection, jid: str) -> dict[str, dict[str, Any]]:
    rows = connection.execute("SELECT id, body FROM returns WHERE jid = ? ORDER BY number", (jid,))
    return {id: unpack_bin(body) for id, body in rows}


def _read_returned(connection: sqlite3.Connection, jid: str) -> set[str]:
    return {id for (id,) in connection.execute("SELECT id FROM returns WHERE jid = ?", (jid,))}


def read_return_page(
    connection: sqlite3.Connection,
    jid: str,
    *,
    after: int,
    limit: int,
    id: str = "",
    failed: bool = False,
    most_bytes: int,
) -> tuple[list[tuple[str, float, dict[str, Any]]], int | None]:
    """`(id, came, body)` of a job's returns after a number, in the order in which they came, and the number of the
    last when there are more. Fewer than `limit` when they are big."""
    conditions = ["jid = :jid", "number > :after"]
    conditions += ["id = :id"] if id else []
    conditions += [f"outcome = {outcomes.FAILED}"] if failed else []
    # The numbers first, from an index: bodies may be big, and are read of this page only.
    numbers = connection.execute(
        f"SELECT number FROM returns WHERE {' AND '.join(conditions)} ORDER BY number LIMIT :limit",  # noqa: S608
        {"jid": jid, "after": after, "id": id, "limit": limit + 1},
    ).fetchall()
    page: list[tuple[str, float, dict[str, Any]]] = []
    size, last = 0, after
    for (number,) in numbers:
        if len(page) == limit:
            return page, last
        who, came, body = connection.execute(
            "SELECT id, came, body FROM returns WHERE number = ?", (number,)
        ).fetchone()
        if page and size + len(body) > most_bytes:
            return page, last
        page.append((who, came, unpack_bin(body)))
        size, last = size + len(body), number
    return page, None


def _entry(row: tuple[Any, ...]) -> JobEntry:
    jid, load, minions, recorded, settled, missing = row
    return JobEntry(
        jid=jid,
        load=unpack_bin(load),
        minions=unpack_bin(minions),
        recorded=recorded,
        settled=settled,
        missing={} if missing is None else unpack_bin(missing),
    )
