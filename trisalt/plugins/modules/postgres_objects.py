"""Schemas, extensions and languages of PostgreSQL: the part of the module `postgres` about what is in a database."""

from __future__ import annotations

import logging
from typing import Any

from packaging.version import InvalidVersion, Version

log = logging.getLogger(__name__)

__virtualname__ = "postgres"

_NOT_INSTALLED, _INSTALLED = "EXTENSION NOT INSTALLED", "EXTENSION INSTALLED"
_TO_UPGRADE, _TO_MOVE = "EXTENSION TO UPGRADE", "EXTENSION TO MOVE"


def __virtual__() -> Any:
    if __utils__["postgresql.program"]("psql"):
        return __virtualname__
    return False, "psql was not found"


# -- extensions --------------------------------------------------------------------------------------------------------


def available_extensions(
    user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> dict[str, dict[str, str]]:  # fmt: skip
    """
    The extensions that could be installed, by name.

    CLI Example:

        salt '*' postgres.available_extensions
    """
    query = "SELECT name, default_version, comment FROM pg_available_extensions()"
    to = _to(user, host, port, maintenance_db, password, runas)
    return {row["name"]: row for row in __utils__["postgresql.rows"](query, to)}


def installed_extensions(
    user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> dict[str, dict[str, str]]:  # fmt: skip
    """
    The extensions of a database, by name.

    CLI Example:

        salt '*' postgres.installed_extensions maintenance_db=app
    """
    query = "SELECT e.*, n.nspname AS schema_name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    to = _to(user, host, port, maintenance_db, password, runas)
    return {row["extname"]: row for row in __utils__["postgresql.rows"](query, to)}


def get_available_extension(name: str, *args: Any, **kwargs: Any) -> dict[str, str] | None:
    """
    One of the extensions that could be installed, or None.

    CLI Example:

        salt '*' postgres.get_available_extension hstore
    """
    return available_extensions(*args, **_known(kwargs)).get(name)


def get_installed_extension(name: str, *args: Any, **kwargs: Any) -> dict[str, str] | None:
    """
    One of the extensions of a database, or None.

    CLI Example:

        salt '*' postgres.get_installed_extension hstore maintenance_db=app
    """
    return installed_extensions(*args, **_known(kwargs)).get(name)


def is_available_extension(name: str, *args: Any, **kwargs: Any) -> bool:
    """
    Whether an extension could be installed.

    CLI Example:

        salt '*' postgres.is_available_extension hstore
    """
    return get_available_extension(name, *args, **kwargs) is not None


def is_installed_extension(name: str, *args: Any, **kwargs: Any) -> bool:
    """
    Whether a database has an extension.

    CLI Example:

        salt '*' postgres.is_installed_extension hstore maintenance_db=app
    """
    return get_installed_extension(name, *args, **kwargs) is not None


def create_metadata(
    name: str, ext_version: Any = None, schema: str | None = None, user: Any = None, host: Any = None, port: Any = None,
    maintenance_db: Any = None, password: Any = None, runas: Any = None,
) -> list[str]:  # fmt: skip
    """
    What is to be done for a database to have an extension, in this version and schema: a list of words.

    CLI Example:

        salt '*' postgres.create_metadata hstore maintenance_db=app
    """
    there = get_installed_extension(name, user, host, port, maintenance_db, password, runas)
    if there is None:
        return [_NOT_INSTALLED]
    found = [_INSTALLED]
    if ext_version is not None and _is_older(there["extversion"], str(ext_version)):
        found.append(_TO_UPGRADE)
    if schema is not None and there["extrelocatable"] == "t" and there["schema_name"] != schema:
        found.append(_TO_MOVE)
    return found


def create_extension(
    name: str, if_not_exists: bool | None = None, schema: str | None = None, ext_version: Any = None,
    from_version: Any = None, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Have a database have an extension: it is installed, brought to a newer version, moved to another schema.

    CLI Example:

        salt '*' postgres.create_extension hstore schema=public maintenance_db=app
    """
    ident, literal = __utils__["postgresql.ident"], __utils__["postgresql.literal"]
    how = (user, host, port, maintenance_db, password, runas)
    state = create_metadata(name, ext_version, schema, *how)
    statements = []
    if _NOT_INSTALLED in state:
        words = [f"CREATE EXTENSION {'IF NOT EXISTS ' if if_not_exists else ''}{ident(name)}"]
        words += [f"SCHEMA {ident(schema)}"] if schema is not None else []
        words += [f"VERSION {literal(ext_version)}"] if ext_version is not None else []
        words += [f"FROM {literal(from_version)}"] if from_version is not None else []
        statements.append(" ".join(words))
    if _TO_MOVE in state:
        statements.append(f"ALTER EXTENSION {ident(name)} SET SCHEMA {ident(schema)}")
    if _TO_UPGRADE in state:
        statements.append(f"ALTER EXTENSION {ident(name)} UPDATE TO {literal(ext_version)}")
    if not statements:
        return True
    done = __utils__["postgresql.does"](statements, _to(*how))
    __context__.pop("retcode", None)
    return bool(done)


def drop_extension(
    name: str, if_exists: bool | None = None, restrict: bool | None = None, cascade: bool | None = None,
    user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Remove an extension from a database, with `cascade` what depends on it, too.

    CLI Example:

        salt '*' postgres.drop_extension hstore maintenance_db=app
    """
    how = (user, host, port, maintenance_db, password, runas)
    if not is_installed_extension(name, *how):
        return True
    words = f"DROP EXTENSION {'IF EXISTS ' if if_exists else ''}{__utils__['postgresql.ident'](name)}"
    words += " CASCADE" if cascade else " RESTRICT" if restrict else ""
    return bool(__utils__["postgresql.does"](words, _to(*how)))


def _is_older(there: str, wanted: str) -> bool:
    try:
        return Version(there) < Version(wanted)
    except InvalidVersion:
        return there != wanted


# -- schemas -----------------------------------------------------------------------------------------------------------


def schema_list(
    dbname: str, user: Any = None, db_user: Any = None, db_password: Any = None, db_host: Any = None,
    db_port: Any = None,
) -> dict[str, dict[str, str]]:  # fmt: skip
    """
    The schemas of a database, by name. `user` is the account that psql runs as.

    CLI Example:

        salt '*' postgres.schema_list app
    """
    query = (
        "SELECT nspname AS name, nspacl AS acl, rolname AS owner"
        " FROM pg_namespace n LEFT JOIN pg_roles r ON r.oid = n.nspowner"
    )
    rows = __utils__["postgresql.rows"](query, _to(db_user, db_host, db_port, dbname, db_password, user))
    return {row["name"]: {"owner": row["owner"], "acl": row["acl"]} for row in rows}


def schema_get(
    dbname: str, name: str, user: Any = None, db_user: Any = None, db_password: Any = None, db_host: Any = None,
    db_port: Any = None,
) -> dict[str, str] | None:  # fmt: skip
    """
    One schema, or None.

    CLI Example:

        salt '*' postgres.schema_get app public
    """
    return schema_list(dbname, user, db_user, db_password, db_host, db_port).get(name)


def schema_exists(
    dbname: str, name: str, user: Any = None, db_user: Any = None, db_password: Any = None, db_host: Any = None,
    db_port: Any = None,
) -> bool:  # fmt: skip
    """
    Whether a database has a schema.

    CLI Example:

        salt '*' postgres.schema_exists app public
    """
    return schema_get(dbname, name, user, db_user, db_password, db_host, db_port) is not None


def schema_create(
    dbname: str, name: str, owner: str | None = None, user: Any = None, db_user: Any = None, db_password: Any = None,
    db_host: Any = None, db_port: Any = None,
) -> bool:  # fmt: skip
    """
    Make a schema; false when it is there.

    CLI Example:

        salt '*' postgres.schema_create app work owner=app
    """
    if schema_exists(dbname, name, user, db_user, db_password, db_host, db_port):
        log.info("'%s' already exists in '%s'", name, dbname)
        return False
    ident = __utils__["postgresql.ident"]
    statement = f"CREATE SCHEMA {ident(name)}" + (f" AUTHORIZATION {ident(owner)}" if owner else "")
    return bool(__utils__["postgresql.does"](statement, _to(db_user, db_host, db_port, dbname, db_password, user)))


def schema_remove(
    dbname: str, name: str, user: Any = None, db_user: Any = None, db_password: Any = None, db_host: Any = None,
    db_port: Any = None,
) -> bool:  # fmt: skip
    """
    Remove a schema that nothing is in; false when it is not there.

    CLI Example:

        salt '*' postgres.schema_remove app work
    """
    if not schema_exists(dbname, name, user, db_user, db_password, db_host, db_port):
        log.info("Schema '%s' does not exist in '%s'", name, dbname)
        return False
    statement = f"DROP SCHEMA {__utils__['postgresql.ident'](name)}"
    return bool(__utils__["postgresql.does"](statement, _to(db_user, db_host, db_port, dbname, db_password, user)))


# -- languages ---------------------------------------------------------------------------------------------------------


def language_list(
    maintenance_db: str, user: Any = None, host: Any = None, port: Any = None, password: Any = None, runas: Any = None
) -> dict[str, str]:
    """
    The languages of a database, by name.

    CLI Example:

        salt '*' postgres.language_list app
    """
    to = _to(user, host, port, maintenance_db, password, runas)
    return {row["n"]: row["n"] for row in __utils__["postgresql.rows"]("SELECT lanname AS n FROM pg_language", to)}


def language_exists(
    name: str, maintenance_db: str, user: Any = None, host: Any = None, port: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Whether a database has a language.

    CLI Example:

        salt '*' postgres.language_exists plpgsql app
    """
    return name in language_list(maintenance_db, user, host, port, password, runas)


def language_create(
    name: str, maintenance_db: str, user: Any = None, host: Any = None, port: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Install a language; false when it is there.

    CLI Example:

        salt '*' postgres.language_create plperl app
    """
    if language_exists(name, maintenance_db, user, host, port, password, runas):
        log.info("Language %s already exists in %s", name, maintenance_db)
        return False
    statement = f"CREATE LANGUAGE {__utils__['postgresql.ident'](name)}"
    return bool(__utils__["postgresql.does"](statement, _to(user, host, port, maintenance_db, password, runas)))


def language_remove(
    name: str, maintenance_db: str, user: Any = None, host: Any = None, port: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Remove a language; false when it is not there.

    CLI Example:

        salt '*' postgres.language_remove plperl app
    """
    if not language_exists(name, maintenance_db, user, host, port, password, runas):
        log.info("Language %s does not exist in %s", name, maintenance_db)
        return False
    statement = f"DROP LANGUAGE {__utils__['postgresql.ident'](name)}"
    return bool(__utils__["postgresql.does"](statement, _to(user, host, port, maintenance_db, password, runas)))


def _to(*how: Any) -> dict[str, Any]:
    return __utils__["postgresql.server"](*how)


def _known(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if not key.startswith("__")}
