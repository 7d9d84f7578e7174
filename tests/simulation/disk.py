"""What survives a daemon: the folder of its host, and the master's store.

Folders are real ones, in memory where the machine has such. In the moment of a crash a copy is taken: the next daemon
starts on that, and whatever the dying one still writes, while Python unwinds it, goes to a folder that nobody reads.
The store is the real SQL, with its real transactions, in a database in memory that belongs to the host.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import trio

from tests.simulation.clock import Clock
from tests.simulation.platform import Daemon, current, outside
from tests.simulation.power import Left, Synced
from trisalt.errors import RemoteProtocolError, StoreError
from trisalt.store.schema import migrate
from trisalt.store.sqlite import SqliteStore

T = TypeVar("T")

MEMORY = "/dev/shm"
FASTEST_SYNC, SLOWEST_SYNC = 0.0005, 0.02


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one run."""
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tri-sim-", dir=where) as name:
        yield Path(name)


class Disk:
    """The disk of one host. `folder` is the one that counts now; to sync takes `slow` seconds longer.

    `synced` is what a power cut would leave of it, where there is one in this run.
    """

    def __init__(self, root: Path, id: str) -> None:
        self._root = root
        self._id = id
        self._copies = 0
        self.slow = 0.0
        self.synced: Synced | None = None
        self.folder = root / id
        self.folder.mkdir()
        self.database: sqlite3.Connection | None = None

    def crash(self) -> None:
        """What is there now is what the next daemon finds."""
        fresh = self._fresh()
        with outside():
            shutil.copytree(self.folder, fresh, symlinks=True)
            if self.synced is not None:
                self.synced.moved(fresh)
        self.folder = fresh

    def cut_power(self, left: Left, draw: random.Random) -> None:
        """What is left of what is there now is what the next daemon finds."""
        assert self.synced is not None
        fresh = self._fresh()
        with outside():
            self.synced.cut(fresh, left, draw)
        self.folder = fresh

    def _fresh(self) -> Path:
        self._copies += 1
        return self._root / f"{self._id}.{self._copies}"

    def open_database(self) -> sqlite3.Connection:
        """The master's database, made if there is none."""
        if self.database is None:
            self.database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            self.database.deserialize(_migrated())
        return self.database

    def close(self) -> None:
        """The run is over."""
        if self.database is not None:
            self.database.close()


@cache
def _migrated() -> bytes:
    """A database with its tables, and nothing in them."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrate(made)
    return made.serialize()


class SimulatedStore(SqliteStore):
    """The engine without its threads: a task takes a while to sync, and commits what waits, at one moment.

    A daemon that is gone commits nothing. `gone` says so; a full disk is the daemon's own. `moment` is told when
    something is asked for, and before and after what waits is committed.
    """

    def __init__(
        self, disk: Disk, draw: random.Random, gone: Callable[[], bool], moment: Callable[..., object], clock: Clock
    ) -> None:
        super().__init__(disk.folder, disk.open_database(), readers=4)
        self._disk = disk
        self._draw = draw
        self._gone = gone
        self._moment = moment
        self._clock = clock
        # `platform` gives these for descriptors.
        self._woken: Any = self._wanted
        self._ended: Any = self._written

    def _start_writer(self) -> None:
        """`run` is the writer."""

    async def write(
        self,
        operation: Callable[[sqlite3.Connection, bool], T],
        *,
        then: Callable[[], object] | None = None,
        certain: bool = False,
    ) -> T:
        # It may go in this very moment.
        self._moment("stores", of=getattr(operation, "__qualname__", "").partition(".<locals>")[0].rpartition(".")[2])
        if self._gone():
            await trio.lowlevel.checkpoint()
            raise StoreError("the store is closed")
        return await super().write(operation, then=then, certain=certain)

    async def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        return await trio.to_thread.run_sync(self._read, operation)

    def _read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return operation(self._connection)
        except (sqlite3.Error, RemoteProtocolError) as exc:
            raise StoreError(f"the store cannot read: {exc}") from exc

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The writer: until cancelled, and then what waits is written too."""
        task_status.started()
        try:
            while True:
                while not self._queue:
                    if self._closing:
                        self._tell()
                        self._ended.close()
                        return
                    await self._woken.wait_readable()
                    self._woken.take()
                with trio.CancelScope(shield=True):
                    await self._write_some()
        finally:
            # Asked for in the moment in which the daemon went, by a task that may be shielded and waits for it.
            with trio.CancelScope(shield=True):
                while self._queue:
                    await self._write_some()

    async def _write_some(self) -> None:
        seconds = self._draw.uniform(FASTEST_SYNC, SLOWEST_SYNC) + self._disk.slow
        await self._clock.pause(seconds, cancellable=False)
        batch = self._take()
        # Who waits is woken in any case: a task of a daemon that is gone may be shielded, and must end all the same.
        self._moment("commits")
        error = self._refuse(batch, StoreError("this master is gone")) if self._gone() else self._commit(batch)
        self._moment("committed")
        self._done.append((batch, error, self._refusals))
        attended = self._attended
        # Committed, and nobody knows it yet: a good moment to crash in.
        await trio.lowlevel.checkpoint()
        if attended:
            self._ended.add(1)
        else:
            self._tell_unattended()

    async def close(self) -> None:
        self._closing = True
        self._woken.add(1)

    def _check_file(self) -> None:
        daemon: Daemon | None = current.get()
        if daemon is not None:
            daemon.about_to_write("store")
            if daemon.disk_full:
                raise StoreError("database or disk is full")
        if self._gone():
            raise StoreError("this master is gone")


@asynccontextmanager
async def open_simulated_store(
    disk: Disk, draw: random.Random, gone: Callable[[], bool], moment: Callable[..., object], clock: Clock
) -> AsyncIterator[SimulatedStore]:
    """What `store.sqlite.open_store` is."""
    store = SimulatedStore(disk, draw, gone, moment, clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        try:
            yield store
        finally:
            await store.close()


def rows(connection: sqlite3.Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What stands in the store, for the invariants."""
    return connection.execute(query, values).fetchall()
