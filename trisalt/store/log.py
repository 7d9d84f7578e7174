"""The event log in SQLite: what the master's bus tells the outside is here first, numbered in the order of telling.

`SqliteLog` is the daemon's side, the ledger of its bus (`bus.Ledger`). Events that belong to a transaction of their
publisher's (a job that goes out, returns) are inserted in it by `jobs`; all others are gathered and share the next
transaction, and nobody waits for it. What could not be written is held, and written once the store writes again:
followers hear of nothing that is not here. `master/feed` reads on from a number for whoever follows.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.event import Event
from trisalt.bus.events import EventsLost
from trisalt.errors import LocalProtocolError, StoreError
from trisalt.store.store import Engine, LogBounds, Logged, LogSlice
from trisalt.wire.frames import pack_data
from trisalt.wire.jid import to_datetime

log = structlog.get_logger()

WAITING = 65_536
"""How many events may wait for their transaction before publishers wait: the pressure goes to whoever fires them."""
WAITING_BYTES = 64 * 1024 * 1024

HELD = 20_000
"""How many events that could not be written are held in memory; what comes after them is lost, and counted."""
HELD_BYTES = 32 * 1024 * 1024

HELD_SLICE = 1000
"""How many of them are written in one transaction."""

TRY_AGAIN_S = 1.0
"""Between two tries to write what is held."""

CHUNKS = (64, 16, 4, 2, 1)
"""How many events go into one INSERT: see `jobs.CHUNKS`."""

SCAN = 2000
"""How many rows one read looks at: a follower that wants few of many must not keep a thread for long."""
SLICE_BYTES = 1024 * 1024
"""One read ends when it has found so much, and an event more."""

_COLUMNS = 5
_INSERTS = {
    size: "INSERT INTO events (at, tag, jid, origin, data) VALUES "  # noqa: S608
    + ",".join([f"({','.join('?' * _COLUMNS)})"] * size)
    for size in CHUNKS
}
_NEWEST = "SELECT number, at FROM events ORDER BY number DESC LIMIT 1"
# Tags that are about a job, a run or a batch: `wire/jid` says what an id is.
_OF_JOB = re.compile(r"(?:salt|trisalt)/(?:job|run|wheel|batch)/([0-9]{20}(?:_[^/]+)?)(?:/|\Z)")


@attrs.define(eq=False)
class Entry:
    """An event on its way into the log, packed; `number` is what it has there once it is written."""

    event: Event
    tag: str
    jid: str | None
    origin: str
    data: bytes
    number: int = 0

    @property
    def size(self) -> int:
        return len(self.tag) + len(self.data)


class SqliteLog:
    """The daemon's side: see `store.EventLog`."""

    def __init__(
        self, engine: Engine, connection: sqlite3.Connection, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`connection` is read here, and not kept."""
        (self.id,) = connection.execute("SELECT id FROM log").fetchone()
        self.last: int
        # The writer's: when the newest was written.
        self._at: float
        self.last, self._at = connection.execute(_NEWEST).fetchone() or (0, 0.0)
        self.listeners: list[Callable[[Sequence[Entry]], None]] = []
        self.followed = False
        # Bytes of an event's data; the master's option.
        self.max_event_size = 1024 * 1024
        # Who is offered each event as soon as it is here: the bus.
        self.tell: Callable[[Event], None] = lambda _event: None
        self._engine = engine
        self._clock = clock
        self._appended = self._settled = 0
        self._waiting_bytes = 0
        self._changed = trio.lowlevel.ParkingLot()
        # From the first event that could not be written until all that were held are: order comes first.
        self._holding = False
        self._held: list[Entry] = []
        self._held_bytes = 0
        # How many of them, the first, were on their way to the disk.
        self._came_back = 0
        self._lost = 0
        self._warned: set[str] = set()
        self._holds = trio.lowlevel.ParkingLot()

    # -- the bus's side ---------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether publishers are to wait: the disk does not keep up."""
        return self._appended - self._settled >= WAITING or self._waiting_bytes >= WAITING_BYTES

    async def wait_room(self) -> None:
        """Wait until some of what waits is written, or held."""
        if self.is_full:
            await self._changed.park()

    def append(self, event: Event) -> None:
        """Write an event in the next transaction, and tell it after. Never waits, never fails."""
        entry = self._entry(event)
        if self._holding:
            self._hold(entry)
        else:
            self._enqueue(entry)

    async def flush(self) -> None:
        """Wait until all that was appended so far is written and told, or held."""
        wanted = self._appended
        await trio.lowlevel.checkpoint()
        while self._settled < wanted:
            await self._changed.park()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Try again to write what is held, until cancelled."""
        task_status.started()
        while True:
            while not self._holding:
                await self._holds.park()
            await trio.sleep(TRY_AGAIN_S)
            await self._try_again()

    async def _try_again(self) -> None:
        """Write what is held, the oldest first; what comes meanwhile waits behind it."""
        # What was on its way when the first was refused is refused too.
        await self.flush()
        self._came_back = 0
        while self._held or self._lost:
            lost = 0 if self._held else self._lost
            some = self._held[:HELD_SLICE] or [self._entry(EventsLost(count=lost))]

            def write(connection: sqlite3.Connection, _careful: bool, some: Sequence[Entry] = some) -> None:
                self.insert(connection, some)

            try:
                await self._engine.write(write, then=partial(self.told, some))
            except StoreError:
                return
            self._lost -= lost
            if not lost:
                del self._held[: len(some)]
                self._held_bytes -= sum(entry.size for entry in some)
        self._holding = False
        self._warned.clear()

    def _enqueue(self, entry: Entry) -> None:
        self._appended += 1
        self._waiting_bytes += entry.size
        self._engine.gather(self.insert, entry, then=self._written, otherwise=self._refused)

    def _written(self, entries: Sequence[Entry]) -> None:
        self._settle(entries)
        self.told(entries)

    def _refused(self, entries: Sequence[Entry], exc: Exception) -> None:
        self._settle(entries)
        if isinstance(exc, StoreError):
            self._warn("events.held", reason=str(exc))
            self._holding = True
            # Before what came while they were on their way.
            self._held[self._came_back : self._came_back] = entries
            self._came_back += len(entries)
            self._held_bytes += sum(entry.size for entry in entries)
            self._holds.unpark_all()
        else:
            # It is not the disk: they would be refused for ever.
            log.error("events.lost", count=len(entries), reason=repr(exc))

    def _settle(self, entries: Sequence[Entry]) -> None:
        self._settled += len(entries)
        self._waiting_bytes -= sum(entry.size for entry in entries)
        self._changed.unpark_all()

    def _hold(self, entry: Entry) -> None:
        if self._lost or len(self._held) >= HELD or self._held_bytes + entry.size > HELD_BYTES:
            # Nothing after a loss is held: the hole is one, and told where it is.
            self._warn("events.lost", held=len(self._held), reason="no more are held")
            self._lost += 1
        else:
            self._held.append(entry)
            self._held_bytes += entry.size

    def _warn(self, what: str, **facts: object) -> None:
        """Say something loudly, once until the store writes again."""
        if what not in self._warned:
            self._warned.add(what)
            log.error(what, **facts)

    def _entry(self, event: Event) -> Entry:
        tag, origin = event.tag, f"{event.origin.kind}/{event.origin.name}"
        if not f"{tag}{origin}".isascii():
            tag, origin = _text(tag), _text(origin)
        try:
            # Values too big for stock's tools are trimmed as for them: a return is kept whole with its job.
            data = event.packed(self._pack)
        except LocalProtocolError as exc:
            # A plugin fired what cannot travel: its followers see the tag, the daemon's log the reason.
            log.warning("event.unpackable", tag=tag, reason=str(exc))
            data = pack_data({})
        return Entry(event, tag, job_of(tag), origin, data)

    def _pack(self, data: dict[str, Any]) -> bytes:
        return pack_data(data, max_size=self.max_event_size)

    # -- the transactions of others ---------------------------------------------------------------------------

    def entries(self, events: Iterable[Event]) -> list[Entry]:
        """Events as they are given to `insert`: those that may leave the process, packed."""
        return [self._entry(event) for event in events if event.TAG]

    def insert(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        """Write entries, and number them; in the writer's thread, inside a transaction. It may be rolled back."""
        if not entries:
            return
        # Never earlier than the event before: a time can be looked for in the log, whatever the clock does.
        at = self._at = max(self._at, self._clock())
        values: list[object] = []
        for entry in entries:
            values += (at, entry.tag, entry.jid, entry.origin, entry.data)
        start = 0
        while start < len(entries):
            size = next(size for size in CHUNKS if size <= len(entries) - start)
            inserted = connection.execute(_INSERTS[size], values[start * _COLUMNS : (start + size) * _COLUMNS])
            assert inserted.lastrowid is not None
            # The next after the newest, and one after the other: SQLite's rule for the key of a table.
            for number, entry in enumerate(entries[start : start + size], inserted.lastrowid - size + 1):
                entry.number = number
            start += size

    def told(self, entries: Sequence[Entry]) -> None:
        """These are committed: in the Trio thread, once for each transaction's entries, in their order."""
        if not entries:
            return
        self.last = entries[-1].number
        for entry in entries:
            self.tell(entry.event)
        for listener in self.listeners:
            listener(entries)

    async def expire(self, before: float, *, limit: int) -> int:
        """Forget events that were written before a moment, and never the newest: at most `limit`; how many went."""
        return await self._engine.write(lambda connection, _careful: expire_events(connection, before, limit))

    # -- reading ----------------------------------------------------------------------------------------------

    async def bounds(self) -> LogBounds:
        """The first and the last number that are there."""
        return await self._engine.read(read_bounds)

    async def first_since(self, moment: float | str) -> int:
        """The first number since a moment (wall seconds), or of a job: by its id, else since it was made."""
        return await self._engine.read(partial(read_first_since, moment=moment))

    async def read(
        self, after: int, upto: int, *, wanted: Callable[[str], bool] | None = None, jid: str | None = None
    ) -> LogSlice:
        """A slice of the events with a number above `after`, up to and with `upto`, that are `wanted` by their tag."""
        return await self._engine.read(partial(read_slice, after=after, upto=upto, wanted=wanted, jid=jid))


def job_of(tag: str) -> str | None:
    """The id of the job, run or batch that a tag is about."""
    found = _OF_JOB.match(tag)
    return None if found is None else found[1]


def _text(value: str) -> str:
    """What came as bytes that are no text, escaped: SQLite takes text only."""
    return value.encode(errors="backslashreplace").decode()


# -- in the writer's thread -------------------------------------------------------------------------------------


def expire_events(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Forget events that were written before a moment, and never the newest: how many went."""
    # Times never fall with numbers: the oldest are the first.
    rows = connection.execute("SELECT number, at FROM events ORDER BY number LIMIT ?", (limit + 1,)).fetchall()
    old = [number for number, at in rows[:limit] if at < before]
    if len(rows) <= limit and len(old) == len(rows):
        old = old[:-1]
    if not old:
        return 0
    return connection.execute("DELETE FROM events WHERE number <= ?", (old[-1],)).rowcount


# -- in a reader's thread --------------------------------------------------------------------------------------


def read_bounds(connection: sqlite3.Connection) -> LogBounds:
    """The first and the last number that are there; last + 1 and last when nothing is."""
    first = connection.execute("SELECT number, at FROM events ORDER BY number LIMIT 1").fetchone()
    if first is None:
        return LogBounds(first=1, last=0)
    (last,) = connection.execute("SELECT max(number) FROM events").fetchone()
    return LogBounds(first=first[0], last=last, began=first[1])


def read_first_since(connection: sqlite3.Connection, moment: float | str) -> int:
    """The first number since a moment, or of a job."""
    if isinstance(moment, str):
        (number,) = connection.execute("SELECT min(number) FROM events WHERE jid = ?", (moment,)).fetchone()
        if number is not None:
            return int(number)
        moment = to_datetime(moment).timestamp()
    bounds = read_bounds(connection)
    low, high = bounds.first, bounds.last + 1
    # Times never fall with numbers.
    while low < high:
        middle = (low + high) // 2
        number, at = connection.execute(
            "SELECT number, at FROM events WHERE number >= ? ORDER BY number LIMIT 1", (middle,)
        ).fetchone()
        if at >= moment:
            high = middle
        else:
            low = number + 1
    return low


def read_slice(
    connection: sqlite3.Connection, after: int, upto: int, wanted: Callable[[str], bool] | None, jid: str | None
) -> LogSlice:
    """Some of the events after a number: see `SqliteLog.read`."""
    gone = max(0, read_bounds(connection).first - 1 - after)
    of_job = "" if jid is None else "jid = :jid AND "
    cursor = connection.execute(
        f"SELECT number, tag, origin, data FROM events WHERE {of_job}number > :after AND number <= :upto "  # noqa: S608
        "ORDER BY number LIMIT :scan",
        {"jid": jid, "after": after, "upto": upto, "scan": SCAN},
    )
    rows, scanned, size, number = [], 0, 0, after
    for number, tag, origin, data in cursor:
        scanned += 1
        if wanted is None or wanted(tag):
            rows.append(Logged(number, tag, origin, data))
            size += len(data)
            if size >= SLICE_BYTES:
                return LogSlice(rows=rows, upto=number, gone=gone)
    return LogSlice(rows=rows, upto=number if scanned == SCAN else max(after, upto), gone=gone)
