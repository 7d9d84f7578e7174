"""Roles of PostgreSQL, which are its users and groups: the part of the module `postgres` about who there is."""

from __future__ import annotations

import logging
import re
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import pgpasswords

log = logging.getLogger(__name__)

__virtualname__ = "postgres"

_FLAGS = {
    "superuser": "rolsuper",
    "inherits privileges": "rolinherit",
    "can create roles": "rolcreaterole",
    "can create databases": "rolcreatedb",
    "can update system catalogs": "NULL",
    "can login": "rolcanlogin",
    "replication": "rolreplication",
}
_ROLES = (
    'SELECT r.rolname AS "name", '
    + ", ".join(f'{column} AS "{name}"' for name, column in _FLAGS.items())
    + ', rolconnlimit AS "connections", rolvaliduntil::timestamp(0) AS "expiry time",'
    " rolconfig AS \"defaults variables\", (SELECT string_agg(quote_ident(g.rolname), ',' ORDER BY m.oid_order)"
    " FROM (SELECT roleid, row_number() OVER () AS oid_order FROM pg_auth_members WHERE member = r.oid) m"
    ' JOIN pg_roles g ON g.oid = m.roleid) AS "groups"{more} FROM pg_roles r{joined}'
)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}:\d{2}:\d{2})")
_GROUPS = re.compile(r'"((?:[^"]|"")*)"|([^,]+)')


def __virtual__() -> Any:
    if __utils__["postgresql.program"]("psql"):
        return __virtualname__
    return False, "psql was not found"


def user_list(
    user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None, return_password: bool = False,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """
    The roles, by name: what each may do, its groups and, with `return_password`, what the server keeps of its password.

    CLI Example:

        salt '*' postgres.user_list
    """
    more = joined = ""
    if return_password:
        more, joined = ', rolpassword_of.kept AS "password"', (
            " LEFT JOIN (SELECT oid, rolpassword AS kept FROM pg_authid) rolpassword_of ON rolpassword_of.oid = r.oid"
        )  # fmt: skip
    to = _to(user, host, port, maintenance_db, password, runas)
    found = {}
    for row in __utils__["postgresql.rows"](_ROLES.format(more=more, joined=joined), to):
        limit, expiry = int(row["connections"]), row["expiry time"]
        role: dict[str, Any] = {name: row[name] == "t" if row[name] else None for name in _FLAGS}
        role["connections"] = None if limit < 0 else limit
        role["expiry time"] = expiry if _DATE.fullmatch(expiry) else None
        role["defaults variables"] = row["defaults variables"]
        if return_password:
            role["password"] = row["password"]
        role["groups"] = [(one or other).replace('""', '"') for one, other in _GROUPS.findall(row["groups"])]
        found[row["name"]] = role
    return found


def role_get(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None, return_password: bool = False,
) -> dict[str, Any] | None:  # fmt: skip
    """
    One role, as `user_list` has it; None when there is none of this name.

    CLI Example:

        salt '*' postgres.role_get app
    """
    return user_list(user, host, port, maintenance_db, password, runas, return_password).get(name)


def user_exists(
    name: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None, password: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Whether there is a role of this name.

    CLI Example:

        salt '*' postgres.user_exists app
    """
    return name in user_list(user, host, port, maintenance_db, password, runas)


def user_create(
    username: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, createdb: bool | None = None, createroles: bool | None = None, inherit: bool | None = None,
    login: bool | None = None, connlimit: int | None = None, encrypted: Any = None, superuser: bool | None = None,
    replication: bool | None = None, rolepassword: Any = None, valid_until: Any = None, groups: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Make a role that may log in, unless `login` says otherwise. `encrypted` says what the server keeps of its password:
    `md5`, `scram-sha-256`, or what the server itself would.

    CLI Example:

        salt '*' postgres.user_create app rolepassword=secret
    """
    wanted = _wanted(locals())
    wanted["login"] = True if login is None else login
    return _made(username, wanted, _to(user, host, port, maintenance_db, password, runas))


def user_update(
    username: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, createdb: bool | None = None, createroles: bool | None = None, encrypted: Any = None,
    superuser: bool | None = None, inherit: bool | None = None, login: bool | None = None, connlimit: int | None = None,
    replication: bool | None = None, rolepassword: Any = None, valid_until: Any = None, groups: Any = None,
    runas: Any = None,
) -> bool:  # fmt: skip
    """
    Change a role: what is given of it. It stays in the groups that it is in.

    CLI Example:

        salt '*' postgres.user_update app createdb=True
    """
    return _changed(username, _wanted(locals()), _to(user, host, port, maintenance_db, password, runas))


def user_remove(
    username: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Remove a role that owns nothing.

    CLI Example:

        salt '*' postgres.user_remove app
    """
    return _removed(username, _to(user, host, port, maintenance_db, password, runas))


def group_create(
    groupname: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, createdb: bool | None = None, createroles: bool | None = None, encrypted: Any = None,
    login: bool | None = None, inherit: bool | None = None, superuser: bool | None = None,
    replication: bool | None = None, rolepassword: Any = None, groups: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Make a role that others may be members of.

    CLI Example:

        salt '*' postgres.group_create team
    """
    return _made(groupname, _wanted(locals()), _to(user, host, port, maintenance_db, password, runas))


def group_update(
    groupname: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, createdb: bool | None = None, createroles: bool | None = None, encrypted: Any = None,
    inherit: bool | None = None, login: bool | None = None, superuser: bool | None = None,
    replication: bool | None = None, rolepassword: Any = None, groups: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Change a role that others may be members of.

    CLI Example:

        salt '*' postgres.group_update team createdb=True
    """
    return _changed(groupname, _wanted(locals()), _to(user, host, port, maintenance_db, password, runas))


def group_remove(
    groupname: str, user: Any = None, host: Any = None, port: Any = None, maintenance_db: Any = None,
    password: Any = None, runas: Any = None,
) -> bool:  # fmt: skip
    """
    Remove a role that owns nothing.

    CLI Example:

        salt '*' postgres.group_remove team
    """
    return _removed(groupname, _to(user, host, port, maintenance_db, password, runas))


# -- inside ------------------------------------------------------------------------------------------------------------

_WORDS = {
    "inherit": "INHERIT", "createdb": "CREATEDB", "createroles": "CREATEROLE", "superuser": "SUPERUSER",
    "replication": "REPLICATION", "login": "LOGIN",
}  # fmt: skip
_OPTIONS = (*_WORDS, "connlimit", "encrypted", "rolepassword", "valid_until", "groups")


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    return {key: given[key] for key in _OPTIONS if given.get(key) is not None}


def _there(name: str, to: dict[str, Any]) -> bool | None:
    """Whether a role is there; None when nobody says."""
    literal = __utils__["postgresql.literal"](name)
    found = __utils__["postgresql.run"](f"SELECT count(*) FROM pg_roles WHERE rolname = {literal}", to)
    return None if found["retcode"] else found["stdout"].strip() != "0"


def _made(name: str, wanted: dict[str, Any], to: dict[str, Any]) -> bool:
    there = _there(name, to)
    if there is not False:
        if there:
            log.info("The role '%s' already exists", name)
        return False
    return _does([f"CREATE ROLE {_ident(name)}{_clause(name, wanted, to)}", *_grants(name, wanted)], to)


def _changed(name: str, wanted: dict[str, Any], to: dict[str, Any]) -> bool:
    there = _there(name, to)
    if not there:
        if there is False:
            log.info("The role '%s' could not be found", name)
        return False
    clause = _clause(name, wanted, to)
    statements = [f"ALTER ROLE {_ident(name)}{clause}"] if clause else []
    return _does([*statements, *_grants(name, wanted)] or ["SELECT 1"], to)


def _removed(name: str, to: dict[str, Any]) -> bool:
    there = _there(name, to)
    if there is False:
        log.info("The role '%s' does not exist", name)
    return bool(there) and _does([f"DROP ROLE {_ident(name)}"], to)


def _clause(name: str, wanted: dict[str, Any], to: dict[str, Any]) -> str:
    literal = __utils__["postgresql.literal"]
    said = [word if wanted[key] else f"NO{word}" for key, word in _WORDS.items() if key in wanted]
    if "connlimit" in wanted:
        try:
            said.append(f"CONNECTION LIMIT {int(wanted['connlimit'])}")
        except (TypeError, ValueError):
            raise CommandError(f"connlimit is a number, not {wanted['connlimit']!r}") from None
    if "rolepassword" in wanted:
        method = wanted.get("encrypted")
        if method is None and str(wanted["rolepassword"]):
            method = __utils__["postgresql.run"]("SHOW password_encryption", to)["stdout"].strip() or "md5"
            method = True if method == "on" else method
        kept = pgpasswords.kept(name, wanted["rolepassword"], method)
        said.append(f"PASSWORD {literal(kept)}" if kept else "PASSWORD NULL")
    if "valid_until" in wanted:
        said.append(f"VALID UNTIL {literal(wanted['valid_until'])}")
    return f" WITH {' '.join(said)}" if said else ""


def _grants(name: str, wanted: dict[str, Any]) -> list[str]:
    groups = wanted.get("groups") or []
    names = groups.split(",") if isinstance(groups, str) else groups
    return [f"GRANT {_ident(str(group).strip())} TO {_ident(name)}" for group in names if str(group).strip()]


def _to(*how: Any) -> dict[str, Any]:
    return __utils__["postgresql.server"](*how)


def _ident(name: Any) -> str:
    return str(__utils__["postgresql.ident"](name))


def _does(statements: list[str], to: dict[str, Any]) -> bool:
    return bool(__utils__["postgresql.does"](statements, to))
