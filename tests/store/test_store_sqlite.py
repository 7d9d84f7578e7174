"""The embedded engine: durable, grouped, refused when it cannot be, whole after a kill."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import structlog
import trio
import trio.testing

from trisalt.errors import StoreError
from trisalt.store.banks import BankReader
from trisalt.store.jobs import JobReader
from trisalt.store.schema import MIGRATIONS
from trisalt.store.sqlite import open_store

JID = "20261122124940743908"
PING = {"return": True, "retcode": 0, "success": True}


async def test_only_the_owner_reads_the_files(tmp_path):
    path = tmp_path / "trisalt.db"
    async with open_store(path) as store:
        await store.banks.store("pillar", "m1", {"password": "secret"})
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir()}
        assert modes == {"trisalt.db": 0o600, "trisalt.db-wal": 0o600, "trisalt.db-shm": 0o600}


async def test_a_database_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "trisalt.db"
    path.touch(mode=0o644)
    path.chmod(0o644)
    async with open_store(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_was_written_is_there_after_a_restart(tmp_path):
    path = tmp_path / "trisalt.db"
    async with open_store(path) as store:
        await store.jobs.record_job({"jid": JID, "fun": "test.ping"}, ["m1"])
        await store.banks.store("grains", "m1", {"a": 1})
    async with open_store(path) as store:
        assert (await store.jobs.entry(JID)).minions == ["m1"]
        assert await store.banks.fetch("grains", "m1") == {"a": 1}


async def test_readers_read_while_the_master_is_down(tmp_path):
    path = tmp_path / "trisalt.db"
    async with open_store(path) as store:
        await store.banks.store("grains", "m1", {"a": 1})
    with BankReader(path) as reader:
        assert reader.fetch("grains", "m1") == {"a": 1}


def test_a_reader_without_a_database_says_so(tmp_path):
    with pytest.raises(StoreError, match="cannot read the store"):
        JobReader(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


async def test_writes_that_wait_share_a_transaction(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        async with trio.open_nursery() as nursery:
            for number in range(500):
                nursery.start_soon(store.banks.store, "bank", str(number), number)
        statistics = store.statistics()
        assert statistics.writes == 500
        assert statistics.transactions < 100
        assert len(await store.banks.list("bank")) == 500


async def test_what_is_written_ahead_has_its_room_and_does_not_grow(tmp_path):
    path = tmp_path / "trisalt.db"
    ahead = tmp_path / "trisalt.db-wal"
    async with open_store(path, room=1 << 20) as store:
        for number in range(20):
            await store.banks.store("grains", f"m{number}", {"a": "x" * 2000})
            assert ahead.stat().st_size == 1 << 20
        with BankReader(path) as reader:
            assert reader.fetch("grains", "m19") == {"a": "x" * 2000}
    async with open_store(path, room=1 << 20) as store:
        assert await store.banks.fetch("grains", "m0") == {"a": "x" * 2000}


async def test_a_disk_without_room_ahead_is_written_to_all_the_same(tmp_path, monkeypatch):
    path = tmp_path / "trisalt.db"
    monkeypatch.setattr(os, "pwrite", refusing)
    with structlog.testing.capture_logs() as logs:
        async with open_store(path, room=1 << 20) as store:
            await store.banks.store("grains", "m1", {"a": 1})
            assert await store.banks.fetch("grains", "m1") == {"a": 1}
    assert [(line["event"], line["reason"]) for line in logs] == [("store.no_room_ahead", "[Errno 28] full")]


def refusing(*_args):
    raise OSError(errno.ENOSPC, "full")


async def test_a_cancelled_write_does_not_harm_the_next(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        for number in range(20):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(store.banks.store, "bank", str(number), number)
                    await trio.lowlevel.checkpoint()
                    scope.cancel()
        await store.banks.store("bank", "last", 1)
        assert await store.banks.fetch("bank", "last") == 1


async def test_whoever_waits_first_may_leave_before_the_others(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        go, answers = threading.Event(), []

        async def write(number, scope=None):
            with scope or trio.CancelScope():
                answers.append(await store.write(lambda _connection, _careful: go.wait(30) and number))

        async with trio.open_nursery() as nursery:
            first = trio.CancelScope()
            nursery.start_soon(write, 1, first)
            await trio.testing.wait_all_tasks_blocked()
            for number in (2, 3):
                nursery.start_soon(write, number)
            await trio.testing.wait_all_tasks_blocked()
            first.cancel()
            await trio.testing.wait_all_tasks_blocked()
            go.set()
        assert sorted(answers) == [2, 3]


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "behind another"])
async def test_who_waits_for_a_certain_write_is_not_cut_off(tmp_path, beside):
    async with open_store(tmp_path / "trisalt.db") as store:
        go, answers = threading.Event(), []

        async def write(scope, *, certain):
            with scope:
                answers.append(await store.write(lambda _connection, _careful: go.wait(30), certain=certain))
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            if beside:
                nursery.start_soon(partial(write, trio.CancelScope(), certain=False))
                await trio.testing.wait_all_tasks_blocked()
            scope = trio.CancelScope()
            nursery.start_soon(partial(write, scope, certain=True))
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert answers == []
            go.set()
        assert answers == [True] * (1 + beside)
        # And then they are.
        assert scope.cancelled_caught


async def test_closing_writes_what_is_queued_first(tmp_path):
    path = tmp_path / "trisalt.db"
    async with trio.open_nursery() as nursery:
        async with open_store(path) as store:
            for number in range(50):
                nursery.start_soon(store.banks.store, "bank", str(number), number)
            await trio.testing.wait_all_tasks_blocked()
    with BankReader(path) as reader:
        assert len(reader.list("bank")) == 50
    with pytest.raises(StoreError, match="closed"):
        await store.banks.store("bank", "x", 1)


# -- what it refuses to open -----------------------------------------------------------------------------------


async def refused(path):
    with pytest.raises(StoreError) as info:
        async with open_store(path):
            pass
    return str(info.value)


async def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "trisalt.db"
    path.write_bytes(b"hello" * 1000)
    assert "not a database" in await refused(path)
    assert path.read_bytes() == b"hello" * 1000


async def test_somebody_elses_database_is_left_alone(tmp_path):
    path = tmp_path / "trisalt.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    assert "not one of trisalt's" in await refused(path)


async def test_a_newer_schema_is_refused(tmp_path):
    path = tmp_path / "trisalt.db"
    async with open_store(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    assert "newer trisalt" in await refused(path)


PAGE = 4096


def damage(path, page):
    """Turn one page of a database into noise; 1 is the first."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa7" * PAGE)


def root_page(path, table):
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.close()
    return page


@pytest.mark.parametrize("table", ["sqlite_master", "log", "events"])
async def test_a_damaged_database_is_left_alone_and_told_what_to_do(tmp_path, table):
    path = tmp_path / "trisalt.db"
    async with open_store(path):
        pass
    if table == "sqlite_master":
        # What SQLite says of this is no text.
        path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"\xce\xa7\xa7TE TABLE"))
    else:
        damage(path, root_page(path, table))
    damaged = path.read_bytes()
    assert "it is damaged; put back a copy, or move it away" in await refused(path)
    assert path.read_bytes() == damaged


async def test_what_is_not_damaged_is_written_and_read_all_the_same(tmp_path):
    path = tmp_path / "trisalt.db"
    async with open_store(path) as store:
        await store.banks.store("bank", "a", 1)
    damage(path, root_page(path, "jobs"))
    with structlog.testing.capture_logs() as logs:
        await use_what_is_left(path)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["store.damaged"]


async def use_what_is_left(path):
    async with open_store(path) as store:
        for _ in range(2):
            with pytest.raises(StoreError, match="malformed"):
                await store.jobs.record_job({"jid": JID, "fun": "test.ping"}, ["m1"])
        with pytest.raises(StoreError, match="malformed"):
            await store.read(lambda connection: connection.execute("SELECT * FROM jobs").fetchall())
        await store.banks.store("bank", "b", 2)
        assert await store.banks.fetch_all("bank") == {"a": 1, "b": 2}
        assert (store.statistics().damaged, store.statistics().refusing) == (True, False)


async def test_a_missing_folder_is_named(tmp_path):
    assert "No such file" in await refused(tmp_path / "none" / "trisalt.db")


# -- what it does when it cannot write -------------------------------------------------------------------------


async def test_a_replaced_file_acknowledges_nothing(tmp_path):
    path = tmp_path / "trisalt.db"
    async with open_store(path) as store:
        await store.banks.store("bank", "a", 1)
        path.unlink()
        with pytest.raises(StoreError):
            await store.banks.store("bank", "b", 2)
        path.touch()
        with pytest.raises(StoreError, match="another file"):
            await store.banks.store("bank", "b", 2)


async def test_a_locked_database_is_waited_for(tmp_path):
    path = tmp_path / "trisalt.db"
    async with open_store(path) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
        began = time.monotonic()
        timer.start()
        await store.banks.store("bank", "a", 1)
        assert time.monotonic() - began > 0.2
        timer.join()
        other.close()


FULL_DISK = """
import resource, sys, trio
from trisalt.errors import StoreError
from trisalt.store.sqlite import open_store

PING = {"return": "x" * 2000, "retcode": 0, "success": True}

async def main(path):
    async with open_store(path) as store:
        await store.jobs.record_job({"jid": "20261122124940743908", "fun": "test.ping"}, ["m1"])
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        acknowledged, refused = set(), set()

        async def one(id):
            try:
                await store.jobs.record_return("20261122124940743908", id, PING)
            except StoreError:
                refused.add(id)
            else:
                acknowledged.add(id)

        for burst in range(60):
            async with trio.open_nursery() as nursery:
                for number in range(5):
                    nursery.start_soon(one, f"m{burst}-{number}")
        assert acknowledged and refused, (len(acknowledged), len(refused))
        assert await store.jobs.returned("20261122124940743908") == acknowledged
        assert store.statistics().refusing
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        for id in sorted(refused):
            await one(id)
        assert await store.jobs.returned("20261122124940743908") == acknowledged
        assert len(acknowledged) == 300
        assert not store.statistics().refusing
    print("done")

trio.run(main, sys.argv[1])
"""


def test_a_full_disk_acknowledges_nothing_and_passes(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "trisalt.db")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1:] == ["done"], done.stdout + done.stderr
    # Once, and once more where a transaction was small enough for the room that was left.
    refused = done.stdout.count("store.refused")
    assert refused in (1, 2)
    assert done.stdout.count("store.recovered") == refused


ACKNOWLEDGING = """
import sys, trio
from trisalt.store.sqlite import open_store

PING = {"return": "x" * 300, "retcode": 0, "success": True}

async def main(path):
    async with open_store(path, room=int(sys.argv[2])) as store:
        async def minion(id):
            number = 0
            while True:
                await store.jobs.record_return(f"{number:020}", id, PING)
                sys.stdout.write(f"{number:020} {id}\\n")
                sys.stdout.flush()
                number += 1

        async with trio.open_nursery() as nursery:
            for id in range(20):
                nursery.start_soon(minion, f"m{id}")

trio.run(main, sys.argv[1])
"""


@pytest.mark.parametrize(("wait", "room"), [(0.05, 1 << 20), (0.2, 0), (0.7, 1 << 20)])
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path, wait, room):
    path = tmp_path / "trisalt.db"
    output = tmp_path / "acknowledged"
    with output.open("wb") as acknowledged:
        child = subprocess.Popen([sys.executable, "-c", ACKNOWLEDGING, str(path), str(room)], stdout=acknowledged)
        deadline = time.monotonic() + 30
        while not output.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
    lines = output.read_text().splitlines(keepends=True)
    acknowledged = {tuple(line.split()) for line in lines if line.endswith("\n")}
    assert len(acknowledged) > 20
    with JobReader(path) as reader:
        found = {(jid, id) for jid in {jid for jid, _ in acknowledged} for id in reader.returned(jid)}
    assert acknowledged <= found
    # And the next daemon goes on with it.
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
