"""Accounts of MySQL and MariaDB, and what they are granted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "mysql"

NATIVE = ("", "mysql_native_password")
BY_SOCKET = ("unix_socket", "auth_socket")
HASH = re.compile(r"\*[0-9A-Fa-f]{40}")
WORD = re.compile(r"\w+")
PRIVILEGE = re.compile(r"(?P<name>[A-Za-z][A-Za-z _]*?)\s*(?:\((?P<columns>[^()]+)\))?")
GRANT = re.compile(
    r"GRANT (?P<grant>.+?) ON (?P<database>(?:`(?:[^`]|``)*`|[^\s`])+) TO "
    r"(?P<user>`(?:[^`]|``)*`|'(?:[^']|'')*'|\S+?)@(?P<host>`(?:[^`]|``)*`|'(?:[^']|'')*'|\S+)(?P<more>.*)",
    re.DOTALL,
)
ALL = "ALL PRIVILEGES"
# Names of requirements that a grant may have, and whether they take a value.
REQUIREMENTS = {"SSL": False, "X509": False, "SUBJECT": True, "ISSUER": True, "CIPHER": True}


def __virtual__() -> Any:
    if find_spec("pymysql") is not None:
        return __virtualname__
    return False, "The mysql execution module cannot be loaded: neither MySQLdb nor PyMySQL is available."


def user_list(**connection_args: Any) -> list[dict[str, Any]]:
    """
    The accounts of the server: `{User, Host}` each.

    CLI Example:

        salt '*' mysql.user_list
    """
    reply = __utils__["mysqls.ask"]("SELECT User, Host FROM mysql.user", None, connection_args)
    return [] if reply is None else reply.maps()


def user_info(user: str, host: str = "localhost", **connection_args: Any) -> Any:
    """
    All that the server keeps of an account; nothing when there is none.

    CLI Example:

        salt '*' mysql.user_info root localhost
    """
    reply = __utils__["mysqls.ask"](
        "SELECT * FROM mysql.user WHERE User = %s AND Host = %s", [user, host], connection_args
    )
    if reply is None:
        return False
    rows = reply.maps()
    return rows[0] if rows else None


def user_exists(
    user: str,
    host: str = "localhost",
    password: Any = None,
    password_hash: str | None = None,
    passwordless: Any = False,
    unix_socket: Any = False,
    password_column: str | None = None,
    **connection_args: Any,
) -> bool:
    """
    Whether there is an account, and where one is asked for, with this password, or with none.

    CLI Example:

        salt '*' mysql.user_exists 'username' 'hostname' 'password'
    """
    row = user_info(user, host, **connection_args)
    if not row:
        return False
    plugin, kept = str(row.get("plugin") or ""), str(row.get("authentication_string") or row.get("Password") or "")
    if _is_true(passwordless):
        return plugin in BY_SOCKET if _is_true(unix_socket) else not kept and plugin in NATIVE
    if password_hash is not None:
        return kept.lower() == str(password_hash).lower()
    if password is None or password == "":
        return True
    if plugin in NATIVE:
        return kept.lower() == _hash(str(password)).lower()
    # What such a plugin keeps only the server can compare.
    return __salt__["mysql.verify_login"](user, password, **connection_args)


def user_create(
    user: str,
    host: str = "localhost",
    password: Any = None,
    password_hash: str | None = None,
    allow_passwordless: Any = False,
    unix_socket: Any = False,
    password_column: str | None = None,
    auth_plugin: str = "mysql_native_password",
    **connection_args: Any,
) -> bool:
    """
    Make an account: with a password, with its hash, with `unix_socket` for whoever has that name on the host, or, with
    `allow_passwordless`, for anybody.

    CLI Example:

        salt '*' mysql.user_create 'username' 'hostname' 'password'
    """
    if user_exists(user, host, **connection_args):
        return False
    how = _how(password, password_hash, allow_passwordless, unix_socket, auth_plugin, connection_args)
    if how is None:
        return False
    sql, args = how
    reply = __utils__["mysqls.ask"](f"CREATE USER %s@%s{sql}", [user, host, *args], connection_args)
    return reply is not None and user_exists(user, host, **connection_args)


def user_chpass(
    user: str,
    host: str = "localhost",
    password: Any = None,
    password_hash: str | None = None,
    allow_passwordless: Any = False,
    unix_socket: Any = None,
    password_column: str | None = None,
    **connection_args: Any,
) -> bool:
    """
    Give an account another password, or take it away: as for `user_create`.

    CLI Example:

        salt '*' mysql.user_chpass frank localhost newpassword
    """
    row = user_info(user, host, **connection_args)
    if not row:
        return False
    plugin = str(row.get("plugin") or NATIVE[1])
    plugin = NATIVE[1] if plugin in BY_SOCKET else plugin
    how = _how(password, password_hash, allow_passwordless, unix_socket, plugin, connection_args, change=True)
    if how is None:
        return False
    sql, args = how
    return __utils__["mysqls.ask"](f"ALTER USER %s@%s{sql}", [user, host, *args], connection_args) is not None


def user_remove(user: str, host: str = "localhost", **connection_args: Any) -> bool:
    """
    Remove an account.

    CLI Example:

        salt '*' mysql.user_remove frank localhost
    """
    if not user_exists(user, host, **connection_args):
        return False
    return __utils__["mysqls.ask"]("DROP USER %s@%s", [user, host], connection_args) is not None


# -- grants --------------------------------------------------------------------------------------------------------


def user_grants(user: str, host: str = "localhost", **connection_args: Any) -> Any:
    """
    What an account is granted, as the server says it, but for the password; False when there is none.

    CLI Example:

        salt '*' mysql.user_grants 'frank' 'localhost'
    """
    if not user_exists(user, host, **connection_args):
        return False
    reply = __utils__["mysqls.ask"]("SHOW GRANTS FOR %s@%s", [user, host], connection_args)
    if reply is None:
        return False
    return [re.sub(r" IDENTIFIED (?:BY|VIA|WITH) (?:(?! WITH GRANT| REQUIRE).)*", "", row[0]) for row in reply.rows]


def tokenize_grant(grant: str) -> Any:
    """
    What a grant is made of: `user`, `host`, `grant` and `database`.

    CLI Example:

        salt '*' mysql.tokenize_grant "GRANT SELECT, INSERT ON testdb.* TO 'testuser'@'localhost'"
    """
    found = GRANT.match(grant)
    if found is None:
        return False
    names = {key: _bare(found[key]) for key in ("user", "host")}
    return {**names, "grant": _privileges(found["grant"]), "database": found["database"].replace("`", "")}


def grant_exists(
    grant: str,
    database: str,
    user: str,
    host: str = "localhost",
    grant_option: Any = False,
    escape: Any = True,
    **connection_args: Any,
) -> bool:
    """
    Whether an account is granted this on that, and with `grant_option` may grant it.

    CLI Example:

        salt '*' mysql.grant_exists 'SELECT,INSERT,UPDATE,...' 'database.*' 'frank' 'localhost'
    """
    wanted = set(_privileges(grant))
    places = {_place(database, escape), _place(database, False)}
    for line in user_grants(user, host, **connection_args) or ():
        found = GRANT.match(line)
        if found is None or found["database"] not in places:
            continue
        given = set(_privileges(found["grant"]))
        may_grant = "GRANT OPTION" in found["more"]
        if _is_true(grant_option) and not may_grant:
            continue
        if wanted <= given or ALL in given or wanted == {"USAGE"}:
            return True
    return False


def grant_add(
    grant: str,
    database: str,
    user: str,
    host: str = "localhost",
    grant_option: Any = False,
    escape: Any = True,
    ssl_option: Any = False,
    **connection_args: Any,
) -> bool:
    """
    Grant something to an account; without `escape`, `_` and `%` in a database's name are wildcards.

    CLI Example:

        salt '*' mysql.grant_add 'SELECT,INSERT,UPDATE,...' 'database.*' 'frank' 'localhost'
    """
    if not user_exists(user, host, **connection_args):
        return __utils__["mysqls.refuse"](f"There is no account {user}@{host}")
    require, args = _requirements(ssl_option)
    sql = f"GRANT {_words(grant)} ON {_escaped(_place(database, escape))} TO %s@%s{require}"
    sql += " WITH GRANT OPTION" if _is_true(grant_option) else ""
    if __utils__["mysqls.ask"](sql, [user, host, *args], connection_args) is None:
        return False
    return grant_exists(grant, database, user, host, grant_option, escape, **connection_args)


def grant_revoke(
    grant: str,
    database: str,
    user: str,
    host: str = "localhost",
    grant_option: Any = False,
    escape: Any = True,
    **connection_args: Any,
) -> bool:
    """
    Take from an account what it is granted, and with `grant_option` that it may grant it.

    CLI Example:

        salt '*' mysql.grant_revoke 'SELECT,INSERT,UPDATE' 'database.*' 'frank' 'localhost'
    """
    place = _escaped(_place(database, escape))
    words = [_words(grant), *(["GRANT OPTION"] if _is_true(grant_option) else [])]
    statements = [(f"REVOKE {each} ON {place} FROM %s@%s", [user, host]) for each in words]
    if __utils__["mysqls.ask_all"](statements, connection_args) is None:
        return False
    return not grant_exists(grant, database, user, host, grant_option, escape, **connection_args) or grant == "USAGE"


# -- inside --------------------------------------------------------------------------------------------------------


def _is_true(value: Any) -> bool:
    return value.lower() in ("true", "yes", "on", "1") if isinstance(value, str) else bool(value)


def _hash(password: str) -> str:
    """A password as the plugin `mysql_native_password` keeps it."""
    inner = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()


def _how(
    password: Any,
    password_hash: str | None,
    allow_passwordless: Any,
    unix_socket: Any,
    plugin: str,
    connection_args: Mapping[str, Any],
    *,
    change: bool = False,
) -> tuple[str, list[Any]] | None:
    """How an account signs in, as a statement says it; None when nobody said how."""
    mariadb = __utils__["mysqls.is_mariadb"](__salt__["mysql.version"](**connection_args))
    if not WORD.fullmatch(plugin):
        raise CommandError(f"{plugin!r} is no plugin")
    if password is not None and password != "":
        # MariaDB takes the plugin of its own choice, unless it is asked for another than its usual one.
        if mariadb and plugin in NATIVE:
            return " IDENTIFIED BY %s", [str(password)]
        return (f" IDENTIFIED {'VIA' if mariadb else 'WITH'} {plugin} " + _by(mariadb)), [str(password)]
    if password_hash is not None:
        if plugin in NATIVE and not HASH.fullmatch(str(password_hash)):
            __utils__["mysqls.refuse"]("The hash of a password is an asterisk and forty hexadecimal digits")
            return None
        words = f" IDENTIFIED {'VIA' if mariadb else 'WITH'} {plugin or NATIVE[1]} {'USING' if mariadb else 'AS'} %s"
        return words, [password_hash]
    if not _is_true(allow_passwordless):
        __utils__["mysqls.refuse"]("password or password_hash must be specified, unless allow_passwordless=True")
        return None
    if _is_true(unix_socket):
        return (" IDENTIFIED VIA unix_socket" if mariadb else " IDENTIFIED WITH auth_socket"), []
    return (" IDENTIFIED BY ''" if change else ""), []


def _by(mariadb: bool) -> str:
    return "USING PASSWORD(%s)" if mariadb else "BY %s"


def _bare(name: str) -> str:
    """A name without the quotes around it."""
    for quote in "`'":
        if name[:1] == quote and name[-1:] == quote:
            return name[1:-1].replace(quote * 2, quote)
    return name


def _privileges(grant: str) -> list[str]:
    """The privileges that a text lists, in one spelling. Raises CommandError for what is none."""
    found = []
    for part in re.split(r",(?![^()]*\))", grant):
        match = PRIVILEGE.fullmatch(part.strip())
        if match is None:
            raise CommandError(f"{part.strip()!r} is no privilege")
        name = " ".join(match["name"].upper().split())
        name = ALL if name == "ALL" else name
        columns = [_bare(column.strip()) for column in (match["columns"] or "").split(",") if column.strip()]
        found.append(f"{name} ({', '.join(columns)})" if columns else name)
    return found


def _words(grant: str) -> str:
    """The privileges as they stand in a statement."""
    return ", ".join(
        re.sub(r"\((.*)\)", lambda found: f"({_quoted(found[1])})", each) for each in _privileges(grant)
    ).replace("%", "%%")


def _quoted(columns: str) -> str:
    return ", ".join(__utils__["mysqls.quoted"](column) for column in columns.split(", "))


def _place(database: str, escape: Any) -> str:
    """What a grant is on, as the server writes it."""
    base, dot, table = database.rpartition(".") if not database.endswith("`") else _parted(database)
    if not dot or not base or not table:
        raise CommandError(f"{database!r} is nothing to grant something on: database.table, database.* or *.*")
    base, table = _bare(base), _bare(table)
    if base != "*" and _is_true(escape) and table == "*":
        base = base.replace("_", r"\_").replace("%", r"\%")
    quoted = __utils__["mysqls.quoted"]
    return f"{base if base == '*' else quoted(base)}.{table if table == '*' else quoted(table)}"


def _parted(database: str) -> tuple[str, str, str]:
    """The database and the table of a text that ends with a name in quotes."""
    found = re.fullmatch(r"(.+)\.(`(?:[^`]|``)*`)", database, re.DOTALL)
    return (found[1], ".", found[2]) if found else ("", "", "")


def _escaped(text: str) -> str:
    """As it stands in a statement that has arguments."""
    return text.replace("%", "%%")


def _requirements(ssl_option: Any) -> tuple[str, list[Any]]:
    """`REQUIRE …` of a grant: a list of `{SSL: True}`, `{SUBJECT: text}` and their like."""
    words, args = [], []
    for option in ssl_option if isinstance(ssl_option, list) else ():
        for name, value in option.items() if isinstance(option, Mapping) else ():
            takes_value = REQUIREMENTS.get(str(name).upper())
            if takes_value is None:
                raise CommandError(f"{name!r} is nothing that a grant may require")
            if takes_value:
                words.append(f"{str(name).upper()} %s")
                args.append(value)
            elif _is_true(value):
                words.append(str(name).upper())
    return (f" REQUIRE {' AND '.join(words)}" if words else ""), args
