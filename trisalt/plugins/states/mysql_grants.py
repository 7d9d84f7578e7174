"""What accounts of MySQL and MariaDB are granted.

frank_exampledb:
  mysql_grants.present:
    - grant: select,insert,update
    - database: exampledb.*
    - user: frank
    - host: localhost
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import mysqlstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return mysqlstates.loads(__salt__, "grant_exists")


def present(
    name: str,
    grant: str | None = None,
    database: str | None = None,
    user: str | None = None,
    host: str = "localhost",
    grant_option: bool = False,
    escape: bool = True,
    revoke_first: bool = False,
    ssl_option: Any = False,
    **connection_args: Any,
) -> dict[str, Any]:
    """
    An account is granted this on that; with `revoke_first` nothing else on it.
    """
    if not (grant and database and user):
        return returned(name, False, "The arguments grant, database and user are needed")
    what = (grant, database, user, host, grant_option, escape)

    def state() -> dict[str, Any]:
        there = __salt__["mysql.grant_exists"](*what, **connection_args)
        if error := mysqlstates.error(__context__):
            return returned(name, False, error)
        beyond = _beyond(grant, database, user, host, connection_args) if revoke_first else []
        if there and not beyond:
            return returned(name, True, f"Grant {grant} on {database} to {user}@{host} is already present")
        if __opts__["test"]:
            return returned(name, None, f"MySQL grant {name} is set to be created", {name: "Present"})
        if beyond:
            __salt__["mysql.grant_revoke"](", ".join(beyond), *what[1:4], False, escape, **connection_args)
        if __salt__["mysql.grant_add"](*what, ssl_option, **connection_args):
            text = f"Grant {grant} on {database} to {user}@{host} has been added"
            return returned(name, True, text, {name: "Present"})
        return mysqlstates.failed(
            __context__, name, f'Failed to execute: "GRANT {grant} ON {database} TO {user}@{host}"'
        )

    return mysqlstates.guarded(state, name)


def _beyond(grant: str, database: str, user: str, host: str, connection_args: dict[str, Any]) -> list[str]:
    """What an account is granted on this beside what it is to be."""
    wanted = {" ".join(each.upper().split()) for each in grant.split(",")}
    if wanted & {"ALL", "ALL PRIVILEGES"}:
        return []
    for line in __salt__["mysql.user_grants"](user, host, **connection_args) or ():
        found = __salt__["mysql.tokenize_grant"](line)
        if found and found["database"].replace("\\", "") == database.replace("`", ""):
            return [each for each in found["grant"] if each.upper() not in wanted and each != "USAGE"]
    return []


def absent(
    name: str,
    grant: str | None = None,
    database: str | None = None,
    user: str | None = None,
    host: str = "localhost",
    grant_option: bool = False,
    escape: bool = True,
    **connection_args: Any,
) -> dict[str, Any]:
    """
    An account is not granted this on that.
    """
    if not (grant and database and user):
        return returned(name, False, "The arguments grant, database and user are needed")
    what = (grant, database, user, host, grant_option, escape)

    def state() -> dict[str, Any]:
        if not __salt__["mysql.grant_exists"](*what, **connection_args):
            if error := mysqlstates.error(__context__):
                return returned(name, False, error)
            text = f"Grant {grant} on {database} to {user}@{host} is not present, so it cannot be revoked"
            return returned(name, True, text)
        if __opts__["test"]:
            return returned(name, None, f"MySQL grant {name} is set to be revoked", {name: "Absent"})
        if __salt__["mysql.grant_revoke"](*what, **connection_args):
            text = f"Grant {grant} on {database} for {user}@{host} has been revoked"
            return returned(name, True, text, {name: "Absent"})
        text = f"Unable to revoke grant {grant} on {database} for {user}@{host}"
        return mysqlstates.failed(__context__, name, text)

    return mysqlstates.guarded(state, name)
