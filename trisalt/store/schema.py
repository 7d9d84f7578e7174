"""Tables and migrations of the embedded store.

The number of migrations that a database has had is its `user_version`. A migration, once released, is never changed:
what comes after is a new one at the end.
"""

from __future__ import annotations

import sqlite3

from trisalt.errors import StoreError

APPLICATION_ID = 0x7452_6953
"""What `file` and we know a database of ours by: "tRiS"."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # `recorded`, `settled` and `came` are wall seconds; blobs are msgpack with bin types.
        """
        CREATE TABLE jobs (
            jid TEXT NOT NULL PRIMARY KEY,
            recorded REAL NOT NULL,
            settled REAL,
            load BLOB NOT NULL,
            minions BLOB NOT NULL,
            missing BLOB
        )
        """,
        "CREATE INDEX jobs_by_age ON jobs (recorded)",
        # A table with a rowid, because bodies may be big: new rows go to its end, and only the index is sorted.
        """
        CREATE TABLE returns (
            number INTEGER PRIMARY KEY,
            jid TEXT NOT NULL,
            id TEXT NOT NULL,
            came REAL NOT NULL,
            body BLOB NOT NULL,
            UNIQUE (jid, id)
        )
        """,
        """
        CREATE TABLE banks (
            number INTEGER PRIMARY KEY,
            bank TEXT NOT NULL,
            key TEXT NOT NULL,
            updated REAL NOT NULL,
            value BLOB NOT NULL,
            UNIQUE (bank, key)
        )
        """,
    ),
    (
        # What waits for minions; times are wall seconds. `sent` is NULL as long as it was never sent to this minion.
        """
        CREATE TABLE queue (
            number INTEGER PRIMARY KEY,
            jid TEXT NOT NULL,
            id TEXT NOT NULL,
            queued REAL NOT NULL,
            until REAL NOT NULL,
            sent REAL,
            ended REAL,
            how TEXT,
            UNIQUE (jid, id)
        )
        """,
        "CREATE INDEX queue_waiting ON queue (number) WHERE ended IS NULL",
        "CREATE INDEX queue_ended ON queue (ended) WHERE ended IS NOT NULL",
    ),
    (
        # The event log. `at` is when it was written, wall seconds that never fall; `origin` is `kind/name`. What is the
        # oldest goes first, and never the newest: numbers are not given again.
        """
        CREATE TABLE events (
            number INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            tag TEXT NOT NULL,
            jid TEXT,
            origin TEXT NOT NULL,
            data BLOB NOT NULL
        )
        """,
        "CREATE INDEX events_by_job ON events (jid) WHERE jid IS NOT NULL",
        # Numbers of another log mean nothing: each has a name.
        "CREATE TABLE log (id TEXT NOT NULL)",
        "INSERT INTO log (id) VALUES (lower(hex(randomblob(6))))",
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database to the newest schema, in one transaction.

    Raises StoreError for a database that is not ours or that a newer trisalt has written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION_ID and tables:
            raise StoreError("the file is a database, but not one of trisalt's")
        if version > len(MIGRATIONS):
            raise StoreError(f"a newer trisalt wrote it: it has schema {version}, and we know {len(MIGRATIONS)}")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
