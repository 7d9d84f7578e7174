"""Databases of MySQL and MariaDB.

app:
  mysql_database.present:
    - character_set: utf8mb4
    - collate: utf8mb4_general_ci
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import mysqlstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return mysqlstates.loads(__salt__, "db_create")


def present(
    name: str, character_set: str | None = None, collate: str | None = None, **connection_args: Any
) -> dict[str, Any]:
    """
    A database is there, with this character set and collation.
    """

    def state() -> dict[str, Any]:
        now = __salt__["mysql.db_get"](name, **connection_args)
        if not now and (error := mysqlstates.error(__context__)):
            return returned(name, False, error)
        if not now:
            if __opts__["test"]:
                text = f"Database {name} is not present and needs to be created"
                return returned(name, None, text, {name: "Present"})
            if __salt__["mysql.db_create"](name, character_set=character_set, collate=collate, **connection_args):
                return returned(name, True, f"The database {name} has been created", {name: "Present"})
            return mysqlstates.failed(__context__, name, f"Failed to create database {name}")
        wanted = {"character_set": character_set, "collate": collate}
        changes = {
            key: {"before": now.get(key), "now": value}
            for key, value in wanted.items()
            if value not in (None, now.get(key))
        }
        if not changes:
            return returned(name, True, f"Database {name} is already present")
        if __opts__["test"]:
            return returned(name, None, f"Database {name} is going to be updated", changes)
        if not __salt__["mysql.alter_db"](name, character_set=character_set, collate=collate, **connection_args):
            return mysqlstates.failed(__context__, name, f"Failed to update database {name}")
        then = __salt__["mysql.db_get"](name, **connection_args)
        changes = {key: {"before": now[key], "now": then[key]} for key in now if then.get(key) != now[key]}
        return returned(name, True, f"Database {name} has been updated", changes)

    return mysqlstates.guarded(state, name)


def absent(name: str, **connection_args: Any) -> dict[str, Any]:
    """
    A database is not there.
    """

    def state() -> dict[str, Any]:
        if not __salt__["mysql.db_exists"](name, **connection_args):
            if error := mysqlstates.error(__context__):
                return returned(name, False, error)
            return returned(name, True, f"Database {name} is not present, so it cannot be removed")
        changes = {name: "Absent"}
        if __opts__["test"]:
            return returned(name, None, f"Database {name} is present and needs to be removed", changes)
        if __salt__["mysql.db_remove"](name, **connection_args):
            return returned(name, True, f"Database {name} has been removed", changes)
        return mysqlstates.failed(__context__, name, f"Unable to remove database {name}")

    return mysqlstates.guarded(state, name)
