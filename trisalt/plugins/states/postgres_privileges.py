"""Privileges in PostgreSQL.

app reads:
  postgres_privileges.present:
    - name: app
    - object_name: ALL
    - object_type: table
    - privileges: [SELECT]
    - maintenance_db: shop
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "privileges_grant")


def present(
    name: str,
    object_name: str,
    object_type: str,
    privileges: Any = None,
    grant_option: bool | None = None,
    prepend: str = "public",
    maintenance_db: str | None = None,
    user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A role has these privileges on an object, or (`object_type: group`) is a member of a role; with `grant_option` it
    may pass them on. `prepend` is the schema; the object `ALL` is every one of its type in it.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    words = ",".join(pgstates.names(privileges)) or None
    what = (name, object_name, object_type)
    told = words or object_name

    def state() -> dict[str, Any]:
        how = {"privileges": words, "grant_option": grant_option, "prepend": prepend, **to}
        if __salt__["postgres.has_privileges"](*what, **how):
            return returned(name, True, "The requested privilege(s) are already set")
        changes = {name: "Present"}
        if __opts__["test"]:
            return returned(name, None, f"The privilege(s): {told} are set to be granted to {name}", changes)
        if __salt__["postgres.privileges_grant"](*what, **how):
            return returned(name, True, f"The privilege(s): {told} have been granted to {name}", changes)
        return returned(name, False, f"Failed to grant privilege(s): {told} to {name}")

    return pgstates.guarded(state, name)


def absent(
    name: str,
    object_name: str,
    object_type: str,
    privileges: Any = None,
    prepend: str = "public",
    maintenance_db: str | None = None,
    user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A role does not have all these privileges on an object, or is no member of a role.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    words = ",".join(pgstates.names(privileges)) or None
    what = (name, object_name, object_type)
    told = words or object_name

    def state() -> dict[str, Any]:
        how = {"privileges": words, "prepend": prepend, **to}
        if not __salt__["postgres.has_privileges"](*what, **how):
            return returned(name, True, "The requested privilege(s) are not set so cannot be revoked")
        changes = {name: "Absent"}
        if __opts__["test"]:
            return returned(name, None, f"The privilege(s): {told} are set to be revoked from {name}", changes)
        if __salt__["postgres.privileges_revoke"](*what, **how):
            return returned(name, True, f"The privilege(s): {told} have been revoked from {name}", changes)
        return returned(name, False, f"Failed to revoke privilege(s): {told} from {name}")

    return pgstates.guarded(state, name)
