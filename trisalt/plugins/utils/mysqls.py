"""MySQL and MariaDB by the library PyMySQL: how a server is reached, what is asked, and names in its language.

Used by the files of the module `mysql`, through `__utils__`. An error of the server is told in the log and in
`__context__["mysql.error"]`, and is the job's retcode; what was asked then has no answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pymysql

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

# Arguments of PyMySQL by the names that options have: `mysql.user`, and in calls `connection_user`.
OPTIONS = {
    "host": "host",
    "port": "port",
    "user": "user",
    "pass": "password",
    "db": "database",
    "unix_socket": "unix_socket",
    "charset": "charset",
    "default_file": "read_default_file",
    "default_group": "read_default_group",
    "connect_timeout": "connect_timeout",
    "ssl": "ssl",
}
ERROR = "mysql.error"
SYNTAX = 1064


@attrs.frozen(kw_only=True)
class Reply:
    """What the server answered: rows by columns, or how many were changed; and for how long it was asked."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    count: int
    seconds: float

    def maps(self) -> list[dict[str, Any]]:
        """The rows, by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def arguments(given: Mapping[str, Any], database: str | None = None) -> dict[str, Any]:
    """How the server is reached: as a call says (`connection_…`), or else the options."""
    found: dict[str, Any] = {}
    for name, argument in OPTIONS.items():
        value = given.get(f"connection_{name}")
        if value is None:
            value = __salt__["config.option"](f"mysql.{name}")
        if value not in (None, ""):
            found[argument] = value
    for name in ("port", "connect_timeout"):
        if name in found:
            found[name] = _number(name, found[name])
    if database is not None:
        found["database"] = database
    if "unix_socket" in found and "ssl" not in found:
        # Nothing leaves the host; and to get ready for TLS takes longer than what is then asked.
        found["ssl_disabled"] = True
    return found


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise CommandError(f"mysql.{name} is not a number: {value!r}") from None


def ask(sql: str, args: Sequence[Any] | None, given: Mapping[str, Any], *, database: str | None = None) -> Reply | None:
    """The answer to a statement; None when the server gave an error, or was not reached."""
    replies = ask_all([(sql, args)], given, database=database)
    return None if replies is None else replies[-1]


def ask_all(
    statements: Sequence[tuple[str, Sequence[Any] | None]], given: Mapping[str, Any], *, database: str | None = None
) -> list[Reply] | None:
    """The answers to statements, in one connection; None when one of them had none."""
    __context__.pop(ERROR, None)
    try:
        with pymysql.connect(autocommit=True, **arguments(given, database)) as connection:
            return [_reply(connection, sql, args) for sql, args in statements]
    except (pymysql.MySQLError, OSError, ValueError) as exc:
        number, text = exc.args[:2] if len(exc.args) > 1 else ("", exc)
        if number == SYNTAX and any(args for _, args in statements):
            text = str(text).partition(" near ")[0]  # what follows may be a password
        refuse(f"MySQL Error {number}: {text}" if number != "" else f"MySQL Error: {text}")
        return None


def _reply(connection: Any, sql: str, args: Sequence[Any] | None) -> Reply:
    begun = time.monotonic()
    with connection.cursor() as cursor:
        # Without arguments a per cent sign stands for itself.
        count = cursor.execute(sql, list(args) if args else None)
        columns = tuple(column[0] for column in cursor.description or ())
        rows = tuple(cursor.fetchall()) if columns else ()
    return Reply(columns=columns, rows=rows, count=count, seconds=time.monotonic() - begun)


def refuse(text: str) -> bool:
    """Tell what is wrong: to the log, and to the states. The answer is False."""
    __context__[ERROR] = text
    __context__["retcode"] = 1
    log.error("%s", text)
    return False


def is_mariadb(version: str) -> bool:
    """Whether a server is MariaDB, by what it says of its version."""
    return "mariadb" in version.lower()


def quoted(name: str) -> str:
    """A name as it stands in a statement."""
    if "\0" in name:
        raise CommandError(f"{name!r} is no name")
    return "`" + name.replace("`", "``") + "`"
