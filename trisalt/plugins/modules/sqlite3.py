"""What is in a SQLite database, and statements against it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import sqlites

_NAMES = "SELECT name FROM sqlite_master WHERE type = ? ORDER BY name"


def version() -> str:
    """
    The version of Python's module, which is Python's own.

    CLI Example:

        salt '*' sqlite3.version
    """
    # What the module says itself is deprecated, and never was more than this.
    return "2.6.0"


def sqlite_version() -> str:
    """
    The version of SQLite.

    CLI Example:

        salt '*' sqlite3.sqlite_version
    """
    return sqlite3.sqlite_version


def modify(db: str | None = None, sql: str | None = None) -> bool:
    """
    Run one statement that changes something.

    CLI Example:

        salt '*' sqlite3.modify /srv/app/app.db "CREATE TABLE hosts (id INT, name TEXT)"
    """
    return False if db is None else _asked(db, sql) is not None


def fetch(db: str | None = None, sql: str | None = None) -> Any:
    """
    The rows of one query.

    CLI Example:

        salt '*' sqlite3.fetch /srv/app/app.db "SELECT name FROM hosts"
    """
    return False if db is None else _asked(db, sql)


def tables(db: str | None = None) -> Any:
    """
    The names of the tables, each as a row.

    CLI Example:

        salt '*' sqlite3.tables /srv/app/app.db
    """
    return False if db is None else _asked(db, _NAMES, "table")


def indices(db: str | None = None) -> Any:
    """
    The names of the indices, each as a row.

    CLI Example:

        salt '*' sqlite3.indices /srv/app/app.db
    """
    return False if db is None else _asked(db, _NAMES, "index")


def indexes(db: str | None = None) -> Any:
    """
    The same by its other name.

    CLI Example:

        salt '*' sqlite3.indexes /srv/app/app.db
    """
    return indices(db)


# -- inside ------------------------------------------------------------------------------------------------------------


def _asked(db: str, sql: str | None, *values: str) -> list[tuple[Any, ...]]:
    if not sql:
        raise CommandError("The statement is missing: sql")
    with sqlites.told(), closing(sqlite3.connect(db)) as connection, connection:
        return connection.execute(sql, values).fetchall()
