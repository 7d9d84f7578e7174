"""PostgreSQL: its databases and tablespaces, and what queries find. `postgres_roles` has roles, `postgres_privileges`
who may do what, `postgres_objects` schemas, extensions and languages, `postgres_data` data directories.

Every function takes how the server is reached: `user`, `host`, `port`, `maintenance_db`, `password`, `runas`; what is
not said stands in the options `postgres.user` and its kin.
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import CommandError

_LIST = (
    'SELECT datname AS "Name", rolname AS "Owner", pg_encoding_to_char(encoding) AS "Encoding",'
    ' datcollate AS "Collate", datctype AS "Ctype", datacl AS "Access privileges", spcname AS "Tablespace"'
    " FROM pg_database d JOIN pg_roles r ON r.oid = datdba JOIN pg_tablespace t ON t.oid = dattablespace"
)
_TABLESPACES = (
    'SELECT spcname AS "Name", rolname AS "Owner", spcacl AS "ACL", spcoptions AS "Opts",'
    ' pg_tablespace_location(t.oid) AS "Location" FROM pg_tablespace t JOIN pg_roles r ON r.oid = spcowner'
)
# What has an owner in a database, and how the owner is changed.
_OWNED = (
    "SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, {owner}) AS n FROM pg_namespace"
    " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    " AND pg_get_userbyid(nspowner) <> 'pg_database_owner'",
    "SELECT format('ALTER %s %s OWNER TO %I', CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'"
    " WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass, {owner}) AS n"
    " FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
    " AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT EXISTS"
    " (SELECT 1 FROM pg_depend p WHERE p.objid = c.oid AND p.classid = 'pg_class'::regclass"
    " AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('i', 'a')))",
    "SELECT format('ALTER ROUTINE %s OWNER TO %I', f.oid::regprocedure, {owner}) AS n FROM pg_proc f"
    " JOIN pg_namespace s ON s.oid = pronamespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    " AND NOT EXISTS (SELECT 1 FROM pg_depend p WHERE p.objid = f.oid AND p.classid = 'pg_proc'::regclass"
    " AND deptype = 'e')",
)


def __virtual__() -> Any:
    if __utils__["postgresql.program"]("psql"):
        return True
    return False, "psql was not found"


def version(
    user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> str | None:  # fmt: skip
    """
    The server's version.

    CLI Example:

        salt '*' postgres.version
    """
    found = _run("SHOW server_version", _to(user, host, port, maintenance_db, password, runas))
    return next((line for line in found["stdout"].splitlines() if line.strip()), None) if not found["retcode"] else None


def psql_query(
    query: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, runas: Any = None, write: bool = False,
) -> list[dict[str, str]]:  # fmt: skip
    """
    What a query finds: a list of maps of texts. With `write` it may also change something (``INSERT … RETURNING``).

    CLI Example:

        salt '*' postgres.psql_query 'select * from pg_stat_activity'
    """
    to = _to(user, host, port, maintenance_db, password, runas)
    found: list[dict[str, str]] = __utils__["postgresql.rows"](query, to, write=write)
    return found


# -- databases ---------------------------------------------------------------------------------------------------------


def db_list(
    user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> dict[str, dict[str, str]]:  # fmt: skip
    """
    The databases, by name.

    CLI Example:

        salt '*' postgres.db_list
    """
    return _by_name(_LIST, _to(user, host, port, maintenance_db, password, runas))


def db_exists(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Whether there is a database of this name.

    CLI Example:

        salt '*' postgres.db_exists app
    """
    return name in db_list(user, host, port, maintenance_db, password, runas)


def db_create(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    tablespace: str | None = None, encoding: str | None = None, lc_collate: str | None = None,
    lc_ctype: str | None = None, owner: str | None = None, template: str | None = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Make a database.

    CLI Example:

        salt '*' postgres.db_create app owner=app
    """
    ident, literal = __utils__["postgresql.ident"], __utils__["postgresql.literal"]
    options = [
        ("TABLESPACE", tablespace, ident), ("OWNER", owner, ident), ("TEMPLATE", template, ident),
        ("ENCODING", encoding, literal), ("LC_COLLATE", lc_collate, literal), ("LC_CTYPE", lc_ctype, literal),
    ]  # fmt: skip
    said = " ".join(f"{word} = {quoted(value)}" for word, value, quoted in options if value is not None)
    statement = f"CREATE DATABASE {ident(name)}" + (f" WITH {said}" if said else "")
    return _does(statement, _to(user, host, port, maintenance_db, password, runas))


def db_alter(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    tablespace: str | None = None, owner: str | None = None, owner_recurse: bool = False, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Give a database another owner (with `owner_recurse` all that is in it, too) or tablespace.

    CLI Example:

        salt '*' postgres.db_alter app owner=team
    """
    ident = __utils__["postgresql.ident"]
    to = _to(user, host, port, maintenance_db, password, runas)
    if owner is not None:
        done = (
            owner_to(name, owner, user, host, port, password, runas)["retcode"] == 0
            if owner_recurse
            else _does(f"ALTER DATABASE {ident(name)} OWNER TO {ident(owner)}", to)
        )
        if not done:
            return False
    if tablespace is not None:
        return _does(f"ALTER DATABASE {ident(name)} SET TABLESPACE {ident(tablespace)}", to)
    return True


def db_remove(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Remove a database; who is connected to it is disconnected.

    CLI Example:

        salt '*' postgres.db_remove app
    """
    ident, literal = __utils__["postgresql.ident"], __utils__["postgresql.literal"]
    to = _to(user, host, port, maintenance_db, password, runas)
    if name not in _by_name(_LIST, to):
        raise CommandError(f'Failed: database "{name}" does not exist')
    for statement in (
        f"REVOKE CONNECT ON DATABASE {ident(name)} FROM public",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = {literal(name)} AND pid <> pg_backend_pid()",
        f"DROP DATABASE {ident(name)}",
    ):
        found = _run(statement, to)
        if found["retcode"]:
            raise CommandError(f"Failed: {found['stderr'].strip()}")
    return True


def owner_to(
    dbname: str, ownername: str, user: Any = None, host: Any = None, port: Any = None, password: Any = None,
    runas: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """
    Give a database, and the schemas, tables, views, sequences and functions in it, another owner: all of it or none.

    CLI Example:

        salt '*' postgres.owner_to app team
    """
    ident, literal = __utils__["postgresql.ident"], __utils__["postgresql.literal"]
    to = _to(user, host, port, dbname, password, runas)
    statements = [f"ALTER DATABASE {ident(dbname)} OWNER TO {ident(ownername)}"]
    for query in _OWNED:
        statements += [row["n"] for row in __utils__["postgresql.rows"](query.format(owner=literal(ownername)), to)]
    return _run(statements, to)


# -- tablespaces -------------------------------------------------------------------------------------------------------


def tablespace_list(
    user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> dict[str, dict[str, str]]:  # fmt: skip
    """
    The tablespaces, by name.

    CLI Example:

        salt '*' postgres.tablespace_list
    """
    return _by_name(_TABLESPACES, _to(user, host, port, maintenance_db, password, runas))


def tablespace_exists(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Whether there is a tablespace of this name.

    CLI Example:

        salt '*' postgres.tablespace_exists fast
    """
    return name in tablespace_list(user, host, port, maintenance_db, password, runas)


def tablespace_create(
    name: str, location: str, options: dict[str, Any] | None = None, owner: str | None = None, user: Any = None,
    host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Make a tablespace in a directory, which is the server's and empty.

    CLI Example:

        salt '*' postgres.tablespace_create fast /srv/ssd options='{random_page_cost: 1.1}'
    """
    ident, literal = __utils__["postgresql.ident"], __utils__["postgresql.literal"]
    statement = f"CREATE TABLESPACE {ident(name)}"
    if owner is not None:
        statement += f" OWNER {ident(owner)}"
    statement += f" LOCATION {literal(location)}"
    if options:
        statement += f" WITH ({', '.join(f'{ident(key)} = {literal(value)}' for key, value in options.items())})"
    return _does(statement, _to(user, host, port, maintenance_db, password, runas))


def tablespace_alter(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    new_name: str | None = None, new_owner: str | None = None, set_option: dict[str, Any] | None = None,
    reset_option: str | None = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Change a tablespace: its name, its owner, options. All of it, or nothing.

    CLI Example:

        salt '*' postgres.tablespace_alter fast new_owner=app
    """
    ident, literal = __utils__["postgresql.ident"], __utils__["postgresql.literal"]
    start = f"ALTER TABLESPACE {ident(name)}"
    statements = [f"{start} SET ({ident(key)} = {literal(value)})" for key, value in (set_option or {}).items()]
    if reset_option:
        statements.append(f"{start} RESET ({ident(reset_option)})")
    if new_owner:
        statements.append(f"{start} OWNER TO {ident(new_owner)}")
    if new_name:
        statements.append(f"{start} RENAME TO {ident(new_name)}")
    return _does(statements, _to(user, host, port, maintenance_db, password, runas)) if statements else True


def tablespace_remove(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Remove a tablespace that nothing is in.

    CLI Example:

        salt '*' postgres.tablespace_remove fast
    """
    statement = f"DROP TABLESPACE {__utils__['postgresql.ident'](name)}"
    return _does(statement, _to(user, host, port, maintenance_db, password, runas))


# -- inside ------------------------------------------------------------------------------------------------------------


def _to(*how: Any) -> dict[str, Any]:
    return __utils__["postgresql.server"](*how)


def _run(statements: Any, to: dict[str, Any]) -> dict[str, Any]:
    return __utils__["postgresql.run"](statements, to)


def _does(statements: Any, to: dict[str, Any]) -> bool:
    return bool(__utils__["postgresql.does"](statements, to))


def _by_name(query: str, to: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {row.pop("Name"): row for row in __utils__["postgresql.rows"](query, to)}
