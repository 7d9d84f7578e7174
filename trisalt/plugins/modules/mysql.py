"""MySQL and MariaDB: the server, what is asked of it, its databases and plugins.

How it is reached stands in the options `mysql.user`, `mysql.pass`, `mysql.host`, `mysql.port`, `mysql.unix_socket` and
`mysql.default_file`; each call may say otherwise (`connection_user=…`). Needs PyMySQL: `trisalt[mysql]`.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

from trisalt.errors import CommandError

SYSTEM = ("mysql", "information_schema")
CHARACTER_SET = re.compile(r"\w+")


def __virtual__() -> Any:
    if find_spec("pymysql") is not None:
        return True
    return False, "The mysql execution module cannot be loaded: neither MySQLdb nor PyMySQL is available."


def query(database: str, query: str, **connection_args: Any) -> dict[str, Any]:
    """
    Ask a database something: `columns`, `results` and `rows returned`, or `rows affected`; and `query time`.

    CLI Example:

        salt '*' mysql.query mydb "SELECT id, name FROM users LIMIT 3"
    """
    reply = __utils__["mysqls.ask"](query, None, connection_args, database=database)
    return {} if reply is None else _shown(reply)


def file_query(database: str, file_name: str, **connection_args: Any) -> Any:
    """
    Have the statements of a file run, a path or `salt://…`: what they changed and returned, together.

    CLI Example:

        salt '*' mysql.file_query mydb salt://sql/schema.sql
    """
    path = __salt__["cp.cache_file"](file_name) if "://" in file_name else file_name
    try:
        with open(path or file_name, encoding="utf-8") as file:
            statements = list(_statements(file.read()))
    except (OSError, UnicodeDecodeError) as exc:
        return __utils__["mysqls.refuse"](f"{file_name} cannot be read: {getattr(exc, 'strerror', None) or exc}")
    replies = __utils__["mysqls.ask_all"]([(each, None) for each in statements], connection_args, database=database)
    if replies is None:
        return False
    found: dict[str, Any] = {"query time": _time(sum(reply.seconds for reply in replies))}
    for reply in replies:
        shown = _shown(reply)
        for key in ("rows returned", "rows affected"):
            if key in shown:
                found[key] = found.get(key, 0) + shown[key]
        if "results" in shown:
            found.setdefault("columns", []).append(shown["columns"])
            found.setdefault("results", []).append(shown["results"])
    return found


def status(**connection_args: Any) -> dict[str, Any]:
    """
    The counters of the server.

    CLI Example:

        salt '*' mysql.status
    """
    reply = __utils__["mysqls.ask"]("SHOW GLOBAL STATUS", None, connection_args)
    return {} if reply is None else dict(reply.rows)


def version(**connection_args: Any) -> str:
    """
    The version of the server; nothing when it is not reached.

    CLI Example:

        salt '*' mysql.version
    """
    reply = __utils__["mysqls.ask"]("SELECT VERSION()", None, connection_args)
    return "" if reply is None else str(reply.rows[0][0])


def showvariables(**connection_args: Any) -> Any:
    """
    The variables of a session, as rows.

    CLI Example:

        salt '*' mysql.showvariables
    """
    return _rows("SHOW VARIABLES", connection_args)


def showglobal(**connection_args: Any) -> Any:
    """
    The variables of the server, as rows.

    CLI Example:

        salt '*' mysql.showglobal
    """
    return _rows("SHOW GLOBAL VARIABLES", connection_args)


def processlist(**connection_args: Any) -> Any:
    """
    What the server does for whom, as rows.

    CLI Example:

        salt '*' mysql.processlist
    """
    return _rows("SHOW FULL PROCESSLIST", connection_args)


def verify_login(user: str, password: Any = None, **connection_args: Any) -> bool:
    """
    Whether a user may sign in with this password.

    CLI Example:

        salt '*' mysql.verify_login root password
    """
    given = {**connection_args, "connection_user": user, "connection_pass": "" if password is None else password}
    found = __utils__["mysqls.ask"]("SELECT 1", None, given) is not None
    for name in () if found else ("mysql.error", "retcode"):
        __context__.pop(name, None)  # that it is another password is an answer
    return found


# -- replication ---------------------------------------------------------------------------------------------------


def get_master_status(**connection_args: Any) -> Any:
    """
    Where the binary log of a source of replication is: rows, none when there is none.

    CLI Example:

        salt '*' mysql.get_master_status
    """
    rows = _rows("SHOW MASTER STATUS", connection_args)
    return rows[0] if rows else rows


def get_slave_status(**connection_args: Any) -> Any:
    """
    How a replica is: rows, none when the server is none.

    CLI Example:

        salt '*' mysql.get_slave_status
    """
    rows = _rows("SHOW SLAVE STATUS", connection_args)
    return rows[0] if rows else rows


def slave_lag(**connection_args: Any) -> int:
    """
    How many seconds a replica is behind: -1 when the server is none, -2 when it has stopped, -3 when it is not reached.

    CLI Example:

        salt '*' mysql.slave_lag
    """
    found = get_slave_status(**connection_args)
    if not isinstance(found, dict):
        return -3 if "mysql.error" in __context__ else -1
    lag = found.get("Seconds_Behind_Master")
    return -2 if lag is None else int(lag)


def free_slave(**connection_args: Any) -> str:
    """
    Make a replica a server of its own.

    CLI Example:

        salt '*' mysql.free_slave
    """
    if not isinstance(get_slave_status(**connection_args), dict):
        return "failed"
    for statement in ("STOP SLAVE", "RESET SLAVE ALL"):
        if __utils__["mysqls.ask"](statement, None, connection_args) is None:
            return "failed"
    return "promoted"


# -- databases -----------------------------------------------------------------------------------------------------


def db_list(**connection_args: Any) -> list[str]:
    """
    The databases there are.

    CLI Example:

        salt '*' mysql.db_list
    """
    reply = __utils__["mysqls.ask"]("SHOW DATABASES", None, connection_args)
    return [] if reply is None else [row[0] for row in reply.rows]


def db_exists(name: str, **connection_args: Any) -> bool:
    """
    Whether there is such a database.

    CLI Example:

        salt '*' mysql.db_exists mydb
    """
    return bool(db_get(name, **connection_args))


def db_get(name: str, **connection_args: Any) -> dict[str, Any]:
    """
    The character set and the collation of a database; nothing when there is none.

    CLI Example:

        salt '*' mysql.db_get mydb
    """
    sql = (
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM INFORMATION_SCHEMA.SCHEMATA "
        "WHERE SCHEMA_NAME = %s"
    )
    reply = __utils__["mysqls.ask"](sql, [name], connection_args)
    if reply is None or not reply.rows:
        return {}
    character_set, collate = reply.rows[0]
    return {"character_set": character_set, "collate": collate}


def db_create(name: str, character_set: str | None = None, collate: str | None = None, **connection_args: Any) -> bool:
    """
    Make a database.

    CLI Example:

        salt '*' mysql.db_create mydb utf8mb4 utf8mb4_general_ci
    """
    if db_exists(name, **connection_args):
        return False
    return _done(f"CREATE DATABASE {_name(name)}{_characters(character_set, collate)}", connection_args)


def alter_db(name: str, character_set: str | None = None, collate: str | None = None, **connection_args: Any) -> bool:
    """
    Give a database another character set or collation.

    CLI Example:

        salt '*' mysql.alter_db mydb charset='latin1'
    """
    now = db_get(name, **connection_args)
    if not now:
        return False
    if character_set is None and collate is None:
        return True
    return _done(f"ALTER DATABASE {_name(name)}{_characters(character_set, collate)}", connection_args)


def db_remove(name: str, **connection_args: Any) -> bool:
    """
    Remove a database; none of the server's own.

    CLI Example:

        salt '*' mysql.db_remove mydb
    """
    if name in SYSTEM or not db_exists(name, **connection_args):
        return False
    return _done(f"DROP DATABASE {_name(name)}", connection_args)


def db_tables(name: str, **connection_args: Any) -> Any:
    """
    The tables of a database; False when there is none.

    CLI Example:

        salt '*' mysql.db_tables mydb
    """
    if not db_exists(name, **connection_args):
        return False
    reply = __utils__["mysqls.ask"](f"SHOW TABLES IN {_name(name)}", None, connection_args)
    return [] if reply is None else [row[0] for row in reply.rows]


def db_check(name: str, table: str | None = None, **connection_args: Any) -> list[Any]:
    """
    Check the tables of a database, or one.

    CLI Example:

        salt '*' mysql.db_check dbname dbtable
    """
    return _each_table("CHECK", name, table, connection_args)


def db_repair(name: str, table: str | None = None, **connection_args: Any) -> list[Any]:
    """
    Repair the tables of a database, or one.

    CLI Example:

        salt '*' mysql.db_repair dbname
    """
    return _each_table("REPAIR", name, table, connection_args)


def db_optimize(name: str, table: str | None = None, **connection_args: Any) -> list[Any]:
    """
    Optimise the tables of a database, or one.

    CLI Example:

        salt '*' mysql.db_optimize dbname
    """
    return _each_table("OPTIMIZE", name, table, connection_args)


def quote_identifier(identifier: str, for_grants: bool = False) -> str:
    """
    A name as it stands in a statement; `for_grants` as in a grant on databases, where `_` and `%` are wildcards.

    CLI Example:

        salt '*' mysql.quote_identifier 'foo`bar'
    """
    if for_grants:
        return _name(identifier.replace("%", "%%").replace("_", r"\_"))
    return _name(identifier)


# -- plugins -------------------------------------------------------------------------------------------------------


def plugins_list(**connection_args: Any) -> list[dict[str, Any]]:
    """
    The plugins of the server: `{name, status}` each.

    CLI Example:

        salt '*' mysql.plugins_list
    """
    reply = __utils__["mysqls.ask"]("SHOW PLUGINS", None, connection_args)
    return [] if reply is None else [{"name": row[0], "status": row[1]} for row in reply.rows]


def plugin_status(name: str, **connection_args: Any) -> str:
    """
    How a plugin is; nothing when there is none of that name.

    CLI Example:

        salt '*' mysql.plugin_status auth_socket
    """
    return next((row["status"] for row in plugins_list(**connection_args) if row["name"] == name), "")


def plugin_add(name: str, soname: str | None = None, **connection_args: Any) -> bool:
    """
    Have the server load a plugin, from `soname` or a file of its name.

    CLI Example:

        salt '*' mysql.plugin_add auth_socket
    """
    if plugin_status(name, **connection_args):
        return True
    reply = __utils__["mysqls.ask"](
        f"INSTALL PLUGIN {_name(name)} SONAME %s", [soname or f"{name}.so"], connection_args
    )
    return reply is not None


def plugin_remove(name: str, **connection_args: Any) -> bool:
    """
    Have the server unload a plugin.

    CLI Example:

        salt '*' mysql.plugin_remove auth_socket
    """
    return not plugin_status(name, **connection_args) or _done(f"UNINSTALL PLUGIN {_name(name)}", connection_args)


# -- inside --------------------------------------------------------------------------------------------------------


def _name(name: Any) -> str:
    return __utils__["mysqls.quoted"](str(name))


def _characters(character_set: str | None, collate: str | None) -> str:
    found = ""
    for word, value in (("CHARACTER SET", character_set), ("COLLATE", collate)):
        if value is None:
            continue
        if not CHARACTER_SET.fullmatch(str(value)):
            raise CommandError(f"{value!r} is neither a character set nor a collation")
        found += f" {word} {value}"
    return found


def _done(sql: str, connection_args: dict[str, Any]) -> bool:
    return __utils__["mysqls.ask"](sql, None, connection_args) is not None


def _rows(sql: str, connection_args: dict[str, Any]) -> list[dict[str, Any]]:
    reply = __utils__["mysqls.ask"](sql, None, connection_args)
    return [] if reply is None else reply.maps()


def _each_table(verb: str, name: str, table: str | None, connection_args: dict[str, Any]) -> list[Any]:
    def one(each: str) -> list[dict[str, Any]]:
        return _rows(f"{verb} TABLE {_name(name)}.{_name(each)}", connection_args)

    if table is not None:
        return one(table)
    return [one(each) for each in db_tables(name, **connection_args) or ()]


def _time(seconds: float) -> dict[str, Any]:
    human = f"{seconds:.1f}s" if seconds >= 1 else f"{seconds * 1000:.1f}ms"
    return {"human": human, "raw": f"{seconds:.5f}"}


def _shown(reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"query time": _time(reply.seconds)}
    if reply.columns:
        return found | {"rows returned": len(reply.rows), "columns": reply.columns, "results": reply.rows}
    return found | {"rows affected": reply.count}


def _statements(text: str) -> Any:
    """The statements of a file, without its comments."""
    token = re.compile(
        r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`(?:[^`]|``)*`|--[ \t][^\n]*|--$|#[^\n]*|/\*(?!!).*?\*/|;|.",
        re.DOTALL | re.MULTILINE,
    )
    statement = ""
    for found in token.findall(text):
        if found == ";":
            if statement.strip():
                yield statement.strip()
            statement = ""
        elif not found.startswith(("--", "#", "/*")):
            statement += found
    if statement.strip():
        yield statement.strip()
