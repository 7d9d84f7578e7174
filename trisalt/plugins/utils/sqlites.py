"""SQLite databases by Python's own library: opened for one transaction, and names in its language.

Used by the module and the states `sqlite3`, which import it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trisalt.errors import CommandError

MEMORY = ":memory:"

# A second statement is a warning to some of the Pythons that run us, and a number of over 64 bits no error of SQLite's.
_REFUSALS = (sqlite3.Error, sqlite3.Warning, OverflowError)


@contextmanager
def told() -> Iterator[None]:
    """What SQLite refuses is an error with its words."""
    try:
        yield
    except _REFUSALS as exc:
        raise CommandError(str(exc)) from exc


@contextmanager
def transaction(db: str, *, make: bool = False) -> Iterator[sqlite3.Connection]:
    """One transaction on a database: all of it, or nothing.

    A file that is not there is made only with `make`, and is otherwise as a database without tables.
    """
    path = os.path.abspath(str(db))
    there = make or os.path.exists(path) or not os.path.isdir(os.path.dirname(path))
    place = f"{Path(path).as_uri()}?mode={'rwc' if make else 'rw'}" if there else MEMORY
    with told(), closing(sqlite3.connect(place, uri=there, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        try:
            yield connection
        except BaseException:
            # Some errors have taken everything back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def quoted(name: str) -> str:
    """A name of a table or a column, which never is anything else: no text either, as one in double quotes may be."""
    return "`" + str(name).replace("`", "``") + "`"
