"""The embedded engine: one writer thread, group commit, many readers.

Every write that waits while a transaction is synced goes into the next one, so that the cost of the sync is shared by
all of them. `jobs` and `banks` say what is written and read; the daemon opens the store, and hands it to whoever keeps
something.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar, cast

import attrs
import outcome
import structlog
import trio

from trisalt.errors import RemoteProtocolError, StoreError
from trisalt.meters import Histogram
from trisalt.store.banks import SqliteBanks
from trisalt.store.clock import SqliteClock
from trisalt.store.jobs import SqliteJobs
from trisalt.store.log import SqliteLog
from trisalt.store.queue import SqliteQueue
from trisalt.store.schema import migrate
from trisalt.store.store import NotAsHoped
from trisalt.store.trim import StoreSize, give_back, read_size, trim
from trisalt.store.wal import make_room

log = structlog.get_logger()

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long one statement waits for somebody else's lock (a backup, a shell) before it fails."""

BATCH = 2048
"""The most writes in one transaction: it bounds how long the first of them waits for the last."""

UNREADABLE = (sqlite3.Error, RemoteProtocolError, UnicodeDecodeError)
"""What is raised where a file does not hold what was written to it."""

DAMAGED = "it is damaged; put back a copy, or move it away with its -wal and -shm, and a new one is begun: "

OVERTAKING = "what came before it could not be written"


@attrs.frozen(kw_only=True)
class StoreStatistics:
    """A snapshot for debugging: what was written in how many transactions, what waits, what failed; how big the
    database is, and how long writes took until they were durable."""

    writes: int
    transactions: int
    waiting: int
    failed: int
    refusing: bool
    damaged: bool
    size: int
    took: Histogram


@attrs.define(eq=False)
class _Write:
    operation: Callable[[sqlite3.Connection, bool], Any]
    then: Callable[[], object] | None = None
    began: float = attrs.field(factory=perf_counter)
    # The writer's, and of no meaning before its transaction has ended.
    result: outcome.Outcome[Any] | None = None
    ended: bool = False

    weight = 1

    def is_stale(self, _refusals: int) -> bool:
        """Nobody said in which order writes are done."""
        return False

    def end(self) -> None:
        """In the Trio thread: it is durable, or failed."""
        self.ended = True
        if self.then is not None and isinstance(self.result, outcome.Value):
            self.then()


@attrs.define(eq=False)
class _Gathered:
    """What was given to `SqliteStore.gather` in a row. It takes more until the writer has it."""

    on: Callable[[sqlite3.Connection, list[Any]], object]
    items: list[Any]
    then: Callable[[list[Any]], object]
    otherwise: Callable[[list[Any], Exception], object]
    refusals: int
    result: outcome.Outcome[Any] | None = None
    began: float = attrs.field(factory=perf_counter)

    @property
    def weight(self) -> int:
        return len(self.items)

    def is_stale(self, refusals: int) -> bool:
        """Whether some that came before were refused, and whoever gave these could not know it yet."""
        return self.refusals < refusals

    def operation(self, connection: sqlite3.Connection, _careful: bool) -> None:
        self.on(connection, self.items)

    def end(self) -> None:
        """In the Trio thread: it is durable, or failed."""
        if isinstance(self.result, outcome.Error):
            assert isinstance(self.result.error, Exception)
            self.otherwise(self.items, self.result.error)
        else:
            self.then(self.items)


class SqliteStore:
    """Jobs, what waits of them, banks and the event log in one SQLite database. Made by `open_store`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, readers: int, room: int = 0) -> None:
        self.log = SqliteLog(self, connection)
        self.jobs = SqliteJobs(self, self.log)
        self.queue = SqliteQueue(self, clock=time.time)
        self.banks = SqliteBanks(self)
        self.clock = SqliteClock(self, clock=time.time)
        self._path = path
        self._room = room
        self._inode = os.stat(path).st_ino
        self._connection = connection
        self._token = trio.lowlevel.current_trio_token()
        # What both sides touch: what is to be written, and what has been, by transaction.
        self._lock = threading.Lock()
        self._queue: list[_Write | _Gathered] = []
        self._done: list[tuple[list[_Write | _Gathered], str | None, int]] = []
        self._closing = False
        # The writer waits at the first of these. One of the tasks that wait for the writer is at the second, and sees
        # the results of all; the others are parked. A task of the store's between would cost a round of the loop more.
        self._wanted = os.eventfd(0, os.EFD_CLOEXEC)
        self._written = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._attended = False
        self._parked: dict[_Write | _Gathered, trio.lowlevel.Task] = {}
        self._reader_limit = trio.CapacityLimiter(readers)
        self._idle_readers: list[sqlite3.Connection] = []
        self._refusing = False
        # What SQLite said of the file, when it found it damaged: that does not pass by itself.
        self._damage = ""
        # How often what was gathered was refused: as the writer knows it, and as the Trio side does.
        self._refusals = self._refusals_known = 0
        self._took = Histogram()
        self._writes = self._transactions = self._failed = 0
        self._start_writer()

    def _start_writer(self) -> None:
        self._thread = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._thread.start()

    # -- the Trio side ----------------------------------------------------------------------------------------

    async def write(
        self,
        operation: Callable[[sqlite3.Connection, bool], T],
        *,
        then: Callable[[], object] | None = None,
        certain: bool = False,
    ) -> T:
        """Run `operation(connection, careful)` in the writer's next transaction; it is durable when this returns.

        `operation` may be run again after a rollback, then with `careful` True (see `NotAsHoped`). A cancelled write
        may or may not have happened; `then` is called, in the Trio thread, when one has. One that is to be `certain` is
        not cut off once it has begun: whoever is cancelled meanwhile learns of it at the next checkpoint. Raises
        StoreError when nothing was written.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        write = _Write(operation, then)
        with self._lock:
            if self._closing:
                raise StoreError("the store is closed")
            idle = self._put(write)
        if idle:
            os.eventfd_write(self._wanted, 1)
        try:
            await self._wait(write)
        except trio.Cancelled:
            if not certain:
                raise
            # A shield from the first on would cost each job more than the wait: hardly anybody is cancelled.
            with trio.CancelScope(shield=True):
                await self._wait(write)
        assert write.result is not None
        return cast("T", write.result.unwrap())

    async def _wait(self, write: _Write) -> None:
        try:
            while not write.ended:
                await (self._park(write) if self._attended else self._attend())
        finally:
            if self._parked and not self._attended:
                # Somebody has to be there as long as anybody waits.
                self._unpark(next(iter(self._parked)))

    def gather(
        self,
        operation: Callable[[sqlite3.Connection, list[Any]], object],
        item: Any,
        *,
        then: Callable[[list[Any]], object],
        otherwise: Callable[[list[Any], Exception], object],
    ) -> None:
        """Without waiting: run `operation(connection, items)` with all that was given to it in a row until then.

        In its place among the writes: after those that were asked for before, and before those that come after. When
        some are refused, so are those that were given before `otherwise` told it: nothing overtakes what failed.
        `then(items)` is called in the Trio thread when it is durable, `otherwise(items, error)` when it is not.
        """
        with self._lock:
            last = self._queue[-1] if self._queue else None
            if isinstance(last, _Gathered) and last.on == operation and len(last.items) < BATCH:
                last.items.append(item)
                return
            if self._closing:
                # Nobody is told any more.
                return
            idle = self._put(_Gathered(operation, [item], then, otherwise, self._refusals_known))
        if idle:
            os.eventfd_write(self._wanted, 1)

    def _put(self, write: _Write | _Gathered) -> bool:
        self._queue.append(write)
        return len(self._queue) == 1

    async def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run `operation(connection)` in a reader's thread, on what is committed."""
        return await trio.to_thread.run_sync(self._read, operation, limiter=self._reader_limit)

    async def size(self) -> StoreSize:
        """How big the file is, and how much of it is free."""
        return await self.read(read_size)

    async def trim(self, *, spare: float, limit: int) -> int:
        """Forget at most `limit` rows of what is oldest, but no job that was recorded after `spare`: how many went."""
        return await self.write(lambda connection, _careful: trim(connection, spare, limit))

    async def give_back(self, pages: int) -> int:
        """Cut at most so many free pages off the file: how many bytes it lost."""
        return await self.write(lambda connection, _careful: give_back(connection, pages))

    def statistics(self) -> StoreStatistics:
        """A snapshot for debugging."""
        return StoreStatistics(
            writes=self._writes,
            transactions=self._transactions,
            waiting=len(self._queue),
            failed=self._failed,
            refusing=self._refusing,
            damaged=bool(self._damage),
            size=sum(_size(f"{self._path}{end}") for end in ("", "-wal")),
            took=self._took,
        )

    async def close(self) -> None:
        """Write what is queued, then close everything."""
        with self._lock:
            self._closing = True
            os.eventfd_write(self._wanted, 1)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._thread.join)
        self._tell()
        for connection in self._idle_readers:
            connection.close()
        self._connection.close()
        os.close(self._wanted)
        trio.lowlevel.notify_closing(self._written)
        os.close(self._written)

    async def _attend(self) -> None:
        """Wait for the end of a transaction, and tell all who wait for it."""
        self._attended = True
        try:
            await trio.lowlevel.wait_readable(self._written)
            os.eventfd_read(self._written)
        except trio.ClosedResourceError:
            # All that was to be written has been.
            return
        finally:
            self._attended = False
            self._tell()

    async def _park(self, write: _Write) -> None:
        """Wait until somebody else has seen the result, or leaves the place at the descriptor."""
        self._parked[write] = trio.lowlevel.current_task()

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            del self._parked[write]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _unpark(self, write: _Write | _Gathered) -> None:
        trio.lowlevel.reschedule(self._parked.pop(write))

    def _tell_unattended(self) -> None:
        """As nobody waited when a transaction ended; somebody may have come since."""
        self._tell()
        if self._attended:
            os.eventfd_write(self._written, 1)

    def _tell(self) -> None:
        """Tell of all transactions that have ended by now, in their order."""
        with self._lock:
            done, self._done = self._done, []
        for batch, error, refusals in done:
            self._wake(batch, error, refusals)

    def _wake(self, batch: list[_Write | _Gathered], error: str | None, refusals: int) -> None:
        """In the Trio thread: tell all who wait for this transaction."""
        self._refusals_known = refusals
        if error is not None and not self._refusing:
            log.error("store.refused", path=str(self._path), reason=error)
        elif error is None and self._refusing:
            log.info("store.recovered", path=str(self._path))
        self._refusing = error is not None
        now = perf_counter()
        for write in batch:
            self._took.record(now - write.began)
            write.end()
            if write in self._parked:
                self._unpark(write)

    # -- the writer's thread ----------------------------------------------------------------------------------

    def _write_all(self) -> None:
        if self._room:
            self._make_room()
        while True:
            with self._lock:
                batch = self._take()
                if not batch and self._closing:
                    return
            if not batch:
                os.eventfd_read(self._wanted)
                continue
            error = self._commit(batch)
            with self._lock:
                self._done.append((batch, error, self._refusals))
                attended = self._attended
            if attended:
                os.eventfd_write(self._written, 1)
                continue
            try:
                self._token.run_sync_soon(self._tell_unattended, idempotent=True)
            except trio.RunFinishedError:
                return

    def _make_room(self) -> None:
        """While nothing is written yet, so that nobody waits for it."""
        try:
            with self._transaction():
                make_room(f"{self._path}-wal", self._room)
        except (OSError, sqlite3.Error, StoreError) as exc:
            # It is slower then, and nothing else.
            log.warning("store.no_room_ahead", path=str(self._path), reason=str(exc))

    def _take(self) -> list[_Write | _Gathered]:
        """What goes into the next transaction."""
        count = size = 0
        while count < len(self._queue) and size < BATCH:
            size += self._queue[count].weight
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        self._transactions += bool(batch)
        self._writes += size
        return batch

    def _commit(self, batch: list[_Write | _Gathered]) -> str | None:
        """Run a batch in one transaction, and set its results. The reason when the store does not write at all."""
        for write in batch:
            if write.is_stale(self._refusals):
                write.result = outcome.Error(StoreError(OVERTAKING))
        batch = [write for write in batch if write.result is None]
        if not batch:
            return OVERTAKING
        for careful in (False, True):
            try:
                with self._transaction():
                    for write in batch:
                        write.result = outcome.Value(write.operation(self._connection, careful))
                return None
            except NotAsHoped:
                continue
            except (sqlite3.OperationalError, StoreError) as exc:
                return self._refuse(batch, exc)
            except Exception as exc:
                # One operation is at fault, or met what is damaged. Nothing is written yet: find it, and spare the
                # others.
                log.debug("store.transaction_split", reason=repr(exc))
                break
        return self._commit_singly(batch)

    def _commit_singly(self, batch: list[_Write | _Gathered]) -> str | None:
        for number, write in enumerate(batch):
            if write.is_stale(self._refusals):
                write.result = outcome.Error(StoreError(OVERTAKING))
                continue
            try:
                with self._transaction():
                    write.result = outcome.Value(write.operation(self._connection, True))
            except (sqlite3.OperationalError, StoreError) as exc:
                return self._refuse(batch[number:], exc)
            except UNREADABLE as exc:
                self._note_damage(exc)
                self._refuse([write], exc)
            except Exception as exc:
                self._failed += 1
                write.result = outcome.Error(exc)
        return None

    def _note_damage(self, exc: Exception) -> None:
        """Say it once, and for as long as we run: what is there may be wrong, though some of it is still written."""
        if not self._damage and is_damage(exc):
            self._damage = str(exc)
            log.error("store.damaged", path=str(self._path), reason=str(exc))

    def _refuse(self, batch: list[_Write | _Gathered], exc: Exception) -> str:
        self._failed += len(batch)
        reason = str(exc)
        for write in batch:
            # An error of its own for each waiter: a traceback is added where it is raised.
            write.result = outcome.Error(StoreError(f"the store cannot write: {reason}"))
            if isinstance(write, _Gathered):
                self._refusals += 1
        return reason

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._check_file()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # After some failures (a full disk) SQLite has rolled back by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _check_file(self) -> None:
        """Somebody may have removed or replaced the file: what we write would be nobody's."""
        try:
            there = os.stat(self._path).st_ino == self._inode
        except OSError as exc:
            raise StoreError(f"{self._path}: {exc.strerror}") from exc
        if not there:
            raise StoreError(f"{self._path} is another file now")

    # -- the readers' threads ---------------------------------------------------------------------------------

    def _read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            try:
                connection = self._idle_readers.pop()
            except IndexError:
                connection = _connect(self._path)
                connection.execute("PRAGMA query_only = ON")
            try:
                return operation(connection)
            finally:
                self._idle_readers.append(connection)
        except UNREADABLE as exc:
            self._note_damage(exc)
            raise StoreError(f"the store cannot read: {exc}") from exc


@asynccontextmanager
async def open_store(path: str | Path, *, readers: int = 4, room: int = 0) -> AsyncIterator[SqliteStore]:
    """Open the database at `path`, made with mode 0600 if it is not there; closed when the block ends.

    `room`: of how many bytes what is written ahead is laid out (`store/wal`), for a store that lives long.
    Raises StoreError when it cannot be opened, or was written by a newer trisalt.
    """
    path = Path(path)
    connection = await trio.to_thread.run_sync(_open, path)
    try:
        store = SqliteStore(path, connection, readers=readers, room=room)
    except UNREADABLE as exc:
        connection.close()
        raise _not_opened(path, exc) from exc
    except BaseException:
        connection.close()
        raise
    try:
        yield store
    finally:
        await store.close()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _open(path: Path) -> sqlite3.Connection:
    try:
        # SQLite gives the files beside it (-wal, -shm) the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
    except OSError as exc:
        raise StoreError(f"cannot open the store {path}: {exc.strerror}") from exc
    connection = None
    try:
        connection = _connect(path)
        _give_back_in_slices(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: the log is synced at every commit, so that what was acknowledged survives a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        migrate(connection)
        return connection
    except (*UNREADABLE, StoreError) as exc:
        if connection is not None:
            connection.close()
        raise _not_opened(path, exc) from exc


def _not_opened(path: Path, exc: Exception) -> StoreError:
    return StoreError(f"cannot open the store {path}: {DAMAGED if is_damage(exc) else ''}{exc}")


def is_damage(exc: Exception) -> bool:
    """Whether SQLite says that a database is damaged; in words that need not be text, when they are of the damage."""
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT if isinstance(exc, UnicodeDecodeError) else 0)
    return code & 0xFF == sqlite3.SQLITE_CORRUPT


def _give_back_in_slices(connection: sqlite3.Connection) -> None:
    """Let pages be given back (`store/trim`): said before the first table is made, or when the file is made anew."""
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if mode == 2:
        return
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        try:
            connection.execute("VACUUM")
        except sqlite3.OperationalError as exc:
            # There is no room for a second copy: what is free is used again, and not given back.
            log.warning("store.not_compacted", reason=str(exc))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
