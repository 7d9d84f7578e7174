"""Tables and migrations of the embedded store.

The number of migrations that a database has had is its `user_version`. A migration, once released, is never changed:
what comes after is a new one at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from trisalt.errors import StoreError
from trisalt.store import outcomes
from trisalt.store.listed import count_unknown, fill, function
from trisalt.wire.codec import unpack_bin

APPLICATION_ID = 0x7452_6953
"""What `file` and we know a database of ours by: "tRiS"."""

MIGRATIONS: tuple[tuple[str | Callable[[sqlite3.Connection], None], ...], ...] = (
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
    (
        # The job list (`store/listed`): `ok`, `changed` and `failed` are how many returns of that kind there are,
        # `ended` is when nobody was to be waited for any longer. A return's `outcome` is of `store/outcomes`.
        """
        CREATE TABLE listed (
            jid TEXT NOT NULL PRIMARY KEY,
            recorded REAL NOT NULL,
            fun TEXT NOT NULL,
            user TEXT NOT NULL,
            size INTEGER NOT NULL,
            ok INTEGER NOT NULL DEFAULT 0,
            changed INTEGER NOT NULL DEFAULT 0,
            failed INTEGER NOT NULL DEFAULT 0,
            ended REAL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX listed_by_age ON listed (recorded, jid, fun, user)",
        "CREATE INDEX listed_running ON listed (recorded, jid) WHERE ended IS NULL",
        "CREATE INDEX listed_failed ON listed (recorded, jid) WHERE failed > 0",
        "ALTER TABLE returns ADD COLUMN outcome INTEGER",
        "UPDATE returns SET outcome = outcome_of(body)",
        "CREATE INDEX returns_failed ON returns (jid, number) WHERE outcome = 2",
        """
        INSERT INTO listed (jid, recorded, fun, user, size, ok, changed, failed, ended)
        SELECT jid, recorded, function_of(load), user_of(load), length_of(minions),
            (SELECT count(*) FROM returns WHERE returns.jid = jobs.jid AND outcome = 0),
            (SELECT count(*) FROM returns WHERE returns.jid = jobs.jid AND outcome = 1),
            (SELECT count(*) FROM returns WHERE returns.jid = jobs.jid AND outcome = 2),
            settled
        FROM jobs
        """,
        """
        UPDATE listed SET ended = (SELECT max(came) FROM returns WHERE returns.jid = listed.jid)
        WHERE ended IS NULL AND ok + changed + failed >= size
        """,
        """
        CREATE TRIGGER returns_are_counted AFTER INSERT ON returns BEGIN
            UPDATE listed SET
                ok = ok + (NEW.outcome = 0),
                changed = changed + (NEW.outcome = 1),
                failed = failed + (NEW.outcome = 2),
                ended = CASE WHEN ok + changed + failed + 1 >= size THEN coalesce(ended, NEW.came) ELSE ended END
            WHERE jid = NEW.jid;
        END
        """,
        """
        CREATE TRIGGER jobs_that_settle_end AFTER UPDATE OF settled ON jobs BEGIN
            UPDATE listed SET ended = coalesce(ended, NEW.settled) WHERE jid = NEW.jid;
        END
        """,
        """
        CREATE TRIGGER jobs_that_go_are_listed_no_more AFTER DELETE ON jobs BEGIN
            DELETE FROM listed WHERE jid = OLD.jid;
        END
        """,
        # What the newest highstate of each minion came to, and the newest that only tested (`test` is 1).
        """
        CREATE TABLE highstates (
            id TEXT NOT NULL,
            test INTEGER NOT NULL,
            jid TEXT NOT NULL,
            at REAL NOT NULL,
            outcome INTEGER NOT NULL,
            states INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            PRIMARY KEY (id, test)
        ) WITHOUT ROWID
        """,
    ),
    (
        # Nothing: the columns of a list that were in `jobs` for some hours are in `listed`, below.
    ),
    (
        # How the job of a batch goes out to those that it waits for: a packed map, see `store.Pace`.
        "ALTER TABLE queue ADD COLUMN pace BLOB",
    ),
    (
        # What lists of jobs tell and are searched by: see `listed`.
        *(f"ALTER TABLE listed ADD COLUMN {name}" for name in ("tgt", "tgt_type", "arg", "metadata")),
        fill,
    ),
    (
        # How many minions a job named that have no key: it is not done without them.
        "ALTER TABLE listed ADD COLUMN unknown INTEGER NOT NULL DEFAULT 0",
        count_unknown,
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
        _lend_functions(connection)
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                if isinstance(statement, str):
                    connection.execute(statement)
                else:
                    statement(connection)
        if version < len(MIGRATIONS):
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _lend_functions(connection: sqlite3.Connection) -> None:
    """What migrations need to know of packed values."""

    def user(load: bytes) -> str:
        return str(unpack_bin(load).get("user") or "")

    connection.create_function("function_of", 1, lambda load: function(unpack_bin(load).get("fun")))
    connection.create_function("user_of", 1, user)
    connection.create_function("length_of", 1, lambda packed: len(unpack_bin(packed)))
    connection.create_function("outcome_of", 1, lambda body: outcomes.outcome(unpack_bin(body)))
