"""Tables of SQLite databases, and single rows of them.

hosts:
  sqlite3.table_present:
    - db: /srv/app/app.db
    - schema:
      - name TEXT PRIMARY KEY
      - port INTEGER

web:
  sqlite3.row_present:
    - db: /srv/app/app.db
    - table: hosts
    - where_sql: name = ?
    - where_args: [web]
    - data:
        name: web
        port: 443
    - update: True
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import date, datetime
from typing import Any

from trisalt.errors import CommandError, TrisaltError
from trisalt.plugins.utils import sqlites
from trisalt.plugins.utils.sqlites import quoted
from trisalt.state.result import returned

_TABLE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"


def table_present(name: str, db: str, schema: Any, force: bool = False) -> dict[str, Any]:
    """
    A database has a table of this schema: the statement that makes it, or the list of its columns and constraints.
    A table of another schema is replaced with `force`, and its rows go with it.
    """

    def state() -> dict[str, Any]:
        statement = _statement(name, schema)
        wanted = _kept(name, statement)
        test = bool(__opts__["test"])
        with sqlites.transaction(db, make=not test) as connection:
            found = connection.execute(_TABLE, (name,)).fetchone()
            if found and found[0] == wanted:
                return returned(name, True, f"'{name}' exists with matching schema")
            if found and not force:
                return returned(name, False, f"Expected schema={wanted}\nactual schema={found[0]}")
            changes = {"old": found[0], "new": wanted} if found else {"new": wanted}
            if test:
                return returned(name, None, f"'{name}' will be {'replaced' if found else 'created'}", changes)
            if found:
                connection.execute(f"DROP TABLE {quoted(name)}")
            connection.execute(statement)
        return returned(name, True, f"Replaced '{name}'" if found else f"Created table '{name}'", changes)

    return _guarded(state, name)


def table_absent(name: str, db: str) -> dict[str, Any]:
    """
    A database does not have a table.
    """

    def state() -> dict[str, Any]:
        with sqlites.transaction(db) as connection:
            found = connection.execute(_TABLE, (name,)).fetchone()
            if not found:
                return returned(name, True, f"'{name}' is already absent")
            changes = {"old": found[0]}
            if __opts__["test"]:
                return returned(name, None, f"'{name}' will be dropped", changes)
            connection.execute(f"DROP TABLE {quoted(name)}")
        return returned(name, True, f"'{name}' was dropped", changes)

    return _guarded(state, name)


def row_present(
    name: str, db: str, table: str, data: Any, where_sql: str, where_args: Any = None, update: bool = False
) -> dict[str, Any]:
    """
    A table has one row that a condition finds (`where_sql`, with a `?` for each value of `where_args`), and its
    columns are as `data` says. A row that says something else is changed with `update`.
    """

    def state() -> dict[str, Any]:
        values = _values(data)
        rows = _Rows(table, where_sql, where_args)
        with sqlites.transaction(db) as connection:
            old = rows.find(connection, values)
            if old and rows.are(connection, values):
                return returned(name, True, "Row exists")
            if old and not update:
                return returned(name, False, "Existing data doesnot match desired state")
            changes = {"old": old, "new": data} if old else {"new": data}
            if __opts__["test"]:
                what = f"update in {table}" if old else f"inserted into {table}"
                return returned(name, None, f"Row will be {what}", changes)
            (rows.change if old else rows.insert)(connection, values)
            if not (rows.find(connection) and rows.are(connection, values)):
                # Otherwise each run would do it again.
                raise CommandError("The row as data says is not the one that where_sql finds: nothing was changed")
        return returned(name, True, "Row updated" if old else "Inserted row", changes)

    return _guarded(state, name)


def row_absent(name: str, db: str, table: str, where_sql: str, where_args: Any = None) -> dict[str, Any]:
    """
    A table does not have the row that a condition finds; one that finds several is refused.
    """

    def state() -> dict[str, Any]:
        rows = _Rows(table, where_sql, where_args)
        with sqlites.transaction(db) as connection:
            old = rows.find(connection)
            if not old:
                return returned(name, True, "Row is absent")
            if __opts__["test"]:
                return returned(name, None, f"Row will be removed in {table}", {"old": old})
            rows.remove(connection)
        return returned(name, True, "Row removed", {"old": old})

    return _guarded(state, name)


# -- inside ------------------------------------------------------------------------------------------------------------


class _Rows:
    """The row of a table that a condition of the operator's finds."""

    def __init__(self, table: str, where_sql: str, where_args: Any) -> None:
        given = [] if where_args is None else where_args
        if not isinstance(given, list | tuple):
            raise CommandError("where_args is a list of values")
        self._table, self._where = quoted(table), where_sql
        self._args = [_value("where_args", value) for value in given]

    def find(self, connection: sqlite3.Connection, needs: Iterable[str] = ()) -> dict[str, Any] | None:
        """The row, by column. `needs` are columns that the table must have."""
        found = connection.execute(f"SELECT * FROM {self._table} WHERE {self._where}", self._args)
        columns = [each[0] for each in found.description]
        known = {column.lower() for column in columns}
        for column in needs:
            if column.lower() not in known:
                raise CommandError(f"table {self._table[1:-1]} has no column named {column}")
        rows = found.fetchmany(2)
        if len(rows) > 1:
            raise CommandError("More than one row matched the specified query")
        return dict(zip(columns, rows[0], strict=True)) if rows else None

    def are(self, connection: sqlite3.Connection, values: Mapping[str, Any]) -> bool:
        """Whether the row has these values. SQLite is asked: a column may keep the text "7" as a number."""
        same = " AND ".join(f"{quoted(column)} IS ? COLLATE BINARY" for column in values)
        # The condition comes first, so that it may count its values (`?1`).
        found = f"WITH trisalt_found AS (SELECT * FROM {self._table} WHERE {self._where})"
        row = connection.execute(
            f"{found} SELECT {same} FROM trisalt_found", [*self._args, *values.values()]
        ).fetchone()
        return row is not None and bool(row[0])

    def insert(self, connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
        columns, marks = ", ".join(map(quoted, values)), ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO {self._table} ({columns}) VALUES ({marks})", [*values.values()])

    def change(self, connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
        to = ", ".join(f"{quoted(column)} = ?" for column in values)
        connection.execute(f"UPDATE {self._table} SET {to} WHERE {self._where}", [*values.values(), *self._args])

    def remove(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"DELETE FROM {self._table} WHERE {self._where}", self._args)


def _statement(name: str, schema: Any) -> str:
    match schema:
        case str():
            return schema
        case [_, *_] if all(isinstance(each, str) for each in schema):
            return f"CREATE TABLE {quoted(name)} ({','.join(schema)})"
    raise CommandError("schema is the statement that makes the table, or the list of its columns")


def _kept(name: str, statement: str) -> str:
    """What a database will keep of the statement that makes a table: some words of it are written anew, or left out."""
    with sqlites.told(), closing(sqlite3.connect(sqlites.MEMORY)) as connection:
        connection.execute(statement)
        found = connection.execute(_TABLE, (name,)).fetchone()
    if not found:
        raise CommandError(f"The schema makes no table {name}")
    return str(found[0])


def _values(data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping) or not data:
        raise CommandError("data is a map of columns and their values")
    return {str(column): _value(column, value) for column, value in data.items()}


def _value(what: Any, value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    raise CommandError(f"{what}: {value!r} is no value that a column can hold")


def _guarded(state: Callable[[], dict[str, Any]], name: str) -> dict[str, Any]:
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))
