"""Accounts of MySQL and MariaDB.

frank:
  mysql_user.present:
    - host: localhost
    - password: bobcat
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import mysqlstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return mysqlstates.loads(__salt__, "user_create")


def present(
    name: str,
    host: str = "localhost",
    password: Any = None,
    password_hash: str | None = None,
    allow_passwordless: bool = False,
    unix_socket: bool = False,
    password_column: str | None = None,
    auth_plugin: str = "mysql_native_password",
    **connection_args: Any,
) -> dict[str, Any]:
    """
    An account is there, and signs in with this password, this hash of one, or with `allow_passwordless` with none.
    """
    account = f"{name}@{host}"
    bare = password in (None, "") and not password_hash
    if bare and not allow_passwordless:
        text = "Either password or password_hash must be specified, unless allow_passwordless is True"
        return returned(name, False, text)
    signs_in = {"password": password or None, "password_hash": password_hash, "unix_socket": unix_socket}

    def state() -> dict[str, Any]:
        asked = {**signs_in, "passwordless": bare, **connection_args}
        if __salt__["mysql.user_exists"](name, host, **asked):
            how = " with passwordless login" if bare else " with the desired password"
            how += " hash" if password_hash and not password else ""
            return returned(name, True, f"User {account} is already present{how}")
        if error := mysqlstates.error(__context__):
            return returned(name, False, error)
        if __salt__["mysql.user_exists"](name, host, **connection_args):
            return _change(name, account, host, bare, {**signs_in, "allow_passwordless": bare, **connection_args})
        how = " with passwordless login" if bare else ""
        if __opts__["test"]:
            return returned(name, None, f"User {account} is set to be added{how}", {name: "Present"})
        given = {**signs_in, "allow_passwordless": bare, "auth_plugin": auth_plugin, **connection_args}
        if __salt__["mysql.user_create"](name, host, **given):
            return returned(name, True, f"The user {account} has been added{how}", {name: "Present"})
        return mysqlstates.failed(__context__, name, f"Failed to create user {account}")

    return mysqlstates.guarded(state, name)


def _change(name: str, account: str, host: str, bare: bool, given: dict[str, Any]) -> dict[str, Any]:
    done, verb = ("cleared", "clear") if bare else ("changed", "change")
    if __opts__["test"]:
        return returned(name, None, f"Password for user {account} is set to be {done}", {name: "Updated"})
    if __salt__["mysql.user_chpass"](name, host, **given):
        return returned(name, True, f"Password for user {account} has been {done}", {name: "Updated"})
    return mysqlstates.failed(__context__, name, f"Failed to {verb} password for user {account}")


def absent(name: str, host: str = "localhost", **connection_args: Any) -> dict[str, Any]:
    """
    An account is not there.
    """
    account = f"{name}@{host}"

    def state() -> dict[str, Any]:
        if not __salt__["mysql.user_exists"](name, host, **connection_args):
            if error := mysqlstates.error(__context__):
                return returned(name, False, error)
            return returned(name, True, f"User {account} is not present, so it cannot be removed")
        if __opts__["test"]:
            return returned(name, None, f"User {account} is set to be removed", {name: "Absent"})
        if __salt__["mysql.user_remove"](name, host, **connection_args):
            return returned(name, True, f"User {account} has been removed", {name: "Absent"})
        return mysqlstates.failed(__context__, name, f"Unable to remove user {account}")

    return mysqlstates.guarded(state, name)
