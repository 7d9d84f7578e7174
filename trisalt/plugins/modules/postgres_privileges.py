"""Privileges of PostgreSQL: the part of the module `postgres` about who may do what with which object."""

from __future__ import annotations

import logging
import re
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

__virtualname__ = "postgres"

# Of each type of object: its letter in `acldefault`, the tables, its privileges, its owner, and which one it is.
_RELATION = "pg_class o JOIN pg_namespace s ON s.oid = o.relnamespace"
_OBJECTS = {
    "table": ("r", _RELATION, "relacl", "relowner", "nspname = {prepend} AND relkind IN ('r', 'v', 'm', 'p', 'f')"),
    "sequence": ("s", _RELATION, "relacl", "relowner", "nspname = {prepend} AND relkind = 'S'"),
    "schema": ("n", "pg_namespace o", "nspacl", "nspowner", "nspname = {name}"),
    "tablespace": ("t", "pg_tablespace o", "spcacl", "spcowner", "spcname = {name}"),
    "language": ("l", "pg_language o", "lanacl", "lanowner", "lanname = {name}"),
    "database": ("d", "pg_database o", "datacl", "datdba", "datname = {name}"),
    "function": (
        "f",
        "pg_proc o JOIN pg_namespace s ON s.oid = o.pronamespace",
        "proacl",
        "proowner",
        "nspname = {prepend} AND o.oid::regprocedure::text IN ({name}, {prepend} || '.' || {name})",
    ),
}
_PRIVILEGES = {
    "table": ("INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"),
    "tablespace": ("CREATE",),
    "language": ("USAGE",),
    "sequence": ("SELECT", "UPDATE", "USAGE"),
    "schema": ("USAGE", "CREATE"),
    "database": ("CREATE", "TEMPORARY", "CONNECT"),
    "function": ("EXECUTE",),
    "group": (),
}
_TYPES = {**{name: name.upper() for name in _OBJECTS}, "table": "TABLE"}
_IN_SCHEMA = ("table", "sequence", "function")


def __virtual__() -> Any:
    if __utils__["postgresql.program"]("psql"):
        return __virtualname__
    return False, "psql was not found"


def privileges_list(
    name: str, object_type: str, prepend: str = "public", maintenance_db: Any = None, user: Any = None,
    host: Any = None, port: Any = None, password: Any = None, runas: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """
    Who has which privileges on an object: `{role: {privilege: may it grant it}}`. For the type `group` the members of
    a role: `{role: may it admit others}`. `prepend` is the schema of a table, a sequence or a function.

    CLI Example:

        salt '*' postgres.privileges_list things table maintenance_db=app
    """
    kind = _kind(object_type)
    to = _to(user, host, port, maintenance_db, password, runas)
    if kind == "group":
        return _members(name, to)
    found: dict[str, dict[str, bool]] = {}
    for row in _granted(name, kind, prepend, to):
        if row["role"]:
            found.setdefault(row["role"], {})[row["privilege"]] = row["grantable"] == "t"
    return found


def has_privileges(
    name: str, object_name: str, object_type: str, privileges: Any = None, grant_option: bool | None = None,
    prepend: str = "public", maintenance_db: Any = None, user: Any = None, host: Any = None, port: Any = None,
    password: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Whether a role has privileges (a text with commas, or `ALL`) on an object, with `grant_option` the right to grant
    them, too. An owner has all. The object `ALL` is every one of its type in the schema.

    CLI Example:

        salt '*' postgres.has_privileges ann things table SELECT,INSERT maintenance_db=app
    """
    kind = _kind(object_type)
    wanted = _privileges(kind, privileges)
    to = _to(user, host, port, maintenance_db, password, runas)
    if kind == "group":
        members = _members(object_name, to)
        return name in members and (not grant_option or members[name])
    objects: dict[str, list[dict[str, str]]] = {}
    for row in _granted(object_name, kind, prepend, to):
        objects.setdefault(row["oid"], []).append(row)
    if not objects:
        return False
    for rows in objects.values():
        if rows[0]["owner"] == name:
            continue
        have = {
            row["privilege"] for row in rows if row["role"] == name and (row["grantable"] == "t" or not grant_option)
        }
        if not have or not have >= (set(rows[0]["all"].split(",")) if "ALL" in wanted else set(wanted)):
            return False
    return True


def privileges_grant(
    name: str, object_name: str, object_type: str, privileges: Any = None, grant_option: bool | None = None,
    prepend: str = "public", maintenance_db: Any = None, user: Any = None, host: Any = None, port: Any = None,
    password: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Grant privileges on an object, or membership in a group; false when the role has them.

    CLI Example:

        salt '*' postgres.privileges_grant ann things table SELECT,INSERT maintenance_db=app
    """
    kind = _kind(object_type)
    wanted = _privileges(kind, privileges)
    how = (maintenance_db, user, host, port, password, runas)
    if has_privileges(name, object_name, object_type, privileges, grant_option, prepend, *how):
        log.info("The object: %s of type: %s already has privileges: %s set", object_name, kind, ",".join(wanted))
        return False
    to = _to(user, host, port, maintenance_db, password, runas)
    role = _role(name)
    if kind == "group":
        statement = f"GRANT {_ident(object_name)} TO {role}" + (" WITH ADMIN OPTION" if grant_option else "")
    else:
        on = _on(object_name, kind, prepend, to)
        if on is None:
            __context__["retcode"] = 1
            log.error("There is no function %s in the schema %s", object_name, prepend)
            return False
        statement = f"GRANT {','.join(wanted)} ON {on} TO {role}" + (" WITH GRANT OPTION" if grant_option else "")
    return bool(__utils__["postgresql.does"](statement, to))


def privileges_revoke(
    name: str, object_name: str, object_type: str, privileges: Any = None, prepend: str = "public",
    maintenance_db: Any = None, user: Any = None, host: Any = None, port: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Revoke privileges on an object, or membership in a group; false when the role does not have them.

    CLI Example:

        salt '*' postgres.privileges_revoke ann things table INSERT maintenance_db=app
    """
    kind = _kind(object_type)
    wanted = _privileges(kind, privileges)
    how = (maintenance_db, user, host, port, password, runas)
    if not has_privileges(name, object_name, object_type, privileges, None, prepend, *how):
        log.info("The object: %s of type: %s does not have privileges: %s set", object_name, kind, ",".join(wanted))
        return False
    to = _to(user, host, port, maintenance_db, password, runas)
    if kind == "group":
        return bool(__utils__["postgresql.does"](f"REVOKE {_ident(object_name)} FROM {_role(name)}", to))
    on = _on(object_name, kind, prepend, to)
    return on is not None and bool(
        __utils__["postgresql.does"](f"REVOKE {','.join(wanted)} ON {on} FROM {_role(name)}", to)
    )


# -- inside ------------------------------------------------------------------------------------------------------------


def _kind(object_type: str) -> str:
    kind = str(object_type).lower()
    if kind not in _PRIVILEGES:
        raise CommandError(f"Invalid object_type: {object_type} provided")
    return kind


def _privileges(kind: str, privileges: Any) -> list[str]:
    """The privileges that are asked for; those that the type of object does not have are refused."""
    given = privileges if isinstance(privileges, list | tuple) else str(privileges or "").split(",")
    wanted = [str(each).strip().upper() for each in given]
    if kind == "group":
        if privileges:
            raise CommandError("The privileges option should not be set for object_type group")
        return []
    wanted = ["TEMPORARY" if each == "TEMP" else each for each in wanted]
    unknown = [each for each in wanted if each != "ALL" and each not in _PRIVILEGES[kind]]
    if unknown:
        raise CommandError(f"Invalid privilege(s): {privileges or ''} provided for object {kind}")
    return wanted


def _granted(name: str, kind: str, prepend: str, to: dict[str, Any]) -> list[dict[str, str]]:
    """A row for each privilege that somebody has, at least one for each object: with its owner, and all there are."""
    literal = __utils__["postgresql.literal"]
    letter, tables, acl, owner, which = _OBJECTS[kind]
    where = which.format(name=literal(name), prepend=literal(prepend))
    if kind in _IN_SCHEMA:
        if name == "ALL":
            where = where.partition(" AND o.oid")[0]
        elif kind != "function":
            where += f" AND relname = {literal(name)}"
    query = (
        f"SELECT o.oid, pg_get_userbyid({owner}) AS owner, CASE a.grantee WHEN 0 THEN 'public'"
        " ELSE pg_get_userbyid(a.grantee) END AS role, a.privilege_type AS privilege, a.is_grantable AS grantable,"
        " (SELECT string_agg(privilege_type, ',') FROM"
        f" aclexplode(acldefault('{letter}', {owner})) d WHERE d.grantee = {owner}) AS all"
        f" FROM {tables} LEFT JOIN LATERAL aclexplode({acl}) a ON true WHERE {where}"
    )
    found: list[dict[str, str]] = __utils__["postgresql.rows"](query, to)
    return found


def _members(name: str, to: dict[str, Any]) -> dict[str, bool]:
    group = __utils__["postgresql.literal"](name)
    query = (
        "SELECT m.rolname AS role, bool_or(admin_option) AS admin FROM pg_auth_members a"
        " JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid"
        f" WHERE g.rolname = {group} GROUP BY m.rolname ORDER BY m.rolname"
    )
    return {row["role"]: row["admin"] == "t" for row in __utils__["postgresql.rows"](query, to)}


def _on(name: str, kind: str, prepend: str, to: dict[str, Any]) -> str | None:
    """An object as a statement names it; None for a function that is not there."""
    if kind not in _IN_SCHEMA:
        return f"{_TYPES[kind]} {_ident(name)}"
    if name == "ALL":
        return f"ALL {_TYPES[kind]}S IN SCHEMA {_ident(prepend)}"
    if kind != "function":
        return f"{_TYPES[kind]} {_ident(prepend)}.{_ident(name)}"
    literal = __utils__["postgresql.literal"]
    where = _OBJECTS[kind][4].format(name=literal(name), prepend=literal(prepend))
    query = (
        "SELECT format('%I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(o.oid)) AS n"
        f" FROM {_OBJECTS[kind][1]} WHERE {where}"
    )
    found = [row["n"] for row in __utils__["postgresql.rows"](query, to)]
    return f"FUNCTION {found[0]}" if found else None


def _role(name: str) -> str:
    return "PUBLIC" if re.fullmatch("public", name, re.IGNORECASE) else _ident(name)


def _ident(name: Any) -> str:
    return str(__utils__["postgresql.ident"](name))


def _to(*how: Any) -> dict[str, Any]:
    return __utils__["postgresql.server"](*how)
